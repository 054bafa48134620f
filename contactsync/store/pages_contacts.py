"""The list of contacts as the console shows it: a page of it, chosen, sorted and searched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import from_json, values
from contactsync.domain.records import Scalar, SyncStatus
from contactsync.store import tables as t
from contactsync.store.counts import counted
from contactsync.store.due import of_org
from contactsync.store.pages_contacts_found import (
    STILL_OPEN,
    Asked,
    ContactChoice,
    FoundIds,
    Named,
    Place,
    Sort,
    find,
    place_from,
)
from contactsync.store.views_contacts import held_up, present_connection

__all__ = [
    "Asked",
    "ContactChoice",
    "ContactPage",
    "ContactRow",
    "Place",
    "Sort",
    "Titles",
    "contact_page",
    "counts_by_status",
    "ids_of",
    "place_from",
]


@dataclass(frozen=True)
class ContactRow:
    """A contact in a list. `crm_id` None: nothing in the present CRM is known to be it; `problem` None: none holds it now,
    else {"cause", "fix", …}; `missing`: the names of what an incomplete one lacks.
    """

    key: int
    source_id: str
    name: str
    email: str
    company: str
    company_key: int | None
    company_linked: bool
    sync_as: str | None
    crm_kind: str | None
    crm_id: str | None
    status: SyncStatus
    missing: tuple[str, ...]
    last_synced_at: datetime | None
    problem: Mapping[str, Any] | None
    deleted: bool


@dataclass(frozen=True)
class Titles:
    """What a choice of contacts is called on its page. None: not chosen by it."""

    event: str | None = None
    company: str | None = None


@dataclass(frozen=True)
class ContactPage:
    """Contacts in their order. `following`: where the next page starts, None: there is none. `read_out`: more may fit than
    are shown, but they lie so far apart that the search for them goes on with the next page.
    """

    rows: tuple[ContactRow, ...]
    following: Place | None = None
    read_out: bool = False
    titles: Titles = Titles()


def contact_page(db: Db, org_id: int, asked: Asked) -> ContactPage | None:
    """A page of an org's contacts; None: it has no such event, or no such company."""
    found = _named(db, org_id, asked.choice)
    if found is None:
        return None
    named, titles = found
    ids = find(db, org_id, asked, named)
    return ContactPage(_rows(db, org_id, ids), ids.following, ids.read_out, titles)


def counts_by_status(db: Db, org_id: int) -> dict[SyncStatus, int]:
    """How many contacts of an org there are in each status."""
    many = dict.fromkeys(SyncStatus, 0)
    for one in counted(db, org_id):
        if one.subject == "contact" and one.status:
            many[SyncStatus(one.status)] += one.records
    return many


def ids_of(db: Db, org_id: int, keys: Sequence[int]) -> tuple[str, ...]:
    """The event platform's ids of those of these contacts that the org has and that were not deleted there."""
    c = t.contact.c
    query = sa.select(c.source_id).where(
        of_org(t.contact, org_id, by_key=True), c.id.in_(sorted(keys)), c.deleted.is_(False)
    )
    return tuple(db.execute(query.order_by(c.id)).scalars())


def how_many_lack(db: Db, org_id: int, keys: Collection[int]) -> int:
    """How many of these contacts lack something, so that they cannot go to the CRM."""
    c = t.contact.c
    lack = sa.select(sa.func.count()).where(
        of_org(t.contact, org_id, by_key=True), c.id.in_(sorted(keys)), c.status == SyncStatus.INCOMPLETE
    )
    return int(db.execute(lack).scalar_one())


def _named(db: Db, org_id: int, choice: ContactChoice) -> tuple[Named, Titles] | None:
    event = company = None
    if choice.event is not None:
        e = t.event.c
        event = db.execute(sa.select(e.source_id, e.name).where(e.id == choice.event, e.org_id + 0 == org_id)).first()
    if choice.company is not None:
        c = t.company.c
        company = db.execute(sa.select(c.key, c.name).where(c.id == choice.company, c.org_id + 0 == org_id)).first()
    if (choice.event is not None and event is None) or (choice.company is not None and company is None):
        return None
    named = Named(event.source_id if event else None, company.key if company else None)
    titles = Titles(
        (event.name or event.source_id) if event else None, (company.name or company.key) if company else None
    )
    return named, titles


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_SHOWN = (
    "id",
    "source_id",
    "fields",
    "company_key",
    "sync_as",
    "crm_kind",
    "status",
    "missing",
    "last_synced_at",
    "problem",
    "due_at",
    "deleted",
)


class _Company(NamedTuple):
    key: int | None = None
    name: str = ""
    linked: bool = False


_NO_COMPANY = _Company()


def _rows(db: Db, org_id: int, found: FoundIds) -> tuple[ContactRow, ...]:
    """The contacts with their companies and records, in three queries however many they are."""
    c = t.contact.c
    here = sa.and_(of_org(t.contact, org_id, by_key=True), c.id.in_(found.keys))
    rows = {row.id: row for row in db.execute(sa.select(*(c[name] for name in _SHOWN)).where(here))}
    companies = _companies(db, org_id, {row.company_key for row in rows.values() if row.company_key})
    people = _people(db, org_id, [row.source_id for row in rows.values()])
    return tuple(_row(rows[key], companies, people) for key in found.keys if key in rows)


def _row(row: sa.Row[Any], companies: Mapping[str, _Company], people: Mapping[tuple[str, str], str]) -> ContactRow:
    said = values(from_json(row.fields))
    company = companies.get(row.company_key, _NO_COMPANY)
    crm_id = people.get((row.source_id, row.crm_kind))
    status, wished = SyncStatus(row.status), _text(said.get("sync_as")).lower() or None
    return ContactRow(
        key=row.id,
        source_id=row.source_id,
        name=" ".join(part for part in (_text(said.get("first_name")), _text(said.get("last_name"))) if part),
        email=_text(said.get("email")),
        company=company.name,
        company_key=company.key,
        company_linked=company.linked,
        sync_as=(wished or row.sync_as) if status in STILL_OPEN else (row.sync_as or wished),
        crm_kind=row.crm_kind if crm_id else None,
        crm_id=crm_id,
        status=status,
        missing=tuple(row.missing or ()) if status is SyncStatus.INCOMPLETE else (),
        last_synced_at=row.last_synced_at,
        problem=row.problem if held_up(row) else None,
        deleted=row.deleted,
    )


def _text(value: Scalar) -> str:
    return value.strip() if isinstance(value, str) else ""


def _companies(db: Db, org_id: int, keys: set[str]) -> dict[str, _Company]:
    link = sa.and_(
        t.link.c.connection_id == present_connection(org_id),
        t.link.c.kind == RecordKind.ACCOUNT,
        t.link.c.source == t.company.c.key,
    )
    query = (
        sa.select(t.company.c.id, t.company.c.key, t.company.c.name, t.link.c.crm_id.label("linked_to"))
        .select_from(t.company.outerjoin(t.link, link))
        .where(t.company.c.org_id == org_id, t.company.c.key.in_(sorted(keys)))
    )
    return {row.key: _Company(row.id, row.name or "", row.linked_to is not None) for row in db.execute(query)}


def _people(db: Db, org_id: int, ids: Sequence[str]) -> dict[tuple[str, str], str]:
    query = sa.select(t.link.c.source, t.link.c.kind, t.link.c.crm_id).where(
        t.link.c.connection_id == present_connection(org_id),
        t.link.c.kind.in_([kind.value for kind in RecordKind if kind.is_person]),
        t.link.c.source.in_(ids),
    )
    return {(row.source, row.kind): str(row.crm_id) for row in db.execute(query)}
