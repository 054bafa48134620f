"""Rule 1: what a sync needs, and where it comes from."""

from __future__ import annotations

import pytest

from contactsync.domain.batch import Choices, Incomplete, Links, Ready
from contactsync.domain.choices import CompanyChoice, OwnerChoice, SyncAsChoice
from contactsync.domain.crm import RecordKind
from contactsync.domain.policy import Policies
from contactsync.domain.prepare import prepare
from contactsync.domain.records import REQUIRED, Company, Contact, SyncAs
from tests.domain.made import contact

NONE = Choices()


def prepared(said, choices=NONE, policies=None):
    return prepare(said, choices, Links(), policies or Policies())


def test_a_contact_with_everything_is_ready_and_has_nothing_to_explain():
    made = prepared(contact(sync_as="contact"))
    assert isinstance(made, Ready)
    assert (made.sync_as, made.kind, made.owner_email, made.why) == (SyncAs.CONTACT, RecordKind.CONTACT, None, ())


def test_everything_missing_is_named_in_the_order_of_the_required_fields():
    made = prepared(Contact("c1", {}))
    assert made == Incomplete(Contact("c1", {}), REQUIRED, None)


@pytest.mark.parametrize("field", ["first_name", "last_name", "email"])
@pytest.mark.parametrize("blank", [None, "", "   "])
def test_a_blank_field_is_missing_whether_it_was_cleared_or_never_said(field, blank):
    made = prepared(contact(**{field: blank}))
    assert isinstance(made, Incomplete)
    assert made.missing == (field,)


def test_sync_as_is_taken_from_the_contact_then_the_plugins_then_the_policy():
    choices = Choices(sync_as=SyncAsChoice(SyncAs.CONTACT, "VIPs become Contacts."))
    policies = Policies(sync_as_default=SyncAs.LEAD)
    own = prepared(contact(sync_as="LEAD "), choices, policies)
    chosen = prepared(contact(sync_as=None), choices, policies)
    default = prepared(contact(sync_as=None), NONE, policies)
    assert (own.sync_as, own.why) == (SyncAs.LEAD, ())
    assert (chosen.sync_as, chosen.why) == (SyncAs.CONTACT, ("VIPs become Contacts.",))
    assert default.sync_as is SyncAs.LEAD
    assert "org's default" in default.why[0]


def test_without_any_sync_as_the_contact_waits():
    made = prepared(contact(sync_as=None))
    assert (made.missing, made.sync_as) == (("sync_as",), None)


def test_an_unknown_sync_as_is_not_guessed_even_when_there_is_a_default():
    made = prepared(contact(sync_as="opportunity"), policies=Policies(sync_as_default=SyncAs.LEAD))
    assert made.missing == ("sync_as",)


def test_an_incomplete_contact_still_says_what_it_would_become():
    assert prepared(contact(first_name=None)).sync_as is SyncAs.LEAD


def test_a_contact_without_company_gets_the_chosen_one_and_why():
    acme = Company("name:acme", "Acme", "acme.com")
    made = prepared(contact(company=None), Choices(company=CompanyChoice(acme, "Set from the e-mail domain.")))
    assert made.contact.company == acme
    assert made.why == ("Set from the e-mail domain.",)


def test_a_chosen_company_never_replaces_the_contacts_own():
    other = CompanyChoice(Company("name:other", "Other"), "never said")
    made = prepared(contact(company="Acme"), Choices(company=other))
    assert made.contact.company.name == "Acme"
    assert made.why == ()


def test_a_company_without_a_name_is_missing_and_is_not_replaced():
    other = Choices(company=CompanyChoice(Company("name:other", "Other"), "never said"))
    made = prepared(contact(company=Company("id:7")), other)
    assert made.missing == ("company",)


def test_a_picked_account_is_company_enough_for_a_contact_but_not_for_a_lead():
    picked = Company("id:7", account_id="001A")
    assert isinstance(prepared(contact(company=picked, sync_as="contact")), Ready)
    assert prepared(contact(company=picked, sync_as="lead")).missing == ("company",)


def test_the_owner_comes_from_the_choice_in_lower_case():
    made = prepared(contact(), Choices(owner=OwnerChoice(" Sales@Acme.com", "The contact names its owner.")))
    assert made.owner_email == "sales@acme.com"
    assert made.why == ("The contact names its owner.",)


def test_links_are_carried_along():
    links = Links({RecordKind.LEAD: None})
    assert prepare(contact(), NONE, links, Policies()).links is links
