"""Companies as people put them right: which Account one is, that it has none, and that two of them are one.

A merged company keeps its row, and what is said of it from then on: whoever names it names the company that it was merged
into (`merged_into`, never a chain: always the last one). Contacts hold the key of the company that they are of now; which
one was said of them stays in their fields, so that a merge can be taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import Stamped, State, as_json, from_json, values
from contactsync.domain.search_keys import company_keys
from contactsync.store import tables as t
from contactsync.store.due import chunks
from contactsync.store.queue import mark_due

SHARED_FIELDS = ("name", "domain", "account_id")
"""What a company that was merged into another one lends to it, as long as that one says nothing itself."""

_NEVER_SAID = ""
"""The version of a lent value: older than all that anybody says."""


@dataclass(frozen=True)
class CompanyRow:
    """A company as it is kept. `choice`: the Account that a person chose over the connection asked for, "" for none, None:
    nobody chose.
    """

    id: int
    key: str
    state: State
    merged_into: str | None = None
    choice: str | None = None

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        return self._said("name")

    @property
    def domain(self) -> str | None:
        """The host name of its website."""
        return self._said("domain")

    def _said(self, path: str) -> str | None:
        value = values(self.state).get(path)
        return value if isinstance(value, str) and value.strip() else None


def company_by_key(db: Db, org_id: int, connection_id: int | None, key: str) -> CompanyRow | None:
    """One company; None when the org has none of this key."""
    return _one(db, connection_id, sa.and_(t.company.c.org_id == org_id, t.company.c.key == key))


def company_by_number(db: Db, org_id: int, connection_id: int | None, number: int) -> CompanyRow | None:
    """One company by its number in the database."""
    return _one(db, connection_id, sa.and_(t.company.c.org_id == org_id, t.company.c.id == number))


def _one(db: Db, connection_id: int | None, which: sa.ColumnElement[bool]) -> CompanyRow | None:
    row = db.execute(sa.select(t.company).where(which)).first()
    if row is None:
        return None
    choice = row.account_choice if row.choice_connection_id == connection_id else None
    return CompanyRow(row.id, row.key, from_json(row.fields), row.merged_into, choice)


def merged_into(db: Db, org_id: int, keys: Collection[str]) -> dict[str, str]:
    """Of these companies' keys those that were merged: key → the key of the company that they are now."""
    c = t.company.c
    found: dict[str, str] = {}
    for some in chunks(keys):
        query = sa.select(c.key, c.merged_into).where(c.org_id == org_id, c.key.in_(some), c.merged_into.is_not(None))
        found |= {row.key: row.merged_into for row in db.execute(query)}
    return found


def unlinked_companies(db: Db, org_id: int, connection_id: int, keys: Collection[str]) -> list[str]:
    """Those of these companies of which a person said that they have no Account."""
    c = t.company.c
    found: list[str] = []
    for some in chunks(keys):
        said = (c.account_choice == "", c.choice_connection_id == connection_id)
        found += db.execute(sa.select(c.key).where(c.org_id == org_id, c.key.in_(some), *said)).scalars()
    return found


def chosen_since(db: Db, org_id: int, company_choices: int, keys: Collection[str]) -> frozenset[str]:
    """Those of these companies of which people chose something after the org counted so many choices: of these, what was
    planned before holds no more.
    """
    c = t.company.c
    found: set[str] = set()
    for some in chunks(keys):
        later = (c.org_id == org_id, c.key.in_(some), c.chosen_as > company_choices)
        found.update(db.execute(sa.select(c.key).where(*later)).scalars())
    return frozenset(found)


def _count_choice(db: Db, org_id: int, *which: sa.ColumnElement[bool]) -> None:
    """Number what was just chosen of these companies. The org's row is locked by it: a worker that holds it is done before."""
    counted = sa.update(t.org).where(t.org.c.id == org_id).values(company_choices=t.org.c.company_choices + 1)
    number = db.execute(counted.returning(t.org.c.company_choices)).scalar_one()
    for one in which:  # each by its own index
        db.execute(sa.update(t.company).where(t.company.c.org_id == org_id, one).values(chosen_as=number))


# ── the Account of a company ───────────────────────────────────────────────────────────────────────────────────────


def choose_account(db: Db, org_id: int, connection_id: int, key: str, account_id: str | None, now: datetime) -> int:
    """What a person says of a company's Account: its id, "" for none, None: as matching finds it. Its contacts go again;
    answers how many.
    """
    c = t.company.c
    chosen = {"account_choice": account_id, "choice_connection_id": None if account_id is None else connection_id}
    db.execute(sa.update(t.company).where(c.org_id == org_id, c.key == key).values(chosen))
    _count_choice(db, org_id, c.key == key)
    if account_id:
        _tie(db, connection_id, key, account_id, now)
    else:
        db.execute(sa.delete(t.link).where(*_link_of(connection_id, key)))
    return contacts_due(db, org_id, key, now)


def contacts_due(db: Db, org_id: int, key: str, now: datetime) -> int:
    """Put a company's contacts into the queue, to go even if nothing of themselves changed; answers how many."""
    return mark_due(db, org_id, t.contact.c.company_key == key, now, forced=True)


