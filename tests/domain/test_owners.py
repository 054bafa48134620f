"""Rule 8: the owner."""

from __future__ import annotations

from contactsync.domain.crm import Action
from tests.domain.made import lead, mapping_with, owner, person_step, planned, ready, rule

NOBODY = "No active standard user has the owner's e-mail address: the owner was left to the CRM."


def test_the_user_with_the_owners_address_becomes_the_owner():
    assert person_step(planned(ready(owner="sales@acme.com"), owner(4))).fields["OwnerId"] == owner(4).ref.id


def test_an_existing_record_gets_the_owner_too_unless_the_rule_has_another_mode():
    held = lead(OwnerId="UsOLD")
    step = person_step(planned(ready(owner="sales@acme.com"), owner(4), held))
    assert (step.fields["OwnerId"], step.before["OwnerId"]) == (owner(4).ref.id, "UsOLD")
    mapping = mapping_with("lead", rule("owner", "OwnerId", "on_create"))
    assert "OwnerId" not in person_step(planned(ready(owner="sales@acme.com"), owner(4), held, mapping=mapping)).fields


def test_the_right_owner_is_no_change():
    step = person_step(planned(ready(owner="sales@acme.com"), owner(4), lead(OwnerId=owner(4).ref.id)))
    assert "OwnerId" not in step.fields


def test_an_owner_that_nobody_is_leaves_the_field_alone_and_the_run_says_so():
    made = planned(ready(owner="gone@acme.com"), owner(4), lead(OwnerId="UsOLD"))
    assert "OwnerId" not in person_step(made).fields
    assert NOBODY in made.contacts["c1"].why


def test_a_contact_without_an_owner_has_nothing_to_be_told():
    made = planned(ready(), owner(4))
    assert "OwnerId" not in person_step(made).fields
    assert NOBODY not in made.contacts["c1"].why


def test_with_the_owner_rule_off_nothing_is_said_about_owners():
    mapping = mapping_with("lead", rule("owner", "OwnerId", "off"))
    made = planned(ready(owner="gone@acme.com"), mapping=mapping)
    assert person_step(made).action is Action.CREATE
    assert NOBODY not in made.contacts["c1"].why


def test_of_several_users_with_one_address_the_first_by_id_is_taken_and_told():
    made = planned(ready(owner="sales@acme.com"), owner(5), owner(4))
    assert person_step(made).fields["OwnerId"] == owner(4).ref.id
    assert any("2 active users have the owner's e-mail address" in line for line in made.contacts["c1"].why)


def test_a_rule_may_name_an_owner_for_those_without_one():
    mapping = mapping_with("lead", rule("owner", "OwnerId", default="UsQUEUE"))
    assert person_step(planned(ready(), mapping=mapping)).fields["OwnerId"] == "UsQUEUE"
    assert "OwnerId" not in person_step(planned(ready(), lead(OwnerId="UsOLD"), mapping=mapping)).fields


def test_of_contacts_that_share_a_record_the_newest_with_a_known_owner_names_it():
    batch = [ready("1", changed="2", owner="gone@x.com"), ready("2", changed="1", owner="sales@acme.com")]
    assert person_step(planned(batch, owner(4)), "1").fields["OwnerId"] == owner(4).ref.id
