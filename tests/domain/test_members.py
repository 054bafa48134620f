"""Rule 9: Campaign Members."""

from __future__ import annotations

import pytest

from contactsync.domain.crm import Action, RecordKind, StepRef
from contactsync.domain.policy import Policies, RemovedAttendance
from contactsync.domain.policy_json import policies_from_json
from contactsync.domain.records import Attendance
from tests.domain.made import (
    CONTACT,
    LEAD,
    MEMBER,
    lead,
    member,
    member_step,
    person,
    planned,
    ready,
    ref,
    steps_of,
)

MEMBER_STATUS = RecordKind.MEMBER_STATUS
FINE = ("Sent*", "Registered", "Attended", "No Show", "Cancelled", "Responded")


def going(*statuses, campaign="701A", contact_id="c1", **more):
    attendances = [Attendance(f"e{n}", status, campaign) for n, status in enumerate(statuses)]
    return ready(contact_id, attendances=attendances, **more)


def test_whoever_attends_an_event_with_a_campaign_becomes_its_member():
    step = member_step(planned(going("registered")))
    assert (step.id, step.action, step.kind, step.ref) == ("m1", Action.CREATE, MEMBER, None)
    assert step.fields == {"campaign": "701A", "person": StepRef("p1"), "status": "Sent"}


def test_an_existing_person_is_named_by_its_record():
    assert member_step(planned(going("registered"), lead())).fields["person"] == ref(LEAD, 1)


def test_a_contact_without_any_campaign_still_syncs():
    made = planned(ready(attendances=[Attendance("e1", "registered")]))
    assert [step.id for step in made.steps] == ["p1"]
    assert made.contacts["c1"].members == {}


def test_the_status_is_the_first_label_of_the_map_that_the_campaign_has_in_the_campaigns_spelling():
    made = planned(going("attended"), statuses=("sent*", "RESPONDED"))
    assert member_step(made).fields["status"] == "RESPONDED"
    assert member_step(planned(going("attended"), statuses=FINE)).fields["status"] == "Attended"


def test_an_org_may_map_statuses_of_its_own_words():
    policies = policies_from_json({"status_map": {"VIP lounge": ["VIP", "Responded"], "attended": "Showed Up"}})
    made = planned(going("vip lounge"), policies=policies, statuses=("Sent*", "VIP"))
    assert member_step(made).fields["status"] == "VIP"


def test_a_status_that_the_map_or_the_campaign_does_not_know_is_left_to_the_crm_and_told():
    for made in (
        planned(going("dancing")),
        planned(going("attended"), statuses=("New*",)),
        planned(going("x"), statuses=()),
    ):
        step = member_step(made)
        assert step.action is Action.CREATE
        assert "status" not in step.fields
        assert any("has no member status for" in line for line in made.contacts["c1"].why)


def test_an_unknown_status_leaves_an_existing_member_as_it_is():
    step = member_step(planned(going("dancing"), lead(), member(1, ref(LEAD, 1), "Sent")))
    assert (step.action, step.ref) == (Action.LEAVE, ref(MEMBER, 1))


def test_a_removed_attendance_changes_nothing():
    removed = ready(attendances=[Attendance("e1", "registered", "701A", removed=True)])
    assert steps_of(planned(removed, lead(), member(1, ref(LEAD, 1), "Sent")), MEMBER) == []


def test_a_stopped_contact_has_no_members():
    policies = policies_from_json({"several_matches": "stop"})
    assert planned(going("registered"), lead(1), lead(2), policies=policies).steps == ()


# ── the ladder ──

UP = [
    ("Sent", "registered", "Registered"),
    ("Sent", "attended", "Attended"),
    ("Sent", "no_show", "No Show"),
    ("Registered", "attended", "Attended"),
    ("Registered", "no_show", "No Show"),
    ("Registered", "cancelled", "Cancelled"),
    ("Cancelled", "registered", "Registered"),
    ("No Show", "attended", "Attended"),
    ("Responded", "attended", "Attended"),
    (None, "invited", "Sent"),
    ("", "registered", "Registered"),
    ("registered", "attended", "Attended"),
]


