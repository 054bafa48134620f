"""A record that may have been made unheard, under an address that the contact no longer has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contactsync.domain.batch import Choices, Links, Ready
from contactsync.domain.crm import Action, RecordKind
from contactsync.domain.plan import plan
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.domain.prepare import prepare
from contactsync.domain.wanted import wanted
from tests.domain.made import CONTACT, LEAD, MAPPING, contact, found, lead, person, person_step, planned, ready, ref

OLD, NEW = "old@acme.com", "new@acme.com"


def trying(contact_id: str = "c1", *attempted: str, email: str = NEW, **said: object) -> Ready:
    return replace(ready(contact_id, email=email, **said), attempted=attempted or (OLD,))


def test_what_was_attempted_is_asked_for_in_the_object_and_among_the_members() -> None:
    one = trying(attendances=(("701A", "registered"),))
    asked = wanted([one], MAPPING, Policies())
    assert asked.emails == {LEAD: {OLD, NEW}}
    assert asked.member_emails == {OLD, NEW}
    assert wanted([one], MAPPING, Policies(prefer_existing=True)).emails == {LEAD: {OLD, NEW}, CONTACT: {OLD, NEW}}


def test_the_present_address_is_none_that_was_attempted_before() -> None:
    made = prepare(contact(email=NEW), Choices(), Links(), Policies(), attempted=(OLD, NEW))
    assert isinstance(made, Ready)
    assert made.attempted == (OLD,)


def test_the_record_under_the_attempted_address_is_changed_and_the_why_says_so() -> None:
    made = planned(trying(), lead(email=OLD))
    step = person_step(made)
    assert (step.action, step.ref, step.fields["Email"]) == (Action.UPDATE, ref(LEAD, 1), NEW)
    assert any("whose answer was lost" in line for line in made.contacts["c1"].why)


def test_a_record_with_the_present_address_goes_before_it() -> None:
    assert person_step(planned(trying(), lead(1, OLD), lead(2, NEW))).ref == ref(LEAD, 2)


def test_a_link_goes_before_it() -> None:
    one = replace(trying(), links=Links({LEAD: ref(LEAD, 3)}))
    assert person_step(planned(one, lead(1, OLD), lead(3, "third@acme.com"))).ref == ref(LEAD, 3)


def test_the_latest_attempt_goes_first() -> None:
    one = trying("c1", OLD, "later@acme.com")
    assert person_step(planned(one, lead(1, OLD), lead(2, "later@acme.com"))).ref == ref(LEAD, 2)


def test_a_record_that_is_taken_is_left() -> None:
    made = plan([trying()], found(lead(email=OLD)), MAPPING, Policies(), taken={ref(LEAD, 1)})
    assert person_step(made).action is Action.CREATE


def test_a_record_that_another_contact_of_the_batch_is_linked_to_is_left() -> None:
    other = ready("c2", email="else@acme.com", person=ref(LEAD, 1))
    made = planned([trying(), other], lead(email=OLD))
    assert person_step(made).action is Action.CREATE
    assert person_step(made, "c2").ref == ref(LEAD, 1)


@pytest.mark.parametrize("order", [("c1", "c2"), ("c2", "c1")])
def test_one_lost_record_is_one_contacts_in_whatever_order_they_stand(order: tuple[str, str]) -> None:
    ones = {"c1": trying("c1"), "c2": trying("c2", email="second@acme.com")}
    made = planned([ones[name] for name in order], lead(email=OLD))
    assert person_step(made).ref == ref(LEAD, 1)
    assert person_step(made, "c2").action is Action.CREATE


def test_whoever_has_the_new_address_too_shares_the_record() -> None:
    made = planned([ready("a", email=NEW), trying("c1"), ready("z", email=NEW)], lead(email=OLD))
    assert {plan.person for plan in made.contacts.values()} == {made.contacts["c1"].person}
    assert person_step(made).ref == ref(LEAD, 1)


def test_where_existing_records_are_preferred_it_is_found_in_the_other_object() -> None:
    policies = Policies(prefer_existing=True)
    made = planned([trying(), ready("z", email=NEW, sync_as="contact")], person(email=OLD), policies=policies)
    assert person_step(made).ref == person_step(made, "z").ref == ref(CONTACT, 1)
    assert person_step(planned(trying(), person(email=OLD))).action is Action.CREATE


def test_a_converted_lead_leads_to_its_contact() -> None:
    records = (lead(email=OLD, converted_to=ref(CONTACT, 5)), person(5, "mrs@acme.com"))
    assert person_step(planned(trying(), *records)).ref == ref(CONTACT, 5)


def test_several_are_a_question_where_the_org_wants_to_be_asked() -> None:
    policies = Policies(several_matches=SeveralMatches.STOP)
    made = planned(trying(), lead(1, OLD), lead(2, OLD), policies=policies)
    assert made.contacts["c1"].problem is not None
    assert made.contacts["c1"].problem.code == "several_matches"
    first = planned(trying(), lead(1, OLD, "2021"), lead(2, OLD, "2020"))
    assert person_step(first).ref == ref(LEAD, 2)


def test_nothing_there_is_a_new_record_under_the_present_address() -> None:
    step = person_step(planned(trying()))
    assert (step.action, step.kind, step.fields["Email"]) == (Action.CREATE, RecordKind.LEAD, NEW)
