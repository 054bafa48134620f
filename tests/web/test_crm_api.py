"""What the API asks of the CRM: pickers, previews and fields, against the stand-in for Salesforce over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from contactsync.standin import Options, RunningStandin, serve
from contactsync.store.vault import Vault
from contactsync.sync import actions
from contactsync.sync.targets import Targets
from contactsync.web.app import create_app
from tests.web.conftest import Caller, person

SEED = {
    "Account": [{"Name": "Globex"}, {"Name": "Globex Norge"}, {"Name": "Initech"}],
    "Campaign": [{"Name": "Expo Zürich"}, {"Name": "Expo Oslo"}],
}


@pytest.fixture
def standin() -> Iterator[RunningStandin]:
    with serve(options=Options(client_id="id", client_secret="secret", seed=SEED)) as running:
        yield running


@pytest.fixture
def connected(acme: Caller, standin: RunningStandin) -> Caller:
    """An org whose CRM is the stand-in."""
    connect(acme, standin, "secret")
    return acme


def connect(caller: Caller, standin: RunningStandin, secret: str) -> None:
    settings = {"instance_url": standin.url, "client_id": "id", "flow": "client_credentials"}
    actions.connect(caller.parts, caller.org.id, "salesforce", settings, {"client_secret": secret})


def calls(standin: RunningStandin) -> list[dict[str, Any]]:
    """Every call the stand-in got."""
    answer = requests.get(f"{standin.url}/_standin/calls", timeout=10).json()
    return list(answer["calls"])


def holdings(standin: RunningStandin) -> Any:
    """All that the stand-in holds."""
    return {
        kind: requests.get(f"{standin.url}/_standin/records", params={"object": kind}, timeout=10).json()
        for kind in ("Lead", "Contact", "Account", "CampaignMember")
    }


def test_accounts_and_campaigns_are_found_by_a_part_of_their_name(connected: Caller) -> None:
    assert sorted(item["label"] for item in connected.get("/accounts?q=globex")["items"]) == ["Globex", "Globex Norge"]
    [campaign] = connected.get("/campaigns?q=Z%C3%BCrich")["items"]
    assert campaign["label"] == "Expo Zürich"
    assert campaign["id"].startswith("701")
    assert connected.get("/accounts?q=nobody")["items"] == []


@pytest.mark.parametrize("words", ["'", "%25", "_", "\\", "')) OR (Name != '", "\n", "🎪", "a" * 255])
def test_no_words_break_out_of_the_search(connected: Caller, words: str) -> None:
    answer = connected.ask("GET", "/accounts", query_string={"q": words})
    assert answer.status_code in (200, 422)
    assert answer.json.get("items", []) == []


def test_a_search_needs_words(connected: Caller) -> None:
    for query in ("", "?q=", "?q=%20", f"?q={'a' * 256}"):
        answer = connected.ask("GET", f"/accounts{query}")
        assert answer.status_code == 422
        assert list(answer.json["error"]["fields"]) == ["q"]


def test_searching_without_a_connection_says_how_to_connect(acme: Caller) -> None:
    answer = acme.ask("GET", "/accounts?q=globex")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "not_connected")
    assert "contactsync connect acme" in answer.json["error"]["message"]


def test_searches_count_as_calls_to_the_crm(connected: Caller) -> None:
    before = connected.get("/status")["crm"]["calls"]
    connected.get("/accounts?q=globex")
    assert connected.get("/status")["crm"]["calls"] > before


def test_a_wrong_secret_is_told_with_its_fix_and_never_shown(acme: Caller, standin: RunningStandin) -> None:
    connect(acme, standin, "not-the-secret")
    answer = acme.ask("GET", "/accounts?q=globex")
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "crm_refused")
    assert "not-the-secret" not in answer.get_data(as_text=True)


def test_a_crm_that_is_away_is_told_as_for_later(connected: Caller, standin: RunningStandin) -> None:
    standin.stop()
    answer = connected.ask("GET", "/accounts?q=globex")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "crm_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_preview_reads_the_crm_and_writes_nothing(connected: Caller, standin: RunningStandin) -> None:
    contact = person(1, sync_as="contact", company={"name": "Globex"}, title="Countess")
    connected.deliver("contacts", "contact.created", contact)
    connected.absorb()
    held, shown = holdings(standin), connected.get("/contacts/c-1")
    before = len(calls(standin))
    preview = connected.ask("POST", "/contacts/c-1/preview")
    assert preview.status_code == 200
    steps = {step["object"]: step for step in preview.json["steps"]}
    assert (steps["Contact"]["action"], steps["Contact"]["crm_id"]) == ("create", None)
    assert steps["Contact"]["fields"]["Title"] == {"old": None, "new": "Countess"}
    assert steps["Account"]["action"] == "leave"
    assert steps["Account"]["crm_id"].startswith("001")
    assert steps["Contact"]["why"]
    assert holdings(standin) == held
    assert connected.get("/contacts/c-1") == shown
    made = calls(standin)[before:]
    assert 0 < len(made) <= 2  # one look-up, and a token before it
    asked = [part["method"] for call in made if call["kind"] == "api" for part in call["subrequests"] or [call]]
    assert set(asked) == {"GET"}


def test_what_the_preview_said_is_what_the_sync_then_does(connected: Caller, standin: RunningStandin) -> None:
    connected.deliver("contacts", "contact.created", person(1, title="Analyst"))
    connected.sync()
    connected.deliver("contacts", "contact.updated", {"id": "c-1", "title": "Countess"})
    connected.absorb()
    promised = connected.ask("POST", "/contacts/c-1/preview").json["steps"]
    connected.sync()
    done = connected.get("/contacts/c-1/runs?limit=1")["items"][0]["steps"]
    assert [(step["action"], step["object"], step["fields"]) for step in promised] == [
        (step["action"], step["object"], step["fields"]) for step in done
    ]
    assert {"Title": {"old": "Analyst", "new": "Countess"}} in [step["fields"] for step in done]


def test_a_mapping_is_held_against_the_crms_own_fields(connected: Caller) -> None:
    lead = connected.get("/mapping")["lead"]
    answer = connected.ask("PUT", "/mapping/lead", lead)
    assert (answer.status_code, answer.json["checked"]) == (200, "fields")
    wrong = [*lead["rules"], {"source": "custom.vip", "target": "No_Such__c"}]
    wrong.append({"source": "custom.when", "target": "CreatedDate"})
    answer = connected.ask("PUT", "/mapping/lead", {"rules": wrong})
    assert answer.status_code == 422
    first = len(lead["rules"])
    assert list(answer.json["error"]["fields"]) == [f"rules.{first}.target", f"rules.{first + 1}.target"]


def test_after_the_org_left_a_crm_its_records_there_are_shown_no_more(connected: Caller) -> None:
    connected.deliver("contacts", "contact.created", person(1, sync_as="contact"))
    connected.sync()
    before = connected.get("/contacts/c-1")
    assert (before["sync"]["crm_object"], before["company"]["linked"]) == ("Contact", True)
    calls_before = connected.get("/status")["crm"]["calls"]
    with serve(options=Options(client_id="id", client_secret="secret")) as elsewhere:
        connect(connected, elsewhere, "secret")
        after = connected.get("/contacts/c-1")
        assert (after["sync"]["crm_object"], after["sync"]["crm_id"], after["sync"]["crm_url"]) == (None, None, None)
        assert (after["company"]["linked"], after["company"]["account_id"]) == (False, None)
        assert connected.get("/companies")["items"] == [after["company"]]
        assert connected.get("/status")["crm"]["calls"] == 0 < calls_before
        connected.ask("POST", "/contacts/c-1/sync")
        connected.sync()
        assert elsewhere.url in connected.get("/contacts/c-1")["sync"]["crm_url"]


def test_lists_go_on_when_the_key_of_the_credentials_is_gone(connected: Caller) -> None:
    """Only the links are missing, and what needs the CRM itself says that the operator must act."""
    connected.deliver("contacts", "contact.created", person(1))
    connected.sync()
    assert connected.get("/contacts")["items"][0]["sync"]["crm_url"]
    parts = connected.parts
    vault = Vault(("another key altogether",))
    without_key = replace(parts, vault=vault, targets=Targets(parts.engine, vault, parts.plugins))
    caller = replace(connected, app=create_app(without_key))
    [contact] = caller.get("/contacts")["items"]
    assert (contact["sync"]["status"], contact["sync"]["crm_url"]) == ("synced", None)
    assert contact["sync"]["crm_id"]
    answer = caller.ask("GET", "/accounts?q=globex")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "misconfigured")
