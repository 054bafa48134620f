"""Member statuses that are made, members that are taken out: what it costs, and what an org may not allow."""

from __future__ import annotations

from dataclasses import replace

from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Action, FieldValue, Found, Mend, Next, RecordKind, RecordRef, Step, StepRef, Wanted
from tests.salesforce.conftest import Org
from tests.salesforce.test_salesforce_apply import CONTACT, LEAD, MEMBER, SIZES, apply, create, padding

STATUS = RecordKind.MEMBER_STATUS


def status(step_id: str, campaign: FieldValue, label: str, *, responded: bool = False) -> Step:
    return Step(step_id, Action.CREATE, STATUS, fields={"campaign": campaign, "label": label, "responded": responded})


def member(step_id: str, campaign: FieldValue, person: FieldValue, label: str, *after: str) -> Step:
    return replace(create(step_id, MEMBER, campaign=campaign, person=person, status=label), after=after)


def look_up(target: SalesforceTarget, campaign: str, *labels: str) -> Found:
    return target.look_up(
        Wanted(
            campaigns=frozenset({campaign}),
            member_emails=frozenset({"ada@x.example"}),
            member_labels=frozenset((label,) for label in labels),
        )
    )


def described(org: Org) -> int:
    return sum(call["path"].endswith("/describe") for call in org.calls())


def test_a_new_status_and_its_member_are_two_calls_and_the_next_member_is_one(
    org: Org, target: SalesforceTarget
) -> None:
    campaign = org.campaign()
    assert look_up(target, campaign, "Badge scanned").can_add_statuses
    org.forget_calls()
    results = apply(
        target,
        status("s1", campaign[:15], "Badge scanned", responded=True),
        create("p1", LEAD, Email="ada@x.example"),
        member("m1", campaign[:15], StepRef("p1"), "Badge scanned", "s1"),
    )
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == 2
    (made,) = org.rows("CampaignMember")
    assert (made["Status"], made["HasResponded"]) == ("Badge scanned", True)
    org.forget_calls()
    found = look_up(target, campaign, "Badge scanned")
    assert not found.can_add_statuses
    assert [each.label for each in found.member_statuses[campaign]] == ["Sent", "Responded", "Badge scanned"]
    assert described(org) == 0


@SIZES
def test_new_statuses_stand_behind_those_that_the_campaign_has(org: Org, target: SalesforceTarget, others: int) -> None:
    campaigns = [org.campaign(), org.campaign(Name="Fair")]
    for campaign in campaigns:
        look_up(target, campaign)
    steps = [status(f"s{n}{label}", campaign, label) for n, campaign in enumerate(campaigns) for label in "ABC"]
    assert all(result.ok for result in apply(target, *steps, *padding(others)).values())
    for campaign in campaigns:
        rows = [row for row in org.rows("CampaignMemberStatus") if row["CampaignId"] == campaign]
        assert [row["Label"] for row in sorted(rows, key=lambda row: row["SortOrder"])][-3:] == ["A", "B", "C"]
        assert len({row["SortOrder"] for row in rows}) == len(rows)


@SIZES
def test_a_member_whose_status_could_not_be_made_is_not_made_either(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    campaign, person = org.campaign(), RecordRef(CONTACT, org.seed("Contact", LastName="L"))
    look_up(target, campaign)
    org.admin("options", {"read_only_objects": ["User", "Group", "CampaignMemberStatus"]})
    results = apply(
        target,
        status("s1", campaign, "Badge scanned"),
        member("m1", campaign, person, "Badge scanned", "s1"),
        *padding(others),
    )
    first, second = results.pop("s1").failure, results.pop("m1").failure
    assert first
    assert second
    assert (first.next, first.problem.code) == (Next.STOP, "member_status_not_allowed")
    assert first.problem.mended_by == (Mend.PERMISSION, Mend.POLICY, Mend.CRM)
    assert second.problem.key == first.problem.key
    assert second.problem.cause.startswith("Its Campaign Member Status was not written: ")
    assert all(result.ok for result in results.values())
    assert org.rows("CampaignMember") == []


def test_whether_statuses_can_be_made_is_asked_only_when_one_is_missing(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()
    org.admin("options", {"member_statuses_createable": False})
    assert not look_up(target, campaign, "sent", "RESPONDED").can_add_statuses
    assert described(org) == 0
    for _ in range(2):
        assert not look_up(target, campaign, "Sent", "Nowhere").can_add_statuses
    assert described(org) == 1


def test_a_campaign_that_is_not_there_lacks_no_status(org: Org, target: SalesforceTarget) -> None:
    assert not look_up(target, org.gone(RecordKind.CAMPAIGN).id, "Nowhere").can_add_statuses
    assert described(org) == 0


def test_two_hundred_members_are_taken_out_in_one_call(org: Org, target: SalesforceTarget) -> None:
    campaign = org.campaign()
    people = [create(f"p{n}", LEAD, Email=f"p{n}@x.example") for n in range(200)]
    made = apply(target, *people, *(member(f"m{n}", campaign, StepRef(f"p{n}"), "Sent") for n in range(200)))
    refs = [ref for n in range(200) if (ref := made[f"m{n}"].ref)]
    org.admin("delete", {"object": "CampaignMember", "ids": [refs[7].id]})
    org.forget_calls()
    steps = [Step(f"x{n}", Action.REMOVE, MEMBER, ref) for n, ref in enumerate(refs)]
    results = apply(target, *steps)
    assert [result.ref for result in results.values()] == refs  # the one that was gone is as good as removed
    assert len(org.calls()) == 1
    assert org.rows("CampaignMember") == []
    assert len(org.rows("Lead")) == 200


@SIZES
def test_a_member_that_may_not_be_taken_out_stays_and_says_so(org: Org, target: SalesforceTarget, others: int) -> None:
    campaign, person = org.campaign(), org.seed("Contact", LastName="L")
    ref = RecordRef(MEMBER, org.seed("CampaignMember", CampaignId=campaign, ContactId=person))
    org.admin("options", {"permissions": {"CampaignMember": {"delete": False}}})
    results = apply(target, Step("x1", Action.REMOVE, MEMBER, ref), *padding(others))
    failure = results.pop("x1").failure
    assert failure
    assert failure.next is Next.STOP
    assert Mend.PERMISSION in failure.problem.mended_by
    assert all(result.ok for result in results.values())
    assert len(org.rows("CampaignMember")) == 1
