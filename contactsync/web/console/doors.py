"""The gate of the console: every route states the least role that it needs, and nothing is served past it.

    session cookie → user → org of the address → membership → role → (POST) the session's CSRF token → the view

A form that is sent before anybody is signed in carries a token as well, which its browser holds in a cookie: nobody can be
signed in as somebody else by a page from elsewhere.

A form whose session is over is kept (unsent_forms.py): whoever typed it signs in, and sends it through this gate again.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.roles import Role
from contactsync.log import described, logger
from contactsync.store import sessions, unsent, users
from contactsync.store.engine import reading, unavailable, writing
from contactsync.store.orgs import find_org
from contactsync.web.auth import parts
from contactsync.web.console import unsent_forms
from contactsync.web.console.addresses import PREFIX, taken_apart, url
from contactsync.web.console.seat import Seat, actor_of
from contactsync.web.errors import Refusal

log = logger(__name__)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_KEY = 2**63 - 1
_FORM_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Door:
    """One route and what it takes to pass. `whole`: of the installation, not of an org; `open`: nobody need be signed in."""

    endpoint: str
    rule: str
    methods: tuple[str, ...]
    role: Role
    whole: bool = False
    open: bool = False
    operator: bool = False


@dataclass
class Pages:
    """The routes of one part of the console."""

    name: str
    doors: list[Door] = field(default_factory=list)
    _views: list[tuple[Door, Callable[..., Any]]] = field(default_factory=list)

    def get(self, rule: str, *, role: Role = Role.VIEWER, **kind: bool) -> Callable[[View], View]:
        """A page that changes nothing. Also answers its searches where `searches` is set: POSTs that change nothing."""
        searches = kind.pop("searches", False)
        return self._add(rule, ("GET", "POST") if searches else ("GET",), role, kind)

    def post(self, rule: str, *, role: Role = Role.EDITOR, **kind: bool) -> Callable[[View], View]:
        """Something done."""
        return self._add(rule, ("POST",), role, kind)

    def _add(self, rule: str, methods: tuple[str, ...], role: Role, kind: dict[str, bool]) -> Callable[[View], View]:
        def added(view: View) -> View:
            door = Door(f"{self.name}.{view.__name__}", rule, methods, role, **kind)
            self.doors.append(door)
            self._views.append((door, view))
            return view

        return added

    def blueprint(self) -> Blueprint:
        """These routes for Flask, behind the gate."""
        made = Blueprint(f"{PREFIX}{self.name}", __name__)
        by_endpoint = {f"{PREFIX}{door.endpoint}": door for door in self.doors}
        made.before_request(lambda: _pass(by_endpoint[str(request.endpoint)]))
        made.after_request(_renew)
        for door, view in self._views:
            rule = door.rule if door.whole or door.open else f"/o/<org_slug>{door.rule}"
            made.add_url_rule(rule, view.__name__, _without_slug(view), methods=list(door.methods))
        return made


def _without_slug(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view without the org's slug, which the gate has turned into a seat."""

    def seated(**named: Any) -> Any:
        named.pop("org_slug", None)
        return view(**named)

    seated.__name__ = view.__name__
    return seated


def cookie_name() -> str:
    """Over https the browser itself keeps the cookie to this host and to https."""
    return "__Host-contactsync" if request.is_secure else "contactsync"


def set_session_cookie(response: AnyResponse, token: str) -> None:
    """Hand the session to the browser: not to scripts, not to other sites."""
    g.ended = True  # the session that the request came with is not the one to renew
    _set_cookie(response, cookie_name(), token, int(sessions.LONGEST.total_seconds()))


