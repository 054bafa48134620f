"""How an org's sync fares, and how all of them do: for the status page, the command line and the metrics.

Nothing here costs more the more there is: counts are kept by the database (store/counts.py), the oldest is one end of an
index, and waiting deliveries are counted from theirs up to a bound.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.backlog import backlogs
from contactsync.store.connections import state_of
from contactsync.store.counts import counted
from contactsync.store.views_paging import Record


@dataclass(frozen=True)
class CrmStatus:
    """An org's connection. `state`: none | ready | paused (by itself again at `paused_until`) | stopped (somebody must act).

    `calls`: those we made over this connection; `budget_*`: the CRM's own count for the day, None while unknown.
    """

    state: str = "none"
    target: str | None = None
    calls: int = 0
    budget_used: int | None = None
    budget_limit: int | None = None
    paused_until: datetime | None = None
    problem: dict[str, Any] | None = None
    budget_at: datetime | None = None  # when the CRM last said its count


@dataclass(frozen=True)
class OrgStatus:
    """How one org's sync stands.

    Contacts, meetings and events by sync status (events that the CRM has nothing to do with are not counted), deliveries
    that wait, were rejected or failed, and the bytes of those that wait.
    Seconds say for how long the oldest has been due; None: nothing is. `crm.problem` has the `key` by which `problems`
    knows it.
    """

    org: str
    name: str
    contacts: dict[str, int]
    deliveries: dict[str, int]
    waiting_bytes: int = 0
    oldest_due_seconds: float | None = None
    oldest_waiting_seconds: float | None = None
    crm: CrmStatus = field(default_factory=CrmStatus)
    meetings: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> Record:
        """For `status --json` and the API."""
        shown = asdict(self)
        for name in ("paused_until", "budget_at"):
            at = shown["crm"][name]
            shown["crm"][name] = at.isoformat().replace("+00:00", "Z") if at else None
        return shown


def status_of(db: Db, org_id: int, now: datetime) -> OrgStatus:
    """How one org's sync stands now."""
    return _statuses(db, now, org_id)[0]


def org_status(db: Db, org_id: int, now: datetime) -> Record:
    """How one org's sync stands now, as JSON; see OrgStatus."""
    return status_of(db, org_id, now).as_json()


def all_statuses(db: Db, now: datetime) -> tuple[OrgStatus, ...]:
    """How every org's sync stands now, in a number of queries that does not grow with the orgs."""
    return _statuses(db, now, None)


def _statuses(db: Db, now: datetime, org_id: int | None) -> tuple[OrgStatus, ...]:
    orgs = db.execute(_only(sa.select(t.org.c.id, t.org.c.slug, t.org.c.name), t.org.c.id, org_id).order_by(t.org.c.id))
    records = _records(db, org_id)
    due = _oldest_due(db, now, org_id)
    waits = backlogs(db, org_id)
    waiting = _oldest_waiting(db, org_id)
    connections = _connections(db, now, org_id)
    return tuple(
        OrgStatus(
            org=slug,
            name=name,
            contacts=_by_status(key, "contact", records),
            meetings=_by_status(key, "meeting", records),
            events=_by_status(key, "event", records),
            deliveries={"waiting": waits[key].deliveries if key in waits else 0}
            | {status: records[key, "delivery", status] for status in ("rejected", "failed")},
            waiting_bytes=waits[key].size if key in waits else 0,
            oldest_due_seconds=_age(due.get(key), now),
            oldest_waiting_seconds=_age(waiting.get(key), now),
            crm=connections.get(key, CrmStatus()),
        )
        for key, slug, name in orgs
    )


def _only(query: sa.Select[Any], column: sa.Column[Any], org_id: int | None) -> sa.Select[Any]:
    return query if org_id is None else query.where(column == org_id)


def _by_status(key: int, subject: str, records: Counter[tuple[int, str, str]]) -> dict[str, int]:
    return {status.value: records[key, subject, status.value] for status in SyncStatus}


def _records(db: Db, org_id: int | None) -> Counter[tuple[int, str, str]]:
    found: Counter[tuple[int, str, str]] = Counter()
    for one in counted(db, org_id):
        found[one.org_id, one.subject, one.status] += one.records
    return found


def _oldest_due(db: Db, now: datetime, org_id: int | None) -> dict[int, datetime]:
    tables = (t.contact, t.event, t.meeting)
    oldest = [
        sa.select(sa.func.min(table.c.due_at))
        .where(table.c.org_id == t.org.c.id, table.c.due_at <= now)
        .correlate(t.org)
        .scalar_subquery()
        .label(table.name)
        for table in tables
    ]
    rows = db.execute(_only(sa.select(t.org.c.id, *oldest), t.org.c.id, org_id))
    due = {row[0]: [due_at for due_at in row[1:] if due_at is not None] for row in rows}
    return {key: min(times) for key, times in due.items() if times}


def _oldest_waiting(db: Db, org_id: int | None) -> dict[int, datetime]:
    first = (
        sa.select(sa.func.min(t.delivery.c.id))
        .where(t.delivery.c.org_id == t.org.c.id, t.delivery.c.status == "accepted")
        .correlate(t.org)
        .scalar_subquery()
    )
    query = sa.select(t.org.c.id, t.delivery.c.received_at).join(t.delivery, t.delivery.c.id == first)
    return {row.id: row.received_at for row in db.execute(_only(query, t.org.c.id, org_id))}


def _connections(db: Db, now: datetime, org_id: int | None) -> dict[int, CrmStatus]:
    query = _only(
        sa.select(t.connection).where(t.connection.c.replaced_at.is_(None)).order_by(t.connection.c.id),
        t.connection.c.org_id,
        org_id,
    )
    return {row.org_id: _connection(row, now) for row in db.execute(query)}


def _connection(row: sa.Row[Any], now: datetime) -> CrmStatus:
    state = state_of(row.problem, row.paused_until, now)
    return CrmStatus(
        state=state,
        target=row.target,
        calls=row.calls,
        budget_used=row.budget_used,
        budget_limit=row.budget_limit,
        paused_until=row.paused_until if state == "paused" else None,
        problem=None if state == "ready" else _problem(row.problem),
        budget_at=row.budget_at,
    )


def _problem(said: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if said is None else {**said, "key": problem_from_json(said).key}


def _age(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else round(max(0.0, (now - since).total_seconds()), 3)
