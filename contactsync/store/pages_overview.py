"""What the overview reads: how everything stands, what is wrong, what happened lately and hour by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import from_json, values
from contactsync.store import hourly
from contactsync.store import tables as t
from contactsync.store.hourly import HourCount
from contactsync.store.pages_problems import ProblemCard, Standing, problem_list
from contactsync.store.views_status import OrgStatus, status_of

LATELY = 6
"""Contacts that are shown as synced last."""


@dataclass(frozen=True)
class SyncedContact:
    """A contact that was brought to the CRM. `key`: its number in the database; `kind`: RecordKind's value."""

    key: int
    name: str
    company: str
    status: str
    kind: str | None
    synced_at: datetime


@dataclass(frozen=True)
class Overview:
    """Everything that one look takes in. `problems`: those that need somebody and that nobody dismissed; `dismissed`: how many
    contacts would need somebody, had not somebody dismissed what is wrong with them.
    """

    status: OrgStatus
    problems: tuple[ProblemCard, ...]
    dismissed: int
    lately: tuple[SyncedContact, ...]
    hours: tuple[HourCount, ...]


def overview(db: Db, org_id: int, now: datetime, starts: Sequence[datetime]) -> Overview:
    """An org's overview, with what was counted between these times, in a number of queries that grows with nothing."""
    found = problem_list(db, org_id)
    return Overview(
        status=status_of(db, org_id, now),
        problems=(*found.of(Standing.STOPPED), *found.of(Standing.NEEDS)),
        dismissed=sum(one.attention for one in found.dismissed),
        lately=lately(db, org_id),
        hours=hourly.gathered(db, org_id, starts),
    )


def lately(db: Db, org_id: int, most: int = LATELY) -> tuple[SyncedContact, ...]:
    """The contacts that were synced last, newest first: one end of an index."""
    c, named = t.contact.c, t.company
    query = (
        sa.select(c.id, c.fields, c.company_key, c.status, c.crm_kind, c.last_synced_at, named.c.name)
        .select_from(t.contact.outerjoin(named, sa.and_(named.c.org_id == c.org_id, named.c.key == c.company_key)))
        .where(c.org_id == org_id, c.last_synced_at.is_not(None))
        .order_by(c.last_synced_at.desc(), c.id.desc())
        .limit(most)
    )
    return tuple(
        SyncedContact(
            row.id, name_of(values(from_json(row.fields))), row.name or "", row.status, row.crm_kind, row.last_synced_at
        )
        for row in db.execute(query)
    )


def name_of(fields: Mapping[str, object]) -> str:
    """How a contact is called: its names, else its address, else that it has none."""
    names = " ".join(str(fields[part]) for part in ("first_name", "last_name") if fields.get(part))
    return names or str(fields.get("email") or "Without a name")
