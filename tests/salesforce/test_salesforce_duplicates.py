"""Duplicate rules: the record that a rule names is used; everything else is a problem that says what stood in the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from contactsync_plugins.salesforce.duplicates import duplicate_failure, resemblance_in
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Failure, Mend, Next, RecordKind, RecordRef, StepRef
from tests.salesforce.conftest import Org
from tests.salesforce.test_salesforce_apply import (
    ACCOUNT,
    CONTACT,
    LEAD,
    MEMBER,
    SIZES,
    apply,
    create,
    padding,
    update,
)

RULE = {"object": "Contact", "fields": ["Email"], "name": "Standard_Contact_Duplicate_Rule"}


def failed(org: Org, target: SalesforceTarget, others: int, **fields: Any) -> Failure:
    """The failure of a new contact with the address of one that is there."""
    results = apply(target, create("twin", CONTACT, Email="ada@x.example", **fields), *padding(others))
    failure = results.pop("twin").failure
    assert failure
    assert all(result.ok for result in results.values())
    assert len(org.rows("Contact")) == others + len([row for row in org.rows("Contact") if row["LastName"] == "There"])
    return failure


@SIZES
@pytest.mark.parametrize("action", ["alert", "block"])
@pytest.mark.parametrize("key", ["duplicateResut", "duplicateResult"])
def test_a_record_that_resembles_one_of_its_kind_is_to_be_that_one(
    org: Org, target: SalesforceTarget, others: int, action: str, key: str
) -> None:
    there = org.seed("Contact", LastName="There", Email="ada@x.example")
    org.admin("options", {"duplicate_result_key": key})
    org.admin("duplicate_rules", {**RULE, "action": action})
    failure = failed(org, target, others)
    assert failure.next is Next.REMATCH
    assert failure.candidates == (RecordRef(CONTACT, there),)
    problem = failure.problem
    assert (problem.code, problem.object, problem.mended_by) == (
        "duplicates_detected",
        "Contact",
        (Mend.CRM, Mend.POLICY),
    )
    assert "The rule is Standard_Contact_Duplicate_Rule." in problem.cause
    assert ("duplicate_rules = allow" in problem.fix) == (action == "alert")
    assert len(org.calls()) == (1 if others == 0 else 2)  # many: the collection, and the row by itself


@SIZES
def test_an_org_that_allows_it_saves_what_a_rule_only_warns_of(org: Org, target: SalesforceTarget, others: int) -> None:
    org.seed("Contact", LastName="There", Email="ada@x.example")
    org.admin("duplicate_rules", {**RULE, "action": "alert"})
    allowed = replace(create("twin", CONTACT, Email="ada@x.example"), save_duplicates=True)
    results = apply(target, allowed, *(replace(step, save_duplicates=True) for step in padding(others)))
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == 1


@SIZES
def test_a_rule_that_blocks_still_blocks_when_the_org_allows_duplicates(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    there = org.seed("Contact", LastName="There", Email="ada@x.example")
    org.admin("duplicate_rules", {**RULE, "action": "block"})
    allowed = replace(create("twin", CONTACT, Email="ada@x.example"), save_duplicates=True)
    failure = apply(target, allowed, *padding(others))["twin"].failure
    assert failure
    assert failure.candidates == (RecordRef(CONTACT, there),)


@SIZES
def test_an_account_that_resembles_another_is_to_be_that_one_and_its_person_waits(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    there = org.seed("Account", Name="Acme")
    org.admin("duplicate_rules", {"object": "Account", "fields": ["Name"], "action": "block"})
    results = apply(
        target,
        create("a1", ACCOUNT, Name="ACME"),
        create("p1", CONTACT, AccountId=StepRef("a1")),
        *padding(others),
    )
    account, person = results["a1"].failure, results["p1"].failure
    assert account
    assert person
    assert account.candidates == (RecordRef(ACCOUNT, there),)
    assert (person.next, person.problem.key) == (Next.REMATCH, account.problem.key)


@SIZES
def test_a_record_of_another_object_is_not_used_and_the_problem_says_what_it_is(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    org.seed("Lead", LastName="There", Company="C", Email="ada@x.example")
    org.admin("duplicate_rules", {**RULE, "against": ["Lead"], "action": "block", "name": "No leads, Ada! Call 555"})
    failure = failed(org, target, others)
    assert (failure.next, failure.candidates) == (Next.STOP, ())
    assert failure.problem.code == "duplicate_of_other_object"
    assert "It is a Lead." in failure.problem.cause
    assert "555" not in repr(failure)  # an administrator's prose may name anybody


@SIZES
def test_a_rule_that_shows_no_match_stops_the_record(org: Org, target: SalesforceTarget, others: int) -> None:
    org.seed("Contact", LastName="There", Email="ada@x.example")
    org.admin("duplicate_rules", {**RULE, "action": "block", "details": False})
    failure = failed(org, target, others)
    assert (failure.next, failure.candidates, failure.problem.code) == (Next.STOP, (), "duplicates_detected")


@SIZES
def test_an_existing_record_never_becomes_another_one(org: Org, target: SalesforceTarget, others: int) -> None:
    org.seed("Contact", LastName="There", Email="ada@x.example")
    ours = org.seed("Contact", LastName="Ours", Email="old@x.example")
    org.admin("duplicate_rules", {**RULE, "action": "block", "on": ["create", "update"]})
    failure = apply(target, update("p1", CONTACT, ours, Email="ada@x.example"), *padding(others))["p1"].failure
    assert failure
    assert (failure.next, failure.candidates, failure.problem.code) == (Next.STOP, (), "duplicates_detected")


def test_text_that_looks_like_a_reference_is_resolved_outside_a_composite(org: Org, target: SalesforceTarget) -> None:
    there = org.seed("Contact", LastName="There", Email="ada@x.example")
    org.admin("duplicate_rules", {**RULE, "action": "block"})
    failure = failed(org, target, 30, Title="@{step_pad1.id}")
    assert failure.candidates == (RecordRef(CONTACT, there),)


def test_sixty_rows_like_others_are_resolved_by_twenty_five(org: Org, target: SalesforceTarget) -> None:
    there = {f"p{n}": org.seed("Lead", LastName="L", Company="C", Email=f"p{n}@x.example") for n in range(60)}
    org.admin("duplicate_rules", {"object": "Lead", "fields": ["Email"], "action": "block"})
    campaign = org.campaign()
    people = [create(name, LEAD, Email=f"{name}@x.example") for name in there]
    members = [create(f"m{name}", MEMBER, campaign=campaign, person=StepRef(name)) for name in there]
    results = apply(target, *people, *members)
    found = {name: results[name].failure for name in there}
    assert {name: failure.candidates for name, failure in found.items() if failure} == {
        name: (RecordRef(LEAD, record_id),) for name, record_id in there.items()
    }
    assert len(org.calls()) == 1 + 3


def match(kind: str, record_id: str, confidence: object = 100.0) -> dict[str, Any]:
    return {"matchConfidence": confidence, "record": {"attributes": {"type": kind}, "Id": record_id}}


def body(*matches: Any, key: str = "duplicateResut", **more: Any) -> list[dict[str, Any]]:
    result = {"allowSave": True, "matchResults": [{"entityType": "Lead", "matchRecords": list(matches)}], **more}
    return [{"errorCode": "DUPLICATES_DETECTED", "message": "Use one?", key: result}]


def test_the_surest_match_comes_first_and_each_record_once() -> None:
    first, second = "00QWs0000000001", "00QWs0000000002"
    told = resemblance_in(body(match("Lead", first, 70), match("Lead", second, 95.5), match("Lead", second, 60)))
    assert [ref.id[:15] for ref in told.records] == [second, first]


@pytest.mark.parametrize(
    "unreadable",
    [
        None,
        [],
        "text",
        [{"duplicateResut": None}],
        [{"duplicateResut": {"matchResults": {"a": 1}}}],
        body(
            None, 5, {"record": None}, {"record": {"Id": 5}}, match("Lead", "no id"), match("Dog__c", "00QWs0000000001")
        ),
    ],
)
def test_what_cannot_be_read_names_nobody(unreadable: object) -> None:
    told = resemblance_in(unreadable)
    assert told.records == ()
    failure = duplicate_failure(RecordKind.LEAD, told, creates=True)
    assert (failure.next, failure.problem.code) == (Next.STOP, "duplicates_detected")
