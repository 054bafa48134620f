"""What all pages of the console share: the gate, the frame, the headers, pages for what went wrong."""

from __future__ import annotations

import pytest

from contactsync.domain.roles import Role
from contactsync.store import users
from contactsync.store.engine import writing
from contactsync.store.orgs import add_org
from tests.console.conftest import Console, Shown


def test_a_page_says_where_one_is_and_who_one_is(console: Console) -> None:
    shown = console.get("")
    assert shown.status == 200
    assert "Overview" in shown.page.one("head").one("title").text
    assert [link.text for link in shown.page.one("aside").all("a", aria_current="page")] == ["Overview"]
    assert "Admin Person" in shown.page.one("aside").text


def test_who_is_not_signed_in_is_asked_to_and_comes_back(acme) -> None:
    client = acme.app.test_client()
    asked = Shown(client.get("/o/acme?x=1"))
    assert asked.goes_to == "/sign-in?next=/o/acme?x%3D1"
    assert Shown(client.get(asked.goes_to)).main.one("input", name="next")["value"] == "/o/acme?x=1"


def test_a_part_that_follows_by_itself_is_told_to_reload_when_nobody_is_signed_in_any_more(acme) -> None:
    answer = acme.app.test_client().get("/o/acme", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"], answer.data) == (401, "true", b"")


def test_an_org_that_is_not_mine_is_not_there_just_as_one_that_does_not_exist(console: Console, other) -> None:
    theirs, nobodys = console.get("/o/other", whole=True), console.get("/o/nobody", whole=True)
    assert theirs.status == nobodys.status == 404
    assert theirs.text == nobodys.text


def test_nothing_is_loaded_or_run_but_what_comes_along(console: Console) -> None:
    shown = console.get("")
    policy = shown.answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert shown.answer.headers["Cache-Control"] == "no-store"
    assert not [tag for tag in shown.page.below() if "style" in tag.attributes or tag.name == "style"]
    assert all(tag["src"].startswith("/assets/") and not tag.text for tag in shown.page.all("script"))
    assert not [name for tag in shown.page.below() for name in tag.attributes if name.startswith("on")]


def test_files_may_be_kept_for_ever_under_the_address_that_says_their_content(console: Console) -> None:
    script = console.get("").page.all("script")[0]["src"]
    assert "immutable" in console.get(script, whole=True).answer.headers["Cache-Control"]
    assert console.get("/assets/old/htmx.min.js", whole=True).answer.headers["Cache-Control"] == "no-cache"
    assert console.get("/assets/x/no.js", whole=True).status == 404
    assert console.get("/assets/x/..%2fdoors.py", whole=True).status == 404


def test_what_is_not_there_is_said_in_a_page_and_to_programs_in_json(console: Console) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    shown = console.get("/o/acme/nothing/here", whole=True, headers=browser)
    assert (shown.status, shown.main.one("h1").text) == (404, "There is nothing here")
    program = console.client.get("/api/v1/nothing", headers=browser)
    assert program.json["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, {"csrf": "x"}),
        ({}, {"csrf": ""}),
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Origin": "https://evil.example"}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": "http://["}, {}),
    ],
)
def test_a_form_from_elsewhere_does_nothing(console: Console, headers, fields) -> None:
    assert console.post("/sign-out", fields, whole=True, headers=headers).status == 400
    assert console.get("").status == 200


def test_signing_out_ends_the_session(console: Console) -> None:
    assert console.post("/sign-out", whole=True).goes_to == "/sign-in"
    assert console.get("").goes_to.startswith("/sign-in")


def test_a_user_of_one_org_goes_straight_there_and_one_of_two_may_choose(console: Console) -> None:
    assert console.get("/start", whole=True).goes_to == "/o/acme"
    with writing(console.acme.parts.engine) as db:
        second = add_org(db, "second", "Second", console.acme.parts.now())
        users.set_role(db, console.user.id, second.id, Role.VIEWER)
    assert console.get("/start", whole=True).goes_to == "/orgs"
    assert "Second" in console.get("/orgs", whole=True).text
