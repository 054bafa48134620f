"""That people were erased: one row each, the proof, without the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t
from contactsync.store.views_paging import Page, Record, Slice, newest

_UNDER_WAY = "sealed"
"""Beside the counts, while an erasure is under way: what it needs to go on, sealed. Gone when it is finished."""

PROGRESS_PURPOSE = "erasure under way"


def begin(db: Db, org_id: int, actor: str, now: datetime) -> int:
    """A new erasure; answers its number."""
    row = {"org_id": org_id, "actor": actor[:255], "asked_at": now, "removed": {}}
    return int(db.execute(sa.insert(t.erasure).values(**row).returning(t.erasure.c.id)).scalar_one())


def keep_progress(db: Db, erasure_id: int, removed: Mapping[str, int], sealed: str) -> None:
    """How far one is that is under way."""
    _update(db, erasure_id, removed={**removed, _UNDER_WAY: sealed})


def progress(db: Db, org_id: int, erasure_id: int) -> tuple[dict[str, int], str | None] | None:
    """What was removed so far and the sealed rest, of one that is not finished; None for one that is."""
    c = t.erasure.c
    mine = (c.org_id == org_id, c.id == erasure_id, c.finished_at.is_(None))
    removed = db.execute(sa.select(c.removed).where(*mine)).scalar()
    return None if removed is None else (_counts(removed), removed.get(_UNDER_WAY))


@dataclass(frozen=True)
class UnderWay:
    """What an erasure that is not finished needs to go on, sealed."""

    id: int
    org_id: int
    org: str
    sealed: str


def under_way(db: Db) -> tuple[UnderWay, ...]:
    """All that are not finished, of all orgs."""
    c = t.erasure.c
    query = sa.select(c.id, c.org_id, t.org.c.slug, c.removed).join_from(t.erasure, t.org, t.org.c.id == c.org_id)
    rows = db.execute(query.where(c.finished_at.is_(None)).order_by(c.id))
    return tuple(
        UnderWay(row.id, row.org_id, row.slug, row.removed[_UNDER_WAY]) for row in rows if row.removed.get(_UNDER_WAY)
    )


def seal_anew(db: Db, one: UnderWay, sealed: str) -> bool:
    """Keep the same, sealed by another key; False: it has gone on meanwhile."""
    c = t.erasure.c
    here = sa.select(c.removed).where(c.id == one.id, c.finished_at.is_(None)).with_for_update()
    removed = db.execute(here).scalar()
    if removed is None or removed.get(_UNDER_WAY) != one.sealed:
        return False
    keep_progress(db, one.id, _counts(removed), sealed)
    return True


def finish(db: Db, erasure_id: int, removed: Mapping[str, int], now: datetime) -> None:
    """It is done: the counts are all that stays."""
    _update(db, erasure_id, removed=dict(removed), finished_at=now)


def lift(db: Db, erasure_id: int, now: datetime) -> None:
    """The person may come in again."""
    _update(db, erasure_id, lifted_at=now)


def erasures(db: Db, org_id: int, part: Slice) -> Page:
    """A page of an org's erasures, newest first."""
    ids = newest(t.erasure, t.erasure.c.org_id == org_id, part)
    rows = db.execute(sa.select(t.erasure).where(t.erasure.c.id.in_(ids)).order_by(t.erasure.c.id.desc())).all()
    shown, following = part.cut(rows)
    return Page(tuple(_shown(row) for row in shown), following)


def public_id(erasure_id: int) -> str:
    """How an erasure is named outside: `ers_<number>`."""
    return f"ers_{erasure_id}"


def _update(db: Db, erasure_id: int, **values: Any) -> None:
    db.execute(sa.update(t.erasure).where(t.erasure.c.id == erasure_id).values(**values))


def _counts(removed: Mapping[str, Any]) -> dict[str, int]:
    return {name: many for name, many in removed.items() if name != _UNDER_WAY}


def _shown(row: sa.Row[Any]) -> Record:
    return {
        "id": public_id(row.id),
        "asked_at": row.asked_at,
        "finished_at": row.finished_at,
        "lifted_at": row.lifted_at,
        "actor": row.actor,
        "removed": _counts(row.removed),
    }
