"""Putting back what a run changed."""

from __future__ import annotations

from contactsync.domain.crm import (
    Action,
    Failure,
    Found,
    FoundActivity,
    FoundAttendee,
    FoundCampaign,
    Next,
    Problem,
    RecordKind,
    Step,
    StepRef,
    StepResult,
)
from contactsync.domain.shown import shown
from contactsync.domain.undo import plan_undo, undo_wanted
from tests.domain.made import ACCOUNT, CONTACT, LEAD, MEMBER, account, found, lead, member, person, ref

ACTIVITY, ATTENDEE, CAMPAIGN = RecordKind.ACTIVITY, RecordKind.ATTENDEE, RecordKind.CAMPAIGN


def update(record, **changes):
    """A run's step as the ledger keeps it; `changes`: field=(old, new)."""
    fields = {name: new for name, (_, new) in changes.items()}
    before = {name: old for name, (old, _) in changes.items()}
    return shown(Step("p1", Action.UPDATE, record.kind, record, fields, before))


def made(record, **fields):
    step = Step("p1", Action.CREATE, record.kind, fields=fields)
    return shown(step, {"p1": StepResult("p1", record)})


def failed(step, code):
    return shown(step, {step.id: StepResult(step.id, failure=Failure(Next.STOP, Problem(code, "No.", "Ask.")))})


def only(steps, now):
    [step] = plan_undo(steps, now)
    return step


def test_what_the_crm_still_holds_is_put_back_and_what_changed_since_stays():
    run = [update(ref(LEAD, 1), Title=("Sir", "Dr"), City=(None, "Paris"), Phone=("1", "2"))]
    step = only(run, found(lead(Title="Dr", City="Paris", Phone="3")))
    assert (step.id, step.action, step.ref) == ("u1", Action.UPDATE, ref(LEAD, 1))
    assert (step.fields, step.before) == ({"Title": "Sir", "City": None}, {"Title": "Dr", "City": "Paris"})
    assert step.why == ("Put back as it was before this sync.",)
    assert step.field_why == {"Phone": "Something else is in the CRM since: it stays."}


def test_a_value_that_the_crm_spells_otherwise_is_still_ours():
    run = [update(ref(LEAD, 1), Website=(None, "https://Acme.com"), Score__c=(1, "5"))]
    assert only(run, found(lead(Website="https://acme.com/", Score__c=5.0))).fields == {"Website": None, "Score__c": 1}


def test_a_record_of_which_nothing_is_left_is_left():
    step = only([update(ref(ACCOUNT, 1), Phone=("1", "2"))], found(account(Phone="3")))
    assert (step.action, step.why) == (Action.LEAVE, ("Nothing of what this sync wrote is still there.",))
    assert step.field_why == {"Phone": "Something else is in the CRM since: it stays."}


def test_created_records_are_named_and_never_deleted():
    run = [made(ref(ACCOUNT, 1), Name="Acme"), made(ref(CONTACT, 2), LastName="Lovelace")]
    steps = plan_undo(run, found())
    assert [(step.id, step.action, step.ref) for step in steps] == [
        ("u1", Action.LEAVE, ref(ACCOUNT, 1)),
        ("u2", Action.LEAVE, ref(CONTACT, 2)),
    ]
    assert {step.why for step in steps} == {("Made by this sync: contactsync deletes nothing.",)}


def test_a_member_that_was_taken_out_is_named():
    run = [shown(Step("m1", Action.REMOVE, MEMBER, ref(MEMBER, 1)))]
    step = only(run, found())
    assert step.action is Action.LEAVE
    assert "Taken out of the campaign" in step.why[0]


def test_records_that_the_run_left_have_no_step():
    assert plan_undo([shown(Step("p1", Action.LEAVE, LEAD, ref(LEAD, 1)))], found(lead())) == ()
    assert plan_undo([shown(Step("p1", Action.CREATE, LEAD, fields={"LastName": "x"}))], found()) == ()
    assert undo_wanted([shown(Step("p1", Action.LEAVE, LEAD, ref(LEAD, 1)))]).empty


