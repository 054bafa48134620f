"""The rules of the sync, end to end: delivery → database → the Salesforce plugin → the stand-in, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.records import SyncStatus
from contactsync.standin import Options, serve
from contactsync.store import tables as t
from contactsync.store.engine import writing
from contactsync.sync import actions
from tests.sync.conftest import World, ada

FULL = ada(
    title="Head of Computing",
    phone="+44 1",
    mobile_phone="+44 2",
    website="https://engines.example",
    note="Wants a quote",
    address={"street": "1 St James's Sq", "city": "London", "state": "LND", "postal_code": "SW1", "country": "UK"},
    social={"linkedin": "https://l.example/ada"},
    custom={"shoe_size": 39, "vip": False},
)


def only(records: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(records) == 1, records
    return records[0]


def test_an_incomplete_contact_names_what_is_missing_and_nothing_is_sent_until_it_is_there(connected: World) -> None:
    connected.contact({"id": "c-1", "first_name": "Ada", "email": "ada@engines.example"})
    connected.sync()
    row = connected.row("c-1")
    assert (row.status, row.missing) == (SyncStatus.INCOMPLETE, ["last_name", "company", "sync_as"])
    assert connected.calls() == 0
    connected.contact({"id": "c-1", "last_name": "Lovelace", "company": "Engines", "sync_as": "lead"})
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert only(connected.crm("Lead"))["Email"] == "ada@engines.example"


def test_a_lead_carries_every_optional_field_that_has_a_standard_place(connected: World) -> None:
    connected.contact(FULL)
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert {name: lead[name] for name in ("FirstName", "LastName", "Company", "Title", "Phone", "MobilePhone")} == {
        "FirstName": "Ada", "LastName": "Lovelace", "Company": "Engines", "Title": "Head of Computing",
        "Phone": "+44 1", "MobilePhone": "+44 2",
    }  # fmt: skip
    assert (lead["Website"], lead["Description"]) == ("https://engines.example", "Wants a quote")
    assert (lead["Street"], lead["City"], lead["PostalCode"], lead["Country"]) == (
        "1 St James's Sq",
        "London",
        "SW1",
        "UK",
    )


def test_social_and_custom_fields_go_where_the_org_sends_them(connected: World) -> None:
    own = [
        {"name": "LinkedIn__c", "type": "string"},
        {"name": "Shoe__c", "type": "double"},
        {"name": "Vip__c", "type": "boolean"},
    ]
    connected.admin("fields", {"object": "Lead", "fields": own})
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    rules = [rule for rule in rules if rule["source"] != "social.linkedin"] + [
        {"source": "social.linkedin", "target": "LinkedIn__c"},
        {"source": "custom.shoe_size", "target": "Shoe__c"},
        {"source": "custom.vip", "target": "Vip__c"},
    ]
    assert actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    connected.contact(FULL)
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert (lead["LinkedIn__c"], lead["Shoe__c"], lead["Vip__c"]) == ("https://l.example/ada", 39, False)


def test_the_orgs_default_decides_for_contacts_without_sync_as_also_for_those_that_wait(connected: World) -> None:
    connected.contact({name: value for name, value in ada().items() if name != "sync_as"})
    connected.sync()
    assert connected.row("c-1").missing == ["sync_as"]
    actions.set_policies(connected.parts, connected.org_id, {"sync_as_default": "contact"})
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert only(connected.crm("Contact"))["LastName"] == "Lovelace"


def test_a_match_by_email_updates_the_oldest_and_the_run_says_how_many_there_were(connected: World) -> None:
    connected.seed(
        Lead=[
            {
                "LastName": "New",
                "Company": "X",
                "Email": "ADA@engines.example",
                "CreatedDate": "2026-05-01T00:00:00.000+0000",
            },
            {
                "LastName": "Old",
                "Company": "X",
                "Email": "Ada@Engines.Example",
                "CreatedDate": "2020-05-01T00:00:00.000+0000",
            },
        ]
    )
    connected.contact(ada())
    connected.sync()
    new, old = connected.crm("Lead")
    assert (new["LastName"], old["LastName"]) == ("New", "Lovelace")
    assert connected.row("c-1").crm_id == old["Id"]
    assert any("2" in line for line in connected.row("c-1").why)


def test_blank_values_never_erase_what_salesforce_holds(connected: World) -> None:
    connected.seed(
        Lead=[{"LastName": "L", "Company": "E", "Email": "ada@engines.example", "Title": "Countess", "Phone": "1"}]
    )
    connected.contact(ada(title=None, phone=""))
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert (lead["Title"], lead["Phone"], lead["LastName"]) == ("Countess", "1", "Lovelace")


@pytest.mark.parametrize(
    ("mode", "created", "updated"),
    [
        ("always", "first", "second"),
        ("if_empty", "first", "first"),
        ("on_create", "first", "first"),
        ("off", None, None),
    ],
)
def test_the_write_mode_of_a_rule_decides_when_it_may_write(
    connected: World, mode: str, created: str | None, updated: str | None
) -> None:
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    rules = [rule | {"mode": mode} if rule["source"] == "title" else rule for rule in rules]
    actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    connected.contact(ada(title="first"))
    connected.sync()
    assert only(connected.crm("Lead")).get("Title") == created
    connected.clock.forward(seconds=1)
    connected.contact(ada(title="second", phone="1"))
    connected.sync()
    assert (only(connected.crm("Lead")).get("Title"), only(connected.crm("Lead"))["Phone"]) == (updated, "1")


def test_a_converted_lead_is_never_written_its_contact_is_used(connected: World) -> None:
    lead_id = connected.seed(Lead=[{"LastName": "L", "Company": "E", "Email": "ada@engines.example"}])["Lead"][0]
    contact_id = connected.admin("convert", {"lead_id": lead_id})["contact_id"]
    connected.contact(ada(title="Countess"))
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED, connected.row("c-1").problem
    assert connected.row("c-1").crm_id == contact_id
    assert only(connected.crm("Contact"))["Title"] == "Countess"
    assert only(connected.crm("Lead")).get("Title") is None


def test_accounts_are_matched_by_domain_then_by_normalised_name_else_created_once(connected: World) -> None:
    connected.seed(
        Account=[
            {"Name": "Somewhere Else", "Website": "https://www.engines.example/"},
            {"Name": "DIFFERENCE  Works, Inc."},
        ]
    )
    connected.contact(
        ada(sync_as="contact", company={"id": "1", "name": "Engines", "domain": "engines.example"}),
        ada(id="c-2", email="c@d.example", sync_as="contact", company="Difference Works Inc"),
        ada(
            id="c-3",
            email="m@c.example",
            sync_as="contact",
            company={"name": "Connexion", "domain": "connexion.example"},
        ),
        ada(id="c-4", email="n@c.example", sync_as="contact", company={"id": "9", "name": "Connexion"}),
    )
    connected.sync()
    accounts = {row["Id"]: row["Name"] for row in connected.crm("Account")}
    of = {row["Email"]: accounts[row["AccountId"]] for row in connected.crm("Contact")}
    assert of["ada@engines.example"] == "Somewhere Else"
    assert of["m@c.example"] == of["n@c.example"] == "Connexion"
    assert sorted(accounts.values()) == sorted({*accounts.values()}), "an Account was made twice"


def test_an_existing_contact_is_not_moved_from_another_account(connected: World) -> None:
    ids = connected.seed(Account=[{"Name": "Her Own"}])
    connected.seed(Contact=[{"LastName": "L", "Email": "ada@engines.example", "AccountId": ids["Account"][0]}])
    connected.contact(ada(sync_as="contact", title="Countess"))
    connected.sync()
    contact = only(connected.crm("Contact"))
    assert (contact["AccountId"], contact["Title"]) == (ids["Account"][0], "Countess")
    assert any("Account" in line for line in connected.row("c-1").why)


def test_accounts_are_not_created_when_the_org_switched_that_off(connected: World) -> None:
    actions.set_policies(connected.parts, connected.org_id, {"create_accounts": False})
    connected.contact(ada(sync_as="contact"))
    connected.sync()
    assert connected.crm("Account") == []
    assert only(connected.crm("Contact")).get("AccountId") is None


def test_a_captured_lead_gets_its_company_from_its_domain_but_never_from_free_mail(connected: World) -> None:
    captured = {"source": "Leads Inbox", "company": None}
    connected.contact(
        ada(email="ada@mail.engines.co.uk", **captured), ada(id="c-2", email="ada@gmail.com", **captured),
        ada(id="c-3", email="ada@gmx.de", **captured),
    )  # fmt: skip
    connected.sync()
    assert only(connected.crm("Lead"))["Company"] == "engines.co.uk"
    assert [connected.row(name).missing for name in ("c-2", "c-3")] == [["company"], ["company"]]


def test_the_owner_is_the_active_standard_user_with_the_same_address_and_assignment_rules_keep_off(
    connected: World,
) -> None:
    users = connected.seed(
        User=[
            {"LastName": "Gone", "Email": "grace@acme.example", "Username": "a@x.example", "IsActive": False},
            {"LastName": "Bot", "Email": "grace@acme.example", "Username": "b@x.example", "UserType": "PowerPartner"},
            {"LastName": "Hopper", "Email": "Grace@acme.example", "Username": "c@x.example"},
            {"LastName": "Rule", "Email": "rule@acme.example", "Username": "d@x.example"},
        ]
    )["User"]
    connected.admin("options", {"assignment_owner_id": users[3]})
    connected.contact(
        ada(owner_email="grace@acme.example"), ada(id="c-2", email="x@y.example", owner_email="no@body.example")
    )
    connected.sync()
    owner = {row["Email"]: row["OwnerId"] for row in connected.crm("Lead")}
    assert owner["ada@engines.example"] == users[2]
    assert owner["x@y.example"] == users[3], "without an owner of ours, the admin's assignment rules run"
    assert any("owner" in line.lower() for line in connected.row("c-2").why)


def campaign(world: World, *labels: str) -> str:
    (campaign_id,) = world.seed(Campaign=[{"Name": "Summit", "IsActive": True}])["Campaign"]
    if labels:
        world.seed(CampaignMemberStatus=[{"CampaignId": campaign_id, "Label": label} for label in labels])
    return campaign_id


def test_connecting_an_event_later_and_adding_a_contact_later_both_make_members(connected: World) -> None:
    connected.contact(ada(events=[{"id": "e-1", "status": "registered"}]), ada(id="c-2", email="b@b.example"))
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED, "a contact without a campaign syncs all the same"
    assert connected.crm("CampaignMember") == []
    campaign_id = campaign(connected, "Registered", "Attended")
    assert actions.connect_event(connected.parts, connected.org_id, "e-1", campaign_id) == 1
    connected.sync()
    member = only(connected.crm("CampaignMember"))
    assert (member["CampaignId"], member["LeadId"], member["Status"]) == (
        campaign_id, connected.row("c-1").crm_id, "Registered",
    )  # fmt: skip
    connected.clock.forward(seconds=1)
    connected.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"id": "c-2"}]})
    connected.sync()
    assert len(connected.crm("CampaignMember")) == 2


def test_a_members_status_follows_the_attendance_and_never_goes_down(connected: World) -> None:
    campaign_id = campaign(connected, "Registered", "Attended")
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign_id)
    for status, expected in (("registered", "Registered"), ("attended", "Attended"), ("registered", "Attended")):
        connected.clock.forward(seconds=1)
        connected.contact(ada(events=[{"id": "e-1", "status": status}]))
        connected.sync()
        assert only(connected.crm("CampaignMember"))["Status"] == expected


def test_one_bad_row_never_fails_its_batch(connected: World) -> None:
    connected.contact(ada(), ada(id="c-2", email="b@b.example", title="x" * 200), ada(id="c-3", email="c@c.example"))
    connected.sync()
    assert [connected.row(name).status for name in ("c-1", "c-2", "c-3")] == ["synced", "needs_attention", "synced"]
    problem = connected.row("c-2").problem
    assert problem["code"] == "string_too_long"
    assert problem["fields"] == ["Title"]
    assert problem["fix"]
    assert problem["who"]


def test_several_contacts_with_one_address_become_one_record(connected: World) -> None:
    connected.contact(ada(title="one"), ada(id="c-2", email="ADA@engines.example", phone="1"))
    connected.sync()
    lead = only(connected.crm("Lead"))
    assert connected.row("c-1").crm_id == connected.row("c-2").crm_id == lead["Id"]


def test_what_waits_for_a_connection_goes_by_itself_once_there_is_one(world: World) -> None:
    world.contact(ada(), {"id": "c-2", "first_name": "Only"})
    world.sync()
    assert (world.row("c-1").status, world.row("c-1").problem["code"]) == ("queued", "not_connected")
    assert world.row("c-2").status == SyncStatus.INCOMPLETE
    with serve(options=Options()) as standin:
        actions.connect(
            world.parts, world.org_id, "salesforce",
            {"instance_url": standin.url, "client_id": "id", "flow": "client_credentials"}, {"client_secret": "s"},
        )  # fmt: skip
        world.standin = standin
        world.sync()
        assert world.row("c-1").status == SyncStatus.SYNCED


def test_a_refused_sign_in_pauses_the_org_with_one_problem_and_reconnecting_releases_it(connected: World) -> None:
    settings = {"instance_url": connected.standin.url, "client_id": "id", "flow": "client_credentials"}
    actions.connect(connected.parts, connected.org_id, "salesforce", settings, {"client_secret": "wrong"})
    connected.contact(ada())
    connected.sync()
    row = connected.row("c-1")
    assert (row.status, row.due_at) == (SyncStatus.QUEUED, None), "nothing is wrong with the contact itself"
    assert row.problem["who"]
    connected.contact(ada(id="c-2", email="b@b.example"))
    connected.clock.forward(hours=5)
    connected.sync()
    assert connected.row("c-2").status == SyncStatus.QUEUED, "nobody knocks at a door that is known to be shut"
    actions.connect(connected.parts, connected.org_id, "salesforce", settings, {"client_secret": "secret"})
    connected.sync()
    assert {connected.row(name).status for name in ("c-1", "c-2")} == {SyncStatus.SYNCED}


def test_in_another_crm_nothing_is_synced_yet_and_every_contact_goes_again(connected: World) -> None:
    connected.contact(ada())
    connected.sync()
    first = connected.row("c-1").crm_id
    with serve(options=Options()) as other:
        settings = {"instance_url": other.url, "client_id": "id", "flow": "client_credentials"}
        actions.connect(connected.parts, connected.org_id, "salesforce", settings, {"client_secret": "s"})
        assert connected.row("c-1").status == SyncStatus.QUEUED
        connected.standin = other
        connected.admin("records", {"Lead": [{"LastName": "Before", "Company": "E", "Email": "someone@else.example"}]})
        connected.sync()
        assert connected.row("c-1").status == SyncStatus.SYNCED
        ours = [lead["Id"] for lead in connected.crm("Lead") if lead["Email"] == "ada@engines.example"]
        assert [connected.row("c-1").crm_id] == ours
        assert first not in ours


def test_a_crm_that_is_away_is_tried_again_later_and_by_nobody_before(connected: World) -> None:
    connected.contact(ada())
    connected.fault(times=1, match={"method": "POST", "path": "composite"}, do="status", status=503)
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.RETRYING
    connected.calls()
    connected.sync()
    assert connected.calls() == 0
    connected.clock.forward(hours=2)
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED


def test_a_newer_change_during_the_sync_is_not_hidden_by_its_outcome(connected: World) -> None:
    connected.contact(ada())
    connected.sync()
    with writing(connected.parts.engine) as db:  # as if somebody asked for a sync while its batch was under way
        db.execute(sa.update(t.contact).values(due_at=connected.clock(), change=t.contact.c.change + 1))
    connected.sync()
    row = connected.row("c-1")
    assert (row.status, row.due_at) == ("synced", None)


def test_events_that_were_there_before_get_campaigns_once_the_org_wants_them(connected: World) -> None:
    connected.contact(ada(events=[{"id": "e-1"}]))
    connected.deliver("events", "event.created", {"id": "e-1", "name": "Summit 2026"})
    connected.sync()
    assert connected.crm("Campaign") == []
    actions.set_policies(connected.parts, connected.org_id, {"create_campaigns": True})
    connected.sync()
    made = only(connected.crm("Campaign"))
    assert [member["CampaignId"] for member in connected.crm("CampaignMember")] == [made["Id"]]
