"""What came of events and meetings, on their own rows; what a contact's new record means for its meetings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN, chunks, mark_meetings_with_due
from contactsync.store.queue import mark_attendees_due

RecordSubject = Literal["event", "meeting"]
TABLES: Mapping[str, sa.Table] = {"contact": t.contact, "event": t.event, "meeting": t.meeting}


def note_attempts(db: Db, subject: Literal["contact"] | RecordSubject, attempted: Mapping[int, Sequence[str]]) -> None:
    """Write down, before it is sent, under what a record may be made (contacts' addresses, names of campaigns, starts of
    Activities): if the answer is lost, the next attempt looks there first. By the row's key.
    """
    table = TABLES[subject]
    rows = [{"b_id": key, "b_attempted": list(said)} for key, said in sorted(attempted.items())]
    if rows:
        kept = sa.bindparam("b_attempted", type_=t.Json)
        db.execute(sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(attempted=kept), rows)


def leave_alone(db: Db, subject: RecordSubject, changes: Mapping[int, int]) -> None:
    """Take events or meetings out of the queue with which the CRM has nothing to do: they have no sync status.

    `changes`: key → the change that was claimed; one that changed since stays in the queue.
    """
    table = TABLES[subject]
    rows = [{"b_id": key, "b_change": change} for key, change in sorted(changes.items())]
    if not rows:
        return
    nothing = {"due_at": None, "forced": False, "attempts": 0, "sync_status": None, "why": None}
    none_wrong = {"problem": None, "problem_key": None}
    db.execute(
        sa.update(table)
        .where(table.c.id == sa.bindparam("b_id"), table.c.change == sa.bindparam("b_change"))
        .values(**nothing, **none_wrong),
        rows,
    )


def write_outcomes(db: Db, subject: RecordSubject, rows: Sequence[dict[str, Any]]) -> None:
    """Outcomes as `ledger` makes their rows. What was attempted is forgotten once the CRM said that all is done."""
    table = TABLES[subject]
    c = table.c
    unchanged = c.change == sa.bindparam("b_change")
    synced_at = sa.bindparam("b_synced_at", type_=t.UtcTime())
    columns: dict[str, Any] = {
        "sync_status": sa.case((unchanged, sa.bindparam("b_status", type_=sa.String())), else_=c.sync_status),
        "due_at": sa.case((unchanged, sa.bindparam("b_due_at", type_=t.UtcTime())), else_=c.due_at),
        "forced": sa.case((unchanged, sa.false()), else_=c.forced),
        "attempts": sa.bindparam("b_attempts"),
        "fingerprint": sa.bindparam("b_fingerprint"),
        "problem": sa.bindparam("b_problem", type_=t.Json),
        "problem_key": sa.case((unchanged, sa.bindparam("b_problem_key", type_=sa.String())), else_=c.problem_key),
        "why": sa.bindparam("b_why", type_=t.Json),
        "last_synced_at": sa.func.coalesce(synced_at, c.last_synced_at),
        "attempted": sa.case((synced_at.is_not(None), sa.null()), else_=c.attempted),
    }
    if subject == "meeting":
        columns["crm_id"] = sa.func.coalesce(sa.bindparam("b_crm_id", type_=sa.String()), c.crm_id)
    else:
        rows = [{name: value for name, value in row.items() if name != "b_crm_id"} for row in rows]
    db.execute(sa.update(table).where(c.id == sa.bindparam("b_id")).values(columns), list(rows))


def connect_made(db: Db, org_id: int, made: Mapping[int, str], now: datetime) -> None:
    """Connect events to the campaigns that were made (or found) for them, by key, and put in the queue who takes part.

    One that was connected meanwhile, or that a person wants without a campaign, is left so; what was made is remembered.
    """
    for some in chunks(made):
        here = sa.select(t.event.c.id, t.event.c.source_id, t.event.c.campaign_id, t.event.c.campaign_choice)
        for row in db.execute(here.where(t.event.c.id.in_(some)).with_for_update()).all():
            if row.campaign_id == made[row.id]:
                continue
            free = row.campaign_id is None and row.campaign_choice in (None, OWN_CAMPAIGN)
            kept = {"campaign_made": made[row.id], **({"campaign_id": made[row.id]} if free else {})}
            db.execute(sa.update(t.event).where(t.event.c.id == row.id).values(kept))
            if free:
                mark_attendees_due(db, org_id, row.source_id, now)


def have_meetings(db: Db, org_id: int) -> bool:
    """Whether the org has any meeting with attendees."""
    one = sa.select(t.meeting_attendee.c.meeting_id).where(t.meeting_attendee.c.org_id == org_id).limit(1)
    return db.execute(one).first() is not None


def mark_meetings_of_contacts_due(db: Db, org_id: int, keys: Iterable[int], now: datetime) -> None:
    """Put the meetings of these contacts into the queue, whether they know them by id or by address."""
    who: set[str] = set()
    for some in chunks(keys):
        query = sa.select(t.contact.c.source_id, t.contact.c.email).where(t.contact.c.id.in_(some))
        for row in db.execute(query):
            who.add(who_by_id(row.source_id))
            if row.email:
                who.add(who_by_email(row.email))
    mark_meetings_with_due(db, org_id, who, now)
