"""Members as the org wants them: statuses that a campaign lacks, attendances that were removed, records of the other object."""

from __future__ import annotations

import pytest

from contactsync.domain.records import SyncStatus
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_rules import only


def policy(world: World, **chosen: object) -> None:
    actions.set_policies(world.parts, world.org_id, chosen)


def connect(world: World, *labels: str) -> str:
    """A campaign with these statuses beside the two that each has, and the event that is connected to it."""
    campaign = world.seed(Campaign=[{"Name": "Expo"}])["Campaign"][0]
    for label in labels:
        world.seed(CampaignMemberStatus=[{"CampaignId": campaign, "Label": label}])
    world.event(name="Expo", campaign_id=campaign)
    world.sync()
    return campaign


def take_out(world: World, contact_id: str = "c-1") -> None:
    world.clock.forward(seconds=1)
    world.event(kind="event.contacts_removed", event_id="e-1", contacts=[{"id": contact_id}])
    world.sync()


def labels_of(world: World, campaign: str) -> set[str]:
    return {row["Label"] for row in world.crm("CampaignMemberStatus") if row["CampaignId"] == campaign}


def test_a_status_that_the_campaign_lacks_is_added_once_and_the_members_get_it(connected: World) -> None:
    policy(connected, status_map={"speaker": ["Speaker"]})
    campaign = connect(connected)
    going = {"events": [{"id": "e-1", "status": "speaker"}]}
    connected.contact(ada(**going), ada(id="c-2", email="bob@engines.example", **going))
    connected.sync()
    assert [member["Status"] for member in connected.crm("CampaignMember")] == ["Speaker", "Speaker"]
    assert "Speaker" in labels_of(connected, campaign)
    assert {connected.row(name).status for name in ("c-1", "c-2")} == {SyncStatus.SYNCED}


def test_an_org_that_adds_no_statuses_gets_none_and_is_told(connected: World) -> None:
    policy(connected, status_map={"speaker": ["Speaker"]}, create_member_statuses=False)
    campaign = connect(connected)
    connected.contact(ada(events=[{"id": "e-1", "status": "speaker"}]))
    connected.sync()
    assert "Speaker" not in labels_of(connected, campaign)
    assert only(connected.crm("CampaignMember"))["Status"] == "Sent"
    assert any("create_member_statuses" in line for line in connected.row("c-1").why)


@pytest.mark.parametrize(("removed", "statuses"), [("keep", ["Registered"]), ("status", ["Removed"]), ("remove", [])])
def test_a_removed_attendance_does_to_the_member_what_the_org_chose(
    connected: World, removed: str, statuses: list[str]
) -> None:
    policy(connected, removed_attendance=removed)
    connect(connected, "Registered", "Removed")
    connected.contact(ada(events=[{"id": "e-1", "status": "registered"}]))
    connected.sync()
    assert only(connected.crm("CampaignMember"))["Status"] == "Registered"
    take_out(connected)
    assert [member["Status"] for member in connected.crm("CampaignMember")] == statuses
    assert connected.row("c-1").status == SyncStatus.SYNCED


def test_whoever_attended_keeps_that_though_the_attendance_was_removed(connected: World) -> None:
    policy(connected, removed_attendance="status")
    connect(connected, "Attended", "Removed")
    connected.contact(ada(events=[{"id": "e-1", "status": "attended"}]))
    connected.sync()
    take_out(connected)
    assert only(connected.crm("CampaignMember"))["Status"] == "Attended"


def test_where_existing_records_are_preferred_one_address_stays_one_record_whatever_sync_as_says(
    connected: World,
) -> None:
    policy(connected, prefer_existing=True)
    connected.contact(ada(title="Countess"))
    connected.sync()
    connected.contact(ada(id="c-2", sync_as="contact", phone="+44 1"))
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert (lead["Title"], lead["Phone"], connected.crm("Contact"), connected.crm("Account")) == (
        "Countess",
        "+44 1",
        [],
        [],
    )
    assert {connected.row(name).status for name in ("c-1", "c-2")} == {SyncStatus.SYNCED}
