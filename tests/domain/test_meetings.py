"""Rule 10: what a meeting becomes, and who takes part in it."""

from __future__ import annotations

import pytest

from contactsync.domain.crm import Action, RecordRef, StepRef
from contactsync.domain.meeting_text import our_line
from contactsync.domain.meetings import attempt_of, meeting_fingerprint, meeting_wanted
from contactsync.domain.policy import Policies
from contactsync.domain.values import mark_of
from tests.domain.made import ACCOUNT, CONTACT, LEAD, MAPPING, lead, mapping_with, owner, person, ref, rule
from tests.domain.made_meetings import (
    ACTIVITY,
    ATTENDEE,
    END,
    START,
    activity,
    attendees,
    event,
    invited,
    main,
    meeting,
    place,
    planned,
)

LINK = RecordRef(ACTIVITY, "00U1")
LINE = our_line("m1")
ADA, BOB, EVE = person(1), person(2, "bob@x.com"), person(3, "eve@x.com")


def test_a_meeting_becomes_an_activity_with_its_words_times_host_and_people():
    made = planned(
        meeting(
            "m1", invited(ADA), invited(BOB), notes="Bring the slides", location="Hall 3", host_email="SALES@acme.com"
        ),
        ADA,
        BOB,
        owner(1, "sales@acme.com"),
    )
    step = main(made)
    assert (step.action, step.kind) == (Action.CREATE, ACTIVITY)
    assert step.fields == {
        "Subject": "Demo",
        "StartDateTime": START,
        "EndDateTime": END,
        "IsAllDayEvent": False,
        "Location": "Hall 3",
        "Description": f"Bring the slides\n\n{LINE}",
        "OwnerId": owner(1).ref.id,
        "WhoId": ADA.ref.id,
    }
    assert [(one.action, one.fields) for one in attendees(made)] == [
        (Action.CREATE, {"activity": StepRef(step.id), "person": BOB.ref, "status": "new"})
    ]
    assert made.plans["m1"].step_ids == (step.id, attendees(made)[0].id)


def test_what_the_batch_asks_fits_five_questions():
    batch = [
        meeting("m1", invited(ADA), invited(lead(4)), invited(), host_email="Sales@acme.com", link=LINK),
        meeting("m2", attempted=[START]),
    ]
    asked = meeting_wanted(batch, MAPPING)
    assert asked.ids == {CONTACT: {ADA.ref.id}, LEAD: {ref(LEAD, 4).id}, ACTIVITY: {"00U1"}}
    assert (asked.owner_emails, asked.activity_starts) == ({"sales@acme.com"}, {START})
    assert asked.fields[CONTACT] == {"AccountId"}
    assert "Subject" in asked.fields[ACTIVITY]
    assert (asked.emails, asked.account_names, asked.campaigns) == ({}, frozenset(), frozenset())


def test_the_start_is_written_down_before_an_activity_is_made():
    assert attempt_of(meeting(starts_at="2026-11-24T10:00", timezone="Europe/Berlin")) == START
    assert attempt_of(meeting(starts_at="2026-11-24T10:00", event=event(timezone="Europe/Berlin"))) == START
    assert attempt_of(meeting(starts_at=...)) is None


def test_a_meeting_whose_time_cannot_be_said_is_a_problem_and_no_step_and_holds_nobody_else_up():
    made = planned([meeting("m1", starts_at=...), meeting("m2")])
    assert made.plans["m1"].problem.code == "meeting_without_start"
    assert made.plans["m1"].step_ids == ()
    assert main(made, "m2").action is Action.CREATE


# ── which Activity it is ──


def test_a_link_updates_the_same_activity_with_what_changed():
    held = activity(description=LINE, WhoId=ADA.ref.id)
    made = planned(meeting("m1", invited(ADA), link=LINK, title="Long demo"), held, ADA)
    assert (main(made).action, main(made).ref) == (Action.UPDATE, LINK)
    assert main(made).fields == {"Subject": "Long demo"}


def test_nothing_new_leaves_the_activity():
    held = activity(description=LINE, WhoId=ADA.ref.id)
    made = planned(
        meeting("m1", invited(ADA), invited(BOB), link=LINK), activity(1, place(1, BOB), description=LINE), ADA, BOB
    )
    assert main(made).fields == {"WhoId": ADA.ref.id}
    made = planned(meeting("m1", invited(ADA), link=LINK), held, ADA)
    assert [step.action for step in made.steps] == [Action.LEAVE]


