"""What the API and the command line list beside contacts: events, companies, deliveries, runs (views_runs.py).

Every reading takes the org's id: nothing of another org can be asked for. Ids are the event platform's own; a delivery's
and a run's are ours, with a prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import DELETED, from_json, values
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN
from contactsync.store.inbox import delivery_number, public_id
from contactsync.store.views_contacts import companies_query, company_shown, nested, taking_part
from contactsync.store.views_paging import Page, Record, Slice, newest, newest_by_status
from contactsync.store.views_runs import run, runs
from contactsync.store.views_status import org_status

__all__ = [
    "DELIVERY_STATUSES",
    "companies",
    "deliveries",
    "delivery",
    "event",
    "event_exists",
    "events",
    "org_status",
    "run",
    "runs",
]

DELIVERY_STATUSES = ("accepted", "absorbed", "rejected", "failed")


# ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def events(db: Db, org_id: int, part: Slice) -> Page:
    """A page of an org's events, newest first."""
    ids = newest(t.event, t.event.c.org_id == org_id, part)
    rows = db.execute(sa.select(t.event).where(t.event.c.id.in_(ids)).order_by(t.event.c.id.desc())).all()
    shown, following = part.cut(rows)
    return Page(tuple(_event(row) for row in shown), following)


def event(db: Db, org_id: int, event_id: str) -> Record | None:
    """One event by the event platform's own id, with how many contacts take part and how their sync stands."""
    row = db.execute(sa.select(t.event).where(t.event.c.org_id == org_id, t.event.c.source_id == event_id)).first()
    if row is None:
        return None
    return {**_event(row), "contacts": _attendee_counts(db, org_id, event_id)}


def event_exists(db: Db, org_id: int, event_id: str) -> bool:
    """Whether an event was ever heard of, if only by its id."""
    query = sa.select(t.event.c.id).where(t.event.c.org_id == org_id, t.event.c.source_id == event_id)
    return db.execute(query).first() is not None


def _event(row: sa.Row[Any]) -> Record:
    said = {path: value for path, value in values(from_json(row.fields)).items() if path != DELETED}
    shown = nested(said)
    chosen = row.campaign_choice not in (None, OWN_CAMPAIGN)
    made = row.campaign_id is not None and row.campaign_id == row.campaign_made
    return {
        **shown,
        "id": row.source_id,
        "known": row.known,
        "deleted": row.deleted,
        "campaign_id": row.campaign_id,
        "campaign_from": "person" if chosen else "made" if made else "event_platform" if row.campaign_id else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _attendee_counts(db: Db, org_id: int, event_id: str) -> dict[str, int]:
    known = taking_part(org_id, event_id, t.contact.c.org_id == org_id).subquery()
    counted = db.execute(sa.select(known.c.status, sa.func.count().label("many")).group_by(known.c.status))
    return {status.value: 0 for status in SyncStatus} | {row.status: row.many for row in counted}


# ── companies ──────────────────────────────────────────────────────────────────────────────────────────────────────


def companies(db: Db, org_id: int, part: Slice) -> Page:
    """A page of an org's companies, newest first."""
    ids = newest(t.company, t.company.c.org_id == org_id, part)
    rows = db.execute(companies_query(org_id).where(t.company.c.id.in_(ids)).order_by(t.company.c.id.desc())).all()
    shown, following = part.cut(rows)
    return Page(tuple(company_shown(row) for row in shown), following)


# ── deliveries ─────────────────────────────────────────────────────────────────────────────────────────────────────

_SHOWN_OF_DELIVERY = [column for column in t.delivery.c if column.name not in ("body", "org_id")]
"""Never the body: it is big, and personal data that nobody asked for."""


def deliveries(db: Db, org_id: int, status: str | None, part: Slice) -> Page:
    """A page of an org's deliveries, newest first."""
    statuses: Sequence[str] = DELIVERY_STATUSES if status is None else (status,)
    ids = newest_by_status(t.delivery, org_id, statuses, part)
    query = sa.select(*_SHOWN_OF_DELIVERY).where(t.delivery.c.id.in_(ids)).order_by(t.delivery.c.id.desc())
    shown, following = part.cut(db.execute(query).all())
    return Page(tuple(_delivery(row) for row in shown), following)


def delivery(db: Db, org_id: int, delivery_id: str) -> Record | None:
    """One delivery by its public id (`dlv_17`)."""
    number = delivery_number(delivery_id)
    if number is None:
        return None
    query = sa.select(*_SHOWN_OF_DELIVERY).where(t.delivery.c.org_id == org_id, t.delivery.c.id == number)
    row = db.execute(query).first()
    return _delivery(row) if row is not None else None


def _delivery(row: sa.Row[Any]) -> Record:
    return {
        "id": public_id(row.id),
        "webhook_id": row.webhook_id,
        "door": row.door,
        "type": row.type,
        "status": row.status,
        "received_at": row.received_at,
        "absorbed_at": row.absorbed_at,
        "errors": row.errors or [],
        "log": row.log or {},
        "replays": row.replays,
        "replayed_at": row.replayed_at,
        "body_removed_at": row.body_removed_at,
        "body_removed_for": row.body_removed_for,
    }
