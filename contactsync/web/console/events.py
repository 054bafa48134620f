"""Events: the list, and one with its campaign, its contacts and its meetings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.crm import RecordKind
from contactsync.domain.errors import RefusedInput
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.policy import Policies
from contactsync.domain.roles import Role
from contactsync.store import connections, orgs, pages_events, pages_meetings
from contactsync.store.engine import reading
from contactsync.store.pages_events import EventChoice, EventRow
from contactsync.store.resyncs import ResyncFilter
from contactsync.sync import actions
from contactsync.sync.turn import NOT_CONNECTED
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.contact_table import contact_table, table_words
from contactsync.web.console.crm_links import crm_links
from contactsync.web.console.crm_search import LEAST, search_crm
from contactsync.web.console.doors import Pages
from contactsync.web.console.problem_words import FIXES, plain, said_of
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page, viewers_zone
from contactsync.web.console.spans import shared_zone, span_of
from contactsync.web.errors import missing

pages = Pages("events")

EVENT = "/events/<int(max=9223372036854775807):key>"
MOST_MEETINGS = 50

_CONNECTED: Mapping[str, bool | None] = {"": None, "yes": True, "no": False}

ATTENDANCE_WORDS: Mapping[str, str] = {
    "invited": "Invited",
    "waitlisted": "On the waiting list",
    "registered": "Registered",
    "cancelled": "Cancelled",
    "declined": "Declined",
    "no_show": "Did not come",
    "attended": "Attended",
    "removed": "Removed from the event",
}


@pages.get("/events", searches=True)
def event_list() -> Response:
    """The events, newest first."""
    campaign = request.args.get("campaign", "")
    campaign = campaign if campaign in _CONNECTED else ""
    words = form().get("q", "")[:200].strip() if request.method == "POST" else ""
    choice = EventChoice(_CONNECTED[campaign], words)
    with reading(parts().engine) as db:
        shown = pages_events.event_page(db, seat().org.id, choice, _before())
        none_at_all = not shown.rows and not pages_events.any_event(db, seat().org.id)
    return page(
        "events.html",
        title="Events",
        nav="events",
        shown=shown,
        spans={row.key: span_of(row.fields, viewers_zone()) for row in shown.rows},
        link=crm_links(),
        campaign=campaign,
        words=words,
        none_at_all=none_at_all,
    )


@pages.get(EVENT)
def event(key: int) -> Response:
    """The event, its campaign, and how far its contacts are."""
    shown = _event(key, count=request.args.get("count") == "1")
    with reading(parts().engine) as db:
        policies = orgs.policies(db, seat().org.id)
        connected = connections.present(db, seat().org.id) is not None
    return _tab(
        "event.html",
        shown,
        "info",
        connected=connected,
        said=said_of(problem_from_json(shown.problem)) if shown.problem is not None else None,
        statuses=_statuses(policies),
        facts=_facts(shown),
        makes_all=policies.create_campaigns,
        words="",
        picks=None,
        least=LEAST,
        countable=pages_events.COUNTED_AT_ONCE,
    )


@pages.get(f"{EVENT}/share")
def share(key: int) -> Response:
    """How far the event's contacts are, for the list: of a large event it is counted apart, so that nobody waits for it."""
    return page("event_share.html", title="", row=_event(key, count=True))


@pages.get(f"{EVENT}/contacts", searches=True)
def event_contacts(key: int) -> Response:
    """The contacts that take part."""
    shown = _event(key)
    table = contact_table(partial(url, "events.event_contacts", key=key), event=key)
    if table is None:
        raise missing("event")
    return _tab("event_contacts.html", shown, "contacts", table=table, **table_words())


@pages.get(f"{EVENT}/meetings")
def event_meetings(key: int) -> Response:
    """The meetings at the event."""
    shown = _event(key)
    with reading(parts().engine) as db:
        found = pages_meetings.meeting_page(
            db, seat().org.id, event_id=shown.source_id, before=_before(), limit=MOST_MEETINGS
        )
    zone = viewers_zone()
    spans = {row.key: span_of(row.fields, zone, row.event_zone) for row in found.rows}
    their_zone = shared_zone(spans.values())
    return _tab("event_meetings.html", shown, "meetings", found=found, spans=spans, their_zone=their_zone)


