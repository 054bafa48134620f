"""Sign in with a password, choose one by a link, sign out."""

from __future__ import annotations

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.passwords import LEAST_LENGTH
from contactsync.store import users
from contactsync.store.engine import reading
from contactsync.sync import entering
from contactsync.sync.entering import Entered, LinkOver, NotLetIn, TooOften
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages, clear_session_cookie, cookie_name, set_session_cookie, signed_in
from contactsync.web.console.showing import form, page, redirected

pages = Pages("sign_in")

_WHOLE = ("/account", "/orgs")


@pages.get("/sign-in", open=True)
def sign_in() -> Response | AnyResponse:
    """The form."""
    follow = inside(request.args.get("next", ""))
    if signed_in() is not None:
        return redirected(follow or url("orgs.start"))
    return sign_in_page(follow=follow)


@pages.post("/sign-in", open=True)
def check_sign_in() -> Response | AnyResponse:
    """Look at the password, and begin a session."""
    said = form()
    email, follow = said.get("email", ""), inside(said.get("next", ""))
    try:
        entered = entering.enter(parts(), email, request.form.get("password", ""), request.remote_addr or "")
    except TooOften as error:
        answer = sign_in_page(email=email, follow=follow, wrong=too_often(error), tone="warn", status=429)
        answer.headers["Retry-After"] = str(60 * error.minutes)
        return answer
    except NotLetIn as error:
        return sign_in_page(email=email, follow=follow, wrong=str(error), status=422)
    return welcomed(entered, follow)


@pages.post("/sign-out", whole=True, role=Role.VIEWER)
def sign_out() -> AnyResponse:
    """End this session."""
    entering.leave(parts(), request.cookies.get(cookie_name(), ""))
    response = redirected(url("sign_in.sign_in"))
    clear_session_cookie(response)
    return response


@pages.get("/welcome/<link>", open=True)
def welcome(link: str) -> Response:
    """Where a link leads: choose a password. Looking uses nothing up: mail programs look before people do."""
    return _choosing(link, {})


@pages.post("/welcome/<link>", open=True)
def choose_password(link: str) -> Response | AnyResponse:
    """Keep the password, and sign in."""
    said = request.form
    try:
        entered = entering.choose_password(parts(), link, said.get("password", ""), said.get("again", ""))
    except LinkOver:
        return _link_over()
    except RefusedInput as error:
        return _choosing(link, error.fields, status=422)
    return welcomed(entered, "")


def sign_in_page(
    *, email: str = "", follow: str = "", wrong: str = "", tone: str = "bad", status: int = 200
) -> Response:
    """The form, with what went wrong. Before there is anybody who could sign in, it says how to begin."""
    with reading(parts().engine) as db:
        nobody = not users.any_user(db)
    sso = parts().settings.oidc is not None
    return page(
        "sign_in.html", title="Sign in", status=status, email=email, follow=follow, wrong=wrong, tone=tone,
        nobody=nobody, sso=sso,
    )  # fmt: skip


def welcomed(entered: Entered, follow: str) -> AnyResponse:
    """On to where somebody wanted to go, with a session of their own; the one that the browser had before ends."""
    before = request.cookies.get(cookie_name(), "")
    if before:
        entering.leave(parts(), before)
    response = redirected(follow or url("orgs.start"))
    set_session_cookie(response, entered.token)
    return response


def too_often(error: TooOften) -> str:
    """For people."""
    minutes = "1 minute" if error.minutes == 1 else f"{error.minutes} minutes"
    return f"Too many tries. Try again in {minutes}, or ask an admin of your org for a new link."


def inside(follow: str) -> str:
    """Where to go on to: an address of the console; "" for what leads out of it."""
    plain = follow.isprintable() and follow.isascii() and "\\" not in follow
    return follow if plain and (follow.startswith(("/o/", "/unsent/")) or follow.partition("?")[0] in _WHOLE) else ""


def _choosing(link: str, errors: object, status: int = 200) -> Response:
    try:
        user = entering.whose_link(parts(), link)
    except LinkOver:
        return _link_over()
    # The address is the secret here. It leaves this site in no Referer header ("same-origin", as all pages say); with
    # "no-referrer" browsers would not say where the form comes from either, which the gate wants to know.
    return page("welcome.html", title="Choose a password", status=status, who=user, errors=errors, least=LEAST_LENGTH)


def _link_over() -> Response:
    return page("welcome_over.html", title="This link is no longer good", status=410)
