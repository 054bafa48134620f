"""Rule 9: what becomes of an event's campaign."""

from __future__ import annotations

import pytest

from contactsync.domain.batch import ReadyEvent
from contactsync.domain.campaigns import (
    event_fingerprint,
    event_needs_crm,
    event_wanted,
    names_to_attempt,
    plan_events,
)
from contactsync.domain.crm import (
    Action,
    CrmField,
    FieldCatalog,
    Found,
    FoundCampaign,
    Mend,
    RecordKind,
    RecordRef,
    Wanted,
)
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.domain.records import Event
from tests.domain.made import MAPPING, mapping_with, rule

CAMPAIGN = RecordKind.CAMPAIGN
CREATES = Policies(create_campaigns=True)
NAMES_TOO = mapping_with("campaign", rule("name", "Name"))
SPRING = RecordRef(CAMPAIGN, "701000000000001AAA")


def event(event_id="e1", campaign=None, deleted=False, attempted=(), **fields):
    said = {
        "name": "Expo",
        "starts_at": "2026-11-24T09:00:00",
        "ends_at": "2026-11-25T17:00:00",
        "timezone": "Europe/Berlin",
    }
    said.update(fields)
    said = {path: value for path, value in said.items() if value is not ...}
    campaign_id = campaign.id if campaign else None
    return ReadyEvent(Event(event_id, said, campaign_id, deleted), campaign, attempted=tuple(attempted))


def campaign(number=1, name="Expo", created="2020", **fields):
    return FoundCampaign(RecordRef(CAMPAIGN, f"70100000000000{number}AAA"), name, created, {"Name": name, **fields})


def planned(batch, *campaigns, mapping=MAPPING, policies=CREATES):
    batch = [batch] if isinstance(batch, ReadyEvent) else batch
    return plan_events(batch, Found(campaigns=campaigns), mapping, policies)


def only(made):
    (step,) = made.steps
    return step


# ── is there anything to do ──


def test_an_event_needs_the_crm_only_where_something_is_to_become_of_it():
    def needs(one, mapping=MAPPING, policies=CREATES):
        return event_needs_crm(one, mapping, policies)

    assert needs(event())
    assert not needs(event(), policies=Policies())
    assert not needs(event(name=...))
    assert not needs(event(name="  "))
    assert not needs(event(status="cancelled"))
    assert not needs(event(deleted=True))
    assert not needs(event(campaign=SPRING))
    assert needs(event(campaign=SPRING), NAMES_TOO, Policies())
    assert needs(event(campaign=SPRING, status="cancelled"), NAMES_TOO)
    assert not needs(event(campaign=SPRING, deleted=True), NAMES_TOO)


def test_only_what_has_something_to_do_is_asked_for():
    batch = [
        event("e1"),
        event("e2", name="Fair", attempted=["Old fair"]),
        event("e3", campaign=SPRING),
        event("e4", deleted=True),
    ]
    asked = event_wanted(batch, MAPPING, CREATES)
    assert asked.campaign_names == {"Expo", "Fair", "Old fair"}
    assert (asked.ids, asked.campaigns) == ({}, frozenset())
    assert asked.fields[CAMPAIGN] == {"Name", "StartDate", "EndDate", "IsActive"}
    assert event_wanted(batch, NAMES_TOO, Policies()).ids == {CAMPAIGN: {SPRING.id}}
    assert event_wanted(batch, MAPPING, Policies()) == Wanted()


def test_nothing_to_do_is_no_step_and_told():
    made = planned(event(), policies=Policies())
    assert (made.steps, made.plans["e1"].main, made.plans["e1"].problem) == ((), None, None)
    assert made.plans["e1"].why == ("The event is not connected to a campaign.",)


# ── made ──


def test_an_event_without_a_campaign_gets_one_with_its_name_and_its_days_on_the_spot():
    step = only(planned(event(starts_at="2026-11-24T23:30:00Z", ends_at="2026-11-27T00:00:00+01:00")))
    assert (step.action, step.kind) == (Action.CREATE, CAMPAIGN)
    assert step.fields == {"Name": "Expo", "StartDate": "2026-11-25", "EndDate": "2026-11-26", "IsActive": True}
    assert names_to_attempt(event(name=" Expo ")) == "Expo"


def test_an_event_without_days_gets_a_campaign_without_them():
    step = only(planned(event(starts_at=..., ends_at="whenever")))
    assert step.fields == {"Name": "Expo", "IsActive": True}


def test_two_events_of_one_name_and_day_share_the_campaign_that_is_made_and_other_days_have_their_own():
    made = planned([event("e1"), event("e2", name="EXPO"), event("e3", starts_at="2027-11-24")])
    assert len(made.steps) == 2
    assert made.plans["e1"].main == made.plans["e2"].main != made.plans["e3"].main


# ── matched ──


def test_a_campaign_with_the_events_name_is_taken_whatever_its_case():
    step = only(planned(event(), campaign(name="EXPO "), campaign(2, name="Expo 2")))
    assert (step.action, step.ref) == (Action.LEAVE, campaign().ref)


def test_last_years_campaign_is_another_one():
    assert only(planned(event(), campaign(StartDate="2025-11-24"))).action is Action.CREATE
    assert only(planned(event(starts_at=...), campaign(StartDate="2025-11-24"))).ref == campaign().ref