@pytest.mark.parametrize(("held", "status", "label"), UP)
def test_a_members_status_moves_up_or_along_its_step(held, status, label):
    step = member_step(planned(going(status), lead(), member(1, ref(LEAD, 1), held), statuses=FINE))
    assert (step.action, step.fields, step.before) == (Action.UPDATE, {"status": label}, {"status": held})


DOWN = [
    ("Attended", "registered"),
    ("Attended", "no_show"),
    ("Attended", "cancelled"),
    ("Responded", "registered"),
    ("No Show", "registered"),
    ("No Show", "cancelled"),
    ("Registered", "invited"),
    ("attended", "invited"),
]


@pytest.mark.parametrize(("held", "status"), DOWN)
def test_a_members_status_never_goes_down_the_ladder(held, status):
    made = planned(going(status), lead(), member(1, ref(LEAD, 1), held), statuses=FINE)
    assert member_step(made).action is Action.LEAVE
    assert f"The status stays “{held}”" in made.contacts["c1"].why[-1]


@pytest.mark.parametrize("status", ["cancelled", "no_show"])
def test_a_member_never_falls_back_to_a_coarser_label(status):
    statuses = ("Sent*", "Registered", "Attended")
    made = planned(going(status), lead(), member(1, ref(LEAD, 1), "Registered"), statuses=statuses)
    assert member_step(made).action is Action.LEAVE
    assert "“Sent” would be a step down" in made.contacts["c1"].why[-1]


def test_the_right_status_is_no_change_whatever_its_case():
    step = member_step(planned(going("attended"), lead(), member(1, ref(LEAD, 1), "ATTENDED"), statuses=FINE))
    assert step.action is Action.LEAVE


def test_a_status_that_a_person_set_stays():
    made = planned(going("attended"), lead(), member(1, ref(LEAD, 1), "Speaker"), statuses=(*FINE, "Speaker"))
    assert member_step(made).action is Action.LEAVE
    assert "Somebody set the status “Speaker” in the CRM: it stays." in made.contacts["c1"].why


def test_the_campaigns_default_is_nobodys_choice():
    step = member_step(planned(going("invited"), lead(), member(1, ref(LEAD, 1), "New"), statuses=("New*", "Invited")))
    assert step.fields == {"status": "Invited"}


def test_a_label_that_stands_for_attended_too_is_never_left_for_less():
    policies = policies_from_json({"status_map": {"registered": ["Responded"], "cancelled": ["Sent"]}})
    made = planned(going("cancelled"), lead(), member(1, ref(LEAD, 1), "Responded"), policies=policies)
    assert member_step(made).action is Action.LEAVE


def test_a_word_that_the_ladder_does_not_name_stands_where_registered_stands():
    policies = policies_from_json({"status_map": {"vip": ["VIP"]}})
    statuses = (*FINE, "VIP")
    for held, action in (("Registered", Action.UPDATE), ("Attended", Action.LEAVE), ("Sent", Action.UPDATE)):
        made = planned(going("vip"), lead(), member(1, ref(LEAD, 1), held), policies=policies, statuses=statuses)
        assert member_step(made).action is action


# ── whose membership it is ──


def test_of_several_events_of_one_campaign_the_highest_attendance_counts_once():
    made = planned(going("registered", "attended", "invited"), statuses=FINE)
    assert [step.fields["status"] for step in steps_of(made, MEMBER)] == ["Attended"]


def test_of_two_on_one_step_the_one_that_means_to_come_counts():
    for statuses in (("cancelled", "registered"), ("registered", "declined")):
        assert member_step(planned(going(*statuses), statuses=FINE)).fields["status"] == "Registered"


def test_two_contacts_of_one_record_are_one_member():
    made = planned([going("registered", contact_id="1"), going("attended", contact_id="2")], statuses=FINE)
    assert [step.fields["status"] for step in steps_of(made, MEMBER)] == ["Attended"]
    assert made.contacts["1"].members == made.contacts["2"].members == {"701A": "m1"}


