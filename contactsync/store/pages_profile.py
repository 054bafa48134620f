"""What the page of one contact shows: the contact, where each value comes from, its events, meetings and runs.

All of it is found by indexes: however much an org has, a page reads what is this contact's. There is no index from a contact
to the deliveries that spoke of it, and none is needed for those that count: each value carries the version that said it,
and the version names its delivery (domain/changes.py).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.crm import RecordKind
from contactsync.domain.edits import CONSOLE
from contactsync.domain.merge import DELETED, State, from_json, values
from contactsync.domain.records import Scalar, SyncStatus
from contactsync.store import tables as t
from contactsync.store.queue import each_once
from contactsync.store.queue_meetings import meeting_source
from contactsync.store.tables_console import console_user
from contactsync.store.views_contacts import companies_query, company_shown, held_up, present_connection

MOST_MEETINGS = 20
MOST_EVENTS = 100
MOST_ORIGINS = 20
"""So many deliveries are named that a contact's values come from; most contacts have few."""

LOOKED_THROUGH = 300
"""Among so many deliveries, the newest that wait, an edit of the contact is looked for."""


@dataclass(frozen=True)
class ProfileCompany:
    """The contact's company. `account_id`: the Account that it is tied to, or that somebody picked; `linked`: it is tied."""

    key: int
    name: str | None
    domain: str | None
    account_id: str | None
    linked: bool


@dataclass(frozen=True)
class Profile:
    """One contact, whole. `fields` by path; `origin` says, by path, the number of the delivery that said the value.

    `problem` holds only while it holds the contact up; `sync_as` is what the last sync took, `said_sync_as` what the contact
    says itself.
    """

    key: int
    source_id: str
    fields: Mapping[str, Scalar]
    origin: Mapping[str, int]
    company: ProfileCompany | None
    company_key: str | None
    status: str
    sync_as: str | None
    said_sync_as: str | None
    missing: tuple[str, ...]
    problem: Mapping[str, Any] | None
    problem_key: str | None
    why: tuple[str, ...]
    crm_kind: str | None
    crm_id: str | None
    last_synced_at: datetime | None
    due_at: datetime | None
    deleted: bool
    created_at: datetime
    updated_at: datetime
    approved_at: datetime | None
    email: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What people call them; the address or the id while no name was said."""
        parts = (self.fields.get("first_name"), self.fields.get("last_name"))
        return " ".join(str(part) for part in parts if part) or self.email or self.source_id

    def text(self, path: str) -> str:
        """A field as text, "" when it is blank."""
        value = self.fields.get(path)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class ProfileEvent:
    """An event that the contact takes part in. `member_id`: the CRM's membership of its campaign, once there is one."""

    key: int | None
    name: str
    status: str
    starts_at: str | None
    campaign_id: str | None
    member_id: str | None


@dataclass(frozen=True)
class ProfileMeeting:
    """A meeting that the contact takes part in; times as the event platform says them."""

    key: int
    title: str | None
    starts_at: str | None
    timezone: str | None
    status: str | None  # what became of it: scheduled, completed, …
    sync_status: str | None
    crm_id: str | None


@dataclass(frozen=True)
class ProfileDelivery:
    """A delivery that some of the contact's values come from, or (`waits`) an edit that is not brought in yet. `by`: who
    typed it in here; "" for a webhook.
    """

    number: int
    door: str
    type: str | None
    received_at: datetime
    by: str = ""
    by_hand: bool = False
    paths: tuple[str, ...] = ()


def profile(db: Db, org_id: int, key: int) -> Profile | None:
    """One contact of the org by its key."""
    c = t.contact.c
    row = db.execute(sa.select(t.contact).where(c.org_id == org_id, c.id == key)).first()
    if row is None:
        return None
    state = from_json(row.fields)
    said = {path: value for path, value in values(state).items() if path not in (DELETED, "company")}
    company = company_of_key(db, org_id, row.company_key) if row.company_key else None
    return Profile(
        key=row.id,
        source_id=row.source_id,
        fields=said,
        origin=_origins(state),
        company=company,
        company_key=row.company_key,
        status=row.status,
        sync_as=row.sync_as or _text(said.get("sync_as")),
        said_sync_as=_text(said.get("sync_as")),
        missing=tuple(row.missing or ()) if row.status == SyncStatus.INCOMPLETE else (),
        problem=row.problem if held_up(row) else None,
        problem_key=row.problem_key,
        why=tuple(row.why or ()),
        crm_kind=row.crm_kind,
        crm_id=_person(db, org_id, row.source_id, row.crm_kind) if row.crm_kind else None,
        last_synced_at=row.last_synced_at,
        due_at=row.due_at,
        deleted=row.deleted,
        created_at=row.created_at,
        updated_at=row.updated_at,
        approved_at=row.approved_at,
        email=_text(said.get("email")),
    )


