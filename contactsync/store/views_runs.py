"""Runs as people see them: what was tried for contacts, events and meetings, with all steps, and what put which back."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t
from contactsync.store.views_paging import Page, Record, Slice, newest

_RUN_ID = re.compile(r"run_([1-9][0-9]{0,17})")


def runs(
    db: Db,
    org_id: int,
    part: Slice,
    *,
    subject: str | None = None,
    source_id: str | None = None,
) -> Page:
    """A page of an org's runs, newest first: of all, or of one record by `subject` (contact, event, meeting) and the event
    platform's id.
    """
    if (subject is None) != (source_id is None):
        raise ValueError("a record is named by subject and source_id together")
    which = t.sync_run.c.org_id == org_id
    if subject is not None:
        which = sa.and_(which, t.sync_run.c.subject == subject, t.sync_run.c.source_id == source_id)
    ids = newest(t.sync_run, which, part)
    rows = db.execute(sa.select(t.sync_run).where(t.sync_run.c.id.in_(ids)).order_by(t.sync_run.c.id.desc())).all()
    shown, following = part.cut(rows)
    return Page(tuple(_run(row) for row in shown), following)


def run(db: Db, org_id: int, run_id: str) -> Record | None:
    """One run by its public id (`run_17`)."""
    number = run_number(run_id)
    if number is None:
        return None
    row = db.execute(sa.select(t.sync_run).where(t.sync_run.c.org_id == org_id, t.sync_run.c.id == number)).first()
    return None if row is None else _run(row)


def run_number(said: str) -> int | None:
    """The number of a run's public id; None: no run can be called so."""
    found = _RUN_ID.fullmatch(said)
    return int(found[1]) if found else None


def _run(row: sa.Row[Any]) -> Record:
    return {
        "id": f"run_{row.id}",
        "subject": row.subject,
        "source_id": row.source_id,
        "contact_id": row.source_id if row.subject == "contact" else None,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "attempt": row.attempt,
        "outcome": row.outcome,
        "steps": row.steps,
        "why": row.why,
        "problem": row.problem,
        "undoes": f"run_{row.undoes}" if row.undoes is not None else None,
    }
