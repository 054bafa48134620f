"""Many contacts at once: what a sync of them would do, and having them go again."""

from __future__ import annotations

from typing import Any

from contactsync.domain.shown_plans import plan_shown
from contactsync.store import resyncs
from contactsync.store.engine import reading
from contactsync.store.views_paging import Page, Record
from contactsync.sync import actions
from contactsync.web.api.crm import as_things_stand
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import PREFIX, Routes
from contactsync.web.api.schemas_sync import PreviewBody, PreviewOfMany, Resync, ResyncBody, ResyncList, StartedResync
from contactsync.web.api.shapes import filter_from, resync_number, resync_shown, shown_number
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

routes = Routes("Many at once", "Contacts by a filter: preview them, and have them go again.")


@routes.operation(
    "POST", "/preview", PreviewOfMany, body=PreviewBody, example={"event": "ev-9", "limit": 20},
    refuses=(409, 413, 415, 422, 502, 503), changes=False,
)  # fmt: skip
def preview_contacts(body: dict[str, Any]) -> Record:
    """What a sync of contacts would do now, contact by contact, and counted. Reads the CRM, writes nothing.

    One that is not ready, such as an incomplete one, has the reason as its problem, and no steps. 409 while no CRM is
    connected.
    """
    with as_things_stand():
        plan = actions.preview_many(parts(), org().id, filter_from(_parts_of(body)), body["limit"])
    return plan_shown(plan)


@routes.operation(
    "POST", "/resync", StartedResync, status=202, body=ResyncBody, example={"event": "ev-9", "forced": False},
    refuses=(413, 415, 422),
)  # fmt: skip
def start_resync(body: dict[str, Any]) -> Record:
    """Have contacts go again: fed into the queue bit by bit, as the CRM's budget of calls allows, until all went.

    `"all": true` means every contact of the org. Several take turns, the oldest first.
    """
    number = actions.start_resync(parts(), org().id, filter_from(_parts_of(body)), forced=body["forced"])
    stands = _resync(shown_number(number))
    return {**stands, "progress_url": f"{PREFIX}/resyncs/{stands['id']}"}


@routes.operation("GET", "/resyncs", ResyncList, query=PageQuery, refuses=(422,))
def list_resyncs(query: dict[str, Any]) -> Record:
    """Resyncs and how far they are, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        rows = resyncs.resyncs(db, org().id, part.most, part.before)
    cut = rows[: part.limit]
    page = Page(tuple(resync_shown(one) for one in cut), cut[-1].id if len(rows) > part.limit else None)
    return page_shown(page, query)


@routes.operation("GET", "/resyncs/<resync_id>", Resync, refuses=(404,))
def get_resync(resync_id: str) -> Record:
    """How far one resync is."""
    return _resync(resync_id)


@routes.operation("DELETE", "/resyncs/<resync_id>", Resync, refuses=(404,))
def cancel_resync(resync_id: str) -> Record:
    """End a resync: what has had its turn stays done, the others do not go. One that has ended stays as it is."""
    number = resync_number(resync_id)
    if number is None:
        raise missing("resync")
    _resync(resync_id)
    actions.cancel_resync(parts(), org().id, number)
    return _resync(resync_id)


def _parts_of(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("limit", "forced")}


def _resync(said: str) -> Record:
    number = resync_number(said)
    with reading(parts().engine) as db:
        found = None if number is None else resyncs.progress(db, org().id, number)
    if found is None:
        raise missing("resync")
    return resync_shown(found)
