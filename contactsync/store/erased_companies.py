"""Companies that are called like an erased person and that nobody else is of: those of freelancers go with them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import from_json, values
from contactsync.domain.person import Person
from contactsync.store import tables as t
from contactsync.store.due import chunks


def remove_companies(db: Db, org_id: int, person: Person) -> int:
    """Delete companies that are called like the person and that nobody else is of; answers how many.

    With a company those that were merged into it are looked at: each may be called like the person.
    """
    c = t.contact.c
    many = 0
    said: dict[str, set[str]] = {}
    for some in chunks(person.ids):
        theirs = (c.org_id == org_id, c.source_id.in_(some), c.company_key.is_not(None))
        for row in db.execute(sa.select(c.company_key, c.fields).where(*theirs)):
            said.setdefault(row.company_key, set()).add(str(values(from_json(row.fields)).get("company")))
    for key, named in sorted(said.items()):
        others = sa.select(c.fields).where(c.org_id == org_id, c.company_key == key, c.source_id.not_in(person.ids))
        family = _called_like(db, org_id, key, person)
        if not family:
            continue
        if db.execute(others.limit(1)).first() is not None:
            # It stays. One that was merged into it is nobody's but theirs when nobody else was said to be of it.
            family &= named - {key}
            family -= {values(from_json(row.fields)).get("company") for row in db.execute(others)} if family else set()
        many += _delete(db, org_id, family)
    return many


def _called_like(db: Db, org_id: int, key: str, person: Person) -> set[Any]:
    """Of a company and those that were merged into it the ones that are called like the person, by key."""
    c = t.company.c
    family = db.execute(
        sa.select(c.key, c.fields)
        .where(c.org_id == org_id, c.key == key)
        .union_all(sa.select(c.key, c.fields).where(c.org_id == org_id, c.merged_into == key))
    ).all()
    return {
        row.key
        for row in family
        if any(
            person.told_of(text) for text in (row.key, *values(from_json(row.fields)).values()) if isinstance(text, str)
        )
    }


def _delete(db: Db, org_id: int, keys: set[Any]) -> int:
    c = t.company.c
    many = 0
    connections = sa.select(t.connection.c.id).where(t.connection.c.org_id == org_id)
    for some in chunks(keys):
        alone = {"merged_into": None, "merged_by_hand_into": None}
        db.execute(sa.update(t.company).where(c.org_id == org_id, c.merged_into.in_(some)).values(alone))
        by_way_of = (c.merged_into.is_not(None), c.merged_by_hand_into.in_(some))
        direct = {"merged_by_hand_into": c.merged_into}
        db.execute(sa.update(t.company).where(c.org_id == org_id, *by_way_of).values(direct))
        many += db.execute(sa.delete(t.company).where(c.org_id == org_id, c.key.in_(some))).rowcount
        of_account = (t.link.c.kind == RecordKind.ACCOUNT.value, t.link.c.source.in_(some))
        db.execute(sa.delete(t.link).where(t.link.c.connection_id.in_(connections), *of_account))
    return many
