"""Meetings as people see them: their fields and attendees, and how their sync stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import attendees_from_json
from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import ATTENDEES, DELETED, from_json, values
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.queue_meetings import meeting_source
from contactsync.store.views_contacts import present_connection
from contactsync.store.views_paging import Page, Record, Slice, newest, newest_by_status

_FIELDS = ("title", "starts_at", "ends_at", "timezone", "location", "notes", "event_id", "host_email", "status")


def meetings(db: Db, org_id: int, status: SyncStatus | None, part: Slice, *, event_id: str | None = None) -> Page:
    """A page of an org's meetings, newest first, of one sync status or of any, of one event or of any.

    Each: the fields of the webhook, `attendees`, `deleted`, `created_at`, `updated_at` and
    `sync` {status, crm_object, crm_id, last_synced_at, problem, why}.
    """
    if event_id is None:
        statuses: Sequence[str] = list(SyncStatus) if status is None else [status]
        ids = newest_by_status(t.meeting, org_id, statuses, part, column=t.meeting.c.sync_status)
    else:
        which = sa.and_(t.meeting.c.org_id == org_id, t.meeting.c.event_id == event_id)
        ids = newest(t.meeting, which if status is None else sa.and_(which, t.meeting.c.sync_status == status), part)
    rows = db.execute(sa.select(t.meeting).where(t.meeting.c.id.in_(ids)).order_by(t.meeting.c.id.desc())).all()
    shown, following = part.cut(rows)
    return Page(tuple(_whole(db, org_id, shown)), following)


def meeting(db: Db, org_id: int, meeting_id: str) -> Record | None:
    """One meeting by the event platform's own id."""
    rows = db.execute(
        sa.select(t.meeting).where(t.meeting.c.org_id == org_id, t.meeting.c.source_id == meeting_id)
    ).all()
    return _whole(db, org_id, rows)[0] if rows else None


def _whole(db: Db, org_id: int, rows: Sequence[sa.Row[Any]]) -> list[Record]:
    query = sa.select(t.link.c.source, t.link.c.crm_id).where(
        t.link.c.connection_id == present_connection(org_id),
        t.link.c.kind == RecordKind.ACTIVITY,
        t.link.c.source.in_([meeting_source(row.source_id) for row in rows]),
    )
    # The meeting's own row would go on naming the Activity of a CRM that the org has left since.
    activities = {row.source: row.crm_id for row in db.execute(query)} if rows else {}
    return [_meeting(row, activities.get(meeting_source(row.source_id))) for row in rows]


def _meeting(row: sa.Row[Any], crm_id: str | None) -> Record:
    said = values(from_json(row.fields))
    waits = row.sync_status == SyncStatus.QUEUED and row.due_at is None  # for its org to be connected
    held_up = waits or row.sync_status in (SyncStatus.RETRYING, SyncStatus.NEEDS_ATTENTION)
    return {
        **dict.fromkeys(_FIELDS),
        **{path: value for path, value in said.items() if path not in (ATTENDEES, DELETED)},
        "id": row.source_id,
        "attendees": [asdict(one) for one in attendees_from_json(said.get(ATTENDEES))],
        "deleted": row.deleted,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "sync": {
            "status": row.sync_status,
            "crm_object": RecordKind.ACTIVITY.value if crm_id else None,
            "crm_id": crm_id,
            "last_synced_at": row.last_synced_at,
            "problem": row.problem if held_up else None,
            "why": row.why or [],
        },
    }
