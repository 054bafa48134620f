"""Contacts as people see them: their fields, company and events, and how their sync stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import DELETED, GROUPS, from_json, values
from contactsync.domain.records import Scalar, SyncStatus
from contactsync.store import tables as t
from contactsync.store.queue import each_once
from contactsync.store.views_paging import Page, Record, Slice, newest, newest_by_status


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts: with this sync status, this e-mail address (any case), taking part in this event."""

    status: SyncStatus | None = None
    email: str | None = None
    event_id: str | None = None


def contacts(db: Db, org_id: int, which: ContactFilter, part: Slice) -> Page:
    """A page of an org's contacts, newest first; see `_contact` for their shape."""
    ids = _ids(org_id, which, part)
    rows = db.execute(sa.select(t.contact).where(t.contact.c.id.in_(ids)).order_by(t.contact.c.id.desc())).all()
    shown, following = part.cut(rows)
    items = _whole(db, org_id, shown)
    if which.event_id is not None:
        # Known by id and by address, the newer of the two attendances holds: it may say that the contact was removed.
        items = [item for item in items if any(event["id"] == which.event_id for event in item["events"])]
    return Page(tuple(items), following)


def contact(db: Db, org_id: int, contact_id: str) -> Record | None:
    """One contact by the event platform's own id."""
    rows = db.execute(
        sa.select(t.contact).where(t.contact.c.org_id == org_id, t.contact.c.source_id == contact_id)
    ).all()
    return _whole(db, org_id, rows)[0] if rows else None


def contact_exists(db: Db, org_id: int, contact_id: str) -> bool:
    """Whether the org has a contact of this id."""
    query = sa.select(t.contact.c.id).where(t.contact.c.org_id == org_id, t.contact.c.source_id == contact_id)
    return db.execute(query).first() is not None


