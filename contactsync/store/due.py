"""Putting events and meetings into the queue; contacts go in by `queue.mark_due`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t

Key = TypeVar("Key", int, str)

CHUNK = 1000
"""How many keys go into one IN (…): well below the parameter limits of both databases."""

CAMPAIGN_REFUSED = t.event.c.campaign_choice == ""
"""A person chose that the event has no campaign: then the CRM has nothing to do with it."""

OWN_CAMPAIGN = " own"
"""A person chose that the event gets a campaign made for it: the event's `campaign_choice`. No campaign's id has a space."""


def chunks(keys: Iterable[Key]) -> Iterator[list[Key]]:
    """The keys, sorted so that locks are taken in one order, in lists short enough for one IN (…)."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def of_org(table: sa.Table, org_id: int, *, by_key: bool = False) -> sa.ColumnElement[bool]:
    """The org's rows. `by_key`: beside a condition that names rows by their keys. Asked for the org as for anything else,
    SQLite goes by an index of the org instead, and reads all that it has.
    """
    return table.c.org_id + 0 == org_id if by_key else table.c.org_id == org_id


def mark_events_due(
    db: Db,
    org_id: int,
    which: sa.ColumnElement[bool],
    now: datetime,
    *,
    forced: bool = False,
    deleted: bool = False,
    by_key: bool = False,
) -> int:
    """Put events into the queue, those deleted at the source only with `deleted`; answers how many. `by_key`: see of_org.

    Events that were only heard of, and those that a person wants without a campaign, stay out.
    """
    wanted = sa.or_(t.event.c.campaign_choice.is_(None), sa.not_(CAMPAIGN_REFUSED))
    known = sa.and_(which, t.event.c.known, wanted)
    return _mark(db, t.event, org_id, known, now, forced=forced, deleted=deleted, by_key=by_key)


def mark_meetings_due(
    db: Db,
    org_id: int,
    which: sa.ColumnElement[bool],
    now: datetime,
    *,
    forced: bool = False,
    deleted: bool = False,
    by_key: bool = False,
) -> int:
    """Put meetings into the queue, those deleted at the source only with `deleted`; answers how many. `by_key`: see of_org."""
    return _mark(db, t.meeting, org_id, which, now, forced=forced, deleted=deleted, by_key=by_key)


def mark_unconnected_events_due(db: Db, org_id: int, now: datetime) -> int:
    """Put events without a campaign into the queue: they may get one now. Answers how many."""
    return mark_events_due(db, org_id, t.event.c.campaign_id.is_(None), now)


def mark_one_meeting_due(db: Db, org_id: int, meeting_id: str, now: datetime) -> bool:
    """Put one meeting into the queue even if nothing changed; False when there is none, or it was deleted at the source."""
    return mark_meetings_due(db, org_id, t.meeting.c.source_id == meeting_id, now, forced=True) == 1


def mark_meetings_of_event_due(db: Db, org_id: int, event_id: str, now: datetime) -> int:
    """Put an event's meetings into the queue: what they are tied to in the CRM changed."""
    return mark_meetings_due(db, org_id, t.meeting.c.event_id == event_id, now)


def mark_meetings_with_due(db: Db, org_id: int, who: Iterable[str], now: datetime) -> None:
    """Put the meetings into the queue in which any of these (`id:<contact's id>`, `email:<address>`) takes part."""
    meetings: set[int] = set()
    for named in chunks(who):
        of_them = sa.select(t.meeting_attendee.c.meeting_id).where(
            t.meeting_attendee.c.org_id == org_id, t.meeting_attendee.c.who.in_(named)
        )
        meetings.update(db.execute(of_them).scalars())
    for some in chunks(meetings):
        mark_meetings_due(db, org_id, t.meeting.c.id.in_(some), now, by_key=True)


def queued(now: datetime) -> dict[str, Any]:
    """The columns of an event or a meeting that goes into the queue, but for `change`, which counts up."""
    return {"due_at": now, "attempts": 0, "sync_status": SyncStatus.QUEUED, "problem_key": None}


def _mark(
    db: Db,
    table: sa.Table,
    org_id: int,
    which: sa.ColumnElement[bool],
    now: datetime,
    *,
    forced: bool,
    deleted: bool,
    by_key: bool = False,
) -> int:
    changed = {**queued(now), "change": table.c.change + 1}
    if forced:
        changed["forced"] = True
    here = [of_org(table, org_id, by_key=by_key), which]
    if not deleted:
        here.append(table.c.deleted.is_(False))
    return db.execute(sa.update(table).where(*here).values(changed)).rowcount
