"""Settings › Salesforce connection: how it stands, two ways to connect, a test, and parting."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.connections import present
from contactsync.store.engine import reading, writing
from contactsync.sync import actions
from tests.console.conftest import Console, person
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock

REFUSED = {"error": "invalid_grant", "error_description": "expired access/refresh token"}


def good(salesforce: Salesforce, **other: str) -> dict[str, str]:
    """What the form for the app's own credentials takes."""
    return {"instance_url": salesforce.running.url, "client_id": "id", "client_secret": "secret"} | other


def row_of(acme: Caller) -> Any:
    with reading(acme.parts.engine) as db:
        return present(db, acme.org.id)


# ── how it stands ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_without_a_connection_is_told_that_nothing_is_lost_and_how_to_connect(
    console: Console, acme: Caller
) -> None:
    acme.deliver("contacts", "contact.created", [person(1), person(2)])
    acme.sync()
    shown = console.get("/settings/connection")
    assert "Not connected 2 records wait for it; nothing is lost." in shown.text
    assert "Callback URL, for the app" in shown.text
    assert [each["action"][-12:] for each in shown.main.all("form")] == ["tion/sign-in", "/credentials"]
    assert "New External Client App" in shown.main.one("details", id="in-salesforce").text
    assert "docs/" not in shown.text, "a path in the repository leads nowhere from here"
    viewer = console.as_role(Role.VIEWER).get("/settings/connection")
    assert "An admin of your org connects Salesforce." in viewer.text
    assert not viewer.main.all("form")


@pytest.mark.parametrize(
    ("place", "badge"),
    [
        ({"instance_url": "https://acme.my.salesforce.com"}, "Production"),
        ({"instance_url": "https://acme--dev.sandbox.my.salesforce.com"}, "Sandbox"),
        ({"instance_url": "https://acme.my.salesforce.com", "login_url": "https://test.salesforce.com"}, "Sandbox"),
        ({"instance_url": "http://127.0.0.1:9"}, "Practice"),
    ],
)
def test_it_says_what_kind_of_salesforce_it_is(
    console: Console, acme: Caller, place: dict[str, str], badge: str
) -> None:
    said = {"client_id": "id", "flow": "client_credentials", **place}
    actions.connect(acme.parts, acme.org.id, "salesforce", said, {"client_secret": "hush-hush"})
    shown = console.get("/settings/connection")
    assert shown.main.one("section", id="state").one("span", class_="chip").text == badge
    assert "Connected" in shown.text
    assert "With the app’s own credentials" in shown.text
    assert "hush-hush" not in shown.html


def test_the_budget_is_shown_with_what_is_left_to_others(console: Console, acme: Caller, at_salesforce: Caller) -> None:
    console.post("/settings/connection/test")
    with writing(acme.parts.engine) as db:
        db.execute(sa.update(t.connection).values(budget_used=1_234, budget_limit=100_000))
    assert "1,234 of 100,000 used by all your tools." in console.get("/settings/connection").text
    assert "stops at 90,000 and leaves 10 % to the others" in console.get("/settings/connection").text


def test_a_pause_and_a_stop_are_told_apart_and_say_what_to_do(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce, clock: Clock
) -> None:
    salesforce.does("faults", do="status", times=1)
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    shown = console.get("/settings/connection")
    assert "Paused, and goes on by itself" in shown.text
    assert "1 record waits; nothing is lost." in shown.text
    clock.pass_by(hours=1)
    salesforce.does("faults", do="expired_token", times=1)
    salesforce.does("faults", do="status", status=400, times=2, match={"path": "oauth2/token"}, body=REFUSED)
    acme.sync()
    shown = console.get("/settings/connection")
    assert "Stopped: somebody has to act" in shown.text
    assert ["open" in way.attributes for way in shown.main.one(id="connect").all("details")] == [False, True], (
        "as it signs in"
    )
    still = console.follow(console.post("/settings/connection/retry"))
    assert "It is not well yet" in still.text
    editor = console.as_role(Role.EDITOR)
    well = editor.follow(editor.post("/settings/connection/retry"))
    assert "All that waited goes by itself now." in well.text
    acme.sync()
    assert len(salesforce.holds("Lead")) == 1
    assert "Nothing is wrong" in console.follow(console.post("/settings/connection/retry")).text


# ── a test ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_test_says_that_all_is_well_or_what_is_wrong(
    console: Console, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    assert "All is well Salesforce answers" in console.post("/settings/connection/test").text
    salesforce.does("faults", do="status", times=20)
    shown = console.post("/settings/connection/test")
    assert shown.status == 200
    assert "All is well" not in shown.text
    assert shown.main.one("section", id="state").one("h2").text == "Connected, but the test found something wrong"


def test_there_is_nothing_to_test_without_a_connection(console: Console) -> None:
    shown = console.post("/settings/connection/test")
    assert (shown.status, "nothing to test" in shown.text) == (409, True)


# ── connecting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_apps_own_credentials_connect_and_what_waited_goes(
    console: Console, acme: Caller, salesforce: Salesforce
) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    shown = console.follow(console.post("/settings/connection/credentials", good(salesforce)))
    assert "Salesforce is connected. All that waited goes by itself now." in shown.text
    acme.sync()
    assert len(salesforce.holds("Lead")) == 1


