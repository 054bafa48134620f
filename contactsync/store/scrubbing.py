"""Taking a person out of rows that are not their own: deliveries, and records and runs that speak of them.

Each function takes rows by their keys, in a transaction of the caller that holds the org's lease, and answers how many it
changed. Doing it again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.bodies import parted
from contactsync.domain.changes import attendees_as_json, attendees_from_json
from contactsync.domain.errors import RefusedInput
from contactsync.domain.merge import ATTENDEES, Stamped, State, as_json, from_json, values
from contactsync.domain.person import Person, run_without
from contactsync.domain.search_keys import company_keys, contact_keys
from contactsync.store import tables as t
from contactsync.store.mentions import GROUNDS, Key
from contactsync.store.retention import ERASURE

Read = Callable[[bytes], object]
"""From a body to its JSON; raises RefusedInput."""


@dataclass
class Learned:
    """What bodies say beside the person: contacts and addresses named together with them, meetings in which they took part."""

    ids: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    meetings: set[str] = field(default_factory=set)


def scrub(  # noqa: PLR0917 - in the order in which they are read
    db: Db, org_id: int, ground: str, keys: Sequence[Key], person: Person, learned: Learned, now: datetime, read: Read
) -> int:
    """Take the person out of rows of one of GROUNDS; answers how many there were in."""
    if GROUNDS[ground].status is not None:
        return _deliveries(db, keys, person, learned, now, read)
    if ground == "run":
        return _runs(db, org_id, t.sync_run.c.id.in_(keys), person)
    return _records(db, org_id, ground, keys, person)


# ── deliveries ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _deliveries(db: Db, keys: Sequence[Key], person: Person, learned: Learned, now: datetime, read: Read) -> int:
    c = t.delivery.c
    columns = (c.id, c.door, c.body, c.status, c.webhook_id, c.errors, c.log)
    many = 0
    for row in db.execute(sa.select(*columns).where(c.id.in_(keys)).order_by(c.id).with_for_update()).all():
        body, out = body_without(row.door, row.body, person, learned, read, refused=row.status == "rejected")
        changed: dict[str, Any] = {}
        if body != row.body:
            changed |= removed_body(body, now)
            if out:
                changed["log"] = {**(row.log or {}), "erased": (row.log or {}).get("erased", 0) + out}
            if not body and row.status == "accepted":
                changed |= {"status": "absorbed", "absorbed_at": now}
        if person.in_name(row.webhook_id):
            changed["webhook_id"] = f"erased-{row.id}"  # it only has to be one that no other delivery has
        for name in ("errors", "log"):
            said = changed.get(name, getattr(row, name))
            if said is not None and (bare := person.cut_out(said)) != getattr(row, name):
                changed[name] = bare
        if changed:
            db.execute(sa.update(t.delivery).where(c.id == row.id).values(changed))
            many += 1
    return many


def take_out(db: Db, delivery_id: int, body: bytes, many: int, now: datetime) -> None:
    """Keep a delivery's body without the `many` parts of it that were an erased person's, and count them in its log."""
    here = t.delivery.c.id == delivery_id
    log = db.execute(sa.select(t.delivery.c.log).where(here).with_for_update()).scalar() or {}
    counted = {**log, "erased": log.get("erased", 0) + many}
    db.execute(sa.update(t.delivery).where(here).values(log=counted, **removed_body(body, now)))


def removed_body(body: bytes, now: datetime) -> dict[str, Any]:
    """The columns of a delivery from whose body a person was taken."""
    return {"body": body, "body_removed_at": now, "body_removed_for": ERASURE}


def body_without(
    door: str, body: bytes, person: Person, learned: Learned, read: Read, *, refused: bool = False
) -> tuple[bytes, int]:
    """The body without the person, b"" when nobody else is in it, and how many parts were theirs; the same body if none.

    One that cannot be read is emptied when it holds the address or an id, however they are written. Of one that was `refused`
    nobody can say what stands where: each item that holds them goes whole. `read`: from bytes to JSON, raising RefusedInput.
    """
    if not body:
        return body, 0
    try:
        envelope = read(body)
        if isinstance(envelope, dict):
            whole, gone = _without_items(body, envelope, person) if refused else (body, 0)
            left = read(whole) if gone and whole else envelope
            if not whole or not isinstance(left, dict):
                return b"", gone
            parted_body, out = _parted_body(door, whole, left, person, learned)
            return parted_body, out + gone
    except (RefusedInput, RecursionError):
        pass  # nobody can read it, or only somebody with more room on the stack
    return (b"", 0) if person.held_by(body) else (body, 0)


def _parted_body(
    door: str, body: bytes, envelope: dict[str, Any], person: Person, learned: Learned
) -> tuple[bytes, int]:
    done = parted(door, envelope, person.meant, lambda item: person.rewritten(item, words=True))
    for contact_id, address in done.people:
        learned.ids |= {contact_id} if contact_id is not None and contact_id not in person.ids else set()
        learned.addresses |= {address} if address is not None and address != person.email else set()
    learned.meetings |= done.meetings - person.meetings
    if done.rest is None:
        return b"", len(done.parts)
    rest = _of_their_meetings(door, done.rest, person)
    bare = person.rewritten(rest)
    if not done.parts and bare == envelope:
        return body, 0
    return _written(bare), len(done.parts)


def _without_items(body: bytes, envelope: dict[str, Any], person: Person) -> tuple[bytes, int]:
    data = envelope.get("data")
    items = data if isinstance(data, list) else [data]
    kept = [item for item in items if not person.held_by(_written(item))]
    if len(kept) == len(items):
        return body, 0
    return (_written({**envelope, "data": kept}) if kept else b""), len(items) - len(kept)


def _written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _of_their_meetings(door: str, envelope: dict[str, Any], person: Person) -> dict[str, Any]:
    """An update of a meeting that does not list who takes part may speak of them all the same."""
    if door != "meetings" or not person.meetings:
        return envelope
    data = envelope.get("data")
    items = data if isinstance(data, list) else [data]
    bare = [
        person.rewritten(one, words=True) if isinstance(one, dict) and str(one.get("id")) in person.meetings else one
        for one in items
    ]
    return {**envelope, "data": bare if isinstance(data, list) else bare[0]}


# ── records ────────────────────────────────────────────────────────────────────────────────────────────────────────

_TOLD = ("title", "notes")
"""What an Activity's words are made of: a meeting without any would be called something else in the CRM."""

