"""What the steps of a contact, event or meeting came to: its status, when it comes back. Clock and chance are given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contactsync.domain.batch import ContactPlan, RecordPlan
from contactsync.domain.crm import Failure, Mend, Next, Problem, RecordRef, StepResult
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.domain.records import SyncStatus

DEFAULT_POLICIES = Policies()

KEEPS_FAILING_AFTER = 24 * 3600.0
"""Seconds for which a record comes back by itself, before it is given to a person."""

MOST_ADOPTIONS = 2
"""How often a contact goes again for a record that the CRM takes it for: once for its Account, once for itself."""


@dataclass(frozen=True)
class Backoff:
    """Waits between attempts, in seconds: doubling from `first` to at most `most`."""

    first: float
    most: float

    def wait(self, attempts: int, chance: float) -> float:
        """How long after the given number of failed attempts; `chance` in [0, 1) spreads it over half to whole."""
        whole: float = min(self.most, self.first * 2.0 ** min(attempts - 1, 30))
        return whole * (0.5 + chance / 2)

    @property
    def most_attempts(self) -> int:
        """How many attempts in a row take KEEPS_FAILING_AFTER, by the mean of their waits."""
        attempts, left = 0, KEEPS_FAILING_AFTER
        while left > 0 and self.first * 2.0**attempts < self.most:
            attempts += 1
            left -= self.wait(attempts, 0.5)
        return attempts + max(0, math.ceil(left / (0.75 * self.most)))


@dataclass(frozen=True)
class Outcome:
    """What is recorded of one contact, event or meeting. `due_at` None: nothing to do before something changes. `unlink`:
    links are stale. `adopt`: the record that the CRM takes the contact for: it is linked to it, and goes once more.
    """

    status: SyncStatus
    due_at: datetime | None = None
    attempts: int = 0
    problem: Problem | None = None
    next: Next | None = None
    unlink: bool = False
    person: RecordRef | None = None
    adopt: RecordRef | None = None


def outcome(
    plan: ContactPlan | RecordPlan,
    results: Mapping[str, StepResult],
    *,
    policies: Policies = DEFAULT_POLICIES,
    attempts: int,
    rematched: bool,
    backoff: Backoff,
    now: datetime,
    chance: float,
) -> Outcome:
    """What came of the steps of one contact, event or meeting.

    `attempts`: failed ones before this; `rematched`: the last one already failed because links were stale. What comes
    back by itself goes before what needs a person: the rest of the contact is not to wait for them. `policies`: whether
    several records that the CRM takes a contact for are a person's question.
    """
    if plan.problem is not None:
        if isinstance(plan, ContactPlan) and plan.next is Next.REMATCH and not rematched:
            # Nothing is unlinked: what is stale is matched again, and the other links hold.
            return Outcome(SyncStatus.RETRYING, now, attempts + 1, plan.problem, Next.REMATCH)
        return Outcome(SyncStatus.NEEDS_ATTENTION, problem=plan.problem, next=Next.STOP)
    done = [results[step_id] for step_id in plan.step_ids]
    person = results[plan.person].ref if plan.person else None
    failures = [result.failure for result in done if result.failure is not None]
    if not failures:
        return Outcome(SyncStatus.SYNCED, person=person)
    failure = min(failures, key=lambda failed: (Next.RETRY, Next.REMATCH, Next.STOP).index(failed.next))
    if rematched and attempts < MOST_ADOPTIONS and _comes_after_its_account(plan, results, failure):
        rematched = False
    return after_failure(
        failure,
        policies=policies,
        attempts=attempts,
        rematched=rematched,
        backoff=backoff,
        now=now,
        chance=chance,
        person=person,
    )


def _comes_after_its_account(
    plan: ContactPlan | RecordPlan, results: Mapping[str, StepResult], failure: Failure
) -> bool:
    """Whether a contact whose Account was adopted in the attempt before is now to be adopted itself: a CRM that holds both
    for duplicates says so one after the other.
    """
    account = plan.account if isinstance(plan, ContactPlan) else None
    if account is None or not results[account].ok or not failure.candidates:
        return False
    return failure.candidates[0].kind.is_person


def after_failure(
    failure: Failure,
    *,
    policies: Policies = DEFAULT_POLICIES,
    attempts: int,
    rematched: bool,
    backoff: Backoff,
    now: datetime,
    chance: float,
    person: RecordRef | None = None,
) -> Outcome:
    """What happens to a contact after a failure of its own or of the whole call.

    Its own are counted: one that fails for about a day is given to a person, who sees what it fails by. A call that failed as
    a whole is nobody's own failure, however often.
    """
    problem = failure.problem
    if failure.next is Next.RETRY:
        if not failure.whole and attempts + 1 > backoff.most_attempts:
            stopped = keeps_failing(problem)
            return Outcome(SyncStatus.NEEDS_ATTENTION, problem=stopped, next=Next.STOP, person=person)
        wait = max(backoff.wait(attempts + 1, chance), failure.retry_after or 0)
        counted = attempts if failure.whole else attempts + 1
        return Outcome(SyncStatus.RETRYING, now + timedelta(seconds=wait), counted, problem, Next.RETRY, person=person)
    if failure.next is Next.REMATCH and not rematched and failure.candidates:
        return _adopted(failure, policies, attempts, now)
    if failure.next is Next.REMATCH and not rematched:
        return Outcome(SyncStatus.RETRYING, now, attempts + 1, problem, Next.REMATCH, unlink=True)
    return Outcome(SyncStatus.NEEDS_ATTENTION, problem=problem, next=Next.STOP, person=person)


def keeps_failing(problem: Problem) -> Problem:
    """What a problem that should pass by itself becomes when it does not."""
    return Problem(
        code="keeps_failing",
        cause=f"It was tried again for about a day, and failed each time. The last time: {problem.cause}",
        fix="Mend what it fails by (often automation in the CRM that takes too long or holds locks), then check the problem"
        " again. It also goes when it changes, or when it is asked for.",
        who="Salesforce admin" if problem.who == "nobody" else problem.who,
        fields=problem.fields,
        object=problem.object,
        mended_by=problem.mended_by or (Mend.SOURCE, Mend.CRM),
    )


def _adopted(failure: Failure, policies: Policies, attempts: int, now: datetime) -> Outcome:
    """The record that the CRM takes the contact for is linked, and the contact goes once more; several may be a question."""
    problem, count = failure.problem, len(dict.fromkeys(failure.candidates))
    if count > 1 and policies.several_matches is SeveralMatches.STOP:
        cause = f"{problem.cause} {count} records resemble it, and the org wants to be asked which one it is."
        asked = replace(problem, cause=cause, mended_by=tuple(dict.fromkeys((*problem.mended_by, Mend.POLICY))))
        return Outcome(SyncStatus.NEEDS_ATTENTION, problem=asked, next=Next.STOP)
    adopt = failure.candidates[0]
    return Outcome(SyncStatus.RETRYING, now, attempts + 1, problem, Next.REMATCH, adopt=adopt)
