"""Many contacts at once: previews that write nothing, and resyncs that go through the queue."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock, HandBell, person


@pytest.fixture
def synced(at_salesforce: Caller) -> Caller:
    """Four contacts in Salesforce, two of them at an event."""
    at_salesforce.deliver("events", "event.created", {"id": "ev-9", "name": "Expo"})
    for number in (1, 2, 3, 4):
        events = [{"id": "ev-9", "status": "registered"}] if number <= 2 else []
        at_salesforce.deliver("contacts", "contact.created", person(number, title="Countess", events=events))
    at_salesforce.sync()
    assert at_salesforce.get("/status")["contacts"]["synced"] == 4
    return at_salesforce


def ask(caller: Caller, path: str, **said: Any) -> Any:
    answer = caller.ask("POST", path, said)
    assert answer.status_code in (200, 202), answer.get_data(as_text=True)
    return answer.json


@pytest.mark.parametrize("path", ["/preview", "/resync"])
@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"since": "9999-12-31T23:59:59-23:00"}, "since"),
        ({"until": "0001-01-01T00:00:00+23:00"}, "until"),
        ({"since": "2026-11-24"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"all": "yes"}, "all"),
        ({"all": 1}, "all"),
    ],
)
def test_what_is_no_time_or_no_truth_is_refused_with_what_to_send(
    acme: Caller, path: str, said: dict[str, Any], field: str
) -> None:
    answer = acme.ask("POST", path, said)
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert set(answer.json["error"]["fields"]) == {field}
    assert answer.json["error"]["fields"][field].startswith("Send ")


def test_an_undo_takes_nothing_for_a_dry_run_that_is_neither_true_nor_false(acme: Caller) -> None:
    for wrong in ("no", "yes", 0, 1, None):
        answer = acme.ask("POST", "/runs/run_1/undo", {"dry_run": wrong})
        assert answer.status_code == 422, wrong


# ── preview ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_preview_of_a_filter_shows_each_contact_and_counts_and_writes_nothing(
    synced: Caller, salesforce: Salesforce
) -> None:
    rules = [rule for rule in synced.get("/mapping")["lead"]["rules"] if rule["source"] != "title"]
    rules.append({"source": "title", "target": "Salutation"})
    synced.ask("PUT", "/mapping/lead", {"rules": rules})
    before = salesforce.holds("Lead")
    shown = ask(synced, "/preview", event="ev-9")
    assert [contact["id"] for contact in shown["contacts"]] == ["c-1", "c-2"]
    (step,) = shown["contacts"][0]["steps"]
    assert step["fields"]["Salutation"] == {"old": None, "new": "Countess"}
    assert shown["totals"] == {"Lead": {"update": 2}}
    assert salesforce.holds("Lead") == before
    assert synced.get("/status")["contacts"]["synced"] == 4


def test_a_preview_takes_no_more_than_its_limit(synced: Caller) -> None:
    assert len(ask(synced, "/preview", all=True, limit=3)["contacts"]) == 3
    for wrong in (0, 201, "3", None):
        assert synced.ask("POST", "/preview", {"all": True, "limit": wrong}).status_code == 422


def test_a_contact_that_is_not_ready_says_why_in_the_preview_of_many(synced: Caller) -> None:
    synced.deliver("contacts", "contact.created", {"id": "c-9", "first_name": "Ada"})
    synced.absorb()
    shown = ask(synced, "/preview", contacts=["c-9", "c-1"])
    by_id = {contact["id"]: contact for contact in shown["contacts"]}
    assert by_id["c-9"]["problem"]["code"] == "incomplete"
    assert by_id["c-9"]["steps"] == []
    assert by_id["c-1"]["problem"] is None


# ── resync ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resync_goes_through_the_queue_and_says_how_far_it_is(synced: Caller, bell: HandBell) -> None:
    bell.rung.clear()
    started = ask(synced, "/resync", event="ev-9")
    assert (started["state"], started["total"], started["done"], started["percent"]) == ("running", 2, 0, 0)
    assert started["progress_url"] == f"/api/v1/resyncs/{started['id']}"
    assert bell.rung == [synced.org.id]
    runs = len(synced.every_page("/runs", 50))
    synced.sync()
    ended = synced.get(f"/resyncs/{started['id']}")
    assert (ended["state"], ended["total"], ended["done"], ended["percent"]) == ("finished", 2, 2, 100)
    assert ended["ended_at"]
    assert len(synced.every_page("/runs", 50)) >= runs + 2
    assert len(synced.every_page("/contacts/c-3/runs", 50)) == 1


def test_only_changed_asks_nothing_of_the_crm_while_nothing_changed(synced: Caller) -> None:
    before = synced.get("/status")["crm"]["calls"]
    started = ask(synced, "/resync", all=True, forced=False)
    synced.sync()
    assert synced.get(f"/resyncs/{started['id']}")["state"] == "finished"
    assert synced.get("/status")["crm"]["calls"] == before


def test_a_changed_mapping_reaches_synced_contacts_by_a_resync_of_what_changed(
    synced: Caller, salesforce: Salesforce
) -> None:
    rules = synced.get("/mapping")["lead"]["rules"]
    rules.append({"source": "last_name", "target": "Fax"})
    synced.ask("PUT", "/mapping/lead", {"rules": rules})
    ask(synced, "/resync", all=True, forced=False)
    synced.sync()
    assert sorted(lead["Fax"] for lead in salesforce.holds("Lead")) == [f"Lovelace {number}" for number in range(1, 5)]


def test_a_cancelled_resync_stays_cancelled_and_what_waited_does_not_go(synced: Caller) -> None:
    started = ask(synced, "/resync", all=True)
    answer = synced.ask("DELETE", f"/resyncs/{started['id']}")
    assert (answer.status_code, answer.json["state"]) == (200, "cancelled")
    synced.sync()
    assert synced.get(f"/resyncs/{started['id']}")["done"] == 0
    assert synced.ask("DELETE", f"/resyncs/{started['id']}").json["state"] == "cancelled"


def test_resyncs_are_listed_newest_first_with_their_filters(synced: Caller, clock: Clock) -> None:
    first = ask(synced, "/resync", contacts=["c-1", "c-2"], forced=False)
    since = clock.at.isoformat()
    second = ask(synced, "/resync", since=since, status="synced")
    listed = synced.every_page("/resyncs", 1)
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert listed[1]["filter"] == {"contacts": ["c-1", "c-2"]}
    assert listed[0]["filter"]["status"] == "synced"
    assert (listed[0]["forced"], listed[1]["forced"]) == (True, False)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "all"),
    ({"all": False}, "all"),
    ({"all": True, "event": "ev-9"}, "all"),
    ({"status": "lost"}, "status"),
    ({"since": "yesterday"}, "since"),
    ({"since": "2026-11-24T09:00:00"}, "since"),
    ({"since": "2026-11-24T09:00:00Z", "until": "2026-11-23T09:00:00Z"}, "until"),
    ({"contacts": []}, "contacts"),
    ({"contacts": [7]}, "contacts.0"),
    ({"contacts": ["c-1"], "forced": "maybe"}, "forced"),
    ({"everybody": True}, "everybody"),
]


@pytest.mark.parametrize(("body", "path"), WRONG)
def test_a_filter_that_says_nothing_or_nonsense_is_refused_by_its_path(
    at_salesforce: Caller, body: dict[str, Any], path: str
) -> None:
    answer = at_salesforce.ask("POST", "/resync", body)
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert list(answer.json["error"]["fields"]) == [path]
    assert at_salesforce.get("/resyncs")["items"] == []


def test_without_a_crm_a_preview_says_how_to_connect(acme: Caller) -> None:
    answer = acme.ask("POST", "/preview", {"all": True})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "not_ready")
    assert "contactsync connect" in answer.json["error"]["message"]


def test_an_id_that_no_resync_has_is_not_found(synced: Caller, other: Caller) -> None:
    started = ask(synced, "/resync", all=True)
    for caller, name in ((synced, "rsy_999"), (synced, "1"), (synced, "rsy_1x"), (other, started["id"])):
        assert caller.ask("GET", f"/resyncs/{name}").status_code == 404
        assert caller.ask("DELETE", f"/resyncs/{name}").status_code == 404
    assert synced.get(f"/resyncs/{started['id']}")["state"] == "running"
