"""From a plan and its results to what is written down of each contact. Pure: clock and chance are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contactsync.domain.batch import ContactPlan, Plan, Ready
from contactsync.domain.crm import Action, Failure, Next, Problem, Step, StepResult
from contactsync.domain.fingerprint import Fingerprints
from contactsync.domain.mapping import FieldMapping
from contactsync.domain.outcome import Backoff, Outcome, after_failure, outcome
from contactsync.domain.policy import Policies
from contactsync.domain.records import SyncAs
from contactsync.domain.shown import shown
from contactsync.store.ledger import LinkMade, Recorded
from contactsync.store.queue import Claimed

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
    """What an org's sync goes by, read once per job."""

    slug: str
    mapping: FieldMapping
    policies: Policies
    fingerprints: Fingerprints
    backoff: Backoff


@dataclass(frozen=True)
class Prepared:
    """A claimed contact that is ready to go; `fingerprint` is of everything its sync is made from."""

    claimed: Claimed
    ready: Ready
    fingerprint: str


@dataclass(frozen=True)
class Applied:
    """A plan and what came of it, by step id."""

    plan: Plan
    steps: Mapping[str, Step]
    results: Mapping[str, StepResult]

    def steps_of(self, contact_plan: ContactPlan) -> tuple[Step, ...]:
        """One contact's steps, those that others refer to first."""
        return tuple(self.steps[step_id] for step_id in contact_plan.step_ids)


def applied(plan: Plan, results: Sequence[StepResult]) -> Applied:
    """A plan with its results, indexed. A step of which the target said nothing may have been done or not."""
    said = {result.step_id: result for result in results}
    for step in plan.steps:
        said.setdefault(step.id, StepResult(step.id, failure=UNSAID))
    return Applied(plan, {step.id: step for step in plan.steps}, said)


@dataclass(frozen=True)
class Moment:
    """When a batch began and ended, and the chance that spreads retries, in [0, 1)."""

    started: datetime
    ended: datetime
    chance: float


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


def entry(one: Prepared, done: Applied, backoff: Backoff, moment: Moment) -> Recorded:
    """What is written down of a contact whose steps were tried."""
    contact_plan = done.plan.contacts[one.claimed.contact.id]
    steps = done.steps_of(contact_plan)
    why = dict.fromkeys([*one.ready.why, *contact_plan.why, *(line for step in steps for line in step.why)])
    result = outcome(
        contact_plan,
        done.results,
        attempts=one.claimed.attempts,
        rematched=one.claimed.rematched,
        backoff=backoff,
        now=moment.ended,
        chance=moment.chance,
    )
    return Recorded(
        key=one.claimed.key,
        source_id=one.claimed.contact.id,
        change=one.claimed.change,
        attempt=one.claimed.attempts + 1,
        outcome=result,
        started_at=moment.started,
        sync_as=one.ready.sync_as,
        fingerprint=one.fingerprint,
        why=tuple(why),
        links=_links(one.ready, contact_plan, done),
        tied=_tied(one.ready),
        run=[shown(step, done.results) for step in steps],
    )


def failed_entry(one: Prepared, failure: Failure, backoff: Backoff, now: datetime, chance: float) -> Recorded:
    """What is written down of a contact when the CRM could not be asked at all."""
    result = after_failure(
        failure,
        attempts=one.claimed.attempts,
        rematched=one.claimed.rematched,
        backoff=backoff,
        now=now,
        chance=chance,
    )
    return replace(settled(one.claimed, result, now, sync_as=one.ready.sync_as), why=one.ready.why, run=[])


def _links(ready: Ready, contact_plan: ContactPlan, done: Applied) -> tuple[LinkMade, ...]:
    sources: dict[str | None, str] = {contact_plan.person: ready.contact.id}
    if ready.contact.company is not None:
        sources[contact_plan.account] = ready.contact.company.key
    for campaign_id, step_id in contact_plan.members.items():
        sources[step_id] = _member_source(campaign_id, ready.contact.id)
    made = []
    for name, source in sources.items():
        result = done.results.get(name or "")
        if result is not None and result.ref is not None:
            created = done.steps[result.step_id].action is Action.CREATE
            made.append(LinkMade(source, result.ref, created_by_us=created))
    return tuple(made)


def _tied(ready: Ready) -> tuple[str, ...]:
    contact = ready.contact
    company = (contact.company.key,) if contact.company else ()
    campaigns = [attendance.campaign_id for attendance in contact.attendances if attendance.campaign_id]
    return (contact.id, *company, *(_member_source(campaign_id, contact.id) for campaign_id in campaigns))


def _member_source(campaign_id: str, contact_id: str) -> str:
    return f"{campaign_id}:{contact_id}"
