"""Looking up, against the wire."""

from __future__ import annotations

from typing import Any

import pytest
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import (
    Found,
    FoundPerson,
    MemberStatus,
    RecordKind,
    RecordRef,
    TargetRefused,
    TargetUnavailable,
    Wanted,
)
from contactsync.standin import Options
from tests.salesforce.conftest import OWNER, Org

LEAD, CONTACT, ACCOUNT, MEMBER = RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT, RecordKind.MEMBER
EMAIL = "ada@acme.example"


def whole(campaign: str, kind: RecordKind = CONTACT) -> Wanted:
    """Everything that one new contact wants."""
    return Wanted(
        emails={kind: frozenset({EMAIL})},
        account_names=frozenset({"Acme"}),
        account_domains=frozenset({"acme.example"}),
        owner_emails=frozenset({OWNER}),
        campaigns=frozenset({campaign}),
        member_emails=frozenset({EMAIL}),
        fields={kind: frozenset({"Title"}), CONTACT: frozenset({"Title"})},
    )


def lead(org: Org, **values: Any) -> str:
    return org.seed("Lead", **{"LastName": "Lovelace", "Company": "Engines", "Email": EMAIL, **values})


def people(target: SalesforceTarget, kind: RecordKind = LEAD, **wanted: Any) -> list[FoundPerson]:
    return list(target.look_up(Wanted(emails={kind: frozenset({EMAIL})}, **wanted)).people)


def test_everything_about_a_contact_is_one_call(org: Org, target: SalesforceTarget) -> None:
    owner, campaign = org.owner(), org.campaign()
    account = org.seed("Account", Name="ACME", Website="https://www.acme.example/")
    contact = org.seed("Contact", LastName="Lovelace", Email=EMAIL.upper(), Title="Countess", AccountId=account)
    member = org.seed("CampaignMember", CampaignId=campaign, ContactId=contact, Status="Responded")
    found = target.look_up(whole(campaign))
    assert len(org.calls()) == 1
    (person,), (acme,), (user,), (membership,) = found.people, found.accounts, found.owners, found.members
    assert (person.ref, person.email, person.fields) == (RecordRef(CONTACT, contact), EMAIL, {"Title": "Countess"})
    assert (acme.ref, acme.name, acme.domain) == (RecordRef(ACCOUNT, account), "ACME", "acme.example")
    assert (user.ref.id, user.email) == (owner, OWNER)
    assert (membership.ref.id, membership.person, membership.email) == (member, person.ref, EMAIL)
    assert found.member_statuses[campaign] == (
        MemberStatus("Sent", is_default=True),
        MemberStatus("Responded", responded=True),
    )


def test_the_oldest_of_several_can_be_told(org: Org, target: SalesforceTarget) -> None:
    newer = lead(org, CreatedDate="2026-05-02T00:00:00.000+0000")
    older = lead(org, CreatedDate="2026-05-01T00:00:00.000+0000")
    assert [found.ref.id for found in sorted(people(target), key=lambda found: found.created_at)] == [older, newer]


def test_a_converted_leads_contact_comes_in_the_same_call(org: Org, target: SalesforceTarget) -> None:
    lead_id = lead(org, Title="Countess")
    contact_id = org.admin("convert", {"lead_id": lead_id})["contact_id"]
    found = people(target, fields={LEAD: frozenset({"Title"}), CONTACT: frozenset({"Title"})})
    assert len(org.calls()) == 1
    by_kind = {person.ref.kind: person for person in found}
    assert by_kind[LEAD].converted
    assert by_kind[LEAD].converted_to == RecordRef(CONTACT, contact_id) == by_kind[CONTACT].ref
    assert by_kind[CONTACT].fields == {"Title": "Countess"}
    assert by_kind[CONTACT].email == EMAIL


def test_a_converted_leads_contact_that_is_gone_is_told_as_gone(org: Org, target: SalesforceTarget) -> None:
    contact_id = org.admin("convert", {"lead_id": lead(org)})["contact_id"]
    org.admin("delete", {"object": "Contact", "ids": [contact_id]})
    (found,) = people(target)
    assert found.converted


def test_a_membership_of_a_converted_leads_contact_is_found_under_another_address(
    org: Org, target: SalesforceTarget
) -> None:
    campaign = org.campaign()
    contact = org.seed("Contact", LastName="King", Email="king@else.example")
    org.admin("convert", {"lead_id": lead(org), "contact_id": contact})
    member = org.seed("CampaignMember", CampaignId=campaign, ContactId=contact)
    found = target.look_up(whole(campaign, LEAD))
    assert [(known.ref.id, known.person.id) for known in found.members] == [(member, contact)]
    assert len(org.calls()) == 2


