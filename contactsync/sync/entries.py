"""From a decision and its results to what is written down of each record. Pure: clock and chance are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contactsync.domain.batch import ContactPlan, Ready, ReadyEvent, ReadyMeeting, RecordPlan
from contactsync.domain.crm import (
    Action,
    Failure,
    FieldValue,
    Next,
    Problem,
    RecordKind,
    RecordRef,
    Step,
    StepRef,
    StepResult,
)
from contactsync.domain.fingerprint import Fingerprints
from contactsync.domain.mapping import MAPPED_KINDS, FieldMapping
from contactsync.domain.outcome import Backoff, Outcome, after_failure, outcome
from contactsync.domain.policy import Policies
from contactsync.domain.records import Scalar, SyncAs, SyncStatus
from contactsync.domain.run import Subject
from contactsync.domain.shown import shown
from contactsync.domain.values import mark_of
from contactsync.domain.writes import ADOPTED
from contactsync.store.ledger import LinkMade, Recorded
from contactsync.store.orgs import Chosen
from contactsync.store.queue import Claimed
from contactsync.store.queue_events import ClaimedEvent
from contactsync.store.queue_meetings import ClaimedMeeting, meeting_source

UNSAID = Failure(
    Next.RETRY,
    Problem(
        code="answer_lost",
        cause="The CRM did not say whether this was done.",
        fix="Nothing: it is looked up and tried again by itself.",
        who="nobody",
    ),
)


@dataclass(frozen=True)
class Rules:
    """What an org's sync goes by, read once per round. `chosen`: what people chose of it, as it is kept."""

    slug: str
    mapping: FieldMapping
    policies: Policies
    fingerprints: Fingerprints
    backoff: Backoff
    chosen: Chosen


@dataclass(frozen=True)
class Prepared:
    """A claimed contact that is ready to go; `fingerprint` is of everything its sync is made from."""

    claimed: Claimed
    ready: Ready
    fingerprint: str


@dataclass(frozen=True)
class Applied:
    """What was decided for each record, by its id, the steps, and what came of them, by step id."""

    plans: Mapping[str, ContactPlan | RecordPlan]
    steps: Mapping[str, Step]
    results: Mapping[str, StepResult]

    def steps_of(self, record_id: str) -> tuple[Step, ...]:
        """One record's steps, in the order of its plan."""
        return tuple(self.steps[step_id] for step_id in self.plans[record_id].step_ids)


def applied(
    plans: Mapping[str, ContactPlan | RecordPlan], steps: Sequence[Step], results: Sequence[StepResult]
) -> Applied:
    """A decision with its results, indexed. A step of which the target said nothing may have been done or not."""
    said = {result.step_id: result for result in results}
    for step in steps:
        said.setdefault(step.id, StepResult(step.id, failure=UNSAID))
    return Applied(plans, {step.id: step for step in steps}, said)


@dataclass(frozen=True)
class Moment:
    """When a batch began and ended, and the chance that spreads retries, in [0, 1)."""

    started: datetime
    ended: datetime
    chance: float


# ── contacts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def settled(
    one: Claimed,
    result: Outcome,
    now: datetime,
    *,
    sync_as: SyncAs | None = None,
    missing: tuple[str, ...] = (),
    fingerprint: str | None = None,
) -> Recorded:
    """A contact about which the CRM was not asked."""
    return Recorded(
        key=one.key,
        source_id=one.contact.id,
        change=one.change,
        attempt=one.attempts + 1,
        outcome=result,
        started_at=now,
        sync_as=sync_as,
        fingerprint=fingerprint,
        missing=missing,
    )


def entry(one: Prepared, done: Applied, rules: Rules, moment: Moment) -> Recorded:
    """What is written down of a contact whose steps were tried."""
    contact_id = one.claimed.contact.id
    plan, steps = done.plans[contact_id], done.steps_of(contact_id)
    why = dict.fromkeys([*one.ready.why, *plan.why, *(line for step in steps for line in step.why)])
    result = _outcome(one.claimed, plan, done, rules, moment)
    return Recorded(
        key=one.claimed.key,
        source_id=contact_id,
        change=one.claimed.change,
        attempt=one.claimed.attempts + 1,
        outcome=result,
        started_at=moment.started,
        sync_as=one.ready.sync_as,
        fingerprint=one.fingerprint,
        why=tuple(why),
        links=_links(one.ready, plan, done, result.adopt),
        tied=_tied(one.ready, plan, done),
        run=[shown(step, done.results) for step in steps],
        marks=marks(steps, done.results) | _adopted(plan, done, result.adopt),
        heard=_heard(plan, done),
        company=one.ready.contact.company.key if one.ready.contact.company else None,
        gave_account=_gave_account(steps, done, rules),
    )


