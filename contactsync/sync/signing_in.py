"""Connecting an org to its CRM with a browser: from the address to open to the connection, over two requests.

    begin    state and verifier are drawn → kept, sealed → the CRM's own page, where a person signs in and allows it
    finish   the browser comes back with the state: it is taken, once → the code is redeemed → the org is connected,
             and what waited for that goes by itself

Whoever brings the state finishes the sign-in: for the org that began it, with the settings it began with, and nothing else
that the browser says is believed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from contactsync.domain.connection import SignIn
from contactsync.domain.crm import Problem
from contactsync.domain.errors import Misconfigured, RefusedInput, TargetError, TargetRefused
from contactsync.log import logger
from contactsync.store import authorizations
from contactsync.store.audit import Audited, note
from contactsync.store.authorizations import LIFETIME, Progress, SignInBegun, Taken
from contactsync.store.connections import open_connection, present
from contactsync.store.engine import reading, writing
from contactsync.sync import actions
from contactsync.sync.parts import Parts

SECRET_BYTES = 32
MOST_STATE = 200  # ours has 43 characters
MOST_CODE = 4096

log = logger(__name__)


@dataclass(frozen=True)
class Begun:
    """A sign-in to finish in a browser. `url` holds the state: it belongs to the person who signs in, not into a log."""

    id: int
    url: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Begun({self.id})"


@dataclass(frozen=True)
class Finished:
    """An org that is connected now. `place`: where its CRM is."""

    org_name: str
    label: str
    place: str


class StateRefused(RefusedInput):
    """The state proves nothing: it is unknown, was used before, or is too old."""


def callback_url(base_url: str, target: str) -> str:
    """Where the CRM sends the browser back to; the CRM's admin allows this address."""
    return f"{base_url}/connect/{target}/callback"


def begin_sign_in(
    parts: Parts,
    org_id: int,
    target: str,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
    base_url: str,
) -> Begun:
    """Begin a sign-in for an org. With no settings those of its present connection are used: the same CRM again.

    Raises RefusedInput naming each wrong setting, PluginBroken.
    """
    way = _way(parts, target)
    if not settings:
        settings, credentials = _present_ones(parts, org_id, target, credentials)
    state, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(2))
    begun = SignInBegun(dict(settings), callback_url(base_url, target), dict(credentials), verifier, parts.actor)
    url = way.authorize(settings, credentials, begun.redirect_uri, state, verifier)
    now = parts.now()
    with writing(parts.engine) as db:
        number = authorizations.begin(db, parts.vault, org_id, target, state, begun, now)
        note(db, org_id, parts.actor, Audited.SIGN_IN_BEGUN, now, about=target, details={"sign_in": number})
    log.info("sign-in begun", org_id=org_id, target=target)
    return Begun(number, url, now + LIFETIME)


def finish_sign_in(parts: Parts, target: str, state: str, *, code: str = "", error: str = "") -> Finished:
    """Connect the org whose sign-in the state is, with the code that the CRM gave.

    Raises StateRefused; TargetRefused and TargetUnavailable, after which the person begins again; PluginBroken.
    """
    way = _way(parts, target)
    taken = _taken(parts, target, state)
    try:
        if error or not code or len(code) > MOST_CODE:
            raise TargetRefused(way.refused(error[:MOST_STATE]))
        begun = taken.begun
        settings, credentials = way.redeem(begun.settings, begun.credentials, begun.redirect_uri, code, begun.verifier)
        acting = replace(parts, actor=begun.actor or parts.actor)  # whoever began it: a browser brings no token
        actions.connect(acting, taken.org_id, target, settings, credentials, sign_in=taken.id)
    except (TargetError, RefusedInput) as failure:
        _refused(parts, taken, target, failure)
        raise
    log.info("sign-in finished", org=taken.org_slug, target=target)
    label = parts.plugins.target_type(target).label
    return Finished(taken.org_name, label, settings.get("instance_url", ""))


def sign_in_progress(parts: Parts, sign_in_id: int) -> Progress:
    """How far a sign-in is."""
    with reading(parts.engine) as db:
        return authorizations.progress(db, sign_in_id, parts.now())


def _way(parts: Parts, target: str) -> SignIn:
    if target not in parts.plugins.target_names():
        raise RefusedInput(
            "this CRM is not known", {"target": f"write one of {', '.join(parts.plugins.target_names())}"}
        )
    found = parts.plugins.target_type(target).sign_in
    if found is None:
        raise RefusedInput(
            "this CRM has no sign-in with a browser",
            {"target": f"connect {target} with settings and credentials: contactsync connect --help says how"},
        )
    return found


def _present_ones(
    parts: Parts, org_id: int, target: str, credentials: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What the org is connected with, when it is to the same CRM: what is said anew goes before it."""
    with reading(parts.engine) as db:
        row = present(db, org_id)
    if row is None or row.target != target:
        return {}, credentials
    try:
        kept = open_connection(parts.engine, parts.vault, row).credentials
    except Misconfigured:  # no key opens them any more: the CRM will say what is missing
        kept = {}
    return row.settings, {**kept, **credentials}


def _taken(parts: Parts, target: str, state: str) -> Taken:
    """Anybody may bring any state: one that is not open is looked up and no more, and writes neither rows nor log lines."""
    now = parts.now()
    standing = Progress.GONE
    if 0 < len(state) <= MOST_STATE:
        with reading(parts.engine) as db:
            standing = authorizations.standing(db, target, state, now)
    if standing is Progress.OPEN:
        with writing(parts.engine) as db:
            taken = authorizations.take(db, parts.vault, target, state, now)
        if taken is not None:
            return taken
        standing = Progress.TAKEN
    if standing is Progress.TAKEN:
        raise StateRefused("this sign-in was finished before; if the org is not connected, begin again")
    raise StateRefused("this sign-in is not known, or was begun more than ten minutes ago; begin again")


def _refused(parts: Parts, taken: Taken, target: str, failure: TargetError | RefusedInput) -> None:
    with writing(parts.engine) as db:
        authorizations.forget(db, taken.id)
    problem: Problem | None = getattr(failure, "problem", None)
    log.warning("sign-in failed", org=taken.org_slug, target=target, problem=problem.code if problem else "settings")
