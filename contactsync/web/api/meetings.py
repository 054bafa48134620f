"""Meetings: see them, see what happened to them, sync them now, see what a sync would do."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from contactsync.domain.crm import RecordKind
from contactsync.domain.records import SyncStatus
from contactsync.domain.shown import shown
from contactsync.store import views, views_meetings
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.crm import as_things_stand, links
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Meeting, MeetingList
from contactsync.web.api.schemas_sync import Preview, RunList
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

routes = Routes("Meetings", "Meetings of the event platform, and the Activities they become.")


class MeetingQuery(PageQuery):
    """Which meetings."""

    status = ma.fields.Enum(SyncStatus, by_value=True, metadata={"description": "Only with this sync status."})
    event = ma.fields.String(metadata={"description": "Only those of this event."})


@routes.operation("GET", "/meetings", MeetingList, query=MeetingQuery, refuses=(422,))
def list_meetings(query: dict[str, Any]) -> Record:
    """Meetings, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        page = views_meetings.meetings(db, org().id, query.get("status"), part, event_id=query.get("event"))
    return {**page_shown(page, query), "items": _linked(page.items)}


@routes.operation("GET", "/meetings/<source_id:meeting_id>", Meeting, refuses=(404,))
def get_meeting(meeting_id: str) -> Record:
    """One meeting, with its attendees and how its sync stands."""
    return _meeting(meeting_id)


@routes.operation("GET", "/meetings/<source_id:meeting_id>/runs", RunList, query=PageQuery, refuses=(404, 422))
def list_meeting_runs(query: dict[str, Any], meeting_id: str) -> Record:
    """What was tried for one meeting, newest first."""
    part = slice_of(query)
    _meeting(meeting_id)
    with reading(parts().engine) as db:
        return page_shown(views.runs(db, org().id, part, subject="meeting", source_id=meeting_id), query)


@routes.operation("POST", "/meetings/<source_id:meeting_id>/sync", Meeting, status=202, refuses=(404,))
def sync_meeting(meeting_id: str) -> Record:
    """Bring one meeting to the CRM now, even if nothing changed.

    Attendees that wait for their own sync go first. Answers at once, with the meeting as it stands.
    """
    if not actions.sync_meeting_now(parts(), org().id, meeting_id):
        raise missing("meeting")
    return _meeting(meeting_id)


@routes.operation(
    "POST", "/meetings/<source_id:meeting_id>/preview", Preview, refuses=(404, 409, 502, 503), changes=False
)  # fmt: skip
def preview_meeting(meeting_id: str) -> Record:
    """What a sync would do now, field by field. Reads the CRM, writes nothing. 409 while no CRM is connected."""
    with as_things_stand():
        plan = actions.preview_meeting(parts(), org().id, meeting_id)
    if plan is None:
        raise missing("meeting")
    planned = plan.plans[meeting_id]
    return {"steps": [shown(step) for step in plan.steps], "why": list(planned.why), "problem": planned.problem}


def _meeting(meeting_id: str) -> Record:
    with reading(parts().engine) as db:
        found = views_meetings.meeting(db, org().id, meeting_id)
    if found is None:
        raise missing("meeting")
    return _linked([found])[0]


def _linked(items: Any) -> list[Record]:
    link = links()
    return [
        {**item, "sync": {**item["sync"], "crm_url": link(RecordKind.ACTIVITY, item["sync"]["crm_id"])}}
        for item in items
    ]
