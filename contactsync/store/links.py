"""What source records are tied to in the present CRM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.store import tables as t
from contactsync.store.due import chunks


def links_of(db: Db, connection_id: int | None, rows: Sequence[sa.Row[Any]]) -> dict[str, dict[RecordKind, RecordRef]]:
    """The people and Accounts that rows (`source_id`, `company_key`) are tied to: source → kind → record."""
    sources = {row.source_id for row in rows} | {row.company_key for row in rows if row.company_key}
    return links_to(db, connection_id, sources)


def links_to(db: Db, connection_id: int | None, sources: Iterable[str]) -> dict[str, dict[RecordKind, RecordRef]]:
    """The people and Accounts that contacts (by id) and companies (by key) are tied to: source → kind → record."""
    if connection_id is None:
        return {}
    found: dict[str, dict[RecordKind, RecordRef]] = {}
    for some in chunks(sources):
        query = sa.select(t.link.c.kind, t.link.c.source, t.link.c.crm_id).where(
            t.link.c.connection_id == connection_id,
            t.link.c.kind.in_([RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT]),
            t.link.c.source.in_(some),
        )
        for kind, source, crm_id in db.execute(query):
            found.setdefault(source, {})[RecordKind(kind)] = RecordRef(RecordKind(kind), crm_id)
    return found
