"""What people do to records behind the sync's back: convert, merge, delete."""

from __future__ import annotations

import pytest


@pytest.fixture
def converted(wire):
    lead = wire.lead(FirstName="Ada", Email="a@x.example", City="London")
    return wire.admin("convert", {"lead_id": lead})


def test_a_converted_lead_points_at_its_new_contact_and_account(wire, converted):
    soql = (
        "SELECT IsConverted, Status, ConvertedContact.Email, ConvertedContact.MailingCity, ConvertedAccount.Name, "
        f"ConvertedContactId FROM Lead WHERE Id = '{converted['lead_id']}'"
    )
    (row,) = wire.query(soql).json()["records"]
    assert (row["IsConverted"], row["Status"]) == (True, "Closed - Converted")
    assert row["ConvertedContactId"] == converted["contact_id"]
    assert (row["ConvertedContact"]["Email"], row["ConvertedContact"]["MailingCity"]) == ("a@x.example", "London")
    assert row["ConvertedAccount"]["Name"] == "Engines"


def test_a_lead_may_be_converted_into_what_is_there(wire):
    account = wire.seed("Account", Name="A")
    contact = wire.contact(AccountId=account)
    made = wire.admin("convert", {"lead_id": wire.lead(), "account_id": account, "contact_id": contact})
    assert (made["account_id"], made["contact_id"]) == (account, contact)
    assert len(wire.rows("SELECT Id FROM Contact")) == 1


def test_a_converted_lead_cannot_be_written_or_made_a_member(wire, converted):
    answer = wire.patch(f"sobjects/Lead/{converted['lead_id']}", {"Title": "T"})
    assert answer.json() == [
        {"message": "cannot reference converted lead", "errorCode": "CANNOT_UPDATE_CONVERTED_LEAD", "fields": []}
    ]
    campaign = wire.seed("Campaign", Name="C")
    answer = wire.post("sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": converted["lead_id"]})
    assert wire.error(answer)[1] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_an_upsert_by_email_still_hits_the_converted_lead(wire, converted):
    answer = wire.patch("sobjects/Lead/Email/a%40x.example", {"Title": "T"})
    assert wire.error(answer)[1] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_an_org_may_allow_edits_of_converted_leads(wire, converted):
    wire.admin("options", {"converted_editable": True})
    assert wire.patch(f"sobjects/Lead/{converted['lead_id']}", {"Title": "T"}).status_code == 204


def test_a_lead_is_converted_once(wire, converted):
    answer = wire.post("/_standin/convert", {"lead_id": converted["lead_id"]})
    assert (answer.status_code, answer.json()["errors"][0]["errorCode"]) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")


def test_the_membership_of_a_converted_lead_passes_to_the_contact(wire):
    campaign, lead = wire.seed("Campaign", Name="C"), wire.lead()
    wire.post("sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    made = wire.admin("convert", {"lead_id": lead})
    assert wire.rows("SELECT LeadId, ContactId, Type FROM CampaignMember") == [
        {"LeadId": lead, "ContactId": made["contact_id"], "Type": "Contact"}
    ]
    answer = wire.post("sobjects/CampaignMember", {"CampaignId": campaign, "ContactId": made["contact_id"]})
    assert wire.error(answer)[2] == "Already a campaign member."


def test_the_loser_of_a_merge_is_deleted_and_names_its_master(wire):
    master, loser = wire.lead(Email="a@x.example"), wire.lead(Email="b@x.example")
    wire.admin("merge", {"object": "Lead", "master_id": master, "loser_ids": [loser]})
    assert wire.error(wire.patch(f"sobjects/Lead/{loser}", {"Title": "T"})) == (
        404,
        "ENTITY_IS_DELETED",
        "entity is deleted",
    )
    soql = f"SELECT MasterRecordId FROM Lead WHERE Id = '{loser}'"
    (row,) = wire.get("queryAll", params={"q": soql}).json()["records"]
    assert row["MasterRecordId"] == master


def test_what_hung_on_the_loser_moves_to_the_master(wire):
    master, loser = wire.seed("Account", Name="A"), wire.seed("Account", Name="B")
    contact = wire.contact(AccountId=loser)
    wire.admin("merge", {"object": "Account", "master_id": master, "loser_ids": [loser]})
    assert wire.get_row("Contact", contact)["AccountId"] == master


def test_merged_people_stay_one_member(wire):
    campaign = wire.seed("Campaign", Name="C")
    leads = [wire.lead(), wire.lead(), wire.lead()]
    for lead in leads[:2]:
        wire.post("sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    wire.admin("merge", {"object": "Lead", "master_id": leads[2], "loser_ids": leads[:2]})
    assert wire.rows("SELECT LeadId FROM CampaignMember") == [{"LeadId": leads[2]}]


def test_an_account_takes_its_contacts_along(wire):
    account = wire.seed("Account", Name="A")
    wire.contact(AccountId=account)
    wire.delete(f"sobjects/Account/{account}")
    assert wire.rows("SELECT Id FROM Contact") == []


def test_deleted_records_can_be_looked_at(wire):
    lead = wire.lead()
    wire.admin("delete", {"object": "Lead", "ids": [lead]})
    records = wire.call("GET", "/_standin/records?object=Lead&deleted=true").json()
    assert [row["Id"] for row in records["Lead"]] == [lead]
