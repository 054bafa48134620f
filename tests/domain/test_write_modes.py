"""append, if_ours and too_long, the reasons of fields, moved accounts and duplicate rules."""

from __future__ import annotations

import pytest

from contactsync.domain.crm import Action, CrmField, FieldCatalog, RecordKind, StepRef
from contactsync.domain.mapping import FieldMapping, TooLong
from contactsync.domain.plan import plan
from contactsync.domain.policy import DuplicateRules, MoveAccounts, Policies
from contactsync.domain.records import Company
from contactsync.domain.values import mark_of
from contactsync.domain.writes import marks_needed, rules_need_catalog
from tests.domain.made import (
    ACCOUNT,
    CONTACT,
    LEAD,
    MAPPING,
    account,
    account_step,
    found,
    lead,
    mapping_with,
    owner,
    person,
    person_step,
    planned,
    ready,
    ref,
    rule,
)

FIELDS = (
    CrmField("Description", "Description", "textarea", 20),
    CrmField("Title", "Title", "text", 8),
    CrmField("Topics__c", "Topics", "multipicklist", 4099, values=("A", "B"), restricted=True),
    CrmField("Score__c", "Score", "number"),
)
CATALOGS = {kind: FieldCatalog(kind, {known.name: known for known in FIELDS}) for kind in (LEAD, CONTACT, ACCOUNT)}


def decided(batch, *records, mapping=MAPPING, policies=None, written=None):
    batch = batch if isinstance(batch, list) else [batch]
    made = plan(batch, found(*records), mapping, policies or Policies(), written=written or {}, catalogs=CATALOGS)
    return person_step(made)


def updated(rule_, said, held, *, ours=None):
    """The new value of the rule's field, and why; None when it is left, with the reason that was told, if any."""
    target = rule_.target
    step = decided(
        ready(**said),
        lead(**{target: held}),
        mapping=mapping_with("lead", rule_),
        written={ref(LEAD, 1): {target: mark_of(ours)}} if ours is not None else None,
    )
    if target not in step.fields:
        return None, step.field_why.get(target)
    assert step.before[target] == held
    return step.fields[target], step.field_why.get(target)


# ── append ──


NOTE = rule("note", "Description", "append")


def test_append_adds_to_what_the_crm_holds():
    assert updated(NOTE, {"note": "Rome"}, "Paris") == ("Paris\nRome", "Added to what the CRM held.")


def test_append_adds_nothing_that_is_there_already():
    value, why = updated(NOTE, {"note": "Rome"}, "Paris\r\nRome\r\nOslo")
    assert value is None
    assert "in there already" in why


def test_append_fills_an_empty_field_and_a_new_record():
    assert updated(NOTE, {"note": "Rome"}, None) == ("Rome", "The CRM held nothing here.")
    assert decided(ready(note="Rome"), mapping=mapping_with("lead", NOTE)).fields["Description"] == "Rome"


def test_append_puts_between_what_the_rule_says_or_what_fits_the_field():
    topics = rule("custom.topics", "Topics__c", "append")
    assert updated(topics, {"custom__topics": "B;a"}, "A")[0] == "A;B"
    assert updated(rule("title", "Title", "append"), {"title": "Dr"}, "Sir")[0] == "Sir, Dr"
    assert updated(rule("title", "Title", "append", separator=" & "), {"title": "Dr"}, "Sir")[0] == "Sir & Dr"
    assert updated(rule("title", "Other__c", "append"), {"title": "Dr"}, "Sir")[0] == "Sir, Dr"


def test_append_translates_first():
    mapped = rule("custom.topics", "Topics__c", "append", values={"beta": "B"})
    assert updated(mapped, {"custom__topics": "beta"}, "A")[0] == "A;B"


@pytest.mark.parametrize("said", [{}, {"note": None}, {"note": " "}])
def test_append_of_nothing_leaves_what_is_there_and_a_default_only_fills(said):
    assert updated(rule("note", "Description", "append", clear=True), said, "Paris") == (None, None)
    assert updated(rule("note", "Description", "append", default="Event"), said, "Paris") == (None, None)
    assert updated(rule("note", "Description", "append", default="Event"), said, None)[0] == "Event"


