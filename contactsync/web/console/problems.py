"""The console's pages of problems: what keeps records from Salesforce, by cause, and what people do about it."""

from __future__ import annotations

import re

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import Misconfigured, TargetUnavailable
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.roles import Role
from contactsync.store import pages_problems
from contactsync.store.engine import reading
from contactsync.store.pages_problems import HeldRecord, ProblemList, Standing
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import Link, crm_links
from contactsync.web.console.doors import Pages
from contactsync.web.console.problem_export import csv_of_problem, gzipped
from contactsync.web.console.problem_words import Told, is_nobodys, said_of, summary, told_of
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, page, protected
from contactsync.web.errors import missing

pages = Pages("problems")

SHOWN = 50

_KEY = re.compile(r"[0-9a-f]{16}")
_PLACE = re.compile(r"[1-9][0-9]{0,17}")

SECTIONS = (
    (Standing.STOPPED, "Nothing goes to Salesforce", ""),
    (Standing.NEEDS, "Needs somebody", "These stay as they are until somebody does what it says."),
    (
        Standing.RETURNS,
        "Comes back by itself",
        "Nobody has to do anything: these are tried again, after longer and longer pauses.",
    ),
)
"""What each part of the page is called, and what it means."""

_GONE = "This problem is gone already: nothing has it any more."


@pages.get("/problems")
def problem_list() -> Response:
    """Every cause as a card."""
    with reading(parts().engine) as db:
        found = pages_problems.problem_list(db, seat().org.id)
    return page(
        "problems.html",
        title="Problems",
        nav="problems",
        summary=summary(found),
        sections=_sections(found),
        dismissed=[told_of(card) for card in found.dismissed],
    )


def _sections(found: ProblemList) -> list[tuple[str, str, list[Told]]]:
    told = ((title, words, [told_of(card) for card in found.of(standing)]) for standing, title, words in SECTIONS)
    return [section for section in told if section[2]]


@pages.get("/problems/<key>")
def problem(key: str) -> Response:
    """One cause with the records that it holds."""
    _check(key)
    before = request.args.get("before", "")
    place = int(before) if _PLACE.fullmatch(before) else None
    with reading(parts().engine) as db:
        card = pages_problems.problem_card(db, seat().org.id, key)
        rows, following = pages_problems.held_records(db, seat().org.id, key, before=place, limit=SHOWN)
    told = told_of(card) if card is not None else None
    links = crm_links()
    return page(
        "problem.html",
        title=told.said.cause if told else "Nothing has this problem now",
        nav="problems",
        key=key,
        told=told,
        rows=[(row, *_link(row), _own_cause(row, told), _found(row, links)) for row in rows],
        more=url("problems.problem", key=key, before=following) if following else None,
        tried=any(row.due_at is not None for row in rows),
        first=place is None,
    )


def _check(key: str) -> None:
    """Raises Refusal for what can be no problem's key."""
    if _KEY.fullmatch(key) is None:
        raise missing("problem")


def _link(row: HeldRecord) -> tuple[str, str]:
    """Where a record's own page is, and what to call one without a name."""
    endpoint = {"contact": "profile.profile", "event": "events.event", "meeting": "meetings.meeting"}[row.subject]
    return url(endpoint, key=row.key), row.name or row.email or f"{row.subject.title()} {row.source_id}"


def _own_cause(row: HeldRecord, told: Told | None) -> str:
    """What is wrong with this one, where that says more than the problem does."""
    if told is None or not row.problem.get("code"):
        return ""
    cause = said_of(problem_from_json(row.problem)).cause
    return "" if cause == told.said.cause else cause


def _found(row: HeldRecord, links: Link) -> list[tuple[str, str | None]]:
    """The records in Salesforce among which somebody has to choose, each with its address there."""
    kept = problem_from_json(row.problem) if row.problem.get("code") else None
    return [(one, links(kept.object, one)) for one in kept.found] if kept is not None else []


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────────────


@pages.post("/problems/<key>/check", role=Role.EDITOR)
def check(key: str) -> AnyResponse:
    """The cause is fixed, somebody says: all that it holds goes again."""
    _check(key)
    here = url("problems.problem", key=key)
    try:
        checked = actions.check_problem(parts(), seat().org.id, key)
    except TargetUnavailable:
        words = "Salesforce does not answer now, so nothing was tried. Nothing is lost: try again in a minute."
        return done(words, to=here, tone="warn")
    except Misconfigured:
        words = "The connection cannot be used as it is set up. Settings › Salesforce connection says what is missing."
        return done(words, to=here, tone="bad")
    if checked is None:
        return done(_GONE, to=url("problems.problem_list"))
    if not checked.ok and checked.problem is not None:
        said = said_of(checked.problem)
        if is_nobodys(checked.problem):  # it could not be asked, or has no calls left: that is no answer
            return done(f"{said.cause} Nothing is lost: try again in a minute.", to=here, tone="warn")
        return done(f"Not yet: {said.cause} {said.fix}", to=here, tone="bad")
    beside = f" Besides: {said_of(checked.problem).cause}" if checked.problem is not None else ""
    if not checked.released:
        return done(f"The connection works again. All that waits goes now.{beside}", to=url("problems.problem_list"))
    goes = "1 record goes" if checked.released == 1 else f"{checked.released:,} records go"
    return done(f"{goes} again now. What still fails comes back to this page.{beside}", to=here)


@pages.post("/problems/<key>/try", role=Role.EDITOR)
def try_one(key: str) -> AnyResponse:
    """See with one record whether the cause is gone."""
    _check(key)
    tried = actions.try_one(parts(), seat().org.id, key)
    if tried is None:
        return done(_GONE, to=url("problems.problem_list"))
    words = (
        f"The newest {tried[0]} goes again now. If it does not come back here, the cause is gone: try all the others."
    )
    return done(words, to=url("problems.problem", key=key))


@pages.post("/problems/<key>/dismiss", role=Role.EDITOR)
def dismiss(key: str) -> AnyResponse:
    """Do not tell of it until it holds more."""
    _check(key)
    records = actions.dismiss_problem(parts(), seat().org.id, key)
    if records is None:
        return done(_GONE, to=url("problems.problem_list"))
    words = "Dismissed. It comes back to this page as soon as it holds more records than now."
    return done(words, to=url("problems.problem_list"))


@pages.post("/problems/<key>/bring-back", role=Role.EDITOR)
def bring_back(key: str) -> AnyResponse:
    """Tell of it again."""
    _check(key)
    back = actions.bring_back_problem(parts(), seat().org.id, key)
    words = "It is among the problems again." if back else "It was not dismissed."
    return done(words, to=url("problems.problem_list"))


@pages.post("/problems/<key>/export", role=Role.EDITOR)
def export(key: str) -> AnyResponse:
    """Its records as a file for a spreadsheet. That somebody took it is written down: it names people."""
    _check(key)
    records = actions.note_problem_export(parts(), seat().org.id, key)
    if records is None:
        return done(_GONE, to=url("problems.problem_list"))
    pieces = csv_of_problem(parts().engine, seat().org.id, key)
    small = request.accept_encodings.quality("gzip") > 0
    response = protected(Response(gzipped(pieces) if small else pieces, mimetype="text/csv"))
    response.headers["Vary"] = "Accept-Encoding"
    if small:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Disposition"] = f'attachment; filename="problem-{key}.csv"'
    return response
