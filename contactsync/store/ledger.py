"""What came of a batch, written down: statuses, links, runs, and how the connection fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import Problem, RecordRef
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.connections import ConnectionRow
from contactsync.store.queue import chunks


@dataclass(frozen=True)
class LinkMade:
    """A source record is tied to a CRM record. `source`: the contact's id, the company's key, or campaign:contact."""

    source: str
    ref: RecordRef
    created_by_us: bool


@dataclass(frozen=True)
class Recorded:
    """Everything to write down of one contact. `run`: the steps for the ledger, None when nothing was even looked at."""

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
    tied: tuple[str, ...] = ()  # the sources of every link this contact may hang on, dropped when they proved stale
    run: list[dict[str, Any]] | None = None


def record(db: Db, org_id: int, connection_id: int | None, done: Sequence[Recorded], now: datetime) -> None:
    """Write outcomes, links and runs. A contact that changed since it was claimed stays in the queue."""
    if not done:
        return
    unchanged = t.contact.c.change == sa.bindparam("b_change")
    synced_at = sa.bindparam("b_synced_at", type_=t.UtcTime())
    db.execute(
        sa.update(t.contact)
        .where(t.contact.c.id == sa.bindparam("b_id"))
        .values(
            status=sa.case((unchanged, sa.bindparam("b_status", type_=sa.String())), else_=t.contact.c.status),
            due_at=sa.case((unchanged, sa.bindparam("b_due_at", type_=t.UtcTime())), else_=t.contact.c.due_at),
            forced=sa.case((unchanged, sa.false()), else_=t.contact.c.forced),
            attempts=sa.bindparam("b_attempts"),
            fingerprint=sa.bindparam("b_fingerprint"),
            missing=sa.bindparam("b_missing", type_=t.Json),
            problem=sa.bindparam("b_problem", type_=t.Json),
            why=sa.bindparam("b_why", type_=t.Json),
            sync_as=sa.bindparam("b_sync_as"),
            crm_kind=sa.func.coalesce(sa.bindparam("b_crm_kind", type_=sa.String()), t.contact.c.crm_kind),
            crm_id=sa.func.coalesce(sa.bindparam("b_crm_id", type_=sa.String()), t.contact.c.crm_id),
            last_synced_at=sa.func.coalesce(synced_at, t.contact.c.last_synced_at),
        ),
        [_contact_row(entry, now) for entry in done],
    )
    if connection_id is not None:
        _write_links(db, connection_id, done, now)
    _write_runs(db, org_id, done, now)


def _contact_row(entry: Recorded, now: datetime) -> dict[str, Any]:
    outcome = entry.outcome
    return {
        "b_id": entry.key,
        "b_change": entry.change,
        "b_status": outcome.status.value,
        "b_due_at": outcome.due_at,
        "b_attempts": outcome.attempts,
        "b_fingerprint": entry.fingerprint if outcome.status is SyncStatus.SYNCED else None,
        "b_missing": list(entry.missing) or None,
        "b_problem": problem_as_json(outcome.problem) | {"next": outcome.next} if outcome.problem else None,
        "b_why": list(entry.why) or None,
        "b_sync_as": entry.sync_as,
        "b_crm_kind": outcome.person.kind.value if outcome.person else None,
        "b_crm_id": outcome.person.id if outcome.person else None,
        "b_synced_at": now if outcome.status is SyncStatus.SYNCED else None,
    }


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """A problem for the database and the API."""
    return {**asdict(problem), "fields": list(problem.fields)}


def _write_links(db: Db, connection_id: int, done: Sequence[Recorded], now: datetime) -> None:
    stale = {source for entry in done if entry.outcome.unlink for source in entry.tied}
    for some in chunks(stale):
        db.execute(sa.delete(t.link).where(t.link.c.connection_id == connection_id, t.link.c.source.in_(some)))
    rows = {
        (link.ref.kind.value, link.source): {
            "connection_id": connection_id,
            "kind": link.ref.kind.value,
            "source": link.source,
            "crm_id": link.ref.id,
            "created_by_us": link.created_by_us,
            "updated_at": now,
        }
        for entry in done
        if not entry.outcome.unlink
        for link in entry.links
    }
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


def _write_runs(db: Db, org_id: int, done: Sequence[Recorded], now: datetime) -> None:
    rows = [
        {
            "org_id": org_id,
            "contact_id": entry.key,
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


def pause_connection(
    db: Db, used: ConnectionRow, *, failures: int, until: datetime | None, problem: Problem | None
) -> bool:
    """The CRM fails as a whole: nobody tries before `until`, or, with a problem and no time, before somebody acted.

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