def test_several_campaigns_make_several_memberships():
    batch = ready(attendances=[("701A", "registered"), ("701B", "registered")])
    made = planned(batch, campaigns=("701A", "701B"))
    assert made.contacts["c1"].members == {"701A": "m1", "701B": "m2"}


def test_a_leads_membership_belongs_to_its_contact_after_conversion():
    known = person(7)
    records = [lead(1, converted_to=known.ref), known, member(1, ref(LEAD, 1), "Sent")]
    step = member_step(planned(going("attended"), *records))
    assert (step.action, step.ref) == (Action.UPDATE, ref(MEMBER, 1))


def test_a_contacts_own_membership_goes_before_the_one_of_the_lead_that_it_was():
    known = person(7)
    records = [lead(1, converted_to=known.ref), known, member(1, ref(LEAD, 1), "Sent"), member(2, known.ref, "Sent")]
    assert member_step(planned(going("attended"), *records)).ref == ref(MEMBER, 2)


def test_the_membership_of_the_same_address_in_the_other_object_is_somebody_elses():
    made = planned(going("registered"), lead(), member(1, ref(CONTACT, 5), "Sent", email="ada@acme.com"))
    assert member_step(made).action is Action.CREATE


def test_the_membership_of_another_record_with_the_same_address_is_no_match():
    made = planned(going("attended"), lead(1), lead(2), member(1, ref(LEAD, 2), "Sent", email="ada@acme.com"))
    assert member_step(made).fields["person"] == ref(LEAD, 1)


def test_another_campaigns_membership_is_no_match():
    made = planned(going("registered"), lead(), member(1, ref(LEAD, 1), "Sent", campaign="701Z"))
    assert member_step(made).action is Action.CREATE


def test_the_default_map_fits_a_campaign_with_nothing_but_sent_and_responded():
    for status, label in (("invited", "Sent"), ("registered", "Sent"), ("no_show", "Sent"), ("attended", "Responded")):
        assert member_step(planned(going(status), policies=Policies())).fields["status"] == label


# ── statuses that a campaign lacks ──

BARE = {"statuses": ("New*",)}


def statuses_of(made):
    return [(step.id, dict(step.fields)) for step in steps_of(made, MEMBER_STATUS)]


def test_a_status_that_the_campaign_lacks_is_made_first_where_the_crm_allows_it():
    made = planned(going("attended"), **BARE, can_add_statuses=True)
    assert statuses_of(made) == [("s1", {"campaign": "701A", "label": "Attended", "responded": True})]
    step = member_step(made)
    assert (step.fields["status"], step.after) == ("Attended", ("s1",))
    assert [step.id for step in made.steps].index("s1") < [step.id for step in made.steps].index("m1")


def test_the_contact_hangs_on_the_status_that_is_made_for_it():
    assert "s1" in planned(going("attended"), **BARE, can_add_statuses=True).contacts["c1"].step_ids


def test_one_status_is_made_once_for_all_who_need_it_and_per_campaign():
    batch = [going("registered", contact_id=str(n), email=f"{n}@x.com") for n in range(3)]
    other = ready("9", email="9@x.com", attendances=[("701B", "registered")])
    made = planned([*batch, other], statuses=("New*",), campaigns=("701A", "701B"), can_add_statuses=True)
    assert [fields["campaign"] for _, fields in statuses_of(made)] == ["701A", "701B"]
    assert {step.after for step in steps_of(made, MEMBER)} == {("s1",), ("s2",)}


def test_a_status_is_not_made_when_the_org_or_the_crm_does_not_want_it_and_no_unknown_label_is_sent():
    unwanted = Policies(create_member_statuses=False)
    for made in (
        planned(going("attended"), **BARE),
        planned(going("attended"), **BARE, can_add_statuses=True, policies=unwanted),
        planned(going("dancing"), **BARE, can_add_statuses=True),
    ):
        assert statuses_of(made) == []
        assert "status" not in member_step(made).fields
        assert any("the campaign's default was left to the CRM" in line for line in made.contacts["c1"].why)


