"""Events and their campaigns: made where the org's policy says so, once, before those who take part; else left in peace."""

from __future__ import annotations

from typing import Any

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_rules import campaign, only

SUMMIT = {"name": "Summit 2026", "starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-02T17:00:00Z"}


def making(world: World) -> None:
    actions.set_policies(world.parts, world.org_id, {"create_campaigns": True})


def rules(world: World, kind: str, **modes: str) -> None:
    """Give some rules of a kind, by their source, another mode."""
    present: list[dict[str, Any]] = actions.mapping(world.parts, world.org_id)[kind]["rules"]
    changed = [rule | {"mode": modes.get(rule["source"], rule["mode"])} for rule in present]
    actions.set_mapping(world.parts, world.org_id, kind, {"rules": changed})


def test_an_event_that_the_crm_has_nothing_to_do_with_costs_no_call_and_has_no_status(connected: World) -> None:
    connected.calls()
    connected.event(**SUMMIT)
    connected.sync()
    row = connected.of(t.event, "e-1")
    assert connected.calls() == 0
    assert (row.sync_status, row.due_at) == (None, None)


def test_a_campaign_is_made_of_an_event_and_who_takes_part_becomes_its_member_at_once(connected: World) -> None:
    making(connected)
    connected.contact(ada(events=[{"id": "e-1", "status": "attended"}]))
    connected.event(**SUMMIT)
    connected.sync()
    made = only(connected.crm("Campaign"))
    member = only(connected.crm("CampaignMember"))
    assert (made["Name"], made["StartDate"]) == ("Summit 2026", "2026-12-01")
    assert (member["CampaignId"], member["Status"]) == (made["Id"], "Responded")
    row = connected.of(t.event, "e-1")
    assert (row.sync_status, row.campaign_id, row.attempted) == (SyncStatus.SYNCED, made["Id"], None)


def test_a_campaign_that_has_the_events_name_is_taken_and_left_as_it_is(connected: World) -> None:
    there = connected.seed(Campaign=[{"Name": "SUMMIT 2026", "StartDate": "2026-12-01"}])["Campaign"][0]
    making(connected)
    connected.event(**SUMMIT)
    connected.sync()
    assert only(connected.crm("Campaign"))["Name"] == "SUMMIT 2026"
    assert connected.of(t.event, "e-1").campaign_id == there


@pytest.mark.parametrize("renamed", [False, True], ids=["unchanged", "renamed meanwhile"])
def test_an_answer_that_is_lost_after_the_commit_never_makes_a_second_campaign(connected: World, renamed: bool) -> None:
    making(connected)
    connected.fault(do="drop_after", times=1, match={"writes": True})
    connected.event(**SUMMIT)
    connected.sync()
    first = only(connected.crm("Campaign"))
    assert connected.of(t.event, "e-1").attempted == ["Summit 2026"]
    if renamed:
        connected.clock.forward(seconds=1)
        connected.event(name="Summit 2027")
    connected.clock.forward(hours=2)
    connected.sync()
    assert only(connected.crm("Campaign"))["Id"] == first["Id"]
    row = connected.of(t.event, "e-1")
    assert (row.sync_status, row.campaign_id, row.attempted) == (SyncStatus.SYNCED, first["Id"], None)


def test_a_connected_campaign_follows_the_event_where_a_rule_says_so(connected: World) -> None:
    campaign_id = campaign(connected, "Registered")
    rules(connected, "campaign", name="always")
    connected.event(**SUMMIT)
    connected.sync()
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign_id)
    connected.sync()
    assert only(connected.crm("Campaign"))["Name"] == "Summit 2026"
    connected.clock.forward(seconds=1)
    connected.event(name="Summit, new name")
    connected.calls()
    connected.sync()
    assert only(connected.crm("Campaign"))["Name"] == "Summit, new name"
    assert connected.calls() == 2
    connected.clock.forward(seconds=1)
    connected.event(name="Summit, new name", url="https://summit.example")
    connected.sync()
    assert connected.calls() == 0


def test_an_event_with_a_question_has_none_any_more_once_a_person_chose_also_no_campaign(connected: World) -> None:
    connected.seed(Campaign=[{"Name": "Summit 2026"}, {"Name": "Summit 2026"}])
    making(connected)
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "stop"})
    connected.event(**SUMMIT)
    connected.sync()
    asked = connected.of(t.event, "e-1")
    assert (asked.sync_status, asked.problem["code"]) == (SyncStatus.NEEDS_ATTENTION, "several_campaigns")
    actions.connect_event(connected.parts, connected.org_id, "e-1", None)
    connected.sync()
    row = connected.of(t.event, "e-1")
    assert (row.sync_status, row.problem_key, row.due_at) == (None, None, None)