def test_credentials_that_salesforce_refuses_are_told_at_once(
    console: Console, acme: Caller, salesforce: Salesforce
) -> None:
    shown = console.follow(
        console.post("/settings/connection/credentials", good(salesforce, client_secret="wrong-one"))
    )
    assert "Salesforce does not take them yet" in shown.text
    assert "wrong-one" not in shown.html


def test_my_domain_may_be_copied_from_setup_as_it_stands_there(console: Console, salesforce: Salesforce) -> None:
    sent = good(salesforce, instance_url="acme.my.salesforce.com", client_secret="")
    shown = console.post("/settings/connection/credentials", sent)
    assert shown.main.all("p", id="e-instance_url") == []
    assert shown.main.one("input", id="f-instance_url")["value"] == "https://acme.my.salesforce.com"


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"instance_url": ""}, "instance_url", "write your My Domain"),
        ({"instance_url": "https://evil.example"}, "instance_url", "no Salesforce host"),
        ({"instance_url": "https://login.salesforce.com"}, "instance_url", "sign-in page for everybody"),
        ({"client_id": ""}, "client_id", "Consumer Key"),
        ({"client_secret": ""}, "client_secret", "Consumer Secret"),
        ({"client_id": "3MVG\x1b9"}, "client_id", "signs that cannot be seen"),
        ({"client_id": "3" * 2049}, "client_id", "too long"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_is_kept_but_for_the_secret(
    console: Console, acme: Caller, salesforce: Salesforce, said: dict[str, str], field: str, words: str
) -> None:
    sent = (
        good(salesforce, client_secret="hush-hush", **said) if "client_secret" not in said else good(salesforce, **said)
    )
    shown = console.post("/settings/connection/credentials", sent)
    assert shown.status == 422
    assert words in shown.main.one("p", id=f"e-{field}").text
    assert shown.main.one("input", id="f-instance_url")["value"] == sent["instance_url"]
    assert "hush-hush" not in shown.html
    assert row_of(acme) is None


def test_a_sign_in_leads_to_salesforce_by_a_link_and_nothing_changes_before(
    console: Console, acme: Caller, salesforce: Salesforce
) -> None:
    sent = {"where": "own", "my_domain": salesforce.running.url, "app_key": "id", "app_secret": "secret"}
    shown = console.post("/settings/connection/sign-in", sent)
    [link] = [each["href"] for each in shown.main.all("a", class_="btn-primary")]
    assert link.startswith(f"{salesforce.running.url}/services/oauth2/authorize?")
    assert "redirect_uri=http%3A%2F%2Flocalhost%2Fconnect%2Fsalesforce%2Fcallback" in link
    assert "secret" not in link
    assert shown.answer.headers["Cache-Control"] == "no-store"
    assert row_of(acme) is None


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"where": "https://login.salesforce.com"}, "app_key"),
        ({"where": "own", "app_key": "id"}, "my_domain"),
        ({"where": "own", "my_domain": "http://acme.example", "app_key": "id"}, "my_domain"),
        ({"where": "https://evil.example", "app_key": "id"}, "my_domain"),
        ({"where": "https://login.salesforce.com", "app_key": "3MVG\x1b9"}, "app_key"),
    ],
)
def test_a_sign_in_that_cannot_begin_says_why_at_its_field(console: Console, sent: dict[str, str], field: str) -> None:
    shown = console.post("/settings/connection/sign-in", sent)
    assert shown.status == 422
    assert shown.main.one("p", id=f"e-{field}").text


def test_signing_in_again_uses_the_settings_that_are_there(console: Console, acme: Caller) -> None:
    said = {"instance_url": "https://acme.my.salesforce.com", "client_id": "id", "flow": "web_server"}
    actions.connect(acme.parts, acme.org.id, "salesforce", said, {"refresh_token": "hush-hush"})
    assert "Sign in again" in console.get("/settings/connection").text
    shown = console.post("/settings/connection/sign-in", {"again": "1"})
    [link] = [each["href"] for each in shown.main.all("a", class_="btn-primary")]
    assert link.startswith("https://acme.my.salesforce.com/services/oauth2/authorize?")


# ── parting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_is_disconnected_and_told_where_it_was(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    shown = console.follow(console.post("/settings/connection/end"))
    assert "Disconnected." in shown.text
    assert f"Your org was connected to {salesforce.running.url} before" in shown.text
    assert shown.main.one("input", id="f-instance_url")["value"] == salesforce.running.url
    assert row_of(acme) is None
    assert "was not connected" in console.follow(console.post("/settings/connection/end")).text
    with reading(acme.parts.engine) as db:
        [entry] = db.execute(sa.select(t.audit_entry).where(t.audit_entry.c.action == "connection.ended")).all()
    assert entry.actor == f"user:{console.user.id}"


def test_only_an_admin_connects_tests_and_parts(console: Console, at_salesforce: Caller) -> None:
    editor = console.as_role(Role.EDITOR)
    for address in ("test", "sign-in", "credentials", "end"):
        assert editor.post(f"/settings/connection/{address}").status == 403, address


def test_a_page_of_a_crm_that_is_no_salesforce_shows_what_there_is(
    console: Console, acme: Caller, tmp_path: Any
) -> None:
    acme.connect_file(tmp_path)
    shown = console.get("/settings/connection")
    assert (shown.status, "jsonl" in shown.text) == (200, True)
