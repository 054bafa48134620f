"""Events in an org's queue: those that are due, whole, as a claim of contacts gives them (store/queue.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.batch import ReadyEvent
from contactsync.domain.crm import Next, RecordKind, RecordRef
from contactsync.domain.merge import DELETED, from_json, values
from contactsync.domain.records import Event
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN


@dataclass(frozen=True)
class ClaimedEvent:
    """A due event as it stands, with what the queue knows of it. None is claimed that a person wants without a campaign."""

    key: int
    ready: ReadyEvent
    change: int
    attempts: int = 0
    forced: bool = False
    rematched: bool = False  # the last attempt failed because what was known of the CRM was stale
    fingerprint: str | None = None


def claim_events(
    db: Db,
    org_id: int,
    connection_id: int | None,  # noqa: ARG001 - what an event became is on its own row; the queues are asked alike
    now: datetime,
    most: int,
) -> tuple[ClaimedEvent, ...]:
    """Up to `most` due events, the longest due first."""
    due = (
        sa.select(t.event)
        .where(t.event.c.org_id == org_id, t.event.c.due_at <= now)
        .order_by(t.event.c.due_at, t.event.c.id)
        .limit(most)
    )
    return _whole(db.execute(due).all())


def read_event(db: Db, org_id: int, event_id: str) -> ClaimedEvent | None:
    """One event as a claim would give it, due or not; None: none of that id."""
    here = (t.event.c.org_id == org_id, t.event.c.source_id == event_id)
    rows = db.execute(sa.select(t.event).where(*here)).all()
    return _whole(rows)[0] if rows else None


def _whole(rows: Sequence[sa.Row[Any]]) -> tuple[ClaimedEvent, ...]:
    return tuple(
        ClaimedEvent(
            key=row.id,
            ready=ReadyEvent(
                event=event_of(row),
                campaign=RecordRef(RecordKind.CAMPAIGN, row.campaign_id) if row.campaign_id else None,
                made_by_us=bool(row.campaign_id) and row.campaign_id == row.campaign_made,
                attempted=tuple(row.attempted or ()),
                asked_for=row.campaign_choice == OWN_CAMPAIGN,
            ),
            change=row.change,
            attempts=row.attempts,
            forced=row.forced,
            rematched=bool(row.problem and row.problem.get("next") == Next.REMATCH),
            fingerprint=row.fingerprint,
        )
        for row in rows
    )


def event_of(row: sa.Row[Any]) -> Event:
    """The event of a row."""
    fields = {path: value for path, value in values(from_json(row.fields)).items() if path != DELETED}
    return Event(row.source_id, fields, campaign_id=row.campaign_id or None, deleted=row.deleted)
