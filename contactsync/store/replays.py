"""Old deliveries that go again because somebody says so: which, putting them back, and having what they name looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import Changes, who_by_id
from contactsync.domain.errors import RefusedInput
from contactsync.store import tables as t
from contactsync.store.absorption import mark_people_due
from contactsync.store.due import chunks, mark_events_due, mark_meetings_due
from contactsync.store.inbox import delivery_number, public_id
from contactsync.store.retention import SETTLED

MOST_IDS = 1000
"""A filter names at most so many deliveries."""


_DOOR = re.compile(r"[\x21-\x7e]{1,63}")


@dataclass(frozen=True)
class ReplayFilter:
    """Which deliveries: all that is said must hold, and something must be said.

    `ids`: `dlv_<number>`, whatever their status; without them those of `status` (absorbed, failed or rejected), or of all
    three. `since`, `until`: when they arrived, the second not included.
    """

    status: str | None = None
    door: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not any((self.status, self.door, self.since, self.until, self.ids)):
            raise RefusedInput("the filter is empty", {"status": "say which deliveries: failed, say, or since when"})
        if self.status is not None and self.status not in SETTLED:
            raise RefusedInput("the filter is wrong", {"status": f"write one of {', '.join(SETTLED)}"})
        if self.door is not None and not _DOOR.fullmatch(self.door):
            raise RefusedInput("the filter is wrong", {"door": "write contacts, events or meetings"})
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise RefusedInput("the filter takes nothing", {"until": "must be later than since"})
        if len(self.ids) > MOST_IDS:
            raise RefusedInput("the filter is too long", {"ids": f"at most {MOST_IDS:,} at once"})
        wrong = {
            f"ids.{n}": "no delivery is called so: dlv_17, say" for n, one in enumerate(self.ids) if not _number(one)
        }
        if wrong:
            raise RefusedInput("the filter is wrong", wrong)

    @property
    def numbers(self) -> frozenset[int]:
        """The deliveries that are named, by number."""
        return frozenset(map(_number, self.ids))

    def as_json(self) -> dict[str, Any]:
        """What is said, for the audit log; of ids how many."""
        said = {"status": self.status, "door": self.door, "since": self.since, "until": self.until}
        shown = {name: str(value) for name, value in said.items() if value is not None}
        return {**shown, **({"ids": len(self.ids)} if self.ids else {})}


def _number(public: str) -> int:
    return delivery_number(public) or 0


@dataclass(frozen=True)
class Candidate:
    """A delivery that a filter takes. `gone`: its body was removed, there is nothing to replay; `size`: in bytes."""

    id: int
    door: str
    status: str
    gone: bool
    size: int


@dataclass(frozen=True)
class PutBack:
    """What became of candidates: numbers of deliveries. `waiting`: somebody else had put them back before."""

    replayed: frozenset[int]
    waiting: frozenset[int]
    gone: frozenset[int]


def candidates(db: Db, org_id: int, which: ReplayFilter, after: int, most: int) -> tuple[Candidate, ...]:
    """The first deliveries above the number `after` that a filter takes, in their order, at most `most`."""
    c = t.delivery.c
    empty = sa.and_(c.body_removed_at.is_not(None), c.body == b"").label("gone")
    size = sa.func.length(c.body).label("size")
    query = sa.select(c.id, c.door, c.status, empty, size).where(c.org_id == org_id)
    ids = which.numbers if which.ids else db.execute(_chosen(org_id, which, after, most)).scalars()
    found = [row for some in chunks(ids) for row in db.execute(query.where(c.id.in_(some), c.id > after))]
    taken = (
        Candidate(row.id, row.door, row.status, bool(row.gone), row.size)
        for row in sorted(found, key=lambda row: row.id)
    )
    return tuple(taken)[:most]


def _chosen(org_id: int, which: ReplayFilter, after: int, most: int) -> sa.Select[Any]:
    """One range of the index (org_id, status, id) per status, merged: what has been gone through is not read again."""
    c = t.delivery.c
    held = [c.org_id == org_id, c.id > after]
    if which.door is not None:
        held.append(c.door == which.door)
    if which.since is not None:
        held.append(c.received_at >= which.since)
    if which.until is not None:
        held.append(c.received_at < which.until)
    statuses = SETTLED if which.status is None else (which.status,)
    ranges = [
        sa.select(sa.select(c.id).where(*held, c.status == status).order_by(c.id).limit(most).subquery().c.id)
        for status in statuses
    ]
    merged = sa.union_all(*ranges).subquery()
    return sa.select(merged.c.id).order_by(merged.c.id).limit(most)


def body_of(db: Db, org_id: int, delivery_id: int) -> bytes:
    """A delivery's body; empty when it is not there any more."""
    c = t.delivery.c
    return db.execute(sa.select(c.body).where(c.org_id == org_id, c.id == delivery_id)).scalar() or b""


