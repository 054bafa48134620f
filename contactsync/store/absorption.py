"""What absorbing reads and writes: waiting deliveries in, source records out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db
from sqlalchemy.exc import DataError, IntegrityError

from contactsync.domain.changes import (
    DEFAULT_ATTENDANCE,
    AttendanceChange,
    Changes,
    ContactChange,
    who_by_email,
    who_by_id,
)
from contactsync.domain.merge import DELETED, EVENTS, Stamped, as_json, from_json, values
from contactsync.domain.records import SyncStatus
from contactsync.domain.search_keys import contact_keys
from contactsync.store import tables as t
from contactsync.store.absorption_companies import companies_now, write_companies
from contactsync.store.absorption_events import write_events
from contactsync.store.absorption_meetings import write_meetings
from contactsync.store.due import chunks, mark_meetings_with_due
from contactsync.store.held import Held, held_records, save
from contactsync.store.queue import mark_due

POISON = (
    ArithmeticError,
    AttributeError,
    DataError,
    IntegrityError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What one delivery may raise that cannot be brought in. Not a lost lease, nor a database that is away or not migrated: those
spoil every delivery alike, and pass."""


@dataclass(frozen=True)
class Waiting:
    """An accepted delivery that is not absorbed yet."""

    id: int
    door: str
    body: bytes
    received_at: datetime
    replayed: bool = False  # somebody wants it absorbed once more


def waiting(db: Db, org_id: int, most: int, most_bytes: int) -> tuple[Waiting, ...]:
    """The oldest accepted deliveries, in their order, at most so many and (but for the first) so many bytes.

    While the oldest are replayed, what has just arrived goes before them: a replay of a hundred thousand keeps no webhook
    waiting. The order changes nothing else: each value has the version of its delivery.
    """
    c = t.delivery.c
    accepted = (c.org_id == org_id, c.status == "accepted")
    oldest = db.execute(sa.select(c.id, c.replays).where(*accepted).order_by(c.id).limit(1)).first()
    if oldest is None:
        return ()
    which: sa.ColumnElement[bool] = sa.and_(*accepted)
    if oldest.replays:
        newest = sa.select(c.id, c.replays).where(*accepted).order_by(c.id.desc()).limit(most).subquery()
        new = db.execute(sa.select(newest.c.id).where(newest.c.replays == 0)).scalars().all()
        which = c.id.in_(new) if new else which
    columns = (c.id, c.door, c.body, c.received_at, c.replays)
    query = sa.select(*columns).where(which).order_by(c.id).limit(most)
    taken: list[Waiting] = []
    size = 0
    with db.execute(query, execution_options={"yield_per": 20}) as rows:
        for row in rows:
            size += len(row.body)
            if taken and size > most_bytes:
                break
            taken.append(Waiting(row.id, row.door, row.body, row.received_at, row.replays > 0))
    return tuple(taken)


def mark_absorbed(db: Db, ids: Sequence[int], now: datetime) -> None:
    """These deliveries are in the source records now (in the same transaction)."""
    for some in chunks(ids):
        db.execute(sa.update(t.delivery).where(t.delivery.c.id.in_(some)).values(status="absorbed", absorbed_at=now))


def log_findings(db: Db, delivery_id: int, changes: Changes) -> None:
    """Count in the delivery's log the keys that nobody knows and the times that nobody believes, if any, beside what the
    door counts there (duplicates).
    """
    found: dict[str, Any] = {}
    if changes.unknown_keys:
        found["unknown_keys"] = dict(changes.unknown_keys)
    if changes.future_times:
        found["future_times"] = changes.future_times
    if not found:
        return
    here = t.delivery.c.id == delivery_id
    log = db.execute(sa.select(t.delivery.c.log).where(here).with_for_update()).scalar() or {}
    db.execute(sa.update(t.delivery).where(here).values(log={**log, **found}))


