"""What people ask about an org: fields, pickers, health, addresses."""

from __future__ import annotations

import pytest
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Choice, CrmTarget, RecordKind, RecordRef, TargetRefused
from tests.salesforce.conftest import OWNER, Org

LEAD, CONTACT, ACCOUNT = RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT


def test_it_is_a_crm_target(target: SalesforceTarget) -> None:
    assert isinstance(target, CrmTarget)


def test_fields_are_described_as_a_mapping_must_know_them(org: Org, target: SalesforceTarget) -> None:
    org.admin(
        "fields",
        {
            "object": "Lead",
            "fields": [
                {"name": "Score__c", "type": "double"},
                {"name": "Tier__c", "type": "picklist", "picklist": ["Gold", "Silver"], "restricted": True},
            ],
        },
    )
    fields = target.describe(LEAD).fields
    assert (fields["Email"].type, fields["Email"].length, fields["Email"].label) == ("email", 80, "Email")
    assert (fields["LastName"].required, fields["FirstName"].required, fields["OwnerId"].required) == (
        True,
        False,
        False,
    )
    assert (fields["Description"].type, fields["Description"].length) == ("textarea", 32000)
    assert (fields["CreatedDate"].createable, fields["CreatedDate"].updateable) == (False, False)
    assert fields["OwnerId"].type == "reference"
    assert fields["Score__c"].type == "number"
    assert (fields["Tier__c"].values, fields["Tier__c"].restricted) == (("Gold", "Silver"), True)
    assert fields["LeadSource"].values
    assert not fields["LeadSource"].restricted


def test_fields_are_remembered_for_ten_minutes(org: Org, target: SalesforceTarget) -> None:
    target.describe(LEAD)
    org.admin("fields", {"object": "Lead", "fields": [{"name": "New__c", "type": "string"}]})
    assert "New__c" not in target.describe(LEAD).fields
    org.clock += 601
    assert "New__c" in target.describe(LEAD).fields
    assert len(org.calls()) == 2


def test_a_hidden_object_says_which_permission_is_missing(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"hidden_objects": ["Account"]})
    with pytest.raises(TargetRefused) as caught:
        target.describe(ACCOUNT)
    assert "Account" in caught.value.problem.fix


def test_pickers_show_what_tells_records_apart(org: Org, target: SalesforceTarget) -> None:
    account = org.seed("Account", Name="Acme", Website="acme.example")
    campaign = org.seed("Campaign", Name="Acme Expo", Status="Planned")
    owner = org.owner(FirstName="Olga", LastName="Acme")
    org.owner("gone@acme.example", LastName="Acme", IsActive=False)
    assert target.search(ACCOUNT, "acm") == [Choice(account, "Acme", "acme.example")]
    assert target.search(RecordKind.CAMPAIGN, "expo") == [Choice(campaign, "Acme Expo", "Planned")]
    assert target.search(RecordKind.OWNER, "acme") == [Choice(owner, "Olga Acme", OWNER)]


def test_a_search_for_nothing_shows_the_first(org: Org, target: SalesforceTarget) -> None:
    for name in ("Zeta", "Alpha"):
        org.seed("Account", Name=name)
    assert [choice.label for choice in target.search(ACCOUNT, " ")] == ["Alpha", "Zeta"]


def test_nobody_picks_members(org: Org, target: SalesforceTarget) -> None:
    assert target.search(RecordKind.MEMBER, "x") == []
    assert org.calls() == []


def test_health_counts_the_days_calls(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"daily_limit": 15000, "calls_used": 100})
    health = target.check()
    assert health.ok
    assert (health.calls_used, health.calls_limit) == (102, 15000)


def test_missing_permissions_are_named_each(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"hidden_objects": ["CampaignMember"]})
    with org.standin.org.lock:
        org.standin.org.schema.objects["Account"].createable = False
    try:
        health = target.check()
    finally:
        org.standin.org.schema.objects["Account"].createable = True
    assert not health.ok
    assert [(problem.code, problem.object) for problem in health.problems] == [
        ("permission_missing", "Account"),
        ("campaign_members_hidden", "CampaignMember"),
    ]
    assert "create" in health.problems[0].cause
    assert "Marketing User" in health.problems[1].fix


def test_a_refused_sign_in_is_ill_health_and_no_exception(org: Org) -> None:
    given = {"instance_url": org.standin.url, "client_id": "wrong"}
    health = org.connect(given, {"client_secret": "secret"}, org.keeper).check()
    assert not health.ok
    assert [problem.code for problem in health.problems] == ["invalid_client_id"]


def test_an_unreachable_org_is_ill_health_and_no_exception(org: Org) -> None:
    health = org.target(instance_url="http://127.0.0.1:1").check()
    assert [problem.code for problem in health.problems] == ["salesforce_unreachable"]


def test_who_may_not_see_the_limits_is_healthy_all_the_same(org: Org, target: SalesforceTarget) -> None:
    refusal = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "x"}]
    org.fault(do="status", status=403, body=refusal, match={"path": "limits"})
    health = target.check()
    assert health.ok
    assert health.calls_used == 1


def test_a_record_opens_in_the_browser(org: Org, target: SalesforceTarget) -> None:
    url = target.url(RecordRef(LEAD, "00QWs0000000001MAA"))
    assert url == f"{org.standin.url}/lightning/r/Lead/00QWs0000000001MAA/view"
    assert target.url(RecordRef(LEAD, "x/../y?z")).endswith("/Lead/x%2F..%2Fy%3Fz/view")
