"""Meetings as the console shows them: a page of the list, and one with those who take part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import attendees_from_json
from contactsync.domain.crm import RecordKind
from contactsync.domain.merge import ATTENDEES, DELETED, from_json, values
from contactsync.domain.records import Attendee, Scalar, SyncStatus
from contactsync.store import tables as t
from contactsync.store.counts import counted
from contactsync.store.due import chunks, of_org
from contactsync.store.queue_meetings import meeting_source
from contactsync.store.views_contacts import present_connection
from contactsync.store.views_paging import Slice, newest, newest_by_status

PAGE = 50


@dataclass(frozen=True)
class MeetingRow:
    """A meeting. `fields`: what the event platform says (title, starts_at, …). `event_key` None: its event was never heard of,
    or it has none. `problem` {"cause", "fix", …} None: none holds it now.
    """

    key: int
    source_id: str
    fields: Mapping[str, Scalar] = field(repr=False)
    deleted: bool
    event_key: int | None
    event_name: str
    event_zone: str | None
    attendees: int
    sync_status: str | None
    crm_id: str | None
    last_synced_at: datetime | None
    problem: Mapping[str, Any] | None
    why: tuple[str, ...]

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.fields.get("title") or "").strip() or "Meeting without a title"


@dataclass(frozen=True)
class AttendeeRow:
    """Somebody who takes part. `key` None: not one of the org's contacts. `crm_id`: the Lead or Contact that they are."""

    key: int | None
    name: str = field(repr=False)
    email: str = field(repr=False)
    response: str
    attended: bool | None
    status: str | None
    crm_kind: str | None
    crm_id: str | None


@dataclass(frozen=True)
class MeetingPage:
    """Some meetings, newest first, and the key below which the next page starts (None: there is none)."""

    rows: tuple[MeetingRow, ...]
    following: int | None = None