def test_no_status_is_made_for_a_member_who_would_not_get_it():
    for held in ("Attended", "Speaker"):
        made = planned(
            going("registered"),
            lead(),
            member(1, ref(LEAD, 1), held),
            statuses=("New*", "Attended"),
            can_add_statuses=True,
        )
        assert statuses_of(made) == []
        assert member_step(made).action is Action.LEAVE


def test_a_member_moves_up_to_a_status_that_is_made_for_it():
    made = planned(going("attended"), lead(), member(1, ref(LEAD, 1), "New"), **BARE, can_add_statuses=True)
    step = member_step(made)
    assert (step.action, step.fields, step.after) == (Action.UPDATE, {"status": "Attended"}, ("s1",))


# ── attendances that were removed ──

STATUS = Policies(removed_attendance=RemovedAttendance.STATUS)
REMOVE = Policies(removed_attendance=RemovedAttendance.REMOVE)
GONE = (*FINE, "Removed")


def gone(status="registered", contact_id="c1", **more):
    return ready(contact_id, attendances=[Attendance("e1", status, "701A", removed=True)], **more)


def test_a_removed_attendance_gives_the_member_the_status_for_removed_where_the_org_wants_it():
    step = member_step(planned(gone(), lead(), member(1, ref(LEAD, 1), "Registered"), statuses=GONE, policies=STATUS))
    assert (step.action, step.fields, step.before) == (
        Action.UPDATE,
        {"status": "Removed"},
        {"status": "Registered"},
    )


@pytest.mark.parametrize("held", ["Attended", "Responded", "Speaker", "Removed"])
def test_whoever_attended_has_attended_and_a_persons_choice_stays_though_the_attendance_was_removed(held):
    statuses = (*GONE, "Speaker")
    made = planned(gone(), lead(), member(1, ref(LEAD, 1), held), statuses=statuses, policies=STATUS)
    assert member_step(made).action is Action.LEAVE


def test_the_status_for_removed_is_made_where_the_campaign_lacks_every_label_of_it():
    records = (lead(), member(1, ref(LEAD, 1), "New"))
    made = planned(gone(), *records, **BARE, can_add_statuses=True, policies=STATUS)
    assert statuses_of(made) == [("s1", {"campaign": "701A", "label": "Removed", "responded": False})]
    assert member_step(made).fields == {"status": "Removed"}


def test_whoever_was_removed_may_be_invited_again():
    step = member_step(planned(going("invited"), lead(), member(1, ref(LEAD, 1), "Removed"), statuses=GONE))
    assert step.fields == {"status": "Sent"}


def test_the_word_for_removed_does_not_loosen_the_step_of_a_label_that_means_something_else_too():
    made = planned(going("invited"), lead(), member(1, ref(LEAD, 1), "Cancelled"), statuses=GONE)
    assert member_step(made).action is Action.LEAVE


def test_a_removed_attendance_takes_the_member_out_where_the_org_wants_it():
    step = member_step(planned(gone(), lead(), member(1, ref(LEAD, 1), "Registered"), policies=REMOVE))
    assert (step.action, step.kind, step.ref) == (Action.REMOVE, MEMBER, ref(MEMBER, 1))


@pytest.mark.parametrize("policies", [STATUS, REMOVE])
def test_no_membership_is_made_for_a_removed_attendance(policies):
    for records in ((), (lead(),)):
        assert steps_of(planned(gone(), *records, policies=policies), MEMBER) == []


@pytest.mark.parametrize("policies", [STATUS, REMOVE])
def test_another_attendance_with_the_same_campaign_keeps_the_member(policies):
    mine = ready(
        attendances=[Attendance("e1", "attended", "701A", removed=True), Attendance("e2", "registered", "701A")]
    )
    theirs = [gone(contact_id="1"), going("registered", contact_id="2")]
    for batch in (mine, theirs):
        made = planned(batch, lead(), member(1, ref(LEAD, 1), "Sent"), statuses=FINE, policies=policies)
        assert [step.fields for step in steps_of(made, MEMBER)] == [{"status": "Registered"}]


def test_a_late_registered_after_attended_stays_attended():
    made = planned(going("registered"), lead(), member(1, ref(LEAD, 1), "Attended"), statuses=FINE)
    assert member_step(made).action is Action.LEAVE
