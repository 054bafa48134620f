"""From nothing to the first synced contact, in a browser, without a line of a shell but the one that the page shows."""

from __future__ import annotations

from playwright.sync_api import expect

from contactsync.domain.roles import Role
from tests.browser.conftest import Marketer, accessibility, person


def test_from_nothing_to_the_first_synced_contact(marketer: Marketer) -> None:
    page = marketer.open("")
    page.get_by_role("main").get_by_role("link", name="Get started").click()
    page.get_by_text("Or try it without a Salesforce first").click()
    page.get_by_label("Its address").fill(marketer.salesforce.running.url)
    page.get_by_label("Client ID").fill("id")
    page.get_by_label("Client secret").fill("secret")
    page.get_by_role("button", name="Connect to the practice Salesforce").click()
    expect(page.get_by_role("status")).to_contain_text("Connected to the practice Salesforce")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status")).to_contain_text("answered 202")
    at = page.evaluate("performance.timeOrigin")
    expect(page.locator("#sample")).to_contain_text("It is a Lead in Salesforce")
    assert page.evaluate("performance.timeOrigin") == at, "the page followed by itself"
    (lead,) = marketer.holds("Lead")
    expect(page.locator("#sample").get_by_role("link", name=lead["Id"])).to_be_visible()
    page = marketer.open("/first-run")
    page.get_by_role("link", name="Go to the overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your first contact is in Salesforce")


def test_an_open_overview_goes_from_what_waits_to_what_is_done(marketer: Marketer) -> None:
    marketer.connect()
    page = marketer.open("")
    expect(page.get_by_role("heading", level=1)).to_have_text("No contact has come yet")
    marketer.send("contacts", "contact.created", [person(1), person(2), person(3, company=None)])
    expect(page.get_by_role("heading", level=1)).to_have_text("1 contact needs you")
    expect(page.locator(".lately li")).to_have_count(2)
    marketer.send("contacts", "contact.updated", [person(3)])
    expect(page.get_by_role("heading", level=1)).to_have_text("All 3 contacts are in Salesforce")


def test_a_new_secret_is_copied_once_and_viewers_are_told_who_makes_one(marketer: Marketer) -> None:
    page = marketer.open("/settings/endpoints")
    page.get_by_role("button", name="Make a secret").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    assert accessibility(page) == []
    page.get_by_role("link", name="I have copied it").click()
    expect(page.locator("#secret")).to_have_count(0)
    other = marketer.as_role(Role.VIEWER).open("/settings/endpoints")
    expect(other.get_by_role("button", name="Make a secret")).to_have_attribute("aria-disabled", "true")


def test_the_overview_the_first_run_endpoints_and_tokens_shut_nobody_out(marketer: Marketer) -> None:
    marketer.connect()
    marketer.send("contacts", "contact.created", [person(1), person(2, company=None)])
    marketer.holds("Lead", 1)
    for path in ("", "/first-run", "/settings/endpoints", "/settings/tokens"):
        assert accessibility(marketer.open(path)) == [], path