def mark_failed(db: Db, delivery_id: int, errors: list[dict[str, str]], now: datetime) -> None:
    """This delivery cannot be absorbed; it is kept, and shown with the reason."""
    db.execute(
        sa.update(t.delivery)
        .where(t.delivery.c.id == delivery_id)
        .values(status="failed", errors=errors, absorbed_at=now)
    )


def write_changes(
    db: Db, org_id: int, said: Iterable[Changes], now: datetime, came: Mapping[str, datetime] | None = None
) -> None:
    """Bring what deliveries said into contacts, companies, events, attendances and meetings, and put what it touches into
    the queue: several changes of one record become one entry. `came`: since when a contact is due, where that is not now.
    """
    gathered = Changes()
    for changes in said:
        gathered.contacts += changes.contacts
        gathered.events += changes.events
        gathered.attendances += changes.attendances
        gathered.meetings += changes.meetings
    gathered.contacts = _without_unknown(db, org_id, gathered.contacts)
    write_companies(db, org_id, gathered.contacts, now)
    write_events(db, org_id, gathered, now)
    contacts = _write_contacts(db, org_id, gathered.contacts, now, came or {})
    attendances = [*gathered.attendances]
    for change in gathered.contacts:
        attendances += change.attendances
    cleared = {who_by_id(change.id) for change in gathered.contacts if EVENTS in change.changes}
    if attendances or cleared:
        _write_attendances(db, org_id, attendances, cleared, contacts, now)
    if gathered.meetings:
        write_meetings(db, org_id, gathered.meetings, now)


def _without_unknown(db: Db, org_id: int, changes: list[ContactChange]) -> list[ContactChange]:
    """The changes without edits of contacts that are not there: somebody was erased after they were edited, say."""
    edited = {change.id for change in changes if change.by_hand}
    if not edited:
        return changes
    c = t.contact.c
    known = {change.id for change in changes if not change.by_hand}
    for some in chunks(edited):
        known |= set(db.execute(sa.select(c.source_id).where(c.org_id == org_id, c.source_id.in_(some))).scalars())
    return [change for change in changes if change.id in known]


def _write_contacts(
    db: Db, org_id: int, changes: Sequence[ContactChange], now: datetime, came: Mapping[str, datetime]
) -> Mapping[str, Mapping[str, Stamped]]:
    """Answers the state of each contact that was spoken of, by id."""
    if not changes:
        return {}
    held = held_records(db, t.contact, t.contact.c.source_id, org_id, {change.id for change in changes})
    for change in changes:
        held[change.id].merge(dict(change.changes), change.version)
    merged = companies_now(db, org_id, list(held.values()))

    def row_of(record: Held) -> dict[str, Any]:
        fields = values(record.state)
        email, company = fields.get("email"), fields.get("company")
        row: dict[str, Any] = {
            "fields": as_json(record.state),
            "email": email.strip().lower() if isinstance(email, str) else None,
            "company_key": merged.get(company, company) if isinstance(company, str) else None,
            "deleted": bool(fields.get(DELETED)),
            "updated_at": now,
            **contact_keys(fields),
        }
        if record.changed:
            gone = row["deleted"]
            row |= {
                # Never later than now, whatever the clock of the web process said.
                "due_at": None if gone else min(now, came.get(record.name, now)),
                "status": SyncStatus.EXCLUDED if gone else SyncStatus.QUEUED,
                "attempts": 0,
                "change": 1,
                "problem_key": None,
            }
        return row

    save(
        db,
        t.contact,
        held,
        row_of,
        lambda name: {"org_id": org_id, "source_id": name, "created_at": now, "forced": False},
    )
    moved = {who_by_email(email) for record in held.values() if (email := _moved_to(record)) is not None}
    if moved:
        mark_meetings_with_due(db, org_id, moved, now)
    return {name: record.state for name, record in held.items()}


def _moved_to(record: Held) -> str | None:
    """The address that a known contact has now and had not before: a meeting may know it by that."""
    email = values(record.state).get("email")
    known = record.key is not None and email != record.before.get("email")
    return email if known and isinstance(email, str) else None


