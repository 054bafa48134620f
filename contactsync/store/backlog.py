"""What waits in an org's inbox: accepted deliveries that no worker has brought in yet. It costs as much as waits."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t

MOST_COUNTED = 1_000_000
"""Waiting deliveries of an org are counted no further than this."""


@dataclass(frozen=True)
class Backlog:
    """How many deliveries wait, and how many bytes their bodies are."""

    deliveries: int = 0
    size: int = 0

    def part_of(self, most_waiting: int, most_megabytes: int) -> float:
        """How full an inbox with these bounds is, by number or by size, whichever is nearer; from 1 on nothing is let in."""
        return max(self.deliveries / most_waiting, self.size / (most_megabytes * 1024 * 1024))


def backlog(db: Db, org_id: int) -> Backlog:
    """What waits in one org's inbox."""
    return backlogs(db, org_id).get(org_id, Backlog())


def backlogs(db: Db, org_id: int | None = None) -> dict[int, Backlog]:
    """What waits in the inbox of one org or (None) of each, by the org's id."""
    c = t.delivery.c
    # The length alone: neither database reads a body for it.
    size = sa.func.length(c.body).label("size")
    waiting = sa.select(size).where(c.org_id == t.org.c.id, c.status == "accepted").limit(MOST_COUNTED)
    some = waiting.correlate(t.org).subquery()
    amounts = (sa.func.count(), sa.func.coalesce(sa.func.sum(some.c.size), 0))
    query = sa.select(t.org.c.id, *(sa.select(amount).select_from(some).scalar_subquery() for amount in amounts))
    rows = db.execute(query if org_id is None else query.where(t.org.c.id == org_id))
    return {row[0]: Backlog(int(row[1]), int(row[2])) for row in rows}