def test_events_wait_for_a_connection_and_go_when_there_is_one(world: World) -> None:
    making(world)
    world.event(**SUMMIT)
    world.meeting(title="Demo", starts_at="2026-12-01T09:00:00Z", ends_at="2026-12-01T10:00:00Z")
    world.sync()
    waiting = world.of(t.event, "e-1")
    assert (waiting.sync_status, waiting.problem["code"], waiting.due_at) == ("queued", "not_connected", None)
    assert world.of(t.meeting, "m-1").problem["code"] == "not_connected"
    crm = {"instance_url": "http://127.0.0.1:9", "client_id": "id", "flow": "client_credentials"}
    actions.connect(world.parts, world.org_id, "salesforce", crm, {"client_secret": "secret"})
    assert world.of(t.event, "e-1").due_at == world.clock()
    assert world.of(t.meeting, "m-1").due_at == world.clock()


# ── a campaign that a person asks for ──────────────────────────────────────────────────────────────────────────────


def asked(world: World) -> bool:
    return actions.create_campaign(world.parts, world.org_id, "e-1")


def test_a_person_has_one_event_made_into_a_campaign_whatever_the_policy_says(connected: World) -> None:
    connected.contact(ada(events=[{"id": "e-1", "status": "attended"}]))
    connected.event(**SUMMIT)
    connected.event(id="e-2", name="Another")
    connected.sync()
    assert asked(connected)
    connected.sync()
    made, member = only(connected.crm("Campaign")), only(connected.crm("CampaignMember"))
    assert (made["Name"], member["CampaignId"]) == ("Summit 2026", made["Id"])
    row = connected.of(t.event, "e-1")
    assert (row.sync_status, row.campaign_id, row.campaign_made) == (SyncStatus.SYNCED, made["Id"], made["Id"])
    [entry] = [one for one in connected.rows(t.audit_entry) if one.action == "event.campaign_asked_for"]
    assert entry.about == "e-1"


def test_what_was_asked_for_twice_is_made_once_and_the_event_keeps_it_when_it_changes(connected: World) -> None:
    connected.event(**SUMMIT)
    connected.sync()
    assert asked(connected)
    assert asked(connected)
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.event(name="Summit, new name", campaign_id="701000000000000AAA")
    connected.sync()
    assert connected.of(t.event, "e-1").campaign_id == only(connected.crm("Campaign"))["Id"]


def test_a_lost_answer_does_not_make_the_campaign_that_was_asked_for_twice(connected: World) -> None:
    connected.event(**SUMMIT)
    connected.sync()
    connected.fault(do="drop_after", times=1, match={"writes": True})
    asked(connected)
    connected.sync()
    connected.clock.forward(hours=2)
    connected.sync()
    assert connected.of(t.event, "e-1").campaign_id == only(connected.crm("Campaign"))["Id"]


def test_a_campaign_that_the_platform_names_before_one_is_made_is_taken(connected: World) -> None:
    there = campaign(connected, "Registered")
    connected.event(**SUMMIT)
    connected.sync()
    asked(connected)
    connected.clock.forward(seconds=1)
    connected.event(campaign_id=there)
    connected.sync()
    assert connected.of(t.event, "e-1").campaign_id == only(connected.crm("Campaign"))["Id"] == there


def test_another_campaign_or_none_can_be_chosen_after_one_was_asked_for(connected: World) -> None:
    connected.event(**SUMMIT)
    connected.sync()
    asked(connected)
    connected.sync()
    actions.connect_event(connected.parts, connected.org_id, "e-1", None)
    connected.sync()
    row = connected.of(t.event, "e-1")
    assert (row.campaign_id, row.sync_status) == (None, None)
    asked(connected)
    connected.sync()
    assert connected.of(t.event, "e-1").campaign_id == only(connected.crm("Campaign"))["Id"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"starts_at": SUMMIT["starts_at"]}, "no name yet"),
        ({**SUMMIT, "campaign_id": "701000000000000AAA"}, "connected to a campaign already"),
    ],
)
def test_an_event_that_cannot_have_one_made_says_why(connected: World, said: dict[str, Any], words: str) -> None:
    connected.event(**said)
    connected.sync()
    with pytest.raises(actions.NotReady, match=words):
        asked(connected)


def test_a_deleted_event_gets_none_and_an_unknown_one_is_not_found(connected: World) -> None:
    assert not asked(connected)
    connected.event(**SUMMIT)
    connected.event(kind="event.deleted")
    connected.sync()
    with pytest.raises(actions.NotReady, match="deleted at the event platform"):
        asked(connected)


def test_no_campaign_is_called_as_the_choice_of_an_own_one_is_kept(connected: World) -> None:
    with pytest.raises(RefusedInput) as refused:
        actions.connect_event(connected.parts, connected.org_id, "e-1", OWN_CAMPAIGN)
    assert "without spaces" in refused.value.fields["campaign_id"]
