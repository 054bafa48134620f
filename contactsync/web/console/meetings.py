"""Meetings: the list, and one with those who take part, what a sync would do, what was done, and undoing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.records import SyncStatus
from contactsync.domain.roles import Role
from contactsync.store import pages_events, pages_meetings
from contactsync.store.engine import reading
from contactsync.store.pages_meetings import AttendeeRow, MeetingRow
from contactsync.store.pages_runs import past_runs
from contactsync.store.views_paging import Slice
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import crm_links
from contactsync.web.console.doors import Pages
from contactsync.web.console.past_runs import (
    RUNS,
    OfRecord,
    Planned,
    before,
    preview_page,
    run_shown,
    undo_page,
    undone,
)
from contactsync.web.console.problem_words import Said, said_of
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page, viewers_zone
from contactsync.web.console.spans import shared_zone, span_of
from contactsync.web.console.standing import standing_of
from contactsync.web.errors import missing

pages = Pages("meetings")

MEETING = "/meetings/<int(max=9223372036854775807):key>"
RUN = f"{MEETING}/runs/<int(max=9223372036854775806):number>"

RESPONSES: Mapping[str, tuple[str, str]] = {
    "accepted": ("Accepted", "good"),
    "declined": ("Declined", "bad"),
    "tentative": ("Tentative", "warn"),
    "needs_action": ("No answer yet", "soft"),
}


@pages.get("/meetings")
def meeting_list() -> Response:
    """The meetings, the last that came first."""
    said = request.args.get("status", "")
    status = SyncStatus(said) if said in list(SyncStatus) else None
    org_id = seat().org.id
    with reading(parts().engine) as db:
        counts = pages_meetings.counts_by_status(db, org_id)
        chosen = _event(db, org_id)
        shown = pages_meetings.meeting_page(
            db, org_id, status=status, event_id=chosen.source_id if chosen else None, before=before()
        )
    zone = viewers_zone()
    spans = {row.key: span_of(row.fields, zone, row.event_zone) for row in shown.rows}
    return page(
        "meetings.html",
        title="Meetings",
        nav="meetings",
        shown=shown,
        spans=spans,
        their_zone=shared_zone(spans.values()),
        link=crm_links(),
        chosen=status.value if status else "",
        counts={name.value: many for name, many in counts.items()},
        event=chosen,
    )


@pages.get(MEETING)
def meeting(key: int) -> Response:
    """The meeting, whole."""
    row, attendees = _meeting(key)
    with reading(parts().engine) as db:
        runs, older = past_runs(db, seat().org.id, "meeting", row.source_id, Slice(RUNS, before()))
        standing = standing_of(db)
    link = crm_links()
    return page(
        "meeting.html",
        title=row.title,
        nav="meetings",
        row=row,
        attendees=attendees,
        span=span_of(row.fields, viewers_zone(), row.event_zone),
        said=_said(row),
        stopped=standing.state == "stopped",
        runs=[run_shown(run, link) for run in runs],
        undo_at=lambda number: url("meetings.ask_undo", key=key, number=number),
        older=older,
        link=link,
        responses=RESPONSES,
    )


@pages.post(f"{MEETING}/sync")
def sync(key: int) -> AnyResponse:
    """Bring it to the CRM now."""
    row, _ = _meeting(key)
    if not actions.sync_meeting_now(parts(), seat().org.id, row.source_id):
        return done(
            "This meeting was deleted at the event platform: it is not synced any more.", to=_here(key), tone="bad"
        )
    return done("On its way: Salesforce is brought up to date now. This page follows.", to=_here(key))


@pages.get(f"{MEETING}/preview")
def preview(key: int) -> Response:
    """What a sync would do now, record by record."""
    row, _ = _meeting(key)

    def planned() -> Planned | None:
        plan = actions.preview_meeting(parts(), seat().org.id, row.source_id)
        if plan is None:
            return None
        of_it = plan.plans[row.source_id]
        return plan.steps, of_it.why, of_it.problem

    return preview_page(_of(row), planned)


@pages.get(f"{RUN}/undo", role=Role.EDITOR)
def ask_undo(key: int, number: int) -> Response:
    """What undoing a run would do."""
    row, _ = _meeting(key)
    return undo_page(_of(row), number, url("meetings.undo", key=key, number=number))


@pages.post(f"{RUN}/undo")
def undo(key: int, number: int) -> AnyResponse:
    """Put a run back."""
    row, _ = _meeting(key)
    return undone(_of(row), number)


# ── what they are made from ────────────────────────────────────────────────────────────────────────────────────────


def _meeting(key: int) -> tuple[MeetingRow, tuple[AttendeeRow, ...]]:
    with reading(parts().engine) as db:
        found = pages_meetings.meeting_by_key(db, seat().org.id, key)
    if found is None:
        raise missing("meeting")
    return found


def _of(row: MeetingRow) -> OfRecord:
    return OfRecord("meeting", "meetings", row.source_id, row.title, _here(row.key), url("meetings.sync", key=row.key))


def _event(db: Any, org_id: int) -> pages_events.EventRow | None:
    """The event that the list is narrowed to. Raises Refusal for one that is not there."""
    key = _number(request.args.get("event", ""))
    if key is None:
        return None
    found = pages_events.event_by_key(db, org_id, key)
    if found is None:
        raise missing("event")
    return found


def _said(row: MeetingRow) -> Said | None:
    return said_of(problem_from_json(row.problem)) if row.problem is not None else None


def _here(key: int) -> str:
    return url("meetings.meeting", key=key)


def _number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