def _write_attendances(
    db: Db,
    org_id: int,
    said: Sequence[AttendanceChange],
    cleared: set[str],
    contacts: Mapping[str, Mapping[str, Stamped]],
    now: datetime,
) -> None:
    """Status and removal each by the newest version that spoke of it; what was cleared later than it was said is removed,
    also when that was said long ago.
    """
    people = {change.who for change in said} | cleared
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for some in chunks(people):
        rows = db.execute(sa.select(t.attendance).where(t.attendance.c.org_id == org_id, t.attendance.c.who.in_(some)))
        held |= {(row.event_id, row.who): row._asdict() for row in rows}
    touched: set[tuple[str, str]] = set()
    for change in said:
        key = (change.event_id, change.who)
        row = held.get(key)
        if row is None:
            held[key] = {
                "org_id": org_id,
                "event_id": change.event_id,
                "who": change.who,
                "status": change.status or DEFAULT_ATTENDANCE,
                "removed": change.removed,
                "version": change.version,
                "status_version": change.version if change.status else None,
            }
            touched.add(key)
            continue
        if change.version > row["version"]:
            row |= {"removed": change.removed, "version": change.version}
            touched.add(key)
        if change.status and change.version > (row["status_version"] or ""):
            row |= {"status": change.status, "status_version": change.version}
            touched.add(key)
    floors = _floors(db, org_id, people, contacts)
    for key, row in held.items():
        version = floors.get(key[1])
        if version is not None and version > row["version"]:
            row |= {"removed": True, "version": version}
            touched.add(key)
    _save_attendances(db, [held[key] for key in sorted(touched)])
    mark_people_due(db, org_id, {who for _, who in touched}, now)


def _floors(db: Db, org_id: int, people: set[str], contacts: Mapping[str, Mapping[str, Stamped]]) -> Mapping[str, str]:
    """The version in which a contact's events were cleared whole, for those of whom they ever were."""
    by_id = {who.removeprefix("id:") for who in people if who.startswith("id:")}
    floors = {who_by_id(name): state[EVENTS].version for name, state in contacts.items() if EVENTS in state}
    for some in chunks(by_id - contacts.keys()):
        query = sa.select(t.contact.c.source_id, t.contact.c.fields).where(
            t.contact.c.org_id == org_id, t.contact.c.source_id.in_(some)
        )
        for name, stored in db.execute(query):
            if EVENTS in stored["fields"]:
                floors[who_by_id(name)] = from_json(stored)[EVENTS].version
    return floors


def _save_attendances(db: Db, rows: Sequence[dict[str, Any]]) -> None:
    new = [row for row in rows if "id" not in row]
    if new:
        db.execute(sa.insert(t.attendance), new)
    settable = ("status", "removed", "version", "status_version")
    old = [{"b_id": row["id"], **{name: row[name] for name in settable}} for row in rows if "id" in row]
    if old:
        db.execute(sa.update(t.attendance).where(t.attendance.c.id == sa.bindparam("b_id")), old)


def mark_people_due(db: Db, org_id: int, people: set[str], now: datetime) -> None:
    """Put contacts (`id:<contact's id>`, `email:<address>`) into the queue, unless they are due already."""
    by_id = {who.removeprefix("id:") for who in people if who.startswith("id:")}
    by_email = {who.removeprefix(who_by_email("")) for who in people if who.startswith("email:")}
    # Those that are due already need nothing: no claim is under way while its own worker absorbs.
    idle = sa.or_(t.contact.c.due_at.is_(None), t.contact.c.due_at > now)
    for some in chunks(by_id):
        mark_due(db, org_id, sa.and_(t.contact.c.source_id.in_(some), idle), now)
    for some in chunks(by_email):
        mark_due(db, org_id, sa.and_(t.contact.c.email.in_(some), idle), now)
