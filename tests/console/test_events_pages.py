"""The pages of events: the list, one event with its campaign, its contacts and its meetings."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.sync import actions
from tests.console.conftest import Console, Shown, counted_queries, person
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller

SUMMIT = {
    "id": "ev-1",
    "name": "Berlin Summit",
    "starts_at": "2026-12-01T09:00:00+01:00",
    "timezone": "Europe/Berlin",
    "city": "Berlin",
}


def arrive(acme: Caller, *people: Any, **event: Any) -> None:
    """An event, and who takes part in it."""
    acme.deliver("events", "event.created", SUMMIT | event)
    attending = {"events": [{"id": event.get("id", "ev-1"), "status": "registered"}]}
    if people:
        acme.deliver("contacts", "contact.created", [each | attending for each in people])
    acme.absorb()


def row_of(acme: Caller, event_id: str = "ev-1") -> Any:
    with reading(acme.parts.engine) as db:
        return db.execute(sa.select(t.event).where(t.event.c.source_id == event_id)).one()


def names(shown: Shown) -> list[str]:
    assert shown.status == 200, shown.text
    return [each.text for each in shown.main.all("a", class_="name")]


def calls(acme: Caller) -> int:
    return int(acme.get("/status")["crm"]["calls"])


# ── the list ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_before_any_event_the_page_says_how_they_come(console: Console) -> None:
    shown = console.get("/events")
    assert "No events yet" in shown.text
    assert "How to connect your event platform" in shown.text
    assert "How to connect" not in console.as_role(Role.VIEWER).get("/events").text


def test_an_event_stands_there_with_its_day_campaign_and_share(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    campaign = salesforce.holds("Campaign")[0]["Id"]
    arrive(acme, person(1), person(2), person(3, last_name=None), campaign_id=campaign)
    acme.sync()
    [row] = console.get("/events").main.one("tbody").all("tr")
    assert "Berlin Summit Tue 1 Dec 2026, 09:00 (Europe/Berlin) · Berlin" in row.text
    assert "66 % 2 of 3" in row.text
    assert row.one("progress")["value"] == "2"
    assert f"/{campaign}/" in row.one("a", class_="crm")["href"]


def test_a_contact_that_is_left_out_is_told_beside_the_others(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    arrive(acme, person(1), person(2))
    acme.sync()
    acme.deliver("contacts", "contact.deleted", {"id": "c-2"})
    acme.absorb()
    acme.sync()
    [row] = console.get("/events").main.one("tbody").all("tr")
    assert "2 1 left out" in row.text
    assert "1 of 1" in row.text


def test_what_an_event_holds_nothing_of_is_said_so(console: Console, acme: Caller, at_salesforce: Caller) -> None:
    arrive(acme, person(1))
    acme.sync()
    shown = console.get(f"/events/{row_of(acme).id}")
    said = [one.text for one in shown.page.all("span", class_="stat-sub")]
    assert said == ["1 of 1 contact", "nothing waits", "nothing is missing", "no problem holds any"]
    assert "No campaign" in shown.page.one("div", class_="head-actions").text


def test_events_are_found_by_words_of_their_name_and_by_whether_they_have_a_campaign(
    console: Console, acme: Caller
) -> None:
    arrive(acme)
    arrive(acme, id="ev-2", name="Vienna Breakfast", campaign_id="701")
    assert names(console.get("/events")) == ["Vienna Breakfast", "Berlin Summit"]
    assert names(console.get("/events?campaign=yes")) == ["Vienna Breakfast"]
    assert names(console.get("/events?campaign=no")) == ["Berlin Summit"]
    assert names(console.post("/events", {"q": "SUMM"})) == ["Berlin Summit"]
    assert "Nothing fits" in console.post("/events", {"q": "paris"}).text
    assert names(console.get("/events?campaign=nonsense&before=x")) == ["Vienna Breakfast", "Berlin Summit"]


def test_pages_follow_each_other_by_keys(console: Console, acme: Caller) -> None:
    for number in range(30):
        arrive(acme, id=f"ev-{number}", name=f"Event {number}")
    first = console.get("/events")
    more = first.main.one("p", class_="more").one("a")["href"]
    assert more.endswith("/o/acme/events?before=6")
    second = console.get(more, whole=True)
    assert names(first) + names(second) == [f"Event {number}" for number in reversed(range(30))]


def test_the_share_of_one_event_is_there_by_itself_for_those_that_are_counted_later(
    console: Console, acme: Caller
) -> None:
    arrive(acme, person(1), person(2))
    shown = console.get("/events/1/share")
    assert "0 % 0 of 2" in shown.page.text
    assert not shown.page.all("main")


# ── one event ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_there_or_anothers_is_not_found(console: Console, acme: Caller, other: Caller) -> None:
    arrive(other)
    for address in ("/events/1", "/events/1/contacts", "/events/1/meetings", "/events/1/share", "/events/1/campaigns"):
        assert console.get(address).status == 404, address
    for address in ("/events/1/campaign", "/events/1/campaign/create", "/events/1/campaign/end", "/events/1/sync"):
        assert console.post(address, {"campaign_id": "701"}).status == 404, address
    assert console.get("/events/99999999999999999999").status == 404
    assert row_of(other).campaign_id is None


def test_an_event_is_connected_to_a_campaign_that_is_looked_for_and_members_appear(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme, person(1), person(2))
    acme.sync()
    before = calls(acme)
    found = console.post("/events/1/campaigns", {"q": "exp"})
    assert calls(acme) == before + 1
    choice = found.main.one("ul", class_="choices").one("form")
    sent = {each["name"]: each["value"] for each in choice.all("input")}
    shown = console.follow(console.post("/events/1/campaign", sent))
    assert "Connected to “Expo”. 2 contacts become members now." in shown.text
    assert "Chosen by Somebody here" in shown.text
    acme.sync()
    assert len(salesforce.holds("CampaignMember")) == 2
    assert "Connected" in console.post("/events/1/campaigns", {"q": "exp"}).main.one("ul", class_="choices").text
    shown = console.follow(console.post("/events/1/campaign/end"))
    assert "Members that are in the campaign stay there" in shown.text
    assert "Not connected to a campaign yet" in shown.text
    assert len(salesforce.holds("CampaignMember")) == 2


def test_too_few_letters_ask_salesforce_nothing_and_no_match_says_what_to_check(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    arrive(acme)
    assert "at least 2 letters" in console.post("/events/1/campaigns", {"q": "e"}).text
    assert "at least 2 letters" in console.get("/events/1/campaigns").text
    assert calls(acme) == 0
    assert "No campaign in Salesforce has “zzz'%”" in console.post("/events/1/campaigns", {"q": "zzz'%"}).text


def test_a_salesforce_that_is_away_or_refuses_is_told_with_what_to_do(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme)
    salesforce.does("faults", do="status", times=50)
    shown = console.post("/events/1/campaigns", {"q": "expo"})
    assert (shown.status, "search again in a minute" in shown.text) == (200, True)


def test_a_connection_that_stopped_shows_its_problem_instead_of_asking(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme, person(1))
    refused = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    salesforce.does("faults", do="status", status=400, times=50, match={"path": "oauth2/token"}, body=refused)
    acme.sync()
    before = calls(acme)
    shown = console.post("/events/1/campaigns", {"q": "expo"})
    assert "Campaigns cannot be looked up now" in shown.text
    assert "Look at the Salesforce connection" in shown.text
    assert calls(acme) == before


def test_without_a_crm_the_event_says_where_to_connect_it_to_those_who_may(console: Console, acme: Caller) -> None:
    arrive(acme)
    assert "Connect Salesforce" in console.get("/events/1").text
    assert "Ask an admin of your org" in console.as_role(Role.EDITOR).get("/events/1").text
    assert "not connected to Salesforce yet" in console.get("/events/1/campaigns").text
    made = console.follow(console.post("/events/1/campaign/create"))
    assert "Connect Salesforce under Settings" in made.text
    assert "contactsync connect" not in made.text


def test_a_campaign_is_created_of_the_event_and_the_page_follows(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme, person(1))
    shown = console.follow(console.post("/events/1/campaign/create"))
    assert "This page shows it as soon as it is there" in shown.text
    assert shown.main.one("section", id="campaign")["hx-trigger"] == "every 3s"
    acme.sync()
    assert "contactsync made it of this event" in console.get("/events/1").text
    assert {each["Name"] for each in salesforce.holds("Campaign")} == {"Expo", "Berlin Summit"}
    again = console.follow(console.post("/events/1/campaign/create"))
    assert "connected to a campaign already" in again.text


def test_a_campaign_that_cannot_be_made_says_why_and_lets_another_be_picked(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    salesforce.does("records", Campaign=[{"Name": "Berlin Summit"}, {"Name": "Berlin Summit"}])
    actions.set_policies(acme.parts, acme.org.id, {"several_matches": "stop"})
    arrive(acme)
    console.post("/events/1/campaign/create")
    acme.sync()
    shown = console.get("/events/1")
    assert "2 campaigns have the event's name" in shown.text
    assert "Connect a campaign" in shown.text


def test_where_the_policy_makes_campaigns_the_page_says_that_one_comes(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    actions.set_policies(acme.parts, acme.org.id, {"create_campaigns": True})
    arrive(acme)
    assert "this one’s turn comes by itself" in console.get("/events/1").text
    acme.sync()
    assert "contactsync made it of this event" in console.get("/events/1").text


def test_an_event_without_a_name_offers_no_campaign_to_be_made(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    arrive(acme, name=None)
    shown = console.get("/events/1")
    assert "Event ev-1" in shown.text
    assert "once your event platform has told its name" in shown.text
    assert "no name yet" in console.follow(console.post("/events/1/campaign/create")).text


@pytest.mark.parametrize("campaign_id", ["", "two words", "7" * 65, "701\x07", "701ü"])
def test_what_is_no_id_of_a_campaign_changes_nothing(console: Console, acme: Caller, campaign_id: str) -> None:
    arrive(acme)
    shown = console.follow(console.post("/events/1/campaign", {"campaign_id": campaign_id}))
    assert "That is no id of a campaign" in shown.text
    assert row_of(acme).campaign_choice is None


def test_a_viewer_sees_the_event_but_no_way_to_change_it(console: Console, acme: Caller, at_salesforce: Caller) -> None:
    arrive(acme, person(1))
    viewer = console.as_role(Role.VIEWER)
    shown = viewer.get("/events/1")
    assert "An editor or admin can connect a campaign" in shown.text
    assert not shown.main.all("form")
    assert viewer.get("/events/1/campaigns").status == 403


def test_what_an_event_is_called_is_shown_as_text(console: Console, acme: Caller) -> None:
    arrive(acme, name="<img src=x>", city="<b>bold</b>")
    for address in ("/events", "/events/1", "/events/1/campaigns"):
        assert "<img src=x>" in console.get(address).text
    assert not console.get("/events/1").main.all("img")


def test_its_contacts_are_listed_as_everywhere_and_no_others(console: Console, acme: Caller) -> None:
    arrive(acme, person(1), person(2))
    acme.deliver("contacts", "contact.created", person(3))
    acme.absorb()
    shown = console.get("/events/1/contacts")
    assert sorted(names(shown)) == ["Ada Lovelace 1", "Ada Lovelace 2"]
    assert names(console.post("/events/1/contacts", {"q": "lovelace 2"})) == ["Ada Lovelace 2"]
    assert names(console.get("/events/1/contacts?status=synced")) == []


def test_all_its_contacts_are_brought_to_salesforce_again(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    arrive(acme, person(1), person(2))
    acme.deliver("contacts", "contact.created", person(3))
    acme.sync()
    shown = console.follow(console.post("/events/1/sync"))
    assert "On their way to Salesforce" in shown.text
    with reading(acme.parts.engine) as db:
        row = db.execute(sa.select(t.resync)).one()
    assert (row.filter, row.total, row.forced) == ({"event": "ev-1"}, 2, True)


# ── cost ───────────────────────────────────────────────────────────────────────────────────────────────────────────


PAGES = (
    "/events", "/events/1", "/events/1/contacts", "/events/1/meetings", "/meetings", "/meetings/1", "/settings/connection",
)  # fmt: skip


def test_pages_ask_the_database_as_often_for_thirty_as_for_three(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    asked: list[dict[str, int]] = []
    for upto in (3, 30):
        events = [{"id": f"ev-{number}", "status": "registered"} for number in range(upto)]
        for event in events:
            acme.deliver("events", "event.created", SUMMIT | {"id": event["id"]})
        acme.deliver("contacts", "contact.created", [person(number, events=events) for number in range(upto)])
        attendees = [{"contact_id": f"c-{number}"} for number in range(upto)]
        for number in range(upto):
            talk = {"id": f"m-{number}", "title": "Talk", "event_id": "ev-0", "attendees": attendees}
            acme.deliver("meetings", "meeting.created", talk | times)
        acme.absorb()
        asked.append({})
        for address in PAGES:
            console.get(address)
            with counted_queries(console) as seen:
                assert console.get(address).status == 200
            asked[-1][address] = len(seen)
    assert asked[0] == asked[1]
    assert max(asked[0].values()) < 25
