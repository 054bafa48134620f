"""Somebody is signed out while they type: after signing in nothing is gone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from contactsync.passwords import hash_password
from contactsync.store import sessions, users
from contactsync.store.engine import writing
from tests.browser.conftest import Marketer, accessibility, person


def test_what_was_typed_is_sent_by_a_button_after_signing_in_again(marketer: Marketer) -> None:
    with writing(marketer.site.engine) as db:
        users.set_password(db, marketer.user.id, hash_password("correct horse battery"))
    marketer.send("contacts", "contact.created", [person(1)])
    page = marketer.open("/contacts")
    page.get_by_role("link", name="Ada Lovelace 1").first.click(timeout=20_000)
    page.wait_for_url(re.compile(r"/contacts/\d+$"))
    page.goto(f"{page.url}/edit")
    page.get_by_label("First name").fill("Augusta Ada")
    with writing(marketer.site.engine) as db:
        sessions.end_all_of(db, marketer.user.id)
    page.evaluate("htmx.ajax('GET', location.href, {target: '#main', swap: 'none'})")  # as parts that follow do
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    page.get_by_label("E-mail address").fill(marketer.user.email)
    page.get_by_label("Password").fill("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You were signed out. Send what you typed?")
    expect(page.locator("main")).to_contain_text("Augusta Ada instead of Ada")
    assert "Augusta" not in page.url
    assert accessibility(page) == []
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Augusta Ada")


def test_a_search_that_follows_the_typing_leads_to_a_whole_page_and_back(marketer: Marketer) -> None:
    page = marketer.open("/contacts")
    with writing(marketer.site.engine) as db:
        users.set_password(db, marketer.user.id, hash_password("correct horse battery"))
        sessions.end_all_of(db, marketer.user.id)
    page.get_by_role("searchbox").fill("Lovelace")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sign in")
    assert page.locator("main").count() == 1