def test_append_that_has_no_room_is_cut_once_and_says_so():
    cutting = rule("note", "Description", "append", too_long=TooLong.TRUNCATE)
    value, why = updated(cutting, {"note": "A long way to Rome"}, "Paris")
    assert value == "Paris\nA long way to"
    assert why == "Added to what the CRM held. Cut to 20 characters: the field takes no more."
    assert updated(cutting, {"note": "A long way to Rome"}, value)[0] is None
    assert updated(NOTE, {"note": "A long way to Rome"}, "Paris")[0] == "Paris\nA long way to Rome"


# ── if_ours ──


OURS = rule("title", "Title", "if_ours")


def test_if_ours_overwrites_what_we_last_wrote():
    assert updated(OURS, {"title": "Dr"}, "Sir", ours="Sir") == ("Dr", "The CRM still held what contactsync wrote.")
    assert updated(OURS, {"title": "Dr"}, "Sir ", ours="Sir")[0] == "Dr"
    score = rule("custom.score", "Score__c", "if_ours")
    assert updated(score, {"custom__score": 7}, 5.0, ours="5")[0] == 7


def test_if_ours_leaves_what_somebody_else_wrote_and_says_so():
    for ours in ("Miss", None):
        value, why = updated(OURS, {"title": "Dr"}, "Sir", ours=ours)
        assert value is None
        assert "did not write" in why


def test_if_ours_fills_an_empty_field():
    assert updated(OURS, {"title": "Dr"}, None)[0] == "Dr"
    assert updated(OURS, {"title": "Dr"}, " ", ours="Sir")[0] == "Dr"


def test_if_ours_clears_only_what_is_ours():
    clearing = rule("title", "Title", "if_ours", clear=True)
    assert decided(
        ready(title=None),
        lead(Title="Sir"),
        mapping=mapping_with("lead", clearing),
        written={ref(LEAD, 1): {"Title": mark_of("Sir")}},
    ).fields == {"FirstName": "Ada", "LastName": "Lovelace", "Company": "Acme", "Title": None}
    assert updated(clearing, {"title": None}, "Sir", ours="Miss")[0] is None


def test_if_ours_holds_for_owners_too():
    mapping = mapping_with("lead", rule("owner", "OwnerId", "if_ours"))
    one, record = ready(owner="sales@acme.com"), lead(OwnerId="Us9")
    kept = decided(one, record, owner(), mapping=mapping)
    moved = decided(one, record, owner(), mapping=mapping, written={ref(LEAD, 1): {"OwnerId": mark_of("Us9")}})
    assert "OwnerId" not in kept.fields
    assert "did not write" in kept.field_why["OwnerId"]
    assert moved.fields["OwnerId"] == "Us1"


def test_the_marks_of_one_record_say_nothing_about_another():
    mapping = mapping_with("lead", OURS)
    marks = {ref(LEAD, 2): {"Title": mark_of("Sir")}, ref(CONTACT, 1): {"Title": mark_of("Sir")}}
    assert "Title" not in decided(ready(title="Dr"), lead(Title="Sir"), mapping=mapping, written=marks).fields


def test_accounts_have_modes_of_their_own():
    mapping = MAPPING.replaced(
        "account", [rule("name", "Name", "if_ours"), rule("domain", "Description", "append"), rule("owner", "OwnerId")]
    )
    one = ready(sync_as="contact", company=Company("id:1", "Acme", "acme.com"), owner="sales@acme.com")
    held = account(domain="acme.com", name="ACME old", Description="old.com", OwnerId="Us9")
    marks = {ref(ACCOUNT, 1): {"Name": mark_of("ACME old")}}
    made = plan([one], found(held, owner()), mapping, Policies(), written=marks, catalogs=CATALOGS)
    assert account_step(made).fields == {"Name": "Acme", "Description": "old.com\nacme.com", "OwnerId": "Us1"}


