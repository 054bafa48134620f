"""Nothing wrong, and nothing twice, is written into somebody's CRM: what a hostile reader found."""

from __future__ import annotations

from contactsync.standin import Options, serve
from contactsync.store import tables as t
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_event_campaigns import rules
from tests.sync.test_meetings import DEMO
from tests.sync.test_rules import only


def connect_to(world: World, url: str) -> None:
    settings = {"instance_url": url, "client_id": "id", "flow": "client_credentials"}
    actions.connect(world.parts, world.org_id, "salesforce", settings, {"client_secret": "secret"})


def test_back_in_a_crm_that_was_left_a_meeting_is_still_the_same_activity(connected: World) -> None:
    connected.contact(ada())
    connected.meeting(**DEMO, attendees=[{"contact_id": "c-1"}])
    connected.sync()
    production = connected.standin
    assert production is not None
    first = (only(connected.crm("Event"))["Id"], only(connected.crm("Lead"))["Id"])
    connected.by_hand("Lead", first[1], Email="ada@home.example")
    with serve(options=Options(client_id="id", client_secret="secret")) as sandbox:
        connect_to(connected, sandbox.url)
        connected.sync()
        connect_to(connected, production.url)
        connected.sync()
    assert (only(connected.crm("Event"))["Id"], only(connected.crm("Lead"))["Id"]) == first
    assert connected.of(t.meeting, "m-1").crm_id == first[0]
    assert len([row for row in connected.rows(t.connection) if row.replaced_at is None]) == 1


def test_a_record_that_a_duplicate_rule_named_keeps_its_own_address_and_its_owner_stays_one(connected: World) -> None:
    (there,) = connected.seed(Lead=[{"LastName": "Lovelace", "Company": "Engines", "Email": "a.l@elsewhere.example"}])[
        "Lead"
    ]
    connected.admin("duplicate_rules", {"object": "Lead", "fields": ["LastName", "Company"], "action": "block"})
    connected.contact(ada(title="Countess"))
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert (lead["Id"], lead["Title"], lead["Email"]) == (there, "Countess", "a.l@elsewhere.example")
    told = connected.rows(t.sync_run)[-1].steps[-1]["left"]["Email"]
    assert "keeps it" in told and "a.l@" not in told
    connected.clock.forward(seconds=1)
    connected.contact(ada(title="Analyst", email="ada@new.example"), ada(id="c-2", email="a.l@elsewhere.example"))
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert (lead["Id"], lead["Email"], connected.row("c-2").crm_id) == (there, "a.l@elsewhere.example", there)


def test_a_preview_of_a_contact_that_shares_its_record_shows_what_the_sync_then_does(connected: World) -> None:
    connected.contact(ada(title="Countess", updated_at="2026-11-02T00:00:00Z"))
    connected.sync()
    connected.contact(ada(id="c-2", title="Analyst", phone="+44 1", updated_at="2026-11-01T00:00:00Z"))
    absorbed(connected)
    plan = actions.preview(connected.parts, connected.org_id, "c-2")
    assert plan is not None
    previewed = [dict(step.fields) for step in plan.steps]
    connected.sync()
    done = [
        {name: told["new"] for name, told in step["fields"].items()} for step in connected.rows(t.sync_run)[-1].steps
    ]
    assert previewed == done == [{"Phone": "+44 1"}]


def absorbed(world: World) -> None:
    """Deliveries are in their rows, and the CRM was not written."""
    world.fault(do="status", status=503, times=1)
    world.sync()
    world.clock.forward(hours=1)


def test_without_a_line_in_the_description_a_meeting_never_takes_another_ones_activity(connected: World) -> None:
    rules(connected, "meeting", description="off")
    connected.contact(ada())
    who = {"attendees": [{"contact_id": "c-1"}]}
    connected.meeting(**DEMO, **who)
    connected.sync()
    connected.fault(do="status", status=500, times=1, match={"writes": True})
    connected.meeting(id="m-2", **DEMO, **who)
    connected.sync()
    connected.clock.forward(hours=1)
    connected.sync()
    ids = {connected.of(t.meeting, name).crm_id for name in ("m-1", "m-2")}
    assert len(ids) == 2
    assert {activity["Id"] for activity in connected.crm("Event")} == ids


def test_in_another_crm_no_record_of_the_one_that_was_left_is_shown(connected: World) -> None:
    connected.contact(ada())
    connected.meeting(**DEMO, attendees=[{"contact_id": "c-1"}])
    connected.sync()
    with serve(options=Options(client_id="id", client_secret="secret")) as sandbox:
        connect_to(connected, sandbox.url)
        contact, meeting = connected.row("c-1"), connected.of(t.meeting, "m-1")
    assert (contact.crm_kind, contact.crm_id, contact.last_synced_at) == (None, None, None)
    assert (meeting.crm_id, meeting.last_synced_at) == (None, None)
