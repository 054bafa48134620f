"""The Leads Inbox with its review, and companies, in a real browser: keys, what comes by itself, nothing typed is lost."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Dialog, expect

from tests.browser.conftest import Marketer, accessibility, person

COMING = 25_000


def captured(number: int, **more: Any) -> dict[str, Any]:
    return person(number, source="Leads Inbox", **more)


def turn_review_on(marketer: Marketer) -> None:
    page = marketer.open("/settings/policies")
    page.get_by_text("Nothing captured there goes to Salesforce").click()
    page.locator("main").get_by_role("button", name=re.compile("^Save")).first.click()
    expect(page.locator(".notice.good").first).to_be_visible()


def test_captured_leads_are_reviewed_by_the_keyboard_and_skipping_loses_nothing_that_was_typed(
    marketer: Marketer,
) -> None:
    marketer.connect()
    turn_review_on(marketer)
    marketer.send("contacts", "contact.created", [captured(1), captured(2), captured(3)])
    page = marketer.open("/inbox?show=review")
    expect(page.locator("a.name")).to_have_count(3, timeout=COMING)
    assert marketer.holds("Lead") == []
    page.get_by_role("link", name="Complete one after another").click()
    approves = page.get_by_role("button", name="Approve and next")
    expect(approves).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Ada Lovelace 2")
    assert accessibility(page) == []
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_label("First name").fill("Augusta")
    page.keyboard.press("Escape")
    assert asked == ["Go on without saving what you typed?"]
    expect(page.get_by_label("First name")).to_have_value("Augusta")
    page.get_by_label("First name").fill("Ada")
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_have_text("Ada Lovelace 3")
    page.keyboard.press("Escape")
    expect(page.locator("h1")).to_have_text("Leads Inbox")
    assert [each["LastName"] for each in marketer.holds("Lead", 1)] == ["Lovelace 1"]
    page = marketer.open("/inbox?show=review")
    expect(page.locator("a.name")).to_have_count(2, timeout=COMING)
    assert accessibility(page) == []
    page.get_by_label("Tick all").check()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".notice.good")).to_contain_text("Approved 2 contacts")
    marketer.holds("Lead", 3)


def test_companies_come_with_suggested_accounts_and_two_are_merged(marketer: Marketer) -> None:
    marketer.connect()
    (account,) = marketer.holds("Account")
    people = [
        person(1, company=account["Name"]),
        person(2, company="Engines Ltd"),
        person(3, company="Engines Limited UK"),
    ]
    marketer.send("contacts", "contact.created", people)
    marketer.holds("Lead", 3)
    page = marketer.open("/companies?show=open")
    suggested = page.locator("tr", has=page.get_by_role("link", name=account["Name"], exact=True))
    expect(suggested).to_contain_text("It has the same name.")
    assert accessibility(page) == []
    suggested.get_by_role("button", name="Link").click()
    expect(page.locator(".notice.good")).to_contain_text("is linked")
    page.get_by_role("link", name="Engines Limited UK", exact=True).click()
    assert accessibility(page) == []
    page.get_by_role("link", name="Merge with another").click()
    other = page.locator("tr", has=page.get_by_role("link", name="Engines Ltd", exact=True))
    other.locator("summary", has_text="Keep this name").click()
    assert accessibility(page) == []
    other.get_by_role("button", name="Yes, keep this name").click()
    expect(page.locator("h1")).to_have_text("Engines Ltd")
    expect(page.locator("main")).to_contain_text("Engines Limited UK")
    marketer.send("contacts", "contact.created", person(4, company="Engines Limited UK"))
    companies = {each["Email"]: each["Company"] for each in marketer.holds("Lead", 4)}
    assert companies["ada4@engines4.example"] == "Engines Ltd"
