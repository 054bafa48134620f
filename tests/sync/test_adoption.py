"""A record that the CRM takes ours for is used instead of a new one: linked, and the contact goes again at once, once."""

from __future__ import annotations

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_rules import only

RESEMBLES = {"object": "Lead", "fields": ["LastName", "Company"], "action": "block"}


def resembling(world: World, *more: dict[str, str]) -> list[str]:
    """Leads with another address that a blocking rule takes for ours; their ids."""
    leads = [{"LastName": "Lovelace", "Company": "Engines", "Email": "a.l@elsewhere.example"}, *more]
    ids = world.seed(Lead=leads)["Lead"]
    world.admin("duplicate_rules", RESEMBLES)
    return ids


def test_a_blocked_lead_is_the_one_that_it_resembles_and_is_updated_in_the_same_bell(connected: World) -> None:
    (there,) = resembling(connected)
    connected.contact(ada(title="Countess"))
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert (lead["Id"], lead["Title"], lead["Email"]) == (there, "Countess", "a.l@elsewhere.example")
    assert (connected.row("c-1").status, connected.row("c-1").crm_id) == (SyncStatus.SYNCED, there)
    (link,) = [row for row in connected.rows(t.link) if row.kind == "Lead"]
    assert (link.source, link.crm_id, link.created_by_us) == ("c-1", there, False)
    assert [run.outcome for run in connected.rows(t.sync_run)] == ["retrying", "synced"]


def test_of_several_a_person_is_asked_where_the_org_says_so(connected: World) -> None:
    resembling(connected, {"LastName": "Lovelace", "Company": "Engines", "Email": "b.l@elsewhere.example"})
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "stop"})
    connected.contact(ada())
    connected.sync()
    row = connected.row("c-1")
    assert (row.status, row.problem["code"]) == (SyncStatus.NEEDS_ATTENTION, "duplicates_detected")
    assert len(connected.crm("Lead")) == 2
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "first"})
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert len(connected.crm("Lead")) == 2


def test_one_blocked_row_does_not_hold_up_the_others_of_its_batch(connected: World) -> None:
    (there,) = resembling(connected)
    connected.contact(ada(), *(ada(id=f"c-{n}", email=f"p{n}@b.example", last_name=f"L{n}") for n in range(2, 30)))
    connected.sync()
    assert {row.status for row in connected.rows(t.contact)} == {SyncStatus.SYNCED}
    assert connected.row("c-1").crm_id == there
    assert len(connected.crm("Lead")) == 29
