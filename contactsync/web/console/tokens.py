"""Settings › API tokens: for programs that read or change what is here."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.roles import Role
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.sync import actions
from contactsync.sync.issuing import LONGEST_LABEL, Given
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.endpoints import base_url
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.errors import missing

pages = Pages("tokens")

DAYS: Mapping[str, str] = {"30": "after 30 days", "90": "after 90 days", "365": "after a year", "": "never"}
"""When a new token may end."""


@pages.get("/settings/tokens")
def token_list() -> Response:
    """The tokens there are, without what they are."""
    return _page()


@pages.post("/settings/tokens", role=Role.ADMIN)
def add_token() -> Response:
    """Make a token, and show it this once."""
    said = {"label": "", "may": "read", "days": "90"} | form().to_dict()
    errors = {}
    if not said["label"]:
        errors["label"] = "Say what it is for: the audit log shows it with what the token did."
    elif len(said["label"]) > LONGEST_LABEL:
        errors["label"] = f"At most {LONGEST_LABEL} characters."
    if said["may"] not in {"read", "change"}:
        errors["may"] = "Choose what it may do."
    if said["days"] not in DAYS:
        errors["days"] = "Choose when it ends."
    if errors:
        return _page(said=said, errors=errors)
    days = int(said["days"]) if said["days"] else None
    made = actions.add_token(parts(), seat().org.id, said["label"], read_only=said["may"] == "read", days=days)
    return _page(given=made)


@pages.post("/settings/tokens/<int:key>/end", role=Role.ADMIN)
def end_token(key: int) -> AnyResponse:
    """Take a token no more."""
    with reading(parts().engine) as db:
        there = next((one for one in orgs.list_tokens(db, seat().org.id) if one.id == key), None)
    if there is None:
        raise missing("API token")
    actions.revoke_token(parts(), seat().org.id, key)
    name = f"“{there.label}”" if there.label else f"Token {key}"
    return done(f"{name} is ended: programs that use it are refused from now on.", to=url("tokens.token_list"))


def _page(
    given: Given | None = None, said: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    now = parts().now()
    with reading(parts().engine) as db:
        tokens = orgs.list_tokens(db, seat().org.id)
    return page(
        "tokens.html",
        title="API tokens",
        nav="tokens",
        status=422 if errors else 200,
        tokens=[one for one in reversed(tokens) if one.active(now)],
        ended=[one for one in reversed(tokens) if not one.active(now)][:20],
        given=given,
        said=said or {},
        errors=errors or {},
        days=list(DAYS.items()),
        base_url=base_url(),
    )
