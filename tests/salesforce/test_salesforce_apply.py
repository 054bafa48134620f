"""Applying steps, against the wire: what is sent, and what is told of each row."""

from __future__ import annotations

from typing import Any

import pytest
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import (
    Action,
    FieldValue,
    Next,
    RecordKind,
    RecordRef,
    Step,
    StepRef,
    StepResult,
    TargetRefused,
    Wanted,
)
from tests.salesforce.conftest import Org

LEAD, CONTACT, ACCOUNT, MEMBER = RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT, RecordKind.MEMBER


def create(step_id: str, kind: RecordKind, **fields: FieldValue) -> Step:
    needed = {LEAD: {"LastName": "L", "Company": "C"}, CONTACT: {"LastName": "L"}}.get(kind, {})
    return Step(step_id, Action.CREATE, kind, fields={**needed, **fields})


def update(step_id: str, kind: RecordKind, record_id: str, **fields: FieldValue) -> Step:
    return Step(step_id, Action.UPDATE, kind, RecordRef(kind, record_id), fields)


def padding(count: int) -> list[Step]:
    """So many other rows that everything goes in collections instead of single records."""
    return [create(f"pad{n}", CONTACT, Email=f"pad{n}@x.example") for n in range(count)]


def apply(target: SalesforceTarget, *steps: Step) -> dict[str, StepResult]:
    return {result.step_id: result for result in target.apply(steps)}


SIZES = pytest.mark.parametrize("others", [0, 30], ids=["few", "many"])


def test_a_new_contact_with_everything_is_one_call(org: Org, target: SalesforceTarget) -> None:
    owner, campaign = org.owner(), org.campaign()
    results = apply(
        target,
        create("a1", ACCOUNT, Name="Acme", OwnerId=owner),
        create("p1", CONTACT, Email="ada@acme.example", AccountId=StepRef("a1"), OwnerId=owner),
        create("m1", MEMBER, campaign=campaign[:15], person=StepRef("p1"), status="Responded"),
    )
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == 1
    (contact,), (member,) = org.rows("Contact"), org.rows("CampaignMember")
    assert (contact["AccountId"], contact["OwnerId"]) == (results["a1"].ref.id, owner)
    assert (member["ContactId"], member["Status"]) == (contact["Id"], "Responded")


def test_steps_that_change_nothing_cost_nothing(org: Org, target: SalesforceTarget) -> None:
    ref = RecordRef(LEAD, org.seed("Lead", LastName="L", Company="C"))
    results = apply(target, Step("p1", Action.LEAVE, LEAD, ref), Step("p2", Action.UPDATE, LEAD, ref))
    assert [result.ref for result in results.values()] == [ref, ref]
    assert org.calls() == []