def put_back(db: Db, org_id: int, ids: Sequence[int], readable: Mapping[int, str], now: datetime) -> PutBack:
    """Have deliveries wait again: absorbed and failed ones by their numbers, rejected ones with the type that was read.

    One that waits already stays as it is, whoever put it back; one whose body was removed meanwhile too.
    """
    c = t.delivery.c
    there = (c.org_id == org_id, sa.or_(c.body_removed_at.is_(None), c.body != b""))
    again = {
        "status": "accepted",
        "errors": sa.null(),
        "absorbed_at": None,
        "replays": c.replays + 1,
        "replayed_at": now,
    }
    replayed: set[int] = set()
    for some in chunks(ids):
        settled = sa.update(t.delivery).where(*there, c.id.in_(some), c.status.in_(("absorbed", "failed")))
        replayed.update(db.execute(settled.values(again).returning(c.id)).scalars())
    for number, type_ in sorted(readable.items()):
        rejected = sa.update(t.delivery).where(*there, c.id == number, c.status == "rejected")
        replayed.update(db.execute(rejected.values(**again, type=type_).returning(c.id)).scalars())
    left = ({*ids, *readable}) - replayed
    waiting: set[int] = set()
    for some in chunks(left):
        waits = sa.select(c.id).where(c.org_id == org_id, c.id.in_(some), c.status == "accepted")
        waiting.update(db.execute(waits).scalars())
    return PutBack(frozenset(replayed), frozenset(waiting), frozenset(left - waiting))


def keep_errors(db: Db, org_id: int, delivery_id: int, errors: list[dict[str, str]]) -> None:
    """A rejected delivery is as unreadable as it was: for these reasons now."""
    c = t.delivery.c
    here = (c.org_id == org_id, c.id == delivery_id, c.status == "rejected")
    db.execute(sa.update(t.delivery).where(*here).values(errors=errors))


def mark_named_due(db: Db, org_id: int, said: Sequence[Changes], now: datetime) -> None:
    """Put what replayed deliveries name into the queue, unforced: what needs somebody goes again, though nothing in it is
    new. Records that were deleted at the source go only while a problem holds them.
    """
    people = {who_by_id(one.id) for changes in said for one in changes.contacts}
    people |= {one.who for changes in said for one in changes.attendances}
    people |= {attendance.who for changes in said for one in changes.contacts for attendance in one.attendances}
    mark_people_due(db, org_id, people, now)
    for some in chunks({one.id for changes in said for one in changes.events}):
        mark_events_due(db, org_id, _going(t.event, some, now), now, deleted=True)
    for some in chunks({one.id for changes in said for one in changes.meetings}):
        mark_meetings_due(db, org_id, _going(t.meeting, some, now), now, deleted=True)


def _going(table: sa.Table, ids: Sequence[str], now: datetime) -> sa.ColumnElement[bool]:
    c = table.c
    idle = sa.or_(c.due_at.is_(None), c.due_at > now)
    return sa.and_(c.source_id.in_(ids), idle, sa.or_(c.deleted.is_(False), c.problem_key.is_not(None)))


def shown_numbers(numbers: Iterable[int]) -> list[str]:
    """Deliveries as they are named outside."""
    return [public_id(number) for number in sorted(numbers)]
