"""Who is asking: the bearer token says which org, and every view asks for that org's records only (invariant I7)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from flask import current_app, g, request

from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.orgs import Org, TokenHolder
from contactsync.sync.parts import Parts
from contactsync.web.errors import Refusal


def parts() -> Parts:
    """The parts of this process, acting for whoever is asking."""
    whole = cast("Parts", current_app.extensions["contactsync"])
    actor: str | None = g.get("actor")
    return whole if actor is None else replace(whole, actor=actor)


def org() -> Org:
    """Whose request this is; only there after `require_token`."""
    return cast("TokenHolder", g.holder).org


def require_token() -> None:
    """Before every request of the API: 401 unless the token is somebody's now."""
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not sent.token:
        raise _unauthorised('Bearer realm="contactsync"')
    with reading(parts().engine) as db:
        found = orgs.holder_of_token(db, sent.token, parts().now())
    if found is None:
        raise _unauthorised('Bearer realm="contactsync", error="invalid_token"')
    g.holder, g.actor = found, found.actor


def require_writing() -> None:
    """Before every operation that changes anything: 403 for a token that may only read."""
    if cast("TokenHolder", g.holder).read_only:
        words = (
            "This token may only read. Send one that may change things: `contactsync org token add <org>` makes one."
        )
        raise Refusal(403, "read_only_token", words)


def _unauthorised(challenge: str) -> Refusal:
    return Refusal(
        401,
        "unauthorized",
        "Send a valid API token in the header Authorization: Bearer cst_…; "
        "`contactsync org token add <org>` makes one.",
        headers={"WWW-Authenticate": challenge},
    )