@SIZES
def test_assignment_rules_keep_off_when_an_owner_is_set_and_on_every_change(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    ours, theirs = org.owner(), org.owner("rules@acme.example")
    org.admin("options", {"assignment_owner_id": theirs})
    old = org.seed("Lead", LastName="Old", Company="C", OwnerId=ours)
    results = apply(
        target,
        create("owned", LEAD, OwnerId=ours),
        create("free", LEAD),
        update("old", LEAD, old, Title="Countess"),
        *padding(others),
    )
    owner_of = {step_id: org.row("Lead", results[step_id].ref.id)["OwnerId"] for step_id in ("owned", "free", "old")}
    assert owner_of == {"owned": ours, "free": theirs, "old": ours}


@SIZES
def test_text_that_looks_like_a_reference_arrives_as_it_is(org: Org, target: SalesforceTarget, others: int) -> None:
    campaign = org.campaign()
    text = "@{step_p1.id} and @{"
    results = apply(
        target,
        create("a1", ACCOUNT, Name=text),
        create("p1", CONTACT, AccountId=StepRef("a1"), Title="Countess"),
        create("m1", MEMBER, campaign=campaign, person=StepRef("p1")),
        *padding(others),
    )
    assert all(result.ok for result in results.values())
    assert org.row("Account", results["a1"].ref.id)["Name"] == text
    assert org.row("Contact", results["p1"].ref.id)["AccountId"] == results["a1"].ref.id
    assert "@{step" not in str([call["subrequests"] for call in org.calls()])


BAD = [
    ({"LastName": None}, Next.STOP, "required_field_missing", ("LastName",)),
    ({"Email": "no address"}, Next.STOP, "invalid_email_address", ("Email",)),
    ({"Title": "x" * 200}, Next.STOP, "string_too_long", ("Title",)),
    ({"Shoe__c": "44"}, Next.STOP, "invalid_field", ("Shoe__c",)),
    ({"CreatedDate": "2026-01-01"}, Next.STOP, "invalid_field_for_insert_update", ("CreatedDate",)),
    ({"AccountId": "no id"}, Next.STOP, "malformed_id", ("AccountId",)),
    ({"AccountId": "00QWs0000000001MAA"}, Next.STOP, "field_integrity_exception", ("AccountId",)),
    ({"AccountId": "001Ws00000ZZZZZ"}, Next.REMATCH, "invalid_cross_reference_key", ()),
    ({"Birthdate": "yesterday"}, Next.STOP, "wrong_type", ("Birthdate",)),
    ({"DoNotCall": 5}, Next.STOP, "wrong_type", ("DoNotCall",)),
    ({"Id": "003Ws0000000001AAA"}, Next.STOP, "invalid_field_name", ("Id",)),
    ({"attributes": "x"}, Next.STOP, "invalid_field_name", ("attributes",)),
    ({"La st": "x"}, Next.STOP, "invalid_field_name", ("La st",)),
    ({"Title": float("nan")}, Next.STOP, "not_a_number", ("Title",)),
    ({"AccountId": StepRef("nobody")}, Next.STOP, "unknown_step", ()),
]


@SIZES
@pytest.mark.parametrize(("fields", "following", "code", "names"), BAD, ids=[f"{c}-{min(f)}" for f, _, c, _ in BAD])
def test_a_bad_row_fails_alone_with_its_own_words(
    org: Org,
    target: SalesforceTarget,
    others: int,
    fields: dict[str, Any],
    following: Next,
    code: str,
    names: tuple[str, ...],
) -> None:
    results = apply(target, create("good", CONTACT), create("bad", CONTACT, **fields), *padding(others))
    failure = results.pop("bad").failure
    assert failure
    assert (failure.next, failure.problem.code, failure.problem.fields) == (following, code, names)
    assert all(result.ok for result in results.values())
    assert len(org.rows("Contact")) == 1 + others


@SIZES
def test_what_needs_a_failed_account_fails_with_it_and_says_so(org: Org, target: SalesforceTarget, others: int) -> None:
    campaign = org.campaign()
    results = apply(
        target,
        create("a1", ACCOUNT, Name="x" * 300),
        create("a2", ACCOUNT, Name="Acme"),
        create("p1", CONTACT, AccountId=StepRef("a1")),
        create("p2", CONTACT, AccountId=StepRef("a2")),
        create("m1", MEMBER, campaign=campaign, person=StepRef("p1")),
        create("m2", MEMBER, campaign=campaign, person=StepRef("p2")),
        *padding(others),
    )
    failed = {step_id: result.failure for step_id, result in results.items() if result.failure}
    assert list(failed) == ["a1", "p1", "m1"]
    assert {failure.problem.code for failure in failed.values()} == {"string_too_long"}
    assert failed["p1"].problem.cause.startswith("Its Account was not written: The text for Name is too long.")
    assert failed["m1"].problem.cause.startswith("Its Contact was not written: Its Account was not written:")


@SIZES
def test_a_locked_row_goes_again_at_once_in_one_call_more(org: Org, target: SalesforceTarget, others: int) -> None:
    campaign = org.campaign()
    org.fault(do="row", where={"object": "Contact", "field": "Email", "value": "locked@x.example"})
    results = apply(
        target,
        create("p1", CONTACT),
        create("p2", CONTACT, Email="locked@x.example"),
        create("m2", MEMBER, campaign=campaign, person=StepRef("p2")),
        *padding(others),
    )
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == (2 if others == 0 else 3)  # many: the contacts, the locked one again, the member
    assert [member["ContactId"] for member in org.rows("CampaignMember")] == [results["p2"].ref.id]


@SIZES
def test_a_row_that_stays_locked_comes_back_later_and_the_others_are_done(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    org.fault(do="row", where={"object": "Contact", "field": "Email", "value": "locked@x.example"}, times=9)
    results = apply(target, create("p1", CONTACT), create("p2", CONTACT, Email="locked@x.example"), *padding(others))
    failure = results.pop("p2").failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.RETRY, "unable_to_lock_row")
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == 2


@SIZES
def test_one_record_named_twice_is_written_in_order(org: Org, target: SalesforceTarget, others: int) -> None:
    contact = org.seed("Contact", LastName="L")
    results = apply(
        target,
        update("p1", CONTACT, contact, Title="first"),
        update("p2", CONTACT, contact[:15], Title="second"),
        *padding(others),
    )
    assert all(result.ok for result in results.values())
    assert org.row("Contact", contact)["Title"] == "second"


@SIZES
def test_a_converted_lead_is_matched_anew(org: Org, target: SalesforceTarget, others: int) -> None:
    lead = org.seed("Lead", LastName="L", Company="C")
    org.admin("convert", {"lead_id": lead})
    failure = apply(target, update("p1", LEAD, lead, Title="x"), *padding(others))["p1"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.REMATCH, "cannot_update_converted_lead")


@SIZES
def test_somebody_who_is_a_member_already_is_matched_anew(org: Org, target: SalesforceTarget, others: int) -> None:
    campaign, contact = org.campaign(), org.seed("Contact", LastName="L")
    org.seed("CampaignMember", CampaignId=campaign, ContactId=contact)
    person = RecordRef(CONTACT, contact)
    results = apply(target, create("m1", MEMBER, campaign=campaign, person=person), *padding(others))
    failure = results["m1"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.REMATCH, "already_member")
    assert len(org.rows("CampaignMember")) == 1


@SIZES
def test_a_member_of_a_campaign_that_is_gone_names_the_campaign(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    gone, contact = org.gone(RecordKind.CAMPAIGN).id, org.seed("Contact", LastName="L", Email="a@x.example")
    target.look_up(Wanted(campaigns=frozenset({gone}), member_emails=frozenset({"a@x.example"})))
    person = RecordRef(CONTACT, contact)
    failure = apply(target, create("m1", MEMBER, campaign=gone, person=person), *padding(others))["m1"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.STOP, "campaign_not_found")


@pytest.mark.parametrize("campaign", ["nonsense", "00QWs0000000001MAA", None])
def test_what_is_no_campaign_is_known_without_a_call(org: Org, target: SalesforceTarget, campaign: str | None) -> None:
    person = RecordRef(LEAD, "00QWs0000000001MAA")
    failure = apply(target, create("m1", MEMBER, campaign=campaign, person=person))["m1"].failure
    assert failure
    assert failure.problem.code == "campaign_not_found"
    assert org.calls() == []


def test_without_a_marketing_licence_members_fail_with_the_fix_and_people_are_written(
    org: Org, target: SalesforceTarget
) -> None:
    campaign = org.campaign()
    org.admin("options", {"hidden_objects": ["CampaignMember"]})
    count = 230
    people = [create(f"p{n}", CONTACT) for n in range(count)]
    members = [create(f"m{n}", MEMBER, campaign=campaign, person=StepRef(f"p{n}")) for n in range(count)]
    results = apply(target, *people, *members)
    assert all(results[step.id].ok for step in people)
    failures = {(r.failure.next, r.failure.problem.code) for r in (results[step.id] for step in members) if r.failure}
    assert failures == {(Next.STOP, "campaign_members_hidden")}
    assert len(org.calls()) == 2  # a missing permission is not looked for row by row


def scored(org: Org) -> None:
    org.admin("fields", {"object": "Contact", "fields": [{"name": "Score__c", "type": "double"}]})


def test_values_of_the_wrong_type_are_found_among_many_rows(org: Org, target: SalesforceTarget) -> None:
    scored(org)
    count, bad = 450, {17, 18, 333}
    steps = [create(f"p{n}", CONTACT, Score__c="high" if n in bad else float(n)) for n in range(count)]
    results = apply(target, *steps)
    assert {n for n in range(count) if not results[f"p{n}"].ok} == bad
    assert results["p17"].failure.problem.code == "wrong_type"
    assert results["p17"].failure.problem.fields == ("Score__c",)
    assert len(org.rows("Contact")) == count - len(bad)
    assert len(org.calls()) == 3  # refused, described, fitted


def test_they_are_found_too_when_the_fields_cannot_be_described(org: Org, target: SalesforceTarget) -> None:
    scored(org)
    org.fault(do="status", status=503, times=9, match={"path": "describe"})
    bad = {17, 18, 333}
    results = apply(target, *(create(f"p{n}", CONTACT, Score__c="high" if n in bad else 1) for n in range(450)))
    assert {f"p{n}" for n in bad} == {step_id for step_id, result in results.items() if not result.ok}
    assert results["p17"].failure.problem.code == "json_parser_error"


@SIZES
def test_values_are_fitted_to_the_types_of_their_fields(org: Org, target: SalesforceTarget, others: int) -> None:
    scored(org)
    account = org.seed("Account", Name="Acme")
    campaign = org.campaign()
    results = apply(
        target,
        create("p1", CONTACT, Title=44, Score__c="44.5", DoNotCall="yes", Birthdate="1815-12-10T00:00:00Z"),
        create("m1", MEMBER, campaign=campaign, person=StepRef("p1")),
        create("p2", CONTACT, Title=True, AccountId=RecordRef(ACCOUNT, account), DoNotCall=False),
        *padding(others),
    )
    assert all(result.ok for result in results.values())
    one, two = (org.row("Contact", results[step_id].ref.id) for step_id in ("p1", "p2"))
    assert (one["Title"], one["Score__c"], one["DoNotCall"], one["Birthdate"]) == ("44", 44.5, True, "1815-12-10")
    assert (two["Title"], two["AccountId"], two["DoNotCall"]) == ("true", account, False)
    org.forget_calls()
    assert apply(target, create("p3", CONTACT, Title=45))["p3"].ok
    assert len(org.calls()) == 1  # the fields are known by now


def test_when_salesforce_refuses_a_whole_collection_for_a_field_the_rows_without_it_go_again(
    org: Org, target: SalesforceTarget
) -> None:
    body = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Title' on sobject of type Contact"}]
    org.fault(do="status", status=200, body=answered({"part_0": (400, body)}))
    titled = [create(f"t{n}", CONTACT, Title="x") for n in range(20)]
    plain = [create(f"p{n}", CONTACT) for n in range(20)]
    results = apply(target, *titled, *plain)
    assert all(results[step.id].ok for step in plain)
    assert {results[step.id].failure.problem.fields for step in titled} == {("Title",)}
    assert len(org.calls()) == 2


def answered(parts: dict[str, tuple[int, Any]]) -> dict[str, Any]:
    """A composite's answer."""
    return {
        "compositeResponse": [
            {"referenceId": name, "httpStatusCode": status, "body": body, "httpHeaders": {}}
            for name, (status, body) in parts.items()
        ]
    }


HALTED = [{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back since another failed."}]


def test_rows_that_were_halted_for_another_go_again_without_it(org: Org, target: SalesforceTarget) -> None:
    culprit = [{"errorCode": "STRING_TOO_LONG", "message": "x", "fields": ["Title"]}]
    parts = {"step_p1": (400, HALTED), "step_p2": (400, culprit), "step_p3": (400, HALTED)}
    org.fault(do="status", status=200, body=answered(parts))
    results = apply(target, *(create(f"p{n}", CONTACT) for n in (1, 2, 3)))
    assert {step_id: result.ok for step_id, result in results.items()} == {"p1": True, "p2": False, "p3": True}
    assert len(org.calls()) == 2


def test_rows_that_are_halted_twice_are_tried_again_later(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="status", status=200, body=answered({"step_p1": (400, HALTED)}), times=2)
    failure = apply(target, create("p1", CONTACT))["p1"].failure
    assert failure
    assert (failure.next, failure.problem.code) == (Next.RETRY, "processing_halted")


def test_rows_that_were_done_are_not_done_again_when_the_rest_is_refused(org: Org, target: SalesforceTarget) -> None:
    done = {"id": "003Ws0000000001AAA", "success": True, "errors": []}
    parts = {"step_p1": (201, done), "step_p2": (400, HALTED)}
    org.fault(do="status", status=200, body=answered(parts))
    org.fault(do="status", status=400, body=UNREADABLE)
    results = apply(target, create("p1", CONTACT, Title="done"), create("p2", CONTACT, Title="again"))
    assert all(result.ok for result in results.values())
    assert [row["Title"] for row in org.rows("Contact")] == ["again"]


UNREADABLE = [{"errorCode": "JSON_PARSER_ERROR", "message": "Cannot deserialize instance of double"}]


@SIZES
def test_a_composite_that_is_refused_as_a_whole_is_done_in_parts(
    org: Org, target: SalesforceTarget, others: int
) -> None:
    campaign = org.campaign()
    org.fault(do="status", status=400, body=UNREADABLE)
    results = apply(
        target,
        create("a1", ACCOUNT, Name="Acme"),
        create("p1", CONTACT, AccountId=StepRef("a1")),
        create("l1", LEAD),
        create("m1", MEMBER, campaign=campaign, person=StepRef("p1")),
        *padding(others),
    )
    assert all(result.ok for result in results.values())
    assert len(org.rows("Contact")) == 1 + others


def test_an_answer_lost_while_a_composite_is_done_in_parts_belongs_to_its_part(
    org: Org, target: SalesforceTarget
) -> None:
    leads = [create(f"l{n}", LEAD) for n in range(15)]
    contacts = [create(f"c{n}", CONTACT) for n in range(15)]
    org.fault(do="status", status=400, body=UNREADABLE)
    org.fault(do="drop_after", match={"writes": True})
    results = apply(target, *leads, *contacts)
    lost = {results[step.id].failure.problem.code for step in leads}
    unsent = {results[step.id].failure.problem.code for step in contacts}
    assert {*lost, *unsent} == {"answer_lost", "server_unavailable"}
    assert len(lost) == len(unsent) == 1
    assert len(org.rows("Lead")) + len(org.rows("Contact")) == 15


def test_an_oversized_composite_is_our_own_fault_and_nothing_is_called_lost(org: Org, target: SalesforceTarget) -> None:
    whole = {
        "referenceId": None,
        "httpStatusCode": 400,
        "httpHeaders": {},
        "body": [{"errorCode": "LIMIT_EXCEEDED", "message": "The request can’t contain more than 25 operations."}],
    }
    org.fault(do="status", status=200, body={"compositeResponse": [whole]})
    with pytest.raises(TargetRefused) as caught:
        apply(target, create("p1", CONTACT))
    assert caught.value.problem.code == "limit_exceeded"


OVERLOADED = {
    "statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "message": "Scoring: System.LimitException: Apex CPU time limit exceeded",
    "fields": [],
}


def test_automation_that_cannot_take_so_many_rows_gets_fewer(org: Org, target: SalesforceTarget) -> None:
    rows = [{"success": False, "errors": [OVERLOADED]} for _ in range(200)]
    org.fault(do="status", status=200, body=answered({"part_0": (200, rows)}))
    results = apply(target, *(create(f"p{n}", CONTACT) for n in range(200)))
    assert all(result.ok for result in results.values())
    _, second = org.calls()
    assert len(second["subrequests"]) == 5


def test_a_row_that_overloads_the_automation_by_itself_comes_back_later(org: Org, target: SalesforceTarget) -> None:
    error = {**OVERLOADED}
    org.fault(do="row", times=9, where={"object": "Contact", "field": "Email", "value": "pad7@x.example"}, error=error)
    results = apply(target, *padding(60))
    failed = {step_id: result.failure for step_id, result in results.items() if result.failure}
    assert list(failed) == ["pad7"]
    assert (failed["pad7"].next, failed["pad7"].problem.code) == (Next.RETRY, "automation_limit")


def test_a_country_that_the_org_does_not_list_says_where_the_list_is(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"countries": {"Germany": []}})
    results = apply(target, create("p1", LEAD, Country="Germany"), create("p2", LEAD, Country="Deutschland"))
    assert results["p1"].ok
    problem = results["p2"].failure.problem
    assert (problem.code, problem.fields) == ("state_or_country_unknown", ("Country",))
    assert "Deutschland" not in str(problem)


def test_text_that_is_no_unicode_hurts_nobody(org: Org, target: SalesforceTarget) -> None:
    results = apply(target, create("p1", CONTACT, Title="a\ud800b"), create("p2", CONTACT, Title="fine"))
    assert all(result.ok for result in results.values())
    assert org.row("Contact", results["p1"].ref.id)["Title"] == "a?b"


def test_long_notes_are_spread_over_collections(org: Org, target: SalesforceTarget) -> None:
    notes = [create(f"p{n}", CONTACT, Description="x" * 31_000) for n in range(150)]
    results = apply(target, *notes)
    assert all(result.ok for result in results.values())
    (call,) = org.calls()
    assert len(call["subrequests"]) == 3


def test_new_and_changed_rows_of_all_kinds_go_together(org: Org, target: SalesforceTarget) -> None:
    owner = org.owner()
    leads = [org.seed("Lead", LastName="L", Company="C") for _ in range(10)]
    results = apply(
        target,
        *(update(f"u{n}", LEAD, lead, Title="Countess") for n, lead in enumerate(leads)),
        *(create(f"l{n}", LEAD) for n in range(10)),
        *(create(f"c{n}", CONTACT, OwnerId=owner) for n in range(10)),
    )
    assert all(result.ok for result in results.values())
    assert len(org.calls()) == 1


def test_results_come_in_the_order_of_the_steps(org: Org, target: SalesforceTarget) -> None:
    account = RecordRef(ACCOUNT, org.seed("Account", Name="Acme"))
    steps = [
        create("z", CONTACT),
        Step("left", Action.LEAVE, ACCOUNT, account),
        create("bad", CONTACT, Id="x"),
        create("a", LEAD),
    ]
    assert [result.step_id for result in target.apply(steps)] == ["z", "left", "bad", "a"]
