"""What keeps records from the CRM, by cause: one problem with four hundred records, not four hundred problems.

A record's problem has a key (Problem.key): equal for the same code, object and fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import Mend, Problem
from contactsync.store import tables as t
from contactsync.store.due import mark_events_due, mark_meetings_due
from contactsync.store.queue import mark_due
from contactsync.store.views_paging import Page, Slice

_TABLES = {"contact": t.contact, "event": t.event, "meeting": t.meeting}
_STATUSES = {"contact": t.contact.c.status, "event": t.event.c.sync_status, "meeting": t.meeting.c.sync_status}


@dataclass(frozen=True)
class ProblemGroup:
    """One cause and how many records it holds. `problem`: {"code", "cause", "fix", "who", "fields", "object", "mended_by"}.

    `counts`: contact, event and meeting → how many; all 0 for one that stops the whole connection, whose `subject` is
    "connection" (else "record"). `first` and `last`: the event platform's ids of the oldest and the newest record, with
    their subject, as ("contact", "c-17").
    """

    key: str
    problem: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(_TABLES, 0))
    subject: str = "record"
    first: tuple[str, str] | None = None
    last: tuple[str, str] | None = None

    @property
    def total(self) -> int:
        """How many records it holds."""
        return sum(self.counts.values())


def groups(db: Db, org_id: int) -> list[ProblemGroup]:
    """Every problem of the org: the connection's own first, then those that hold the most records."""
    found = _of_connection(db, org_id)
    stopping = {group.key for group in found}
    counted: dict[str, dict[str, sa.Row[Any]]] = {}
    for subject, table in _TABLES.items():
        query = (
            sa.select(
                table.c.problem_key,
                sa.func.count().label("many"),
                sa.func.min(table.c.id).label("first"),
                sa.func.max(table.c.id).label("last"),
            )
            .where(table.c.org_id == org_id, table.c.problem_key.is_not(None))
            .group_by(table.c.problem_key)
        )
        for row in db.execute(query):
            counted.setdefault(row.problem_key, {})[subject] = row
    shown = {subject: _shown(db, subject, counted) for subject in _TABLES}
    held = [_group(key, rows, shown) for key, rows in counted.items()]
    whole = {group.key: group for group in held}
    found = [_with_counts(group, whole.get(group.key)) for group in found]
    return found + sorted(
        (group for group in held if group.key not in stopping), key=lambda group: (-group.total, group.key)
    )


def group(db: Db, org_id: int, key: str) -> ProblemGroup | None:
    """One problem by its key; None: nothing is held by it any more."""
    return next((one for one in groups(db, org_id) if one.key == key), None)


def records(db: Db, org_id: int, key: str, part: Slice) -> Page:
    """A page of the records that a problem holds, newest first: {"subject", "id", "status", "problem", "updated_at"}.

    The subjects are told apart within one order: a record's place is its number times their count, plus the subject's own.
    """
    places = list(_TABLES)
    rows: list[tuple[int, dict[str, Any]]] = []
    for index, subject in enumerate(places):
        table = _TABLES[subject]
        query = sa.select(
            table.c.id, table.c.source_id, _STATUSES[subject].label("status"), table.c.problem, table.c.updated_at
        ).where(table.c.org_id == org_id, table.c.problem_key == key)
        if part.before is not None:
            query = query.where(table.c.id <= (part.before - 1 - index) // len(places))
        for row in db.execute(query.order_by(table.c.id.desc()).limit(part.most)):
            shown = {"subject": subject, "id": row.source_id, "status": row.status, "problem": row.problem}
            rows.append((row.id * len(places) + index, {**shown, "updated_at": row.updated_at}))
    rows.sort(key=lambda one: -one[0])
    page = rows[: part.limit]
    return Page(tuple(shown for _, shown in page), page[-1][0] if len(rows) > part.limit else None)


# ── release ────────────────────────────────────────────────────────────────────────────────────────────────────────


def release(db: Db, org_id: int, key: str, now: datetime) -> int:
    """Put exactly the records into the queue that this problem holds; answers how many. The connection's own problem is
    its own matter (connections.resume).
    """
    return (
        mark_due(db, org_id, t.contact.c.problem_key == key, now)
        + mark_events_due(db, org_id, t.event.c.problem_key == key, now, deleted=True)
        + mark_meetings_due(db, org_id, t.meeting.c.problem_key == key, now, deleted=True)
    )


def release_mended(
    db: Db,
    org_id: int,
    *,
    mends: Set[Mend],
    object: str | None = None,  # noqa: A002 - Problem's own word
    fields: Set[str] | None = None,
    now: datetime,
) -> int:
    """Release what one of `mends` makes go: of this kind of record (RecordKind's value; None: of any) and of one of these
    fields (None: whichever). A problem that names no object or no field is released too: it may be of this one.
    """
    wanted = {mend.value for mend in mends}
    released = 0
    for one in groups(db, org_id):
        said = one.problem
        right_object = object is None or said.get("object") in (object, "", None)
        named = set(said.get("fields") or ())
        right_fields = fields is None or not named or bool(named & fields)
        if one.total and right_object and right_fields and wanted & set(said.get("mended_by") or ()):
            released += release(db, org_id, one.key, now)
    return released


# ── what ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def problem_of(said: Mapping[str, Any]) -> Problem:
    """A problem out of the database; one of an older version lacks some of its words."""
    known = {mend.value for mend in Mend}
    return Problem(
        code=said["code"],
        cause=said["cause"],
        fix=said["fix"],
        who=said["who"],
        fields=tuple(said.get("fields") or ()),
        object=said.get("object") or "",
        mended_by=tuple(Mend(one) for one in said.get("mended_by") or () if one in known),
    )


def _of_connection(db: Db, org_id: int) -> list[ProblemGroup]:
    query = sa.select(t.connection.c.problem).where(
        t.connection.c.org_id == org_id, t.connection.c.replaced_at.is_(None), t.connection.c.problem.is_not(None)
    )
    return [
        ProblemGroup(problem_of(said).key, _words(said), subject="connection") for said in db.execute(query).scalars()
    ]


def _words(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != "next"}


def _shown(db: Db, subject: str, counted: Mapping[str, Mapping[str, sa.Row[Any]]]) -> dict[int, Any]:
    """The first and the last record of each problem."""
    table = _TABLES[subject]
    ids = {key for rows in counted.values() if subject in rows for key in (rows[subject].first, rows[subject].last)}
    query = sa.select(table.c.id, table.c.source_id, table.c.problem).where(table.c.id.in_(sorted(ids)))
    return {row.id: row for row in db.execute(query).all()} if ids else {}


def _group(key: str, rows: Mapping[str, sa.Row[Any]], shown: Mapping[str, Mapping[int, Any]]) -> ProblemGroup:
    subject = next(name for name in _TABLES if name in rows)
    first, last = (shown[subject][number] for number in (rows[subject].first, rows[subject].last))
    return ProblemGroup(
        key=key,
        problem=_words(last.problem or {}),
        counts={name: rows[name].many if name in rows else 0 for name in _TABLES},
        first=(subject, first.source_id),
        last=(subject, last.source_id),
    )


def _with_counts(stopped: ProblemGroup, held: ProblemGroup | None) -> ProblemGroup:
    """A connection's problem, with the records that have the same."""
    if held is None:
        return stopped
    return ProblemGroup(stopped.key, stopped.problem, held.counts, stopped.subject, held.first, held.last)