def test_an_activity_made_by_a_lost_answer_is_known_by_its_line():
    mine = activity(2, description=f"Notes\n\n{LINE}")
    other = activity(1, description=our_line("m10"))
    made = planned(meeting(attempted=[START]), mine, other)
    assert main(made).ref == mine.ref


def test_an_activity_at_the_same_time_without_the_line_is_somebody_elses():
    for description in (None, "Demo", our_line("m10"), f"see {LINE} for more"):
        assert main(planned(meeting(attempted=[START]), activity(description=description))).action is Action.CREATE


def test_two_meetings_at_one_time_each_find_their_own_activity():
    held = [activity(n, description=our_line(f"m{n}")) for n in (1, 2, 3)]
    made = planned([meeting(f"m{n}", attempted=[START]) for n in (3, 1, 2)], *held)
    assert {meeting_id: main(made, meeting_id).ref.id for meeting_id in made.plans} == {
        "m1": "00U1",
        "m2": "00U2",
        "m3": "00U3",
    }


def test_without_a_description_rule_a_lost_activity_is_known_by_subject_and_start():
    mapping = mapping_with("meeting", rule("description", "Description", "off"))
    lost = activity(subject="DEMO")
    assert main(planned(meeting(attempted=[START]), lost, mapping=mapping)).ref == LINK
    moved = meeting(attempted=[START], starts_at="2026-12-01T09:00Z", ends_at="2026-12-01T10:00Z")
    assert main(planned(moved, lost, mapping=mapping)).ref == LINK
    for other in (activity(subject="Lunch"), activity(WhoId="003Z"), activity(starts_at=END)):
        assert main(planned(meeting(attempted=[START]), other, mapping=mapping)).action is Action.CREATE


def test_two_meetings_alike_never_share_an_activity_that_was_found_by_its_subject():
    mapping = mapping_with("meeting", rule("description", "Description", "off"))
    batch = [meeting("m1", attempted=[START]), meeting("m2", attempted=[START])]
    made = planned(batch, activity(), mapping=mapping)
    assert [main(made, one).action for one in ("m1", "m2")] == [Action.UPDATE, Action.CREATE] or [
        main(made, one).action for one in ("m1", "m2")
    ] == [Action.LEAVE, Action.CREATE]


def test_a_linked_activity_that_is_gone_is_told_and_a_new_one_made():
    made = planned(meeting(link=LINK))
    assert main(made).action is Action.CREATE
    assert made.plans["m1"].why[0] == "The calendar event that was linked is no longer in the CRM."


# ── what becomes of a meeting ──


@pytest.mark.parametrize(
    ("status", "subject"),
    [
        ("scheduled", "Demo"),
        ("completed", "Demo"),
        ("cancelled", "Cancelled: Demo"),
        ("canceled", "Cancelled: Demo"),
        ("no_show", "No show: Demo"),
        ("No-Show", "No show: Demo"),
    ],
)
def test_the_subject_says_what_became_of_the_meeting_on_the_same_activity(status, subject):
    held = activity(description=LINE, subject="Something")
    made = planned(meeting(link=LINK, status=status), held)
    assert (main(made).ref, main(made).fields) == (LINK, {"Subject": subject})


def test_a_prefix_is_not_put_before_itself_and_no_subject_grows_too_long_for_it():
    cancelled = meeting(status="cancelled", link=LINK, title="Cancelled: Demo")
    assert main(planned(cancelled, activity(description=LINE))).fields["Subject"] == "Cancelled: Demo"
    long = meeting(status="cancelled", link=LINK, title="x" * 250)
    assert len(main(planned(long, activity(description=LINE))).fields["Subject"]) == 255


def test_a_meeting_without_a_title_is_called_a_meeting():
    assert main(planned(meeting(title=...))).fields["Subject"] == "Meeting"


@pytest.mark.parametrize("over", [{"status": "cancelled"}, {"deleted": True}])
def test_a_meeting_that_was_over_before_it_became_an_activity_becomes_none(over):
    made = planned(meeting(**over))
    assert made.steps == ()
    assert (made.plans["m1"].main, made.plans["m1"].problem) == (None, None)
    assert "none was made" in made.plans["m1"].why[-1]


