"""Steps as people see them."""

from __future__ import annotations

import json

from contactsync.domain.crm import Action, Failure, Next, Problem, Step, StepRef, StepResult
from contactsync.domain.shown import NEW, shown
from tests.domain.made import ACCOUNT, CONTACT, LEAD, MEMBER, ref


def test_an_update_shows_old_and_new_with_the_reason_of_each_field_and_of_those_left():
    step = Step(
        "p1",
        Action.UPDATE,
        LEAD,
        ref(LEAD, 1),
        {"Title": "Dr", "Phone": "1"},
        {"Title": "Sir", "Phone": None},
        ("Matched.",),
        {"Phone": "It was empty.", "City": "Not ours."},
    )
    assert shown(step) == {
        "action": "update",
        "object": "Lead",
        "crm_id": "Le1",
        "why": ["Matched."],
        "fields": {"Title": {"old": "Sir", "new": "Dr"}, "Phone": {"old": None, "new": "1", "why": "It was empty."}},
        "left": {"City": "Not ours."},
    }


def test_a_step_without_reasons_shows_none():
    step = Step("a1", Action.LEAVE, ACCOUNT, ref(ACCOUNT, 1))
    assert shown(step) == {"action": "leave", "object": "Account", "crm_id": "Ac1", "why": [], "fields": {}}


def test_records_of_other_steps_stand_by_their_id_once_they_are_made():
    step = Step("p1", Action.CREATE, CONTACT, fields={"AccountId": StepRef("a1")})
    member = Step("m1", Action.CREATE, MEMBER, fields={"person": ref(CONTACT, 7)})
    results = {"a1": StepResult("a1", ref(ACCOUNT, 5)), "p1": StepResult("p1", ref(CONTACT, 6))}
    assert shown(step)["fields"]["AccountId"] == {"old": None, "new": NEW}
    assert shown(step, results)["fields"]["AccountId"] == {"old": None, "new": "Ac5"}
    assert (shown(step)["crm_id"], shown(step, results)["crm_id"]) == (None, "Co6")
    assert shown(member)["fields"]["person"]["new"] == "Co7"


def test_a_step_that_failed_shows_its_problem_and_all_of_it_is_json():
    step = Step("p1", Action.CREATE, CONTACT, fields={"AccountId": StepRef("a1")}, field_why={"AccountId": "So."})
    failed = StepResult("p1", failure=Failure(Next.STOP, Problem("no_entry", "No.", "Ask.")))
    told = shown(step, {"p1": failed})
    assert told["problem"] == "no_entry"
    assert json.loads(json.dumps(told)) == told
