"""A record was made and nobody heard of it, then the contact's e-mail address changed: it is still one record (I3)."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.sync import actions
from tests.sync.conftest import World, ada

OLD, NEW = "ada@engines.example", "ada.lovelace@engines.example"


def lose_the_answer(world: World) -> None:
    """The CRM commits the next write and closes the line."""
    world.fault(times=1, do="drop_after", match={"writes": True})


def again(world: World) -> None:
    """After the pause, whatever waits goes once more."""
    world.clock.forward(hours=1)
    world.sync()


def attempted(world: World, contact_id: str = "c-1") -> Any:
    return world.row(contact_id).attempted


@pytest.mark.parametrize(("sync_as", "kind"), [("lead", "Lead"), ("contact", "Contact")])
def test_a_lost_create_and_another_address_before_the_retry_make_one_record(
    connected: World, sync_as: str, kind: str
) -> None:
    lose_the_answer(connected)
    connected.contact(ada(sync_as=sync_as))
    connected.sync()
    assert connected.row("c-1").status == "retrying"
    assert attempted(connected) == [OLD]
    connected.clock.forward(seconds=1)
    connected.contact(ada(sync_as=sync_as, email=NEW))
    again(connected)
    assert [row["Email"] for row in connected.crm(kind)] == [NEW]
    row = connected.row("c-1")
    assert (row.status, row.crm_id) == ("synced", connected.crm(kind)[0]["Id"])
    assert any("whose answer was lost" in line for line in row.why)
    assert attempted(connected) is None, "what became of it was heard"
    assert len(connected.crm("Account")) == (1 if kind == "Contact" else 0)


def test_two_lost_creates_under_two_addresses_are_found_under_a_third(connected: World) -> None:
    """The second finds what the first made, changes its address, and is not heard either."""
    addresses = (OLD, "second@engines.example")
    for address in addresses:
        lose_the_answer(connected)
        connected.contact(ada(email=address))
        again(connected)
        assert [row["Email"] for row in connected.crm("Lead")] == [address]
    assert attempted(connected) == list(addresses)
    connected.contact(ada(email=NEW))
    again(connected)
    assert [row["Email"] for row in connected.crm("Lead")] == [NEW]
    assert attempted(connected) is None


def test_a_record_that_was_there_before_is_known_again_when_the_answer_to_its_change_was_lost(connected: World) -> None:
    connected.seed(Lead=[{"LastName": "Lovelace", "Company": "Engines", "Email": OLD}])
    lose_the_answer(connected)
    connected.contact(ada(title="Countess"))
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW))
    again(connected)
    assert [(row["Email"], row["Title"]) for row in connected.crm("Lead")] == [(NEW, "Countess")]


def test_a_record_under_the_old_address_belongs_to_the_contact_that_has_the_address_now(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada())
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW), ada(id="c-2", first_name="Grace", last_name="Hopper"))
    again(connected)
    leads = {row["Email"]: row for row in connected.crm("Lead")}
    assert set(leads) == {OLD, NEW}
    assert leads[OLD]["LastName"] == "Hopper"
    assert connected.row("c-2").crm_id == leads[OLD]["Id"]
    assert connected.row("c-1").crm_id == leads[NEW]["Id"]


def test_a_record_that_another_contact_is_linked_to_is_not_taken_for_the_one_that_was_lost(connected: World) -> None:
    """Another contact keeps its old address in the CRM, where the mapping brings addresses to new records only."""
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    kept = [rule | ({"mode": "on_create"} if rule["source"] == "email" else {}) for rule in rules]
    actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": kept})
    connected.contact(ada(id="c-2", first_name="Grace", last_name="Hopper", email=OLD))
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact({"id": "c-2", "email": "grace@navy.example"})
    again(connected)
    connected.fault(times=1, do="drop_before", match={"writes": True})
    connected.contact(ada(title="Countess"))
    again(connected)
    assert attempted(connected) == [OLD], "the record of the other contact was about to be changed"
    connected.contact(ada(email=NEW))
    again(connected)
    assert {row["LastName"]: row["Email"] for row in connected.crm("Lead")} == {"Hopper": OLD, "Lovelace": NEW}


def test_a_contact_that_nobody_made_is_made_once_under_its_new_address(connected: World) -> None:
    connected.fault(times=1, do="drop_before", match={"writes": True})
    connected.contact(ada())
    connected.sync()
    assert attempted(connected) == [OLD]
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW))
    again(connected)
    assert [row["Email"] for row in connected.crm("Lead")] == [NEW]
    assert attempted(connected) is None


def test_what_was_refused_for_certain_is_not_looked_for_later(connected: World) -> None:
    refused = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No.", "fields": []}
    connected.fault(times=1, do="row", where={"object": "Lead"}, error=refused)
    connected.contact(ada())
    connected.sync()
    assert connected.row("c-1").status == "needs_attention"
    assert attempted(connected) is None


@pytest.mark.parametrize("count", [10, 260], ids=["few", "collections"])
def test_a_batch_whose_answers_were_lost_and_whose_addresses_all_changed_is_there_once(
    connected: World, count: int
) -> None:
    def people(domain: str) -> list[dict[str, Any]]:
        return [ada(id=f"c-{n}", email=f"p{n}@{domain}.example", sync_as="contact") for n in range(count)]

    lose_the_answer(connected)
    connected.contact(*people("old"))
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(*people("new"))
    again(connected)
    again(connected)
    assert sorted(row["Email"] for row in connected.crm("Contact")) == sorted(one["email"] for one in people("new"))
    assert len(connected.crm("Account")) == 1
    assert {row.status for row in connected.rows(t.contact)} == {"synced"}
    assert {row.attempted for row in connected.rows(t.contact)} == {None}


def test_two_contacts_with_one_lost_record_and_two_new_addresses_become_two_records(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada(), ada(id="c-2", first_name="Annabella"))
    connected.sync()
    assert len(connected.crm("Lead")) == 1
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW), ada(id="c-2", first_name="Annabella", email="annabella@engines.example"))
    again(connected)
    assert sorted(row["Email"] for row in connected.crm("Lead")) == [NEW, "annabella@engines.example"]


def test_a_newcomer_with_the_new_address_shares_the_record_that_was_found_under_the_old_one(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada())
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW), ada(id="a-0", email=NEW))
    again(connected)
    assert [row["Email"] for row in connected.crm("Lead")] == [NEW]
    assert connected.row("c-1").crm_id == connected.row("a-0").crm_id == connected.crm("Lead")[0]["Id"]


def test_a_lost_record_that_was_converted_meanwhile_is_used_as_the_contact_that_it_became(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada())
    connected.sync()
    (lead,) = connected.crm("Lead")
    connected.admin("convert", {"lead_id": lead["Id"]})
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW))
    again(connected)
    assert len(connected.crm("Lead")) == 1
    assert [row["Email"] for row in connected.crm("Contact")] == [NEW]


def test_a_lost_record_whose_contact_is_somebody_elses_by_now_is_left_to_them(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada())
    connected.sync()
    (lead,) = connected.crm("Lead")
    connected.admin("convert", {"lead_id": lead["Id"]})
    with writing(connected.parts.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=None))
    other = ada(id="c-2", first_name="Annabella", sync_as="contact")
    for address in (OLD, "annabella@engines.example"):
        connected.clock.forward(hours=1)
        connected.contact(other | {"email": address})
        connected.sync()
    theirs = connected.row("c-2").crm_id
    connected.contact(ada(email=NEW))
    again(connected)
    assert {row["Id"]: row["FirstName"] for row in connected.crm("Contact")} == {theirs: "Annabella"}
    assert connected.row("c-1").status == "synced"
    assert connected.row("c-1").crm_id != theirs


def test_a_lost_member_is_one_member_also_under_the_new_address(connected: World) -> None:
    (campaign,) = connected.seed(Campaign=[{"Name": "Summit", "IsActive": True}])["Campaign"]
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign)
    lose_the_answer(connected)
    connected.contact(ada(events=[{"id": "e-1", "status": "registered"}]))
    connected.sync()
    assert len(connected.crm("CampaignMember")) == 1
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW, events=[{"id": "e-1", "status": "attended"}]))
    again(connected)
    assert (len(connected.crm("Lead")), len(connected.crm("CampaignMember"))) == (1, 1)
    assert connected.row("c-1").status == "synced"


def test_a_lost_account_is_one_account_also_when_the_company_has_another_name_by_then(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada(sync_as="contact", company={"id": "co-1", "name": "Engines"}))
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(sync_as="contact", company={"id": "co-1", "name": "Analytical Engines"}, email=NEW))
    again(connected)
    assert (len(connected.crm("Account")), len(connected.crm("Contact"))) == (1, 1)
    assert connected.row("c-1").status == "synced"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_lost_in_whatever_order_two_people_stay_two_records(connected: World, seed: int) -> None:
    chance = Random(seed)
    addresses = [f"{name}@engines.example" for name in "abcdefgh"]
    faults: list[dict[str, Any]] = [
        {"do": "drop_after", "match": {"writes": True}},
        {"do": "drop_before", "match": {"writes": True}},
        {"do": "status", "status": 503, "match": {"writes": True}},
        {"do": "garbage", "after": True, "match": {"writes": True}},
        {"do": "drop_after"},
    ]
    present: tuple[str, str] = ("", "")
    for _ in range(10):
        if chance.random() < 0.7:
            connected.fault(times=1, **chance.choice(faults))
        one, other = chance.sample(addresses, 2)
        # An address that somebody gives up is nobody else's before a sync has gone well.
        present = (one, other) if not set(present) & {one, other} else present
        connected.contact(ada(email=present[0]), ada(id="c-2", last_name="Hopper", email=present[1]))
        again(connected)
    requests.delete(f"{connected.standin and connected.standin.url}/_standin/faults", timeout=10)
    again(connected)
    again(connected)
    held = {row["LastName"]: row["Email"] for row in connected.crm("Lead")}
    assert len(connected.crm("Lead")) == 2
    assert held == {"Lovelace": present[0], "Hopper": present[1]}
    assert [row.status for row in connected.rows(t.contact)] == ["synced", "synced"]


def test_a_preview_tells_of_the_record_that_was_found_again(connected: World) -> None:
    lose_the_answer(connected)
    connected.contact(ada())
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(email=NEW))
    connected.fault(times=1, do="status", status=503)
    again(connected)
    shown = actions.preview(connected.parts, connected.org_id, "c-1")
    assert shown is not None
    assert [(step.action, step.ref and step.ref.id) for step in shown.steps] == [
        ("update", connected.crm("Lead")[0]["Id"])
    ]


# ── meetings and events ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cancelled", [False, True], ids=["put off", "cancelled"])
def test_an_activity_whose_making_and_whose_change_were_lost_is_found_where_the_change_put_it(
    connected: World, cancelled: bool
) -> None:
    connected.contact(ada())
    connected.sync()
    for hour in (9, 10):
        lose_the_answer(connected)
        status = {"status": "cancelled"} if cancelled and hour == 10 else {}
        connected.meeting(title="Demo", attendees=[{"contact_id": "c-1"}], **at_hour(hour), **status)
        again(connected)
        assert [row["StartDateTime"][11:16] for row in connected.crm("Event")] == [f"{hour:02}:00"]
    connected.meeting(**at_hour(11))
    again(connected)
    (activity,) = connected.crm("Event")
    assert activity["StartDateTime"][11:16] == "11:00"
    row = connected.of(t.meeting, "m-1")
    assert (row.sync_status, row.crm_id) == ("synced", activity["Id"])


def test_a_campaign_whose_making_and_whose_change_were_lost_is_found_under_the_name_that_it_has(
    connected: World,
) -> None:
    actions.set_policies(connected.parts, connected.org_id, {"create_campaigns": True})
    rules = actions.mapping(connected.parts, connected.org_id)["campaign"]["rules"]
    following = [rule | ({"mode": "always"} if rule["source"] == "name" else {}) for rule in rules]
    actions.set_mapping(connected.parts, connected.org_id, "campaign", {"rules": following})
    for name in ("Summit", "Great Summit"):
        lose_the_answer(connected)
        connected.event(name=name, starts_at="2027-01-01T09:00:00Z")
        again(connected)
        assert [row["Name"] for row in connected.crm("Campaign")] == [name]
    connected.event(name="Greatest Summit")
    again(connected)
    (campaign,) = connected.crm("Campaign")
    assert campaign["Name"] == "Greatest Summit"
    assert connected.of(t.event, "e-1").campaign_id == campaign["Id"]


def at_hour(hour: int) -> dict[str, str]:
    return {"starts_at": f"2027-01-01T{hour:02}:00:00Z", "ends_at": f"2027-01-01T{hour:02}:30:00Z"}
