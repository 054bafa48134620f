"""Calls to Salesforce are counted exactly: they are what an org pays with (DESIGN §8)."""

from __future__ import annotations

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_rules import campaign


def whole(n: int, companies: int = 1, owners: int = 1) -> dict[str, object]:
    """A contact with company, owner and campaign."""
    company = f"company-{n % companies}"
    return ada(
        id=f"c-{n}",
        email=f"person-{n}@{company}.example",
        company={"name": f"Company {n % companies}", "domain": f"{company}.example"},
        sync_as="contact",
        owner_email=f"owner-{n % owners}@acme.example",
        events=[{"id": "e-1", "status": "registered"}],
    )


def prepared(world: World, owners: int = 1) -> None:
    campaign_id = campaign(world, "Registered", "Attended")
    people = [
        {"LastName": f"O{n}", "Email": f"owner-{n}@acme.example", "Username": f"o{n}@acme.example"}
        for n in range(owners)
    ]
    world.seed(User=people)
    actions.connect_event(world.parts, world.org_id, "e-1", campaign_id)


def test_one_new_contact_with_company_owner_and_campaign_costs_two_calls(connected: World) -> None:
    prepared(connected)
    connected.contact(whole(1))
    connected.calls()
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert connected.calls() == 2
    (contact,) = connected.crm("Contact")
    (account,) = connected.crm("Account")
    (member,) = connected.crm("CampaignMember")
    assert (contact["AccountId"], member["ContactId"]) == (account["Id"], contact["Id"])


def test_an_unchanged_contact_costs_none_and_leaves_no_run(connected: World) -> None:
    prepared(connected)
    connected.contact(whole(1))
    connected.sync()
    runs = len(connected.rows(t.sync_run))
    connected.calls()
    connected.clock.forward(seconds=1)
    connected.contact(whole(1))
    connected.contact(whole(1) | {"custom": {"unmapped": "changed, but no rule reads it"}})
    connected.sync()
    assert connected.calls() == 0
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert len(connected.rows(t.sync_run)) == runs


def test_a_contact_that_was_changed_back_by_hand_is_looked_at_when_asked_for(connected: World) -> None:
    prepared(connected)
    connected.contact(whole(1) | {"title": "Ours"})
    connected.sync()
    connected.calls()
    assert actions.sync_now(connected.parts, connected.org_id, "c-1")
    connected.sync()
    assert connected.calls() == 1, "looked at, nothing to write"


def test_a_burst_is_brought_in_full_batches_and_few_calls(connected: World) -> None:
    """1,000 contacts of 200 companies: one read, one composite each of Accounts, people and members."""
    prepared(connected, owners=20)
    for start in range(0, 1000, 100):
        connected.contact(*(whole(n, companies=200, owners=20) for n in range(start, start + 100)))
    connected.calls()
    connected.sync()
    assert connected.calls() == 4
    assert len(connected.crm("CampaignMember")) == 1000
    assert len(connected.crm("Account")) == 200
