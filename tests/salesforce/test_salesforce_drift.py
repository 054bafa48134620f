"""What an administrator changes behind our back: fields, values, owners, permissions. Each is named, and looked at afresh."""

from __future__ import annotations

from typing import Any

import pytest
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Mend, Next, RecordKind, RecordRef, TargetRefused, Wanted
from tests.salesforce.conftest import Org
from tests.salesforce.test_salesforce_apply import CONTACT, LEAD, MEMBER, SIZES, apply, create, padding, update


def add_field(org: Org, sobject: str, **spec: Any) -> None:
    org.admin("fields", {"object": sobject, "fields": [spec]})


@pytest.mark.parametrize("taken_away", [True, False], ids=["taken away", "never there"])
@pytest.mark.parametrize(("kind", "asked"), [(CONTACT, CONTACT), (LEAD, LEAD), (CONTACT, LEAD)])
def test_a_mapped_field_that_is_gone_is_named_with_the_object_that_lost_it(
    org: Org, target: SalesforceTarget, kind: RecordKind, asked: RecordKind, taken_away: bool
) -> None:
    wanted = Wanted(
        emails={asked: frozenset({"ada@x.example"})},
        fields={kind: frozenset({"Title", "Region__c"})},  # a question about leads asks for the contacts they became
    )
    target.describe(kind)
    if taken_away:
        add_field(org, kind.value, name="Region__c", type="string", length=40)
        target.look_up(wanted)
        org.admin("fields", {"object": kind.value, "remove": ["Region__c"]})
    with pytest.raises(TargetRefused) as caught:
        target.look_up(wanted)
    org.forget_calls()
    target.describe(kind)
    assert len(org.calls()) == 1
    problem = caught.value.problem
    assert (problem.code, problem.object, problem.fields) == ("invalid_field", kind.value, ("Region__c",))
    assert problem.mended_by == (Mend.MAPPING, Mend.PERMISSION)


BROKEN = [
    ({"Region__c": "West"}, "invalid_field"),
    ({"Title": "x" * 200}, "string_too_long"),
    ({"CreatedDate": "2026-01-01T00:00:00Z"}, "invalid_field_for_insert_update"),
    ({"LastName": None}, "required_field_missing"),
]


@SIZES
@pytest.mark.parametrize(("fields", "code"), BROKEN, ids=[code for _, code in BROKEN])
def test_fields_are_described_afresh_after_salesforce_refused_one(
    org: Org, target: SalesforceTarget, others: int, fields: dict[str, Any], code: str
) -> None:
    target.describe(CONTACT)
    target.describe(LEAD)
    failure = apply(target, create("p1", CONTACT, **fields), *padding(others))["p1"].failure
    assert failure
    assert failure.problem.code == code
    org.forget_calls()
    target.describe(CONTACT)
    target.describe(LEAD)
    assert [call["path"].split("/")[-2] for call in org.calls()] == ["Contact"]


def test_a_good_batch_keeps_what_was_described(org: Org, target: SalesforceTarget) -> None:
    target.describe(CONTACT)
    apply(target, create("p1", CONTACT))
    org.forget_calls()
    target.describe(CONTACT)
    assert org.calls() == []


@SIZES
def test_a_value_that_left_a_restricted_picklist_is_a_problem_of_mapping_or_picklist(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    add_field(org, "Contact", name="Size__c", type="picklist", picklist=["S", "M"], restricted=True)
    results = apply(target, create("p1", CONTACT, Size__c="XXL"), create("p2", CONTACT, Size__c="S"), *padding(others))
    failure = results.pop("p1").failure
    assert failure
    assert (failure.problem.code, failure.problem.fields) == ("invalid_or_null_for_restricted_picklist", ("Size__c",))
    assert failure.problem.mended_by == (Mend.MAPPING, Mend.CRM)
    assert "XXL" not in repr(failure)
    assert all(result.ok for result in results.values())


@SIZES
def test_an_inactive_owner_is_looked_up_again_and_then_a_question_of_the_owner(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    inactive = org.owner("gone@acme.example", IsActive=False)
    ours = org.seed("Contact", LastName="L", Email="ada@x.example")
    results = apply(
        target,
        update("old", CONTACT, ours, OwnerId=inactive),
        create("new", CONTACT, OwnerId=inactive),
        *padding(others),
    )
    old, new = results["old"].failure, results["new"].failure
    assert old
    assert new
    for failure in (old, new):
        assert (failure.next, failure.problem.code) == (Next.REMATCH, "inactive_owner_or_user")
        assert failure.problem.mended_by == (Mend.OWNER, Mend.SOURCE)
    assert old.candidates == (RecordRef(CONTACT, ours),)  # the link is as good as before
    assert new.candidates == ()


@pytest.mark.parametrize(
    ("hidden", "ok", "told"),
    [
        (["Event", "EventRelation"], True, ["Activity", "Attendee"]),
        (["CampaignMember"], False, ["CampaignMember"]),
        (["Lead", "Event"], False, ["Lead", "Activity"]),
    ],
)
def test_a_check_tells_what_the_user_may_not_do_and_meetings_are_no_reason_to_stop(
    org: Org, target: SalesforceTarget, hidden: list[str], ok: bool, told: list[str]
) -> None:
    org.admin("options", {"hidden_objects": hidden})
    health = target.check()
    assert health.ok is ok
    assert [problem.object for problem in health.problems] == told
    assert {problem.mended_by for problem in health.problems} == {(Mend.PERMISSION,)}
    assert health.calls_limit == 100_000


def test_members_keep_their_marketing_words_when_the_object_is_hidden(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()
    org.admin("options", {"hidden_objects": ["CampaignMember"]})
    person = RecordRef(CONTACT, org.seed("Contact", LastName="L"))
    for others in (0, 30):
        failure = apply(target, create("m1", MEMBER, campaign=campaign, person=person), *padding(others))["m1"].failure
        assert failure
        assert failure.problem.code == "campaign_members_hidden"
