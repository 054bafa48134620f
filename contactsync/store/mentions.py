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

_ESCAPE = "\\u00"
"""How JSON may write any letter of an address."""


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
    within = sa.and_(*beyond, ground.key <= last)
    if ground.status == "rejected" or not all(needles):
        # A body that nobody could read may be written in any way; and without a needle there is no telling.
        found = db.execute(sa.select(ground.key).where(within).order_by(ground.key)).scalars()
    elif db.dialect.name == "postgresql":
        found = db.execute(_sorted_out(ground, within, needles)).scalars()
    else:
        return _looked_through(db, ground, within, needles), last
    return list(found), last


def _sorted_out(ground: Ground, within: sa.ColumnElement[bool], needles: Sequence[str]) -> sa.Select[Any]:
    """Postgres looks itself: what it sorts out need not come over the network. In ASCII alone, which is all that needles are:
    by the rules of a language it takes three times as long. The limit has each text lowered once and not for each needle.
    """
    texts: list[Any] = [sa.cast(column, sa.Text) for column in ground.texts]
    if ground.status is not None:
        body: Any = t.delivery.c.body
        texts.append(sa.func.encode(body, "escape"))
    whole = sa.func.lower(sa.func.concat_ws("\n", *texts).collate("C"))
    low = sa.select(whole.label("low")).limit(1).correlate(ground.table).lateral("looked_at")
    looks_for = [*needles, *([_ESCAPE] if ground.status is not None else [])]
    return (
        sa.select(ground.key)
        .select_from(ground.table.join(low, sa.true()))
        .where(within, sa.or_(*(sa.func.strpos(low.c.low, needle) > 0 for needle in looks_for)))
        .order_by(ground.key)
    )


def _looked_through(db: Db, ground: Ground, within: sa.ColumnElement[bool], needles: Sequence[str]) -> list[Key]:
    """SQLite's rows are in this process anyway, and Python looks four times as fast as its `lower` and `instr`."""
    columns: list[Any] = [sa.cast(column, sa.Text) for column in ground.texts]
    if ground.status is not None:
        columns.append(t.delivery.c.body)
    wanted = [needle.encode() for needle in needles]
    in_bodies = [*wanted, _ESCAPE.encode()]
    found: list[Key] = []
    query = sa.select(ground.key, *columns).where(within).order_by(ground.key)
    for key, *parts in db.execute(query, execution_options={"yield_per": 50}):
        for part in parts:
            if part is None:
                continue
            is_body = isinstance(part, bytes)
            low = (part if is_body else part.encode("utf-8", "surrogatepass")).lower()
            if any(needle in low for needle in (in_bodies if is_body else wanted)):
                found.append(key)
                break
    return found
