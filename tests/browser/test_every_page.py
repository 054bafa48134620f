"""Every page of the console, in light on a desktop and in dark at 360 px: nothing that shuts anybody out, none wider than
its window, one main heading, nothing that the page's security policy refuses (the fixture looks at that).
"""

from __future__ import annotations

import re
from typing import cast

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.browser.conftest import Marketer, accessibility, person
from tests.browser.walk import WALK, addresses
from tests.fixtures.waiting import wait_until

WINDOWS: tuple[tuple[str, ViewportSize], ...] = (
    ("light", {"width": 1280, "height": 900}),
    ("dark", {"width": 360, "height": 740}),
)


@pytest.fixture
def grown(marketer: Marketer) -> Marketer:
    """An org with somebody of each kind, an event, a meeting and a problem, and a change of each kind that can be undone;
    names that do not break, and from all over.
    """
    marketer.connect()
    marketer.salesforce.does(
        "records", Lead=[{"LastName": "Byron", "Email": "ada1@engines1.example", "Company": "Old", "Title": "Poet"}]
    )
    event = {"id": "e-1", "name": "W" * 80, "starts_at": "2026-09-01T09:00:00Z"}
    times = {"starts_at": "2026-09-01T10:00:00Z", "ends_at": "2026-09-01T10:30:00Z"}
    talk = {"id": "m-1", "title": "Talk", "attendees": [{"email": "ada1@engines1.example"}], **times}
    marketer.send(
        "contacts", "contact.created", [person(1), person(2, last_name="שלום 👩🏽‍🚀"), person(3, last_name="N" * 80)]
    )
    marketer.send("contacts", "contact.created", [person(4, company=None), person(5, title="T" * 300)])
    marketer.send("contacts", "contact.created", person(6, sync_as="contact"))
    marketer.send("events", "event.created", [event])
    marketer.holds("Lead", 3)
    marketer.holds("Contact", 1)
    marketer.send("meetings", "meeting.created", talk)
    marketer.holds("Event", 1)
    marketer.send("meetings", "meeting.updated", {**talk, "title": "T" * 80})
    wait_until(lambda: marketer.holds("Event")[0]["Subject"] == "T" * 80, 20, "the meeting is changed")
    expect(marketer.open("/problems").locator("main")).to_contain_text("Title")
    return marketer


def wrong_of(page: Page) -> list[str]:
    """What is wrong with the page that is open."""
    found = [f"{each['id']} at {each['where']}: {each['help']}" for each in accessibility(page)]
    if cast("int", page.evaluate("document.documentElement.scrollWidth - window.innerWidth")) > 0:
        found.append("wider than its window")
    if page.locator("h1").count() != 1:
        found.append(f"{page.locator('h1').count()} main headings")
    if not re.fullmatch(r".+ – contactsync", page.title()):
        found.append(f"the title is {page.title()!r}")
    return found


def test_no_page_shuts_anybody_out(grown: Marketer) -> None:
    page, wrong = grown.page, list[str]()
    found = addresses(page, f"{grown.site.url}/o/{grown.org.slug}")
    assert {place.name for place in WALK} == set(found)
    for place in sorted(WALK, key=lambda each: each.signed_out):
        if place.signed_out:
            page.context.clear_cookies()
        answer = page.goto(found[place.name])
        assert answer is not None and answer.status == place.status, place.name
        if place.beyond:  # a page that asks before it does something
            expect(page.get_by_role("button", name="Undo this sync")).to_have_count(1)
        for scheme, window in WINDOWS:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.set_viewport_size(window)
            wrong += [f"{place.name} ({scheme}, {window['width']} px): {each}" for each in wrong_of(page)]
    assert wrong == []


def test_what_still_loads_can_be_read_meanwhile(grown: Marketer) -> None:
    page, held = grown.page, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("suggest=1"), hold)
    grown.open("/companies?show=open")
    expect(page.locator("section.htmx-request")).to_contain_text("Asking Salesforce")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.locator("section.htmx-request").evaluate(
            "part => Promise.all(part.getAnimations().map(all => all.finished))"
        )
        assert accessibility(page) == []
    held.pop().continue_()
    expect(page.locator("section.htmx-request")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text("Asking Salesforce")