@pages.get(f"{EVENT}/campaigns", role=Role.EDITOR, searches=True)
def campaigns(key: int) -> Response:
    """Campaigns of the CRM to connect the event to."""
    shown = _event(key)
    words = form().get("q", "") if request.method == "POST" else ""
    picks = search_crm(RecordKind.CAMPAIGN, words)
    return page(
        "event_campaigns.html",
        title=f"Connect {shown.name or 'the event'}",
        nav="events",
        row=shown,
        words=words,
        picks=picks,
        least=LEAST,
        link=crm_links(),
    )


@pages.post(f"{EVENT}/sync")
def sync(key: int) -> AnyResponse:
    """Bring all contacts of the event to the CRM again, bit by bit."""
    shown = _event(key)
    actions.start_resync(parts(), seat().org.id, ResyncFilter(event=shown.source_id), forced=True)
    return done("On their way to Salesforce, bit by bit: what arrives meanwhile is not kept waiting.", to=_here(key))


@pages.post(f"{EVENT}/campaign")
def connect(key: int) -> AnyResponse:
    """Connect the event to a campaign that somebody picked, or whose id they typed."""
    shown, said = _event(key), form()
    try:
        marked = actions.connect_event(parts(), seat().org.id, shown.source_id, said.get("campaign_id", ""))
    except RefusedInput:
        return done(
            "That is no id of a campaign: pick one from the list, or copy its id from Salesforce.",
            to=_here(key),
            tone="bad",
        )
    label = said.get("label", "")
    named = f"“{label[:120]}”" if label and label.isprintable() else "the campaign"
    return done(f"Connected to {named}. {_goes_again(marked)}", to=_here(key))


@pages.post(f"{EVENT}/campaign/create")
def create(key: int) -> AnyResponse:
    """Have a campaign made of the event."""
    shown = _event(key)
    try:
        if not actions.create_campaign(parts(), seat().org.id, shown.source_id):
            raise missing("event")
    except actions.NotReady as error:
        return done(_not_ready(error), to=_here(key), tone="bad")
    return done("The campaign is being made. This page shows it as soon as it is there.", to=_here(key))


@pages.post(f"{EVENT}/campaign/end")
def disconnect(key: int) -> AnyResponse:
    """Connect the event to no campaign, whatever the event platform says."""
    shown = _event(key)
    actions.connect_event(parts(), seat().org.id, shown.source_id, None)
    return done("Disconnected. Members that are in the campaign stay there; nobody is added any more.", to=_here(key))


# ── what they are made from ────────────────────────────────────────────────────────────────────────────────────────


def _event(key: int, *, count: bool = False) -> EventRow:
    with reading(parts().engine) as db:
        found = pages_events.event_by_key(db, seat().org.id, key, count=count)
    if found is None:
        raise missing("event")
    return found


def _tab(template: str, row: EventRow, tab: str, **context: Any) -> Response:
    span = span_of(row.fields, viewers_zone())
    title = row.name or row.source_id
    return page(template, title=title, nav="events", row=row, tab=tab, span=span, link=crm_links(), **context)


@dataclass(frozen=True)
class StatusLine:
    """What a status of the event platform is called in the campaign: the first of the labels that it has."""

    status: str
    labels: tuple[str, ...]


def _statuses(policies: Policies) -> list[StatusLine]:
    return [
        StatusLine(ATTENDANCE_WORDS.get(status, status.replace("_", " ").capitalize()), tuple(labels))
        for status, labels in policies.status_map.items()
    ]


_FACTS: Mapping[str, str] = {"type": "Kind", "venue": "Venue", "city": "City", "country": "Country", "status": "Status"}


def _facts(row: EventRow) -> list[tuple[str, str]]:
    held = [(label, str(row.fields[path])) for path, label in _FACTS.items() if row.fields.get(path)]
    said = [(label, f"{value[:1].upper()}{value[1:]}") for label, value in held]
    custom = [
        (path.partition(".")[2].replace("_", " ").capitalize(), str(value))
        for path, value in sorted(row.fields.items())
        if path.startswith("custom.") and value not in (None, "")
    ]
    return said + custom


def _here(key: int) -> str:
    return url("events.event", key=key)


def _goes_again(marked: int) -> str:
    if not marked:
        return "Whoever takes part becomes a member."
    return f"{marked:,} contact{'' if marked == 1 else 's'} become{'s' if marked == 1 else ''} members now."


def _not_ready(error: actions.NotReady) -> str:
    """Without the command that the command line would name."""
    text = str(error)
    if isinstance(error, actions.NotConnected):
        return f"{NOT_CONNECTED.cause} {FIXES[NOT_CONNECTED.code]}"
    return plain(text)


def _before() -> int | None:
    said = request.args.get("before", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None
