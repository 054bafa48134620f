"""What the console's audit log reads: who changed what by hand, with the names of those who did."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t
from contactsync.store.tables_console import console_user
from contactsync.store.views_paging import Slice, newest

SEARCHED = 5_000
"""A page that shows only some actions looks at so many entries, and says where to go on."""

_USER = re.compile(r"user:([1-9][0-9]{0,9})")


@dataclass(frozen=True)
class AuditLine:
    """One change. `who`: as people say it."""

    key: int
    at: datetime
    who: str
    action: str
    about: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class AuditPage:
    """Some changes, newest first. `next`: go on below this number; `searched`: as of DeliveryList."""

    lines: tuple[AuditLine, ...]
    next: int | None = None
    searched: int = 0


def audit_page(
    db: Db, org_id: int, actions: Collection[str] | None, *, before: int | None, limit: int, most: int = SEARCHED
) -> AuditPage:
    """A page of an org's entries: of these actions alone, or (None) of all. It reads no more than `most` of them."""
    c = t.audit_entry.c
    part = Slice(limit if actions is None else most, before)
    ids = list(db.execute(newest(t.audit_entry, c.org_id == org_id, part)).scalars())
    looked_at = ids[: part.limit]
    query = sa.select(t.audit_entry).where(c.id.in_(looked_at)).order_by(c.id.desc())
    if actions is None:
        rows = db.execute(query).all()
        return AuditPage(_lines(db, rows), looked_at[-1] if len(ids) > limit else None)
    rows = db.execute(query.where(c.action.in_(list(actions))).limit(limit + 1)).all()
    if len(rows) > limit:
        return AuditPage(_lines(db, rows[:limit]), rows[limit - 1].id)
    if len(ids) > most:
        return AuditPage(_lines(db, rows), looked_at[-1], most)
    return AuditPage(_lines(db, rows))


def last_change(db: Db, org_id: int, action: str, about: str = "") -> AuditLine | None:
    """Who last did this, to this; None when it was too long ago to be said quickly."""
    page = audit_page(db, org_id, {action}, before=None, limit=20, most=500)
    return next((line for line in page.lines if line.about == about), None)


def _lines(db: Db, rows: Sequence[sa.Row[Any]]) -> tuple[AuditLine, ...]:
    numbers = {int(match[1]) for row in rows if (match := _USER.fullmatch(row.actor))}
    c = console_user.c
    names = {
        user.id: user.name or user.email
        for user in db.execute(sa.select(c.id, c.name, c.email).where(c.id.in_(numbers)))
    }
    return tuple(
        AuditLine(row.id, row.at, actor_words(row.actor, names), row.action, row.about, row.details or {})
        for row in rows
    )


def actor_words(actor: str, names: Mapping[int, str]) -> str:
    """Whom the audit log means by `actor`; `names` of the console's users by their numbers."""
    user = _USER.fullmatch(actor)
    if user is not None:
        return names.get(int(user[1]), f"A user who was removed (no. {user[1]})")
    if actor.startswith("token:"):
        number, _, label = actor.removeprefix("token:").partition(" ")
        return f"API token “{label or f'no. {number}'}”"
    return f"{actor[:1].upper()}{actor[1:]}" if actor.startswith("command line") else actor