def account_link(db: Db, connection_id: int | None, key: str) -> str | None:
    """The id of the Account that a company is tied to."""
    if connection_id is None:
        return None
    return db.execute(sa.select(t.link.c.crm_id).where(*_link_of(connection_id, key))).scalar()


def _link_of(connection_id: int, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    c = t.link.c
    return c.connection_id == connection_id, c.kind == RecordKind.ACCOUNT.value, c.source == key


def _tie(db: Db, connection_id: int, key: str, account_id: str, now: datetime) -> None:
    insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    row = {"connection_id": connection_id, "kind": RecordKind.ACCOUNT.value, "source": key, "crm_id": account_id}
    statement = insert(t.link).values(**row, created_by_us=False, updated_at=now)
    tied = {"crm_id": account_id, "updated_at": now, "created_by_us": False}
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["connection_id", "kind", "source"], set_=tied, where=t.link.c.crm_id != account_id
        )
    )


# ── two companies that are one ─────────────────────────────────────────────────────────────────────────────────────


def merge(db: Db, org_id: int, connection_id: int | None, gone: CompanyRow, kept: CompanyRow, now: datetime) -> int:
    """Have one company be another one from now on, and with it those that were merged into it before. The contacts of both
    go again; answers how many.

    What `kept` does not say itself, name, domain, Account, it takes over.
    """
    c = t.company.c
    for which in (c.key == gone.key, c.merged_into == gone.key):  # each by its own index
        db.execute(sa.update(t.company).where(c.org_id == org_id, which).values(merged_into=kept.key))
    by_hand = {"merged_by_hand_into": kept.key}
    db.execute(sa.update(t.company).where(c.id == gone.id).values(by_hand))
    lent = {path: gone.state[path].value for path in SHARED_FIELDS if path in gone.state and path not in kept.state}
    if lent:
        state = {**kept.state, **{path: Stamped(value, _NEVER_SAID) for path, value in lent.items()}}
        name = values(state).get("name")
        told = {"fields": as_json(state), "name": name, **company_keys(name)}
        db.execute(sa.update(t.company).where(c.id == kept.id).values(told))
    if connection_id is not None and kept.choice is None and account_link(db, connection_id, kept.key) is None:
        _inherit(db, connection_id, gone, kept, now)
    _move(db, org_id, gone.key, kept.key)
    _count_choice(db, org_id, c.key == kept.key, c.merged_into == kept.key)
    return contacts_due(db, org_id, kept.key, now)


def _inherit(db: Db, connection_id: int, gone: CompanyRow, kept: CompanyRow, now: datetime) -> None:
    if gone.choice is not None:
        chosen = {"account_choice": gone.choice, "choice_connection_id": connection_id}
        db.execute(sa.update(t.company).where(t.company.c.id == kept.id).values(chosen))
    linked = account_link(db, connection_id, gone.key)
    if linked is not None:
        _tie(db, connection_id, kept.key, linked, now)


def _move(db: Db, org_id: int, before: str, after: str) -> None:
    c = t.contact.c
    db.execute(sa.update(t.contact).where(c.org_id == org_id, c.company_key == before).values(company_key=after))


def take_apart(db: Db, org_id: int, gone: CompanyRow, now: datetime) -> int:
    """Have a merged company be one of its own again, with those that were merged into it before: whoever was said to be of
    any of them is of it again. The contacts of both go again; answers how many.
    """
    c, company, here = t.contact.c, t.company.c, t.contact.c.org_id == org_id
    kept = gone.merged_into
    if kept is None:
        return 0
    followers = _merged_by_way_of(db, org_id, gone)
    alone = {"merged_into": None, "merged_by_hand_into": None}
    db.execute(sa.update(t.company).where(company.id == gone.id).values(alone))
    for some in chunks(followers):
        which = (company.org_id == org_id, company.key.in_(some))
        db.execute(sa.update(t.company).where(*which).values(merged_into=gone.key))
    names = {gone.key, *followers}
    theirs = [
        row.id
        for row in db.execute(sa.select(c.id, c.fields).where(here, c.company_key == kept))
        if _said_company(row.fields) in names
    ]
    for some in chunks(theirs):
        db.execute(sa.update(t.contact).where(c.id.in_(some)).values(company_key=gone.key))
    _count_choice(db, org_id, company.key.in_([gone.key, kept]), company.merged_into == gone.key)
    return contacts_due(db, org_id, gone.key, now) + contacts_due(db, org_id, kept, now)


def _merged_by_way_of(db: Db, org_id: int, gone: CompanyRow) -> set[str]:
    """The companies that became what a merged one became because they had been merged into that one, or into such a one."""
    c = t.company.c
    query = sa.select(c.key, c.merged_by_hand_into).where(c.org_id == org_id, c.merged_into == gone.merged_into)
    into: dict[str | None, list[str]] = {}
    for row in db.execute(query):
        into.setdefault(row.merged_by_hand_into, []).append(row.key)
    found: set[str] = set()
    ahead = [gone.key]
    while ahead:
        for key in into.get(ahead.pop(), ()):
            if key not in found and key != gone.key:
                found.add(key)
                ahead.append(key)
    return found


def _said_company(fields: Mapping[str, Any]) -> object:
    held: Sequence[Any] | None = fields["fields"].get("company")
    return held[0] if held else None
