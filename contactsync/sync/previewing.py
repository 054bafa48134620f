"""What a sync would do, shown before it does it: the CRM is read, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from contactsync.domain.batch import ContactPlan, Incomplete, Plan, Ready, RecordPlan, RecordsPlan
from contactsync.domain.captured import APPROVAL, without_unreviewed
from contactsync.domain.crm import Mend, Problem
from contactsync.domain.errors import RefusedInput
from contactsync.domain.fingerprint import Fingerprints
from contactsync.domain.mapping import FieldRule
from contactsync.store import queue, resyncs
from contactsync.store.engine import reading
from contactsync.store.queue_events import read_event
from contactsync.store.queue_meetings import read_meeting
from contactsync.store.resyncs import ResyncFilter
from contactsync.sync.batch import Made, beside, each_ready
from contactsync.sync.bringing import decide
from contactsync.sync.deciding import CONTACTS, EVENTS, MEETINGS, Decided
from contactsync.sync.entries import Rules
from contactsync.sync.parts import Parts
from contactsync.sync.rules import rules_of
from contactsync.sync.targets import Bound
from contactsync.sync.turn import NOT_CONNECTED

Unsaved = Mapping[str, Sequence[FieldRule]]
"""Rules that are tried before anybody keeps them, by the kind that they replace."""


class NotReady(RefusedInput):
    """It cannot be planned or done now; the message says why and what to do."""


class NotConnected(NotReady):
    """The org has no CRM."""

    def __init__(self) -> None:
        super().__init__(f"{NOT_CONNECTED.cause} {NOT_CONNECTED.fix}")


def preview(parts: Parts, org_id: int, contact_id: str, unsaved: Unsaved | None = None) -> Plan | None:
    """What a sync of the contact would do now; reads the CRM and writes nothing. None: no such contact. `unsaved`: with these
    rules in place of the org's.

    Raises NotReady for a contact that is incomplete, deleted or whose org is not connected; TargetError.
    """
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        one = queue.read_contact(db, org_id, bound.row.id if bound else None, contact_id)
    if one is None:
        return None
    bound, rules = connected_rules(parts, org_id, bound, unsaved)
    if one.contact.deleted:
        raise NotReady("The contact was deleted at the event platform: nothing of it is synced any more.")
    (made,) = each_ready(parts, rules, org_id, bound.row.id, [one])
    if isinstance(made, Problem):
        raise NotReady(f"{made.cause} {made.fix}")
    if isinstance(made, Incomplete):
        raise NotReady("The contact is incomplete.", _wanting(made))
    return _planned(parts, rules, bound, [(one.key, made)])


def preview_many(parts: Parts, org_id: int, which: ResyncFilter, most: int) -> Plan:
    """What a sync of the first `most` contacts of a filter would do now, in one plan: records that they share stand once.

    One that is not ready has the reason as its problem, and no step. Raises NotReady when the org is not connected,
    TargetError.
    """
    bound, rules = connected_rules(parts, org_id, parts.targets.of(org_id))
    with reading(parts.engine) as db:
        keys = resyncs.first_of(db, org_id, which, most)
        chosen = queue.read_contacts(db, org_id, bound.row.id, keys)
    looked = each_ready(parts, rules, org_id, bound.row.id, chosen)
    made = {one.contact.id: _ready_or_reason(ready) for one, ready in zip(chosen, looked, strict=True)}
    keyed = [(one.key, made[one.contact.id]) for one in chosen]
    ready = [(key, one) for key, one in keyed if isinstance(one, Ready)]
    reasons = {name: ContactPlan(name, problem=why) for name, why in made.items() if isinstance(why, Problem)}
    planned = _planned(parts, rules, bound, ready) if ready else Plan((), {})
    return Plan(planned.steps, {name: planned.contacts.get(name) or reasons[name] for name in made})


def preview_meeting(parts: Parts, org_id: int, meeting_id: str, unsaved: Unsaved | None = None) -> RecordsPlan | None:
    """What a sync of the meeting would do now; reads the CRM and writes nothing. None: no such meeting.

    Raises NotReady when the org is not connected; TargetError.
    """
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        one = read_meeting(db, org_id, bound.row.id if bound else None, meeting_id)
    if one is None:
        return None
    bound, rules = connected_rules(parts, org_id, bound, unsaved)
    return _records(decide(parts, rules, bound, MEETINGS, [without_unreviewed(one.ready, rules.policies)]))


def preview_event(parts: Parts, org_id: int, event_id: str, unsaved: Unsaved | None = None) -> RecordsPlan | None:
    """What a sync of the event would do with its campaign now; reads the CRM and writes nothing. None: no such event.

    Raises NotReady when the org is not connected; TargetError.
    """
    bound = parts.targets.of(org_id)
    with reading(parts.engine) as db:
        one = read_event(db, org_id, event_id)
    if one is None:
        return None
    bound, rules = connected_rules(parts, org_id, bound, unsaved)
    return _records(decide(parts, rules, bound, EVENTS, [one.ready]))


def connected_rules(
    parts: Parts, org_id: int, bound: Bound | None, unsaved: Unsaved | None = None
) -> tuple[Bound, Rules]:
    """The CRM of an org, which must have one, and what its sync goes by. Raises NotReady."""
    if bound is None:
        raise NotConnected
    with reading(parts.engine) as db:
        rules = rules_of(db, parts, org_id, queue.slug_of(db, org_id) or "", bound.row.target)
    if not unsaved:
        return bound, rules
    tried = rules.mapping
    for kind, replacing in unsaved.items():
        tried = tried.replaced(kind, replacing)
    return bound, replace(rules, mapping=tried, fingerprints=Fingerprints(tried, rules.policies))


def _records(decided: Decided) -> RecordsPlan:
    plans = {name: plan for name, plan in decided.plans.items() if isinstance(plan, RecordPlan)}
    return RecordsPlan(decided.steps, plans)


def _planned(parts: Parts, rules: Rules, bound: Bound, ready: Sequence[tuple[int, Ready]]) -> Plan:
    """The plan for contacts, each with its row's key, by the same rule as their sync's: with those that share a record."""
    # There is no second look here: everything is asked for at once.
    made = [*(one for _, one in ready), *beside(parts, rules, bound, ready)]
    decided = decide(parts, rules, bound, CONTACTS, [replace(one, rematched=True) for one in made])
    asked = {one.contact.id for _, one in ready}
    contacts = {name: plan for name, plan in decided.plans.items() if name in asked and isinstance(plan, ContactPlan)}
    needed = {step_id for plan in contacts.values() for step_id in plan.step_ids}
    return Plan(tuple(step for step in decided.steps if step.id in needed), contacts)


def _wanting(made: Incomplete) -> dict[str, str]:
    """What it is missing, each with what to do."""
    words = dict.fromkeys(made.missing, "is missing: nothing is sent before the event platform sends it")
    if APPROVAL in words:
        words[APPROVAL] = "waits for its review in the Leads Inbox: nothing is sent before somebody approves it"
    return words


def _ready_or_reason(made: Made) -> Ready | Problem:
    if not isinstance(made, Incomplete):
        return made
    return Problem(
        code="incomplete",
        cause=f"The contact is incomplete: {', '.join(made.missing)}.",
        fix="Nothing is sent before what is missing is there, at the event platform or in the console; then it goes by itself.",
        who="event team",
        fields=made.missing,
        mended_by=(Mend.SOURCE,),
    )