def profile_events(db: Db, org_id: int, shown: Profile) -> tuple[ProfileEvent, ...]:
    """The events that the contact takes part in, as its sync takes them, the latest first."""
    joined = t.attendance.outerjoin(
        t.event, sa.and_(t.event.c.org_id == org_id, t.event.c.source_id == t.attendance.c.event_id)
    )
    e = t.event.c
    columns = (e.id.label("event_key"), e.name, e.fields, e.campaign_id, e.deleted)
    query = sa.select(t.attendance, *columns).select_from(joined)
    query = query.where(t.attendance.c.org_id == org_id, t.attendance.c.who.in_(_who(shown)))
    every = db.execute(query).all()
    rows = {row.event_id: row for row in every}
    taken = [one for one in each_once(every) if not one.removed][:MOST_EVENTS]
    members = _links(
        db, org_id, RecordKind.MEMBER, [f"{one.campaign_id}:{shown.source_id}" for one in taken if one.campaign_id]
    )
    made = []
    for one in taken:
        row = rows[one.event_id]
        said = values(from_json(row.fields)) if row.fields else {}
        member_id = members.get(f"{one.campaign_id}:{shown.source_id}") if one.campaign_id else None
        known = row.name or f"Event {one.event_id}"
        starts_at = _text(said.get("starts_at"))
        made.append(ProfileEvent(row.event_key, known, one.status, starts_at, one.campaign_id, member_id))
    return tuple(sorted(made, key=lambda one: one.starts_at or "", reverse=True))


def profile_meetings(db: Db, org_id: int, shown: Profile) -> tuple[ProfileMeeting, ...]:
    """The newest meetings that the contact takes part in, at most MOST_MEETINGS + 1."""
    a = t.meeting_attendee.c
    ids = sa.select(a.meeting_id).where(a.org_id == org_id, a.who.in_(_who(shown))).distinct()
    m = t.meeting.c
    query = sa.select(t.meeting).where(m.org_id == org_id, m.id.in_(ids), m.deleted.is_(False))
    rows = db.execute(query.order_by(m.id.desc()).limit(MOST_MEETINGS + 1)).all()
    activities = _links(db, org_id, RecordKind.ACTIVITY, [meeting_source(row.source_id) for row in rows])
    return tuple(_meeting(row, activities.get(meeting_source(row.source_id))) for row in rows)


def profile_deliveries(db: Db, org_id: int, shown: Profile) -> tuple[ProfileDelivery, ...]:
    """The deliveries that the contact's present values come from, newest first, at most MOST_ORIGINS. One that retention has
    taken is not among them.
    """
    paths: dict[int, list[str]] = {}
    for path, number in shown.origin.items():
        paths.setdefault(number, []).append(path)
    d = t.delivery.c
    query = sa.select(d.id, d.webhook_id, d.door, d.type, d.received_at)
    numbers = sorted(paths, reverse=True)[:MOST_ORIGINS]
    rows = db.execute(query.where(d.org_id == org_id, d.id.in_(numbers)).order_by(d.id.desc())).all()
    names = editors(db, (row.webhook_id for row in rows))
    return tuple(_delivery(row, names, sorted(paths[row.id])) for row in rows)


