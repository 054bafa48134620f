"""Every route of the console, whoever asks: walked by what each route says that it needs.

For each: nobody signed in, a user of another org, each role that is too small, a form without the right token or from
another site, an org of which there is none. None of them may reach the view: a view that is reached leaves a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from contactsync.domain.roles import Role
from contactsync.store import sessions, users
from contactsync.store.engine import writing
from contactsync.web.console.addresses import PREFIX
from contactsync.web.console.doors import Door
from contactsync.web.console.rooms import doors
from tests.console.conftest import Console, Shown, sign_in
from tests.web.conftest import Caller

DOORS = doors()
INNER = [door for door in DOORS if not door.whole and not door.open]
POSTED = [door for door in DOORS if "POST" in door.methods]
BELOW = {Role.VIEWER: [], Role.EDITOR: [Role.VIEWER], Role.ADMIN: [Role.VIEWER, Role.EDITOR]}
OPEN = {
    ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/welcome/<link>"), ("POST", "/welcome/<link>"),
    ("GET", "/sign-in/company"), ("GET", "/sign-in/company/callback"),
}  # fmt: skip
"""All that is there for people who are not signed in."""

CHANGES_NOTHING = {
    "sign_in.sign_out",
    "account.change",
    "account.change_password",
    "account.sign_out_elsewhere",
    "unsent.throw_away",
}
"""POSTs that a viewer may send: they concern the viewer alone."""


def named(door: Door) -> str:
    return f"{'|'.join(door.methods)} {door.rule}"


def path_of(door: Door, slug: str = "acme") -> str:
    """An address of the door, with a key that nothing has, and x for words."""
    filled = re.sub(r"<[^>]*>", lambda found: "987654" if "int" in found[0] else "x", door.rule)
    return filled if door.whole or door.open else f"/o/{slug}{filled}"


def ask(client: Any, door: Door, method: str = "", slug: str = "acme", **more: Any) -> Shown:
    return Shown(client.open(path_of(door, slug), method=method or door.methods[-1], **more))


@pytest.fixture
def reached(app: Flask) -> Iterator[list[str]]:
    """The views that were reached, as they are called."""
    seen: list[str] = []

    def watch(name: str, view: Any) -> Any:
        def watched(**named: Any) -> Any:
            seen.append(name)
            return view(**named)

        return watched

    kept = dict(app.view_functions)
    for name, view in kept.items():
        if name.startswith(PREFIX):
            app.view_functions[name] = watch(name.removeprefix(PREFIX), view)
    yield seen
    app.view_functions.update(kept)


@pytest.fixture
def everybody(acme: Caller) -> dict[Role, Console]:
    """A user of each role, signed in."""
    return {role: sign_in(acme, role) for role in Role}


def test_every_address_of_the_console_is_a_door_with_a_least_role(app: Flask) -> None:
    known = {f"{PREFIX}{door.endpoint}" for door in DOORS}
    served = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith(PREFIX)}
    assert served - known == {f"{PREFIX}assets.asset_file"}
    assert len(DOORS) > 60


def test_nothing_but_signing_in_is_there_for_people_who_are_not_signed_in() -> None:
    assert {(method, door.rule) for door in DOORS if door.open for method in door.methods} == OPEN


def test_what_changes_anything_takes_an_editor_at_least_but_for_what_is_ones_own() -> None:
    changing = {door.endpoint for door in DOORS if door.methods == ("POST",) and not door.open and not door.operator}
    by_viewers = {door.endpoint for door in DOORS if door.endpoint in changing and door.role is Role.VIEWER}
    assert by_viewers == CHANGES_NOTHING


def test_who_is_not_signed_in_reaches_nothing(app: Flask, acme: Caller, reached: list[str]) -> None:
    for door in (each for each in DOORS if not each.open):
        for method in door.methods:
            shown = ask(app.test_client(), door, method)
            assert (shown.status, shown.goes_to.partition("?")[0]) == (303, "/sign-in"), named(door)
            again = ask(app.test_client(), door, method, headers={"HX-Request": "true"})
            assert (again.status, again.html) == (401, ""), named(door)
    assert reached == []


def test_another_orgs_admin_finds_nothing_anywhere(acme: Caller, other: Caller, reached: list[str]) -> None:
    theirs = sign_in(other, Role.ADMIN)
    for door in INNER:
        for method in door.methods:
            for slug in ("acme", "nobody", "%00"):
                shown = ask(theirs.client, door, method, slug, data={"csrf": theirs.csrf})
                assert shown.status == 404, (named(door), slug)
    assert reached == []


def test_a_role_that_is_too_small_reaches_nothing_and_is_told_what_it_takes(
    everybody: dict[Role, Console], reached: list[str]
) -> None:
    refused = 0
    for door in INNER:
        for role in BELOW[door.role]:
            who = everybody[role]
            shown = ask(who.client, door, data={"csrf": who.csrf})
            assert shown.status == 403, (named(door), role)
            assert f"this takes a{'n' if door.role is not Role.VIEWER else ''} {door.role.value}" in shown.text
            refused += 1
    assert reached == []
    assert refused > 40


def test_what_is_an_operators_is_nobody_elses(everybody: dict[Role, Console], reached: list[str]) -> None:
    admin = everybody[Role.ADMIN]
    theirs = [door for door in DOORS if door.operator]
    assert theirs
    for door in theirs:
        assert ask(admin.client, door, data={"csrf": admin.csrf}).status == 403, named(door)
    assert reached == []


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": "x" * 43}, {}),
        ({"csrf": "ü\udcff"}, {}),
        ({"csrf": "another session's"}, {}),
        ({"csrf": "right"}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": "right"}, {"Sec-Fetch-Site": "same-site"}),
        ({"csrf": "right"}, {"Origin": "https://evil.example"}),
        ({"csrf": "right"}, {"Origin": "null"}),
        ({}, {"X-CSRF-Token": "wrong"}),
    ],
    ids=repr,
)
def test_a_form_that_is_not_of_this_session_and_this_site_reaches_nothing(
    acme: Caller, console: Console, reached: list[str], fields: dict[str, str], headers: dict[str, str]
) -> None:
    with writing(acme.parts.engine) as db:
        users.set_operator(db, console.user.id, operator=True)
        found = sessions.find(db, sessions.begin(db, console.user.id, acme.parts.now()), acme.parts.now())
    assert found is not None
    tokens = {"right": console.csrf, "another session's": found.csrf}
    sent = {name: tokens.get(value, value).encode("utf-8", "replace") for name, value in fields.items()}
    for door in POSTED:
        shown = ask(console.client, door, "POST", data=sent, headers=headers)
        assert shown.status == 400, named(door)
    assert reached == []


def test_a_key_that_no_database_has_is_not_found_instead_of_failing(console: Console) -> None:
    for door in (each for each in INNER if "<int" in each.rule):
        path = path_of(door).replace("/1", "/99999999999999999999")
        method = door.methods[-1]
        shown = Shown(console.client.open(path, method=method, data={"csrf": console.csrf}))
        assert shown.status in {404, 405}, named(door)  # 405: `/sync`, too, is no key there


def test_who_has_the_role_is_let_in_and_nothing_fails(everybody: dict[Role, Console], reached: list[str]) -> None:
    """Every page by the least role that it states; what it names is not there, and what it takes is not said."""
    for door in INNER:
        who = everybody[door.role]
        for method in door.methods:
            sent = {"data": {"csrf": who.csrf}} if method == "POST" else {}
            shown = ask(who.client, door, method, **sent)
            assert shown.status in {200, 303, 400, 404, 409, 410, 422}, (named(door), shown.status, shown.html[-400:])
            assert reached[-1:] == [door.endpoint], named(door)
            reached.clear()


def test_a_disabled_user_and_one_who_was_put_out_reach_nothing(
    acme: Caller, everybody: dict[Role, Console], reached: list[str]
) -> None:
    admin, editor = everybody[Role.ADMIN], everybody[Role.EDITOR]
    with writing(acme.parts.engine) as db:
        db.execute(
            sa.text("UPDATE console_user SET disabled_at = :now WHERE id = :id"),
            {"now": "2026-11-24", "id": admin.user.id},
        )
        db.execute(sa.text("DELETE FROM membership WHERE user_id = :id"), {"id": editor.user.id})
    for door in INNER:
        assert ask(admin.client, door, data={"csrf": admin.csrf}).status == 303, named(door)
        assert ask(editor.client, door, data={"csrf": editor.csrf}).status == 404, named(door)
    assert reached == []


def test_every_page_says_what_may_be_loaded_and_is_kept_by_nobody(console: Console) -> None:
    for door in (each for each in INNER if "GET" in each.methods):
        shown = ask(console.client, door, "GET")
        headers = shown.answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", named(door)
        assert headers["X-Frame-Options"] == "DENY", named(door)
        assert headers["Cache-Control"] == "no-store", named(door)
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], named(door)
        assert "unsafe" not in headers["Content-Security-Policy"], named(door)
        assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, named(door)
