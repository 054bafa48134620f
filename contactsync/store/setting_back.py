"""After a clock was wrong and is set back: what it made wait for a time far ahead would wait for as long as it was wrong by."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t

_QUEUES = (t.contact, t.event, t.meeting)


def too_far_ahead(db: Db, furthest: datetime) -> bool:
    """Whether anything is due, or any connection paused, until later than `furthest`. A look at the end of each org's queue."""
    late = [sa.exists().where(table.c.org_id == t.org.c.id, table.c.due_at > furthest) for table in _QUEUES]
    found = db.execute(sa.select(t.org.c.id).where(sa.or_(*late)).limit(1)).first()
    paused = db.execute(sa.select(t.connection.c.id).where(_paused(furthest)).limit(1)).first()
    return found is not None or paused is not None


def pull_in(db: Db, now: datetime, furthest: datetime) -> None:
    """Have all that come now."""
    for table in _QUEUES:
        orgs = sa.select(t.org.c.id).where(sa.exists().where(table.c.org_id == t.org.c.id, table.c.due_at > furthest))
        for (org_id,) in db.execute(orgs).all():
            here = (table.c.org_id == org_id, table.c.due_at > furthest)
            db.execute(sa.update(table).where(*here).values(due_at=now))
    db.execute(sa.update(t.connection).where(_paused(furthest)).values(paused_until=now))


def _paused(furthest: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(t.connection.c.replaced_at.is_(None), t.connection.c.paused_until > furthest)