def test_a_cancelled_meeting_whose_first_answer_was_lost_is_found_and_marked():
    made = planned(meeting(status="cancelled", attempted=[START]), activity(description=LINE))
    assert main(made).fields == {"Subject": "Cancelled: Demo"}


def test_a_deleted_meeting_changes_the_subject_of_its_activity_and_nothing_else():
    gone = meeting("m1", invited(ADA), invited(BOB), link=LINK, deleted=True, location="Elsewhere", starts_at=...)
    made = planned(gone, activity(description="a person's own words"), ADA, BOB)
    assert [(step.action, step.fields) for step in made.steps] == [(Action.UPDATE, {"Subject": "Cancelled: Demo"})]


def test_a_rescheduled_meeting_sends_all_of_its_times_together():
    moved = meeting(link=LINK, starts_at="2026-11-24T09:30:00Z")
    step = main(planned(moved, activity(description=LINE)))
    assert step.fields == {"StartDateTime": "2026-11-24T09:30:00Z", "EndDateTime": END, "IsAllDayEvent": False}
    assert step.before == {"StartDateTime": START, "EndDateTime": END, "IsAllDayEvent": False}


def test_a_meeting_that_becomes_a_whole_day_says_so():
    step = main(planned(meeting(link=LINK, starts_at="2026-11-25", ends_at=...), activity(description=LINE)))
    day = "2026-11-25T00:00:00Z"
    assert step.fields == {"StartDateTime": day, "EndDateTime": day, "IsAllDayEvent": True}


def test_a_host_whom_the_crm_does_not_know_leaves_the_owner_and_is_told():
    made = planned(meeting(host_email="nobody@acme.com"))
    assert "OwnerId" not in main(made).fields
    assert any("host's e-mail address" in line for line in made.plans["m1"].why)
    assert not any("nobody@acme.com" in line for line in made.plans["m1"].why)


# ── who and what ──


def test_the_campaign_of_the_event_is_what_the_activity_is_about_else_the_first_contacts_account():
    assert main(planned(meeting("m1", invited(ADA), event=event()), ADA)).fields["WhatId"] == "701A"
    in_crm = person(1, AccountId="001CRM")
    remembered = invited(in_crm, account=ref(ACCOUNT, 1))
    assert main(planned(meeting("m1", remembered), in_crm)).fields["WhatId"] == "001CRM"
    assert (
        main(planned(meeting("m1", invited(ADA, account=ref(ACCOUNT, 1))), ADA)).fields["WhatId"] == ref(ACCOUNT, 1).id
    )
    assert "WhatId" not in main(planned(meeting("m1", invited(ADA)), ADA)).fields


def test_a_lead_stands_alone():
    one = lead(1)
    made = planned(meeting("m1", invited(one), invited(ADA), event=event()), one, ADA)
    assert main(made).fields["WhoId"] == one.ref.id
    assert "WhatId" not in main(made).fields
    assert [step.fields["person"] for step in attendees(made)] == [ADA.ref]


def test_a_lead_that_comes_to_stand_for_an_activity_takes_away_what_contactsync_put_there():
    one = lead(1)
    held = activity(description=LINE, WhatId="701A")
    step = main(planned(meeting("m1", invited(one), link=LINK, event=event()), held, one))
    assert (step.fields, step.before) == ({"WhoId": one.ref.id, "WhatId": None}, {"WhoId": None, "WhatId": "701A"})
    marked = {LINK: {"WhatId": mark_of("701OLD")}}
    held = activity(description=LINE, WhatId="701OLD")
    step = main(planned(meeting("m1", invited(one), link=LINK, event=event()), held, one, written=marked))
    assert step.fields == {"WhoId": one.ref.id, "WhatId": None}


def test_no_lead_stands_beside_what_a_person_put_there():
    one = lead(1)
    mapping = mapping_with("meeting", rule("what", "WhatId", "if_empty"))
    held = activity(description=LINE, WhatId="006Deal")
    made = planned(meeting("m1", invited(one), link=LINK), held, one, mapping=mapping)
    assert "WhoId" not in main(made).fields
    assert [step.fields["person"] for step in attendees(made)] == [one.ref]
    made = planned(meeting("m1", invited(one), invited(ADA), link=LINK), held, one, ADA, mapping=mapping)
    assert main(made).fields == {"WhoId": ADA.ref.id}


