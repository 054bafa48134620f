"""A form that came when its session was over: shown to whoever typed it, who sends it again, or throws it away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.roles import Role
from contactsync.store import unsent, users
from contactsync.store.engine import reading, writing
from contactsync.store.orgs import find_org
from contactsync.store.unsent import Unsent
from contactsync.web.auth import parts
from contactsync.web.console.addresses import PREFIX, url
from contactsync.web.console.doors import Pages
from contactsync.web.console.mapping_words import MODES
from contactsync.web.console.profile_form import WAS, plain
from contactsync.web.console.profile_words import LABELS
from contactsync.web.console.seat import user
from contactsync.web.console.showing import done, page
from contactsync.web.console.sign_in import inside
from contactsync.web.errors import Refusal

pages = Pages("unsent")

_LONGEST_SHOWN = 2_000

_PLACES: Mapping[str, str] = {
    "account": "Your account",
    "carrying": "Export and import",
    "company_choice": "The company of a contact",
    "connection": "Salesforce connection",
    "endpoints": "Endpoints and secrets",
    "first_run": "Get started",
    "inbox": "Leads Inbox",
    "mapping": "Field mapping",
    "orgs": "Your orgs",
    "profile": "A contact",
    "tokens": "API tokens",
    "users": "Users and roles",
}
"""What people call a room, where it is not the word that we call it by."""

_RULE = re.compile(r"rule-(\d{1,4})-(.+)")
"""A field of the form of the mapping (mapping_form.py): the number of a rule, and what it says of it."""

_UNTYPED = frozenset(
    {"after", "back", "example", "example_email", "made_from", "next", "org", "seen", "so_far", "told", "username"}
)
"""Sent again, but no news to anybody."""


@pages.get("/unsent/<key>", whole=True)
def unsent_form(key: str) -> Response:
    """What it was, and a button that sends it again. Nothing is sent by itself."""
    form = _own(key)
    left_out = [(name, _words(name), kind) for name, kind in form.left_out]
    return page(
        "unsent.html", title="You were signed out", form=form, key=key, place=_place(form), org=_org(form), shown=_typed(form),
        left_out=left_out, before=_before(form),
    )  # fmt: skip


@pages.post("/unsent/<key>/throw-away", whole=True, role=Role.VIEWER)
def throw_away(key: str) -> AnyResponse:
    """Keep it no longer."""
    before = _before(_own(key))
    with writing(parts().engine) as db:
        unsent.drop(db, user().id, key)
    return done("It is thrown away. Nothing was sent.", to=before)


def _own(key: str) -> Unsent:
    with reading(parts().engine) as db:
        found = unsent.find(db, parts().vault, user().id, key, parts().now())
    if found is None:
        words = (
            "What was typed when a sign-in was over waits for an hour, for whoever typed it. This was sent already, is"
            " older, or is not yours."
        )
        raise Refusal(404, "nothing_to_send", words)
    return found


def _place(form: Unsent) -> str:
    room = form.endpoint.removeprefix(PREFIX).partition(".")[0]
    return _PLACES.get(room, room.replace("_", " ").capitalize())


def _org(form: Unsent) -> str:
    """What the org is called, as far as its user may still see it."""
    slug = unquote(form.address.split("?")[0].split("/")[2]) if form.address.startswith("/o/") else ""
    with reading(parts().engine) as db:
        org = find_org(db, slug) if slug and slug.isprintable() else None
        return org.name if org is not None and users.role_in(db, user(), org.id) is not None else ""


def _typed(form: Unsent) -> list[tuple[str, str, str]]:
    """What was typed, as (name, value, what stood there before). Of fields that say what stood there, those that changed."""
    was = {name.removeprefix(WAS): value for name, value in form.fields if name.startswith(WAS)}
    sent = [(name, value) for name, value in form.fields if name not in _UNTYPED and _RULE.fullmatch(name) is None]
    told = [(name, value, was.get(name, "")) for name, value in sent]
    news = [(name, value, old) for name, value, old in told if not name.startswith(WAS) and plain(value) != plain(old)]
    return [*_rules(form), *((_words(name), _short(value), _short(old)) for name, value, old in news)]


def _rules(form: Unsent) -> list[tuple[str, str, str]]:
    """The mapping's rules in one line each: a form has a dozen fields for a rule, which say nothing by themselves."""
    rules: dict[str, dict[str, str]] = {}
    for name, value in form.fields:
        if (found := _RULE.fullmatch(name)) is not None:
            rules.setdefault(found[1], {})[found[2]] = value
    told = []
    for one in rules.values():
        to = [_short(one.get("target", "")) or "no field", MODES.get(one.get("mode", ""), "").lower()]
        told.append((_words(one.get("source", "")), f"→ {', '.join(part for part in to if part)}", ""))
    return told


def _before(form: Unsent) -> str:
    return inside(form.page) or url("orgs.start")


def _words(name: str) -> str:
    """The name of a field, as people read it: "last_name" → "Last name"."""
    if name in LABELS:
        return LABELS[name]
    words = re.sub(r"[\W_]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def _short(value: str) -> str:
    value = {"on": "yes"}.get(value, value)
    if len(value) <= _LONGEST_SHOWN:
        return value
    return f"{value[:_LONGEST_SHOWN]}… and {len(value) - _LONGEST_SHOWN:,} more characters"
