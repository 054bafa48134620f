"""The history of a record, what a sync of it would do, and undoing a run: the same for a contact as for a meeting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.crm import Action, Problem, Step
from contactsync.domain.errors import TargetRefused, TargetUnavailable
from contactsync.domain.run import Subject
from contactsync.domain.shown import shown as step_shown
from contactsync.store import pages_runs
from contactsync.store.engine import reading
from contactsync.store.pages_runs import PastRun
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.crm_links import Link, crm_links
from contactsync.web.console.problem_words import in_short, plain, said_of
from contactsync.web.console.profile_words import listed, run_headline, run_tone, small, steps_headline, told
from contactsync.web.console.reason_words import reasons
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page
from contactsync.web.console.steps_shown import StepShown, changes, steps_shown
from contactsync.web.errors import missing

RUNS = 10
"""So many runs stand on one page of the history."""

Planned = tuple[Sequence[Step], Sequence[str], Problem | None]
"""What was planned for a record: its steps, why, and what would hold it up."""


@dataclass(frozen=True)
class OfRecord:
    """Whose runs they are, and where its pages are. `word`: contact | meeting."""

    word: Subject
    nav: str
    source_id: str
    name: str
    here: str
    sync: str


@dataclass(frozen=True)
class RunShown:
    """A run of the history, ready to be read."""

    run: PastRun
    steps: tuple[StepShown, ...]
    headline: str
    tone: str
    told: str
    undoable: bool
    cause: str = ""


def run_shown(run: PastRun, link: Link) -> RunShown:
    """A run in words. What made records only cannot be undone: contactsync deletes nothing."""
    made = steps_shown(run.steps, link, done=True)
    may = run.of_present_crm and run.undoes is None and run.undone_by is None
    undoable = may and any(one.action == Action.UPDATE.value for one in made)
    said = told(run.problem)
    cause = said.cause if said else ""
    return RunShown(
        replace(run, why=reasons(run.why)),
        made,
        run_headline(run, changes(made)),
        run_tone(run),
        steps_headline(made),
        undoable,
        cause,
    )


def run_of(of: OfRecord, number: int) -> RunShown:
    """One run. Raises Refusal for one that is not this record's."""
    with reading(parts().engine) as db:
        run = pages_runs.past_run(db, seat().org.id, of.word, of.source_id, number)
    if run is None:
        raise missing("run")
    return run_shown(run, crm_links())


def preview_page(of: OfRecord, plan: Callable[[], Planned | None]) -> Response:
    """What a sync would do now, record by record. `plan` asks the CRM; None: the record is gone."""
    steps: Sequence[Mapping[str, Any]] = ()
    why: Sequence[str] = ()
    problem, trouble, status, connects = None, "", 200, False
    try:
        planned = plan()
        if planned is None:
            raise missing(of.word)
        steps, why = [step_shown(step) for step in planned[0]], reasons(planned[1])
        problem = said_of(planned[2]) if planned[2] is not None else None
    except (actions.NotReady, TargetRefused, TargetUnavailable) as error:
        trouble, status, connects = _trouble(error), _status(error), _connects(error)
    made = steps_shown(steps, crm_links(), done=False)
    return page(
        "preview.html", title=f"Preview: {of.name}", nav=of.nav, status=_for_htmx(status), of=of, steps=made,
        changes=changes(made), why=why, problem=problem, trouble=trouble, again=status == 503, connects=connects,
    )  # fmt: skip


def undo_page(of: OfRecord, number: int, to: str) -> Response:
    """What undoing a run would do. `to`: where it is done."""
    run = run_of(of, number)
    try:
        listed_steps = actions.undo(parts(), seat().org.id, number, dry_run=True)
        trouble, status, connects = "", 200, False
    except (actions.NotReady, TargetRefused, TargetUnavailable) as error:
        listed_steps = []
        trouble, status, connects = _trouble(error), _status(error), _connects(error)
    made = steps_shown(listed_steps or [], crm_links(), done=False)
    return page(
        "undo.html", title=f"Undo: {of.name}", nav=of.nav, status=_for_htmx(status), of=of, run=run, steps=made,
        changes=changes(made), trouble=trouble, undo=to, again=status == 503, connects=connects,
    )  # fmt: skip


def undone(of: OfRecord, number: int) -> AnyResponse:
    """Put a run back, and say what came of it."""
    run_of(of, number)
    try:
        put_back = actions.undo(parts(), seat().org.id, number)
    except actions.NotReady as error:
        return done(plain(str(error)), to=of.here, tone="bad")
    if put_back is None:
        raise missing("run")
    made = steps_shown(put_back, crm_links(), done=True)
    failed = sum(one.failed for one in made)
    if failed:
        words = f"Not all of it could be put back: {failed} of {len(made)} records failed. The history says why."
        return done(words, to=of.here, tone="warn")
    back = changes(made)
    if not back:
        return done("Nothing was put back: Salesforce holds something else by now.", to=of.here, tone="warn")
    fields = sum(len(one.fields) for one in made if one.action == Action.UPDATE.value)
    return done(f"Put back: {_count(fields, 'field')} in {_count(back, 'record')}, as they were before.", to=of.here)


def before() -> int | None:
    """Below which number the page of the history starts, as its address says."""
    said = request.args.get("before", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _for_htmx(status: int) -> int:
    """htmx puts no error answer into a page, and this one says what is wrong by itself."""
    return 200 if request.headers.get("HX-Request") else status


def _trouble(error: Exception) -> str:
    """Why it cannot be told now, in plain words."""
    if isinstance(error, actions.NotReady):
        lacking = [small(path) for path in error.fields]
        return f"First add {listed(lacking)}: nothing is sent before." if lacking else plain(str(error))
    if isinstance(error, TargetRefused):
        return in_short(error.problem)
    return "Salesforce does not answer now. Nothing is lost: try again in a minute."


def _status(error: Exception) -> int:
    return 409 if isinstance(error, actions.NotReady) else 502 if isinstance(error, TargetRefused) else 503


def _connects(error: Exception) -> bool:
    """Whether it is mended where the connection is set up."""
    return isinstance(error, TargetRefused | actions.NotConnected)