# ── too long ──


CUTTING = rule("title", "Title", too_long=TooLong.TRUNCATE)


def test_a_text_that_is_too_long_is_cut_when_the_rule_says_so():
    told = "Cut to 8 characters: the field takes no more."
    assert updated(CUTTING, {"title": "Countess of"}, "Miss") == ("Countess", told)
    step = decided(ready(title="Countess of"), mapping=mapping_with("lead", CUTTING))
    assert (step.fields["Title"], step.field_why["Title"]) == ("Countess", told)


def test_what_was_cut_before_is_no_change():
    assert updated(CUTTING, {"title": "Countess of"}, "Countess") == (None, None)


def test_a_rule_that_stops_sends_the_whole_and_leaves_the_word_to_the_crm():
    assert updated(rule("title", "Title"), {"title": "Countess of"}, "Miss")[0] == "Countess of"


def test_what_is_cut_is_still_ours():
    ours = rule("title", "Title", "if_ours", too_long=TooLong.TRUNCATE)
    assert updated(ours, {"title": "Duchess of"}, "Countess", ours="Countess")[0] == "Duchess"


# ── the reasons of fields ──


def test_a_plain_rule_needs_no_reason():
    assert decided(ready(title="Dr"), lead(Title="Sir")).field_why == {}


def test_fields_that_were_left_say_why():
    mapping = mapping_with("lead", rule("title", "Title", "if_empty"), rule("source", "LeadSource", "on_create"))
    step = decided(ready(title="Dr", source="Booth"), lead(Title="Sir", LeadSource="Web"), mapping=mapping)
    assert step.field_why == {
        "Title": "The CRM holds a value, and this rule only fills (if_empty).",
        "LeadSource": "This rule writes new records only (on_create).",
    }


def test_fields_that_were_written_otherwise_than_plainly_say_why():
    mapping = mapping_with(
        "lead",
        rule("title", "Title", "if_empty"),
        rule("custom.tier", "Tier__c", values={"gold": "A"}),
        rule("custom.x", "X__c", clear=True),
        rule("custom.y", "Y__c", default="Event"),
    )
    step = decided(ready(title="Dr", custom__tier="gold", custom__x=None), lead(X__c="old"), mapping=mapping)
    assert step.field_why == {
        "Title": "The CRM held nothing here.",
        "Tier__c": "Translated by the rule's values.",
        "X__c": "It was cleared at the source, and the rule clears.",
        "Y__c": "The source says nothing: the rule's default. The CRM held nothing here.",
    }


def test_reasons_hold_nothing_of_the_person():
    mapping = mapping_with("lead", rule("note", "Description", "append"), rule("title", "Title", "if_empty"))
    step = decided(ready(note="Secret", title="Dr"), lead(Description="Hidden", Title="Sir"), mapping=mapping)
    told = " ".join([*step.field_why.values(), *step.why])
    assert not {"Secret", "Hidden", "Sir", "Dr", "Ada"} & set(told.replace(".", " ").split())


# ── moved accounts ──


def in_account(held, policy, *, mode="always", ours=None):
    """What becomes of a Contact in the Account `held` whose company is the Account Ac1."""
    mapping = mapping_with("contact", rule("account", "AccountId", mode))
    one = ready(sync_as="contact", company=Company("id:1", "Acme", "acme.com"))
    return decided(
        one,
        person(AccountId=held),
        account(domain="acme.com"),
        mapping=mapping,
        policies=Policies(move_accounts=policy),
        written={ref(CONTACT, 1): {"AccountId": mark_of(ours)}} if ours else None,
    )


def test_a_contact_is_not_moved_unless_the_org_says_so():
    step = in_account("Ac9", MoveAccounts.NEVER, ours="Ac9")
    assert "AccountId" not in step.fields
    assert "The Contact belongs to another Account and stays there; its company's Account is not set." in step.why
    assert step.field_why["AccountId"] == "The policy move_accounts keeps the Contact in the Account that it is in."
    assert in_account(None, MoveAccounts.NEVER).fields["AccountId"] == "Ac1"


