"""What keeps records from the CRM, by cause: one problem with four hundred records, not four hundred problems.

A record's problem has a key (Problem.key): equal for the same code, object and fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import Mend
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.records import SyncStatus
from contactsync.store import releases
from contactsync.store import tables as t
from contactsync.store.counts import counted, problem_keys
from contactsync.store.due import chunks
from contactsync.store.releases import Held
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
    many: dict[str, Counter[str]] = {}
    for one in counted(db, org_id):
        if one.problem_key:
            many.setdefault(one.problem_key, Counter())[one.subject] += one.records
    ends = {subject: _ends(db, org_id, subject) for subject in _TABLES}
    held = [group for key, counts in many.items() if (group := _group(key, counts, ends)) is not None]
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
    """Put exactly the records into the queue that this problem holds, or note that they go (releases.release); answers how
    many. The connection's own problem is its own matter (connections.resume).
    """
    return releases.release(db, org_id, Held(problems=(key,)), now)


def release_held(db: Db, org_id: int, code: str | None, now: datetime) -> int:
    """Put back what waited for a connection, and what `code` had stopped; answers how many.

    All that is queued, due or not: a batch that is under way may be about to say that there is no connection.
    """
    stopped = [one.key for one in groups(db, org_id) if one.total and one.problem.get("code") == code] if code else []
    return releases.release(db, org_id, Held(statuses=(SyncStatus.QUEUED.value,), problems=tuple(stopped)), now)


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
    keys = []
    for one in groups(db, org_id):
        said = one.problem
        right_object = object is None or said.get("object") in (object, "", None)
        named = set(said.get("fields") or ())
        right_fields = fields is None or not named or bool(named & fields)
        if one.total and right_object and right_fields and wanted & set(said.get("mended_by") or ()):
            keys.append(one.key)
    return releases.release(db, org_id, Held(problems=tuple(keys)), now) if keys else 0


# ── what ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_connection(db: Db, org_id: int) -> list[ProblemGroup]:
    query = sa.select(t.connection.c.problem).where(
        t.connection.c.org_id == org_id, t.connection.c.replaced_at.is_(None), t.connection.c.problem.is_not(None)
    )
    return [
        ProblemGroup(problem_from_json(said).key, _words(said), subject="connection")
        for said in db.execute(query).scalars()
    ]


def _words(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name != "next"}


def _ends(db: Db, org_id: int, subject: str) -> dict[str, tuple[sa.Row[Any], sa.Row[Any]]]:
    """The first and the last record of each problem: the two ends of its range of the index."""
    c = _TABLES[subject].c
    keys = problem_keys(org_id, subject).subquery()
    here = (c.org_id == org_id, c.problem_key == keys.c.problem_key)
    first, last = (
        sa.select(end(c.id)).where(*here).correlate(keys).scalar_subquery() for end in (sa.func.min, sa.func.max)
    )
    rows = db.execute(sa.select(keys.c.problem_key, first, last)).all()
    shown: dict[int, sa.Row[Any]] = {}
    for some in chunks({number for row in rows for number in row[1:] if number is not None}):
        query = sa.select(c.id, c.source_id, c.problem).where(c.id.in_(some))
        shown |= {row.id: row for row in db.execute(query)}
    return {key: (shown[one], shown[other]) for key, one, other in rows if one in shown and other in shown}


def _group(
    key: str, counts: Counter[str], ends: Mapping[str, Mapping[str, tuple[sa.Row[Any], sa.Row[Any]]]]
) -> ProblemGroup | None:
    """None: what it held went while we counted."""
    subject = next((name for name in _TABLES if counts[name] > 0 and key in ends[name]), None)
    if subject is None:
        return None
    first, last = ends[subject][key]
    return ProblemGroup(
        key=key,
        problem=_words(last.problem or {}),
        counts={name: max(0, counts[name]) for name in _TABLES},
        first=(subject, first.source_id),
        last=(subject, last.source_id),
    )


def _with_counts(stopped: ProblemGroup, held: ProblemGroup | None) -> ProblemGroup:
    """A connection's problem, with the records that have the same."""
    if held is None:
        return stopped
    return ProblemGroup(stopped.key, stopped.problem, held.counts, stopped.subject, held.first, held.last)
