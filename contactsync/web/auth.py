"""Who is asking: the bearer token says which org, and every view asks for that org's records only (invariant I7)."""

from __future__ import annotations

from typing import cast

from flask import current_app, g, request

from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.orgs import Org
from contactsync.sync.parts import Parts
from contactsync.web.errors import Refusal


def parts() -> Parts:
    """The parts of this process."""
    return cast("Parts", current_app.extensions["contactsync"])


def org() -> Org:
    """Whose request this is; only there after `require_token`."""
    return cast("Org", g.org)


def require_token() -> None:
    """Before every request of the API: 401 unless the token is somebody's now."""
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not sent.token:
        raise _unauthorised('Bearer realm="contactsync"')
    with reading(parts().engine) as db:
        found = orgs.org_of_token(db, sent.token, parts().now())
    if found is None:
        raise _unauthorised('Bearer realm="contactsync", error="invalid_token"')
    g.org = found


def _unauthorised(challenge: str) -> Refusal:
    return Refusal(
        401,
        "unauthorized",
        "Send a valid API token in the header Authorization: Bearer cst_…; "
        "`contactsync org token add <org>` makes one.",
        headers={"WWW-Authenticate": challenge},
    )
