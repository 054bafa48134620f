"""What was captured in the Leads Inbox waits for a person, where the org wants it so."""

from __future__ import annotations

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.store import queue
from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.store.resyncs import ResyncFilter
from contactsync.sync import actions
from tests.sync.conftest import ada


def captured(**more):
    return ada(source="Leads Inbox", **more)


@pytest.fixture
def reviewing(connected):
    actions.set_policies(connected.parts, connected.org_id, {"review_inbox": True})
    return connected


def status(world, contact_id="c-1"):
    row = world.row(contact_id)
    return row.status, row.missing


def test_a_captured_contact_waits_until_it_is_approved_and_then_goes_by_itself(reviewing):
    reviewing.contact(captured())
    reviewing.sync()
    assert status(reviewing) == ("incomplete", ["approval"])
    assert reviewing.crm("Lead") == []
    rung = len(reviewing.parts.bell.orgs)
    assert actions.approve_contacts(reviewing.parts, reviewing.org_id, ["c-1"]) == 1
    assert len(reviewing.parts.bell.orgs) == rung + 1
    reviewing.sync()
    assert status(reviewing) == ("synced", None)
    assert len(reviewing.crm("Lead")) == 1


def test_other_contacts_do_not_wait(reviewing):
    reviewing.contact(ada(source="webinar"), ada(id="c-2", email="bob@engines.example"))
    reviewing.sync()
    assert status(reviewing) == status(reviewing, "c-2") == ("synced", None)


def test_without_the_policy_a_captured_contact_goes_at_once(connected):
    connected.contact(captured())
    connected.sync()
    assert status(connected) == ("synced", None)


@pytest.mark.parametrize("path", ["webhook", "sync now", "resync", "policy", "preview"])
def test_whatever_makes_it_due_it_waits(reviewing, path):
    reviewing.contact(captured())
    reviewing.sync()
    reviewing.clock.forward(seconds=5)
    match path:
        case "webhook":
            reviewing.contact(captured(title="Countess"))
        case "sync now":
            assert actions.sync_now(reviewing.parts, reviewing.org_id, "c-1")
        case "resync":
            actions.start_resync(reviewing.parts, reviewing.org_id, ResyncFilter(all=True), forced=True)
        case "policy":
            actions.set_policies(reviewing.parts, reviewing.org_id, {"sync_as_default": "contact"})
        case "preview":
            with pytest.raises(actions.NotReady) as refused:
                actions.preview(reviewing.parts, reviewing.org_id, "c-1")
            assert list(refused.value.fields) == ["approval"]
            assert "approves" in refused.value.fields["approval"]
    reviewing.sync()
    assert status(reviewing) == ("incomplete", ["approval"])
    assert reviewing.crm("Lead") == []


def test_what_it_lacks_beside_is_named_too_and_an_approval_alone_sends_nothing(reviewing):
    reviewing.contact(captured(last_name=None))
    reviewing.sync()
    assert status(reviewing) == ("incomplete", ["last_name", "approval"])
    actions.approve_contacts(reviewing.parts, reviewing.org_id, ["c-1"])
    reviewing.sync()
    assert status(reviewing) == ("incomplete", ["last_name"])
    reviewing.contact(captured(), sent_at="2026-11-25T09:00:00.000000Z")
    reviewing.sync()
    assert status(reviewing) == ("synced", None)


def test_turning_the_policy_off_lets_all_go_and_turning_it_on_holds_none_that_is_in_the_crm(reviewing):
    reviewing.contact(captured())
    reviewing.sync()
    actions.set_policies(reviewing.parts, reviewing.org_id, {"review_inbox": False})
    reviewing.sync()
    assert status(reviewing) == ("synced", None)
    actions.set_policies(reviewing.parts, reviewing.org_id, {"review_inbox": True})
    reviewing.clock.forward(seconds=5)
    reviewing.contact(captured(title="Countess"), captured(id="c-2", email="bob@engines.example"))
    reviewing.sync()
    assert [lead["Title"] for lead in reviewing.crm("Lead")] == ["Countess"]
    assert status(reviewing) == ("synced", None)
    assert status(reviewing, "c-2") == ("incomplete", ["approval"])