def meeting_page(
    db: Db,
    org_id: int,
    *,
    status: SyncStatus | None = None,
    event_id: str | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> MeetingPage:
    """A page of an org's meetings: of one sync status or of any, of one event (by the event platform's id) or of any."""
    part = Slice(limit, before)
    if event_id is None:
        statuses: Sequence[str] = list(SyncStatus) if status is None else [status]
        ids = newest_by_status(t.meeting, org_id, statuses, part, column=t.meeting.c.sync_status)
    else:
        which = sa.and_(t.meeting.c.org_id == org_id, t.meeting.c.event_id == event_id)
        ids = newest(t.meeting, which if status is None else sa.and_(which, t.meeting.c.sync_status == status), part)
    query = _rows(org_id).where(t.meeting.c.id.in_(ids)).order_by(t.meeting.c.id.desc())
    shown, following = part.cut(db.execute(query).all())
    return MeetingPage(tuple(_row(row) for row in shown), following)


def counts_by_status(db: Db, org_id: int) -> dict[SyncStatus, int]:
    """How many meetings of an org there are in each status."""
    many = dict.fromkeys(SyncStatus, 0)
    for one in counted(db, org_id):
        if one.subject == "meeting" and one.status:
            many[SyncStatus(one.status)] += one.records
    return many


def meeting_by_key(db: Db, org_id: int, key: int) -> tuple[MeetingRow, tuple[AttendeeRow, ...]] | None:
    """One meeting and who takes part, in the order in which the event platform names them; None: the org has no such one."""
    found = db.execute(_rows(org_id).where(of_org(t.meeting, org_id, by_key=True), t.meeting.c.id == key)).first()
    if found is None:
        return None
    attendees = attendees_from_json(values(from_json(found.fields)).get(ATTENDEES))
    return _row(found), _attendees(db, org_id, attendees)


def _rows(org_id: int) -> sa.Select[Any]:
    event = sa.and_(t.event.c.org_id == org_id, t.event.c.source_id == t.meeting.c.event_id)
    # The meeting's own row would go on naming the Activity of a CRM that the org has left since.
    link = sa.and_(
        t.link.c.connection_id == present_connection(org_id),
        t.link.c.kind == RecordKind.ACTIVITY,
        t.link.c.source == sa.literal(meeting_source("")).concat(t.meeting.c.source_id),
    )
    attendees = sa.select(sa.func.count()).where(t.meeting_attendee.c.meeting_id == t.meeting.c.id)
    return sa.select(
        t.meeting,
        t.event.c.id.label("event_key"),
        t.event.c.name.label("event_name"),
        t.event.c.fields.label("event_fields"),
        t.link.c.crm_id.label("activity_id"),
        attendees.correlate(t.meeting).scalar_subquery().label("attendees"),
    ).select_from(t.meeting.outerjoin(t.event, event).outerjoin(t.link, link))


def _row(row: sa.Row[Any]) -> MeetingRow:
    said = values(from_json(row.fields))
    of_event = values(from_json(row.event_fields)) if row.event_fields else {}
    waits = row.sync_status == SyncStatus.QUEUED and row.due_at is None  # for its org to be connected
    held_up = waits or row.sync_status in (SyncStatus.RETRYING, SyncStatus.NEEDS_ATTENTION)
    zone = of_event.get("timezone")
    return MeetingRow(
        key=row.id,
        source_id=row.source_id,
        fields={path: value for path, value in said.items() if path not in (ATTENDEES, DELETED)},
        deleted=row.deleted,
        event_key=row.event_key,
        event_name=(row.event_name or "").strip() or row.event_id or "",
        event_zone=zone if isinstance(zone, str) else None,
        attendees=row.attendees,
        sync_status=row.sync_status,
        crm_id=row.activity_id,
        last_synced_at=row.last_synced_at,
        problem=row.problem if held_up else None,
        why=tuple(row.why or ()),
    )


# ── who takes part ─────────────────────────────────────────────────────────────────────────────────────────────────


def _attendees(db: Db, org_id: int, attendees: Sequence[Attendee]) -> tuple[AttendeeRow, ...]:
    c = t.contact.c
    query = sa.select(c.id, c.source_id, c.email, c.fields, c.status, c.crm_kind).where(c.org_id == org_id)
    found: dict[int, sa.Row[Any]] = {}
    for some in chunks({one.contact_id for one in attendees if one.contact_id}):
        found |= {row.id: row for row in db.execute(query.where(c.source_id.in_(some)))}
    for some in chunks({one.email for one in attendees if one.email}):
        found |= {row.id: row for row in db.execute(query.where(c.email.in_(some)))}
    people = _people(db, org_id, [row.source_id for row in found.values()])
    by_id = {row.source_id: row for row in found.values()}
    by_email: dict[str, sa.Row[Any]] = {}
    for _, row in sorted(found.items()):
        # As the sync takes them: of several contacts with one address the oldest that the CRM knows.
        known = by_email.get(row.email)
        if row.email and (known is None or (known.source_id not in people and row.source_id in people)):
            by_email[row.email] = row
    return tuple(
        _attendee(one, by_id.get(one.contact_id or "") or by_email.get(one.email or ""), people) for one in attendees
    )


def _people(db: Db, org_id: int, contact_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    people: dict[str, dict[str, str]] = {}
    for some in chunks(contact_ids):
        query = sa.select(t.link.c.source, t.link.c.kind, t.link.c.crm_id).where(
            t.link.c.connection_id == present_connection(org_id),
            t.link.c.kind.in_([RecordKind.LEAD.value, RecordKind.CONTACT.value]),
            t.link.c.source.in_(some),
        )
        for source, kind, crm_id in db.execute(query):
            people.setdefault(source, {})[kind] = crm_id
    return people


def _attendee(one: Attendee, row: sa.Row[Any] | None, people: Mapping[str, Mapping[str, str]]) -> AttendeeRow:
    said = values(from_json(row.fields)) if row is not None else {}
    name = " ".join(str(said[part]).strip() for part in ("first_name", "last_name") if said.get(part))
    tied = people.get(row.source_id, {}) if row is not None else {}
    own = row.crm_kind if row is not None else None
    kind = next((kind for kind in (own, RecordKind.CONTACT, RecordKind.LEAD) if kind in tied), None)
    return AttendeeRow(
        key=row.id if row is not None else None,
        name=name,
        email=(row.email if row is not None else one.email) or "",
        response=one.response or "",
        attended=one.attended,
        status=row.status if row is not None else None,
        crm_kind=kind,
        crm_id=tied[kind] if kind else None,
    )