_TABLES = {"contact": t.contact, "event": t.event, "meeting": t.meeting, "company": t.company}


def scrub_meetings(db: Db, org_id: int, person: Person, meetings: Sequence[str]) -> int:
    """Take the person out of meetings in which they take part, and out of these meetings' runs."""
    many = _records(db, org_id, "meeting", meetings, person, words=True)
    theirs = sa.and_(t.sync_run.c.subject == "meeting", t.sync_run.c.source_id.in_(meetings))
    return many + _runs(db, org_id, theirs, person, words=True)


def _records(db: Db, org_id: int, ground: str, keys: Sequence[Key], person: Person, *, words: bool = False) -> int:
    table, key = _TABLES[ground], GROUNDS[ground].key
    many = 0
    for row in db.execute(sa.select(table).where(table.c.org_id == org_id, key.in_(keys))).all():
        if ground == "contact" and row.source_id in person.ids:
            continue  # goes whole
        before = from_json(row.fields)
        state, theirs = _without_attendee(before, person) if ground == "meeting" else (before, False)
        with_words = words or theirs
        state = person.without(state, words=with_words, told=_TOLD if ground == "meeting" else ())
        changed: dict[str, Any] = {}
        if state != before:
            changed["fields"] = as_json(state)
            said = values(state)
            if "name" in table.c:
                changed["name"] = said.get("name")
            if ground == "contact":
                changed |= contact_keys(said)
            elif ground == "company":
                changed |= company_keys(said.get("name"))
        for name in ("why", "problem", "attempted"):
            told = getattr(row, name, None)
            if told is not None and (bare := person.rewritten(told, words=with_words)) != told:
                changed[name] = bare
        if changed:
            db.execute(sa.update(table).where(table.c.id == row.id).values(changed))
            many += 1
    return many


def _without_attendee(state: State, person: Person) -> tuple[State, bool]:
    said = state.get(ATTENDEES)
    if said is None:
        return state, False
    attendees = attendees_from_json(said.value)
    others = [one for one in attendees if not person.meant(one.contact_id, one.email)]
    if len(others) == len(attendees):
        return state, False
    return {**state, ATTENDEES: Stamped(attendees_as_json(others), said.version)}, True


def _runs(db: Db, org_id: int, which: sa.ColumnElement[bool], person: Person, *, words: bool = False) -> int:
    c = t.sync_run.c
    tells = person.told_of if words else person.named_by
    many = 0
    for row in db.execute(sa.select(t.sync_run).where(c.org_id == org_id, which).order_by(c.id)).all():
        if row.subject == "contact" and row.source_id in person.ids:
            continue  # goes whole
        said = {"steps": row.steps, "why": row.why, "problem": row.problem}
        bare = {
            "steps": run_without(row.steps, tells, lambda text: person.scrubbed(text, words=words)),
            "why": person.rewritten(row.why, words=words),
            "problem": person.rewritten(row.problem, words=words),
        }
        changed = {name: value for name, value in bare.items() if value != said[name]}
        if changed:
            db.execute(sa.update(t.sync_run).where(c.id == row.id).values(changed))
            many += 1
    return many
