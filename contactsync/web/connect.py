"""`/connect/<target>/callback`: where a CRM sends the browser back to after a sign-in. A page for the person who signed in.

No token is asked for: the state in the address proves which sign-in comes back, and is taken once. What the address holds
goes nowhere else: no link, no script, nothing loaded from anywhere, and no referrer.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from contactsync.domain.errors import ContactsyncError, Misconfigured, RefusedInput, TargetRefused, TargetUnavailable
from contactsync.log import described, logger
from contactsync.sync.signing_in import Finished, StateRefused, finish_sign_in
from contactsync.web.auth import parts

log = logger(__name__)

_CLOSE = "You can close this window."
_AGAIN = "Nothing was changed."


def pages() -> Blueprint:
    """The page that a sign-in ends on."""
    blueprint = Blueprint("connect", __name__, url_prefix="/connect", template_folder=".")
    style = files(__package__ or "").joinpath("connect.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    @blueprint.get("/<target>/callback")
    def callback(target: str) -> Response:
        page = _finished(target)
        page_text = render_template("connect.html", style=Markup(style), **page.shown)  # noqa: S704 - our own file
        response = Response(page_text, page.status, mimetype="text/html")
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response

    return blueprint


class _Page:
    """What the page says. `shown`: for the template, which escapes it."""

    def __init__(
        self,
        status: int,
        title: str,
        lines: Sequence[str] = (),
        facts: Sequence[tuple[str, str]] = (),
        last: str = _AGAIN,
    ) -> None:
        self.status = status
        tone = "good" if status == 200 else "bad"
        self.shown = {"title": title, "lines": lines, "facts": facts, "last": last, "tone": tone}


def _finished(target: str) -> _Page:
    if request.method == "HEAD":  # mail scanners look so before people do; it must not use the sign-in up
        return _Page(200, "Sign-in", last=_CLOSE)
    said = {name: request.args.getlist(name) for name in ("state", "code", "error")}
    if any(len(values) > 1 for values in said.values()):
        return _Page(400, "This address cannot be read", ["A part of it is there twice. Begin the sign-in again."])
    one = {name: "".join(values) for name, values in said.items()}
    try:
        finished = finish_sign_in(parts(), target, one["state"], code=one["code"], error=one["error"])
    except ContactsyncError as error:
        return _refused(error)
    return _connected(finished)


def _connected(finished: Finished) -> _Page:
    facts = [("Org", finished.org_name), (finished.label, finished.place)]
    unknown = (
        "If you do not know this org, you were led here by somebody else: take the access back at once, in "
        f"{finished.label} under the apps that your user allows."
    )
    lines = ["Whatever has been waiting for this goes by itself now.", unknown]
    return _Page(200, f"{finished.label} is connected", lines, facts, _CLOSE)


def _refused(error: ContactsyncError) -> _Page:
    match error:
        case StateRefused():
            return _Page(400, "This sign-in cannot be finished", [_sentence(str(error))])
        case TargetRefused(problem=problem):
            facts = [("What to do", problem.fix), ("Who can", problem.who)]
            return _Page(400, "The sign-in did not go through", [problem.cause], facts)
        case TargetUnavailable():
            lines = ["The CRM does not answer now.", "Begin the sign-in again in a few minutes."]
            return _Page(503, "The sign-in did not go through", lines)
        case RefusedInput():
            lines = [_sentence(str(error)), *(f"{name}: {what}" for name, what in error.fields.items())]
            return _Page(400, "The sign-in did not go through", lines)
        case Misconfigured():
            log.error("sign-in met wrong configuration", **described(error))
            return _Page(503, "contactsync is not set up right", ["Its operator finds why in the log."])
    log.error("sign-in failed", **described(error))
    return _Page(500, "Something went wrong here", ["It was logged. Begin the sign-in again."])


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
