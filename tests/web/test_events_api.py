"""Events in the API, their contacts and their campaigns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import Caller, HandBell, person


@pytest.fixture
def expo(acme: Caller) -> Caller:
    """An org with an event that two contacts take part in, and a third contact that does not."""
    acme.deliver("contacts", "contact.created", [person(1), person(2), person(3)])
    acme.deliver("events", "event.created", {"id": "ev-1", "name": "Expo", "city": "Zürich", "custom": {"hall": 4}})
    roster = [{"id": "c-1", "status": "registered"}, {"email": "ada2@example.com", "status": "attended"}]
    acme.deliver("events", "event.contacts_added", {"event_id": "ev-1", "contacts": roster})
    acme.sync()
    return acme


def test_an_event_is_shown_as_the_webhook_sent_it_with_counts_of_its_contacts(expo: Caller) -> None:
    shown = expo.get("/events/ev-1")
    assert (shown["name"], shown["city"], shown["custom"]) == ("Expo", "Zürich", {"hall": 4})
    assert shown["known"] is True
    assert (shown["campaign_id"], shown["campaign_from"]) == (None, None)
    assert shown["contacts"]["queued"] == 2
    assert sum(shown["contacts"].values()) == 2


def test_events_are_listed_newest_first_those_heard_of_by_id_only_too(expo: Caller) -> None:
    expo.deliver("events", "event.contacts_added", {"event_id": "ev-2", "contacts": [{"id": "c-1"}]})
    expo.sync()
    listed = expo.get("/events")["items"]
    assert [(event["id"], event["known"]) for event in listed] == [("ev-2", False), ("ev-1", True)]


def test_contacts_of_an_event_carry_their_status_at_it(expo: Caller) -> None:
    listed = expo.get("/events/ev-1/contacts")["items"]
    assert [(contact["id"], contact["attendance"]) for contact in listed] == [
        ("c-2", "attended"),
        ("c-1", "registered"),
    ]
    alone = expo.get("/contacts/c-2")
    assert {name: value for name, value in listed[0].items() if name != "attendance"} == alone
    assert expo.get("/events/ev-1/contacts?status=synced")["items"] == []


def test_the_status_is_the_one_at_the_event_that_was_asked_for(expo: Caller) -> None:
    elsewhere = [{"id": "c-1", "status": "attended"}]
    for event_id in ("ev-0", "ev-2"):
        expo.deliver("events", "event.contacts_added", {"event_id": event_id, "contacts": elsewhere})
    expo.sync()
    assert expo.get("/events/ev-1/contacts")["items"][1]["attendance"] == "registered"
    assert expo.get("/events/ev-0/contacts")["items"][0]["attendance"] == "attended"


def test_a_deleted_event_stays_visible_and_its_campaign_counts_no_more(expo: Caller) -> None:
    expo.ask("PUT", "/events/ev-1/campaign", {"campaign_id": "701AAA"})
    expo.deliver("events", "event.deleted", {"id": "ev-1"})
    expo.sync()
    assert expo.get("/events/ev-1")["deleted"] is True
    assert expo.get("/contacts/c-1")["events"][0]["campaign_id"] is None


def test_a_contact_known_to_an_event_by_id_and_by_address_is_listed_and_counted_once(expo: Caller) -> None:
    twice = [{"id": "c-2", "status": "registered"}]
    expo.deliver("events", "event.contacts_added", {"event_id": "ev-1", "contacts": twice})
    expo.sync()
    assert [contact["id"] for contact in expo.get("/events/ev-1/contacts")["items"]] == ["c-2", "c-1"]
    assert sum(expo.get("/events/ev-1")["contacts"].values()) == 2


def test_an_event_is_connected_to_a_campaign_and_its_contacts_sync_again(expo: Caller, bell: HandBell) -> None:
    bell.rung.clear()
    answer = expo.ask("PUT", "/events/ev-1/campaign", {"campaign_id": "701AAA"})
    assert answer.status_code == 200
    assert (answer.json["campaign_id"], answer.json["campaign_from"]) == ("701AAA", "person")
    assert bell.rung == [expo.org.id]
    assert expo.get("/contacts/c-1")["events"][0]["campaign_id"] == "701AAA"


def test_an_event_is_connected_before_it_was_heard_of(acme: Caller) -> None:
    answer = acme.ask("PUT", "/events/ev-9/campaign", {"campaign_id": "701AAA"})
    assert answer.status_code == 200
    assert (answer.json["known"], answer.json["name"], answer.json["campaign_id"]) == (False, None, "701AAA")
    acme.deliver("events", "event.created", {"id": "ev-9", "name": "Later", "campaign_id": "701BBB"})
    acme.sync()
    shown = acme.get("/events/ev-9")
    assert (shown["known"], shown["name"]) == (True, "Later")
    assert (shown["campaign_id"], shown["campaign_from"]) == ("701AAA", "person")


def test_the_event_platforms_own_campaign_holds_until_a_person_chose(acme: Caller) -> None:
    acme.deliver("events", "event.created", {"id": "ev-1", "campaign_id": "701BBB"})
    acme.sync()
    shown = acme.get("/events/ev-1")
    assert (shown["campaign_id"], shown["campaign_from"]) == ("701BBB", "event_platform")
    answer = acme.ask("DELETE", "/events/ev-1/campaign")
    assert answer.status_code == 200
    assert (answer.json["campaign_id"], answer.json["campaign_from"]) == (None, "person")


@pytest.mark.parametrize(
    "body", [{}, {"campaign_id": ""}, {"campaign_id": None}, {"campaign_id": 7}, {"campaign_id": "7 01"},
             {"campaign_id": "x" * 65}, {"campaign_id": "701\n"}],
)  # fmt: skip
def test_what_is_no_campaign_id_is_refused_and_nothing_is_connected(acme: Caller, body: object) -> None:
    answer = acme.ask("PUT", "/events/ev-1/campaign", body)
    assert answer.status_code == 422
    assert list(answer.json["error"]["fields"]) == ["campaign_id"]
    assert acme.get("/events")["items"] == []


def test_an_event_that_nobody_heard_of_cannot_be_disconnected(acme: Caller) -> None:
    assert acme.ask("DELETE", "/events/ev-9/campaign").status_code == 404
    assert acme.ask("GET", "/events/ev-9/contacts").status_code == 404
    assert acme.get("/events")["items"] == []


def test_a_campaign_is_made_of_one_event_when_it_is_asked_for(acme: Caller, tmp_path: Path) -> None:
    acme.deliver("events", "event.created", {"id": "ev-1", "name": "Expo"})
    acme.absorb()
    assert acme.ask("POST", "/events/ev-1/create-campaign").status_code == 409
    acme.connect_file(tmp_path)
    assert acme.ask("POST", "/events/ev-1/create-campaign").status_code == 202
    acme.sync()
    shown = acme.get("/events/ev-1")
    assert (shown["campaign_from"], bool(shown["campaign_id"])) == ("made", True)
    assert "already" in acme.ask("POST", "/events/ev-1/create-campaign").json["error"]["message"]
    assert acme.ask("POST", "/events/nothing/create-campaign").status_code == 404
