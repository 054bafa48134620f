"""The pages of meetings: the list, and one with those who take part, its preview, its history, and undoing it."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from contactsync.domain.roles import Role
from contactsync.store import tables as t
from contactsync.store.engine import reading
from tests.console.conftest import Console, Shown, person
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock

DEMO: dict[str, Any] = {
    "id": "m-1",
    "title": "Demo",
    "starts_at": "2026-12-01T09:00:00Z",
    "ends_at": "2026-12-01T09:45:00Z",
    "location": "Booth 12",
    "attendees": [
        {"contact_id": "c-1", "response": "accepted", "attended": True},
        {"email": "guest@elsewhere.example", "response": "declined"},
    ],
}


def arrive(acme: Caller, **more: Any) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.deliver("meetings", "meeting.created", DEMO | more)
    acme.absorb()


def titles(shown: Shown) -> list[str]:
    assert shown.status == 200, shown.text
    return [each.text for each in shown.main.all("a", class_="name")]


def test_before_any_meeting_the_page_says_how_they_come(console: Console) -> None:
    assert "No meetings yet" in console.get("/meetings").text


def test_meetings_are_listed_with_their_event_and_status_and_filtered(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    acme.deliver("events", "event.created", {"id": "ev-1", "name": "Expo"})
    arrive(acme, event_id="ev-1")
    acme.sync()
    acme.deliver("meetings", "meeting.created", DEMO | {"id": "m-2", "title": "Later"})
    acme.absorb()
    shown = console.get("/meetings")
    later, demo = shown.main.one("tbody").all("tr")
    assert "Demo Tue 1 Dec 2026, 09:00 – 09:45 Expo 2" in demo.text
    assert "Synced just now" in demo.text
    assert "Waiting" in later.text
    assert titles(console.get("/meetings?status=queued")) == ["Later"]
    assert titles(console.get("/meetings?event=1")) == ["Demo"]
    assert "Nothing here" in console.get("/meetings?status=needs_attention").text
    assert titles(console.get("/meetings?status=nonsense&before=x&event=x")) == ["Later", "Demo"]
    assert console.get("/meetings?event=77").status == 404
    assert titles(console.get("/events/1/meetings")) == ["Demo"]


def test_a_meeting_shows_who_takes_part_and_what_became_of_it(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme)
    acme.sync()
    shown = console.get("/meetings/1")
    ada, guest = shown.main.one("section", id="people").one("tbody").all("tr")
    assert "Ada Lovelace 1 ada1@example.com Accepted Was there Synced Lead" in ada.text
    assert "guest@elsewhere.example Not one of your contacts Declined" in guest.text
    assert "It is in Salesforce" in shown.text
    [activity] = salesforce.holds("Event")
    assert activity["Id"] in shown.text
    assert "Brought to Salesforce" in shown.text
    assert console.get("/meetings/2").status == 404


def test_what_holds_a_meeting_up_is_told_with_what_to_do(console: Console, acme: Caller, at_salesforce: Caller) -> None:
    arrive(acme, starts_at=None, ends_at=None)
    acme.sync()
    shown = console.get("/meetings/1")
    assert "Needs attention" in shown.text
    assert "Give the meeting a start at the event platform." in shown.text


def test_a_preview_shows_what_would_change_and_changes_nothing(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme)
    shown = console.get("/meetings/1/preview")
    assert "New Calendar event" in shown.text
    assert "Booth 12" in shown.text
    assert salesforce.holds("Event") == []
    acme.sync()
    assert "Nothing would change" in console.get("/meetings/1/preview").text


def test_a_preview_without_a_crm_says_why_and_a_salesforce_that_is_away_too(
    console: Console, acme: Caller, salesforce: Salesforce
) -> None:
    arrive(acme)
    shown = console.get("/meetings/1/preview")
    assert (shown.status, "not connected" in shown.text) == (409, True)
    assert "contactsync connect" not in shown.text
    assert (
        "/settings/connection" in shown.main.one("section", id="preview").one("div", class_="notice").one("a")["href"]
    )
    theirs = console.as_role(Role.EDITOR).get("/meetings/1/preview")
    assert "An admin of your org can look at the Salesforce connection." in theirs.text
    assert console.get("/meetings/1/preview", headers={"HX-Request": "true"}).status == 200
    salesforce.connect(acme.parts, acme.org.id)
    acme.sync()
    salesforce.does("faults", do="status", times=50)
    shown = console.get("/meetings/1/preview")
    assert (shown.status, "try again in a minute" in shown.text) == (503, True)


def test_a_meeting_is_brought_now_and_one_that_was_deleted_is_not(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce, clock: Clock
) -> None:
    arrive(acme)
    assert "On its way" in console.follow(console.post("/meetings/1/sync")).text
    acme.sync()
    assert len(salesforce.holds("Event")) == 1
    clock.pass_by(seconds=1)
    acme.deliver("meetings", "meeting.deleted", {"id": "m-1"})
    acme.sync()
    shown = console.follow(console.post("/meetings/1/sync"))
    assert "it is not synced any more" in shown.text
    assert "Sync now" not in shown.text
    assert console.as_role(Role.VIEWER).post("/meetings/1/sync").status == 403


def test_a_change_is_undone_after_it_was_shown_what_that_means(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce, clock: Clock
) -> None:
    arrive(acme)
    acme.sync()
    clock.pass_by(minutes=1)
    acme.deliver("meetings", "meeting.updated", DEMO | {"location": "Booth 99"})
    acme.sync()
    assert salesforce.holds("Event")[0]["Location"] == "Booth 99"
    shown = console.get("/meetings/1")
    [undo] = [each["href"] for each in shown.main.all("a") if re.search(r"/undo$", each.attributes.get("href", ""))]
    asked = console.get(undo, whole=True)
    assert "1 record would be put back" in asked.text
    assert "Booth 99" in asked.text
    assert salesforce.holds("Event")[0]["Location"] == "Booth 99"
    done = console.follow(console.post(undo, whole=True))
    assert "Put back: 1 field in 1 record, as they were before." in done.text
    assert salesforce.holds("Event")[0]["Location"] == "Booth 12"
    assert "This was undone already" in console.get(undo, whole=True).text
    viewer = console.as_role(Role.VIEWER)
    assert (viewer.get(undo, whole=True).status, viewer.post(undo, whole=True).status) == (403, 403)


def test_a_run_of_something_else_is_no_run_of_the_meeting(
    console: Console, acme: Caller, at_salesforce: Caller
) -> None:
    arrive(acme)
    acme.sync()
    with reading(acme.parts.engine) as db:
        run = db.execute(sa.select(t.sync_run.c.id).where(t.sync_run.c.subject == "contact")).scalar_one()
    assert console.get(f"/meetings/1/runs/{run}/undo").status == 404
    assert console.post(f"/meetings/1/runs/{run}/undo").status == 404


def test_the_zone_that_all_meetings_share_is_said_once_above_them(console: Console, acme: Caller) -> None:
    arrive(acme, timezone="Europe/Berlin")
    shown = console.get("/meetings").main
    assert shown.one("p", class_="table-note").text == "Times are those of Europe/Berlin."
    assert shown.one("tbody").one("small").text == "Tue 1 Dec 2026, 10:00 – 10:45"


def test_a_meeting_that_waits_for_a_stopped_connection_says_so_and_get_started_too(
    console: Console, acme: Caller, at_salesforce: Caller, salesforce: Salesforce
) -> None:
    arrive(acme)
    acme.sync()
    refused = {"error": "invalid_client", "error_description": "invalid client credentials"}
    salesforce.does("faults", do="expired_token", times=1)
    salesforce.does("faults", do="status", status=400, times=9, match={"path": "oauth2/token"}, body=refused)
    console.post("/contacts/1/sync")
    acme.sync()  # what was in the turn tells the problem itself, what comes after it does not
    console.post("/meetings/1/sync")
    state = console.get("/meetings/1").main.one("section", id="standing")
    assert "It waits for the Salesforce connection" in state.text
    assert state.all("a")[0]["href"].endswith("/settings/connection")
    assert console.get("/first-run").page.one("h1").text != "You are all set"
    assert "is-done" not in console.get("/first-run").main.one("li", id="step-connect")["class"]