def _gave_account(steps: Sequence[Step], done: Applied, rules: Rules) -> bool:
    """Whether the contact's Contact was written with an Account."""
    fields = {rule.target for rule in rules.mapping.of(RecordKind.CONTACT) if rule.source == "account"}
    return any(
        step.kind is RecordKind.CONTACT and done.results[step.id].ok and not fields.isdisjoint(step.fields)
        for step in steps
        if step.id in done.results
    )


def _heard(plan: ContactPlan | RecordPlan, done: Applied) -> bool:
    """Whether the CRM said what became of the contact's own record: it is there, or was refused for certain. What comes back
    by itself may have been done, or may still be.
    """
    result = done.results.get(plan.person or "")
    return result is not None and (result.failure is None or result.failure.next is Next.STOP)


def _adopted(plan: ContactPlan | RecordPlan, done: Applied, adopt: RecordRef | None) -> dict[RecordRef, dict[str, str]]:
    """The mark of a person whom a duplicate rule named instead of a new one; of one that was matched there is none."""
    matched = plan.person is not None and done.steps[plan.person].ref == adopt
    return {adopt: {ADOPTED: mark_of("yes")}} if adopt is not None and adopt.kind.is_person and not matched else {}


def failed_entry(one: Prepared, failure: Failure, backoff: Backoff, now: datetime, chance: float) -> Recorded:
    """What is written down of a contact when the CRM could not be asked at all."""
    result = _unasked(one.claimed, failure, backoff, now, chance)
    return replace(settled(one.claimed, result, now, sync_as=one.ready.sync_as), why=one.ready.why, run=[])


def _unasked(
    claimed: Claimed | ClaimedEvent | ClaimedMeeting, failure: Failure, backoff: Backoff, now: datetime, chance: float
) -> Outcome:
    """A problem of the whole connection is nobody's own: whoever meets it waits, as do all those that come later, until the
    connection goes on.
    """
    result = after_failure(
        failure, attempts=claimed.attempts, rematched=claimed.rematched, backoff=backoff, now=now, chance=chance
    )
    return replace(result, status=SyncStatus.QUEUED) if result.status is SyncStatus.NEEDS_ATTENTION else result


def _outcome(
    claimed: Claimed | ClaimedEvent | ClaimedMeeting,
    plan: ContactPlan | RecordPlan,
    done: Applied,
    rules: Rules,
    moment: Moment,
) -> Outcome:
    return outcome(
        plan,
        done.results,
        policies=rules.policies,
        attempts=claimed.attempts,
        rematched=claimed.rematched,
        backoff=rules.backoff,
        now=moment.ended,
        chance=moment.chance,
    )


def _links(
    ready: Ready, plan: ContactPlan | RecordPlan, done: Applied, adopt: RecordRef | None
) -> tuple[LinkMade, ...]:
    sources: dict[str | None, str] = {plan.person: ready.contact.id}
    if isinstance(plan, ContactPlan):
        if ready.contact.company is not None:
            sources[plan.account] = ready.contact.company.key
        for campaign_id, step_id in plan.members.items():
            sources[step_id] = _member_source(campaign_id, ready.contact.id)
    made = []
    for name, source in sources.items():
        result = done.results.get(name or "")
        if result is not None and result.ref is not None and done.steps[result.step_id].action is not Action.REMOVE:
            created = done.steps[result.step_id].action is Action.CREATE
            made.append(LinkMade(source, result.ref, created_by_us=created))
    if adopt is not None:
        company = ready.contact.company
        source = ready.contact.id if adopt.kind.is_person or company is None else company.key
        made.append(LinkMade(source, adopt, created_by_us=False))
    return tuple(made)


def _tied(ready: Ready, plan: ContactPlan | RecordPlan, done: Applied) -> tuple[str, ...]:
    """The links that may be stale. A membership that was refused says nothing against the person and the Account, which
    were just looked up: without its link, a person whose address differs in the CRM would be made a second time.
    """
    contact = ready.contact
    campaigns = [attendance.campaign_id for attendance in contact.attendances if attendance.campaign_id]
    members = tuple(_member_source(campaign_id, contact.id) for campaign_id in campaigns)
    records = (plan.account, plan.person) if isinstance(plan, ContactPlan) else (plan.person,)
    if not any(name and not done.results[name].ok for name in records):
        return members
    company = (contact.company.key,) if contact.company else ()
    return (contact.id, *company, *members)


