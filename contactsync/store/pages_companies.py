"""What the console's pages of companies read: all of them by name, and one with its contacts and its Account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import from_json, values
from contactsync.domain.search_keys import folded, up_to
from contactsync.store import tables as t
from contactsync.store.due import of_org
from contactsync.store.views_contacts import present_connection

STRETCH = 3_000
"""So many companies are looked through for a page of those that are linked, or not; the search goes on with the next page."""

MOST_MERGED = 200
"""So many of the companies that were merged into one are named."""

MOST_COUNTED = 1000
"""A company's contacts are counted no further than one more than this."""


class Show(StrEnum):
    """Which companies."""

    ALL = "all"
    LINKED = "linked"
    OPEN = "open"  # no Account is tied to it


@dataclass(frozen=True)
class CompanyShown:
    """A company. `key`: its number. `account_id`: the Account that is tied to it (`linked`), or that somebody picked for it.

    `chosen`: a person linked it here; `unlinked`: a person said that it has none. `said`: the event platform picked the
    Account. `contacts`: how many are of it, no further than one more than MOST_COUNTED. `writes_from`: one of their addresses.
    """

    key: int
    named_by: str
    name: str | None
    domain: str | None
    account_id: str | None
    linked: bool = False
    chosen: bool = False
    unlinked: bool = False
    said: bool = False
    contacts: int = 0
    writes_from: str | None = None

    @property
    def called(self) -> str:
        """Its name, or what else it is known by."""
        return self.name or self.domain or self.named_by.partition(":")[2] or "Without a name"


@dataclass(frozen=True)
class CompanyList:
    """Companies by name. `following`: the key after which the next page starts, None: there is none. `read_out`: more may fit
    than are shown, but they lie far apart.
    """

    rows: tuple[CompanyShown, ...]
    following: int | None = None
    read_out: bool = False


@dataclass(frozen=True)
class OfCompany:
    """A contact of a company."""

    key: int
    name: str
    email: str
    status: str


@dataclass(frozen=True)
class CompanyWhole:
    """One company with what belongs to it. `merged`: those that were merged into it; `is_now`: the one that it was merged
    into. `people`: its newest contacts.
    """

    company: CompanyShown
    people: tuple[OfCompany, ...] = ()
    merged: tuple[CompanyShown, ...] = ()
    is_now: CompanyShown | None = None


def company_list(
    db: Db,
    org_id: int,
    show: Show = Show.ALL,
    beginning: str = "",
    *,
    after: int | None = None,
    limit: int = 50,
    stretch: int = STRETCH,
) -> CompanyList:
    """A page of an org's companies by name, without those that were merged; those whose name begins so."""
    c = t.company.c
    here = [c.org_id == org_id, c.merged_into.is_(None)]
    key = folded(beginning)
    if key:
        first, end = up_to(key)
        here += [c.sort_name >= first, c.sort_name < end]
    elif beginning.strip():
        return CompanyList(())
    if after is not None:
        place = db.execute(
            sa.select(c.sort_name, c.id).where(of_org(t.company, org_id, by_key=True), c.id == after)
        ).first()
        if place is not None:
            here.append(sa.tuple_(c.sort_name, c.id) > sa.tuple_(sa.literal(place.sort_name), sa.literal(place.id)))
    most = limit + 1 if show is Show.ALL else stretch
    some = sa.select(c.id, c.key, c.sort_name).where(*here).order_by(c.sort_name, c.id).limit(most).subquery()
    found = sa.select(some.c.id)
    if show is not Show.ALL:
        tied = sa.exists().where(*_account_of(org_id, some.c.key))
        found = found.where(tied if show is Show.LINKED else ~tied)
    ids = list(db.execute(found.order_by(some.c.sort_name, some.c.id).limit(limit + 1)).scalars())
    rows = _rows(db, org_id, ids[:limit])
    if len(ids) > limit:
        return CompanyList(rows, ids[limit - 1])
    if show is Show.ALL:
        return CompanyList(rows)
    last = _last(db, some, stretch)
    return CompanyList(rows, last, read_out=last is not None)


def _last(db: Db, some: sa.Subquery, stretch: int) -> int | None:
    """Where a stretch ended that was not the last one."""
    query = sa.select(some.c.id).order_by(some.c.sort_name, some.c.id).offset(stretch - 1).limit(1)
    return db.execute(query).scalar()


