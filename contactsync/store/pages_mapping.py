"""Real records beside the rules of a mapping: what they say for each source, and one to try unsaved rules on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import DELETED, from_json, values
from contactsync.domain.records import Scalar, SyncStatus
from contactsync.store import tables as t
from contactsync.store.views_paging import Slice, newest_by_status

SHOWN = 30
"""So many of the newest records are looked at: enough to see what comes, and quick in an org of any size."""

_STATUSES = tuple(status.value for status in SyncStatus)


@dataclass(frozen=True)
class Example:
    """One record. `key` is its row's, `id` the event platform's; `says`: what it says by source, as far as it says it itself.
    `goes_as`: lead, contact or "" where that is not known, and for other records.
    """

    key: int
    id: str
    name: str = field(repr=False)
    says: dict[str, Scalar] = field(repr=False)
    goes_as: str = ""


def examples(db: Db, org_id: int, kind: str) -> tuple[Example, ...]:
    """The newest records that a kind of mapping is about, newest first: contacts, events or meetings."""
    match kind:
        case "campaign":
            return _events(db, org_id)
        case "meeting":
            return _meetings(db, org_id)
    part = Slice(SHOWN)
    keys = newest_by_status(t.contact, org_id, _STATUSES, part)
    return _contacts(db, org_id, t.contact.c.id.in_(keys))


def example(db: Db, org_id: int, kind: str, key: int) -> Example | None:
    """One record by its row's key; None: the org has none."""
    match kind:
        case "campaign":
            found = _events(db, org_id, key)
        case "meeting":
            found = _meetings(db, org_id, key)
        case _:
            found = _contacts(db, org_id, t.contact.c.id == key)
    return found[0] if found else None


def example_by_email(db: Db, org_id: int, email: str) -> Example | None:
    """The newest contact with this address."""
    here = (t.contact.c.org_id == org_id, t.contact.c.email == email.strip().lower())
    key = db.execute(sa.select(sa.func.max(t.contact.c.id)).where(*here)).scalar()
    return example(db, org_id, "contact", key) if key is not None else None


def _contacts(db: Db, org_id: int, which: sa.ColumnElement[bool]) -> tuple[Example, ...]:
    c, company = t.contact.c, t.company
    joined = sa.and_(company.c.org_id == c.org_id, company.c.key == c.company_key)
    columns = (c.id, c.source_id, c.fields, c.email, c.sync_as, company.c.fields.label("company"))
    query = (
        sa.select(*columns)
        .select_from(t.contact.outerjoin(company, joined))
        .where(c.org_id == org_id, which, c.deleted.is_(False))
        .order_by(c.id.desc())
    )
    return tuple(_contact(row) for row in db.execute(query))


def _contact(row: Any) -> Example:
    said = _said(row.fields) | {"id": row.source_id}
    said.pop("company", None)
    company = _said(row.company) if row.company else {}
    said |= {"company": company.get("name"), "name": company.get("name"), "domain": company.get("domain")}
    said |= {"account": company.get("account_id"), "owner": said.get("owner_email")}
    name = " ".join(str(said[path]) for path in ("first_name", "last_name") if said.get(path))
    goes_as = row.sync_as or str(said.get("sync_as") or "").lower()
    return Example(row.id, row.source_id, name or row.email or row.source_id, said, goes_as)


def _events(db: Db, org_id: int, key: int | None = None) -> tuple[Example, ...]:
    c = t.event.c
    query = sa.select(c.id, c.source_id, c.fields, c.name).where(c.org_id == org_id, c.deleted.is_(False), c.known)
    query = query.where(c.id == key) if key is not None else query.order_by(c.id.desc()).limit(SHOWN)
    return tuple(
        Example(row.id, row.source_id, row.name or row.source_id, _said(row.fields) | {"id": row.source_id})
        for row in db.execute(query)
    )


def _meetings(db: Db, org_id: int, key: int | None = None) -> tuple[Example, ...]:
    c = t.meeting.c
    keys = newest_by_status(t.meeting, org_id, _STATUSES, Slice(SHOWN), column=c.sync_status)
    which = c.id == key if key is not None else c.id.in_(keys)
    query = sa.select(c.id, c.source_id, c.fields).where(c.org_id == org_id, which, c.deleted.is_(False))
    return tuple(_meeting(row) for row in db.execute(query.order_by(c.id.desc())))


def _meeting(row: Any) -> Example:
    said = _said(row.fields) | {"id": row.source_id}
    said.pop("attendees", None)
    said |= {"owner": said.get("host_email"), "event": said.get("event_id")}
    return Example(row.id, row.source_id, str(said.get("title") or row.source_id), said)


def _said(fields: object) -> dict[str, Scalar]:
    read = values(from_json(fields)) if isinstance(fields, dict) else {}
    return {path: value for path, value in read.items() if path != DELETED}
