"""What people chose for an org's records, apart from what the event platform says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import as_json
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN, queued


def campaign_of(db: Db, org_id: int, event_id: str) -> str | None:
    """The campaign that an event is connected to now; None: to none, or the event was never heard of."""
    here = (t.event.c.org_id == org_id, t.event.c.source_id == event_id)
    return db.execute(sa.select(t.event.c.campaign_id).where(*here)).scalar()


def choose_campaign(db: Db, org_id: int, event_id: str, campaign_id: str | None, now: datetime) -> bool:
    """Connect an event to a campaign, also before it was heard of; None: to no campaign, whatever the event platform
    says. False when it was so already.
    """
    insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    unheard = {"fields": as_json({}), "known": False, "deleted": False, "created_at": now, "updated_at": now}
    db.execute(
        insert(t.event)
        .values(org_id=org_id, source_id=event_id, **unheard)
        .on_conflict_do_nothing(index_elements=["org_id", "source_id"])
    )
    here = (t.event.c.org_id == org_id, t.event.c.source_id == event_id)
    row = db.execute(sa.select(t.event.c.campaign_choice, t.event.c.campaign_id).where(*here).with_for_update()).one()
    if row.campaign_choice != (campaign_id or ""):
        chosen = {"campaign_choice": campaign_id or "", "campaign_id": campaign_id, "updated_at": now}
        # Without a campaign it is nothing to the CRM any more.
        nothing = {"due_at": None, "sync_status": None, "problem": None, "problem_key": None}
        queue = queued(now) if campaign_id else nothing
        db.execute(sa.update(t.event).where(*here).values(**chosen, **queue, change=t.event.c.change + 1))
    return bool(row.campaign_id != campaign_id)


@dataclass(frozen=True)
class EventKnown:
    """What decides whether a campaign can be made for an event."""

    name: str | None
    deleted: bool
    campaign_id: str | None


def event_known(db: Db, org_id: int, event_id: str) -> EventKnown | None:
    """An event as it stands, locked for the rest of the transaction; None: it was never heard of."""
    c = t.event.c
    query = sa.select(c.name, c.deleted, c.campaign_id).where(c.org_id == org_id, c.source_id == event_id)
    row = db.execute(query.with_for_update()).first()
    return None if row is None else EventKnown(row.name, row.deleted, row.campaign_id)


def choose_own_campaign(db: Db, org_id: int, event_id: str, now: datetime) -> None:
    """Have a campaign made for an event by the org's worker, whatever the policy and the event platform say."""
    here = (t.event.c.org_id == org_id, t.event.c.source_id == event_id)
    wanted = {"campaign_choice": OWN_CAMPAIGN, "updated_at": now, "change": t.event.c.change + 1, "forced": True}
    db.execute(sa.update(t.event).where(*here).values(**wanted, **queued(now)))
