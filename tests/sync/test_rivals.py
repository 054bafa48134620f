"""What other connectors get wrong, as their users tell it: each test is named after one such failure.

Over the real wire: delivery → database → the Salesforce plugin → the stand-in. The token that two workers refresh at once and
the host names that look like Salesforce's have their tests where signing in is tested (tests/salesforce).
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.records import SyncStatus
from contactsync.store import problems
from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_rules import campaign, only

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MANY = 40
"""More rows than one composite of single records takes: they travel in collections."""


def settle(world: World, rounds: int = 8) -> None:
    """Sync until nothing comes back by itself."""
    for _ in range(rounds):
        world.sync()
        with reading(world.parts.engine) as db:
            waiting = db.execute(sa.select(sa.func.count()).where(t.contact.c.due_at.is_not(None))).scalar_one()
        if not waiting:
            return
        world.clock.forward(hours=1)


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    """Complete contacts of different companies."""
    return [
        ada(id=f"c-{n}", email=f"p{n}@x{n}.example", last_name=f"Person{n}", company=f"Company{n}") | more
        for n in range(count)
    ]


def statuses(world: World) -> list[str]:
    return [row.status for row in world.rows(t.contact)]


def groups(world: World) -> list[Any]:
    with reading(world.parts.engine) as db:
        return list(problems.groups(db, world.org_id))


# ── quotes, backslashes and odd text ───────────────────────────────────────────────────────────────────────────────


def test_a_quote_in_the_address_and_a_backslash_before_a_quote_neither_break_nor_inject(connected: World) -> None:
    address = "o'brien@x.com"
    odd = "\\' OR Name != '"
    connected.seed(Lead=[{"LastName": "Innocent", "Company": "Other", "Email": "innocent@other.example"}])
    for round_ in ("first", "second"):
        connected.contact(ada(id="c-1", email=address, last_name=odd, company=odd, title=round_))
        connected.contact(ada(id="c-2", sync_as="contact", email="two@x.com", company=odd, title=round_))
        connected.clock.forward(seconds=1)
        settle(connected)
    leads = {lead["Email"]: lead for lead in connected.crm("Lead")}
    assert leads.keys() == {address, "innocent@other.example"}
    assert (leads[address]["LastName"], leads[address]["Title"]) == (odd, "second")
    assert leads["innocent@other.example"]["LastName"] == "Innocent"
    assert only(connected.crm("Account"))["Name"] == odd
    assert len(connected.crm("Contact")) == 1


def test_a_text_that_looks_like_a_reference_is_only_text(connected: World) -> None:
    connected.contact(ada(note="@{step_p1.id} and @{x}"), ada(id="c-2", email="b@b.example", company="B"))
    settle(connected)
    assert {lead.get("Description") for lead in connected.crm("Lead")} == {"@{step_p1.id} and @{x}", None}


def test_names_of_three_parts_arrive_whole(connected: World) -> None:
    connected.contact(ada(first_name="Maria del Carmen", last_name="van der Berg y Ruiz"))
    settle(connected)
    lead = only(connected.crm("Lead"))
    assert (lead["FirstName"], lead["LastName"]) == ("Maria del Carmen", "van der Berg y Ruiz")


def test_a_mixed_batch_with_missing_columns_empties_nothing(connected: World) -> None:
    connected.seed(
        Lead=[
            {"LastName": "A", "Company": "A", "Email": "p0@x0.example", "Title": "Keeps", "Phone": "+1"},
            {"LastName": "B", "Company": "B", "Email": "p1@x1.example", "Title": "Keeps", "Phone": "+2"},
        ]
    )
    batch = people(MANY)
    batch[0] |= {"phone": "+49 1"}
    batch[1] |= {"title": "New"}
    batch[2] |= {"website": "https://two.example"}
    connected.contact(*batch)
    settle(connected)
    leads = {lead["Email"]: lead for lead in connected.crm("Lead")}
    assert (leads["p0@x0.example"]["Title"], leads["p0@x0.example"]["Phone"]) == ("Keeps", "+49 1")
    assert (leads["p1@x1.example"]["Title"], leads["p1@x1.example"]["Phone"]) == ("New", "+2")
    assert len(leads) == MANY


def test_a_blank_company_never_overwrites_the_one_that_is_there(connected: World) -> None:
    connected.contact(ada(company="Engines"))
    settle(connected)
    connected.clock.forward(seconds=1)
    connected.contact(ada(company="", title="T"))
    settle(connected)
    lead = only(connected.crm("Lead"))
    assert (lead["Company"], lead["Title"]) == ("Engines", "T")


# ── duplicate rules ────────────────────────────────────────────────────────────────────────────────────────────────

ALIKE = {"object": "Lead", "fields": ["LastName", "Company"]}


@pytest.mark.parametrize("action", ["alert", "block"])
@pytest.mark.parametrize("spelling", ["duplicateResut", "duplicateResult"])
def test_a_duplicate_rule_leads_to_the_record_it_names_which_is_used_instead_of_a_second_one(
    connected: World, action: str, spelling: str
) -> None:
    connected.admin("options", {"duplicate_result_key": spelling})
    there = connected.seed(Lead=[{"LastName": "Lovelace", "Company": "Engines"}])["Lead"][0]
    connected.admin("duplicate_rules", ALIKE | {"action": action})
    connected.contact(ada(title="Countess"))
    settle(connected)
    row = connected.row("c-1")
    assert (row.status, row.crm_id) == (SyncStatus.SYNCED, there), row.problem
    lead = only(connected.crm("Lead"))
    assert (lead["Email"], lead["Title"]) == ("ada@engines.example", "Countess")


def test_an_alert_rule_lets_the_record_be_saved_where_the_org_allows_it_a_block_rule_never_does(
    connected: World,
) -> None:
    connected.seed(Lead=[{"LastName": "Lovelace", "Company": "Engines"}, {"LastName": "Hopper", "Company": "Navy"}])
    connected.admin("duplicate_rules", ALIKE | {"action": "alert"})
    actions.set_policies(connected.parts, connected.org_id, {"duplicate_rules": "allow"})
    connected.contact(ada())
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert len(connected.crm("Lead")) == 3
    connected.admin("duplicate_rules", ALIKE | {"action": "block"})
    connected.contact(ada(id="c-2", email="grace@navy.example", last_name="Hopper", company="Navy"))
    settle(connected)
    assert connected.row("c-2").status == SyncStatus.SYNCED, connected.row("c-2").problem
    assert len(connected.crm("Lead")) == 3


def test_a_duplicate_in_a_collection_which_names_no_match_is_resolved_by_itself(connected: World) -> None:
    there = connected.seed(Lead=[{"LastName": "Person7", "Company": "Company7"}])["Lead"][0]
    connected.admin("duplicate_rules", ALIKE | {"action": "block"})
    connected.contact(*people(MANY))
    settle(connected)
    assert set(statuses(connected)) == {SyncStatus.SYNCED}
    assert connected.row("c-7").crm_id == there
    assert len(connected.crm("Lead")) == MANY


def test_a_match_of_another_object_is_a_clear_problem_and_nothing_is_written_to_it(connected: World) -> None:
    connected.seed(Contact=[{"LastName": "Lovelace", "Email": "other@engines.example"}])
    connected.admin(
        "duplicate_rules", {"object": "Lead", "fields": ["LastName"], "action": "block", "against": ["Contact"]}
    )
    connected.contact(ada())
    settle(connected)
    row = connected.row("c-1")
    assert row.status == SyncStatus.NEEDS_ATTENTION
    assert row.problem["code"].startswith("duplicate")
    assert row.problem["fix"]
    assert only(connected.crm("Contact"))["Email"] == "other@engines.example"
    assert connected.crm("Lead") == []


# ── converted, merged, deleted ─────────────────────────────────────────────────────────────────────────────────────


def test_nothing_lands_on_a_converted_lead_that_may_still_be_edited(connected: World) -> None:
    connected.admin("options", {"converted_editable": True})
    connected.contact(ada())
    settle(connected)
    lead_id = connected.row("c-1").crm_id
    contact_id = connected.admin("convert", {"lead_id": lead_id})["contact_id"]
    connected.clock.forward(seconds=1)
    connected.contact(ada(title="Countess"))
    settle(connected)
    assert connected.row("c-1").crm_id == contact_id
    assert only(connected.crm("Contact"))["Title"] == "Countess"
    assert only(connected.crm("Lead")).get("Title") is None


def test_a_record_that_was_merged_away_is_found_again_in_the_one_that_took_its_place(connected: World) -> None:
    connected.contact(ada(sync_as="contact"))
    settle(connected)
    loser = connected.row("c-1").crm_id
    master = connected.seed(Contact=[{"LastName": "Lovelace", "Email": "ada@engines.example"}])["Contact"][0]
    connected.admin("merge", {"object": "Contact", "master_id": master, "loser_ids": [loser]})
    connected.clock.forward(seconds=1)
    connected.contact(ada(sync_as="contact", title="Countess"))
    settle(connected)
    assert connected.row("c-1").crm_id == master
    assert only(connected.crm("Contact"))["Title"] == "Countess"


def test_a_record_deleted_between_the_look_up_and_the_write_is_made_anew_once(connected: World) -> None:
    connected.contact(ada())
    settle(connected)
    first = connected.row("c-1").crm_id
    connected.clock.forward(seconds=1)
    connected.contact(ada(title="Countess"))
    gone = {"statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []}
    connected.fault(times=1, do="row", where={"object": "Lead"}, error=gone)
    connected.admin("delete", {"object": "Lead", "ids": [first]})
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED, connected.row("c-1").problem
    assert only(connected.crm("Lead"))["Title"] == "Countess"


def test_a_changed_address_changes_the_linked_record_and_makes_no_second_one(connected: World) -> None:
    connected.contact(ada())
    settle(connected)
    connected.clock.forward(seconds=1)
    connected.contact(ada(email="ada@new.example"))
    settle(connected)
    assert only(connected.crm("Lead"))["Email"] == "ada@new.example"


# ── which object ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_existing_contact_is_preferred_to_a_new_lead_where_the_org_says_so(connected: World) -> None:
    there = connected.seed(Contact=[{"LastName": "L", "Email": "ada@engines.example"}])["Contact"][0]
    connected.contact(ada())
    settle(connected)
    assert len(connected.crm("Lead")) == 1, "without the policy, Sync As alone decides"
    actions.set_policies(connected.parts, connected.org_id, {"prefer_existing": True})
    connected.contact(ada(id="c-2", email="grace@navy.example", company="Navy"))
    connected.seed(Contact=[{"LastName": "H", "Email": "grace@navy.example"}])
    settle(connected)
    assert connected.row("c-2").crm_kind == "Contact"
    assert len(connected.crm("Lead")) == 1
    assert len(connected.crm("Contact")) == 2
    assert there in {contact["Id"] for contact in connected.crm("Contact")}


# ── errors that are not what they look like ────────────────────────────────────────────────────────────────────────


def test_a_used_up_day_pauses_long_a_concurrency_limit_short_and_both_come_back_by_themselves(connected: World) -> None:
    for fault, at_least, at_most in (("daily_limit", 900, 3700), ("concurrent_limit", 5, 120)):
        connected.contact(ada(title=fault))
        connected.fault(times=1, do=fault)
        connected.sync()
        paused = connected.rows(t.connection)[-1].paused_until
        assert paused is not None
        assert at_least <= (paused - connected.clock()).total_seconds() <= at_most, fault
        connected.clock.forward(hours=2)
        settle(connected)
        assert connected.row("c-1").status == SyncStatus.SYNCED
    assert only(connected.crm("Lead"))["Title"] == "concurrent_limit"


def test_a_locked_row_comes_back_by_itself_and_the_others_do_not_wait_for_it(connected: World) -> None:
    connected.contact(*people(MANY))
    connected.fault(times=5, do="row", where={"object": "Lead", "field": "Email", "value": "p3@x3.example"})
    connected.sync()
    others = [row.status for row in connected.rows(t.contact) if row.source_id != "c-3"]
    assert set(others) == {SyncStatus.SYNCED}
    settle(connected)
    assert connected.row("c-3").status == SyncStatus.SYNCED
    assert len(connected.crm("Lead")) == MANY


def test_a_field_made_required_last_night_is_one_problem_with_all_its_records(connected: World) -> None:
    connected.admin("fields", {"object": "Lead", "fields": [{"name": "Industry", "required": True}]})
    connected.contact(*people(MANY))
    settle(connected)
    assert set(statuses(connected)) == {SyncStatus.NEEDS_ATTENTION}
    group = only(groups(connected))
    assert group.problem["code"] == "required_field_missing"
    assert group.problem["fields"] == ["Industry"]
    assert sum(group.counts.values()) == MANY
    runs = len(connected.rows(t.sync_run))
    connected.clock.forward(days=1)
    connected.sync()
    assert len(connected.rows(t.sync_run)) == runs, "a permanent error is not tried again by itself"
    connected.admin("fields", {"object": "Lead", "fields": [{"name": "Industry", "required": False}]})
    checked = actions.check_problem(connected.parts, connected.org_id, group.key)
    assert checked is not None
    assert checked.released == MANY
    settle(connected)
    assert set(statuses(connected)) == {SyncStatus.SYNCED}
    assert groups(connected) == []


def test_a_field_that_vanished_is_one_named_problem_and_the_other_object_goes_on(connected: World) -> None:
    connected.admin("fields", {"object": "Lead", "remove": ["Title"]})
    connected.contact(
        *people(30, title="T"), *(one | {"id": f"k-{n}", "sync_as": "contact"} for n, one in enumerate(people(3)))
    )
    settle(connected)
    assert [row.status for row in connected.rows(t.contact) if row.source_id.startswith("k-")] == [
        SyncStatus.SYNCED
    ] * 3
    group = only(groups(connected))
    assert "Title" in group.problem["fields"]
    assert sum(group.counts.values()) == 30
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    without = {"rules": [rule for rule in rules if rule["target"] != "Title"]}
    actions.set_mapping(connected.parts, connected.org_id, "lead", without)
    settle(connected)
    assert set(statuses(connected)) == {SyncStatus.SYNCED}


def test_a_restricted_picklist_value_is_a_problem_that_names_field_and_cure(connected: World) -> None:
    connected.admin("picklists", {"object": "Lead", "field": "LeadSource", "add": ["Web"], "restricted": True})
    connected.contact(ada(source="Carrier pigeon"), ada(id="c-2", email="b@b.example", company="B", source="Web"))
    settle(connected)
    row = connected.row("c-1")
    assert (row.status, row.problem["fields"]) == (SyncStatus.NEEDS_ATTENTION, ["LeadSource"])
    assert connected.row("c-2").status == SyncStatus.SYNCED
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    for rule in rules:
        if rule["target"] == "LeadSource":
            rule["values"] = {"Carrier pigeon": "Web"}
    actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED, connected.row("c-1").problem


def test_a_text_that_is_too_long_stops_or_is_cut_as_its_rule_says(connected: World) -> None:
    long = "Head of " * 30
    connected.contact(ada(title=long))
    settle(connected)
    row = connected.row("c-1")
    assert (row.status, row.problem["code"], row.problem["fields"]) == (
        SyncStatus.NEEDS_ATTENTION,
        "string_too_long",
        ["Title"],
    )
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    for rule in rules:
        if rule["target"] == "Title":
            rule["too_long"] = "truncate"
    actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED, connected.row("c-1").problem
    assert only(connected.crm("Lead"))["Title"] == long[:128].rstrip()


def test_an_address_that_salesforce_does_not_take_stops_its_own_contact_only(connected: World) -> None:
    connected.contact(*people(MANY))
    refused = {
        "statusCode": "INVALID_EMAIL_ADDRESS",
        "message": "Email: invalid email address: p9@x9.example",
        "fields": ["Email"],
    }
    connected.fault(
        times=9, do="row", where={"object": "Lead", "field": "Email", "value": "p9@x9.example"}, error=refused
    )
    settle(connected)
    row = connected.row("c-9")
    assert (row.status, row.problem["code"]) == (SyncStatus.NEEDS_ATTENTION, "invalid_email_address")
    assert "p9@x9.example" not in str(row.problem)
    assert statuses(connected).count(SyncStatus.SYNCED) == MANY - 1


def test_an_owner_who_left_is_looked_up_again_and_never_stops_the_batch(connected: World) -> None:
    connected.seed(User=[{"LastName": "O", "Email": "sam@acme.example", "Username": "sam@acme.example"}])
    connected.contact(ada(owner_email="sam@acme.example"))
    settle(connected)
    connected.admin("users", {"email": "sam@acme.example", "active": False})
    connected.clock.forward(seconds=1)
    connected.contact(ada(owner_email="sam@acme.example", title="T"))
    settle(connected)
    row = connected.row("c-1")
    assert row.status == SyncStatus.SYNCED, row.problem
    assert any("owner" in line for line in row.why)


# ── campaigns ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_late_registered_after_attended_changes_nothing(connected: World) -> None:
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign(connected, "Registered", "Attended"))
    connected.contact(ada(events=[{"id": "e-1", "status": "attended"}], updated_at="2026-11-24T08:00:00Z"))
    settle(connected)
    connected.clock.forward(seconds=1)
    connected.contact(ada(events=[{"id": "e-1", "status": "registered"}], updated_at="2026-11-24T08:30:00Z"))
    settle(connected)
    assert only(connected.crm("CampaignMember"))["Status"] == "Attended"


def test_somebody_who_became_a_member_meanwhile_is_no_error(connected: World) -> None:
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign(connected, "Registered", "Attended"))
    connected.contact(ada(events=[{"id": "e-1", "status": "registered"}]))
    already = {"statusCode": "DUPLICATE_VALUE", "message": "Already a campaign member.", "fields": []}
    connected.fault(times=1, do="row", where={"object": "CampaignMember"}, error=already)
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED, connected.row("c-1").problem
    assert len(connected.crm("CampaignMember")) == 1


def test_a_refused_membership_never_costs_a_person_the_record_it_is_linked_to(connected: World) -> None:
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    for rule in rules:
        rule["mode"] = "on_create" if rule["source"] == "email" else rule["mode"]
    actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    connected.contact(ada())
    settle(connected)
    connected.clock.forward(seconds=1)
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign(connected, "Registered", "Attended"))
    connected.contact(ada(email="ada@new.example", events=[{"id": "e-1", "status": "registered"}]))
    already = {"statusCode": "DUPLICATE_VALUE", "message": "Already a campaign member.", "fields": []}
    connected.fault(times=1, do="row", where={"object": "CampaignMember"}, error=already)
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED, connected.row("c-1").problem
    assert only(connected.crm("Lead"))["Email"] == "ada@engines.example"
    assert len(connected.crm("CampaignMember")) == 1


def test_a_status_that_the_campaign_lacks_is_added_to_it_and_never_becomes_the_default_silently(
    connected: World,
) -> None:
    actions.set_policies(connected.parts, connected.org_id, {"status_map": {"speaker": ["Speaker"]}})
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign(connected, "Registered", "Attended"))
    connected.contact(*people(MANY, events=[{"id": "e-1", "status": "speaker"}]))
    settle(connected)
    assert set(statuses(connected)) == {SyncStatus.SYNCED}
    assert {member["Status"] for member in connected.crm("CampaignMember")} == {"Speaker"}
    labels = [one["Label"] for one in connected.crm("CampaignMemberStatus")]
    assert labels.count("Speaker") == 1


def test_where_the_org_takes_no_new_statuses_the_run_says_that_the_default_was_used(connected: World) -> None:
    connected.admin("options", {"member_statuses_createable": False})
    actions.set_policies(connected.parts, connected.org_id, {"status_map": {"speaker": ["Speaker"]}})
    actions.connect_event(connected.parts, connected.org_id, "e-1", campaign(connected, "Registered", "Attended"))
    connected.contact(ada(events=[{"id": "e-1", "status": "speaker"}]))
    settle(connected)
    row = connected.row("c-1")
    assert row.status == SyncStatus.SYNCED, row.problem
    assert any("speaker" in line.lower() and "default" in line.lower() for line in row.why)


# ── one bad row ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_bad_record_never_fails_its_batch_however_it_is_refused(connected: World) -> None:
    connected.admin(
        "validation_rules", {"object": "Lead", "field": "Phone", "wrong_when": "blank", "message": "Phone!"}
    )
    batch = people(MANY, phone="+1")
    batch[5] = batch[5] | {"phone": ""}
    connected.contact(*batch)
    settle(connected)
    assert connected.row("c-5").problem["code"] == "field_custom_validation_exception"
    assert statuses(connected).count(SyncStatus.SYNCED) == MANY - 1


def test_a_company_known_by_anothers_domain_keeps_its_account_when_it_comes_alone(connected: World) -> None:
    actions.set_policies(connected.parts, connected.org_id, {"move_accounts": "if_ours"})
    there = connected.seed(Account=[{"Name": "Other", "Website": "https://www.acme.com"}])["Account"][0]
    known = {"id": "1", "name": "Acme, Inc.", "domain": "acme.com"}
    connected.contact(
        ada(id="c-0", sync_as="contact", company=known),
        ada(id="c-1", sync_as="contact", email="bob@x.example", company={"id": "2", "name": "ACME Incorporated"}),
    )
    settle(connected)
    connected.clock.forward(seconds=1)
    connected.contact({"id": "c-1", "title": "Head of Supplies"})
    settle(connected)
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert {contact["AccountId"] for contact in connected.crm("Contact")} == {there}
    assert len(connected.crm("Account")) == 1
