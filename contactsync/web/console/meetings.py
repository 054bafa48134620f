"""Meetings: the list, and one with those who take part, what a sync would do, what was done, and undoing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.crm import Action
from contactsync.domain.errors import TargetRefused, TargetUnavailable
from contactsync.domain.records import SyncStatus
from contactsync.domain.roles import Role
from contactsync.domain.shown import shown as step_shown
from contactsync.store import pages_events, pages_meetings
from contactsync.store.engine import reading
from contactsync.store.pages_meetings import AttendeeRow, MeetingRow
from contactsync.store.pages_profile import ProfileRun
from contactsync.store.problems import problem_of
from contactsync.store.views_paging import Slice
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import Link, crm_links
from contactsync.web.console.doors import Pages
from contactsync.web.console.problem_words import Said, plain, said_of
from contactsync.web.console.profile_words import run_headline, run_tone, steps_headline
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page, viewers_zone
from contactsync.web.console.spans import span_of
from contactsync.web.console.steps_shown import StepShown, changes, steps_shown
from contactsync.web.errors import missing

pages = Pages("meetings")

MEETING = "/meetings/<int(max=9223372036854775807):key>"
RUN = f"{MEETING}/runs/<int(max=9223372036854775806):number>"
RUNS = 10

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
            db, org_id, status=status, event_id=chosen.source_id if chosen else None, before=_before()
        )
    zone = viewers_zone()
    return page(
        "meetings.html",
        title="Meetings",
        nav="meetings",
        shown=shown,
        spans={row.key: span_of(row.fields, zone, row.event_zone) for row in shown.rows},
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
        runs, older = pages_meetings.meeting_runs(db, seat().org.id, row.source_id, Slice(RUNS, _before()))
    link = crm_links()
    return page(
        "meeting.html",
        title=row.title,
        nav="meetings",
        row=row,
        attendees=attendees,
        span=span_of(row.fields, viewers_zone(), row.event_zone),
        said=_said(row),
        runs=[_run_shown(run, link) for run in runs],
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
    steps: Sequence[Mapping[str, Any]] = ()
    why: tuple[str, ...] = ()
    problem, trouble, status = None, "", 200
    try:
        plan = actions.preview_meeting(parts(), seat().org.id, row.source_id)
        if plan is None:
            raise missing("meeting")
        planned = plan.plans[row.source_id]
        steps, why = [step_shown(step) for step in plan.steps], tuple(planned.why)
        problem = said_of(planned.problem) if planned.problem is not None else None
    except (actions.NotReady, TargetRefused, TargetUnavailable) as error:
        trouble, status = _trouble(error)
    made = steps_shown(steps, crm_links(), done=False)
    return page(
        "meeting_preview.html",
        title=f"Preview: {row.title}",
        nav="meetings",
        status=_for_htmx(status),
        row=row,
        steps=made,
        changes=changes(made),
        why=why,
        problem=problem,
        trouble=trouble,
    )


@pages.get(f"{RUN}/undo", role=Role.EDITOR)
def ask_undo(key: int, number: int) -> Response:
    """What undoing a run would do."""
    row, run = _run(key, number)
    try:
        listed = actions.undo(parts(), seat().org.id, number, dry_run=True)
        trouble, status = "", 200
    except (actions.NotReady, TargetRefused, TargetUnavailable) as error:
        listed, (trouble, status) = [], _trouble(error)
    made = steps_shown(listed or [], crm_links(), done=False)
    return page(
        "meeting_undo.html",
        title=f"Undo: {row.title}",
        nav="meetings",
        status=_for_htmx(status),
        row=row,
        run=run,
        steps=made,
        changes=changes(made),
        trouble=trouble,
    )


@pages.post(f"{RUN}/undo")
def undo(key: int, number: int) -> AnyResponse:
    """Put a run back."""
    _run(key, number)
    try:
        listed = actions.undo(parts(), seat().org.id, number)
    except actions.NotReady as error:
        return done(plain(str(error)), to=_here(key), tone="bad")
    if listed is None:
        raise missing("run")
    made = steps_shown(listed, crm_links(), done=True)
    failed = sum(one.failed for one in made)
    if failed:
        words = f"Not all of it could be put back: {failed} of {len(made)} records failed. The history says why."
        return done(words, to=_here(key), tone="warn")
    if not changes(made):
        return done("Nothing was put back: Salesforce holds something else by now.", to=_here(key), tone="warn")
    return done("Put back, as it was before.", to=_here(key))


# ── what they are made from ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class RunShown:
    """A run of the history, ready to be read."""

    run: ProfileRun
    steps: tuple[StepShown, ...]
    headline: str
    tone: str
    told: str
    undoable: bool


def _run_shown(run: ProfileRun, link: Link) -> RunShown:
    made = steps_shown(run.steps, link, done=True)
    may = run.of_present_crm and run.undoes is None and run.undone_by is None
    undoable = may and any(one.action == Action.UPDATE.value for one in made)
    return RunShown(run, made, run_headline(run, changes(made)), run_tone(run), steps_headline(made), undoable)


def _meeting(key: int) -> tuple[MeetingRow, tuple[AttendeeRow, ...]]:
    with reading(parts().engine) as db:
        found = pages_meetings.meeting_by_key(db, seat().org.id, key)
    if found is None:
        raise missing("meeting")
    return found


def _run(key: int, number: int) -> tuple[MeetingRow, RunShown]:
    row, _ = _meeting(key)
    with reading(parts().engine) as db:
        run = pages_meetings.meeting_run(db, seat().org.id, row.source_id, number)
    if run is None:
        raise missing("run")
    return row, _run_shown(run, crm_links())


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
    return said_of(problem_of(row.problem)) if row.problem is not None else None


def _trouble(error: Exception) -> tuple[str, int]:
    """Why it cannot be told now, in plain words, and the status."""
    if isinstance(error, actions.NotReady):
        return plain(str(error)), 409
    if isinstance(error, TargetRefused):
        return plain(f"{error.problem.cause} {error.problem.fix}"), 502
    return "Salesforce does not answer now. Nothing is lost: try again in a minute.", 503


def _for_htmx(status: int) -> int:
    """htmx puts no error answer into a page, and this one says what is wrong by itself."""
    return 200 if request.headers.get("HX-Request") else status


def _here(key: int) -> str:
    return url("meetings.meeting", key=key)


def _before() -> int | None:
    return _number(request.args.get("before", ""))


def _number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
