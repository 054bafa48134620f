"""The attendees of a meeting and the records that they are: who stands for it, who else is linked, who is only named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contactsync.domain.batch import MeetingPerson
from contactsync.domain.crm import FoundPerson, RecordKind, RecordRef
from contactsync.domain.found_index import FoundIndex

ACCEPTED, DECLINED, NEW = "accepted", "declined", "new"
"""What an attendee's place says (crm.py, Step)."""

_ACCEPTED_WORDS = frozenset({"accepted", "accept", "yes", "confirmed", "going"})
_DECLINED_WORDS = frozenset({"declined", "decline", "no", "rejected", "not_going"})


@dataclass(frozen=True)
class Linked:
    """An attendee that is a record. `account`: the Account that its Contact belongs to, as far as it is known."""

    person: MeetingPerson
    ref: RecordRef
    status: str
    account: str | None = None


@dataclass(frozen=True)
class People:
    """The attendees in their order: each record once; `unlinked` are those that are none; `why` counts them."""

    linked: tuple[Linked, ...] = ()
    unlinked: tuple[MeetingPerson, ...] = ()
    why: tuple[str, ...] = ()


def people_of(people: Sequence[MeetingPerson], index: FoundIndex, account_targets: Sequence[str]) -> People:
    """Who of a meeting's attendees is which record. A converted Lead's Contact stands for it; of two attendees that are one
    record the first is kept, with whatever answer one of them gave. `account_targets`: the fields that hold a Contact's
    Account.
    """
    linked: dict[RecordRef, Linked] = {}
    unlinked: list[MeetingPerson] = []
    unsynced = gone = converted = twice = 0
    for person in people:
        held = index.people.get(person.ref) if person.ref is not None else None
        living = index.living(held) if held is not None else None
        if living is None:
            unlinked.append(person)
            unsynced += person.ref is None
            gone += person.ref is not None
            continue
        converted += living is not held
        status = _status(person)
        if living.ref in linked:
            twice += 1
            first = linked[living.ref]
            if first.status == NEW:
                linked[living.ref] = Linked(first.person, first.ref, status, first.account)
            continue
        linked[living.ref] = Linked(person, living.ref, status, _account(person, living, account_targets))
    why = (
        _count(unsynced, "is not synced and stands in the description", "are not synced and stand in the description"),
        _count(
            gone,
            "has a record that is no longer in the CRM (deleted or merged), and stands in the description",
            "have records that are no longer in the CRM (deleted or merged), and stand in the description",
        ),
        _count(converted, "is a converted Lead: its Contact is used", "are converted Leads: their Contacts are used"),
        _count(
            twice, "is the same record as another: it is linked once", "are the same records as others: linked once"
        ),
    )
    return People(tuple(linked.values()), tuple(unlinked), tuple(line for line in why if line))


def _status(person: MeetingPerson) -> str:
    """Whoever was there had accepted, whatever the answer was."""
    said = (person.attendee.response or "").lower().replace(" ", "_")
    if person.attendee.attended or said in _ACCEPTED_WORDS:
        return ACCEPTED
    return DECLINED if said in _DECLINED_WORDS else NEW


def _account(person: MeetingPerson, living: FoundPerson, targets: Sequence[str]) -> str | None:
    if living.ref.kind is not RecordKind.CONTACT:
        return None
    # What the CRM says goes before what an earlier sync remembers: a Contact may have been moved.
    held = next((value for target in targets if isinstance(value := living.fields.get(target), str) and value), None)
    return held or (person.account.id if person.account is not None else None)


def _count(number: int, one: str, many: str) -> str:
    return "" if not number else f"{number} attendee{'' if number == 1 else 's'} {one if number == 1 else many}."
