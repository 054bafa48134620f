"""What was tried for one record, as its page in the console tells it: a page of the history, and one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.run import Subject
from contactsync.store import tables as t
from contactsync.store.views_contacts import present_connection
from contactsync.store.views_paging import Slice, newest


@dataclass(frozen=True)
class PastRun:
    """One run, with what put it back and what it put back itself, as numbers of runs."""

    number: int
    started_at: datetime
    finished_at: datetime
    attempt: int
    outcome: str
    steps: tuple[Mapping[str, Any], ...]
    why: tuple[str, ...]
    problem: Mapping[str, Any] | None
    undoes: int | None
    undone_by: int | None
    of_present_crm: (
        bool  # it wrote to the CRM that the org is connected to now; runs from before that was kept count too
    )


def past_runs(
    db: Db, org_id: int, subject: Subject, source_id: str, part: Slice
) -> tuple[tuple[PastRun, ...], int | None]:
    """A page of what was tried for a record (by the event platform's id), newest first, and below which number the next one
    starts.
    """
    r = t.sync_run.c
    of_it = sa.and_(r.org_id == org_id, r.subject == subject, r.source_id == source_id)
    present = (r.connection_id == present_connection(org_id)).label("present")
    ids = newest(t.sync_run, of_it, part)
    rows = db.execute(sa.select(t.sync_run, present).where(r.id.in_(ids)).order_by(r.id.desc())).all()
    kept, following = part.cut(rows)
    numbers = [row.id for row in kept]
    undone: dict[int, int] = {}
    if numbers:  # what put one back came later: it is among the same record's newer runs
        later = sa.select(r.undoes, r.id).where(of_it, r.id >= min(numbers), r.undoes.in_(numbers))
        undone = {row.undoes: row.id for row in db.execute(later)}
    return tuple(_run(row, undone.get(row.id)) for row in kept), following


def past_run(db: Db, org_id: int, subject: Subject, source_id: str, number: int) -> PastRun | None:
    """One run of a record."""
    runs, _ = past_runs(db, org_id, subject, source_id, Slice(1, number + 1))
    return next((run for run in runs if run.number == number), None)


def _run(row: sa.Row[Any], undone_by: int | None) -> PastRun:
    return PastRun(
        number=row.id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        attempt=row.attempt,
        outcome=row.outcome,
        steps=tuple(row.steps or ()),
        why=tuple(row.why or ()),
        problem=row.problem,
        undoes=row.undoes,
        undone_by=undone_by,
        of_present_crm=bool(row.present) or row.connection_id is None,
    )
