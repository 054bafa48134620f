"""What deliveries say about events, brought into their rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import Changes, EventChange
from contactsync.domain.merge import DELETED, as_json, values
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN, chunks, queued
from contactsync.store.held import Held, Row, held_records, save
from contactsync.store.queue import mark_attendees_due


def write_events(db: Db, org_id: int, gathered: Changes, now: datetime) -> None:
    """Merge what is said of events, make those that are only mentioned, and put into the queue what changed.

    An event that is connected or disconnected by it puts who takes part, and its meetings, into the queue too.
    """
    said: dict[str, list[EventChange]] = {}
    for change in gathered.events:
        said.setdefault(change.id, []).append(change)
    mentioned = {change.event_id for change in gathered.attendances}
    mentioned |= {attendance.event_id for change in gathered.contacts for attendance in change.attendances}
    if not mentioned | said.keys():
        return
    held = held_records(db, t.event, t.event.c.source_id, org_id, mentioned | said.keys())
    for name, event_changes in said.items():
        for change in event_changes:
            held[name].merge(dict(change.changes), change.version)
    chosen = _chosen(db, org_id, said)

    def row_of(record: Held) -> Row:
        row: Row = {"fields": as_json(record.state), "updated_at": now}
        if record.name in said:
            row |= _said_columns(record, *chosen.get(record.name, (None, None)))
            # One that a person wants without a campaign is nothing to the CRM.
            if record.changed and chosen.get(record.name, (None, None))[0] != "":
                row |= {**queued(now), "change": 1}
        return row

    save(db, t.event, held, row_of, lambda name: _first(org_id, name, now, known=name in said))
    paths = ("campaign_id", DELETED)
    for name in said:
        after, before = values(held[name].state), held[name].before
        if held[name].key is not None and any(after.get(path) != before.get(path) for path in paths):
            mark_attendees_due(db, org_id, name, now)


def _said_columns(record: Held, choice: str | None, made: str | None) -> Row:
    """What holds: the campaign that a person chose, else the one that is said, else the one that we made. Of an event that a
    person wants a campaign made for, that one.
    """
    fields = values(record.state)
    said = fields.get("campaign_id")
    campaign_id = (made or said) if choice == OWN_CAMPAIGN else choice if choice is not None else said or made
    deleted = bool(fields.get(DELETED))
    return {"name": fields.get("name"), "known": True, "deleted": deleted, "campaign_id": campaign_id or None}


def _first(org_id: int, name: str, now: datetime, *, known: bool) -> Row:
    nothing: dict[str, Any] = {"name": None, "deleted": False, "campaign_id": None}
    idle = {"due_at": None, "sync_status": None, "attempts": 0, "change": 1, "problem_key": None}
    return {"org_id": org_id, "source_id": name, "created_at": now, "known": known, **nothing, **idle}


def _chosen(db: Db, org_id: int, names: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
    """The campaign that a person chose and the one that we made, by event."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for some in chunks(names):
        query = sa.select(t.event.c.source_id, t.event.c.campaign_choice, t.event.c.campaign_made).where(
            t.event.c.org_id == org_id, t.event.c.source_id.in_(some)
        )
        found |= {row.source_id: (row.campaign_choice, row.campaign_made) for row in db.execute(query)}
    return found
