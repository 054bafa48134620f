"""All rows that are one person's own: found by e-mail address, and taken away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import from_json, values
from contactsync.domain.person import Person, words_of
from contactsync.store import tables as t
from contactsync.store.due import chunks
from contactsync.store.erased_companies import remove_companies

_PEOPLE = (RecordKind.LEAD.value, RecordKind.CONTACT.value)


@dataclass(frozen=True)
class CrmRecord:
    """A record of the CRM that is the person's. `present`: over the org's connection of today."""

    kind: str
    id: str
    connection_id: int
    present: bool
    shared: bool = False  # another contact is the same record


def person_of(db: Db, org_id: int, email: str, more_ids: Iterable[str] = ()) -> tuple[Person, tuple[CrmRecord, ...]]:
    """The person of an address (lower-case), as far as rows name them, and their records in the CRM.

    `more_ids`: of contacts that are known to be theirs as well.
    """
    c = t.contact.c
    found: list[sa.Row[Any]] = []
    found += db.execute(sa.select(c.source_id, c.fields).where(c.org_id == org_id, c.email == email))
    for some in chunks(set(more_ids) - {row.source_id for row in found}):
        found += db.execute(sa.select(c.source_id, c.fields).where(c.org_id == org_id, c.source_id.in_(some)))
    ids = {row.source_id for row in found} | set(more_ids)
    words = frozenset(word for row in found for word in words_of(values(from_json(row.fields))))
    records = records_of(db, org_id, ids)
    own = frozenset(one.id for one in records if not one.shared)
    return Person(email, frozenset(ids), meetings_of(db, org_id, who_is(email, ids)), words, own), records


def who_is(email: str, ids: Iterable[str]) -> frozenset[str]:
    """How attendances, attendees and tombstones name a person."""
    return frozenset({who_by_email(email), who_by_id(email), *map(who_by_id, ids)})  # some platforms use it as the id


def meetings_of(db: Db, org_id: int, who: Collection[str]) -> frozenset[str]:
    """The meetings in which they take part."""
    found: set[str] = set()
    joined = t.meeting_attendee.join(t.meeting, t.meeting.c.id == t.meeting_attendee.c.meeting_id)
    for some in chunks(who):
        query = sa.select(t.meeting.c.source_id).select_from(joined)
        found.update(
            db.execute(query.where(t.meeting_attendee.c.org_id == org_id, t.meeting_attendee.c.who.in_(some))).scalars()
        )
    return frozenset(found)


def addresses_of(db: Db, org_id: int, ids: Iterable[str]) -> dict[str, str]:
    """The addresses (lower-case) of those of these contacts that have one."""
    c = t.contact.c
    found: dict[str, str] = {}
    for some in chunks(ids):
        query = sa.select(c.source_id, c.email).where(c.org_id == org_id, c.source_id.in_(some), c.email.is_not(None))
        found |= {row.source_id: row.email for row in db.execute(query)}
    return found


def records_of(db: Db, org_id: int, ids: Collection[str]) -> tuple[CrmRecord, ...]:
    """Their Leads, Contacts and memberships, over every connection that the org ever had."""
    connections = db.execute(
        sa.select(t.connection.c.id, t.connection.c.replaced_at).where(t.connection.c.org_id == org_id)
    ).all()
    found: list[CrmRecord] = []
    for connection in connections:
        present = connection.replaced_at is None
        people = _links(db, connection.id, ids)
        shared = _shared(db, connection.id, {row.crm_id for row in people if row.kind in _PEOPLE}, ids)
        found += [CrmRecord(row.kind, row.crm_id, connection.id, present, row.crm_id in shared) for row in people]
    return tuple(found)


def activities_of(db: Db, org_id: int, meetings: Collection[str]) -> tuple[CrmRecord, ...]:
    """The Activities of meetings, in the present CRM: others take part in them too, but their texts may name the person."""
    c = t.meeting.c
    here = sa.and_(t.connection.c.org_id == c.org_id, t.connection.c.replaced_at.is_(None))
    found: list[CrmRecord] = []
    for some in chunks(meetings):
        query = sa.select(c.crm_id, t.connection.c.id).join_from(t.meeting, t.connection, here)
        known = query.where(c.org_id == org_id, c.source_id.in_(some), c.crm_id.is_not(None)).order_by(c.id)
        found += [CrmRecord(RecordKind.ACTIVITY.value, *row, present=True, shared=True) for row in db.execute(known)]
    return tuple(found)


def _links(db: Db, connection_id: int, ids: Collection[str]) -> list[sa.Row[Any]]:
    c = t.link.c
    query = sa.select(c.id, c.kind, c.source, c.crm_id).where(c.connection_id == connection_id)
    # A membership's source is campaign:contact. The contact's id may hold colons, a campaign's never does.
    colon = sa.func.strpos(c.source, ":") if db.dialect.name == "postgresql" else sa.func.instr(c.source, ":")
    found: list[sa.Row[Any]] = []
    for some in chunks(ids):
        found += db.execute(query.where(c.kind.in_(_PEOPLE), c.source.in_(some)))
        found += db.execute(query.where(c.kind == RecordKind.MEMBER, sa.func.substr(c.source, colon + 1).in_(some)))
    return found


def _shared(db: Db, connection_id: int, crm_ids: Collection[str], ids: Collection[str]) -> frozenset[str]:
    c = t.link.c
    shared: set[str] = set()
    for some in chunks(crm_ids):
        query = sa.select(c.crm_id, c.source).where(c.connection_id == connection_id, c.kind.in_(_PEOPLE))
        shared.update(row.crm_id for row in db.execute(query.where(c.crm_id.in_(some))) if row.source not in ids)
    return frozenset(shared)


# ── taking away ────────────────────────────────────────────────────────────────────────────────────────────────────


def remove_person(db: Db, org_id: int, person: Person, records: Iterable[CrmRecord]) -> Counter[str]:
    """Delete all rows that are the person's own; answers how many of each. The meetings themselves stay.

    In one transaction: contacts go last, so that whoever begins again after a kill finds them by their address.
    """
    removed: Counter[str] = Counter()
    for record in records:
        if not record.shared:
            c = t.written.c
            mine = (c.connection_id == record.connection_id, c.kind == record.kind, c.crm_id == record.id)
            removed["marks"] += db.execute(sa.delete(t.written).where(*mine)).rowcount
    removed["companies"] = remove_companies(db, org_id, person)
    return removed + remove_contacts(db, org_id, person.ids, who_is(person.email, person.ids))


def remove_contacts(db: Db, org_id: int, ids: frozenset[str], who: Collection[str]) -> Counter[str]:
    """Delete contacts and what hangs on them, by their ids; `who`: how attendances and attendees name them."""
    removed: Counter[str] = Counter()
    removed["attendances"] = _delete(db, t.attendance, t.attendance.c.org_id == org_id, t.attendance.c.who, who)
    attendee = t.meeting_attendee.c
    removed["attendees"] = _delete(db, t.meeting_attendee, attendee.org_id == org_id, attendee.who, who)
    for connection_id in (
        db.execute(sa.select(t.connection.c.id).where(t.connection.c.org_id == org_id)).scalars().all()
    ):
        links = [row.id for row in _links(db, connection_id, ids)]
        removed["links"] += _delete(db, t.link, t.link.c.connection_id == connection_id, t.link.c.id, links)
    removed["runs"] = _remove_runs(db, org_id, ids)
    _forget_in_resyncs(db, org_id, ids)
    removed["contacts"] = _delete(db, t.contact, t.contact.c.org_id == org_id, t.contact.c.source_id, ids)
    return removed


def _delete(
    db: Db, table: sa.Table, here: sa.ColumnElement[bool], column: sa.Column[Any], keys: Collection[Any]
) -> int:
    return sum(db.execute(sa.delete(table).where(here, column.in_(some))).rowcount for some in chunks(keys))


def _remove_runs(db: Db, org_id: int, ids: Collection[str]) -> int:
    """Delete the runs of contacts. The newest run of all is emptied instead: its number would be given away again."""
    c = t.sync_run.c
    newest = db.execute(sa.select(sa.func.max(c.id))).scalar()
    many = 0
    for some in chunks(ids):
        theirs = sa.and_(c.org_id == org_id, c.subject == "contact", c.source_id.in_(some))
        bare: dict[str, Any] = {"contact_id": None, "source_id": "", "steps": [], "why": [], "problem": sa.null()}
        many += db.execute(sa.update(t.sync_run).where(theirs, c.id == newest).values(bare)).rowcount
        many += db.execute(sa.delete(t.sync_run).where(theirs)).rowcount
    return many


def _forget_in_resyncs(db: Db, org_id: int, ids: frozenset[str]) -> None:
    """Take the contacts out of filters that name them. "" stands for them, the id of no contact: without any id a filter
    would take all that fits its other parts.
    """
    rows = db.execute(sa.select(t.resync.c.id, t.resync.c.filter).where(t.resync.c.org_id == org_id)).all()
    for row in rows:
        named = row.filter.get("ids") or []
        if not ids.isdisjoint(named):
            kept = {**row.filter, "ids": sorted({"" if one in ids else one for one in named})}
            db.execute(sa.update(t.resync).where(t.resync.c.id == row.id).values(filter=kept))
