"""Counters of each org, for the metrics: counted up in the database, because every process would count its own part only.

The worker that holds an org's lease adds what a batch came to in the batch's own transaction, in one statement; duplicates are
counted by the web processes, in a row of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t
from contactsync.store.tables_counted import tally


class Tallied(StrEnum):
    """What is counted, and what its labels are."""

    OUTCOMES = "outcomes"  # <subject>:<sync status>
    RETRIES = "retries"  # <subject>
    ROWS = "rows"  # create | update | remove
    PHASES = "phases"  # absorb | look_up | plan | apply | record
    ARRIVALS = "arrivals"  # the bucket's upper bound in seconds
    DELIVERIES = "deliveries"  # absorbed | failed | duplicate | replayed


@dataclass(frozen=True)
class Counted:
    """What is added to one counter, or what it stands at. `seconds`: their sum, of what takes time."""

    name: Tallied
    label: str
    count: int
    seconds: float = 0.0


def add(db: Db, org_id: int, counted: Iterable[Counted]) -> None:
    """Add to an org's counters, each named once: one statement, none when there is nothing to add."""
    rows = [
        {"org_id": org_id, "name": one.name.value, "label": one.label, "count": one.count, "seconds": one.seconds}
        for one in sorted(counted, key=lambda one: (one.name, one.label))
    ]
    if not rows:
        return
    insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    statement = insert(tally).values(rows)
    added = {column: tally.c[column] + statement.excluded[column] for column in ("count", "seconds")}
    db.execute(statement.on_conflict_do_update(index_elements=["org_id", "name", "label"], set_=added))


def tallies(db: Db) -> tuple[tuple[str, Counted], ...]:
    """Every counter, with its org's slug."""
    columns = (
        t.org.c.slug,
        tally.c.name,
        tally.c.label,
        tally.c.count,
        tally.c.seconds,
    )
    query = sa.select(*columns).join_from(tally, t.org).order_by(t.org.c.id, tally.c.name, tally.c.label)
    known = set(Tallied)
    return tuple(
        (slug, Counted(Tallied(name), label, count, seconds))
        for slug, name, label, count, seconds in db.execute(query)
        if name in known  # a newer version may count more
    )
