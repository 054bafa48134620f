"""Rule 5: no duplicates, and a converted Lead is never written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contactsync.domain.crm import Action
from contactsync.domain.policy import Policies, SeveralMatches
from tests.domain.made import (
    CONTACT,
    LEAD,
    lead,
    mapping_with,
    person,
    person_step,
    planned,
    ready,
    ref,
    rule,
    steps_of,
)

STOP = Policies(several_matches=SeveralMatches.STOP)
RECENT = Policies(several_matches=SeveralMatches.MOST_RECENT)


def test_a_contact_that_the_crm_does_not_know_becomes_a_new_record_of_the_kind_that_sync_as_names():
    for sync_as, kind in (("lead", LEAD), ("contact", CONTACT)):
        step = person_step(planned(ready(sync_as=sync_as)))
        assert (step.action, step.kind) == (Action.CREATE, kind)
        assert step.why == (f"No {kind} has this e-mail address.",)


def test_a_match_by_email_ignores_case_and_updates_the_record():
    step = person_step(planned(ready(email="ADA@acme.com", title="Countess"), lead(email="ada@acme.com")))
    assert (step.action, step.ref) == (Action.UPDATE, ref(LEAD, 1))
    assert step.fields["Title"] == "Countess"
    assert "Email" not in step.fields


def test_the_other_object_is_no_match():
    step = person_step(planned(ready(sync_as="lead"), person()))
    assert (step.action, step.kind) == (Action.CREATE, LEAD)


def test_of_several_the_oldest_is_taken_and_the_run_says_how_many_there_were():
    records = [lead(1, created="2023"), lead(2, created="2021"), lead(3, created="2022")]
    step = person_step(planned(ready(), *records))
    assert step.ref == ref(LEAD, 2)
    assert step.why[0] == "3 Leads have this e-mail address: the oldest was taken."


def test_several_of_one_age_are_told_apart_by_id():
    records = [lead(2, created="2021"), lead(1, created="2021")]
    assert person_step(planned(ready(), *records)).ref == ref(LEAD, 1)
    assert person_step(planned(ready(), *records, policies=RECENT)).ref == ref(LEAD, 1)


def test_an_org_may_choose_the_most_recent_of_several():
    records = [lead(1, created="2021"), lead(2, created="2023"), lead(3, created="2022")]
    step = person_step(planned(ready(), *records, policies=RECENT))
    assert step.ref == ref(LEAD, 2)
    assert "most recent" in step.why[0]


def test_an_org_may_stop_and_ask_and_nobody_else_is_held_up():
    batch = [ready("1", attendances=[("701A", "registered")]), ready("2", email="bob@x.com")]
    made = planned(batch, lead(1), lead(2), policies=STOP)
    stopped, other = made.contacts["1"], made.contacts["2"]
    assert stopped.problem.code == "several_matches"
    assert "2 Leads" in stopped.problem.cause
    assert stopped.problem.found == (ref(LEAD, 1).id, ref(LEAD, 2).id)
    assert stopped.problem.key == replace(stopped.problem, found=()).key, (
        "contacts with other records share the problem"
    )
    assert stopped.step_ids == ()
    assert other.problem is None
    assert [step.id for step in made.steps] == list(other.step_ids)


def test_stop_does_not_ask_when_there_is_one():
    assert planned(ready(), lead(), policies=STOP).contacts["c1"].problem is None


# ── converted Leads ──


def test_a_converted_lead_is_not_written_but_its_contact_by_the_contact_rules():
    known = person(7, MailingCity=None)
    made = planned(ready(address__city="Paris", title="Countess"), lead(converted_to=known.ref), known)
    step = person_step(made)
    assert (step.kind, step.ref, step.action) == (CONTACT, known.ref, Action.UPDATE)
    assert step.fields["MailingCity"] == "Paris"
    assert "A converted Lead is never written: its Contact is used." in step.why
    assert len(made.steps) == 1


def test_a_lead_that_is_still_open_goes_before_a_converted_one_with_the_same_address():
    known = person(7)
    records = [lead(1, created="2019", converted_to=known.ref), lead(2, created="2022"), known]
    step = person_step(planned(ready(), *records, policies=STOP))
    assert step.ref == ref(LEAD, 2)
    assert "one Lead has it" in step.why[0]


def test_two_leads_converted_into_one_contact_are_one_match():
    known = person(7)
    records = [lead(1, converted_to=known.ref), lead(2, converted_to=known.ref), known]
    made = planned(ready(), *records, policies=STOP)
    assert made.contacts["c1"].problem is None
    assert person_step(made).ref == known.ref


def test_leads_converted_into_several_contacts_go_by_the_policy():
    old, new = person(8, created="2020"), person(7, created="2024")
    records = [lead(1, converted_to=new.ref), lead(2, converted_to=old.ref), old, new]
    assert person_step(planned(ready(), *records)).ref == old.ref
    assert person_step(planned(ready(), *records, policies=RECENT)).ref == new.ref
    assert planned(ready(), *records, policies=STOP).contacts["c1"].problem.code == "several_matches"


def test_a_converted_lead_whose_contact_is_gone_makes_way_for_a_new_lead():
    step = person_step(planned(ready(), lead(converted_to=ref(CONTACT, 9))))
    assert (step.action, step.kind) == (Action.CREATE, LEAD)
    assert "no longer in the CRM" in step.why[0]


# ── links ──


def test_a_link_goes_before_the_email_address_so_a_changed_address_updates_the_same_record():
    step = person_step(
        planned(ready(email="new@x.com", person=ref(LEAD, 1)), lead(1, "old@x.com"), lead(2, "new@x.com"))
    )
    assert step.ref == ref(LEAD, 1)
    assert (step.fields["Email"], step.before["Email"]) == ("new@x.com", "old@x.com")


def test_a_link_that_leads_nowhere_is_told_and_the_address_matched():
    made = planned(ready(person=ref(LEAD, 9)), lead(1))
    assert person_step(made).ref == ref(LEAD, 1)
    assert "no longer in the CRM (deleted or merged)" in made.contacts["c1"].why[0]


def test_a_linked_lead_that_was_converted_leads_to_its_contact():
    known = person(7, email="other@x.com")
    step = person_step(planned(ready(person=ref(LEAD, 1)), lead(1, converted_to=known.ref), known))
    assert step.ref == known.ref


def test_a_linked_lead_that_was_converted_into_a_contact_that_is_gone_is_matched_by_email():
    gone = lead(1, "other@x.com", converted_to=ref(CONTACT, 9))
    step = person_step(planned(ready(person=ref(LEAD, 1)), gone, lead(2)))
    assert step.ref == ref(LEAD, 2)


def test_a_link_of_the_other_object_is_not_used():
    step = person_step(planned(ready(sync_as="lead", person=ref(CONTACT, 1)), person(1)))
    assert (step.action, step.kind) == (Action.CREATE, LEAD)


def test_several_matches_do_not_matter_to_a_linked_contact():
    made = planned(ready(person=ref(LEAD, 2)), lead(1), lead(2), policies=STOP)
    assert person_step(made).ref == ref(LEAD, 2)


# ── contacts that are one record ──


def test_two_contacts_with_one_address_make_one_record_and_the_newest_says_what_it_holds():
    batch = [
        ready("1", changed="2026-02", title="New", phone="1"),
        ready("2", email="ADA@acme.com", changed="2026-01", title="Old", note="Only here"),
    ]
    made = planned(batch)
    assert len(made.steps) == 1
    assert made.contacts["1"].person == made.contacts["2"].person
    step = person_step(made, "1")
    assert (step.fields["Title"], step.fields["Phone"], step.fields["Description"]) == ("New", "1", "Only here")
    assert any("2 contacts share this record" in line for line in step.why)


def test_one_address_as_lead_and_as_contact_makes_one_of_each():
    made = planned([ready("1", sync_as="lead"), ready("2", sync_as="contact")])
    assert [len(steps_of(made, kind)) for kind in (LEAD, CONTACT)] == [1, 1]


def test_a_linked_contact_and_one_with_the_address_of_its_record_share_a_step():
    made = planned([ready("1", person=ref(LEAD, 1)), ready("2")], lead(1))
    assert made.contacts["1"].person == made.contacts["2"].person
    assert len(made.steps) == 1


def test_a_contact_with_the_new_address_of_a_linked_one_joins_it_and_makes_no_second_record():
    made = planned(
        [ready("1", email="new@x.com", person=ref(LEAD, 1)), ready("2", email="new@x.com")], lead(1, "old@x.com")
    )
    assert [step.action for step in made.steps] == [Action.UPDATE]
    assert made.contacts["2"].person == made.contacts["1"].person


def test_the_old_address_of_a_linked_contact_belongs_to_whoever_has_it_now():
    batch = [ready("1", email="ada@x.com", person=ref(LEAD, 1)), ready("2", email="typo@x.com", first_name="Bob")]
    made = planned(batch, lead(1, "typo@x.com"))
    assert person_step(made, "1").fields["Email"] == "ada@x.com"
    assert person_step(made, "2").action is Action.CREATE


def test_the_old_address_stays_a_match_when_no_rule_changes_it():
    mapping = mapping_with("lead", rule("email", "Email", "if_empty"))
    batch = [ready("1", email="ada@x.com", person=ref(LEAD, 1)), ready("2", email="typo@x.com")]
    made = planned(batch, lead(1, "typo@x.com"), mapping=mapping)
    assert person_step(made, "2").ref == ref(LEAD, 1)


def test_the_old_address_stays_a_match_when_another_contact_with_it_came_to_the_record_by_its_converted_lead():
    known = person(7, "old@x.com")
    batch = [
        ready("1", email="new@x.com", person=ref(LEAD, 1)),
        ready("2", email="old@x.com"),
        ready("3", email="old@x.com", sync_as="contact"),
    ]
    records = [lead(1, "other@x.com", converted_to=known.ref), lead(2, "old@x.com", converted_to=known.ref), known]
    made = planned(batch, *records)
    assert [step.ref for step in made.steps if step.kind.is_person] == [known.ref]


def test_a_lead_and_a_contact_that_lead_to_one_contact_share_its_step():
    known = person(7)
    made = planned([ready("1"), ready("2", sync_as="contact")], lead(1, converted_to=known.ref), known)
    assert made.contacts["1"].person == made.contacts["2"].person
    assert len(steps_of(made, CONTACT)) == 1


def test_contacts_linked_to_different_records_keep_them_though_they_have_one_address():
    made = planned([ready("1", person=ref(LEAD, 1)), ready("2", person=ref(LEAD, 2))], lead(1), lead(2))
    assert {person_step(made, "1").ref, person_step(made, "2").ref} == {ref(LEAD, 1), ref(LEAD, 2)}


@pytest.mark.parametrize("policies", [Policies(), RECENT, STOP])
def test_no_reason_holds_personal_data(policies):
    made = planned([ready(title="Countess", owner="sales@acme.com")], lead(1), lead(2), policies=policies)
    told = " ".join((*made.contacts["c1"].why, str(made.contacts["c1"].problem)))
    assert not any(word in told.lower() for word in ("ada", "lovelace", "acme", "countess", "@"))


# ── an org that prefers existing records ──

PREFER = Policies(prefer_existing=True)


@pytest.mark.parametrize(("sync_as", "held", "other"), [("lead", person(), CONTACT), ("contact", lead(), LEAD)])
def test_a_record_of_the_other_object_is_used_rather_than_a_second_one_made(sync_as, held, other):
    made = planned(ready(sync_as=sync_as, title="Countess"), held, policies=PREFER)
    step = person_step(made)
    assert (step.action, step.ref, step.fields["Title"]) == (Action.UPDATE, ref(other, 1), "Countess")
    assert any(f"this {other} is used" in line for line in made.contacts["c1"].why)


def test_the_object_that_sync_as_names_goes_first():
    for sync_as, kind in (("lead", LEAD), ("contact", CONTACT)):
        assert person_step(planned(ready(sync_as=sync_as), lead(), person(), policies=PREFER)).ref == ref(kind, 1)


def test_a_lead_that_is_used_for_a_contact_is_written_by_the_rules_of_leads_and_brings_no_account():
    mapping = mapping_with("lead", rule("title", "LeadTitle__c"))
    made = planned(ready(sync_as="contact", title="Countess"), lead(), policies=PREFER, mapping=mapping)
    assert "LeadTitle__c" in person_step(made).fields
    assert [step.kind for step in made.steps] == [LEAD]


def test_nothing_anywhere_makes_what_sync_as_names():
    for sync_as, kind in (("lead", LEAD), ("contact", CONTACT)):
        assert person_step(planned(ready(sync_as=sync_as), policies=PREFER)).kind is kind


def test_a_converted_lead_leads_to_its_contact_from_the_other_side_too():
    known = person(7, email="new@acme.com")
    step = person_step(planned(ready(sync_as="contact"), lead(converted_to=known.ref), known, policies=PREFER))
    assert step.ref == known.ref


def test_several_records_of_the_other_object_go_by_the_policy():
    stop = Policies(prefer_existing=True, several_matches=SeveralMatches.STOP)
    made = planned(ready(sync_as="lead"), person(1), person(2), policies=stop)
    assert made.contacts["c1"].problem.code == "several_matches"
    assert made.contacts["c1"].problem.object == "Contact"


def test_a_link_to_the_other_object_is_kept_when_the_address_changes():
    one = ready(sync_as="contact", email="new@acme.com", person=ref(LEAD, 1))
    step = person_step(planned(one, lead(email="old@acme.com"), policies=PREFER))
    assert (step.ref, step.fields["Email"]) == (ref(LEAD, 1), "new@acme.com")


def test_new_contacts_with_one_address_make_one_record_though_they_sync_as_different_objects():
    made = planned([ready("1", sync_as="lead"), ready("2", sync_as="contact")], policies=PREFER)
    assert [step.kind for step in made.steps if step.kind.is_person] == [CONTACT]
    assert made.contacts["1"].person == made.contacts["2"].person
    assert made.contacts["2"].account is not None


def test_one_that_is_linked_elsewhere_is_joined_by_the_others_with_its_new_address():
    batch = [
        ready("1", sync_as="contact", email="new@acme.com", person=ref(LEAD, 1)),
        ready("2", sync_as="lead", email="new@acme.com"),
        ready("3", sync_as="contact", email="new@acme.com"),
    ]
    made = planned(batch, lead(email="old@acme.com"), policies=PREFER)
    assert {mine.person for mine in made.contacts.values()} == {"p1"}
    assert person_step(made, "1").ref == ref(LEAD, 1)