def test_a_contact_is_moved_from_the_account_that_we_gave_it():
    step = in_account("Ac9", MoveAccounts.IF_OURS, ours="Ac9")
    assert (step.fields["AccountId"], step.before["AccountId"]) == ("Ac1", "Ac9")
    assert any("contactsync had put it into the other one" in line for line in step.why)
    assert "AccountId" not in in_account("Ac9", MoveAccounts.IF_OURS, ours="Ac8").fields
    assert "AccountId" not in in_account("Ac9", MoveAccounts.IF_OURS).fields


def test_a_contact_is_always_moved_when_the_org_says_so():
    step = in_account("Ac9", MoveAccounts.ALWAYS)
    assert step.fields["AccountId"] == "Ac1"
    assert any("the org wants that" in line for line in step.why)
    ours = in_account("Ac9", MoveAccounts.ALWAYS, mode="if_ours", ours="Ac9")
    assert any("contactsync had put it" in line for line in ours.why)


@pytest.mark.parametrize("mode", ["if_empty", "on_create", "if_ours"])
def test_a_rule_that_is_stricter_than_the_policy_counts(mode):
    step = in_account("Ac9", MoveAccounts.ALWAYS, mode=mode)
    assert "AccountId" not in step.fields
    assert f"({mode})" in step.field_why["AccountId"]


def test_an_account_is_made_only_for_a_contact_that_moves_there():
    one, held = ready(sync_as="contact"), person(AccountId="Ac9")
    moving = planned(one, held, policies=Policies(move_accounts=MoveAccounts.ALWAYS))
    assert person_step(moving).fields["AccountId"] == StepRef(account_step(moving).id)
    staying = planned(one, held, policies=Policies(move_accounts=MoveAccounts.IF_OURS))
    assert account_step(staying) is None
    assert "The Contact has an Account: none was made for its company." in staying.contacts["c1"].why


# ── duplicate rules ──


def test_records_are_saved_beside_duplicates_only_where_the_org_allows_it():
    allow = Policies(duplicate_rules=DuplicateRules.ALLOW)
    one = ready(sync_as="contact", title="Dr", attendances=[("701A", "registered")])
    for records in ((), (person(), account(OwnerId="Us9"))):
        for policies in (allow, Policies()):
            steps = planned(one, *records, policies=policies).steps
            asked = {step.kind for step in steps if step.save_duplicates}
            changed = {step.kind for step in steps if step.action in (Action.CREATE, Action.UPDATE)}
            assert asked == (changed & {CONTACT, ACCOUNT} if policies is allow else set())


# ── what a plan must be told ──


def test_the_crms_fields_are_needed_by_rules_that_append_or_cut():
    cut_campaigns = {RecordKind.CAMPAIGN}
    assert rules_need_catalog(MAPPING) == cut_campaigns
    assert rules_need_catalog(mapping_with("lead", NOTE)) == cut_campaigns | {LEAD}
    assert rules_need_catalog(mapping_with("contact", CUTTING)) == cut_campaigns | {CONTACT}
    assert rules_need_catalog(mapping_with("lead", rule("note", "", "append"))) == cut_campaigns
    meeting = FieldMapping({"meeting": (rule("notes", "Description", "append"),)})
    assert rules_need_catalog(meeting) == {RecordKind.ACTIVITY}
    assert rules_need_catalog(FieldMapping()) == frozenset()


def test_marks_are_needed_by_rules_and_moves_that_ask_what_is_ours():
    people = (LEAD, CONTACT, ACCOUNT)
    assert not marks_needed(MAPPING, Policies(), people)
    assert marks_needed(MAPPING, Policies(), (RecordKind.ACTIVITY,))
    assert marks_needed(mapping_with("lead", OURS), Policies(), people)
    moving = Policies(move_accounts=MoveAccounts.IF_OURS)
    assert marks_needed(MAPPING, moving, people)
    assert not marks_needed(MAPPING, moving, (LEAD,))
    assert not marks_needed(FieldMapping(), moving)
