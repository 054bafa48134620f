"""The org's connection to its CRM: how it stands, a sign-in with a browser, a check."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import request

from contactsync.settings import is_loopback
from contactsync.store.connections import present
from contactsync.store.engine import reading
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.sync.signing_in import begin_sign_in
from contactsync.sync.targets import asking
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Instant, Problem, text, word
from contactsync.web.auth import org, parts
from contactsync.web.errors import Refusal

routes = Routes("Connection", "The org's tie to its CRM.")

STATES = ("not_connected", "ready", "paused", "stopped")


class CallBudget(ma.Schema):
    """The CRM's own count of API calls, as it last said it."""

    used = ma.fields.Integer(allow_none=True, metadata={"description": "In the last 24 hours, by all its tools."})
    limit = ma.fields.Integer(allow_none=True)


class ConnectionState(ma.Schema):
    """How the connection stands. Nothing in it is secret."""

    state = word(
        STATES,
        "`paused`: goes on by itself at `paused_until`; `stopped`: somebody must act. `problem` says why, and who can do what.",
    )
    target = text("The CRM, as its plugin calls it.")
    instance_url = text("Where the CRM is.")
    flow = text("How contactsync signs in: `client_credentials`, `jwt_bearer` or `web_server` (with a browser).")
    budget = ma.fields.Nested(CallBudget)
    paused_until = Instant(allow_none=True)
    problem = ma.fields.Nested(Problem, allow_none=True)


class SignInBody(ma.Schema):
    """What to sign in at."""

    target = ma.fields.String(
        load_default="salesforce",
        validate=ma.validate.Length(1, 63),
        metadata={"description": "The CRM, as its plugin calls it; `salesforce` when it is left out."},
    )
    settings = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.Length(1, 63)),
        values=ma.fields.String(validate=ma.validate.Length(max=2048)),
        load_default=dict,
        metadata={
            "description": "Salesforce: `client_id`, and `login_url` (`https://test.salesforce.com` for a sandbox) or "
            "`instance_url` (My Domain). Left out: those of the present connection, to sign in again."
        },
    )
    credentials = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.Length(1, 63)),
        values=ma.fields.String(validate=ma.validate.Length(max=4096)),
        load_default=dict,
        metadata={"description": "Salesforce: `client_secret`, if the app wants one. Kept encrypted, never shown."},
    )


class SignInBegun(ma.Schema):
    """A sign-in to finish in a browser."""

    url = ma.fields.String(metadata={"description": "Open it in the browser of the person who signs in. Good once."})
    expires_at = Instant()


class Health(ma.Schema):
    """What a check of the connection found."""

    ok = ma.fields.Boolean()
    problems = ma.fields.List(ma.fields.Nested(Problem))
    budget = ma.fields.Nested(CallBudget)


@routes.operation("GET", "/connection", ConnectionState)
def read_connection() -> Record:
    """How the org's connection to its CRM stands, as contactsync last saw it; asks the CRM nothing."""
    with reading(parts().engine) as db:
        row = present(db, org().id)
    if row is None:
        return {"state": "not_connected", "budget": {"used": None, "limit": None}}
    return {
        "state": row.state(parts().now()),
        "target": row.target,
        "instance_url": row.settings.get("instance_url"),
        "flow": row.settings.get("flow"),
        "budget": {"used": row.budget_used, "limit": row.budget_limit},
        "paused_until": row.paused_until,
        "problem": row.problem if row.paused(parts().now()) else None,
    }


@routes.operation("DELETE", "/connection", ConnectionState)
def end_connection() -> Record:
    """Part the org from its CRM: its credentials are forgotten, and nothing is sent any more.

    What comes in waits. Records of the CRM stay as they are; connecting to the same CRM again goes on where it was.
    """
    actions.disconnect(parts(), org().id)
    return read_connection()


_SIGN_IN = {"settings": {"client_id": "3MVG9…", "login_url": "https://test.salesforce.com"}}


@routes.operation(
    "POST", "/connection/sign-in", SignInBegun, body=SignInBody, example=_SIGN_IN, refuses=(409, 413, 415, 422, 503)
)
def begin_connection_sign_in(body: dict[str, Any]) -> Record:
    """Begin a sign-in with a browser: open `url` within ten minutes.

    The CRM's page asks for access and leads back to contactsync, which connects the org. Nothing changes before that.
    """
    begun = begin_sign_in(parts(), org().id, body["target"], body["settings"], body["credentials"], base_url())
    return {"url": begun.url, "expires_at": begun.expires_at}


@routes.operation("POST", "/connection/check", Health, refuses=(409, 503), changes=False)
def check_connection() -> Record:
    """Ask the CRM now whether the sign-in works, what the user may do, and how many calls are left. Writes nothing there."""
    bound = parts().targets.of(org().id)
    if bound is None:
        words = f"Your org is not connected to a CRM yet: contactsync connect {org().slug} --help says how."
        raise Refusal(409, "not_connected", words)
    try:
        with asking(bound):
            found = bound.target.check()
    finally:
        bound.connection.flush()
    budget = {"used": found.calls_used, "limit": found.calls_limit}
    return {"ok": found.ok, "problems": list(found.problems), "budget": budget}


def base_url() -> str:
    """Where browsers find us. The request's own word for it is taken on this machine alone: whoever writes the Host header
    would choose where the CRM sends the proof of a sign-in.
    """
    said = parts().settings.base_url
    if said:
        return said
    host = request.host.rpartition(":")[0] if not request.host.endswith("]") and ":" in request.host else request.host
    if is_loopback(host.strip("[]")) and is_loopback(request.remote_addr or ""):
        return request.url_root.rstrip("/")
    words = (
        "contactsync does not know where browsers find it: its operator has to set CONTACTSYNC_BASE_URL, as in "
        "https://contactsync.example.com."
    )
    raise Refusal(409, "base_url_missing", words)
