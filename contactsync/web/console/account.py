"""What a user may change about themselves. The same page stands in each org's frame, and alone for who is in none."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import available_timezones

from flask import Response, g, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.passwords import LEAST_LENGTH
from contactsync.store import sessions, users
from contactsync.store.engine import reading, writing
from contactsync.store.orgs import find_org
from contactsync.sync import entering
from contactsync.sync.entering import TooOften
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages, set_session_cookie
from contactsync.web.console.seat import Seat, session, user
from contactsync.web.console.showing import done, form, page, redirected
from contactsync.web.console.sign_in import too_often

pages = Pages("account")


@pages.get("/account")
def account() -> Response:
    """In the frame of an org."""
    return _account({})


@pages.get("/account", whole=True)
def own() -> Response:
    """Alone."""
    return _account({})


@pages.post("/account", whole=True, role=Role.VIEWER)
def change() -> Response | AnyResponse:
    """Keep name and zone."""
    said = form()
    try:
        entering.change_profile(parts(), user(), said.get("name", ""), said.get("zone", ""))
    except RefusedInput as error:
        return _account(error.fields, said)
    return done("Your account is saved.", to=_back())


@pages.post("/account/password", whole=True, role=Role.VIEWER)
def change_password() -> Response | AnyResponse:
    """Another password; every other browser is signed out."""
    said, place = request.form, request.remote_addr or ""
    present, password, again = (said.get(name, "") for name in ("present", "password", "again"))
    try:
        token = entering.change_password(parts(), user(), present, password, again, place)
    except TooOften as error:
        return _account({"present": too_often(error)}, status=429)
    except RefusedInput as error:
        return _account(error.fields)
    with writing(parts().engine) as db:
        begun = sessions.find(db, token, parts().now())
        if begun is not None:
            sessions.put_notice(db, begun.id, "good", "Your password is changed. Every other browser is signed out.")
    response = redirected(_back())
    set_session_cookie(response, token)
    return response


@pages.post("/account/sign-out-elsewhere", whole=True, role=Role.VIEWER)
def sign_out_elsewhere() -> AnyResponse:
    """End every session but this one."""
    ended = entering.leave_everywhere_else(parts(), user(), session().id)
    words = "You were signed in nowhere else."
    if ended:
        words = f"Signed out in {'one other browser' if ended == 1 else f'{ended} other browsers'}."
    return done(words, to=_back())


def _account(errors: Mapping[str, object], said: Mapping[str, str] | None = None, status: int = 0) -> Response:
    _sit_down()
    mine, here = user(), session()
    with reading(parts().engine) as db:
        has_password = users.password_hash_of(db, mine.id) is not None
        elsewhere = sessions.count_of(db, mine.id, parts().now()) - 1
    typed = said if said is not None else {"name": mine.name, "zone": mine.zone or ""}
    return page(
        "account.html", title="Your account", nav="account", status=status or (422 if errors else 200), errors=errors,
        typed=typed, has_password=has_password, elsewhere=elsewhere, since=here.created_at, least=LEAST_LENGTH,
        zones=sorted(available_timezones()), org=request.values.get("org", ""),
    )  # fmt: skip


def _sit_down() -> None:
    """A form that was sent from an org's frame is answered in it."""
    if "seat" in g or not request.form.get("org"):
        return
    with reading(parts().engine) as db:
        org = find_org(db, request.form["org"]) if request.form["org"].isprintable() else None
        role = users.role_in(db, user(), org.id) if org is not None else None
    if org is not None and role is not None:
        g.seat = Seat(user(), org, role)


def _back() -> str:
    _sit_down()
    return url("account.account") if "seat" in g else url("account.own")
