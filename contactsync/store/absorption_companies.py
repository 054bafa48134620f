"""What absorbing writes of companies, and which company a contact is of by what people said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import ContactChange
from contactsync.domain.merge import as_json, values
from contactsync.domain.search_keys import company_keys
from contactsync.store import tables as t
from contactsync.store.companies import choose_account, merged_into
from contactsync.store.connections import present
from contactsync.store.due import chunks
from contactsync.store.held import Held, held_records, save
from contactsync.store.queue import mark_due

_PICKED = "account_id"


def write_companies(db: Db, org_id: int, changes: Sequence[ContactChange], now: datetime) -> None:
    """Bring what was said of companies into them; the contacts of those that it changes go into the queue.

    An Account that a person picks here is chosen for the company, and stays so whatever the event platform says.
    """
    said = [(change.company, change.by_hand) for change in changes if change.company is not None]
    if not said:
        return
    held = held_records(db, t.company, t.company.c.key, org_id, {change.key for change, _ in said})
    picked: dict[str, str | None] = {}
    for change, by_hand in said:
        record = held[change.key]
        before = record.state.get(_PICKED)
        record.merge(dict(change.changes), change.version)
        if by_hand and _PICKED in change.changes and record.state.get(_PICKED) != before:
            value = change.changes[_PICKED]
            picked[change.key] = value if isinstance(value, str) and value else None
    known = {name for name, record in held.items() if record.key is not None and record.changed}
    save(db, t.company, held, _row, lambda name: {"org_id": org_id, "key": name})
    for some in chunks(known):
        mark_due(db, org_id, t.contact.c.company_key.in_(some), now)
    if picked:
        _choose(db, org_id, picked, now)


def _choose(db: Db, org_id: int, picked: dict[str, str | None], now: datetime) -> None:
    connection = present(db, org_id)
    if connection is None:  # the event platform's word and the person's are one until there is a CRM
        return
    instead = merged_into(db, org_id, picked)
    for key, account_id in sorted(picked.items()):
        choose_account(db, org_id, connection.id, instead.get(key, key), account_id, now)


def _row(record: Held) -> dict[str, Any]:
    name = values(record.state).get("name")
    return {"fields": as_json(record.state), "name": name, **company_keys(name)}


def companies_now(db: Db, org_id: int, contacts: Sequence[Held]) -> dict[str, str]:
    """Of the companies that these contacts were said to be of those that were merged: key → the one that they are now."""
    said = (values(record.state).get("company") for record in contacts)
    return merged_into(db, org_id, {key for key in said if isinstance(key, str)})
