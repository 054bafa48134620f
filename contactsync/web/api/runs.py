"""Runs: what was tried, record by record, with every value before and after; and putting one back."""

from __future__ import annotations

from typing import Any

from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.store.views_runs import run_number
from contactsync.sync import actions
from contactsync.web.api.crm import as_things_stand
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas_sync import Run, RunList, UndoBody, Undone
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

routes = Routes("Runs", "Attempts to bring contacts, events and meetings to the CRM.")


@routes.operation("GET", "/runs", RunList, query=PageQuery, refuses=(422,))
def list_runs(query: dict[str, Any]) -> Record:
    """What was tried, for all contacts, events and meetings, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        return page_shown(views.runs(db, org().id, part), query)


@routes.operation("GET", "/runs/<run_id>", Run, refuses=(404,))
def get_run(run_id: str) -> Record:
    """One run: each record with every field's old and new value, and why it was written or left."""
    with reading(parts().engine) as db:
        found = views.run(db, org().id, run_id)
    if found is None:
        raise missing("run")
    return found


@routes.operation(
    "POST", "/runs/<run_id>/undo", Undone, body=UndoBody, example={"dry_run": True},
    refuses=(404, 409, 413, 415, 422, 502, 503),
)  # fmt: skip
def undo_run(body: dict[str, Any], run_id: str) -> Record:
    """Put back what a run changed, where the CRM still holds what it wrote.

    What somebody has changed since stays. Created records are listed, never deleted. With `dry_run` nothing is written.
    The next change at the event platform goes out as ever; to keep a field from being written again, change its rule.
    """
    dry_run = bool(body["dry_run"])
    if run_number(run_id) is None:
        raise missing("run")
    with as_things_stand():
        steps = actions.undo(parts(), org().id, run_id, dry_run=dry_run)
    if steps is None:
        raise missing("run")
    return {"dry_run": dry_run, "steps": steps}