def test_whoever_stands_for_the_activity_keeps_that_while_taking_part():
    held = activity(1, place(1, ADA), description=LINE, WhoId=BOB.ref.id)
    made = planned(meeting("m1", invited(ADA), invited(BOB), link=LINK), held, ADA, BOB)
    assert [step.action for step in made.steps] == [Action.LEAVE]


def test_whoever_no_longer_takes_part_makes_way_for_the_first_attendee():
    held = activity(description=LINE, WhoId=BOB.ref.id)
    made = planned(meeting("m1", invited(ADA), link=LINK), held, ADA)
    assert main(made).fields == {"WhoId": ADA.ref.id}


def test_a_rule_that_only_fills_leaves_whom_somebody_chose_and_all_attendees_are_added():
    mapping = mapping_with("meeting", rule("who", "WhoId", "if_empty"))
    held = activity(description=LINE, WhoId="003Z")
    made = planned(meeting("m1", invited(ADA), link=LINK), held, ADA, mapping=mapping)
    assert "WhoId" not in main(made).fields
    assert [step.fields["person"] for step in attendees(made)] == [ADA.ref]


def test_without_a_rule_for_who_every_linked_person_is_an_attendee():
    mapping = mapping_with("meeting", rule("who", "WhoId", "off"))
    made = planned(meeting("m1", invited(ADA), invited(BOB)), ADA, BOB, mapping=mapping)
    assert [step.fields["person"] for step in attendees(made)] == [ADA.ref, BOB.ref]


# ── attendees ──


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"response": "accepted"}, "accepted"),
        ({"response": "declined"}, "declined"),
        ({"response": "tentative"}, "new"),
        ({}, "new"),
        ({"response": "declined", "attended": True}, "accepted"),
        ({"response": "accepted", "attended": False}, "accepted"),
    ],
)
def test_an_attendees_place_says_the_answer(said, status):
    made = planned(meeting("m1", invited(ADA), invited(BOB, **said)), ADA, BOB)
    assert attendees(made)[0].fields["status"] == status


def test_an_answer_that_changed_updates_the_place_and_no_answer_takes_none_away():
    held = activity(1, place(1, BOB, "Accepted"), place(2, EVE, "Declined"), description=LINE, WhoId=ADA.ref.id)
    people = (invited(ADA), invited(BOB, response="declined"), invited(EVE))
    made = planned(meeting("m1", *people, link=LINK), held, ADA, BOB, EVE)
    assert [(step.action, step.kind, step.ref.id, step.fields, step.before) for step in attendees(made)] == [
        (Action.UPDATE, ATTENDEE, "0RE1", {"status": "declined"}, {"status": "Accepted"})
    ]


def test_nobody_is_ever_taken_out_of_an_activity():
    held = activity(1, place(1, BOB), place(2, EVE), description=LINE, WhoId=ADA.ref.id)
    made = planned(meeting("m1", invited(ADA), link=LINK), held, ADA)
    assert [step.action for step in made.steps] == [Action.LEAVE]


def test_a_converted_lead_takes_part_as_its_contact():
    was = lead(1, converted_to=ADA.ref)
    made = planned(meeting("m1", invited(was)), was, ADA)
    assert main(made).fields["WhoId"] == ADA.ref.id
    assert any("converted Lead" in line for line in made.plans["m1"].why)


def test_two_attendees_that_are_one_record_are_linked_once_with_the_answer_that_was_given():
    was = lead(1, converted_to=BOB.ref)
    people = (invited(ADA), invited(BOB), invited(was, response="accepted"), invited(BOB, response="declined"))
    made = planned(meeting("m1", *people), ADA, BOB, was)
    assert [(step.fields["person"], step.fields["status"]) for step in attendees(made)] == [(BOB.ref, "accepted")]
    assert any("same records as others" in line for line in made.plans["m1"].why)


def test_an_attendee_whose_record_is_gone_or_not_there_yet_stands_in_the_description():
    people = (invited(ADA), invited(ref(CONTACT, 9), name="Gone Girl"), invited(name="New Bee", response="accepted"))
    made = planned(meeting("m1", *people, notes="Notes"), ADA)
    assert main(made).fields["Description"] == (
        f"Notes\n\nAttendees without a record here:\n- Gone Girl\n- New Bee (accepted)\n\n{LINE}"
    )
    assert attendees(made) == []
    why = " ".join(made.plans["m1"].why)
    assert "1 attendee is not synced" in why
    assert "1 attendee has a record that is no longer in the CRM" in why
    assert "New Bee" not in why


