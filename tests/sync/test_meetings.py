"""Meetings become Activities (rule 10): who goes first, what it costs, and never a second one, whatever happens between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.sync import actions
from tests.fixtures.waiting import wait_until
from tests.sync.conftest import World, ada
from tests.sync.test_rules import only

DEMO = {
    "title": "Demo",
    "starts_at": "2026-11-25T10:00:00+01:00",
    "ends_at": "2026-11-25T10:30:00+01:00",
    "host_email": "host@acme.example",
    "notes": "Bring the model",
}


def five(sync_as: str = "lead") -> list[dict[str, Any]]:
    return [ada(id=f"c-{n}", email=f"p{n}@engines.example", sync_as=sync_as) for n in range(1, 6)]


def attended_by(*contact_ids: str) -> dict[str, Any]:
    return DEMO | {"attendees": [{"contact_id": contact_id} for contact_id in contact_ids]}


def host(world: World) -> str:
    made = world.seed(User=[{"LastName": "Host", "Email": "host@acme.example", "Username": "host@acme.example"}])
    return made["User"][0]


def described(world: World) -> None:
    """An earlier meeting, by which Salesforce's descriptions are known: they are asked for every ten minutes."""
    world.contact(ada(id="c-0", email="zero@engines.example"), ada(id="c-00", email="zerozero@engines.example"))
    world.meeting(id="m-0", **attended_by("c-0", "c-00"))
    world.sync()
    world.calls()


def activity_of(world: World, meeting_id: str = "m-1") -> dict[str, Any]:
    """What the meeting became."""
    row = world.of(t.meeting, meeting_id)
    return only([one for one in world.crm("Event") if one["Id"] == row.crm_id])


def everybody() -> tuple[str, ...]:
    return tuple(f"c-{n}" for n in range(1, 6))


def test_a_meeting_with_five_synced_attendees_costs_two_calls(connected: World) -> None:
    owner = host(connected)
    described(connected)
    connected.contact(*five())
    connected.sync()
    connected.calls()
    connected.meeting(**attended_by(*everybody()))
    connected.sync()
    assert connected.calls() == 2
    activity = activity_of(connected)
    assert (activity["Subject"], activity["OwnerId"]) == ("Demo", owner)
    assert activity["StartDateTime"].startswith("2026-11-25T09:00:00")
    assert activity["WhoId"] == connected.row("c-1").crm_id
    row = connected.of(t.meeting, "m-1")
    assert (row.sync_status, row.crm_id, row.attempted) == (SyncStatus.SYNCED, activity["Id"], None)


def test_a_meeting_with_five_new_attendees_costs_four_calls_and_goes_after_them(connected: World) -> None:
    host(connected)
    described(connected)
    connected.meeting(**attended_by(*everybody()))
    connected.contact(*five())
    connected.sync()
    assert connected.calls() == 4
    activity = activity_of(connected)
    people = {row["RelationId"] for row in connected.crm("EventRelation") if row["EventId"] == activity["Id"]}
    ids = [connected.row(contact_id).crm_id for contact_id in everybody()]
    assert activity["WhoId"] == ids[0]
    assert people | {ids[0]} == set(ids)


def test_an_unchanged_meeting_costs_nothing(connected: World) -> None:
    host(connected)
    connected.contact(ada())
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    connected.calls()
    connected.clock.forward(seconds=1)
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    assert connected.calls() == 0
    assert connected.of(t.meeting, "m-1").sync_status == SyncStatus.SYNCED


def test_put_off_cancelled_and_not_held_change_the_same_activity(connected: World) -> None:
    host(connected)
    connected.contact(ada())
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    made = only(connected.crm("Event"))["Id"]
    connected.clock.forward(seconds=1)
    connected.meeting(starts_at="2026-11-26T09:00:00Z", ends_at="2026-11-26T10:00:00Z")
    connected.sync()
    assert only(connected.crm("Event"))["StartDateTime"].startswith("2026-11-26T09:00:00")
    connected.clock.forward(seconds=1)
    connected.meeting(kind="meeting.cancelled")
    connected.sync()
    activity = only(connected.crm("Event"))
    assert (activity["Id"], activity["Subject"]) == (made, "Cancelled: Demo")
    connected.clock.forward(seconds=1)
    connected.meeting(status="no_show")
    connected.sync()
    assert only(connected.crm("Event"))["Subject"] == "No show: Demo"


def test_a_meeting_that_was_cancelled_before_it_was_an_activity_becomes_none_and_says_so(connected: World) -> None:
    connected.contact(ada())
    connected.meeting(kind="meeting.cancelled", **attended_by("c-1"))
    connected.sync()
    row = connected.of(t.meeting, "m-1")
    assert connected.crm("Event") == []
    assert (row.sync_status, row.crm_id) == (SyncStatus.EXCLUDED, None)
    assert row.why


