"""The way from nothing to the first synced contact: each step says what is next, and the practice Salesforce is one of here."""

from __future__ import annotations

import pytest

from contactsync.domain.roles import Role
from contactsync.store import connections
from contactsync.store.engine import reading
from tests.console.conftest import Console
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, person


def next_step(console: Console) -> str:
    (found,) = console.get("/first-run").page.all("li", class_="is-next") or [None]
    return "" if found is None else found["id"].removeprefix("step-")


def practice(salesforce: Salesforce) -> dict[str, str]:
    return {"instance_url": salesforce.running.url, "client_id": "id", "client_secret": "secret"}


def connection_of(acme: Caller) -> object:
    with reading(acme.parts.engine) as db:
        return connections.present(db, acme.org.id)


def test_the_way_leads_from_nothing_to_a_synced_contact(console: Console, acme: Caller, salesforce: Salesforce) -> None:
    assert next_step(console) == "connect"
    after = console.follow(console.post("/first-run/practice", practice(salesforce)))
    assert "Connected to the practice Salesforce" in after.text
    assert next_step(console) == "endpoint"
    made = console.post("/settings/endpoints/secrets", {"back": "first_run"})
    assert any(link.text == "I have copied it" and link["href"].endswith("/first-run") for link in made.main.all("a"))
    assert next_step(console) == "test"
    after = console.follow(console.post("/settings/endpoints/test", {"back": "first_run"}))
    assert "answered 202" in after.text
    acme.sync()
    shown = console.get("/first-run")
    assert shown.page.one("h1").text == "You are all set"
    assert "It is a Lead in Salesforce" in shown.page.one(id="sample").text


def test_a_practice_salesforce_that_does_not_answer_leaves_the_org_unconnected(console: Console, acme: Caller) -> None:
    said = {"instance_url": "http://127.0.0.1:9", "client_id": "mine", "client_secret": "x"}
    shown = console.post("/first-run/practice", said)
    assert shown.status == 422
    assert "Is the command beside this running" in shown.text
    assert shown.page.one("input", name="client_id")["value"] == "mine"
    assert connection_of(acme) is None


@pytest.mark.parametrize(
    "address",
    ["https://acme.my.salesforce.com", "http://10.0.0.8:9000", "http://[", "ftp://127.0.0.1", "127.0.0.1:9000", ""],
)
def test_a_practice_salesforce_is_on_this_machine_or_nowhere(console: Console, acme: Caller, address: str) -> None:
    shown = console.post("/first-run/practice", {"instance_url": address, "client_id": "x", "client_secret": "x"})
    assert shown.status == 422
    assert connection_of(acme) is None


def test_a_connected_org_is_not_led_to_a_practice_salesforce(at_salesforce: Caller, console: Console) -> None:
    before = connection_of(at_salesforce)
    said = {"instance_url": "http://127.0.0.1:9", "client_id": "x", "client_secret": "x"}
    assert "connected already" in console.follow(console.post("/first-run/practice", said)).text
    assert connection_of(at_salesforce) == before


def test_where_contacts_have_arrived_no_test_is_missed(at_salesforce: Caller, console: Console) -> None:
    at_salesforce.deliver("contacts", "contact.created", [person(1)])
    at_salesforce.sync()
    shown = console.get("/first-run")
    assert "1 contact is in Salesforce." in shown.text
    assert "No test was sent yet" not in shown.text


def test_from_another_machine_no_practice_salesforce_is_offered_or_taken(console: Console, acme: Caller) -> None:
    elsewhere = {"base_url": "https://sync.example.com"}
    console.client.set_cookie(
        "__Host-contactsync", console.client.get_cookie("contactsync").value, domain="sync.example.com"
    )
    shown = console.client.get("/o/acme/first-run", **elsewhere)
    assert shown.status_code == 200
    assert "practice" not in shown.text
    said = {"csrf": console.csrf, "instance_url": "http://127.0.0.1:9", "client_id": "x", "client_secret": "x"}
    assert console.client.post("/o/acme/first-run/practice", data=said, **elsewhere).status_code == 422
    assert connection_of(acme) is None


def test_only_admins_connect_and_everybody_sees_the_steps(console: Console, salesforce: Salesforce) -> None:
    editor = console.as_role(Role.EDITOR)
    assert editor.get("/first-run").status == 200
    assert editor.post("/first-run/practice", practice(salesforce)).status == 403


def test_who_says_in_a_header_to_be_on_this_machine_is_not(console: Console) -> None:
    stranger = {"base_url": "http://localhost", "environ_overrides": {"REMOTE_ADDR": "203.0.113.9"}}
    said = {"csrf": console.csrf, "instance_url": "http://127.0.0.1:1", "client_id": "x", "client_secret": "y"}
    answer = console.client.post("/o/acme/first-run/practice", data=said, **stranger)
    assert "runs on the machine of contactsync itself" in answer.text
