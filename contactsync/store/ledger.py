"""What came of a batch, written down: statuses, links, runs, and how the connection fares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import Problem, RecordKind, RecordRef
from contactsync.domain.names import KEY_LENGTH
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.companies import chosen_since, unlinked_companies
from contactsync.store.connections import ConnectionRow
from contactsync.store.due import chunks
from contactsync.store.ledger_records import (
    connect_made,
    have_meetings,
    leave_alone,
    mark_meetings_of_contacts_due,
    note_attempts,
    write_outcomes,
)
from contactsync.store.written import keep_marks

__all__ = [
    "LinkMade",
    "Recorded",
    "Subject",
    "connection_fares_well",
    "leave_alone",
    "note_attempts",
    "pause_connection",
    "problem_as_json",
    "record",
    "record_undo",
]

Subject = Literal["contact", "event", "meeting"]


@dataclass(frozen=True)
class LinkMade:
    """A source record is tied to a CRM record.

    `source`: the contact's id, the company's key, campaign:contact, the event's id, or `meeting_source` of a meeting.
    """

    source: str
    ref: RecordRef
    created_by_us: bool


@dataclass(frozen=True)
class Recorded:
    """Everything to write down of one contact, event or meeting (`subject`), whose row is `key`.

    `run`: the steps for the ledger, None when nothing was even looked at. `links`: an event's link to a campaign that it was
    not connected to connects it. `marks`: what was written, by record and field (`values.mark_of`).
    """

    key: int
    source_id: str
    change: int
    attempt: int
    outcome: Outcome
    started_at: datetime
    sync_as: str | None = None
    fingerprint: str | None = None
    missing: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    links: tuple[LinkMade, ...] = ()
    tied: tuple[str, ...] = ()  # the sources of every link this one may hang on, dropped when they proved stale
    run: list[dict[str, Any]] | None = None
    subject: Subject = "contact"
    marks: Mapping[RecordRef, Mapping[str, str]] = field(default_factory=dict)
    heard: bool = False  # the CRM said for certain what became of a contact's own record
    company: str | None = None  # the key of a contact's company
    gave_account: bool = False  # its Contact was written with the Account of that company


def record(
    db: Db,
    org_id: int,
    connection_id: int | None,
    done: Sequence[Recorded],
    now: datetime,
    *,
    stands: bool = True,
    company_choices: int | None = None,
) -> None:
    """Write outcomes, links, marks and runs. What changed since it was claimed stays in the queue.

    A contact with a new record in the CRM puts its meetings into the queue; an event with a new campaign those who take part.
    Unless the connection `stands` the records themselves stay as they are: only what is now in that CRM is written down.
    `company_choices`: as many the org had counted when the batch was begun. Companies of which people chose something since
    are not tied by it, and what it put into their Accounts may be moved from there.
    """
    if not done:
        return
    companies = {one.company for one in done if one.company} | {
        link.source for one in done for link in one.links if link.ref.kind is RecordKind.ACCOUNT
    }
    overtaken = frozenset[str]()
    if companies and company_choices is not None:
        overtaken = chosen_since(db, org_id, company_choices, companies)
    if stands:
        _write_outcomes(db, done, now, overtaken)
    if connection_id is not None:
        newly_tied = _newly_tied(db, org_id, connection_id, done) if stands else []
        _write_links(db, org_id, connection_id, done, now, overtaken)
        if stands:
            mark_meetings_of_contacts_due(db, org_id, newly_tied, now)
            connect_made(db, org_id, _campaigns_made(done), now)
        keep_marks(db, connection_id, _marks(done))
    _write_runs(db, org_id, connection_id, done, now)


def _write_outcomes(db: Db, done: Sequence[Recorded], now: datetime, overtaken: Collection[str]) -> None:
    contacts = [_row(entry, now) | _contact_row(entry, overtaken) for entry in done if entry.subject == "contact"]
    if contacts:
        db.execute(_CONTACTS, contacts)
    for subject in ("event", "meeting"):
        rows = [_row(entry, now) | _record_row(entry) for entry in done if entry.subject == subject]
        if rows:
            write_outcomes(db, subject, rows)


def _contacts() -> sa.Update:
    c = t.contact.c
    unchanged = c.change == sa.bindparam("b_change")
    synced_at = sa.bindparam("b_synced_at", type_=t.UtcTime())
    return (
        sa.update(t.contact)
        .where(c.id == sa.bindparam("b_id"))
        .values(
            status=sa.case((unchanged, sa.bindparam("b_status", type_=sa.String())), else_=c.status),
            due_at=sa.case((unchanged, sa.bindparam("b_due_at", type_=t.UtcTime())), else_=c.due_at),
            forced=sa.case((unchanged, sa.false()), else_=c.forced),
            attempts=sa.bindparam("b_attempts"),
            fingerprint=sa.bindparam("b_fingerprint"),
            missing=sa.bindparam("b_missing", type_=t.Json),
            problem=sa.bindparam("b_problem", type_=t.Json),
            problem_key=sa.case((unchanged, sa.bindparam("b_problem_key", type_=sa.String())), else_=c.problem_key),
            why=sa.bindparam("b_why", type_=t.Json),
            sync_as=sa.bindparam("b_sync_as"),
            crm_kind=sa.func.coalesce(sa.bindparam("b_crm_kind", type_=sa.String()), c.crm_kind),
            crm_id=sa.func.coalesce(sa.bindparam("b_crm_id", type_=sa.String()), c.crm_id),
            last_synced_at=sa.func.coalesce(synced_at, c.last_synced_at),
            account_overtaken=sa.func.coalesce(sa.bindparam("b_overtaken", type_=sa.Boolean()), c.account_overtaken),
            attempted=sa.case((sa.bindparam("b_heard", type_=sa.Boolean()), sa.null()), else_=c.attempted),
        )
    )


_CONTACTS = _contacts()


def _row(entry: Recorded, now: datetime) -> dict[str, Any]:
    outcome = entry.outcome
    return {
        "b_id": entry.key,
        "b_change": entry.change,
        "b_status": outcome.status.value,
        "b_due_at": outcome.due_at,
        "b_attempts": outcome.attempts,
        "b_fingerprint": entry.fingerprint if outcome.status is SyncStatus.SYNCED else None,
        "b_problem": problem_as_json(outcome.problem) | {"next": outcome.next} if outcome.problem else None,
        "b_problem_key": outcome.problem.key if outcome.problem else None,
        "b_why": list(entry.why) or None,
        "b_crm_id": outcome.person.id if outcome.person else None,
        "b_synced_at": now if outcome.status is SyncStatus.SYNCED else None,
    }


def _contact_row(entry: Recorded, overtaken: Collection[str]) -> dict[str, Any]:
    person = entry.outcome.person
    overtaking = entry.company in overtaken
    # What was left to move is there until the contact is synced with nobody choosing anything meanwhile.
    settled = entry.outcome.status is SyncStatus.SYNCED and entry.run is not None and not overtaking
    misplaced = True if overtaking and entry.gave_account else False if settled else None
    return {
        "b_missing": list(entry.missing) or None,
        "b_sync_as": entry.sync_as,
        "b_crm_kind": person.kind.value if person else None,
        "b_heard": entry.heard,
        "b_overtaken": misplaced,
    }


def _record_row(entry: Recorded) -> dict[str, Any]:
    # A deleted meeting is excluded: it was settled as well as one that is synced.
    settled = entry.outcome.status in (SyncStatus.SYNCED, SyncStatus.EXCLUDED)
    return {"b_fingerprint": entry.fingerprint if settled else None}


def _newly_tied(db: Db, org_id: int, connection_id: int, done: Sequence[Recorded]) -> list[int]:
    """The keys of contacts that get another person than they had, if the org has any meeting that this may matter to."""
    people = {
        (link.ref.kind.value, link.source): (entry.key, link.ref.id)
        for entry in done
        if entry.subject == "contact" and not entry.outcome.unlink
        for link in entry.links
        if link.ref.kind.is_person
    }
    if not people or not have_meetings(db, org_id):
        return []
    kinds = [kind.value for kind in RecordKind if kind.is_person]
    for some in chunks({source for _, source in people}):
        query = sa.select(t.link.c.kind, t.link.c.source, t.link.c.crm_id).where(
            t.link.c.connection_id == connection_id, t.link.c.kind.in_(kinds), t.link.c.source.in_(some)
        )
        for kind, source, crm_id in db.execute(query):
            if (kind, source) in people and people[kind, source][1] == crm_id:
                del people[kind, source]
    return [key for key, _ in people.values()]


def _campaigns_made(done: Sequence[Recorded]) -> dict[int, str]:
    return {
        entry.key: link.ref.id
        for entry in done
        if entry.subject == "event" and not entry.outcome.unlink
        for link in entry.links
        if link.ref.kind is RecordKind.CAMPAIGN
    }


def _marks(done: Sequence[Recorded]) -> dict[RecordRef, dict[str, str]]:
    marks: dict[RecordRef, dict[str, str]] = {}
    for entry in done:
        for ref, said in entry.marks.items():
            marks.setdefault(ref, {}).update(said)
    return marks


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """A problem for the database and the API. `found`: of one that names records alone."""
    kept = asdict(problem) | {"fields": list(problem.fields), "mended_by": [mend.value for mend in problem.mended_by]}
    found = kept.pop("found")
    return kept | ({"found": list(found)} if found else {})


def _write_links(
    db: Db,
    org_id: int,
    connection_id: int,
    done: Sequence[Recorded],
    now: datetime,
    overtaken: Collection[str],
) -> None:
    stale = {source for entry in done if entry.outcome.unlink for source in entry.tied} - set(overtaken)
    for some in chunks(stale):
        # Every kind is named: the index is by connection, kind and source.
        here = (t.link.c.kind.in_(list(RecordKind)), t.link.c.source.in_(some))
        db.execute(sa.delete(t.link).where(t.link.c.connection_id == connection_id, *here))
    rows = {
        (link.ref.kind.value, link.source): {
            "connection_id": connection_id,
            "kind": link.ref.kind.value,
            "source": link.source[:KEY_LENGTH],  # a plugin's company may be called anything
            "crm_id": link.ref.id,
            "created_by_us": link.created_by_us,
            "updated_at": now,
        }
        for entry in done
        for link in entry.links
        if not (entry.outcome.unlink and link.source in entry.tied)
    }
    # What people chose of a company since the worker read it counts, not what the worker found before.
    accounts = {source for kind, source in rows if kind == RecordKind.ACCOUNT}
    for key in {*unlinked_companies(db, org_id, connection_id, accounts), *accounts.intersection(overtaken)}:
        del rows[RecordKind.ACCOUNT.value, key]
    if not rows:
        return
    insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    statement = insert(t.link)
    statement = statement.on_conflict_do_update(
        index_elements=["connection_id", "kind", "source"],
        set_={"crm_id": statement.excluded.crm_id, "updated_at": statement.excluded.updated_at},
        where=t.link.c.crm_id != statement.excluded.crm_id,
    )
    db.execute(statement, [rows[key] for key in sorted(rows)])


def _write_runs(db: Db, org_id: int, connection_id: int | None, done: Sequence[Recorded], now: datetime) -> None:
    rows = [
        {
            "org_id": org_id,
            "subject": entry.subject,
            "contact_id": entry.key if entry.subject == "contact" else None,
            "connection_id": connection_id,
            "source_id": entry.source_id,
            "started_at": entry.started_at,
            "finished_at": now,
            "attempt": entry.attempt,
            "outcome": entry.outcome.status.value,
            "steps": entry.run,
            "why": list(entry.why),
            "problem": problem_as_json(entry.outcome.problem) if entry.outcome.problem else None,
        }
        for entry in done
        if entry.run is not None
    ]
    if rows:
        db.execute(sa.insert(t.sync_run), rows)


def record_undo(  # noqa: PLR0917 - in the order in which they are read
    db: Db,
    org_id: int,
    connection_id: int,
    run_id: int,
    steps: Sequence[Mapping[str, Any]],
    why: Sequence[str],
    started_at: datetime,
    now: datetime,
) -> int | None:
    """Write down that a run was put back, as a run of the same record; answers its number, None: no such run.

    The record's own status stays: it says how its last sync ended. `steps` as `shown` makes them.
    """
    undone = db.execute(sa.select(t.sync_run).where(t.sync_run.c.org_id == org_id, t.sync_run.c.id == run_id)).first()
    if undone is None:
        return None
    row = {name: getattr(undone, name) for name in ("org_id", "subject", "contact_id", "source_id", "outcome")}
    row |= {"connection_id": connection_id, "started_at": started_at, "finished_at": now, "attempt": 1}
    row |= {"steps": list(steps), "why": list(why), "undoes": run_id}
    return int(db.execute(sa.insert(t.sync_run).values(**row).returning(t.sync_run.c.id)).scalar_one())


def pause_connection(
    db: Db, used: ConnectionRow, *, failures: int, until: datetime | None, problem: Problem | None
) -> bool:
    """The CRM fails as a whole: nobody tries before `until`, or, with a problem and no time, before somebody acted.
    `problem` says why in both cases.

    False, and nothing is paused, when the connection was made anew since it was `used`: of the new one it says nothing.
    """
    paused = db.execute(
        sa.update(t.connection)
        .where(
            t.connection.c.id == used.id,
            t.connection.c.replaced_at.is_(None),
            t.connection.c.sealed_credentials == used.sealed_credentials,
        )
        .values(failures=failures, paused_until=until, problem=problem_as_json(problem) if problem else None)
    )
    return paused.rowcount == 1


def connection_fares_well(db: Db, connection_id: int) -> None:
    """The CRM answers again."""
    db.execute(
        sa.update(t.connection)
        .where(t.connection.c.id == connection_id, t.connection.c.failures > 0)
        .values(failures=0, paused_until=None, problem=None)
    )