@pytest.mark.parametrize("put_off", [False, True], ids=["unchanged", "put off meanwhile"])
def test_an_answer_that_is_lost_after_the_commit_never_makes_a_second_activity(connected: World, put_off: bool) -> None:
    host(connected)
    connected.contact(ada())
    connected.sync()
    connected.fault(do="drop_after", times=1, match={"writes": True})
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    first = only(connected.crm("Event"))
    row = connected.of(t.meeting, "m-1")
    assert (row.sync_status, row.crm_id) == (SyncStatus.RETRYING, None)
    assert row.attempted == ["2026-11-25T09:00:00Z"]
    if put_off:
        connected.clock.forward(seconds=1)
        connected.meeting(starts_at="2026-12-01T09:00:00Z", ends_at="2026-12-01T10:00:00Z")
    connected.clock.forward(hours=2)
    connected.sync()
    activity = only(connected.crm("Event"))
    assert activity["Id"] == first["Id"]
    assert activity["StartDateTime"].startswith("2026-12-01" if put_off else "2026-11-25")
    row = connected.of(t.meeting, "m-1")
    assert (row.sync_status, row.crm_id, row.attempted) == (SyncStatus.SYNCED, first["Id"], None)


def test_an_activity_that_somebody_deleted_is_made_again_once(connected: World) -> None:
    host(connected)
    connected.contact(ada())
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    gone = only(connected.crm("Event"))["Id"]
    connected.admin("delete", {"object": "Event", "ids": [gone]})
    connected.clock.forward(seconds=1)
    connected.meeting(title="Second demo")
    connected.sync()
    activity = only([row for row in connected.crm("Event") if not row.get("IsDeleted")])
    assert activity["Id"] != gone
    assert connected.of(t.meeting, "m-1").crm_id == activity["Id"]


def test_an_activity_that_is_deleted_while_it_is_written_is_matched_again_and_made_once(connected: World) -> None:
    host(connected)
    connected.contact(ada())
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    gone = only(connected.crm("Event"))["Id"]
    connected.fault(do="hold_before", times=1, match={"writes": True})
    connected.clock.forward(seconds=1)
    connected.meeting(title="Second demo")
    with ThreadPoolExecutor(1) as pool:
        synced = pool.submit(connected.sync)
        wait_until(lambda: held(connected), what="the update waits at the CRM")
        connected.admin("delete", {"object": "Event", "ids": [gone]})
        connected.admin("release", {})
        synced.result(30)
    activity = only(connected.crm("Event"))
    assert (activity["Subject"], activity["Id"] != gone) == ("Second demo", True)
    row = connected.of(t.meeting, "m-1")
    assert (row.sync_status, row.crm_id) == (SyncStatus.SYNCED, activity["Id"])
    outcomes = [run.outcome for run in connected.rows(t.sync_run) if run.subject == "meeting"]
    assert outcomes == ["synced", "retrying", "synced"]


def held(world: World) -> bool:
    assert world.standin is not None
    return bool(requests.get(f"{world.standin.url}/_standin/held", timeout=5).json()["held"])


def test_an_attendee_that_is_synced_later_joins_the_activity_by_itself(connected: World) -> None:
    connected.contact(ada())
    connected.meeting(**DEMO, attendees=[{"contact_id": "c-1"}, {"email": "late@engines.example"}])
    connected.sync()
    before = activity_of(connected)
    connected.contact(ada(id="c-2", email="late@engines.example"))
    connected.sync()
    after = activity_of(connected)
    assert after["Id"] == before["Id"]
    relations = [row["RelationId"] for row in connected.crm("EventRelation") if row["EventId"] == after["Id"]]
    assert connected.row("c-2").crm_id in relations


def test_the_preview_of_a_meeting_writes_nothing(connected: World) -> None:
    host(connected)
    connected.contact(ada())
    connected.sync()
    connected.meeting(**attended_by("c-1"))
    connected.fault(do="status", status=500, times=1, match={"writes": True})
    connected.sync()
    planned = actions.preview_meeting(connected.parts, connected.org_id, "m-1")
    assert planned is not None
    assert planned.steps[0].action == "create"
    assert connected.crm("Event") == []
    assert actions.preview_meeting(connected.parts, connected.org_id, "m-9") is None


def test_a_meeting_that_is_asked_for_goes_even_if_nothing_changed(connected: World) -> None:
    connected.contact(ada())
    connected.meeting(**attended_by("c-1"))
    connected.sync()
    connected.calls()
    assert actions.sync_meeting_now(connected.parts, connected.org_id, "m-1")
    connected.sync()
    assert connected.calls() == 1, "looked at, nothing to write"
    assert not actions.sync_meeting_now(connected.parts, connected.org_id, "m-9")
