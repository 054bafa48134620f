"""The overview says in one sentence whether everything is all right, and is right about it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contactsync.domain.crm import Problem
from contactsync.domain.records import SyncStatus
from contactsync.domain.roles import Role
from contactsync.store import hourly
from contactsync.store.engine import writing
from contactsync.store.pages_overview import Overview
from contactsync.store.pages_problems import ProblemCard, Standing
from contactsync.store.views_status import CrmStatus, OrgStatus
from contactsync.web.console.headline import headline
from tests.console.conftest import Console, counted_queries
from tests.console.test_problems_page import TITLE, hold
from tests.web.conftest import Caller, person

READY = CrmStatus(state="ready", target="salesforce")


def seen(crm: CrmStatus = READY, dismissed: int = 0, problems: tuple[ProblemCard, ...] = (), **counts: int) -> Overview:
    contacts = {status.value: counts.get(status.value, 0) for status in SyncStatus}
    nothing = dict.fromkeys(contacts, 0)
    status = OrgStatus("acme", "Acme", contacts, {}, crm=crm, meetings=nothing, events=nothing)
    return Overview(status, problems, dismissed, (), ())


def waiting(at: Overview, deliveries: int) -> Overview:
    return replace(at, status=replace(at.status, deliveries={"waiting": deliveries, "rejected": 0, "failed": 0}))


def card(**counts: int) -> ProblemCard:
    problem = Problem(code="x", cause="No.", fix="Do.", who="admin")
    return ProblemCard("k", problem, Standing.NEEDS, {"contact": 0, "event": 0, "meeting": 0, **counts})


@pytest.mark.parametrize(
    ("at", "tone", "sentence"),
    [
        (seen(CrmStatus()), "warn", "Salesforce is not connected yet"),
        (seen(replace(READY, state="stopped"), synced=3), "bad", "Salesforce does not let us in"),
        (seen(replace(READY, state="paused"), synced=3), "warn", "Salesforce takes a break"),
        (seen(), "info", "No contact has come yet"),
        (seen(synced=1204), "good", "All 1,204 contacts are in Salesforce"),
        (seen(synced=1), "good", "Your first contact is in Salesforce"),
        (seen(synced=9, needs_attention=30, incomplete=7), "bad", "37 contacts need you"),
        (seen(synced=9, incomplete=1), "warn", "1 contact needs you"),
        (seen(synced=9, queued=2, retrying=1), "info", "3 contacts are on the way to Salesforce"),
        (seen(synced=9, needs_attention=2, dismissed=2), "good", "9 of 11 contacts are in Salesforce"),
        (seen(synced=9, problems=(card(event=2),)), "bad", "2 records need you"),
        (seen(synced=9, problems=(card(meeting=2),)), "bad", "2 meetings need you"),
        (seen(excluded=4), "info", "4 contacts are left out"),
        (waiting(seen(), 1), "info", "1 delivery is being taken in"),
        (waiting(seen(synced=9), 1200), "info", "1,200 deliveries are being taken in"),
        (waiting(seen(synced=9, incomplete=2), 3), "warn", "2 contacts need you"),
    ],
)
def test_the_sentence_is_the_first_thing_that_matters(at: Overview, tone: str, sentence: str) -> None:
    said = headline(at)
    assert (said.tone, said.sentence) == (tone, sentence)


def test_a_stopped_connection_says_why_and_how_many_wait() -> None:
    problem = {"cause": "The user is locked.", "fix": "Unlock it.", "who": "admin"}
    said = headline(seen(replace(READY, state="stopped", problem=problem), queued=2))
    assert said.words == "The user is locked. 2 contacts wait for it."


# ── the page ───────────────────────────────────────────────────────────────────────────────────────────────────────


def deliver(acme: Caller, *numbers: int, **more: Any) -> None:
    acme.deliver("contacts", "contact.updated", [person(number, **more) for number in numbers])


def test_an_org_without_a_connection_is_led_to_the_first_run(console: Console) -> None:
    shown = console.get("")
    assert shown.page.one("h1").text == "Salesforce is not connected yet"
    assert any(link["href"].endswith("/first-run") for link in shown.main.all("a"))
    assert "Connect Salesforce" in shown.page.one("ul", class_="asks").text
    assert shown.text.count("Nothing in this time") == 3
    assert "Meetings None has arrived so far" in shown.text


def test_synced_contacts_are_counted_named_and_drawn(at_salesforce: Caller, console: Console) -> None:
    deliver(at_salesforce, 1, 2, 3)
    at_salesforce.sync()
    shown = console.get("")
    assert shown.page.one("h1").text == "All 3 contacts are in Salesforce"
    assert "Synced today 3" in shown.text
    assert len(shown.page.one("ul", class_="lately").all("li")) == 3
    drawn = [column.one("title").text for column in shown.page.all("g", class_="column")]
    assert "09:00: 1 taken in, 0 not readable" in drawn
    assert "09:00: 3 contacts, 0 meetings and events, 0 problems" in drawn
    assert "95 of 100 were there within 1 s." in shown.text


def test_what_lacks_details_needs_somebody(at_salesforce: Caller, console: Console) -> None:
    deliver(at_salesforce, 1)
    deliver(at_salesforce, 2, company=None)
    at_salesforce.sync()
    shown = console.get("")
    assert shown.page.one("h1").text == "1 contact needs you"
    assert "1 of 2 contacts are in Salesforce" in shown.text
    assert "1 contact waits in the Leads Inbox" in shown.text
    assert "1 waits in the Leads Inbox." in shown.page.one("div", class_="hero").text


def test_a_problem_says_how_many_contacts_it_holds_and_who_can_put_it_right(
    at_salesforce: Caller, console: Console
) -> None:
    hold(at_salesforce, 1, TITLE)
    asked = console.get("").page.one("ul", class_="asks").text
    assert "1 contact · Who can: You, or whoever looks after the event" in asked


@pytest.mark.parametrize("chosen", ["day", "week", "month", "year", "'\"><script>"])
def test_every_range_is_a_page_and_what_is_none_is_the_first(console: Console, chosen: str) -> None:
    shown = console.client.get("/o/acme", query_string={"range": chosen})
    assert shown.status_code == 200
    assert "<script>" not in re.sub(r"<script src=[^>]*>", "", shown.text)


def test_the_table_below_a_chart_says_the_same_numbers(console: Console, acme: Caller) -> None:
    with writing(acme.parts.engine) as db:
        at = acme.parts.now() - timedelta(hours=3)
        hourly.add(db, acme.org.id, hourly.of_deliveries([at] * 4321, "absorbed"))
    rows = [row.text for row in console.get("").page.all("tr")]
    assert "06:00 4,321 0" in rows


def test_another_orgs_hours_are_not_drawn(console: Console, other: Caller) -> None:
    with writing(other.parts.engine) as db:
        hourly.add(db, other.org.id, hourly.of_deliveries([other.parts.now()] * 7, "absorbed"))
    assert console.get("").text.count("Nothing in this time") == 3


def test_the_overview_asks_as_many_questions_of_many_contacts_as_of_few(
    at_salesforce: Caller, console: Console
) -> None:
    def asked() -> int:
        with counted_queries(console) as statements:
            assert console.get("").status == 200
        return len(statements)

    deliver(at_salesforce, 1, 2)
    deliver(at_salesforce, 3, last_name="x" * 200)
    at_salesforce.sync()
    few = asked()
    deliver(at_salesforce, *range(4, 31))
    deliver(at_salesforce, *range(31, 61), last_name="x" * 200)
    at_salesforce.sync()
    assert asked() == few


def test_viewers_may_look(console: Console) -> None:
    assert console.as_role(Role.VIEWER).get("").status == 200
