"""A signed-in person's browser: the frame works by keyboard, on a phone, and in the viewer's zone."""

from __future__ import annotations

from playwright.sync_api import expect

from contactsync.passwords import hash_password
from contactsync.store import users
from contactsync.store.engine import writing
from tests.browser.conftest import Marketer, accessibility, person


def test_signing_in_with_a_password_and_out_again(marketer: Marketer) -> None:
    with writing(marketer.site.engine) as db:
        users.set_password(db, marketer.user.id, hash_password("correct horse battery"))
    page = marketer.page
    page.context.clear_cookies()
    page.goto(marketer.site.url)
    page.get_by_label("E-mail address").fill(marketer.user.email)
    page.get_by_label("Password").fill("wrong horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_text("do not belong together")).to_be_visible()
    page.get_by_label("Password").fill("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Salesforce is not connected yet")
    page.get_by_role("complementary").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")


def test_an_open_overview_follows_by_itself(marketer: Marketer) -> None:
    marketer.connect()
    page = marketer.open("")
    marketer.send("contacts", "contact.created", [person(1), person(2)])
    expect(page.locator("main")).to_contain_text("2", timeout=20_000)
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_the_first_page_has_nothing_that_shuts_anybody_out(marketer: Marketer) -> None:
    assert accessibility(marketer.open("")) == []
