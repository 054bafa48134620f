"""What one contact's steps come to, and when it comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contactsync.domain.batch import ContactPlan, RecordPlan
from contactsync.domain.crm import Failure, Mend, Next, Problem, RecordKind, RecordRef, StepResult
from contactsync.domain.outcome import Backoff, Outcome, outcome
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.domain.records import SyncStatus

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LEAD = RecordRef(RecordKind.LEAD, "00Q1")
PLAN = ContactPlan("c-1", person="p1", account="a1", members={"701": "m1"})


def failed(step_id: str, next_: Next, code: str = "x", retry_after: float | None = None) -> StepResult:
    return StepResult(step_id, failure=Failure(next_, Problem(code, "cause", "fix"), retry_after))


def come(*results: StepResult, attempts: int = 0, rematched: bool = False, chance: float = 0.0) -> Outcome:
    by_step = {"a1": StepResult("a1", ref=LEAD), "p1": StepResult("p1", ref=LEAD), "m1": StepResult("m1", ref=LEAD)}
    by_step |= {result.step_id: result for result in results}
    return outcome(
        PLAN, by_step, attempts=attempts, rematched=rematched, backoff=Backoff(2, 3600), now=NOW, chance=chance
    )


def test_a_contact_is_synced_only_when_every_step_is_done() -> None:
    assert come() == Outcome(SyncStatus.SYNCED, person=LEAD)
    for step_id in PLAN.step_ids:
        assert come(failed(step_id, Next.STOP)).status is SyncStatus.NEEDS_ATTENTION


def test_what_failed_in_passing_comes_back_later_and_later_up_to_a_limit() -> None:
    waits = [(come(failed("p1", Next.RETRY), attempts=n).due_at or NOW) - NOW for n in (0, 1, 2, 30, 41)]
    assert waits == [timedelta(seconds=s) for s in (1, 2, 4, 1800, 1800)]
    spread = come(failed("p1", Next.RETRY), chance=0.999)
    assert spread.due_at is not None
    assert NOW + timedelta(seconds=1.9) < spread.due_at < NOW + timedelta(seconds=2)


def test_what_fails_for_about_a_day_is_given_to_a_person_with_what_it_failed_by() -> None:
    backoff = Backoff(2, 3600)
    waits = [(come(failed("p1", Next.RETRY), attempts=n, chance=0.5).due_at or NOW) - NOW for n in range(42)]
    assert timedelta(hours=24) <= sum(waits, timedelta()) < timedelta(hours=25)
    assert backoff.most_attempts == 42
    stopped = come(failed("p1", Next.RETRY, "row_locked"), attempts=42)
    assert (stopped.status, stopped.due_at, stopped.attempts) == (SyncStatus.NEEDS_ATTENTION, None, 0)
    assert stopped.problem is not None
    assert stopped.problem.code == "keeps_failing"
    assert stopped.problem.cause.endswith("cause")
    assert stopped.problem.mended_by


@pytest.mark.parametrize(("first", "most"), [(0.1, 1), (2, 60), (30, 86_400), (3600, 3600), (86_400, 86_400)])
def test_other_pauses_make_as_many_attempts_as_a_day_takes(first: float, most: float) -> None:
    backoff = Backoff(first, most)
    waited = sum(backoff.wait(number, 0.5) for number in range(1, backoff.most_attempts + 1))
    assert 24 * 3600 <= waited <= 24 * 3600 + most


def test_a_call_that_failed_as_a_whole_is_none_of_a_records_attempts() -> None:
    failure = Failure(Next.RETRY, Problem("crm_unavailable", "cause", "fix"), whole=True)
    for attempts in (0, 42, 5000):
        result = come(StepResult("p1", failure=failure), attempts=attempts)
        assert (result.status, result.attempts) == (SyncStatus.RETRYING, attempts)


def test_a_wait_that_the_crm_asked_for_is_kept() -> None:
    assert come(failed("p1", Next.RETRY, retry_after=60)).due_at == NOW + timedelta(seconds=60)


def test_what_comes_back_by_itself_goes_before_what_needs_a_person() -> None:
    both = come(failed("p1", Next.STOP, "needs"), failed("m1", Next.RETRY, "passes"))
    assert both.status is SyncStatus.RETRYING
    assert both.problem is not None
    assert both.problem.code == "passes"


def test_a_stale_link_is_dropped_and_tried_once_more_at_once_and_no_third_time() -> None:
    first = come(failed("p1", Next.REMATCH))
    assert (first.status, first.due_at, first.unlink) == (SyncStatus.RETRYING, NOW, True)
    again = come(failed("p1", Next.REMATCH), rematched=True)
    assert (again.status, again.due_at) == (SyncStatus.NEEDS_ATTENTION, None)


def test_a_contact_whose_planning_stopped_needs_attention_and_did_no_step() -> None:
    stopped = ContactPlan("c-1", problem=Problem("several_matches", "cause", "fix"))
    result = outcome(stopped, {}, attempts=0, rematched=False, backoff=Backoff(2, 3600), now=NOW, chance=0)
    assert result.status is SyncStatus.NEEDS_ATTENTION
    assert result.problem is stopped.problem


@pytest.mark.parametrize("attempts", [1, 7])
def test_success_forgets_earlier_attempts(attempts: int) -> None:
    assert come(attempts=attempts).attempts == 0


CANDIDATES = (RecordRef(RecordKind.LEAD, "00Q8"), RecordRef(RecordKind.LEAD, "00Q9"))


def resembling(*candidates: RecordRef, policies: Policies | None = None, rematched: bool = False) -> Outcome:
    problem = Problem("duplicate_rule", "A duplicate rule holds it.", "fix")
    results = {"p1": StepResult("p1", failure=Failure(Next.REMATCH, problem, candidates=candidates))}
    return outcome(
        ContactPlan("c-1", person="p1"),
        results,
        policies=policies or Policies(),
        attempts=0,
        rematched=rematched,
        backoff=Backoff(2, 3600),
        now=NOW,
        chance=0,
    )


def test_a_record_that_the_crm_takes_the_contact_for_is_adopted_and_the_contact_goes_once_more() -> None:
    done = resembling(*CANDIDATES)
    assert (done.status, done.due_at, done.next) == (SyncStatus.RETRYING, NOW, Next.REMATCH)
    assert (done.adopt, done.unlink) == (CANDIDATES[0], False)


def test_a_contact_that_is_refused_again_after_adopting_needs_attention() -> None:
    done = resembling(*CANDIDATES, rematched=True)
    assert (done.status, done.adopt, done.due_at) == (SyncStatus.NEEDS_ATTENTION, None, None)


def test_several_records_that_resemble_a_contact_are_a_question_where_the_org_wants_to_be_asked() -> None:
    ask = Policies(several_matches=SeveralMatches.STOP)
    done = resembling(*CANDIDATES, policies=ask)
    assert (done.status, done.adopt) == (SyncStatus.NEEDS_ATTENTION, None)
    assert done.problem is not None
    assert done.problem.code == "duplicate_rule"
    assert Mend.POLICY in done.problem.mended_by
    assert resembling(CANDIDATES[0], CANDIDATES[0], policies=ask).adopt == CANDIDATES[0]


def test_a_plan_of_a_meeting_comes_to_an_outcome_as_a_contacts_does() -> None:
    plan = RecordPlan("m-1", "activity1", ("attendee1_1",))
    activity = RecordRef(RecordKind.ACTIVITY, "00U1")
    results = {
        "activity1": StepResult("activity1", ref=activity),
        "attendee1_1": failed("attendee1_1", Next.RETRY),
    }
    arguments = {"attempts": 0, "rematched": False, "backoff": Backoff(2, 3600), "now": NOW, "chance": 0.0}
    half = outcome(plan, results, **arguments)
    assert (half.status, half.person) == (SyncStatus.RETRYING, activity)
    nothing = outcome(RecordPlan("m-1", why=("never made",)), {}, **arguments)
    assert (nothing.status, nothing.person) == (SyncStatus.SYNCED, None)


def test_a_contact_is_adopted_after_its_account_was_and_not_a_third_time() -> None:
    def come_again(*, attempts: int, account: StepResult) -> Outcome:
        problem = Problem("duplicate_rule", "cause", "fix")
        person = StepResult("p1", failure=Failure(Next.REMATCH, problem, candidates=CANDIDATES[:1]))
        plan = ContactPlan("c-1", person="p1", account="a1")
        results = {"a1": account, "p1": person}
        backoff = Backoff(2, 3600)
        return outcome(plan, results, attempts=attempts, rematched=True, backoff=backoff, now=NOW, chance=0)

    settled = StepResult("a1", ref=RecordRef(RecordKind.ACCOUNT, "0011"))
    assert come_again(attempts=1, account=settled).adopt == CANDIDATES[0]
    assert come_again(attempts=2, account=settled).status is SyncStatus.NEEDS_ATTENTION
    assert come_again(attempts=1, account=failed("a1", Next.STOP)).status is SyncStatus.NEEDS_ATTENTION


def test_a_contact_about_whom_more_is_to_be_asked_goes_once_more_at_once_and_keeps_its_links() -> None:
    stopped = ContactPlan("c-1", problem=Problem("linked_account_gone", "cause", "fix"), next=Next.REMATCH)
    for rematched, status, due_at in ((False, SyncStatus.RETRYING, NOW), (True, SyncStatus.NEEDS_ATTENTION, None)):
        done = outcome(stopped, {}, attempts=0, rematched=rematched, backoff=Backoff(2, 3600), now=NOW, chance=0)
        assert (done.status, done.due_at, done.unlink) == (status, due_at, False)
