"""Who is alive: the `lease` table. The clock's row is a lease, which one clock holds; each worker has a row of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.errors import ContactsyncError
from contactsync.store import tables as t
from contactsync.store.engine import unavailable

CLOCK = "clock"
WORKER = "worker:"
"""Before a worker's name."""


class DatabaseAway(ContactsyncError):
    """The database did not do what it was asked now: come again. For processes that outlive its restarts."""


@contextmanager
def reaching_database() -> Iterator[None]:
    """What the database raises in the body because it cannot answer now becomes DatabaseAway."""
    try:
        yield
    except Exception as error:
        if unavailable(error):
            raise DatabaseAway("the database cannot answer now") from error
        raise


@dataclass(frozen=True)
class Beat:
    """A process that said it was alive. `until`: when it must have said so again."""

    name: str
    owner: str
    until: datetime
    beat_at: datetime

    def alive(self, now: datetime) -> bool:
        """Whether it may be taken to be alive."""
        return now < self.until


def take(db: Db, name: str, owner: str, now: datetime, seconds: float) -> bool:
    """Take the lease of this name, or prolong it; False while somebody else holds it."""
    held = {"owner": owner, "until": now + timedelta(seconds=seconds), "beat_at": now}
    # One that lasts longer than any was said by a clock that went ahead, and has been set back since.
    impossible = now + timedelta(seconds=2 * seconds)
    free = sa.or_(t.lease.c.owner == owner, t.lease.c.until <= now, t.lease.c.until > impossible)
    if db.execute(sa.update(t.lease).where(t.lease.c.name == name, free).values(held)).rowcount == 1:
        return True
    insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    taken = insert(t.lease).values(name=name, **held).on_conflict_do_nothing(index_elements=["name"])
    return db.execute(taken.returning(t.lease.c.name)).scalar() is not None


def let_go(db: Db, name: str, owner: str) -> None:
    """Give the lease back, if it is still ours."""
    db.execute(sa.delete(t.lease).where(t.lease.c.name == name, t.lease.c.owner == owner))


def beats(db: Db) -> tuple[Beat, ...]:
    """All that were heard of lately, the clock and the workers, by name."""
    return tuple(Beat(*row) for row in db.execute(_ALL))


def forget_dead_workers(db: Db, before: datetime, impossible: datetime) -> int:
    """Drop the workers that should have been heard of since `before`; how many they were.

    And those that would have until later than `impossible`: they said so while their clock was wrong. One that lives says it
    again.
    """
    said = sa.or_(t.lease.c.until < before, t.lease.c.until > impossible)
    dead = sa.and_(t.lease.c.name.startswith(WORKER, autoescape=True), said)
    return db.execute(sa.delete(t.lease).where(dead)).rowcount


_ALL = sa.select(t.lease.c.name, t.lease.c.owner, t.lease.c.until, t.lease.c.beat_at).order_by(t.lease.c.name)
