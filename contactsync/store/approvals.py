"""Which contacts somebody has let go to the CRM (policy review_inbox)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.due import chunks
from contactsync.store.queue import mark_due


def approve(db: Db, org_id: int, contact_ids: Collection[str], now: datetime) -> list[int]:
    """Write down that these contacts may go, and put those that wait into the queue; answers the keys of those that were not
    approved before.
    """
    c = t.contact.c
    approved: list[int] = []
    for some in chunks(contact_ids):
        here = (c.org_id == org_id, c.source_id.in_(some), c.approved_at.is_(None), c.deleted.is_(False))
        approved += db.execute(sa.select(c.id).where(*here)).scalars()
    for keys in chunks(approved):
        db.execute(sa.update(t.contact).where(c.id.in_(keys)).values(approved_at=now))
        # One that is queued, or tried again, may be under way, judged as it was before.
        waits = c.status.in_([SyncStatus.INCOMPLETE, SyncStatus.QUEUED, SyncStatus.RETRYING])
        mark_due(db, org_id, sa.and_(c.id.in_(keys), waits), now, by_key=True)
    return sorted(approved)
