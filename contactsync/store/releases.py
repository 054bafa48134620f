"""Putting many records into the queue at once: few in the transaction of whoever asks, many bit by bit by the org's worker.

What is put off is noted, and comes next in the worker's rounds: nobody waits for the database while 300,000 contacts are
marked, and webhooks that arrive meanwhile keep their turn. Until its turn comes a record stands as it stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.counts import counted
from contactsync.store.due import chunks, mark_events_due, mark_meetings_due
from contactsync.store.queue import mark_due

AT_ONCE = 2_000
"""So many records are put into the queue in the transaction of whoever asks."""

SUBJECTS = ("event", "contact", "meeting")
"""In the order of the sync: a campaign may be made of an event, and a meeting's attendees are records before it."""

_STATUS = {"event": t.event.c.sync_status, "contact": t.contact.c.status, "meeting": t.meeting.c.sync_status}


@dataclass(frozen=True)
class Held:
    """Which records: those in one of these statuses, and those that one of these problems (Problem.key) holds.

    `deleted`: events and meetings that were deleted at the source, too; contacts that were never go.
    """

    statuses: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    subjects: tuple[str, ...] = SUBJECTS
    deleted: bool = True
    forced: bool = False

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Held:
        """As `asdict` made it for the database."""
        said: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in kept.items()}
        return cls(**said)


def release(db: Db, org_id: int, which: Held, now: datetime) -> int:
    """Put these records into the queue, or note that they go as soon as the org's worker comes; answers how many.

    The bell must ring: many go in the worker's rounds alone.
    """
    many = sum(
        one.records
        for one in counted(db, org_id)
        if one.subject in which.subjects and (one.status in which.statuses or one.problem_key in which.problems)
    )
    if many <= AT_ONCE:
        return sum(_mark(db, org_id, which, subject, now, after=0, most=AT_ONCE)[1] for subject in which.subjects)
    p = t.pending_release
    noted = db.execute(sa.select(p.c.id, p.c.which).where(p.c.org_id == org_id)).all()
    same = [row.id for row in noted if Held.from_json(row.which) == which]  # the new one begins again, and takes all
    db.execute(sa.delete(p).where(p.c.id.in_(same)))
    db.execute(sa.insert(p).values(org_id=org_id, which=asdict(which), subject=which.subjects[0], created_at=now))
    return many


def release_all(db: Db, org_id: int, now: datetime) -> int:
    """Put every contact, event and meeting of the org into the queue; answers how many."""
    mark_events_due(db, org_id, t.event.c.sync_status.is_(None), now)
    return release(db, org_id, Held(statuses=tuple(SyncStatus), deleted=False), now)


def release_incomplete(db: Db, org_id: int, now: datetime) -> int:
    """Have incomplete contacts looked at again, after what counts as complete has changed; those that wait for their turn
    too: one of them may be under way, judged by what held before.
    """
    waits = (SyncStatus.INCOMPLETE.value, SyncStatus.QUEUED.value)
    return release(db, org_id, Held(statuses=waits, subjects=("contact",)), now)


def look_again(db: Db, org_id: int, which: Iterable[tuple[str, int]], now: datetime) -> None:
    """Put records back into the queue, each by its subject and its row's key: they were judged by what holds no more."""
    keys: dict[str, list[int]] = {}
    for subject, key in which:
        keys.setdefault(subject, []).append(key)
    for subject, some in keys.items():
        _mark_keys(db, org_id, Held(), subject, some, now)


def newest(db: Db, org_id: int) -> int:
    """The number of the org's newest release that is not through; 0: none."""
    p = t.pending_release.c
    return db.execute(sa.select(sa.func.max(p.id)).where(p.org_id == org_id)).scalar() or 0


def feed(db: Db, org_id: int, now: datetime, room: int, up_to: int) -> int:
    """Put up to `room` records of the releases with numbers up to `up_to` into the queue, the oldest release first; answers
    how many.

    A release is noted together with what it follows from, a new mapping say: one that was noted after the worker read
    that must wait, or it would be judged by what held before.
    """
    p = t.pending_release
    query = sa.select(p).where(p.c.org_id == org_id, p.c.id <= up_to).order_by(p.c.id).with_for_update()
    fed = 0
    for row in db.execute(query).all():
        if fed < room:
            fed += _feed_one(db, row, now, room - fed)
    return fed


def _feed_one(db: Db, row: sa.Row[Any], now: datetime, room: int) -> int:
    p = t.pending_release
    which, subject, cursor, fed = Held.from_json(row.which), row.subject, row.cursor, 0
    for each in which.subjects[which.subjects.index(subject) :]:
        after = cursor if each == subject else 0
        keys, _ = _mark(db, row.org_id, which, each, now, after=after, most=room - fed)
        fed += len(keys)
        if fed >= room:
            after = keys[-1] if keys else after
            db.execute(sa.update(p).where(p.c.id == row.id).values(subject=each, cursor=after))
            return fed
    db.execute(sa.delete(p).where(p.c.id == row.id))
    return fed


def _mark(
    db: Db, org_id: int, which: Held, subject: str, now: datetime, *, after: int, most: int
) -> tuple[list[int], int]:
    """The keys of the next records of one subject, and how many of them are due now."""
    keys = list(db.execute(_next(org_id, which, subject, after, most)).scalars()) if most > 0 else []
    return keys, _mark_keys(db, org_id, which, subject, keys, now)


def _mark_keys(db: Db, org_id: int, which: Held, subject: str, keys: Sequence[int], now: datetime) -> int:
    marked = 0
    for some in chunks(keys):
        if subject == "contact":
            marked += mark_due(db, org_id, t.contact.c.id.in_(some), now, forced=which.forced, by_key=True)
            continue
        mark, column = (mark_events_due, t.event.c.id) if subject == "event" else (mark_meetings_due, t.meeting.c.id)
        marked += mark(db, org_id, column.in_(some), now, forced=which.forced, deleted=which.deleted, by_key=True)
    return marked


def _next(org_id: int, which: Held, subject: str, after: int, most: int) -> sa.Select[Any]:
    """One range of an index per status and problem, merged."""
    status = _STATUS[subject]
    c = status.table.c
    wanted = [status == one for one in which.statuses] + [c.problem_key == one for one in which.problems]
    ranges = [
        sa.select(
            sa.select(c.id).where(c.org_id == org_id, one, c.id > after).order_by(c.id).limit(most).subquery().c.id
        )
        for one in wanted
    ]
    merged = sa.union(*ranges).subquery()
    return sa.select(merged.c.id).order_by(merged.c.id).limit(most)
