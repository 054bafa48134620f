"""Going through an org's rows for those that may name somebody: some rows at a time, filtered where they are.

The database looks for a few plain texts and says which rows are worth a closer look; what it cannot read itself (JSON that
writes letters as escapes) it says too. Each stretch is found by an index and read in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t

STRETCH = 1000
"""Rows that are looked through in one go."""

Key = int | str


@dataclass(frozen=True)
class Ground:
    """Rows to go through: a table, the column that orders them within the org, and where they may name somebody."""

    table: sa.Table
    key: sa.Column[Any]
    texts: tuple[sa.Column[Any], ...]
    status: str | None = None


_QUEUED = ("fields", "why", "problem", "attempted")


def _ground(table: sa.Table, key: str, *texts: str) -> Ground:
    return Ground(table, table.c[key], tuple(table.c[name] for name in texts))


GROUNDS: Mapping[str, Ground] = {
    **{
        status: Ground(
            t.delivery, t.delivery.c.id, (t.delivery.c.webhook_id, t.delivery.c.errors, t.delivery.c.log), status
        )
        for status in ("accepted", "rejected", "failed", "absorbed")
    },
    "contact": _ground(t.contact, "source_id", *_QUEUED),
    "event": _ground(t.event, "source_id", *_QUEUED),
    "company": _ground(t.company, "key", "fields"),
    "meeting": _ground(t.meeting, "source_id", *_QUEUED),
    "run": _ground(t.sync_run, "id", "steps", "why", "problem"),
}
"""In the order in which they are gone through; deliveries by their status, which an index has."""


def stretch(
    db: Db, org_id: int, ground: Ground, after: Key | None, needles: Sequence[str]
) -> tuple[list[Key], Key | None]:
    """Which rows of the next stretch may name somebody, by key, and where it ended; None: there is nothing behind `after`."""
    here = [ground.table.c.org_id == org_id]
    if ground.status is not None:
        here.append(ground.table.c.status == ground.status)
    beyond = [*here, *([ground.key > after] if after is not None else [])]
    last = db.execute(
        sa.select(sa.func.max(sa.column("key"))).select_from(
            sa.select(ground.key.label("key")).where(*beyond).order_by(ground.key).limit(STRETCH).subquery()
        )
    ).scalar()
    if last is None:
        return [], None
    found = sa.select(ground.key).where(*beyond, ground.key <= last).order_by(ground.key)
    if ground.status != "rejected" and all(needles):  # a body that nobody could read may be written in any way
        found = found.where(_may_name(db, ground, needles))
    return list(db.execute(found).scalars()), last


def _may_name(db: Db, ground: Ground, needles: Sequence[str]) -> sa.ColumnElement[bool]:
    on_postgres = db.dialect.name == "postgresql"
    holds = sa.func.strpos if on_postgres else sa.func.instr
    conditions: list[sa.ColumnElement[bool]] = []
    for column in ground.texts:
        text = _lowered(sa.cast(column, sa.Text), on_postgres=on_postgres)
        conditions += [holds(text, needle) > 0 for needle in needles]
    if ground.status is not None:
        raw: Any = t.delivery.c.body
        text = sa.func.encode(raw, "escape") if on_postgres else sa.cast(raw, sa.Text)
        lowered = _lowered(text, on_postgres=on_postgres)
        conditions += [holds(lowered, needle) > 0 for needle in (*needles, "\\u00")]
    return sa.or_(*conditions)


def _lowered(text: Any, *, on_postgres: bool) -> sa.ColumnElement[str]:
    """In ASCII alone, which is all that the needles are: by the rules of a language it takes three times as long."""
    return sa.func.lower(text.collate("C") if on_postgres else text)
