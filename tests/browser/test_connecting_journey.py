"""Connecting a Salesforce by a sign-in in a tab of its own, parting from it, and a campaign made of an event, in a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Marketer, accessibility, person

COMING = 25_000
"""How long a page may take to show by itself what workers did meanwhile, in milliseconds."""

EXPO: dict[str, Any] = {
    "id": "ev-1",
    "name": "Berlin Summit",
    "starts_at": "2026-12-01T09:00:00+01:00",
    "timezone": "Europe/Berlin",
}


def test_an_admin_signs_in_at_salesforce_and_parts_from_it_again(marketer: Marketer) -> None:
    marketer.send("contacts", "contact.created", [person(1)])
    page = marketer.open("/settings/connection")
    expect(page.locator("#f-my_domain")).to_be_hidden()
    page.get_by_label("Which Salesforce").select_option("own")
    page.locator("#f-my_domain").fill(marketer.salesforce.running.url)
    page.locator("#f-app_key").fill("id")
    page.locator("#f-app_secret").fill("secret")
    page.get_by_role("button", name="Continue").click()
    with page.context.expect_page() as tab:
        page.get_by_role("link", name="Continue at Salesforce").click()
    expect(tab.value.get_by_role("heading", level=1)).to_contain_text("is connected")
    expect(page.locator("#state")).to_contain_text("Somebody signed in with a browser", timeout=COMING)
    marketer.holds("Lead", 1)
    page = marketer.open("/settings/connection")
    page.locator("summary", has_text="Disconnect").click()
    page.get_by_role("button", name="Yes, disconnect").click()
    expect(page.locator("#state")).to_contain_text("Not connected")
    marketer.send("contacts", "contact.created", [person(2)])
    expect(page.locator("#state")).to_contain_text("1 record waits for it", timeout=COMING)
    assert len(marketer.holds("Lead")) == 1
    marketer.connect()
    marketer.holds("Lead", 2)


def test_a_campaign_is_made_of_an_event_while_its_page_is_open(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("events", "event.created", EXPO)
    marketer.send("contacts", "contact.created", [person(1, events=[{"id": "ev-1", "status": "attended"}])])
    marketer.holds("Lead", 1)
    page = marketer.open("/events")
    page.get_by_role("link", name="Berlin Summit").click()
    page.get_by_text("Create a campaign", exact=True).click()
    page.get_by_role("button", name="Yes, create a campaign").click()
    expect(page.locator("#campaign")).to_contain_text("contactsync made it of this event", timeout=COMING)
    (member,) = marketer.holds("CampaignMember", 1)
    expect(page.locator("#campaign")).to_contain_text(member["CampaignId"])


def test_the_pages_of_events_meetings_and_the_connection_shut_nobody_out(marketer: Marketer) -> None:
    marketer.connect()
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    marketer.send("events", "event.created", EXPO)
    marketer.send("contacts", "contact.created", [person(1, events=[{"id": "ev-1", "status": "attended"}])])
    talk = {"id": "m-1", "title": "Demo", "event_id": "ev-1", "attendees": [{"contact_id": "c-1"}], **times}
    marketer.send("meetings", "meeting.created", talk)
    marketer.holds("Event", 1)
    page = marketer.open("/meetings")
    page.get_by_role("link", name="Demo").click()
    page.get_by_role("link", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("Nothing would change")
    assert accessibility(page) == []
    page = marketer.open("/events")
    event = page.get_by_role("link", name="Berlin Summit").get_attribute("href") or ""
    below = event.partition(marketer.org.slug)[2]
    for path in (
        "/events",
        below,
        f"{below}/contacts",
        f"{below}/meetings",
        f"{below}/campaigns",
        "/settings/connection",
    ):
        assert accessibility(marketer.open(path)) == [], path
