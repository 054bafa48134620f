"""What the console's audit log reads: who changed what by hand, with the names of those who did."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import from_json, values
from contactsync.store import tables as t
from contactsync.store.pages_overview import name_of
from contactsync.store.tables_console import console_user
from contactsync.store.views_paging import Slice, newest

SEARCHED = 5_000
"""A page that shows only some actions looks at so many entries, and says where to go on."""

_USER = re.compile(r"user:([1-9][0-9]{0,9})")
_ROW = re.compile(r"(contact|company) ([1-9][0-9]{0,17})")
_TOKEN = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Subject:
    """What something was done to, as it is called now. `kind`: user | contact | company | event | token."""

    kind: str
    key: int
    name: str


@dataclass(frozen=True)
class AuditLine:
    """One change. `who`: as people say it. `subject`: what it was done to, where that is a record that is still there."""

    key: int
    at: datetime
    who: str
    action: str
    about: str
    details: Mapping[str, Any]
    subject: Subject | None = None


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
    said = [match for row in rows for text in (row.actor, row.about) if (match := _USER.fullmatch(text))]
    c = console_user.c
    users = sa.select(c.id, c.name, c.email).where(c.id.in_({int(match[1]) for match in said}))
    names = {user.id: user.name or user.email for user in db.execute(users)}
    subjects = _subjects(db, rows)
    subjects |= {f"user:{number}": Subject("user", number, name) for number, name in names.items()}
    return tuple(
        AuditLine(
            row.id, row.at, actor_words(row.actor, names), row.action, row.about, row.details or {},
            subjects.get(_named(row)),
        )
        for row in rows
    )  # fmt: skip


def _named(row: sa.Row[Any]) -> str:
    """What the entry is about, told apart by what was done: an event's id may be any text, a token's is a bare number."""
    kind = str(row.action).partition(".")[0]
    return f"{kind} {row.about}" if kind in ("event", "token") else str(row.about)


def _subjects(db: Db, rows: Sequence[sa.Row[Any]]) -> dict[str, Subject]:
    """The records that these entries are about, by `_named`: one query for each kind that occurs."""
    org_ids = {row.org_id for row in rows}
    asked: dict[str, set[Any]] = {"contact": set(), "company": set(), "event": set(), "token": set()}
    for row in rows:
        kind = str(row.action).partition(".")[0]
        if kind == "event":
            asked[kind].add(row.about)
        elif kind == "token" and _TOKEN.fullmatch(row.about):
            asked[kind].add(int(row.about))
        elif match := _ROW.fullmatch(row.about):
            asked[match[1]].add(int(match[2]))
    company, event, token, contact = t.company.c, t.event.c, t.api_token.c, t.contact.c
    of_kind = {
        "contact": sa.select(contact.id, contact.id, contact.fields).where(contact.id.in_(asked["contact"])),
        "company": sa.select(company.id, company.id, company.name).where(company.id.in_(asked["company"])),
        "event": sa.select(event.id, event.source_id, event.name).where(event.source_id.in_(asked["event"])),
        "token": sa.select(token.id, token.id, token.label).where(token.id.in_(asked["token"])),
    }
    found: dict[str, Subject] = {}
    for kind, query in of_kind.items():
        if asked[kind]:
            for key, said, name in db.execute(query.where(sa.column("org_id").in_(org_ids))):
                called = name_of(values(from_json(name))) if kind == "contact" else name
                found[f"{kind} {said}"] = Subject(kind, key, called or "")
    return found


def actor_words(actor: str, names: Mapping[int, str]) -> str:
    """Whom the audit log means by `actor`; `names` of the console's users by their numbers."""
    user = _USER.fullmatch(actor)
    if user is not None:
        return names.get(int(user[1]), f"A user who was removed (no. {user[1]})")
    if actor.startswith("token:"):
        number, _, label = actor.removeprefix("token:").partition(" ")
        return f"API token “{label or f'no. {number}'}”"
    return f"{actor[:1].upper()}{actor[1:]}" if actor.startswith("command line") else actor
