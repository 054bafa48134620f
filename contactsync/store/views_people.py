"""One person's part of what is kept, for an export: nobody else's stands in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import from_json
from contactsync.domain.person import Person
from contactsync.store import tables as t
from contactsync.store import views_contacts, views_meetings
from contactsync.store.due import chunks
from contactsync.store.inbox import public_id
from contactsync.store.mentions import Key
from contactsync.store.views_paging import Record

_MEETING = ("id", "title", "starts_at", "ends_at", "timezone", "location", "event_id", "status", "deleted")


@dataclass(frozen=True)
class DeliveryKept:
    """A delivery with its body, and what is shown of it beside."""

    door: str
    status: str
    body: bytes = field(repr=False)
    shown: Record


def contact(db: Db, org_id: int, contact_id: str) -> Record | None:
    """One contact as the API shows it, and since when each field has been as it is."""
    shown = views_contacts.contact(db, org_id, contact_id)
    if shown is None:
        return None
    c = t.contact.c
    stored = db.execute(sa.select(c.fields).where(c.org_id == org_id, c.source_id == contact_id)).scalar()
    if stored is None:
        return None  # deleted just now
    said = {path: stamped.version.partition("|")[0] for path, stamped in from_json(stored).items()}
    return {**shown, "said_at": said}


def attendances(db: Db, org_id: int, who: Collection[str]) -> list[Record]:
    """In which events they take part or took part, known by id or by address."""
    c = t.attendance.c
    found: list[Record] = []
    for some in chunks(who):
        query = sa.select(c.event_id, c.who, c.status, c.removed).where(c.org_id == org_id, c.who.in_(some))
        found += [row._asdict() for row in db.execute(query.order_by(c.id))]
    return found


def meetings(db: Db, org_id: int, person: Person) -> list[Record]:
    """The meetings in which they take part: what, when, where, and their own answer."""
    found: list[Record] = []
    for meeting_id in sorted(person.meetings):
        meeting = views_meetings.meeting(db, org_id, meeting_id)
        if meeting is not None:
            own = [one for one in meeting["attendees"] if person.meant(one["contact_id"], one["email"])]
            found.append({**{name: meeting[name] for name in _MEETING}, "attendees": own})
    return found


def deliveries(db: Db, keys: Sequence[Key]) -> list[DeliveryKept]:
    """Deliveries by their numbers."""
    c = t.delivery.c
    columns = (c.id, c.webhook_id, c.door, c.type, c.status, c.received_at, c.body)
    rows = db.execute(sa.select(*columns).where(c.id.in_(keys)).order_by(c.id)).all()
    return [
        DeliveryKept(
            row.door,
            row.status,
            row.body,
            {
                "id": public_id(row.id),
                "webhook_id": row.webhook_id,
                "door": row.door,
                "type": row.type,
                "status": row.status,
                "received_at": row.received_at,
            },
        )
        for row in rows
    ]