def _set_cookie(response: AnyResponse, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(name, value, max_age=seconds, secure=request.is_secure, httponly=True, samesite="Lax", path="/")


def clear_session_cookie(response: AnyResponse) -> None:
    """The browser is signed out."""
    g.ended = True
    response.delete_cookie(cookie_name(), path="/", secure=request.is_secure, httponly=True, samesite="Lax")


def signed_in() -> sessions.Session | None:
    """The session of the request's cookie, looked up once."""
    if "session" not in g:
        token = request.cookies.get(cookie_name(), "")
        found = None
        if token:
            with reading(parts().engine) as db:
                found = sessions.find(db, token, parts().now())
        g.session = found
    found_session: sessions.Session | None = g.session
    return found_session


def form_token() -> str:
    """What the forms of this page send along: the session's token, or one that this browser alone holds."""
    found = signed_in()
    if found is not None:
        return found.csrf
    if "form_token" not in g:
        held = request.cookies.get(_form_cookie(), "")
        g.form_token = held if _FORM_TOKEN.fullmatch(held) else secrets.token_urlsafe(32)
    return str(g.form_token)


def _form_cookie() -> str:
    return f"{cookie_name()}-form"


def _pass(door: Door) -> AnyResponse | None:
    """Raises Refusal, or answers where to go first, or lets the request in."""
    found = signed_in()
    if request.method not in _SAFE:
        _check_origin()
    if found is None and not door.open:
        return _sign_in_first()
    if request.method not in _SAFE and not _token_is_good(door, found):
        return _form_expired(found)
    if found is None or door.open:
        return None
    g.actor = actor_of(found.user)
    if door.operator and not found.user.operator:
        raise Refusal(403, "operators_only", "Only an operator of this installation may do that. Ask one of them.")
    if any(isinstance(value, int) and value > _MOST_KEY for value in (request.view_args or {}).values()):
        raise _nothing_here()  # no database has so large a key, and theirs would fail at it
    if not door.whole:
        g.seat = _seat_of(found.user, str((request.view_args or {})["org_slug"]))
        if not g.seat.role.may(door.role):
            raise Refusal(403, "role", _too_small(g.seat.role, door.role))
    return None


def _sign_in_first() -> AnyResponse:
    if request.method not in _SAFE:
        kept = unsent_forms.keep(_sent_token(), None)
        follow = url("unsent.unsent_form", key=kept) if kept else unsent_forms.page_before()
        return _whole(url("sign_in.sign_in", next=follow))
    if request.headers.get("HX-Request"):  # htmx would put the sign-in page into the middle of this one
        return Response("", 401, {"HX-Refresh": "true"})
    return redirect(url("sign_in.sign_in", next=request.full_path.rstrip("?")), 303)


def _form_expired(found: sessions.Session | None) -> AnyResponse:
    """A form of an earlier sign-in of the same person can be sent again. Raises Refusal for any other."""
    kept = unsent_forms.keep(_sent_token(), found.user.id) if found is not None else None
    if kept is None:
        words = "This form is from an earlier sign-in. Go back, reload the page and send it again."
        raise Refusal(400, "form_expired", words)
    return _whole(url("unsent.unsent_form", key=kept))


def _whole(to: str) -> AnyResponse:
    """On to another page, also when htmx asked for a part of this one."""
    return Response("", 401, {"HX-Redirect": to}) if request.headers.get("HX-Request") else redirect(to, 303)


def _seat_of(user: users.User, slug: str) -> Seat:
    """Where the user sits in an org. One that is not theirs is not there."""
    with reading(parts().engine) as db:
        org = find_org(db, slug) if slug.isprintable() else None
        role = users.role_in(db, user, org.id) if org is not None else None
    if org is None or role is None:
        raise _nothing_here()
    return Seat(user, org, role)


def _nothing_here() -> Refusal:
    return Refusal(404, "not_found", "There is nothing here, or it is not yours to see. Check the address.")


def _too_small(has: Role, needed: Role) -> str:
    return f"You are {_a(has)} here; this takes {_a(needed)}. An admin of your org can change your role."


def _a(role: Role) -> str:
    return f"{'an' if role.value[0] in 'aeiou' else 'a'} {role.value}"


def _check_origin() -> None:
    """Browsers say where a form was sent from."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    foreign = origin is not None and taken_apart(origin).netloc != request.host
    if site not in {"same-origin", "none"} or foreign:
        raise Refusal(400, "form_from_elsewhere", "This was sent from another site. Open the page here and try again.")


def _sent_token() -> str:
    return request.form.get("csrf") or request.headers.get("X-CSRF-Token") or ""


def _token_is_good(door: Door, found: sessions.Session | None) -> bool:
    """The token is in the form itself: what other sites can make a browser send along proves nothing."""
    sent = _sent_token().encode("utf-8", "replace")
    good = [found.csrf] if found is not None else []
    if door.open:
        good.append(request.cookies.get(_form_cookie(), ""))
    return any(one and hmac.compare_digest(sent, one.encode("utf-8", "replace")) for one in good)


def _renew(response: Response) -> Response:
    """On the way out: keep the token of forms, and give a session that has been going for a while a new one."""
    if "form_token" in g:
        _set_cookie(response, _form_cookie(), g.form_token, None)
    found = g.get("session")
    if found is not None and request.method == "POST" and response.status_code < 400 and request.form.get("unsent"):
        _forget_sent(found)
    if found is None or g.get("ended") or request.method != "GET" or request.headers.get("HX-Request"):
        return response
    try:
        _use(response, found)
    except Exception as error:
        if not unavailable(error):
            raise
        log.warning("console session not renewed", **described(error))  # the page itself is there: next time
    return response


def _forget_sent(found: sessions.Session) -> None:
    """What was sent again has arrived. Answered by an error it stays, to be sent once more."""
    try:
        with writing(parts().engine) as db:
            unsent.drop(db, found.user.id, request.form["unsent"])
    except Exception as error:
        if not unavailable(error):
            raise
        log.warning("unsent form not removed", **described(error))  # it was sent all the same, and goes in an hour


def _use(response: Response, found: sessions.Session) -> None:
    now = parts().now()
    if sessions.is_due(found, now):
        with writing(parts().engine) as db:
            token = sessions.rotate(db, found, now)
        if token is not None:
            set_session_cookie(response, token)
    elif sessions.is_unseen(found, now):
        with writing(parts().engine) as db:
            sessions.touch(db, found, now)
