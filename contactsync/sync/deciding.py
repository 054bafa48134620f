"""How contacts, events and meetings are decided: one shape for the three, and one bad record never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from contactsync.domain.batch import (
    Catalogs,
    ContactPlan,
    Ready,
    ReadyEvent,
    ReadyMeeting,
    RecordPlan,
    Written,
)
from contactsync.domain.campaigns import event_wanted, plan_events
from contactsync.domain.crm import Found, Mend, Problem, RecordKind, RecordRef, Step, Wanted
from contactsync.domain.mapping import FieldMapping
from contactsync.domain.meetings import meeting_wanted, plan_meetings
from contactsync.domain.plan import plan
from contactsync.domain.policy import Policies
from contactsync.domain.wanted import wanted
from contactsync.loading import place
from contactsync.log import described, logger

One = TypeVar("One", Ready, ReadyEvent, ReadyMeeting)

log = logger(__name__)


@dataclass(frozen=True)
class Seen:
    """All that a decision is made from, beside the records themselves. `taken`: people whom contacts are linked to, of those
    that may have been made unheard.
    """

    found: Found
    mapping: FieldMapping
    policies: Policies
    written: Written
    catalogs: Catalogs
    taken: frozenset[RecordRef] = frozenset()


@dataclass(frozen=True)
class Decided:
    """What should change, and which steps each record needs; `plans` by the event platform's id."""

    steps: tuple[Step, ...]
    plans: Mapping[str, ContactPlan | RecordPlan]


@dataclass(frozen=True)
class Decider(Generic[One]):
    """One kind of source record: what it asks of the CRM, how it is decided, which kinds it may touch (`kinds`), and which
    of them a record cannot do without (`kinds_of`).
    """

    word: str
    kinds: frozenset[RecordKind]
    ask: Callable[[Sequence[One], FieldMapping, Policies], Wanted]
    decide: Callable[[Sequence[One], Seen], Decided]
    id_of: Callable[[One], str]
    kinds_of: Callable[[One], frozenset[RecordKind]]
    stopped: Callable[[str, Problem], ContactPlan | RecordPlan]


def _contacts(batch: Sequence[Ready], seen: Seen) -> Decided:
    made = plan(
        batch,
        seen.found,
        seen.mapping,
        seen.policies,
        written=seen.written,
        catalogs=seen.catalogs,
        taken=seen.taken,
    )
    return Decided(made.steps, made.contacts)


def _events(batch: Sequence[ReadyEvent], seen: Seen) -> Decided:
    made = plan_events(batch, seen.found, seen.mapping, seen.policies, written=seen.written, catalogs=seen.catalogs)
    return Decided(made.steps, made.plans)


def _meetings(batch: Sequence[ReadyMeeting], seen: Seen) -> Decided:
    made = plan_meetings(batch, seen.found, seen.mapping, seen.policies, written=seen.written, catalogs=seen.catalogs)
    return Decided(made.steps, made.plans)


def _kinds_of_contact(ready: Ready) -> frozenset[RecordKind]:
    lead = ready.kind is RecordKind.LEAD
    return frozenset({RecordKind.LEAD} if lead else {RecordKind.CONTACT, RecordKind.ACCOUNT})


CONTACTS: Decider[Ready] = Decider(
    word="contact",
    kinds=frozenset({RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT}),
    ask=wanted,
    decide=_contacts,
    id_of=lambda ready: ready.contact.id,
    kinds_of=_kinds_of_contact,
    stopped=lambda contact_id, problem: ContactPlan(contact_id, problem=problem),
)
EVENTS: Decider[ReadyEvent] = Decider(
    word="event",
    kinds=frozenset({RecordKind.CAMPAIGN}),
    ask=event_wanted,
    decide=_events,
    id_of=lambda ready: ready.event.id,
    kinds_of=lambda _: frozenset({RecordKind.CAMPAIGN}),
    stopped=lambda event_id, problem: RecordPlan(event_id, problem=problem),
)
MEETINGS: Decider[ReadyMeeting] = Decider(
    word="meeting",
    kinds=frozenset({RecordKind.ACTIVITY}),
    ask=lambda batch, mapping, _: meeting_wanted(batch, mapping),
    decide=_meetings,
    id_of=lambda ready: ready.meeting.id,
    kinds_of=lambda _: frozenset({RecordKind.ACTIVITY}),
    stopped=lambda meeting_id, problem: RecordPlan(meeting_id, problem=problem),
)


Answer = TypeVar("Answer")


def each_that_can(
    decider: Decider[One], batch: Sequence[One], attempt: Callable[[Sequence[One]], Answer]
) -> tuple[Answer, dict[str, Problem]]:
    """Work something out for a batch, without the records at which our own code or a plugin's value breaks.

    Answers what was worked out for the others, and those records' problems by id. One of them is found by halves: it costs
    the batch a little time, and nobody else the sync (I10).
    """
    try:
        return attempt(batch), {}
    except Exception as error:
        if not batch:
            raise
        broken = _breaking(batch, attempt) or [(one, error) for one in batch]
    problems = {decider.id_of(one): cannot_be_planned(decider.word, error) for one, error in broken}
    log.error("records cannot be planned", what=decider.word, records=len(problems), **described(broken[0][1]))
    left = [one for one in batch if decider.id_of(one) not in problems]
    answer, more = each_that_can(decider, left, attempt)
    return answer, problems | more


def _breaking(batch: Sequence[One], attempt: Callable[[Sequence[One]], Answer]) -> list[tuple[One, Exception]]:
    """The records that break the attempt each by itself."""
    if not batch:
        return []
    try:
        attempt(batch)
    except Exception as error:  # noqa: BLE001 - each becomes a problem that people see
        if len(batch) == 1:
            return [(batch[0], error)]
    else:
        return []
    middle = len(batch) // 2
    return _breaking(batch[:middle], attempt) + _breaking(batch[middle:], attempt)


def cannot_be_planned(word: str, error: Exception) -> Problem:
    """What people are told of a record at which our own code broke, or a value that a plugin gave: where, not what."""
    where = f"{type(error).__name__} at {place(error)}"
    return Problem(
        code="cannot_be_planned",
        cause=f"contactsync could not work out what to do with this {word} ({where}).",
        fix=f"Report it to the developers. The {word} goes again when it changes, or when it is asked for.",
        who="developer",
        mended_by=(Mend.SOURCE, Mend.PLUGIN),
    )