def company_whole(db: Db, org_id: int, key: int, people: int = 20) -> CompanyWhole | None:
    """One company; None: the org has none of this key."""
    c = t.company.c
    row = db.execute(sa.select(c.key, c.merged_into).where(of_org(t.company, org_id, by_key=True), c.id == key)).first()
    if row is None:
        return None
    merged = sa.select(c.id).where(c.org_id == org_id, c.merged_into == row.key).order_by(c.id).limit(MOST_MERGED)
    others = list(db.execute(merged).scalars())
    is_now = None
    if row.merged_into is not None:
        is_now = db.execute(sa.select(c.id).where(c.org_id == org_id, c.key == row.merged_into)).scalar()
    known = {one.key: one for one in _rows(db, org_id, [key, *others, *([is_now] if is_now else [])])}
    return CompanyWhole(
        known[key],
        _people(db, org_id, row.key, people),
        tuple(known[other] for other in others if other in known),
        known.get(is_now) if is_now else None,
    )


def company_shown(db: Db, org_id: int, key: int) -> CompanyShown | None:
    """One company; None: the org has none of this key."""
    return next(iter(_rows(db, org_id, [key])), None)


def _people(db: Db, org_id: int, named_by: str, most: int) -> tuple[OfCompany, ...]:
    c = t.contact.c
    theirs = sa.select(c.id).where(c.org_id == org_id, c.company_key == named_by).order_by(c.id.desc()).limit(most)
    columns = (c[name] for name in ("id", "fields", "email", "source_id", "status"))
    rows = db.execute(sa.select(*columns).where(c.id.in_(theirs)).order_by(c.id.desc()))
    return tuple(OfCompany(row.id, _name(row), row.email or "", row.status) for row in rows)


def _name(row: sa.Row[Any]) -> str:
    said = values(from_json(row.fields))
    names = [str(said.get(name) or "").strip() for name in ("first_name", "last_name")]
    return " ".join(name for name in names if name) or row.email or row.source_id


def _account_of(org_id: int, key: sa.ColumnElement[str]) -> tuple[sa.ColumnElement[bool], ...]:
    c = t.link.c
    return c.connection_id == present_connection(org_id), c.kind == RecordKind.ACCOUNT.value, c.source == key


def _rows(db: Db, org_id: int, ids: Sequence[int]) -> tuple[CompanyShown, ...]:
    """These companies, in this order."""
    if not ids:
        return ()
    c = t.company.c
    chosen = sa.case((c.choice_connection_id == present_connection(org_id), c.account_choice))
    query = (
        sa.select(
            *(c.id, c.key, c.fields, t.link.c.crm_id, chosen.label("chosen")),
            _one_address(org_id).label("email"),
            _contact_count(org_id).label("contacts"),
        )
        .select_from(t.company.outerjoin(t.link, sa.and_(*_account_of(org_id, c.key))))
        .where(of_org(t.company, org_id, by_key=True), c.id.in_(sorted(set(ids))))
    )
    rows = {row.id: row for row in db.execute(query)}
    return tuple(_shown(rows[key]) for key in ids if key in rows)


def _one_address(org_id: int) -> sa.ScalarSelect[str]:
    c = t.contact.c
    theirs = (c.org_id == org_id, c.company_key == t.company.c.key, c.email.is_not(None))
    return sa.select(c.email).where(*theirs).limit(1).scalar_subquery()


def _contact_count(org_id: int) -> sa.ScalarSelect[int]:
    """How many contacts a company has, no further than MOST_COUNTED."""
    c = t.contact.c
    theirs = sa.select(c.id).where(c.org_id == org_id, c.company_key == t.company.c.key).correlate(t.company)
    some = theirs.limit(MOST_COUNTED + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


def _shown(row: sa.Row[Any]) -> CompanyShown:
    said = {path: value for path, value in values(from_json(row.fields)).items() if isinstance(value, str) and value}
    unlinked = row.chosen == ""
    picked = None if unlinked else row.chosen or said.get("account_id")
    linked = row.crm_id is not None and not unlinked
    return CompanyShown(
        key=row.id,
        named_by=row.key,
        name=said.get("name"),
        domain=said.get("domain"),
        account_id=row.crm_id if linked else picked,
        linked=linked,
        chosen=bool(row.chosen),
        unlinked=unlinked,
        said=row.chosen is None and bool(said.get("account_id")),
        contacts=row.contacts,
        writes_from=row.email,
    )