def test_a_lead_converted_into_a_contact_that_is_gone_is_no_record():
    was = lead(1, converted_to=ref(CONTACT, 9))
    made = planned(meeting("m1", invited(was, name="Gone Girl")), was)
    assert "WhoId" not in main(made).fields
    assert "- Gone Girl" in main(made).fields["Description"]


def test_where_the_crm_takes_no_attendees_all_but_the_first_stand_in_the_description_and_the_run_says_why():
    people = (invited(ADA), invited(BOB, name="Bob Stone", response="accepted"), invited(name="New Bee"))
    made = planned(meeting("m1", *people), ADA, BOB, can_add_attendees=False)
    assert [step.kind for step in made.steps] == [ACTIVITY]
    assert "- Bob Stone (accepted)\n- New Bee\n" in main(made).fields["Description"]
    assert "Ada" not in main(made).fields["Description"]
    assert any("does not let contactsync add attendees" in line for line in made.plans["m1"].why)


def test_a_persons_own_words_in_the_description_stay_and_ours_are_replaced():
    one = meeting("m1", link=LINK, notes="New notes")
    ours = f"Old notes\n\n{LINE}"
    step = main(planned(one, activity(description=ours), written={LINK: {"Description": mark_of(ours)}}))
    assert step.fields == {"Description": f"New notes\n\n{LINE}"}
    edited = activity(description=f"My own words\n\n{LINE}")
    step = main(planned(one, edited, written={LINK: {"Description": mark_of(ours)}}))
    assert step.action is Action.LEAVE
    assert "if_ours" in step.field_why["Description"]


def test_more_attendees_than_an_activity_takes_stand_in_the_description():
    crowd = [person(number) for number in range(1003)]
    made = planned(meeting("m1", *(invited(one, name=f"P{one.ref.id}") for one in crowd)), *crowd)
    assert len(attendees(made)) == 1000
    assert f"- P{crowd[1001].ref.id}\n- P{crowd[1002].ref.id}\n" in main(made).fields["Description"]
    assert any("2 of them stand in the description" in line for line in made.plans["m1"].why)


# ── fingerprint ──


def test_a_meeting_has_a_new_fingerprint_when_its_plan_could_be_another_and_only_then():
    def made(one, mapping=MAPPING):
        return meeting_fingerprint(one, mapping, Policies())

    base = made(meeting("m1", invited(ADA), event=event()))
    assert base == made(meeting("m1", invited(ADA, name="Another name"), event=event(), attempted=[START], link=LINK))
    others = [
        meeting("m1", invited(ADA), event=event(), title="Other"),
        meeting("m1", invited(ADA), event=event(), status="cancelled"),
        meeting("m1", invited(ADA), event=event(), notes="x"),
        meeting("m1", invited(ADA), event=event(campaign_id="701B")),
        meeting("m1", invited(ADA), event=event(timezone="UTC")),
        meeting("m1", invited(ADA), event=event(), host_email="a@b.c"),
        meeting("m1", invited(ADA), event=event(), deleted=True),
        meeting("m1", invited(BOB), event=event()),
        meeting("m1", invited(), event=event()),
        meeting("m1", invited(ADA, response="accepted"), event=event()),
        meeting("m1", invited(ADA, attended=True), event=event()),
        meeting("m1", invited(ADA, account=ref(ACCOUNT, 1)), event=event()),
        meeting("m1", invited(ADA), invited(BOB), event=event()),
        meeting("m1", invited(ADA)),
    ]
    prints = [made(one) for one in others]
    assert len({base, *prints}) == len(others) + 1
    assert made(meeting("m1", invited(ADA), event=event()), mapping_with("meeting", rule("notes", "X__c"))) != base


def test_nothing_is_put_beside_somebody_else_who_stands_for_the_activity_and_may_be_a_lead():
    held = activity(description=LINE, WhoId="00QSomebody")
    assert main(planned(meeting(link=LINK, event=event()), held)).action is Action.LEAVE
