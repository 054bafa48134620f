"""A form whose sign-in is over: nothing typed is lost, nobody else sees it, and nothing is sent but by its own user."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from contactsync.domain.roles import Role
from contactsync.store import sessions, unsent, users
from contactsync.store.engine import reading, writing
from contactsync.store.tables_console import unsent_form
from contactsync.web.console import unsent_forms
from tests.console.conftest import Console, Shown, person
from tests.console.conftest import sign_in as let_in
from tests.web.conftest import Caller, Clock

HERE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Referer": "http://localhost/account"}
PASSWORD = "seven horses on a hill"
TYPED = {"name": 'Ana "Ää" <b>', "zone": "Europe/Berlin"}


def send(console: Console, fields: Any = TYPED, path: str = "/account", **more: Any) -> Shown:
    """A form of one of our pages, as a browser sends it."""
    whole = path.startswith("/account")
    return console.post(path, fields, whole=whole, headers=HERE | more.pop("headers", {}), **more)


def kept(acme: Caller) -> list[Any]:
    with reading(acme.parts.engine) as db:
        return list(db.execute(sa.select(unsent_form)).all())


def signs_in(console: Console, follow: str, email: str = "") -> Shown:
    """Somebody signs in with their password in this browser, from the page that they were led to."""
    with writing(console.acme.parts.engine) as db:
        user = users.find_user(db, email or console.user.email)
        assert user is not None
        hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        users.set_password(db, user.id, hashed)
    form = Shown(console.client.get(follow)).main.one("form")
    hidden = {one["name"]: one["value"] for one in form.all("input", type="hidden")}
    said = hidden | {"email": user.email, "password": PASSWORD}
    return Shown(console.client.post("/sign-in", data=said, headers=HERE))


def again(client: FlaskClient, shown: Shown, **more: Any) -> Shown:
    """Press "Send it"."""
    form = shown.main.all("form")[0]
    data: dict[str, Any] = {}
    for one in form.all("input", type="hidden"):
        data.setdefault(one["name"], []).append(one["value"])
    return Shown(client.post(form["action"], data=data | more, headers=HERE))


@pytest.fixture
def over(console: Console, clock: Clock) -> Console:
    """A page stood open until its session was over."""
    clock.pass_by(hours=13)
    return console


def test_what_was_typed_is_shown_after_signing_in_and_sent_by_a_button_once(acme: Caller, over: Console) -> None:
    shown = send(over)
    assert re.fullmatch(r"/sign-in\?next=/unsent/[\w-]{43}", shown.goes_to)
    assert "What you typed is not lost" in over.follow(shown).text
    (row,) = kept(acme)
    assert "Ana" not in str(row)
    assert shown.goes_to[-43:] not in str(row)
    question = over.follow(signs_in(over, shown.goes_to))
    assert "You were signed out. Send what you typed?" in question.text
    assert [each.text for each in question.main.all("dd")] == ["Your account", *TYPED.values()]
    assert over.get("/account", whole=True).main.one("input", name="name")["value"] == "Admin Person"
    assert again(over.client, question).goes_to.endswith("/account")
    assert over.get("/account").main.one("input", name="name")["value"] == TYPED["name"]
    assert over.get(shown.goes_to.partition("=")[2], whole=True).status == 404
    assert kept(acme) == []


def test_the_rules_of_a_mapping_are_shown_one_a_line_and_sent_whole(over: Console) -> None:
    rule = {"rule-0-source": "first_name", "rule-0-target": "FirstName", "rule-0-mode": "always", "rule-0-origin": "0"}
    shown = over.follow(signs_in(over, send(over, rule, "/settings/mapping/lead").goes_to))
    facts = shown.main.one("dl").text
    assert "First name → FirstName" in facts
    assert "ule 0" not in facts
    held = {one["name"] for one in shown.main.all("form")[0].all("input", type="hidden")}
    assert held >= set(rule)


def test_nobody_else_who_signs_in_at_that_computer_gets_any_of_it(acme: Caller, over: Console) -> None:
    let_in(acme, Role.ADMIN, "other@acme.example")
    shown = send(over)
    found = over.follow(signs_in(over, shown.goes_to, "other@acme.example"))
    assert found.status == 404
    assert "for whoever typed it" in found.text
    assert "Ana" not in found.html
    assert send(over).status == 400  # nor is the form that stands open still sent in another's name
    assert len(kept(acme)) == 1


@pytest.mark.parametrize("left", [True, False], ids=["signed out", "signed in anew"])
def test_a_page_of_an_earlier_session_is_sent_again_too(acme: Caller, console: Console, left: bool) -> None:
    if left:
        console.post("/sign-out", whole=True)
    else:
        with writing(acme.parts.engine) as db:
            sessions.end_all_of(db, console.user.id)
            console.client.set_cookie("contactsync", sessions.begin(db, console.user.id, acme.parts.now()))
    shown = send(console)
    question = console.follow(signs_in(console, shown.goes_to) if left else shown)
    assert TYPED["name"] in question.text
    assert again(console.client, question).status == 303
    assert console.get("/account").main.one("input", name="name")["value"] == TYPED["name"]


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, "right"),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "none"}, "right"),
        ({}, "right"),
        (HERE, "x" * 43),
        (HERE, "x\x00ü%"),
        (HERE, ""),
    ],
)
def test_what_is_not_surely_a_form_of_ours_is_never_kept(
    acme: Caller, over: Console, headers: dict[str, str], token: str
) -> None:
    said = {"name": "Eve", "csrf": over.csrf if token == "right" else token}
    answer = over.client.post("/account", data=said, headers=headers)
    assert (answer.status_code, "/unsent/" in answer.headers.get("Location", "")) in {(303, False), (400, False)}
    assert kept(acme) == []


def test_htmx_is_led_to_a_whole_page_and_the_form_waits(over: Console) -> None:
    shown = send(over, headers={"HX-Request": "true"})
    assert (shown.status, shown.html) == (401, "")
    assert shown.answer.headers["HX-Redirect"].startswith("/sign-in?next=/unsent/")
    there = signs_in(over, shown.answer.headers["HX-Redirect"]).goes_to
    stale = send(over, {"name": "B"}, headers={"HX-Request": "true"})
    assert re.fullmatch(r"/unsent/[\w-]{43}", stale.answer.headers["HX-Redirect"])
    assert stale.answer.headers["HX-Redirect"] != there


def test_passwords_and_files_are_not_kept_but_asked_for_again(acme: Caller, over: Console) -> None:
    path = "/settings/connection/credentials"
    shown = send(over, {"client_id": "id-1", "client_secret": "hush hush", "instance_url": "https://a.example"}, path)
    send(over, {"file": (io.BytesIO(b"{}"), "acme.json")}, "/settings/import")
    held = [acme.parts.vault.open(0, f"unsent form of user {over.user.id}", row.held) for row in kept(acme)]
    assert len(held) == 2
    assert not any("hush" in one or "acme.json" in one for one in held)
    question = over.follow(signs_in(over, shown.goes_to))
    assert "id-1" in question.text
    assert question.main.one("input", type="password")["name"] == "client_secret"
    answer = again(over.client, question, client_secret="hush", instance_url="not one")
    assert answer.status == 422
    assert over.get(shown.goes_to.partition("=")[2], whole=True).status == 200  # refused is not sent


def test_every_field_that_hides_what_is_typed_counts_as_secret() -> None:
    templates = Path(unsent_forms.__file__).with_name("templates")
    found = [
        (path.name, name)
        for path in templates.glob("*.html")
        for name in re.findall(r'ui\.field\("(\w+)"[^\n]*type="password"', path.read_text("utf-8"))
    ]
    assert len(found) > 6
    assert [one for one in found if not unsent_forms.is_secret(one[1], {"password"})] == []


def test_the_gate_asks_for_the_role_again(acme: Caller, over: Console) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    said = {"was:first_name": "Ada", "first_name": "Augusta", "was:title": "Countess", "title": "", "phone": ""}
    said |= {"was:last_name": "Lovelace", "last_name": "Lovelace"}
    shown = send(over, said | {"tags": ["x", "y\r\nz"]}, "/contacts/1/edit")
    question = over.follow(signs_in(over, shown.goes_to))
    told = [
        (name.text, value.text) for name, value in zip(question.main.all("dt"), question.main.all("dd"), strict=True)
    ]
    assert told == [
        ("Page", f"A contact, {acme.org.name}"),
        ("First name", "Augusta instead of Ada"),
        ("Job title", "(emptied) instead of Countess"),
        ("Tags", "x"),
        ("Tags", "y z"),
    ]
    assert [one["value"].splitlines() for one in question.main.all("input", name="tags")] == [["x"], ["y", "z"]]
    let_in(acme, Role.ADMIN, "other@acme.example")
    with writing(acme.parts.engine) as db:
        users.set_role(db, over.user.id, acme.org.id, Role.VIEWER)
    assert again(over.client, question).status == 403


def test_it_is_bounded_in_number_and_size_and_gone_after_an_hour(acme: Caller, over: Console, clock: Clock) -> None:
    shown = [send(over, {"name": f"N{number}"}) for number in range(unsent.MOST + 1)]
    assert len(kept(acme)) == unsent.MOST
    too_large = send(over, {"name": "x" * (unsent.MOST_CHARACTERS - 20)})
    assert (too_large.status, "too large" in too_large.text) == (413, True)
    clock.pass_by(minutes=59)
    page = over.follow(signs_in(over, shown[-1].goes_to))
    assert page.status == 200
    clock.pass_by(minutes=1)
    assert over.get(shown[-1].goes_to.partition("=")[2], whole=True).status == 404
    let_in(acme, Role.VIEWER)
    send(over, {"name": "N"})
    assert len(kept(acme)) == 1


def test_what_is_not_wanted_any_more_is_thrown_away(acme: Caller, over: Console) -> None:
    question = over.follow(signs_in(over, send(over).goes_to))
    form = question.main.all("form")[1]
    answer = over.client.post(form["action"], data={"csrf": form.one("input")["value"]}, headers=HERE)
    assert answer.headers["Location"] == "/account"
    assert kept(acme) == []


def test_a_button_leads_back_to_its_page_and_keeps_nothing(acme: Caller, over: Console) -> None:
    assert send(over, {}, "/account/sign-out-elsewhere").goes_to == "/sign-in?next=/account"
    assert kept(acme) == []


@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
def test_a_page_before_that_is_no_address_is_none(over: Console, header: str) -> None:
    assert send(over, headers={header: "http://["}).goes_to.startswith("/sign-in?next=/unsent/")
