"""What an edit must know of the contacts that it changes: whether they are there, and how new their values are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import State, from_json
from contactsync.store import tables as t
from contactsync.store.due import chunks


@dataclass(frozen=True)
class Editable:
    """A contact that may be edited: its key in the database, and its state."""

    key: int
    state: State


def editable(db: Db, org_id: int, contact_ids: Collection[str]) -> dict[str, Editable]:
    """Those of the contacts that are there and not deleted at the event platform, by id."""
    c = t.contact.c
    found: dict[str, Editable] = {}
    for some in chunks(contact_ids):
        query = sa.select(c.id, c.source_id, c.fields).where(
            c.org_id == org_id, c.source_id.in_(some), c.deleted.is_(False)
        )
        found |= {row.source_id: Editable(row.id, from_json(row.fields)) for row in db.execute(query)}
    return found


def company_states(db: Db, org_id: int, keys: Collection[str]) -> Mapping[str, State]:
    """The states of companies, by key, of those that are known."""
    c = t.company.c
    found: dict[str, State] = {}
    for some in chunks(keys):
        query = sa.select(c.key, c.fields).where(c.org_id == org_id, c.key.in_(some))
        found |= {row.key: from_json(row.fields) for row in db.execute(query)}
    return found


def still_waiting(db: Db, org_id: int, deliveries: Collection[int]) -> bool:
    """Whether one of these deliveries is not brought in yet."""
    c = t.delivery.c
    waits = sa.select(c.id).where(c.org_id == org_id, c.id.in_(deliveries), c.status == "accepted")
    return db.execute(waits.limit(1)).first() is not None
