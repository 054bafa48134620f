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
    db: Db,
    org_id: int,
    ground: Ground,
    after: Key | None,
    needles: Sequence[str],
    in_meetings: Sequence[str] = (),
) -> tuple[list[Key], Key | None]:
    """Which rows of the next stretch may name somebody, by key, and where it ended; None: there is nothing behind `after`.

    `in_meetings`: what to look for in deliveries of meetings beside the `needles`.
    """
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
        found = db.execute(_sorted_out(ground, within, needles, in_meetings)).scalars()
    else:
        return _looked_through(db, ground, within, needles, in_meetings), last
    return list(found), last


def _sorted_out(
    ground: Ground, within: sa.ColumnElement[bool], needles: Sequence[str], in_meetings: Sequence[str]
) -> sa.Select[Any]:
    """Postgres looks itself: what it sorts out need not come over the network. In ASCII alone, which is all that needles are:
    by the rules of a language it takes three times as long. The limit has each text lowered once and not for each needle.
    """
    texts: list[Any] = [sa.cast(column, sa.Text) for column in ground.texts]
    if ground.status is not None:
        body: Any = t.delivery.c.body
        texts.append(sa.func.encode(body, "escape"))
    whole = sa.func.lower(sa.func.concat_ws("\n", *texts).collate("C"))
    low = sa.select(whole.label("low")).limit(1).correlate(ground.table).lateral("looked_at")
    found = [sa.func.strpos(low.c.low, needle) > 0 for needle in needles]
    if ground.status is not None:
        found.append(sa.func.strpos(low.c.low, _ESCAPE) > 0)
        told = [sa.func.strpos(low.c.low, needle) > 0 for needle in in_meetings]
        found += [sa.and_(t.delivery.c.door == "meetings", sa.or_(*told))] if told else []
    return (
        sa.select(ground.key)
        .select_from(ground.table.join(low, sa.true()))
        .where(within, sa.or_(*found))
        .order_by(ground.key)
    )


def _looked_through(
    db: Db, ground: Ground, within: sa.ColumnElement[bool], needles: Sequence[str], in_meetings: Sequence[str]
) -> list[Key]:
    """SQLite's rows are in this process anyway, and Python looks four times as fast as its `lower` and `instr`."""
    columns: list[Any] = [sa.cast(column, sa.Text) for column in ground.texts]
    has_body = ground.status is not None
    columns += [t.delivery.c.door, t.delivery.c.body] if has_body else []
    wanted = [needle.encode() for needle in needles]
    in_bodies = [*wanted, _ESCAPE.encode()]
    in_theirs = [*in_bodies, *(needle.encode() for needle in in_meetings)]
    found: list[Key] = []
    query = sa.select(ground.key, *columns).where(within).order_by(ground.key)
    for key, *parts in db.execute(query, execution_options={"yield_per": 50}):
        if has_body:
            door, body = parts.pop(-2), parts.pop()
            if _holds(body, in_theirs if door == "meetings" else in_bodies):
                found.append(key)
                continue
        if any(part is not None and _holds(part.encode("utf-8", "surrogatepass"), wanted) for part in parts):
            found.append(key)
    return found


def _holds(text: bytes, needles: Sequence[bytes]) -> bool:
    low = text.lower()
    return any(needle in low for needle in needles)
