"""The connection in the API: how it stands, a sign-in to begin, a check; never a secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import tables as t
from contactsync.store.connections import present
from contactsync.store.engine import reading, writing
from contactsync.store.ledger import pause_connection
from contactsync.sync import actions
from contactsync.web.app import create_app
from tests.web.conftest import START, Caller, Clock, person


@pytest.fixture
def salesforce() -> Iterator[RunningStandin]:
    with serve(options=Options(client_id="id", client_secret="hush-hush")) as standin:
        yield standin


@pytest.fixture
def connected(acme: Caller, salesforce: RunningStandin) -> Caller:
    settings = {"instance_url": salesforce.url, "client_id": "id", "flow": "client_credentials"}
    actions.connect(acme.parts, acme.org.id, "salesforce", settings, {"client_secret": "hush-hush"})
    return acme


@pytest.fixture
def reachable(acme: Caller) -> Caller:
    """With the address at which browsers find it."""
    settings = replace(acme.parts.settings, base_url="https://contactsync.example.com")
    return replace(acme, app=create_app(replace(acme.parts, settings=settings)))


def test_an_org_without_a_crm_is_not_connected(acme: Caller) -> None:
    shown = acme.get("/connection")
    assert shown["state"] == "not_connected"
    assert shown["budget"] == {"used": None, "limit": None}
    assert acme.ask("POST", "/connection/check").status_code == 409


def test_a_connection_is_shown_without_its_secrets(connected: Caller, salesforce: RunningStandin) -> None:
    connected.deliver("contacts", "contact.created", person(1))
    connected.sync()
    answer = connected.ask("GET", "/connection")
    shown = answer.json
    assert (shown["state"], shown["target"], shown["flow"]) == ("ready", "salesforce", "client_credentials")
    assert shown["instance_url"] == salesforce.url
    assert shown["budget"]["used"] == 2
    assert shown["budget"]["limit"] == 100_000
    assert "hush" not in answer.get_data(as_text=True)


def test_a_stopped_connection_says_who_must_do_what(connected: Caller, salesforce: RunningStandin) -> None:
    requests.post(f"{salesforce.url}/_standin/options", json={"client_secret": "changed"}, timeout=10)
    connected.deliver("contacts", "contact.created", person(1))
    connected.sync()
    shown = connected.get("/connection")
    assert shown["state"] == "stopped"
    assert shown["problem"]["code"] == "invalid_client"
    assert shown["problem"]["who"] == "Salesforce admin"


def test_a_pause_says_until_when(connected: Caller) -> None:
    with writing(connected.parts.engine) as db:
        row = present(db, connected.org.id)
        assert row is not None
        pause_connection(db, row, failures=1, until=START + timedelta(minutes=5), problem=None)
    shown = connected.get("/connection")
    assert shown["state"] == "paused"
    assert shown["paused_until"] == "2026-11-24T09:05:00.000000Z"


def test_a_crm_that_is_away_is_said_by_every_door_until_it_is_back(
    connected: Caller, salesforce: RunningStandin, clock: Clock
) -> None:
    requests.post(f"{salesforce.url}/_standin/faults", json={"do": "html", "times": 50}, timeout=10)
    connected.deliver("contacts", "contact.created", person(1))
    connected.sync()
    crm, tie = connected.get("/status")["crm"], connected.get("/connection")
    assert (crm["state"], tie["state"]) == ("paused", "paused")
    assert crm["paused_until"]
    assert crm["problem"]["code"] == tie["problem"]["code"]
    assert crm["problem"]["cause"] == tie["problem"]["cause"] != ""
    (said,) = connected.get("/problems")["items"]
    assert (said["id"], said["code"], said["comes_back"]) == (crm["problem"]["id"], crm["problem"]["code"], True)
    assert (said["stops_org"], said["counts"]["contact"]) == (True, 1)
    clock.pass_by(minutes=30)
    assert connected.get("/status")["crm"]["problem"] is None
    assert connected.get("/connection")["problem"] is None
    assert [one["stops_org"] for one in connected.get("/problems")["items"]] == [False]
    requests.delete(f"{salesforce.url}/_standin/faults", timeout=10)
    connected.sync()
    assert connected.get("/problems")["items"] == []
    assert connected.get("/contacts/c-1")["sync"]["status"] == "synced"


def test_waits_grow_while_a_crm_stays_away(connected: Caller, salesforce: RunningStandin, clock: Clock) -> None:
    requests.post(f"{salesforce.url}/_standin/faults", json={"do": "html", "times": 500}, timeout=10)
    connected.deliver("contacts", "contact.created", person(1))
    failures = []
    for _ in range(3):
        connected.sync()
        with reading(connected.parts.engine) as db:
            row = present(db, connected.org.id)
        assert row is not None
        failures.append(row.failures)
        clock.pass_by(hours=2)
    assert failures == [1, 2, 3]


def test_a_check_asks_the_crm_now(connected: Caller, salesforce: RunningStandin) -> None:
    assert connected.ask("POST", "/connection/check").json["ok"] is True
    requests.post(f"{salesforce.url}/_standin/options", json={"hidden_objects": ["Campaign"]}, timeout=10)
    answer = connected.ask("POST", "/connection/check")
    assert answer.status_code == 200
    assert answer.json["ok"] is False
    assert answer.json["problems"]
    assert "hush" not in answer.get_data(as_text=True)


def test_a_check_of_a_crm_that_refuses_the_sign_in_is_an_answer_and_no_error(
    connected: Caller, salesforce: RunningStandin
) -> None:
    requests.post(f"{salesforce.url}/_standin/options", json={"client_secret": "changed"}, timeout=10)
    answer = connected.ask("POST", "/connection/check")
    assert answer.status_code == 200
    assert [problem["code"] for problem in answer.json["problems"]] == ["invalid_client"]


def test_a_sign_in_that_is_begun_ends_in_ten_minutes(reachable: Caller) -> None:
    answer = reachable.ask("POST", "/connection/sign-in", {"settings": {"client_id": "id"}})
    assert answer.status_code == 200
    assert answer.json["url"].startswith("https://login.salesforce.com/services/oauth2/authorize?")
    assert answer.json["expires_at"] == "2026-11-24T09:10:00.000000Z"
    assert set(answer.json) == {"url", "expires_at"}


def test_a_secret_that_is_sent_along_is_kept_sealed(reachable: Caller) -> None:
    body = {"settings": {"client_id": "id"}, "credentials": {"client_secret": "hush-hush"}}
    answer = reachable.ask("POST", "/connection/sign-in", body)
    assert "hush" not in answer.get_data(as_text=True)
    with reading(reachable.parts.engine) as db:
        assert "hush" not in str(db.execute(sa.select(t.authorization)).all())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"settings": {}}, "client_id"),
        ({"settings": {"client_id": "id", "login_url": "https://evil.example"}}, "login_url"),
        ({"settings": {"client_id": "id", "client_secret": "x"}}, "client_secret"),
        ({"settings": {"client_id": 5}}, "settings.client_id.value"),
        ({"settings": "id"}, "settings"),
        ({"target": "nonesuch"}, "target"),
        ({"target": "jsonl"}, "target"),
        ({"redirect_uri": "https://evil.example"}, "redirect_uri"),
        ({"settings": {"client_id": "x" * 3000}}, "settings.client_id.value"),
    ],
)
def test_what_cannot_be_signed_in_at_is_named(reachable: Caller, body: object, field: str) -> None:
    answer = reachable.ask("POST", "/connection/sign-in", body)
    assert answer.status_code == 422
    assert list(answer.json["error"]["fields"]) == [field]


def test_one_org_neither_sees_nor_uses_anothers_connection(connected: Caller, other: Caller) -> None:
    assert other.get("/connection")["state"] == "not_connected"
    settings = replace(other.parts.settings, base_url="https://contactsync.example.com")
    theirs = replace(other, app=create_app(replace(other.parts, settings=settings)))
    assert theirs.ask("POST", "/connection/sign-in", {}).status_code == 422  # no settings of its own to use again


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/connection"), ("POST", "/connection/sign-in"), ("POST", "/connection/check")]
)
def test_without_a_token_nothing_is_told_or_begun(acme: Caller, method: str, path: str) -> None:
    answer = acme.ask(method, path, headers={"Authorization": "Bearer cst_wrong"})
    assert answer.status_code == 401


def test_deleting_the_connection_parts_the_org_and_what_comes_in_waits(acme: Caller, tmp_path: Path) -> None:
    acme.connect_file(tmp_path)
    answer = acme.ask("DELETE", "/connection")
    assert (answer.status_code, answer.json["state"]) == (200, "not_connected")
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    shown = acme.get("/contacts/c-1")["sync"]
    assert (shown["status"], shown["problem"]["code"]) == ("queued", "not_connected")
    assert acme.ask("DELETE", "/connection").json["state"] == "not_connected"