def test_of_several_the_one_that_begins_on_the_same_day_is_taken():
    held = [campaign(1, StartDate="2025-11-24"), campaign(2, StartDate="2026-11-24"), campaign(3)]
    assert only(planned(event(), *held)).ref == held[1].ref


def test_of_several_that_do_not_tell_the_org_chooses():
    held = [campaign(1, created="2022"), campaign(2, created="2021"), campaign(3, created="2023")]
    assert only(planned(event(), *held)).ref == held[1].ref
    recent = Policies(create_campaigns=True, several_matches=SeveralMatches.MOST_RECENT)
    assert only(planned(event(), *held, policies=recent)).ref == held[2].ref
    asking = Policies(create_campaigns=True, several_matches=SeveralMatches.STOP)
    made = planned([event(), event("e2", name="Fair")], *held, policies=asking)
    assert made.plans["e1"].problem.code == "several_campaigns"
    assert Mend.POLICY in made.plans["e1"].problem.mended_by
    assert only(made).fields["Name"] == "Fair"


def test_a_campaign_whose_answer_was_lost_is_found_though_the_event_moved_or_was_renamed():
    held = campaign(name="Old expo", StartDate="2026-10-01")
    assert only(planned(event(attempted=["Old expo"]), held)).ref == held.ref
    assert only(planned(event(attempted=["Expo"]), campaign(StartDate="2026-10-01"))).ref == campaign().ref


def test_an_event_that_is_brought_twice_makes_one_campaign():
    first = only(planned(event()))
    held = FoundCampaign(SPRING, first.fields["Name"], "2026", dict(first.fields))
    assert only(planned(event(attempted=["Expo"]), held)).action is Action.LEAVE
    assert only(planned(event(campaign=SPRING), held, mapping=NAMES_TOO)).action is Action.LEAVE


def test_a_name_that_is_too_long_for_a_campaign_is_cut_and_known_again_by_what_is_left():
    name = "The international congress of everything " * 3
    catalogs = {CAMPAIGN: FieldCatalog(CAMPAIGN, {"Name": CrmField("Name", "Name", "text", 80)})}
    batch = [event(name=name)]
    step = only(plan_events(batch, Found(), MAPPING, CREATES, catalogs=catalogs))
    made = step.fields["Name"]
    assert len(made) <= 80
    assert "Cut to 80 characters" in step.field_why["Name"]
    assert made in event_wanted(batch, MAPPING, CREATES).campaign_names
    held = campaign(name=made, StartDate="2020-01-01")
    assert only(planned(event(name=name, attempted=[name]), held)).action is Action.LEAVE


# ── connected ──


@pytest.mark.parametrize("campaign_id", ["701000000000001AAA", "701000000000001"])
def test_a_connected_campaign_gets_what_the_rules_bring_by_the_long_and_the_short_id(campaign_id):
    mapping = mapping_with(
        "campaign",
        rule("name", "Name"),
        rule("custom.budget", "BudgetedCost"),
        rule("status", "Status", values={"cancelled": "Aborted"}),
    )
    one = event(
        campaign=RecordRef(CAMPAIGN, campaign_id),
        name="Expo 26",
        custom__x=1,
        status="cancelled",
        **{"custom.budget": 100},
    )
    held = campaign(1, StartDate="2026-01-01", BudgetedCost=100.0, Status="Planned")
    step = only(planned(one, held, mapping=mapping, policies=Policies()))
    assert (step.action, step.ref) == (Action.UPDATE, SPRING)
    assert step.fields == {"Name": "Expo 26", "Status": "Aborted"}
    assert step.before == {"Name": "Expo", "Status": "Planned"}


def test_a_connected_campaign_that_is_not_there_is_a_problem_and_no_other_is_made():
    made = planned(event(campaign=SPRING), campaign(2), mapping=NAMES_TOO)
    assert made.steps == ()
    assert made.plans["e1"].problem.code == "campaign_not_found"


def test_two_events_of_one_campaign_write_it_once():
    made = planned(
        [event("e1", campaign=SPRING, name="A"), event("e2", campaign=SPRING, name="B")], campaign(), mapping=NAMES_TOO
    )
    assert len(made.steps) == 1
    assert made.plans["e1"].main == made.plans["e2"].main


def test_a_cancelled_event_makes_its_campaign_inactive_where_a_rule_says_so():
    mapping = mapping_with("campaign", rule("active", "IsActive"))
    one = event(campaign=SPRING, status="cancelled")
    assert only(planned(one, campaign(IsActive=True), mapping=mapping)).fields == {"IsActive": False}


def test_an_event_has_a_new_fingerprint_when_its_plan_could_be_another_and_only_then():
    def made(one, mapping=MAPPING, policies=CREATES):
        return event_fingerprint(one, mapping, policies)

    base = made(event())
    assert base == made(event(attempted=["Expo"], venue="Hall 3"))
    others = [
        made(event(name="Fair")),
        made(event(starts_at="2026-11-25")),
        made(event(timezone="UTC")),
        made(event(status="cancelled")),
        made(event(deleted=True)),
        made(event(campaign=SPRING)),
        made(event(), NAMES_TOO),
        made(event(), policies=Policies()),
    ]
    assert len({base, *others}) == len(others) + 1
