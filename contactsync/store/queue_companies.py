"""The companies of contacts, as planning takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.domain.merge import from_json, values
from contactsync.domain.records import Company
from contactsync.store import tables as t
from contactsync.store.due import chunks
from contactsync.store.links import links_to


def companies_of(db: Db, org_id: int, connection_id: int | None, keys: Iterable[str]) -> dict[str, Company]:
    """The org's companies of these keys, as far as there are any. What a person chose here of a company's Account goes before
    what the event platform says; but of another CRM it says nothing about the present one.
    """
    c = t.company.c
    companies: dict[str, Company] = {}
    for some in chunks(keys):
        query = sa.select(c.key, c.fields, c.account_choice, c.choice_connection_id)
        for row in db.execute(query.where(c.org_id == org_id, c.key.in_(some))):
            said = {path: value for path, value in values(from_json(row.fields)).items() if isinstance(value, str)}
            chosen = row.account_choice if row.choice_connection_id == connection_id else None
            account_id = said.get("account_id") if chosen is None else chosen or None
            named = said.get("name"), said.get("domain")
            companies[row.key] = Company(row.key, *named, account_id, unlinked=chosen == "")
    return companies


def companies_named(
    db: Db, org_id: int, connection_id: int | None, keys: Collection[str]
) -> dict[str, tuple[Company, RecordRef | None]]:
    """Of these keys those that the org knows a company by: key → the company that it is now, and its Account, if linked."""
    c = t.company.c
    now: dict[str, str] = {}
    for some in chunks(keys):
        query = sa.select(c.key, c.merged_into).where(c.org_id == org_id, c.key.in_(some))
        now |= {row.key: row.merged_into or row.key for row in db.execute(query)}
    companies = companies_of(db, org_id, connection_id, now.values())
    links = links_to(db, connection_id, companies)
    return {
        key: (companies[kept], links.get(kept, {}).get(RecordKind.ACCOUNT))
        for key, kept in now.items()
        if kept in companies
    }