def test_a_step_that_failed_is_not_undone_unless_its_answer_was_lost():
    step = Step("p1", Action.UPDATE, LEAD, ref(LEAD, 1), {"Title": "Dr"}, {"Title": "Sir"})
    stopped = only([failed(step, "text_too_long")], found(lead(Title="Dr")))
    assert (stopped.action, stopped.why) == (Action.LEAVE, ("This step failed: it changed nothing.",))
    assert only([failed(step, "answer_lost")], found(lead(Title="Dr"))).fields == {"Title": "Sir"}
    assert only([failed(step, "answer_lost")], found(lead(Title="Sir"))).action is Action.LEAVE


def test_a_reference_to_a_record_that_was_never_made_is_not_taken_for_a_value():
    step = Step("p1", Action.UPDATE, CONTACT, ref(CONTACT, 1), {"AccountId": StepRef("a1")}, {"AccountId": None})
    assert only([shown(step)], found(person(AccountId="Ac1"))).action is Action.LEAVE


def test_a_record_that_is_gone_or_converted_is_left():
    run = [update(ref(LEAD, 1), Title=("Sir", "Dr"))]
    assert "no longer in the CRM" in only(run, found()).why[0]
    converted = lead(Title="Dr", converted_to=ref(CONTACT, 5))
    assert "never written" in only(run, found(converted)).why[0]


def test_a_members_status_is_put_back():
    run = [shown(Step("p1", Action.LEAVE, LEAD, ref(LEAD, 1))), update(ref(MEMBER, 1), status=("Sent", "Attended"))]
    wanted = undo_wanted(run, ["701A"])
    assert (wanted.campaigns, wanted.ids) == ({"701A"}, {LEAD: {"Le1"}})
    now = found(lead(), member(1, ref(LEAD, 1), "Attended"))
    step = only(run, now)
    assert (step.kind, step.fields, step.before) == (MEMBER, {"status": "Sent"}, {"status": "Attended"})


def test_meetings_campaigns_and_attendees_are_put_back_too():
    activity = ref(ACTIVITY, 1)
    run = [
        update(activity, Subject=("Demo", "Cancelled: Demo")),
        update(ref(ATTENDEE, 2), status=("New", "declined")),
        update(ref(CAMPAIGN, 3), Name=("Fair", "Fair 2026")),
    ]
    wanted = undo_wanted(run)
    assert wanted.ids == {ACTIVITY: {"Ac1"}, CAMPAIGN: {"Ca3"}}
    assert wanted.fields == {ACTIVITY: {"Subject"}, CAMPAIGN: {"Name"}}
    assert wanted.campaigns == frozenset()
    attendee = FoundAttendee(ref(ATTENDEE, 2), ref(LEAD, 1), "Declined")
    now = Found(
        activities=(FoundActivity(activity, None, fields={"Subject": "Cancelled: Demo"}, attendees=(attendee,)),),
        campaigns=(FoundCampaign(ref(CAMPAIGN, 3), "Fair 2026", "2020", {"Name": "Fair 2026"}),),
    )
    assert [dict(step.fields) for step in plan_undo(run, now)] == [
        {"Subject": "Demo"},
        {"status": "new"},
        {"Name": "Fair"},
    ]


def test_only_what_is_undone_is_asked_for():
    run = [
        made(ref(ACCOUNT, 1), Name="Acme"),
        update(ref(LEAD, 1), Title=("Sir", "Dr")),
        update(ref(MEMBER, 1), status=("Sent", "Attended")),
    ]
    wanted = undo_wanted(run[:2], ["701A"])
    assert (wanted.ids, wanted.fields) == ({LEAD: {"Le1"}}, {LEAD: {"Title"}})
    assert (wanted.campaigns, wanted.emails) == (frozenset(), {})
    assert undo_wanted([]).empty


def test_a_record_that_a_run_wrote_twice_goes_back_to_the_first_value():
    run = [update(ref(LEAD, 1), Title=("Sir", "Dr")), update(ref(LEAD, 1), Title=("Dr", "Prof"))]
    assert only(run, found(lead(Title="Prof"))).fields == {"Title": "Sir"}


def test_an_undone_run_has_nothing_left_to_undo():
    run = [update(ref(LEAD, 1), Title=("Sir", "Dr"))]
    assert only(run, found(lead(Title="Sir"))).action is Action.LEAVE
