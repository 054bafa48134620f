"""Meetings in an org's queue: those that are due, whole, with the CRM records that their attendees are by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.batch import MeetingPerson, ReadyMeeting
from contactsync.domain.captured import is_captured
from contactsync.domain.changes import attendees_from_json, who_by_email, who_by_id
from contactsync.domain.crm import Next, RecordKind, RecordRef
from contactsync.domain.merge import ATTENDEES, DELETED, from_json, newest, values
from contactsync.domain.records import Attendee, Event, Meeting, Scalar
from contactsync.store import tables as t
from contactsync.store.due import chunks
from contactsync.store.queue import is_let_go, links_of
from contactsync.store.queue_events import event_of


@dataclass(frozen=True)
class ClaimedMeeting:
    """A due meeting as it stands, with what the queue knows of it."""

    key: int
    ready: ReadyMeeting
    change: int
    attempts: int = 0
    forced: bool = False
    rematched: bool = False  # the last attempt failed because what was known of the CRM was stale
    fingerprint: str | None = None


def meeting_source(meeting_id: str) -> str:
    """Under which source a meeting is linked to its Activity."""
    return f"meeting:{meeting_id}"


def claim_meetings(
    db: Db, org_id: int, connection_id: int | None, now: datetime, most: int
) -> tuple[ClaimedMeeting, ...]:
    """Up to `most` due meetings, the longest due first.

    One of which an attendee's contact is due now waits: the contact goes first, so that the meeting finds its record.
    """
    due = (
        sa.select(t.meeting)
        .where(t.meeting.c.org_id == org_id, t.meeting.c.due_at <= now)
        .where(*(sa.not_(_attended_by_due(org_id, now, by)) for by in _WAYS))
        .order_by(t.meeting.c.due_at, t.meeting.c.id)
        .limit(most)
    )
    return _whole(db, org_id, connection_id, db.execute(due).all())


def read_meeting(db: Db, org_id: int, connection_id: int | None, meeting_id: str) -> ClaimedMeeting | None:
    """One meeting as a claim would give it, due or not; None: none of that id."""
    rows = db.execute(
        sa.select(t.meeting).where(t.meeting.c.org_id == org_id, t.meeting.c.source_id == meeting_id)
    ).all()
    return _whole(db, org_id, connection_id, rows)[0] if rows else None


_WAYS = ((who_by_id(""), t.contact.c.source_id), (who_by_email(""), t.contact.c.email))


def _attended_by_due(org_id: int, now: datetime, way: tuple[str, sa.Column[Any]]) -> sa.Exists:
    prefix, named = way
    bare = sa.func.substr(t.meeting_attendee.c.who, len(prefix) + 1)
    return (
        sa.exists()
        .where(
            t.meeting_attendee.c.meeting_id == t.meeting.c.id,
            t.meeting_attendee.c.who.startswith(prefix),
            t.contact.c.org_id == org_id,
            named == bare,
            # Not as a bare comparison: SQLite would go through all that is due for each meeting.
            sa.case((t.contact.c.due_at <= now, 1), else_=0) == 1,
        )
        .correlate(t.meeting)
    )


# ── whole ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whole(db: Db, org_id: int, connection_id: int | None, rows: Sequence[sa.Row[Any]]) -> tuple[ClaimedMeeting, ...]:
    meetings = {row.id: _meeting(row) for row in rows}
    known = _Known.read(db, org_id, connection_id, [one for made in meetings.values() for one in made.attendees])
    events = _events(db, org_id, {row.event_id for row in rows if row.event_id})
    links = _activities(db, connection_id, [row.source_id for row in rows])
    return tuple(
        ClaimedMeeting(
            key=row.id,
            ready=ReadyMeeting(
                meeting=meetings[row.id],
                people=tuple(known.person(attendee) for attendee in meetings[row.id].attendees),
                event=events.get(row.event_id) if row.event_id else None,
                link=links.get(meeting_source(row.source_id)),
                attempted=tuple(row.attempted or ()),
            ),
            change=row.change,
            attempts=row.attempts,
            forced=row.forced,
            rematched=bool(row.problem and row.problem.get("next") == Next.REMATCH),
            fingerprint=row.fingerprint,
        )
        for row in rows
    )


def _meeting(row: sa.Row[Any]) -> Meeting:
    state = from_json(row.fields)
    fields: dict[str, Scalar] = {
        path: value for path, value in values(state).items() if path not in (DELETED, ATTENDEES)
    }
    return Meeting(
        row.source_id,
        fields,
        attendees_from_json(values(state).get(ATTENDEES)),
        deleted=row.deleted,
        changed=newest(state),
    )


@dataclass(frozen=True)
class _Known:
    """The contacts that attendees are, by id and by e-mail address."""

    by_id: Mapping[str, MeetingPerson]
    by_email: Mapping[str, MeetingPerson]

    @classmethod
    def read(cls, db: Db, org_id: int, connection_id: int | None, attendees: Sequence[Attendee]) -> _Known:
        ids = {one.contact_id for one in attendees if one.contact_id}
        emails = {one.email for one in attendees if one.email}
        rows: dict[int, sa.Row[Any]] = {}
        said = ("id", "source_id", "email", "fields", "crm_kind", "company_key", "approved_at", "last_synced_at")
        columns = (t.contact.c[name] for name in said)
        query = sa.select(*columns).where(t.contact.c.org_id == org_id)
        for some in chunks(ids):
            rows |= {row.id: row for row in db.execute(query.where(t.contact.c.source_id.in_(some)))}
        for some in chunks(emails):
            rows |= {row.id: row for row in db.execute(query.where(t.contact.c.email.in_(some)))}
        links = links_of(db, connection_id, list(rows.values()))
        by_id: dict[str, MeetingPerson] = {}
        by_email: dict[str, MeetingPerson] = {}
        for _, row in sorted(rows.items()):
            person = _person(row, links)
            by_id[row.source_id] = person
            # Of several contacts with one address the oldest that the CRM knows stands for it.
            if row.email and (
                row.email not in by_email or (by_email[row.email].ref is None and person.ref is not None)
            ):
                by_email[row.email] = person
        return cls(by_id, by_email)

    def person(self, attendee: Attendee) -> MeetingPerson:
        """The attendee as it is known: by id, else by address."""
        known = self.by_id.get(attendee.contact_id or "") or self.by_email.get(attendee.email or "")
        return MeetingPerson(attendee) if known is None else replace(known, attendee=attendee)


def _person(row: sa.Row[Any], links: Mapping[str, Mapping[RecordKind, RecordRef]]) -> MeetingPerson:
    tied = links.get(row.source_id, {})
    kinds = [kind for kind in (row.crm_kind, RecordKind.CONTACT, RecordKind.LEAD) if kind in tied]
    said = values(from_json(row.fields))
    names = (said.get("first_name"), said.get("last_name"))
    return MeetingPerson(
        attendee=Attendee(row.source_id, row.email),
        ref=tied[kinds[0]] if kinds else None,
        name=" ".join(str(name).strip() for name in names if name),
        account=links.get(row.company_key or "", {}).get(RecordKind.ACCOUNT),
        unreviewed=is_captured(said.get("source")) and not is_let_go(row),
    )


def _events(db: Db, org_id: int, names: set[str]) -> dict[str, Event]:
    events: dict[str, Event] = {}
    for some in chunks(names):
        rows = db.execute(sa.select(t.event).where(t.event.c.org_id == org_id, t.event.c.source_id.in_(some)))
        events |= {row.source_id: event_of(row) for row in rows}
    return events


def _activities(db: Db, connection_id: int | None, meeting_ids: Sequence[str]) -> dict[str, RecordRef]:
    found: dict[str, RecordRef] = {}
    if connection_id is None:
        return found
    for some in chunks(meeting_source(name) for name in meeting_ids):
        query = sa.select(t.link.c.source, t.link.c.crm_id).where(
            t.link.c.connection_id == connection_id,
            t.link.c.kind == RecordKind.ACTIVITY,
            t.link.c.source.in_(some),
        )
        found |= {row.source: RecordRef(RecordKind.ACTIVITY, row.crm_id) for row in db.execute(query)}
    return found


def activities_of_others(
    db: Db, connection_id: int, refs: Iterable[RecordRef], meeting_ids: Iterable[str]
) -> frozenset[RecordRef]:
    """Those of these Activities that other meetings than these became: no meeting is ever taken for one of them."""
    ours = {meeting_source(name) for name in meeting_ids}
    taken: set[RecordRef] = set()
    for some in chunks({ref.id for ref in refs}):
        query = sa.select(t.link.c.source, t.link.c.crm_id).where(
            t.link.c.connection_id == connection_id,
            t.link.c.kind == RecordKind.ACTIVITY,
            t.link.c.crm_id.in_(some),
        )
        rows = db.execute(query)
        taken |= {RecordRef(RecordKind.ACTIVITY, row.crm_id) for row in rows if row.source not in ours}
    return frozenset(taken)
