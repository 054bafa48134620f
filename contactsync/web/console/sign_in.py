"""Sign in and out with a password."""

from __future__ import annotations

from flask import Response, g, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.roles import Role
from contactsync.passwords import is_password
from contactsync.store import sessions, users
from contactsync.store.engine import reading, writing
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages, cookie_name, set_session_cookie, signed_in
from contactsync.web.console.showing import form, page, redirected

pages = Pages("sign_in")


@pages.get("/sign-in", open=True)
def sign_in() -> Response | AnyResponse:
    """The form."""
    if signed_in() is not None:
        return redirected(url("orgs.start"))
    return page("sign_in.html", title="Sign in", email="", follow=_inside(request.args.get("next", "")))


@pages.post("/sign-in", open=True)
def check_sign_in() -> Response | AnyResponse:
    """Look at the password, and begin a session."""
    said, now = form(), parts().now()
    password = request.form.get("password", "")
    follow = _inside(said.get("next", ""))
    with reading(parts().engine) as db:
        user = users.find_user(db, said.get("email", ""))
        hashed = users.password_hash_of(db, user.id) if user is not None and not user.disabled else None
    if not is_password(hashed, password) or user is None:
        words = "The e-mail address or the password is not right. Try again, or ask an admin for a new link."
        return page(
            "sign_in.html", title="Sign in", status=422, email=said.get("email", ""), wrong=words, follow=follow
        )
    with writing(parts().engine) as db:
        token = sessions.begin(db, user.id, now)
    response = redirected(follow or url("orgs.start"))
    set_session_cookie(response, token)
    return response


@pages.post("/sign-out", whole=True, role=Role.VIEWER)
def sign_out() -> AnyResponse:
    """End this session."""
    with writing(parts().engine) as db:
        sessions.end(db, request.cookies.get(cookie_name(), ""))
    g.ended = True
    response = redirected(url("sign_in.sign_in"))
    response.delete_cookie(cookie_name(), path="/", secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def _inside(follow: str) -> str:
    """Where to go on to: an address of the console, nothing that leads out of it."""
    plain = follow.startswith("/o/") and "\\" not in follow and follow.isprintable()
    return follow if plain else ""