def _member_source(campaign_id: str, contact_id: str) -> str:
    return f"{campaign_id}:{contact_id}"


# ── events and meetings ────────────────────────────────────────────────────────────────────────────────────────────


def settled_record(
    one: ClaimedEvent | ClaimedMeeting, result: Outcome, now: datetime, fingerprint: str | None = None
) -> Recorded:
    """An event or a meeting about which the CRM was not asked."""
    subject, source_id = _named(one)
    return Recorded(
        key=one.key,
        source_id=source_id,
        change=one.change,
        attempt=one.attempts + 1,
        outcome=result,
        started_at=now,
        fingerprint=fingerprint,
        subject=subject,
    )


def record_entry(
    one: ClaimedEvent | ClaimedMeeting, fingerprint: str, done: Applied, rules: Rules, moment: Moment
) -> Recorded:
    """What is written down of an event or a meeting whose steps were tried. One that needs no record in the CRM is excluded:
    it is not synced, and nothing is wrong with it.
    """
    _, source_id = _named(one)
    plan, steps = done.plans[source_id], done.steps_of(source_id)
    result = _outcome(one, plan, done, rules, moment)
    if result.status is SyncStatus.SYNCED and not steps:
        result = replace(result, status=SyncStatus.EXCLUDED)
    why = dict.fromkeys([*plan.why, *(line for step in steps for line in step.why)])
    return replace(
        settled_record(one, result, moment.started, fingerprint),
        why=tuple(why),
        links=_record_links(one, plan, done),
        tied=() if _stands(plan, done) else (_record_source(one),),
        run=[shown(step, done.results) for step in steps],
        marks=marks(steps, done.results),
    )


def failed_record(
    one: ClaimedEvent | ClaimedMeeting, failure: Failure, backoff: Backoff, now: datetime, chance: float
) -> Recorded:
    """What is written down of an event or a meeting when the CRM could not be asked at all."""
    return replace(settled_record(one, _unasked(one, failure, backoff, now, chance), now), run=[])


def _named(one: ClaimedEvent | ClaimedMeeting) -> tuple[Subject, str]:
    ready: ReadyEvent | ReadyMeeting = one.ready
    return ("event", ready.event.id) if isinstance(ready, ReadyEvent) else ("meeting", ready.meeting.id)


def _record_source(one: ClaimedEvent | ClaimedMeeting) -> str:
    subject, source_id = _named(one)
    return source_id if subject == "event" else meeting_source(source_id)


def _stands(plan: ContactPlan | RecordPlan, done: Applied) -> bool:
    """Whether the record itself is there, whatever became of what belongs to it."""
    result = done.results.get(plan.person or "")
    return result is not None and result.ok


def _record_links(
    one: ClaimedEvent | ClaimedMeeting, plan: ContactPlan | RecordPlan, done: Applied
) -> tuple[LinkMade, ...]:
    """The tie to its own record. An event that is connected already has its campaign by a person's or a platform's word."""
    if isinstance(one, ClaimedEvent) and one.ready.campaign is not None:
        return ()
    result = done.results.get(plan.person or "")
    if result is None or result.ref is None:
        return ()
    created = done.steps[result.step_id].action is Action.CREATE
    return (LinkMade(_record_source(one), result.ref, created_by_us=created),)


# ── what was written ───────────────────────────────────────────────────────────────────────────────────────────────


def marks(steps: Sequence[Step], results: Mapping[str, StepResult]) -> dict[RecordRef, dict[str, str]]:
    """What was written, as marks, of the steps that succeeded: by them our own values are known again later."""
    made: dict[RecordRef, dict[str, str]] = {}
    for step in steps:
        result = results.get(step.id)
        if step.action not in (Action.CREATE, Action.UPDATE) or step.kind not in MAPPED_KINDS.values():
            continue
        if result is not None and result.ref is not None:
            written = {name: mark_of(_plain(value, results)) for name, value in step.fields.items()}
            made.setdefault(result.ref, {}).update(written)
    return made


def _plain(value: FieldValue, results: Mapping[str, StepResult]) -> Scalar:
    if isinstance(value, RecordRef):
        return value.id
    if isinstance(value, StepRef):
        ref = results[value.step_id].ref
        return ref.id if ref else None
    return value
