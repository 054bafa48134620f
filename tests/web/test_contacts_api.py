"""Contacts in the API: what is shown of them, how they are found, and what can be done with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import Caller, Clock, HandBell, person

CAMPAIGN = {
    "kind": "Campaign",
    "id": "701",
    "at": "2026-01-01T00:00:00Z",
    "fields": {"Name": "Expo 2026", "statuses": ["Registered", "Attended"]},
}


@pytest.fixture
def connected(acme: Caller, tmp_path: Path) -> Caller:
    """An org whose CRM is a file."""
    (tmp_path / "crm").mkdir()
    acme.connect_file(tmp_path / "crm", CAMPAIGN)
    return acme


def test_a_contact_is_shown_with_its_fields_nested_as_the_webhook_sent_them(acme: Caller) -> None:
    sent = {
        **person(1),
        "title": "Countess",
        "social": {"linkedin": "https://linkedin.example/ada"},
        "address": {"city": "London", "country": "UK"},
        "custom": {"shoe.size": 38, "vip": False},
    }
    acme.deliver("contacts", "contact.created", sent)
    acme.sync()
    shown = acme.get("/contacts/c-1")
    assert shown["first_name"] == "Ada"
    assert shown["title"] == "Countess"
    assert shown["social"]["linkedin"] == "https://linkedin.example/ada"
    assert shown["address"] == {"street": None, "city": "London", "state": None, "postal_code": None, "country": "UK"}
    assert shown["note"] is None
    assert shown["custom"] == {"shoe.size": 38, "vip": False}
    assert shown["company"] == {
        "id": "co-1",
        "key": "id:co-1",
        "name": "Engines 1",
        "domain": "engines1.example",
        "linked": False,
        "account_id": None,
        "account_url": None,
        "merged_into": None,
    }
    assert shown["created_at"] == "2026-11-24T09:00:00.000000Z"
    assert shown["deleted"] is False


def test_an_incomplete_contact_names_what_is_missing(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", {"id": "c-1", "last_name": "Lovelace"})
    acme.sync()
    sync = acme.get("/contacts/c-1")["sync"]
    assert sync["status"] == "incomplete"
    assert sync["missing_fields"] == ["first_name", "email", "company", "sync_as"]
    assert sync["problem"] is None
    assert sync["crm_id"] is None


def test_a_synced_contact_shows_its_record_as_a_link_and_its_linked_company(connected: Caller, clock: Clock) -> None:
    connected.deliver("contacts", "contact.created", person(1))
    clock.pass_by(seconds=5)
    connected.sync()
    shown = connected.get("/contacts/c-1")
    sync = shown["sync"]
    assert sync["status"] == "synced"
    assert (sync["sync_as"], sync["crm_object"]) == ("lead", "Lead")
    assert sync["crm_url"].endswith(f"records.jsonl#{sync['crm_id']}")
    assert sync["last_synced_at"] == "2026-11-24T09:00:05.000000Z"
    assert sync["missing_fields"] == []
    assert sync["why"]


def test_an_account_that_was_made_shows_on_the_contact_and_in_the_companies(connected: Caller) -> None:
    connected.deliver("contacts", "contact.created", person(1, sync_as="contact"))
    connected.sync()
    company = connected.get("/contacts/c-1")["company"]
    assert company["linked"] is True
    assert company["account_url"].endswith(f"#{company['account_id']}")
    assert connected.get("/companies")["items"] == [company]


def test_a_contact_that_waits_for_a_connection_says_so_until_there_is_one(acme: Caller, tmp_path: Path) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    sync = acme.get("/contacts/c-1")["sync"]
    assert (sync["status"], sync["problem"]["code"]) == ("queued", "not_connected")
    acme.connect_file(tmp_path, CAMPAIGN)
    sync = acme.get("/contacts/c-1")["sync"]
    assert (sync["status"], sync["problem"]) == ("queued", None)


def test_a_deleted_contact_is_still_shown_as_excluded_and_cannot_be_synced(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    acme.deliver("contacts", "contact.deleted", {"id": "c-1"})
    acme.sync()
    shown = acme.get("/contacts/c-1")
    assert shown["deleted"] is True
    assert shown["sync"]["status"] == "excluded"
    answer = acme.ask("POST", "/contacts/c-1/sync")
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "not_ready")


def test_contacts_are_listed_newest_first_and_look_as_they_do_alone(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", [person(number) for number in (1, 2, 3)])
    acme.sync()
    listed = acme.get("/contacts")["items"]
    assert [contact["id"] for contact in listed] == ["c-3", "c-2", "c-1"]
    assert listed[0] == acme.get("/contacts/c-3")


def test_contacts_are_filtered_by_sync_status(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", [person(1), {"id": "c-2"}, person(3)])
    acme.sync()
    assert [contact["id"] for contact in acme.get("/contacts?status=incomplete")["items"]] == ["c-2"]
    assert [contact["id"] for contact in acme.get("/contacts?status=queued")["items"]] == ["c-3", "c-1"]
    assert acme.get("/contacts?status=synced")["items"] == []


def test_contacts_are_found_by_email_in_any_case_without_a_url_holding_it(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", [person(1), person(2), person(3, email="ADA1@example.com")])
    acme.sync()
    answer = acme.ask("POST", "/contacts/search", {"email": " Ada1@EXAMPLE.com "})
    assert answer.status_code == 200
    assert [contact["id"] for contact in answer.json["items"]] == ["c-3", "c-1"]
    narrowed = acme.ask("POST", "/contacts/search", {"email": "ada1@example.com", "limit": 1})
    assert [contact["id"] for contact in narrowed.json["items"]] == ["c-3"]
    further = {"email": "ada1@example.com", "limit": 1, "cursor": narrowed.json["next"]}
    assert [contact["id"] for contact in acme.ask("POST", "/contacts/search", further).json["items"]] == ["c-1"]
    assert acme.ask("GET", "/contacts?email=ada1@example.com").status_code == 422


def test_contacts_are_filtered_by_event_whether_known_there_by_id_or_by_address(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", [person(1), person(2), person(3), person(4)])
    roster = [{"id": "c-1", "status": "registered"}, {"email": "ADA2@example.com", "status": "attended"}, {"id": "c-4"}]
    acme.deliver("events", "event.contacts_added", {"event_id": "ev-1", "contacts": roster})
    acme.deliver("events", "event.contacts_removed", {"event_id": "ev-1", "contacts": [{"id": "c-4"}]})
    acme.sync()
    assert [contact["id"] for contact in acme.get("/contacts?event=ev-1")["items"]] == ["c-2", "c-1"]
    assert acme.get("/contacts?event=ev-9")["items"] == []
    assert [contact["id"] for contact in acme.get("/contacts?event=ev-1&status=queued")["items"]] == ["c-2", "c-1"]


def test_the_newer_of_two_attendances_of_one_contact_holds(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    by_id = {"event_id": "ev-1", "contacts": [{"id": "c-1", "status": "registered"}]}
    by_email = {"event_id": "ev-1", "contacts": [{"email": "ada1@example.com", "status": "attended"}]}
    acme.deliver("events", "event.contacts_added", by_id)
    acme.deliver("events", "event.contacts_added", by_email)
    acme.sync()
    event = {"id": "ev-1", "name": None, "status": "attended", "campaign_id": None}
    assert acme.get("/contacts/c-1")["events"] == [event]
    silent = {"event_id": "ev-1", "contacts": [{"id": "c-1"}]}  # says nothing of the status: what was said last stands
    acme.deliver("events", "event.contacts_added", silent)
    acme.sync()
    assert acme.get("/contacts/c-1")["events"] == [event]
    acme.deliver("events", "event.contacts_removed", by_email)
    acme.sync()
    assert acme.get("/contacts/c-1")["events"] == []
    assert acme.get("/contacts?event=ev-1")["items"] == []


def test_sync_now_puts_the_contact_into_the_queue_and_rings(connected: Caller, bell: HandBell) -> None:
    connected.deliver("contacts", "contact.created", person(1))
    connected.sync()
    bell.rung.clear()
    answer = connected.ask("POST", "/contacts/c-1/sync")
    assert answer.status_code == 202
    assert answer.json["sync"]["status"] == "queued"
    assert bell.rung == [connected.org.id]
    connected.sync()
    assert connected.get("/contacts/c-1")["sync"]["status"] == "synced"


def test_runs_of_a_contact_tell_what_was_done_newest_first(connected: Caller) -> None:
    connected.deliver("contacts", "contact.created", [person(1), person(2)])
    connected.sync()
    connected.ask("POST", "/contacts/c-1/sync")
    connected.sync()
    runs = connected.get("/contacts/c-1/runs")["items"]
    assert [run["contact_id"] for run in runs] == ["c-1", "c-1"]
    assert [run["outcome"] for run in runs] == ["synced", "synced"]
    created = next(step for step in runs[-1]["steps"] if step["object"] == "Lead")
    assert created["action"] == "create"
    assert created["fields"]["LastName"] == {"old": None, "new": "Lovelace 1"}
    assert created["crm_id"] == connected.get("/contacts/c-1")["sync"]["crm_id"]
    everybody = connected.get("/runs")["items"]
    assert sorted(run["contact_id"] for run in everybody) == ["c-1", "c-1", "c-2"]


def test_preview_says_what_a_sync_would_do_and_writes_nothing(connected: Caller, tmp_path: Path) -> None:
    file = tmp_path / "crm" / "records.jsonl"
    connected.deliver("contacts", "contact.created", person(1))
    connected.sync()
    connected.deliver("contacts", "contact.updated", {"id": "c-1", "title": "Countess"})
    connected.absorb()
    file_before, runs_before = file.read_text(), connected.get("/runs")
    contact_before = connected.get("/contacts/c-1")
    answer = connected.ask("POST", "/contacts/c-1/preview")
    assert answer.status_code == 200
    assert answer.json["problem"] is None
    assert all(set(step) >= {"action", "object", "crm_id", "why", "fields"} for step in answer.json["steps"])
    assert file.read_text() == file_before
    assert connected.get("/runs") == runs_before
    assert connected.get("/contacts/c-1") == contact_before


def test_preview_shows_old_and_new_of_each_field_that_would_change(connected: Caller) -> None:
    connected.deliver("contacts", "contact.created", person(1, title="Analyst"))
    connected.sync()
    connected.deliver("contacts", "contact.updated", {"id": "c-1", "title": "Countess"})
    connected.absorb()
    steps = connected.ask("POST", "/contacts/c-1/preview").json["steps"]
    lead = next(step for step in steps if step["object"] == "Lead")
    assert lead["action"] == "update"
    assert lead["fields"] == {"Title": {"old": "Analyst", "new": "Countess"}}
    assert lead["crm_id"] == connected.get("/contacts/c-1")["sync"]["crm_id"]
    assert lead["why"]


def test_preview_of_an_incomplete_contact_names_what_is_missing(connected: Caller) -> None:
    connected.deliver("contacts", "contact.created", {"id": "c-1", "last_name": "Lovelace"})
    connected.sync()
    answer = connected.ask("POST", "/contacts/c-1/preview")
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "not_ready"
    assert set(answer.json["error"]["fields"]) == {"first_name", "email", "company", "sync_as"}


def test_preview_without_a_connection_says_how_to_connect(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    answer = acme.ask("POST", "/contacts/c-1/preview")
    assert answer.status_code == 409
    assert "contactsync connect" in answer.json["error"]["message"]