def edits_that_wait(db: Db, org_id: int, shown: Profile) -> tuple[ProfileDelivery, ...]:
    """Edits of the contact that are kept and not brought in yet, newest first, with the paths that they change."""
    d = t.delivery.c
    waiting = sa.select(d.id).where(d.org_id == org_id, d.status == "accepted")
    some = waiting.order_by(d.id.desc()).limit(LOOKED_THROUGH).subquery()
    query = sa.select(d.id, d.webhook_id, d.door, d.type, d.received_at, d.body)
    rows = db.execute(query.where(d.id.in_(sa.select(some.c.id)), d.door == CONSOLE).order_by(d.id.desc())).all()
    said = {row.id: paths for row in rows if (paths := _said_of(shown.source_id, row.body))}
    mine = [row for row in rows if row.id in said]
    names = editors(db, (row.webhook_id for row in mine)) if mine else {}
    return tuple(_delivery(row, names, said[row.id]) for row in mine)


def editors(db: Db, webhook_ids: Iterable[str]) -> dict[str, str]:
    """Who typed edits in, by the edits' webhook ids (`console:<user>:…`): what people call them."""
    users = {one: number for one in webhook_ids if (number := _user_of(one)) is not None}
    if not users:
        return {}
    u = console_user.c
    query = sa.select(u.id, u.name, u.email).where(u.id.in_(sorted(set(users.values()))))
    names = {row.id: row.name or row.email for row in db.execute(query)}
    return {one: names[number] for one, number in users.items() if number in names}


def company_of_key(db: Db, org_id: int, key: str) -> ProfileCompany | None:
    """A company by its key; None: the org has none of this key."""
    row = db.execute(companies_query(org_id).where(t.company.c.key == key)).first()
    if row is None:
        return None
    said = company_shown(row)
    return ProfileCompany(row.id, said["name"], said["domain"], said["account_id"], said["linked"])


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _origins(state: State) -> dict[str, int]:
    """By path, the delivery of the version: `updated_at|sent_at|<delivery * 1000 + item>`."""
    said = ((path, stamped.version.rpartition("|")[2]) for path, stamped in state.items() if path != DELETED)
    return {path: int(arrival or 0) // 1000 for path, arrival in said}


def _person(db: Db, org_id: int, source_id: str, kind: str) -> str | None:
    """The record that the contact is linked to in the present CRM: its own row would go on naming that of a CRM which the
    org has left.
    """
    return _links(db, org_id, RecordKind(kind), [source_id]).get(source_id)


def _links(db: Db, org_id: int, kind: RecordKind, sources: Collection[str]) -> dict[str, str]:
    if not sources:
        return {}
    link = t.link.c
    here = (link.connection_id == present_connection(org_id), link.kind == kind.value)
    query = sa.select(link.source, link.crm_id).where(*here, link.source.in_(sorted(set(sources))))
    return {row.source: row.crm_id for row in db.execute(query)}


def _who(shown: Profile) -> list[str]:
    return [who_by_id(shown.source_id), *([who_by_email(shown.email)] if shown.email else [])]


def _meeting(row: sa.Row[Any], crm_id: str | None) -> ProfileMeeting:
    said = values(from_json(row.fields))
    of_it = {name: _text(said.get(name)) for name in ("title", "starts_at", "timezone", "status")}
    return ProfileMeeting(row.id, **of_it, sync_status=row.sync_status, crm_id=crm_id)


def _delivery(row: Any, names: Mapping[str, str], paths: Sequence[str]) -> ProfileDelivery:
    by_hand = row.door == CONSOLE
    by = names.get(row.webhook_id, "")
    return ProfileDelivery(row.id, row.door, row.type, row.received_at, by, by_hand, tuple(paths))


def _said_of(source_id: str, body: bytes) -> tuple[str, ...]:
    """The paths that an edit changes of a contact; none: it is of others. Edits are written by us: they can be read."""
    paths: set[str] = set()
    for item in json.loads(body or b"{}").get("data", ()):
        if item["id"] != source_id:
            continue
        for name, value in item.items():
            inner = isinstance(value, dict) and name != "company"
            paths |= {f"{name}.{each}" for each in value} if inner else {name}
    return tuple(sorted(paths - {"id", "updated_at"}))


def _user_of(webhook_id: str) -> int | None:
    door, _, rest = webhook_id.partition(":")
    number = rest.partition(":")[0]
    return int(number) if door == CONSOLE and number.isascii() and number.isdigit() and len(number) < 10 else None


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
