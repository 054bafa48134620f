"""What a batch asks the CRM for."""

from __future__ import annotations

from dataclasses import replace

from contactsync.domain.crm import Wanted
from contactsync.domain.policy import Policies, RemovedAttendance
from contactsync.domain.records import Attendance, Company
from contactsync.domain.wanted import wanted
from tests.domain.made import ACCOUNT, CONTACT, LEAD, MAPPING, mapping_with, ready, ref, rule


def test_people_are_asked_by_lower_case_email_in_the_object_that_sync_as_names():
    asked = wanted(
        [ready("1", email="Ada@Acme.com"), ready("2", email="bob@x.com", sync_as="contact")], MAPPING, Policies()
    )
    assert asked.emails == {LEAD: {"ada@acme.com"}, CONTACT: {"bob@x.com"}}


def test_a_linked_contact_is_asked_by_id_and_by_email():
    asked = wanted([ready(person=ref(LEAD, 1))], MAPPING, Policies())
    assert asked.ids == {LEAD: {ref(LEAD, 1).id}}
    assert asked.emails == {LEAD: {"ada@acme.com"}}


def test_a_link_to_the_other_object_is_not_asked_for():
    assert wanted([ready(person=ref(CONTACT, 1))], MAPPING, Policies()).ids == {}


def test_leads_ask_for_the_fields_of_contacts_too_because_they_may_be_converted():
    asked = wanted([ready()], MAPPING, Policies())
    assert {"Title", "Company", "OwnerId"} <= asked.fields[LEAD]
    assert {"Title", "AccountId"} <= asked.fields[CONTACT]


def test_contacts_alone_ask_for_no_field_of_leads():
    assert set(wanted([ready(sync_as="contact")], MAPPING, Policies()).fields) == {CONTACT, ACCOUNT}


def test_only_fields_of_rules_that_are_on_are_asked():
    asked = wanted([ready()], mapping_with("lead", rule("title", "Title", "off")), Policies())
    assert "Title" not in asked.fields[LEAD]


def test_a_lead_asks_for_no_account():
    asked = wanted([ready(company=Company("k", "Acme", "acme.com"), account=ref(ACCOUNT, 1))], MAPPING, Policies())
    assert (asked.account_names, asked.account_domains, ACCOUNT in asked.ids) == (frozenset(), frozenset(), False)


def test_a_contact_asks_for_its_account_by_domain_and_by_the_spellings_of_its_name():
    asked = wanted([ready(sync_as="contact", company=Company("k", "Acme, Inc.", "acme.com"))], MAPPING, Policies())
    assert asked.account_domains == {"acme.com"}
    assert {"Acme, Inc.", "Acme Inc"} <= asked.account_names


def test_a_picked_account_is_asked_by_its_id_alone():
    picked = Company("k", "Acme", "acme.com", "001A")
    asked = wanted([ready(sync_as="contact", company=picked, account=ref(ACCOUNT, 9))], MAPPING, Policies())
    assert asked.ids == {ACCOUNT: {"001A"}}
    assert not asked.account_names | asked.account_domains


def test_a_linked_account_is_asked_by_id_alone_and_by_name_too_once_its_link_is_known_to_be_stale():
    one = ready(sync_as="contact", company=Company("k", "Acme", "acme.com"), account=ref(ACCOUNT, 1))
    asked = wanted([one], MAPPING, Policies())
    assert asked.ids == {ACCOUNT: {ref(ACCOUNT, 1).id}}
    assert (asked.account_names, asked.account_domains) == (frozenset(), frozenset())
    again = wanted([replace(one, rematched=True)], MAPPING, Policies())
    assert again.ids == {ACCOUNT: {ref(ACCOUNT, 1).id}}
    assert (again.account_names, again.account_domains) == ({"Acme"}, {"acme.com"})


def test_no_account_is_asked_for_when_no_rule_brings_it_to_the_contact():
    asked = wanted([ready(sync_as="contact")], mapping_with("contact", rule("account", "AccountId", "off")), Policies())
    assert (asked.account_names, ACCOUNT in asked.fields) == (frozenset(), False)


def test_owners_are_asked_only_when_a_rule_sets_them():
    batch = [ready(owner="sales@acme.com")]
    assert wanted(batch, MAPPING, Policies()).owner_emails == {"sales@acme.com"}
    without = mapping_with("lead", rule("owner", "OwnerId", "off")).replaced("contact", ())
    assert wanted(batch, without, Policies()).owner_emails == frozenset()


def test_members_are_asked_for_those_who_attend_an_event_with_a_campaign():
    batch = [
        ready("1", attendances=[("701A", "registered")]),
        ready("2", email="bob@x.com", attendances=[Attendance("e2", "registered")]),
        ready("3", email="eve@x.com", attendances=[Attendance("e3", "registered", "701B", removed=True)]),
    ]
    asked = wanted(batch, MAPPING, Policies())
    assert asked.campaigns == {"701A"}
    assert asked.member_emails == {"ada@acme.com"}


def test_an_empty_batch_asks_nothing():
    assert wanted([], MAPPING, Policies()) == Wanted()
    assert wanted([], MAPPING, Policies()).empty


def test_an_org_that_prefers_existing_records_asks_both_objects_by_address_and_by_link():
    policies = Policies(prefer_existing=True)
    asked = wanted([ready(sync_as="contact", person=ref(LEAD, 1))], MAPPING, policies)
    assert asked.emails == {LEAD: {"ada@acme.com"}, CONTACT: {"ada@acme.com"}}
    assert asked.ids == {LEAD: {ref(LEAD, 1).id}}
    assert {LEAD, CONTACT} <= set(asked.fields)
    assert wanted([], MAPPING, policies).empty


def test_members_of_removed_attendances_are_asked_for_when_something_is_to_become_of_them():
    batch = [ready(attendances=[Attendance("e1", "registered", "701B", removed=True)])]
    for removed, campaigns in ((RemovedAttendance.KEEP, set()), (RemovedAttendance.REMOVE, {"701B"})):
        asked = wanted(batch, MAPPING, Policies(removed_attendance=removed))
        assert asked.campaigns == campaigns
    asked = wanted(batch, MAPPING, Policies(removed_attendance=RemovedAttendance.STATUS))
    assert (asked.campaigns, asked.member_labels) == ({"701B"}, {("Removed", "Cancelled", "Sent")})


def test_the_labels_that_will_do_are_told_for_each_status_unless_the_org_adds_none():
    batch = [ready(attendances=[("701A", "attended"), ("701B", "dancing")])]
    assert wanted(batch, MAPPING, Policies()).member_labels == {("Attended", "Responded")}
    assert wanted(batch, MAPPING, Policies(create_member_statuses=False)).member_labels == frozenset()
