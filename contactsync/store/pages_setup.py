"""What the pages read that lead from nothing to the first contact: what is set up, and what became of a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import from_json, values
from contactsync.store import tables as t


@dataclass(frozen=True)
class FollowedContact:
    """A contact on its way. `problem`: {"cause", "fix", "who", …}."""

    key: int
    name: str
    status: str
    missing: tuple[str, ...]
    problem: Mapping[str, Any] | None = field(repr=False)
    crm_kind: str | None
    crm_id: str | None
    synced_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True)
class FollowedDelivery:
    """A webhook that was kept: accepted → absorbed, or failed, or rejected at once."""

    key: int
    status: str
    received_at: datetime


def followed_contact(db: Db, org_id: int, source_id: str) -> FollowedContact | None:
    """One contact by the event platform's id."""
    c = t.contact.c
    row = db.execute(sa.select(t.contact).where(c.org_id == org_id, c.source_id == source_id)).first()
    if row is None:
        return None
    said = values(from_json(row.fields))
    name = " ".join(str(said[part]) for part in ("first_name", "last_name") if said.get(part))
    return FollowedContact(
        key=row.id,
        name=name or str(said.get("email") or "Without a name"),
        status=row.status,
        missing=tuple(row.missing or ()),
        problem=row.problem,
        crm_kind=row.crm_kind,
        crm_id=row.crm_id,
        synced_at=row.last_synced_at,
        updated_at=row.updated_at,
    )


def followed_delivery(db: Db, org_id: int, key: int) -> FollowedDelivery | None:
    """One webhook of the org by its number."""
    c = t.delivery.c
    row = db.execute(sa.select(c.id, c.status, c.received_at).where(c.org_id == org_id, c.id == key)).first()
    return None if row is None else FollowedDelivery(*row)


def platform_was_heard(db: Db, org_id: int, prefix: str) -> bool:
    """Whether the event platform itself has ever sent something: neither a test, nor what people typed here."""
    c = t.delivery.c
    query = sa.select(c.id).where(
        c.org_id == org_id, c.door != "console", sa.not_(c.webhook_id.startswith(prefix, autoescape=True))
    )
    return db.execute(query.limit(1)).first() is not None
