"""Everything that is kept of one person, as one document: theirs alone, nobody else's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contactsync.domain.bodies import parted
from contactsync.domain.errors import ContactsyncError, RefusedInput
from contactsync.domain.person import Person
from contactsync.intake.strict_json import read_json
from contactsync.store import people, views_people
from contactsync.store.audit import Audited, note
from contactsync.store.engine import reading, writing
from contactsync.store.mentions import GROUNDS, Key, stretch
from contactsync.store.views_paging import Record, Slice
from contactsync.store.views_people import DeliveryKept
from contactsync.store.views_runs import runs
from contactsync.sync.erasing import checked_address, records_shown
from contactsync.sync.parts import Parts

RUNS_AT_ONCE = 200
BODIES_AT_ONCE = 20


class TooMuch(ContactsyncError):
    """An export takes longer than whoever asked for it can wait."""


def export_person(parts: Parts, org_id: int, email: str, *, seconds: float = float("inf")) -> Record:
    """What the org holds about whoever has this address; times as text. Raises RefusedInput, and TooMuch when it is not done
    after `seconds`.

    `contacts` with all fields and how their sync stands, `attendances`, `meetings` (without notes and who else takes part),
    `runs` of their contacts, `deliveries` (`said`: their part of each body; None where nobody can read it), `crm_records`.
    """
    address = checked_address(email)
    limit = _Limit(time.monotonic() + seconds)
    with reading(parts.engine) as db:
        person, records = people.person_of(db, org_id, address)
        ids = sorted(person.ids)
        contacts = [one for name in ids if (one := views_people.contact(db, org_id, name)) is not None]
        attendances = views_people.attendances(db, org_id, people.who_is(address, ids))
        meetings = views_people.meetings(db, org_id, person)
    found: dict[str, list[Record]] = {
        "contacts": contacts,
        "attendances": attendances,
        "meetings": meetings,
        "runs": [run for name in ids for run in _runs(parts, org_id, name, limit)],
        "deliveries": list(_deliveries(parts, org_id, person, limit)),
        "crm_records": list(records_shown(parts, org_id, records)),
    }
    now = parts.now()
    with writing(parts.engine) as db:
        counts = {name: len(part) for name, part in found.items()}
        note(db, org_id, parts.actor, Audited.PERSON_EXPORTED, now, details=counts)
    document: Record = _plain({"made_at": now, **found})
    return document


@dataclass(frozen=True)
class _Limit:
    """When to give up."""

    at: float

    def check(self) -> None:
        if time.monotonic() >= self.at:
            raise TooMuch("the export takes longer than this request may")


def _runs(parts: Parts, org_id: int, contact_id: str, limit: _Limit) -> Iterator[Record]:
    part = Slice(RUNS_AT_ONCE)
    while True:
        limit.check()
        with reading(parts.engine) as db:
            page = runs(db, org_id, part, subject="contact", source_id=contact_id)
        yield from page.items
        if page.next is None:
            return
        part = Slice(RUNS_AT_ONCE, page.next)


def _deliveries(parts: Parts, org_id: int, person: Person, limit: _Limit) -> Iterator[Record]:
    for ground in GROUNDS.values():
        after: Key | None = None
        going = ground.status is not None
        while going:
            limit.check()
            with reading(parts.engine) as db:
                keys, after = stretch(db, org_id, ground, after, person.needles)
            for start in range(0, len(keys), BODIES_AT_ONCE):
                limit.check()
                with reading(parts.engine) as db:
                    kept = views_people.deliveries(db, keys[start : start + BODIES_AT_ONCE])
                yield from (shown for one in kept if (shown := _part_of(one, person)) is not None)
            going = after is not None


def _part_of(delivery: DeliveryKept, person: Person) -> Record | None:
    """What a delivery says of the person; None when it says nothing. What others' parts say of them is not theirs alone."""
    try:
        envelope = read_json(delivery.body)
    except RefusedInput:
        envelope = None
    if isinstance(envelope, dict):
        said = parted(delivery.door, envelope, person.meant).parts
        return {**delivery.shown, "said": said} if said else None
    return {**delivery.shown, "said": None} if person.held_by(delivery.body) else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
