"""A mapping held against the CRM's own fields."""

from __future__ import annotations

import pytest

from contactsync.domain.crm import CrmField, FieldCatalog, Mend, RecordKind
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import TooLong
from contactsync.domain.mapping_check import check_rules, drift
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
    CrmField("Description", "Description", "textarea", 32000),
]


def catalog(kind, *fields):
    return FieldCatalog(kind, {known.name: known for known in fields})


CATALOG = catalog(RecordKind.LEAD, *FIELDS)
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


# ── modes ──


@pytest.mark.parametrize("target", ["Email", "Website", "Rating", "OptOut__c", "Size__c"])
def test_append_is_for_texts_and_multi_select_picklists(target):
    said = wrong(rule("custom.x", target, "append"))
    assert said.keys() == {"rules.1.mode"}
    assert "append is for texts" in said["rules.1.mode"]


def test_append_is_fine_where_several_values_have_room():
    assert fine(
        rule("note", "Description", "append", separator="\n--\n"),
        rule("title", "Title", "append", separator=" & ", too_long=TooLong.TRUNCATE),
        rule("custom.topics", "Topics__c", "append", separator=";"),
        rule("custom.x", "Source", "if_ours"),
    )


def test_a_separator_must_fit_the_field():
    assert "“;”" in wrong(rule("custom.x", "Topics__c", "append", separator=", "))["rules.1.separator"]
    assert "one line" in wrong(rule("title", "Title", "append", separator="\n"))["rules.1.separator"]
    assert fine(rule("title", "Title", separator="\n"))


@pytest.mark.parametrize("target", ["Email", "Website", "Rating", "Topics__c", "Size__c"])
def test_only_texts_are_cut(target):
    said = wrong(rule("custom.x", target, too_long=TooLong.TRUNCATE))
    assert said.keys() == {"rules.1.too_long"}
    assert "write stop" in said["rules.1.too_long"]


def test_a_value_that_will_be_cut_may_be_too_long():
    assert fine(rule("title", "Title", default="Countess of", too_long=TooLong.TRUNCATE))


# ── campaigns and meetings ──

CAMPAIGN = catalog(
    RecordKind.CAMPAIGN,
    CrmField("Name", "Name", "text", 80, required=True),
    CrmField("StartDate", "Start Date", "date"),
    CrmField("Opens__c", "Opens", "datetime"),
    CrmField("IsActive", "Active", "boolean"),
    CrmField("OwnerId", "Owner", "reference", 18),
    CrmField("Size__c", "Size", "number"),
)
MEETING = catalog(
    RecordKind.ACTIVITY,
    CrmField("Subject", "Subject", "text", 255),
    CrmField("StartDateTime", "Start", "datetime"),
    CrmField("ActivityDate", "Date", "date"),
    CrmField("IsAllDayEvent", "All-Day", "boolean"),
    CrmField("Description", "Description", "textarea", 32000),
    CrmField("WhoId", "Name ID", "reference", 18),
    CrmField("WhatId", "Related To", "reference", 18),
    CrmField("OwnerId", "Owner", "reference", 18),
)


def wrong_campaign(*rules):
    with pytest.raises(RefusedInput) as refusal:
        check_rules("campaign", [rule("name", "Name"), *rules], CAMPAIGN)
    return refusal.value.fields


def wrong_meeting(*rules):
    with pytest.raises(RefusedInput) as refusal:
        check_rules("meeting", rules, MEETING)
    return refusal.value.fields


def test_moments_days_and_yes_or_no_go_into_fields_that_hold_them():
    days = [rule("starts_on", "StartDate"), rule("starts_at", "Opens__c"), rule("active", "IsActive")]
    check_rules("campaign", [rule("name", "Name"), *days, rule("custom.size", "Size__c")], CAMPAIGN)
    times = [rule("starts_at", "StartDateTime"), rule("all_day", "IsAllDayEvent"), rule("ends_at", "Subject")]
    people = [rule("who", "WhoId"), rule("what", "WhatId"), rule("owner", "OwnerId", "if_ours")]
    check_rules("meeting", [*times, *people, rule("description", "Description", "if_ours")], MEETING)


def test_moments_days_and_yes_or_no_go_nowhere_else():
    said = wrong_campaign(rule("starts_at", "StartDate"), rule("starts_on", "Opens__c"), rule("active", "Name"))
    assert "There is starts_on and ends_on for it." in said["rules.1.target"]
    assert "There is starts_at and ends_at for it." in said["rules.2.target"]
    assert "yes or no" in said["rules.3.target"]
    assert "a moment" in wrong_meeting(rule("starts_at", "ActivityDate"))["rules.0.target"]
    assert "yes or no" in wrong_meeting(rule("all_day", "Subject"))["rules.0.target"]


def test_text_goes_into_no_field_for_moments_or_yes_or_no():
    said = wrong_meeting(rule("title", "StartDateTime"), rule("location", "IsAllDayEvent"), rule("notes", "WhoId"))
    assert said.keys() == {"rules.0.target", "rules.1.target", "rules.2.target"}
    assert "Sources that are records: owner, who, what." in said["rules.2.target"]


def test_yes_or_no_may_become_words():
    check_rules("meeting", [rule("all_day", "Subject", values={"true": "All day", "false": "Meeting"})], MEETING)


def test_no_source_of_a_campaign_is_a_record():
    said = wrong_campaign(rule("venue", "OwnerId"))["rules.1.target"]
    assert "names another record" in said
    assert "Sources that" not in said


# ── drift ──


def test_rules_that_fit_have_not_drifted():
    rules = [NEEDED, rule("email", "Email"), rule("custom.hot", "Rating", values={"y": "Hot"}), rule("x", "No", "off")]
    assert drift("lead", rules, CATALOG) is None


def test_all_that_vanished_is_one_problem():
    problem = drift(
        "lead",
        [
            rule("title", "Gone__c"),
            rule("note", "Away__c"),
            rule("custom.hot", "Rating", values={"y": "Hot", "n": "Icy"}, default="Lukewarm"),
            rule("custom.topics", "Topics__c", values={"c": "A;C"}),
            rule("source", "Source", values={"booth": "An open list takes anything"}),
            rule("custom.date", "CreatedDate"),
            rule("title", "Size__c"),
        ],
        CATALOG,
    )
    assert problem is not None
    assert (problem.code, problem.object) == ("mapping_drift", "Lead")
    assert problem.fields == ("Away__c", "CreatedDate", "Gone__c", "Rating", "Size__c", "Topics__c")
    assert problem.mended_by == (Mend.MAPPING, Mend.CRM)
    assert "It has no field Away__c, Gone__c, or the integration user cannot see it." in problem.cause
    assert "Rating has no value “Icy”, “Lukewarm”." in problem.cause
    assert "Topics__c has no value “C”." in problem.cause
    assert "CreatedDate, Size__c cannot be written any more" in problem.cause


def test_the_same_drift_is_the_same_problem_in_whatever_order_rules_stand():
    rules = [rule("title", "Gone__c"), rule("custom.hot", "Rating", default="Icy"), rule("note", "Away__c")]
    assert drift("lead", rules, CATALOG) == drift("lead", rules[::-1], CATALOG)


def test_a_field_that_the_crm_requires_anew_is_no_drift():
    assert drift("lead", [rule("email", "Email")], CATALOG) is None
