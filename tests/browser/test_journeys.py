"""The journeys that the console exists for, each by somebody in a real browser, against real processes and a Salesforce."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from contactsync.domain.roles import Role
from tests.browser.conftest import Marketer, person

COMING = 25_000
"""How long a page may take to show by itself what workers did meanwhile, in milliseconds."""


def open_contact(marketer: Marketer, name: str) -> Page:
    """From the list to one contact, found by its name."""
    page = marketer.open("/contacts")
    page.get_by_role("searchbox").fill(name)
    link = page.get_by_role("link", name=name, exact=True)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return page


def test_connecting_a_campaign_makes_its_contacts_members(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("events", "event.created", {"id": "expo", "name": "Expo in Vienna"})
    attending = [{"id": "expo", "status": "registered"}]
    marketer.send("contacts", "contact.created", [person(n, events=attending) for n in (1, 2)])
    marketer.holds("Lead", 2)
    page = marketer.open("/events")
    page.get_by_role("link", name="Expo in Vienna").click()
    page.get_by_role("searchbox", name="Search campaigns").fill("Expo 2026")
    page.locator("#campaigns").get_by_role("button", name="Connect").click()
    campaign = next(each for each in marketer.holds("Campaign") if each["Name"] == "Expo 2026")
    expect(page.locator("#campaign")).to_contain_text(campaign["Id"])
    members = marketer.holds("CampaignMember", 2)
    assert {each["CampaignId"] for each in members} == {campaign["Id"]}
    page.get_by_role("link", name=re.compile("^Contacts")).last.click()
    expect(page.get_by_role("link", name="Ada Lovelace 1")).to_be_visible()


def test_a_mapping_that_is_mended_lets_exactly_its_contacts_through(marketer: Marketer) -> None:
    marketer.connect()
    long = "Head of " + "very " * 40 + "long titles"
    marketer.send(
        "contacts", "contact.created", [person(1, title=long), person(2), person(3, email="", company="Lone")]
    )
    marketer.holds("Lead", 1)
    page = marketer.open("/problems")
    card = page.locator("main").get_by_text("too long").first
    expect(card).to_be_visible(timeout=COMING)
    before = len(marketer.salesforce.holds("Lead"))
    page = marketer.open("/settings/mapping?kind=lead")
    rule = page.locator(".rule, tr, li, fieldset").filter(has=page.locator("code", has_text=re.compile("^title$"))).last
    rule.locator("select").first.select_option(label="Off")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.locator(".notice.good").first).to_contain_text(re.compile("1 contact|1 record"))
    marketer.holds("Lead", before + 1)
    assert {each["LastName"] for each in marketer.holds("Lead")} == {"Lovelace 1", "Lovelace 2"}
    page = marketer.open("/problems")
    expect(page.locator("main").get_by_text("too long")).to_have_count(0)


def test_leads_are_completed_one_after_another_by_keyboard_alone(marketer: Marketer) -> None:
    marketer.connect()
    lacking = [{**person(n), "company": None, "email": f"ada{n}@gmail.com"} for n in (1, 2)]
    marketer.send("contacts", "contact.created", [*lacking, person(3)])
    marketer.holds("Lead", 1)
    page = marketer.open("/inbox")
    page.get_by_role("link", name=re.compile("one after|Complete|Start|Begin", re.IGNORECASE)).first.focus()
    page.keyboard.press("Enter")
    for _ in range(2):
        expect(page.get_by_label("Company", exact=True)).to_be_focused()
        page.keyboard.type("Analytical Works")
        page.keyboard.press("Enter")
    leads = marketer.holds("Lead", 3)
    assert sorted(each["Company"] for each in leads) == ["Analytical Works", "Analytical Works", "Engines 3"]
    expect(page.locator("main")).to_contain_text(re.compile("through|done|all", re.IGNORECASE))


def test_a_change_is_previewed_synced_and_undone(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("contacts", "contact.created", person(1, title="Engineer"))
    marketer.holds("Lead", 1)
    page = open_contact(marketer, "Ada Lovelace 1")
    expect(page.locator("#state .chip").first).to_have_text("Synced", timeout=COMING)
    (lead,) = marketer.holds("Lead")
    marketer.changes("Lead", lead["Id"], Title="Old title")
    page.get_by_role("link", name="Preview").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Old title")
    expect(preview).to_contain_text("Engineer")
    assert marketer.holds("Lead")[0]["Title"] == "Old title"
    preview.get_by_role("button", name="Sync now").click()
    expect(page.locator("#history .timeline > li")).to_have_count(2, timeout=COMING)
    assert marketer.holds("Lead")[0]["Title"] == "Engineer"
    page.locator("#history").get_by_role("link", name="Undo").first.click()
    expect(page.locator("main")).to_contain_text("Old title")
    page.locator("main").get_by_role("button", name=re.compile("^Undo")).click()
    expect(page.locator("#history")).to_contain_text("Undone", timeout=COMING)
    assert marketer.holds("Lead")[0]["Title"] == "Old title"


def test_a_company_is_linked_to_an_account_and_its_contacts_follow(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("contacts", "contact.created", person(1, company="Analytical Engines of London"))
    marketer.holds("Lead", 1)
    page = marketer.open("/companies")
    page.get_by_role("link", name="Analytical Engines of London").first.click()
    page.get_by_role("link", name="Choose an Account").click()
    page.get_by_role("searchbox").fill("Engines")
    page.get_by_role("button", name=re.compile("^(Link|Choose)")).first.click()
    (account,) = marketer.holds("Account")
    expect(page.locator("main")).to_contain_text(account["Id"])
    marketer.send("contacts", "contact.created", person(2, company="Analytical Engines of London", sync_as="contact"))
    (contact,) = marketer.holds("Contact", 1)
    assert contact["AccountId"] == account["Id"]
    assert len(marketer.holds("Account")) == 1


def test_a_delivery_is_replayed_and_changes_nothing_that_is_newer(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("contacts", "contact.created", person(1, title="Engineer"))
    marketer.holds("Lead", 1)
    page = marketer.open("/deliveries")
    page.locator("main table").get_by_role("link").first.click()
    expect(page.locator("#state")).to_contain_text("Taken in")
    assert "ada1@engines1.example" not in page.content()
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("#state")).to_contain_text("replayed once", timeout=COMING)
    page.get_by_text("Show unmasked", exact=True).click()
    page.get_by_role("button", name="Yes, show unmasked").click()
    expect(page.locator("pre")).to_contain_text("ada1@engines1.example")
    assert len(marketer.holds("Lead")) == 1


def test_a_viewer_sees_everything_and_changes_nothing(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("contacts", "contact.created", person(1))
    marketer.holds("Lead", 1)
    viewer = marketer.as_role(Role.VIEWER)
    page = open_contact(viewer, "Ada Lovelace 1")
    sync = page.get_by_role("button", name="Sync now")
    expect(sync).to_have_attribute("aria-disabled", "true")
    expect(sync).to_have_attribute("title", re.compile("editor"))
    csrf = page.locator("meta[name=csrf]").get_attribute("content") or ""
    answer = page.request.post(f"{page.url}/sync", form={"csrf": csrf}, headers={"Origin": viewer.site.url})
    assert answer.status == 403
    page.goto(page.url.partition("/contacts")[0] + "/settings/mapping")
    assert page.get_by_role("button", name="Save mapping").count() == 0 or page.get_by_text("You may not").count()
    admin = marketer.open("/contacts")
    expect(admin.get_by_role("checkbox").first).to_be_visible()