def test_an_approval_counts_once_and_only_for_contacts_that_are_there(reviewing):
    reviewing.contact(captured(), captured(id="c-2", email="bob@engines.example"))
    reviewing.sync()
    reviewing.deliver("contacts", "contact.deleted", {"id": "c-2"}, "2026-11-25T09:00:00.000000Z")
    reviewing.sync()
    ids = ["c-1", "c-2", "nobody", "c-1"]
    assert actions.approve_contacts(reviewing.parts, reviewing.org_id, ids) == 1
    assert actions.approve_contacts(reviewing.parts, reviewing.org_id, ids) == 0
    assert actions.approve_contacts(reviewing.parts, reviewing.org_id, []) == 0
    written = [(row.action, row.details) for row in reviewing.rows(t.audit_entry) if row.action == "contacts.approved"]
    assert written == [("contacts.approved", {"contacts": 1})]
    assert reviewing.row("c-2").status == "excluded"


def test_an_approval_counts_for_one_that_is_being_tried_again_as_it_was_before(connected):
    connected.fault(do="rows", times=9, match={"writes": True}, error={"statusCode": "UNABLE_TO_LOCK_ROW"})
    connected.contact(captured())
    connected.sync()
    before = connected.row("c-1")
    assert before.status == "retrying"
    actions.set_policies(connected.parts, connected.org_id, {"review_inbox": True})
    assert actions.approve_contacts(connected.parts, connected.org_id, ["c-1"]) == 1
    assert connected.row("c-1").change > before.change


def test_what_was_corrected_and_approved_goes_as_corrected_however_long_the_correction_waits(reviewing):
    reviewing.contact(captured())
    reviewing.sync()
    reviewing.clock.forward(seconds=5)
    actions.edit_contacts(reviewing.parts, reviewing.org_id, {"c-1": {"email": "right@engines.example"}})
    actions.approve_contacts(reviewing.parts, reviewing.org_id, ["c-1"])
    with reading(reviewing.parts.engine) as db:  # a worker between absorbing and syncing, or behind a burst
        assert queue.claim(db, reviewing.org_id, None, reviewing.clock(), 10) == ()
    reviewing.sync()
    assert [lead["Email"] for lead in reviewing.crm("Lead")] == ["right@engines.example"]


def test_the_policy_is_true_or_false(world):
    with pytest.raises(RefusedInput) as refused:
        actions.set_policies(world.parts, world.org_id, {"review_inbox": "yes"})
    assert refused.value.fields == {"review_inbox": "Write true or false."}


def test_a_meeting_says_nothing_of_an_attendee_that_nobody_approved_and_gets_them_afterwards(reviewing):
    reviewing.contact(captured(first_name="Zerlina"), ada(id="c-2", email="bob@engines.example", first_name="Bob"))
    times = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}
    attendees = [{"contact_id": "c-2"}, {"contact_id": "c-1"}, {"email": "ada@engines.example"}]
    reviewing.meeting(title="Demo", attendees=attendees, **times)
    reviewing.sync()
    (activity,) = reviewing.crm("Event")
    assert "Zerlina" not in str(activity)
    assert "ada@engines.example" not in str(activity)
    (step,) = actions.preview_meeting(reviewing.parts, reviewing.org_id, "m-1").steps
    assert "Zerlina" not in str(step)
    actions.approve_contacts(reviewing.parts, reviewing.org_id, ["c-1"])
    reviewing.sync()
    lead = next(one["Id"] for one in reviewing.crm("Lead") if one["FirstName"] == "Zerlina")
    assert reviewing.of(t.meeting, "m-1").sync_status == "synced"
    assert lead in {one["RelationId"] for one in reviewing.crm("EventRelation")}