def present_connection(org_id: int) -> sa.ScalarSelect[int]:
    """The id of the org's connection, to be used in a query: links of a replaced one are not shown."""
    return (
        sa.select(t.connection.c.id)
        .where(t.connection.c.org_id == org_id, t.connection.c.replaced_at.is_(None))
        .order_by(t.connection.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def nested(fields: Mapping[str, Scalar]) -> Record:
    """Flat paths as the webhook payload nests them: `address.city` → {"address": {"city": …}}. Groups are always there."""
    shown: Record = {group: {} for group in GROUPS}
    for path, value in sorted(fields.items()):
        group, dot, name = path.partition(".")
        if dot and group in GROUPS:
            shown[group][name] = value
        else:
            shown[path] = value
    return shown


def company_shown(row: sa.Row[Any]) -> Record:
    """A company out of `companies_query`; `linked`: an Account is tied to it. Until then `account_id` is the one that a
    person picked, if any.
    """
    said = values(from_json(row.fields))
    prefix, _, rest = row.key.partition(":")
    picked = row.chosen if row.chosen is not None else said.get("account_id")
    return {
        "id": rest if prefix == "id" else None,
        "key": row.key,
        "name": said.get("name"),
        "domain": said.get("domain"),
        "linked": row.linked_to is not None,
        "account_id": row.linked_to or picked or None,
        "merged_into": row.merged_into,
    }


# ── which ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ids(org_id: int, which: ContactFilter, part: Slice) -> sa.Select[Any]:
    statuses = list(SyncStatus) if which.status is None else [which.status]
    if which.email is None and which.event_id is None:
        return newest_by_status(t.contact, org_id, statuses, part)
    narrowed = t.contact.c.org_id == org_id
    if which.status is not None:
        narrowed = sa.and_(narrowed, t.contact.c.status == which.status)
    if which.email is not None:
        narrowed = sa.and_(narrowed, t.contact.c.email == which.email.strip().lower())
    if which.event_id is None:
        return newest(t.contact, narrowed, part)
    if part.before is not None:
        narrowed = sa.and_(narrowed, t.contact.c.id < part.before)
    known = taking_part(org_id, which.event_id, narrowed).subquery()
    return sa.select(known.c.id).order_by(known.c.id.desc()).limit(part.most)


def taking_part(org_id: int, event_id: str, narrowed: sa.ColumnElement[bool]) -> sa.CompoundSelect[Any]:
    """The ids and statuses of the contacts that an event knows by their id or by their address, each once.

    It goes out from the event's attendances: looking from the contacts would read all that an org has.
    """

    def known_by(prefix: str, column: sa.Column[Any]) -> sa.Select[Any]:
        bare = sa.func.substr(t.attendance.c.who, len(prefix) + 1)
        return (
            sa.select(t.contact.c.id, t.contact.c.status)
            .join_from(t.attendance, t.contact, column == bare)
            .where(
                narrowed,
                t.attendance.c.org_id == org_id,
                t.attendance.c.event_id == event_id,
                t.attendance.c.who.startswith(prefix),
                t.attendance.c.removed.is_(False),
            )
        )

    return sa.union(
        known_by(who_by_id(""), t.contact.c.source_id),
        known_by(who_by_email(""), t.contact.c.email),
    )


# ── whole ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whole(db: Db, org_id: int, rows: Sequence[sa.Row[Any]]) -> list[Record]:
    companies = _companies(db, org_id, {row.company_key for row in rows if row.company_key})
    events = _events(db, org_id, rows)
    people = _people(db, org_id, [row.source_id for row in rows])
    return [
        _contact(
            row,
            companies.get(row.company_key) if row.company_key else None,
            events[row.id],
            people.get((row.source_id, row.crm_kind)),
        )
        for row in rows
    ]


def _contact(row: sa.Row[Any], company: Record | None, events: list[Record], crm_id: str | None) -> Record:
    said = {path: value for path, value in values(from_json(row.fields)).items() if path not in (DELETED, "company")}
    return {
        **nested(said),
        "id": row.source_id,
        "company": company,
        "events": events,
        "deleted": row.deleted,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "sync": {
            "status": row.status,
            "sync_as": row.sync_as or said.get("sync_as"),
            "crm_object": row.crm_kind if crm_id else None,
            "crm_id": crm_id,
            "last_synced_at": row.last_synced_at,
            # Both are of the last time somebody looked; in the queue since, a contact has no problem that is known.
            "missing_fields": (row.missing or []) if row.status == SyncStatus.INCOMPLETE else [],
            "problem": row.problem if held_up(row) else None,
            "why": row.why or [],
        },
    }


def held_up(row: sa.Row[Any]) -> bool:
    """Whether its problem holds now. One that is queued and not due waits for its org to be connected."""
    waits = row.status == SyncStatus.QUEUED and row.due_at is None
    return waits or row.status in (SyncStatus.RETRYING, SyncStatus.NEEDS_ATTENTION)


def _people(db: Db, org_id: int, contact_ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """The records that contacts are linked to, by contact and kind. The contact's own row would go on naming the record of
    a CRM that the org has left since.
    """
    query = sa.select(t.link.c.source, t.link.c.kind, t.link.c.crm_id).where(
        t.link.c.connection_id == present_connection(org_id),
        t.link.c.kind.in_([kind.value for kind in RecordKind if kind.is_person]),
        t.link.c.source.in_(contact_ids),
    )
    return {(row.source, row.kind): row.crm_id for row in db.execute(query)}


def _companies(db: Db, org_id: int, keys: set[str]) -> dict[str, Record]:
    if not keys:
        return {}
    query = companies_query(org_id).where(t.company.c.key.in_(sorted(keys)))
    return {row.key: company_shown(row) for row in db.execute(query)}


def companies_query(org_id: int) -> sa.Select[Any]:
    """An org's companies with the Account that each is linked to, and the one that a person chose ("": none)."""
    here = t.company.c.choice_connection_id == present_connection(org_id)
    link = sa.and_(
        t.link.c.connection_id == present_connection(org_id),
        t.link.c.kind == RecordKind.ACCOUNT,
        t.link.c.source == t.company.c.key,
    )
    return (
        sa.select(
            *(t.company.c[name] for name in ("id", "key", "fields", "merged_into")),
            t.link.c.crm_id.label("linked_to"),
            sa.case((here, t.company.c.account_choice)).label("chosen"),
        )
        .select_from(t.company.outerjoin(t.link, link))
        .where(t.company.c.org_id == org_id)
    )


def _events(db: Db, org_id: int, rows: Sequence[sa.Row[Any]]) -> dict[int, list[Record]]:
    """Each contact's events, whether they know the contact by id, by address or both."""
    who = {row.id: [who_by_id(row.source_id), *([who_by_email(row.email)] if row.email else [])] for row in rows}
    if not who:
        return {}
    event = sa.and_(t.event.c.org_id == org_id, t.event.c.source_id == t.attendance.c.event_id)
    query = (
        sa.select(t.attendance, t.event.c.name, t.event.c.campaign_id, t.event.c.deleted)
        .select_from(t.attendance.outerjoin(t.event, event))
        .where(
            t.attendance.c.org_id == org_id,
            t.attendance.c.who.in_(sorted({name for names in who.values() for name in names})),
        )
    )
    by_who: dict[str, list[sa.Row[Any]]] = {}
    for row in db.execute(query):
        by_who.setdefault(row.who, []).append(row)
    return {key: _shown_events([row for name in names for row in by_who.get(name, [])]) for key, names in who.items()}


def _shown_events(rows: Sequence[sa.Row[Any]]) -> list[Record]:
    names = {row.event_id: row.name for row in rows}
    return [
        {"id": one.event_id, "name": names[one.event_id], "status": one.status, "campaign_id": one.campaign_id}
        for one in each_once(rows)  # as the sync takes them, so that what is shown is what is sent
        if not one.removed
    ]
