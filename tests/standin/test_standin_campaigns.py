"""Campaigns, their members and their members' statuses."""

from __future__ import annotations

import pytest


@pytest.fixture
def campaign(wire):
    return wire.post("sobjects/Campaign", {"Name": "Fair"}).json()["id"]


@pytest.fixture
def join(wire, campaign):
    def call(**values):
        return wire.post("sobjects/CampaignMember", {"CampaignId": campaign, **values})

    return call


def member(wire, answer):
    assert answer.status_code == 201, answer.text
    return wire.get_row("CampaignMember", answer.json()["id"])


def test_a_new_campaign_brings_sent_as_default_and_responded(wire, campaign):
    soql = f"SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus WHERE CampaignId = '{campaign}'"
    assert wire.rows(f"{soql} ORDER BY SortOrder") == [
        {"Label": "Sent", "IsDefault": True, "HasResponded": False},
        {"Label": "Responded", "IsDefault": False, "HasResponded": True},
    ]


def test_a_member_mirrors_its_person_and_can_be_found_by_that_persons_email(wire, campaign, join):
    lead = wire.lead(FirstName="Ada", Email="Ada@x.example")
    row = member(wire, join(LeadId=lead))
    assert (row["Name"], row["Email"], row["CompanyOrAccount"]) == ("Ada Lovelace", "Ada@x.example", "Engines")
    assert (row["Type"], row["LeadOrContactId"], row["Status"]) == ("Lead", lead, "Sent")
    soql = f"SELECT Id FROM CampaignMember WHERE CampaignId IN ('{campaign}') AND Email IN ('ada@x.example')"
    assert wire.rows(soql) == [{"Id": row["Id"]}]


def test_a_member_follows_the_changes_of_its_person(wire, join):
    account = wire.seed("Account", Name="Engines")
    contact = wire.contact(Email="a@x.example", AccountId=account)
    row = member(wire, join(ContactId=contact))
    assert (row["CompanyOrAccount"], row["Type"]) == ("Engines", "Contact")
    wire.patch(f"sobjects/Contact/{contact}", {"Email": "b@x.example"})
    assert len(wire.rows("SELECT Id FROM CampaignMember WHERE Email = 'b@x.example'")) == 1
    assert wire.rows("SELECT Id FROM CampaignMember WHERE Email = 'a@x.example'") == []


def test_with_both_ids_only_the_contact_is_kept(wire, join):
    row = member(wire, join(LeadId=wire.lead(), ContactId=wire.contact()))
    assert row["LeadId"] is None
    assert row["ContactId"].startswith("003")


def test_a_member_needs_a_campaign_and_a_person(wire, join):
    assert wire.error(join())[1] == "REQUIRED_FIELD_MISSING"
    answer = wire.post("sobjects/CampaignMember", {"LeadId": wire.lead()})
    assert wire.error(answer) == (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [CampaignId]")


def test_one_person_is_a_member_of_one_campaign_once(wire, join):
    lead = wire.lead()
    member(wire, join(LeadId=lead))
    assert join(LeadId=lead).json() == [
        {"message": "Already a campaign member.", "errorCode": "DUPLICATE_VALUE", "fields": []}
    ]


def test_a_lead_and_a_contact_of_one_human_may_both_be_members(wire, join):
    member(wire, join(LeadId=wire.lead(Email="a@x.example")))
    member(wire, join(ContactId=wire.contact(Email="a@x.example")))


def test_the_ids_of_a_member_cannot_be_changed(wire, campaign, join):
    row = member(wire, join(LeadId=wire.lead()))
    for values in ({"CampaignId": campaign}, {"LeadId": wire.lead()}, {"ContactId": wire.contact()}):
        answer = wire.patch(f"sobjects/CampaignMember/{row['Id']}", values)
        assert wire.error(answer)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_has_responded_is_derived_from_the_status_and_cannot_be_written(wire, join):
    row = member(wire, join(LeadId=wire.lead(), Status="responded"))
    assert (row["Status"], row["HasResponded"]) == ("Responded", True)
    assert row["FirstRespondedDate"]
    wire.patch(f"sobjects/CampaignMember/{row['Id']}", {"Status": "Sent"})
    assert wire.get_row("CampaignMember", row["Id"])["HasResponded"] is False
    assert wire.error(join(LeadId=wire.lead(), HasResponded=True))[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_an_unknown_status_is_no_error_and_becomes_the_default(wire, campaign, join):
    assert member(wire, join(LeadId=wire.lead(), Status="Attended"))["Status"] == "Sent"
    wire.seed("CampaignMemberStatus", CampaignId=campaign, Label="Attended", HasResponded=True)
    row = member(wire, join(LeadId=wire.lead(), Status="Attended"))
    assert (row["Status"], row["HasResponded"]) == ("Attended", True)


def test_without_a_default_an_unknown_status_is_kept_as_not_responded(wire, campaign, join):
    soql = "SELECT Id FROM CampaignMemberStatus WHERE IsDefault = true"
    wire.seed("CampaignMemberStatus", Id=wire.rows(soql)[0]["Id"], IsDefault=False)
    row = member(wire, join(LeadId=wire.lead(), Status="Attended"))
    assert (row["Status"], row["HasResponded"]) == ("Attended", False)


def test_a_new_default_takes_the_place_of_the_old_one(wire, campaign):
    wire.seed("CampaignMemberStatus", CampaignId=campaign, Label="Invited", IsDefault=True)
    assert wire.rows("SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true") == [{"Label": "Invited"}]


def test_statuses_can_be_created_unless_the_org_makes_them_read_only(wire, campaign):
    values = {"CampaignId": campaign, "Label": "Attended"}
    wire.admin("options", {"read_only_objects": ["CampaignMemberStatus"]})
    assert wire.get("sobjects/CampaignMemberStatus/describe").json()["createable"] is False
    answer = wire.post("sobjects/CampaignMemberStatus", values)
    message = "entity type cannot be inserted: Campaign Member Status"
    assert wire.error(answer) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
    wire.admin("options", {"read_only_objects": []})
    assert wire.get("sobjects/CampaignMemberStatus/describe").json()["createable"] is True
    assert wire.post("sobjects/CampaignMemberStatus", values).status_code == 201
    assert wire.error(wire.post("sobjects/CampaignMemberStatus", values))[1] == "DUPLICATE_VALUE"


@pytest.mark.parametrize("parent", ["person", "campaign"])
def test_members_go_with_their_person_or_campaign(wire, campaign, join, parent):
    lead = wire.lead()
    member(wire, join(LeadId=lead))
    wire.delete(f"sobjects/Lead/{lead}" if parent == "person" else f"sobjects/Campaign/{campaign}")
    assert wire.rows("SELECT Id FROM CampaignMember") == []


def test_members_show_their_campaign_and_person_as_parents(wire, join):
    row = member(wire, join(LeadId=wire.lead(Email="a@x.example")))
    (found,) = wire.query("SELECT Id, Campaign.Name, Lead.Email, Contact.Email FROM CampaignMember").json()["records"]
    assert found["Id"] == row["Id"]
    assert found["Campaign"]["Name"] == "Fair"
    assert found["Lead"]["Email"] == "a@x.example"
    assert found["Contact"] is None
