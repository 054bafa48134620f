"""What deliveries say about meetings, brought into their rows; who takes part, so that a contact finds its meetings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import MeetingChange, attendees_from_json, who_by_email, who_by_id
from contactsync.domain.merge import ATTENDEES, DELETED, as_json, values
from contactsync.domain.records import Attendee
from contactsync.store import tables as t
from contactsync.store.due import chunks, queued
from contactsync.store.held import Held, Row, held_records, save


def write_meetings(db: Db, org_id: int, said: Sequence[MeetingChange], now: datetime) -> None:
    """Merge what is said of meetings, and put those into the queue that it changed; deleted ones too: what the CRM has of
    them is marked as cancelled.
    """
    held = held_records(db, t.meeting, t.meeting.c.source_id, org_id, {change.id for change in said})
    for change in said:
        held[change.id].merge(dict(change.changes), change.version)

    def row_of(record: Held) -> Row:
        fields = values(record.state)
        row: Row = {
            "fields": as_json(record.state),
            "event_id": fields.get("event_id"),
            "deleted": bool(fields.get(DELETED)),
            "updated_at": now,
        }
        if record.changed:
            row |= {**queued(now), "change": 1}
        return row

    save(db, t.meeting, held, row_of, lambda name: {"org_id": org_id, "source_id": name, "created_at": now})
    who = {
        name: attendees_from_json(values(record.state).get(ATTENDEES))
        for name, record in held.items()
        if values(record.state).get(ATTENDEES) != record.before.get(ATTENDEES)
    }
    if who:
        _write_attendees(db, org_id, who)


def _write_attendees(db: Db, org_id: int, who: Mapping[str, Iterable[Attendee]]) -> None:
    keys: dict[str, int] = {}
    for some in chunks(who):
        query = sa.select(t.meeting.c.source_id, t.meeting.c.id).where(
            t.meeting.c.org_id == org_id, t.meeting.c.source_id.in_(some)
        )
        keys |= {row.source_id: row.id for row in db.execute(query)}
    for numbers in chunks(keys.values()):
        db.execute(sa.delete(t.meeting_attendee).where(t.meeting_attendee.c.meeting_id.in_(numbers)))
    rows = [
        {"org_id": org_id, "meeting_id": keys[name], "who": one}
        for name, attendees in who.items()
        for one in sorted({said for attendee in attendees for said in _names(attendee)})
    ]
    if rows:
        db.execute(sa.insert(t.meeting_attendee), rows)


def _names(attendee: Attendee) -> Iterable[str]:
    if attendee.contact_id:
        yield who_by_id(attendee.contact_id)
    if attendee.email:
        yield who_by_email(attendee.email)
