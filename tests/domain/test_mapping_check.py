"""A mapping held against the CRM's own fields."""

from __future__ import annotations

import pytest

from contactsync.domain.crm import CrmField, FieldCatalog, RecordKind
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping_check import check_rules
from tests.domain.made import rule

FIELDS = [
    CrmField("LastName", "Last Name", "text", 80, required=True),
    CrmField("Email", "Email", "email", 80),
    CrmField("Title", "Title", "text", 8),
    CrmField("Website", "Website", "url", 255),
    CrmField("OwnerId", "Owner ID", "reference", 18),
    CrmField("Rating", "Rating", "picklist", 40, values=("Hot", "Warm", "Cold"), restricted=True),
    CrmField("Source", "Lead Source", "picklist", 40, values=("Web",)),
    CrmField("Topics__c", "Topics", "multipicklist", 40, values=("A", "B"), restricted=True),
    CrmField("OptOut__c", "Opt Out", "boolean"),
    CrmField("Size__c", "Size", "number"),
    CrmField("CreatedDate", "Created", "datetime", createable=False, updateable=False),
    CrmField("Origin__c", "Origin", "text", updateable=False),
    CrmField("Later__c", "Later", "text", createable=False),
]
CATALOG = FieldCatalog(RecordKind.LEAD, {known.name: known for known in FIELDS})
NEEDED = rule("last_name", "LastName")


def wrong(*rules):
    """What is wrong with rules, by path."""
    with pytest.raises(RefusedInput) as refusal:
        check_rules("lead", [NEEDED, *rules], CATALOG)
    return refusal.value.fields


def fine(*rules):
    check_rules("lead", [NEEDED, *rules], CATALOG)
    return True


def test_rules_that_fit_pass():
    assert fine(
        rule("email", "Email"),
        rule("owner", "OwnerId"),
        rule("title", "Title", default="Mx"),
        rule("source", "Source", values={"booth": "Anything: the list is open"}),
        rule("custom.hot", "Rating", values={"yes": "Hot", "no": ""}, default="Cold"),
        rule("custom.topics", "Topics__c", default="A;B"),
        rule("custom.out", "OptOut__c", values={"yes": True}),
        rule("custom.size", "Size__c", default=0),
        rule("custom.origin", "Origin__c", "on_create"),
    )


def test_an_unknown_field_is_named_with_near_spellings():
    assert "Did you mean Title?" in wrong(rule("title", "Titel"))["rules.1.target"]
    assert "Did you mean Title?" in wrong(rule("title", "TITLE"))["rules.1.target"]
    assert "Did you mean Source?" in wrong(rule("source", "Lead Source"))["rules.1.target"]
    assert "API name" in wrong(rule("title", "Zzzzzzz"))["rules.1.target"]


def test_rules_that_are_off_are_not_looked_at():
    assert fine(rule("title", "Nowhere", "off"))


def test_a_field_that_the_crm_fills_by_itself_is_refused():
    assert "cannot be written" in wrong(rule("custom.x", "CreatedDate"))["rules.1.target"]


def test_a_field_that_can_be_set_once_only_takes_on_create():
    assert wrong(rule("custom.x", "Origin__c")).keys() == {"rules.1.mode"}
    assert wrong(rule("custom.x", "Later__c")).keys() == {"rules.1.target"}


def test_owner_and_account_go_into_lookup_fields_only():
    assert wrong(rule("owner", "Title")).keys() == {"rules.1.target"}


def test_what_a_payload_says_never_goes_into_a_lookup_field():
    for source in ("title", "custom.owner", "owner_email"):
        assert "Sources that are records: owner." in wrong(rule(source, "OwnerId"))["rules.1.target"]


def test_a_field_for_email_takes_no_other_text():
    assert wrong(rule("title", "Email")).keys() == {"rules.1.target"}
    assert fine(rule("owner_email", "Email"))


@pytest.mark.parametrize("target", ["OptOut__c", "Size__c"])
def test_text_does_not_go_into_yes_or_no_and_numbers(target):
    assert wrong(rule("title", target)).keys() == {"rules.1.target"}


def test_the_values_of_a_restricted_picklist_are_checked():
    fields = wrong(rule("custom.x", "Rating", values={"a": "hott", "b": "Warm"}, default="Boiling"))
    assert "Did you mean “Hot”?" in fields["rules.1.values.a"]
    assert "It has: Hot, Warm, Cold." in fields["rules.1.default"]
    assert "rules.1.values.b" not in fields
    assert "“C”" in wrong(rule("custom.x", "Topics__c", default="A;C"))["rules.1.default"]


def test_a_value_that_is_too_long_is_refused():
    assert "8 characters at most" in wrong(rule("title", "Title", default="Countess of"))["rules.1.default"]


def test_a_value_of_the_wrong_kind_is_refused():
    assert "true or false" in wrong(rule("custom.x", "OptOut__c", values={"y": "true"}))["rules.1.values.y"]
    assert "number" in wrong(rule("custom.x", "Size__c", default="3"))["rules.1.default"]
    assert "number" in wrong(rule("custom.x", "Size__c", default=True))["rules.1.default"]
    assert "text" in wrong(rule("custom.x", "Title", default=3))["rules.1.default"]


def test_a_required_field_that_no_rule_fills_is_named():
    with pytest.raises(RefusedInput) as refusal:
        check_rules("lead", [rule("title", "Title"), rule("last_name", "LastName", "off")], CATALOG)
    assert "without LastName" in refusal.value.fields["rules"]


def test_the_address_must_fill_the_field_that_people_are_matched_by():
    assert "matched by its e-mail field" in wrong(rule("email", "Title"))["rules.1.target"]
    assert fine(rule("email", "Title"), rule("email", "Email"))


def test_every_wrong_rule_is_named_at_once():
    assert set(wrong(rule("title", "Titel"), rule("note", "Nope"))) == {"rules.1.target", "rules.2.target"}
