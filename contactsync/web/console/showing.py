"""How pages are made: one set of words, times and addresses for all templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Response, current_app, g, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from contactsync import __version__
from contactsync.domain.records import SyncStatus
from contactsync.store import sessions
from contactsync.store.counts import counted
from contactsync.store.dismissals import dismissals, told
from contactsync.store.engine import reading, writing
from contactsync.web.auth import parts
from contactsync.web.console.addresses import asset, url
from contactsync.web.console.doors import form_token, signed_in
from contactsync.web.console.seat import Seat
from contactsync.web.console.unsent_forms import OWN_FIELDS

STATUS_WORDS: Mapping[str, tuple[str, str]] = {
    SyncStatus.SYNCED: ("Synced", "good"),
    SyncStatus.QUEUED: ("Waiting", "info"),
    SyncStatus.RETRYING: ("Trying again", "warn"),
    SyncStatus.INCOMPLETE: ("Needs details", "warn"),
    SyncStatus.NEEDS_ATTENTION: ("Needs attention", "bad"),
    SyncStatus.EXCLUDED: ("Left out", "soft"),
}
"""Sync status → what marketers read, and its tone."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(template: str, *, title: str, nav: str = "", status: int = 200, **context: Any) -> Response:
    """A whole page (or a piece of one, for htmx) of this template."""
    text = render_template(template, title=title, nav=nav, **_shared(), **context)
    response = Response(text, status, mimetype="text/html")
    return protected(response)


def protected(response: Response) -> Response:
    """The headers of a page: nothing but what we ship is loaded or run, nobody frames it, nothing keeps it."""
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    return response


def done(words: str, *, to: str, tone: str = "good") -> AnyResponse:
    """Something happened: say so on the page that follows. `tone`: good | warn | bad."""
    found = signed_in()
    if found is not None:
        with writing(parts().engine) as db:
            sessions.put_notice(db, found.id, tone, words)
    return redirected(to)


def redirected(to: str) -> AnyResponse:
    """Go there with a GET."""
    return redirect(to, 303)


def form() -> MultiDict[str, str]:
    """What was filled in, without the blanks around it, and without the one character that Postgres cannot hold."""
    sent = request.form.items(multi=True)
    return MultiDict([(name, value.replace("\x00", "").strip()) for name, value in sent if name not in OWN_FIELDS])


# ── what every template has ────────────────────────────────────────────────────────────────────────────────────────


def _shared() -> dict[str, Any]:
    found, seat = signed_in(), g.get("seat")
    now = parts().now()
    zone = _zone(found)
    whole_page = not request.headers.get("HX-Request")
    return {
        "seat": seat,
        "user": found.user if found is not None else None,
        "csrf_token": form_token(),
        "notices": _notices(found) if whole_page else [],
        "badges": _badges(seat),
        "to": url,
        "here": request.full_path.rstrip("?"),
        "posted": request.method == "POST",
        "now": now,
        "zone": zone.key,
        "ago": lambda at: ago(at, now, zone),
        "exact": lambda at: exact(at, zone),
        "short": lambda at: short(at, now, zone),
        "status_words": STATUS_WORDS,
        "asset": asset,
        "version": __version__,
        "styles": current_app.extensions["contactsync.console"]["styles"],
        "navigation": current_app.extensions["contactsync.console"]["navigation"],
    }


def _notices(found: sessions.Session | None) -> Sequence[tuple[str, str]]:
    if found is None or not found.notices:
        return []
    with writing(parts().engine) as db:
        return sessions.take_notices(db, found)


def _badges(seat: Seat | None) -> dict[str, int]:
    """What the navigation counts: contacts that need details, and records that need somebody, but for dismissed problems."""
    if seat is None:
        return {}
    with reading(parts().engine) as db:
        all_counts = told(counted(db, seat.org.id), dismissals(db, seat.org.id))
    of_contacts = [one for one in all_counts if one.subject == "contact"]
    return {
        "inbox": sum(one.records for one in of_contacts if one.status == SyncStatus.INCOMPLETE),
        "problems": sum(one.records for one in all_counts if one.status == SyncStatus.NEEDS_ATTENTION),
    }


def viewers_zone() -> ZoneInfo:
    """The zone of whoever is looking."""
    return _zone(signed_in())


def _zone(found: sessions.Session | None) -> ZoneInfo:
    """The viewer's zone: the one they chose, else the browser's, which console.js says in a cookie."""
    for said in (found.user.zone if found is not None else None, request.cookies.get("zone")):
        if said and len(said) < 64:
            try:
                return ZoneInfo(said)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")


# ── times ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_STEPS: tuple[tuple[timedelta, timedelta, str], ...] = (
    (timedelta(seconds=90), timedelta(minutes=1), "min"),
    (timedelta(hours=1), timedelta(minutes=1), "min"),
    (timedelta(days=1), timedelta(hours=1), "h"),
)


def ago(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """A time as people say it: "just now", "3 min ago", "2 h ago", "in 5 min", "yesterday 14:05", "12 Nov", "12 Nov 2025"."""
    passed = now - at
    ahead = passed < timedelta(0)
    size = abs(passed)
    if size < timedelta(seconds=45):
        return "in a moment" if ahead else "just now"
    for below, unit, word in _STEPS:
        if size < below:
            words = f"{max(1, size // unit)} {word}"
            return f"in {words}" if ahead else f"{words} ago"
    return short(at, now, zone)


def short(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """The day, with the hour while it is near."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (today - local.date()).days
    if days == 0:
        return f"today {local:%H:%M}"
    if days in (1, -1):
        return f"{'yesterday' if days == 1 else 'tomorrow'} {local:%H:%M}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def exact(at: datetime, zone: ZoneInfo) -> str:
    """The whole time in the viewer's zone."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {local.tzname() or zone.key}"