def test_a_short_id_is_answered_with_the_short_id(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()
    account = org.seed("Account", Name="Acme")
    contact = org.seed("Contact", LastName="L", Email=EMAIL, AccountId=account)
    org.seed("CampaignMember", CampaignId=campaign, ContactId=contact)
    wanted = Wanted(
        ids={ACCOUNT: frozenset({account[:15]}), CONTACT: frozenset({contact[:15]})},
        campaigns=frozenset({campaign[:15]}),
        fields={CONTACT: frozenset({"AccountId"})},
    )
    found = target.look_up(wanted)
    assert found.accounts[0].ref.id == account[:15]
    assert found.people[0].ref.id == contact[:15]
    assert found.people[0].fields == {"AccountId": account[:15]}
    assert found.members[0].person == found.people[0].ref
    assert found.members[0].campaign_id == campaign[:15]
    assert list(found.member_statuses) == [campaign[:15]]


def test_both_forms_of_one_id_are_both_answered(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()
    found = target.look_up(Wanted(campaigns=frozenset({campaign, campaign[:15]}), member_emails=frozenset({EMAIL})))
    assert set(found.member_statuses) == {campaign, campaign[:15]}


@pytest.mark.parametrize(
    ("website", "same"),
    [
        ("acme.example", True),
        ("WWW.Acme.example", True),
        ("http://acme.example", True),
        ("https://www.acme.example/", True),
        ("www.acme.example/", True),
        ("shop.acme.example", False),
        ("notacme.example", False),
        ("https://acme.example.evil.example", False),
    ],
)
def test_an_account_is_found_by_how_people_write_its_website(
    org: Org, target: SalesforceTarget, website: str, same: bool
) -> None:
    account = org.seed("Account", Name="Something else", Website=website)
    found = target.look_up(Wanted(account_domains=frozenset({"acme.example"}))).accounts
    assert [known.ref.id for known in found] == ([account] if same else [])
    assert all(known.domain == "acme.example" for known in found)


@pytest.mark.parametrize("values", [{"IsActive": False}, {"UserType": "Guest"}])
def test_users_who_cannot_own_are_not_found(org: Org, target: SalesforceTarget, values: dict[str, Any]) -> None:
    org.owner(**values)
    assert target.look_up(Wanted(owner_emails=frozenset({OWNER}))).owners == ()


def test_a_name_that_looks_like_a_reference_is_asked_for_outside_the_composite(
    org: Org, target: SalesforceTarget
) -> None:
    names = ("@{ask_0.records[0].Id} Ltd", "Acme")
    accounts = {org.seed("Account", Name=name) for name in names}
    found = target.look_up(Wanted(account_names=frozenset(names)))
    assert {known.ref.id for known in found.accounts} == accounts
    assert [call["method"] for call in org.calls()] == ["POST", "GET"]


def test_all_pages_are_read(org: Org, target: SalesforceTarget) -> None:
    count = 1300  # with Description a page holds 1,000
    rows = [{"LastName": "L", "Company": "C", "Email": f"p{n}@x.example", "Description": f"{n}"} for n in range(count)]
    org.admin("records", {"Lead": rows})
    wanted = Wanted(emails={LEAD: frozenset(row["Email"] for row in rows)}, fields={LEAD: frozenset({"Description"})})
    found = target.look_up(wanted)
    assert {person.email: person.fields["Description"] for person in found.people} == {
        row["Email"]: row["Description"] for row in rows
    }
    assert len(org.calls()) == 2


def test_statuses_are_remembered_for_some_minutes(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()

    def asks_for_statuses() -> bool:
        org.forget_calls()
        assert target.look_up(whole(campaign)).member_statuses[campaign]
        return any("CampaignMemberStatus" in sub["url"] for call in org.calls() for sub in call["subrequests"])

    assert asks_for_statuses()
    assert not asks_for_statuses()
    org.clock += 301
    assert asks_for_statuses()


def test_a_campaign_that_appears_later_is_found_then(org: Org, target: SalesforceTarget) -> None:
    gone = org.gone(RecordKind.CAMPAIGN).id
    assert target.look_up(whole(gone)).member_statuses == {}
    campaign = org.campaign()
    assert campaign in target.look_up(whole(campaign)).member_statuses


def test_without_a_marketing_licence_everything_else_is_still_found(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()
    lead(org)
    org.admin("options", {"hidden_objects": ["CampaignMember", "CampaignMemberStatus"]})
    found = target.look_up(whole(campaign, LEAD))
    assert len(found.people) == 1
    assert (found.members, found.member_statuses) == ((), {})


def test_a_hidden_lead_object_is_a_permission_to_give(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"hidden_objects": ["Lead"]})
    with pytest.raises(TargetRefused) as caught:
        people(target)
    assert caught.value.problem.code == "invalid_type"
    assert "Lead" in caught.value.problem.cause


def test_a_mapped_field_that_salesforce_does_not_show_is_named(org: Org, target: SalesforceTarget) -> None:
    with pytest.raises(TargetRefused) as caught:
        people(target, fields={LEAD: frozenset({"Shoe_Size__c"})})
    assert caught.value.problem.fields == ("Shoe_Size__c",)
    assert "Shoe_Size__c" in caught.value.problem.cause


def test_a_field_of_contacts_that_a_question_about_leads_names_is_put_down_to_contacts(
    org: Org, target: SalesforceTarget
) -> None:
    with pytest.raises(TargetRefused) as caught:
        people(target, fields={CONTACT: frozenset({"Shoe_Size__c"})})
    assert "Shoe_Size__c on the Contact" in caught.value.problem.cause


def test_who_may_not_see_contacts_is_told_so(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"hidden_objects": ["Contact"]})
    with pytest.raises(TargetRefused) as caught:
        people(target)
    assert caught.value.problem.code == "contacts_hidden"


def test_fields_are_answered_under_the_mappings_spelling(org: Org, target: SalesforceTarget) -> None:
    lead(org, Title="Countess", HasOptedOutOfEmail=True)
    (found,) = people(target, fields={LEAD: frozenset({"title", "EMAIL", "HasOptedOutOfEmail"})})
    assert found.fields == {"title": "Countess", "EMAIL": EMAIL, "HasOptedOutOfEmail": True}


FAULTS = [
    {"do": "status", "status": 503},
    {"do": "html", "status": 503},
    {"do": "html", "status": 502},
    {"do": "html", "status": 200},
    {"do": "status", "status": 500, "body": [{"errorCode": "UNKNOWN_EXCEPTION", "message": EMAIL}]},
    {"do": "status", "status": 420, "body": "no routing"},
    {"do": "drop_before"},
    {"do": "drop_after"},
    {"do": "status", "status": 403},
    {"do": "status", "status": 200, "body": {"compositeResponse": []}},
    {"do": "status", "status": 200, "body": {"compositeResponse": [{"referenceId": "ask_0"}]}},
    {"do": "status", "status": 200, "body": []},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['do']}-{fault.get('status')}")
def test_a_read_that_fails_in_passing_is_unavailable_and_works_the_next_time(
    org: Org, target: SalesforceTarget, fault: dict[str, Any]
) -> None:
    lead(org)
    org.fault(**fault)
    with pytest.raises(TargetUnavailable) as caught:
        people(target)
    assert caught.value.problem
    assert EMAIL not in f"{caught.value!r} {caught.value.problem}"
    assert len(people(target)) == 1


REFUSED = [
    ({"do": "status", "status": 404, "body": [{"errorCode": "NOT_FOUND", "message": "x"}]}, "instance_url_wrong"),
    ({"do": "html", "status": 404}, "instance_url_wrong"),
    ({"do": "html", "status": 302, "headers": {"Location": "https://evil.example/"}}, "instance_url_wrong"),
    (
        {"do": "status", "status": 403, "body": [{"errorCode": "API_DISABLED_FOR_ORG", "message": "x"}]},
        "api_disabled_for_org",
    ),
    (
        {"do": "status", "status": 400, "body": [{"errorCode": "JSON_PARSER_ERROR", "message": "x"}]},
        "json_parser_error",
    ),
]


@pytest.mark.parametrize(("fault", "code"), REFUSED, ids=[f"{fault['status']}-{code}" for fault, code in REFUSED])
def test_a_read_that_somebody_must_act_on_is_refused(
    org: Org, target: SalesforceTarget, fault: dict[str, Any], code: str
) -> None:
    org.fault(**fault)
    with pytest.raises(TargetRefused) as caught:
        people(target)
    assert caught.value.problem.code == code


def test_no_error_of_ours_carries_a_query_with_an_address_in_it(org: Org, target: SalesforceTarget) -> None:
    name = f"@{{{EMAIL}}}"
    org.fault(do="status", status=503, match={"method": "GET"})
    with pytest.raises(TargetUnavailable) as caught:
        target.look_up(Wanted(account_names=frozenset({name})))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_daily_limit_pauses_long(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"daily_limit": 0})
    with pytest.raises(TargetUnavailable) as caught:
        people(target)
    assert caught.value.problem
    assert caught.value.problem.code == "daily_limit"
    assert caught.value.retry_after
    assert caught.value.retry_after >= 600


def test_a_port_where_nobody_listens_is_unavailable(org: Org) -> None:
    target = org.target(instance_url="http://127.0.0.1:1")
    with pytest.raises(TargetUnavailable) as caught:
        people(target)
    assert caught.value.problem
    assert caught.value.problem.code == "salesforce_unreachable"


def test_an_empty_batch_costs_nothing(org: Org, target: SalesforceTarget) -> None:
    assert target.look_up(Wanted()) == Found()
    assert org.calls() == []


def test_every_call_is_counted_with_salesforces_own_count(org: Org, target: SalesforceTarget) -> None:
    org.standin.org.options = Options(client_id="id", client_secret="secret", daily_limit=15000)
    people(target)
    org.fault(do="drop_after")
    with pytest.raises(TargetUnavailable):
        people(target)
    assert org.counted == [(1, 15000), (None, None)]
