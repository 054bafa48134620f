"""Erased people left out of what comes in: before a delivery is read, and in its kept body too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from contactsync.domain.bodies import parted
from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.errors import RefusedInput
from contactsync.intake.strict_json import read_json
from contactsync.store import people
from contactsync.store.absorption import Waiting
from contactsync.store.engine import Connection as Db
from contactsync.store.scrubbing import take_out
from contactsync.store.tombstones import Tombstones


@dataclass(frozen=True)
class LeftOut:
    """Deliveries without the erased. `counts`: how many parts were left out, by delivery, for those that had any; of some of
    these nothing is left (`body` is empty). `learned`: contacts that came with an erased address, by the erasure's number.
    """

    waiting: tuple[Waiting, ...]
    counts: Mapping[int, int] = field(default_factory=dict)
    learned: Mapping[str, int] = field(default_factory=dict)
    marks: Tombstones | None = None

    def emptied(self, delivery: Waiting) -> bool:
        """Whether nobody is left in it."""
        return delivery.id in self.counts and not delivery.body


def leave_out(db: Db, marks: Tombstones | None, waiting: Sequence[Waiting]) -> LeftOut:
    """Deliveries, in their order, without whoever was erased. Reads only.

    A contact that comes with an erased address is erased from there on, too, so that what is said of it later without the
    address stays out as well; unless it has another address of its own by now: then it is somebody else's.
    """
    if marks is None:
        return LeftOut(tuple(waiting))
    read = {delivery.id: envelope for delivery in waiting if (envelope := _envelope(delivery)) is not None}
    named = _named([(delivery.door, read[delivery.id]) for delivery in waiting if delivery.id in read])
    erased = dict(marks.among(db, named))
    if not erased:
        return LeftOut(tuple(waiting))
    leaving = _Leaving(erased, _with_another_address(db, marks, named))
    rest = [leaving.without(one, read[one.id]) if one.id in read else one for one in waiting]
    return LeftOut(tuple(rest), leaving.counts, leaving.learned, marks)


@dataclass
class _Leaving:
    """Who is erased by name, with the erasure's number: grows as deliveries tell of more contacts of theirs."""

    erased: dict[str, int]
    others: frozenset[str]
    counts: dict[int, int] = field(default_factory=dict)
    learned: dict[str, int] = field(default_factory=dict)

    def without(self, delivery: Waiting, envelope: Mapping[str, Any]) -> Waiting:
        done = parted(delivery.door, envelope, lambda *said: any(name in self.erased for name in _names(*said)))
        if not done.parts:
            return delivery
        try:
            body = _body(done.rest)
        except RecursionError:
            return delivery  # nested far deeper than `decode` takes: it becomes no record
        self.counts[delivery.id] = len(done.parts)
        for contact_id, email in done.people:
            by_address = self.erased.get(who_by_email(email)) if email else None
            if (
                not contact_id
                or by_address is None
                or contact_id in self.others
                or who_by_id(contact_id) in self.erased
            ):
                continue
            self.erased[who_by_id(contact_id)] = self.learned[contact_id] = by_address
        return replace(delivery, body=body)


def _named(bodies: Iterable[tuple[str, Mapping[str, Any]]]) -> frozenset[str]:
    """Whoever is named in them, as tombstones name people."""
    named: set[str] = set()

    def note(contact_id: str | None, email: str | None) -> bool:
        named.update(_names(contact_id, email))
        return False

    for door, envelope in bodies:
        parted(door, envelope, note)
    return frozenset(named)


def write_left_out(db: Db, left: LeftOut, ids: Iterable[int], now: datetime) -> None:
    """Keep the bodies of these deliveries without the erased, count them in the log, and mark the contacts learned of."""
    if left.marks is None:
        return
    wanted = set(ids)
    for delivery in left.waiting:
        if delivery.id in wanted and delivery.id in left.counts:
            take_out(db, delivery.id, delivery.body, left.counts[delivery.id], now)
    for contact_id, erasure_id in left.learned.items():
        left.marks.add(db, erasure_id, [who_by_id(contact_id)])
    if left.learned:
        people.remove_contacts(db, left.marks.org_id, frozenset(left.learned), [*map(who_by_id, left.learned)])


def _with_another_address(db: Db, marks: Tombstones, named: Iterable[str]) -> frozenset[str]:
    by_id = [name.removeprefix(who_by_id("")) for name in named if name.startswith(who_by_id(""))]
    addresses = people.addresses_of(db, marks.org_id, by_id)
    erased = marks.among(db, {who_by_email(address) for address in addresses.values()})
    return frozenset(name for name, address in addresses.items() if who_by_email(address) not in erased)


def _names(contact_id: str | None, email: str | None) -> list[str]:
    names = [*([who_by_id(contact_id)] if contact_id else []), *([who_by_email(email)] if email else [])]
    return [*names, who_by_email(contact_id)] if contact_id and "@" in contact_id else names


def _envelope(delivery: Waiting) -> dict[str, Any] | None:
    try:
        envelope = read_json(delivery.body)
    except RefusedInput:
        return None
    return envelope if isinstance(envelope, dict) else None


def _body(envelope: Mapping[str, Any] | None) -> bytes:
    return b"" if envelope is None else json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
