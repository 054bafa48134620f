"""Problems: what is wrong, once for each cause, with what it holds up; and having a cause looked at again."""

from __future__ import annotations

from typing import Any

from contactsync.store import problems
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas_sync import Checked, HeldRecordList, ProblemGroups
from contactsync.web.api.shapes import problems_shown
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

routes = Routes("Problems", "What is wrong, in plain words: 400 contacts with one cause are one problem.")


@routes.operation("GET", "/problems", ProblemGroups)
def list_problems() -> Record:
    """Everything that is wrong now, with cause, fix and who can fix it; what holds the most comes first."""
    return {"items": problems_shown(parts().engine, org().id, parts().now())}


@routes.operation("GET", "/problems/<problem_id>/records", HeldRecordList, query=PageQuery, refuses=(404, 422))
def list_problem_records(query: dict[str, Any], problem_id: str) -> Record:
    """The contacts, events and meetings that a problem holds, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        page = problems.records(db, org().id, problem_id, part)
        known = bool(page.items) or problems.group(db, org().id, problem_id) is not None
    if not known:
        raise missing("problem")
    return page_shown(page, query)


@routes.operation("POST", "/problems/<problem_id>/check", Checked, refuses=(404, 409, 502, 503))
def check_problem(problem_id: str) -> Record:
    """Say that the cause is fixed: the CRM is looked at afresh, and exactly the records that this problem holds go again."""
    checked = actions.check_problem(parts(), org().id, problem_id)
    if checked is None:
        raise missing("problem")
    return {"released": checked.released, "ok": checked.ok, "problem": checked.problem}
