"""What Salesforce refuses becomes the right next step, in words without anybody's data."""

from __future__ import annotations

import re

import pytest
from contactsync_plugins.salesforce.advice import DAILY_PAUSE
from contactsync_plugins.salesforce.errors import (
    Refusal,
    answer_lost,
    failure_of,
    fields_of,
    refusals_in,
    stopped_by,
)

from contactsync.api import Next, RecordKind

LEAD, MEMBER = RecordKind.LEAD, RecordKind.MEMBER
ATTENDEE, ACTIVITY, MEMBER_STATUS = RecordKind.ATTENDEE, RecordKind.ACTIVITY, RecordKind.MEMBER_STATUS
PRIVATE = "ada.lovelace@engines.example"

CLASSES = [
    (Next.RETRY, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 0013"),
    (Next.RETRY, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    (Next.RETRY, "QUERY_TIMEOUT", ""),
    (Next.RETRY, "REQUEST_RUNNING_TOO_LONG", ""),
    (Next.RETRY, "SERVER_UNAVAILABLE", ""),
    (Next.RETRY, "UNKNOWN_EXCEPTION", ""),
    (Next.RETRY, "PROCESSING_HALTED", ""),
    (Next.RETRY, "ALL_OR_NONE_OPERATION_ROLLED_BACK", ""),
    (Next.REMATCH, "NOT_FOUND", "The requested resource does not exist"),
    (Next.REMATCH, "ENTITY_IS_DELETED", "entity is deleted"),
    (Next.REMATCH, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
    (Next.REMATCH, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"),
    (Next.REMATCH, "DUPLICATE_EXTERNAL_ID", "Email: more than one record found for external id field: [a1, a2]"),
    (Next.REMATCH, "DUPLICATES_DETECTED", "Use one of these records?"),
    (Next.REMATCH, "INACTIVE_OWNER_OR_USER", "operation performed with inactive user [005]"),
    (Next.STOP, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
    (Next.STOP, "STRING_TOO_LONG", f"Title: data value too large: {PRIVATE} (max length=128)"),
    (Next.STOP, "INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {PRIVATE}"),
    (Next.STOP, "FIELD_CUSTOM_VALIDATION_EXCEPTION", f"Dear {PRIVATE}, no."),
    (Next.STOP, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"Race: bad value for restricted picklist field: {PRIVATE}"),
    (Next.STOP, "INVALID_FIELD", "No such column 'Shoe__c' on sobject of type Lead"),
    (Next.STOP, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Shoe__c. Please check"),
    (Next.STOP, "MALFORMED_ID", f"Account ID: id value of incorrect type: {PRIVATE}"),
    (Next.STOP, "FIELD_INTEGRITY_EXCEPTION", f"Account ID: id value of incorrect type: {PRIVATE}"),
    (Next.STOP, "INSUFFICIENT_ACCESS_OR_READONLY", ""),
    (Next.STOP, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", ""),
    (Next.STOP, "INSUFFICIENT_ACCESS_SOMETHING_NEW", ""),
    (Next.STOP, "DUPLICATE_VALUE", f"duplicate value found: X duplicates value on record with id: {PRIVATE}"),
    (Next.STOP, "INVALID_TYPE", "sObject type 'Lead' is not supported."),
    (Next.STOP, "JSON_PARSER_ERROR", f"Cannot deserialize instance of double from VALUE_STRING value {PRIVATE}"),
]

LOOKED_UP_ANEW = {
    (ATTENDEE, "NOT_FOUND"),
    (ATTENDEE, "ENTITY_IS_DELETED"),
    (ATTENDEE, "INVALID_CROSS_REFERENCE_KEY"),
    (ATTENDEE, "CANNOT_UPDATE_CONVERTED_LEAD"),
    (ATTENDEE, "DUPLICATE_VALUE"),
    (ACTIVITY, "CANNOT_UPDATE_CONVERTED_LEAD"),
    (MEMBER_STATUS, "DUPLICATE_VALUE"),
}
"""What belongs to a meeting or a campaign has no link that could be stale: it only goes again."""


@pytest.mark.parametrize(("following", "code", "message"), CLASSES, ids=[entry[1] for entry in CLASSES])
@pytest.mark.parametrize("kind", list(RecordKind))
def test_every_known_code_has_its_class_and_tells_nothing_of_the_message(
    following: Next, code: str, message: str, kind: RecordKind
) -> None:
    failure = failure_of([Refusal(code, message, ("Email", PRIVATE))], kind)
    assert failure.next is (Next.RETRY if (kind, code) in LOOKED_UP_ANEW else following)
    problem = failure.problem
    assert problem.object == ("Lead" if " type " in message and "'" in message else kind.value)
    assert problem.mended_by or failure.next is Next.RETRY or problem.code == "already_member"
    assert re.fullmatch(r"[a-z0-9_]+", problem.code)
    assert problem.cause.endswith(".")
    assert problem.fix
    assert problem.who
    assert PRIVATE not in repr(failure)
    assert "{" not in problem.cause + problem.fix


def test_codes_are_salesforces_own_in_lower_case() -> None:
    assert failure_of([Refusal("REQUIRED_FIELD_MISSING")], LEAD).problem.code == "required_field_missing"


def test_fields_are_named_for_people() -> None:
    problem = failure_of([Refusal("REQUIRED_FIELD_MISSING", "", ("LastName", "Company"))], LEAD).problem
    assert problem.fields == ("LastName", "Company")
    assert problem.cause == "Salesforce requires LastName and Company on the Lead."


def test_the_longest_length_is_told() -> None:
    refusal = Refusal("STRING_TOO_LONG", f"Title: data value too large: {PRIVATE} (max length=128)", ("Title",))
    assert failure_of([refusal], LEAD).problem.cause == "The text for Title is too long. At most 128 characters fit."


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Required fields are missing: [LastName, Company]", ("LastName", "Company")),
        ("No such column 'Shoe__c' on entity 'Lead'. If you are attempting", ("Shoe__c",)),
        (
            "\nSELECT Id, Shoe__c\n ^\nERROR at Row:1:Column:12\nNo such column 'Shoe__c' on entity 'Lead'.",
            ("Shoe__c",),
        ),
        ("Unable to create/update fields: IsDeleted, Shoe__c. Please check the security", ("IsDeleted", "Shoe__c")),
        (f"Email: invalid email address: {PRIVATE}", ()),
        (f"No such column '{PRIVATE}' on sobject of type Lead", ()),
    ],
)
def test_names_of_fields_are_taken_out_of_known_texts_only(message: str, names: tuple[str, ...]) -> None:
    assert fields_of(Refusal("ANY", message)) == names


def test_an_unknown_code_stops_and_is_named() -> None:
    failure = failure_of([Refusal("SOMETHING_NEW_2027", PRIVATE)], LEAD)
    assert failure.next is Next.STOP
    assert failure.problem.code == "salesforce_something_new_2027"


def test_a_code_full_of_rubbish_is_made_harmless() -> None:
    assert failure_of([Refusal(f"<b>{'x' * 300}")], LEAD).problem.code.startswith("salesforce_b_xxx")
    assert failure_of([Refusal("<>")], LEAD).problem.code == "salesforce_unknown"


def test_the_daily_limit_pauses_long_and_the_concurrent_one_short() -> None:
    daily = failure_of([Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")], None)
    concurrent = failure_of(
        [Refusal("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit")], None
    )
    assert (daily.problem.code, daily.retry_after) == ("daily_limit", DAILY_PAUSE)
    assert concurrent.problem.code == "concurrent_limit"
    assert concurrent.retry_after
    assert concurrent.retry_after < DAILY_PAUSE / 10


def test_a_member_that_is_one_already_is_matched_anew() -> None:
    failure = failure_of([Refusal("DUPLICATE_VALUE", "Already a campaign member.")], MEMBER)
    assert (failure.next, failure.problem.code) == (Next.REMATCH, "already_member")


def test_a_hidden_member_object_asks_for_the_marketing_licence() -> None:
    failure = failure_of([Refusal("INVALID_TYPE", "sObject type 'CampaignMember' is not supported.")], MEMBER)
    assert failure.next is Next.STOP
    assert "Marketing User" in failure.problem.fix


@pytest.mark.parametrize("code", ["INVALID_CROSS_REFERENCE_KEY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"])
def test_an_unclear_refusal_of_a_member_is_put_down_to_a_campaign_that_was_not_seen(code: str) -> None:
    seen = failure_of([Refusal(code)], MEMBER)
    unseen = failure_of([Refusal(code)], MEMBER, campaign_unseen=True)
    assert (unseen.next, unseen.problem.code) == (Next.STOP, "campaign_not_found")
    assert unseen.problem.who == "event team"
    assert seen.problem.code != "campaign_not_found"


def test_a_lock_inside_a_trigger_passes_and_other_trouble_there_does_not() -> None:
    code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    lock = "Tr: execution of AfterInsert caused by: System.DmlException: UNABLE_TO_LOCK_ROW, unable to obtain"
    limit = "Tr: System.LimitException: Apex CPU time limit exceeded"
    assert failure_of([Refusal(code, lock)], LEAD).next is Next.RETRY
    assert failure_of([Refusal(code, limit)], LEAD).problem.code == "automation_limit"
    assert failure_of([Refusal(code, "Tr: System.NullPointerException")], LEAD).next is Next.STOP


def test_of_several_errors_the_one_that_needs_a_person_leads() -> None:
    failure = failure_of(
        [Refusal("UNABLE_TO_LOCK_ROW"), Refusal("INVALID_EMAIL_ADDRESS", "", ("Email",)), Refusal("ENTITY_IS_DELETED")],
        LEAD,
    )
    assert (failure.next, failure.problem.code, failure.problem.fields) == (
        Next.STOP,
        "invalid_email_address",
        ("Email",),
    )


def test_no_error_at_all_is_tried_again() -> None:
    assert failure_of([], LEAD).next is Next.RETRY


def test_both_spellings_of_an_error_are_read() -> None:
    assert refusals_in([{"message": "m", "errorCode": "A", "fields": ["X"]}]) == (Refusal("A", "m", ("X",)),)
    assert refusals_in([{"statusCode": "B", "message": None, "fields": None}]) == (Refusal("B"),)
    assert refusals_in({"errorCode": "C", "message": "m"}) == (Refusal("C", "m"),)


@pytest.mark.parametrize("content", [None, "<html>", [], [1, None], {}, {"error": "invalid_grant"}, [{"errorCode": 5}]])
def test_what_is_no_error_body_has_no_errors(content: object) -> None:
    assert refusals_in(content) == ()


def test_a_duplicate_rule_is_read_with_its_misspelt_key() -> None:
    body = [{"duplicateResut": {"allowSave": True}, "errorCode": "DUPLICATES_DETECTED", "message": PRIVATE}]
    failure = failure_of(refusals_in(body), RecordKind.CONTACT)
    assert failure.next is Next.REMATCH
    assert "Duplicate Rules" in failure.problem.fix


def test_what_depends_on_a_failed_record_says_which() -> None:
    culprit = failure_of([Refusal("REQUIRED_FIELD_MISSING", "", ("Industry",))], RecordKind.ACCOUNT)
    failure = stopped_by(RecordKind.ACCOUNT, culprit)
    assert (failure.next, failure.problem.code, failure.problem.fix) == (
        Next.STOP,
        culprit.problem.code,
        culprit.problem.fix,
    )
    assert failure.problem.cause == "Its Account was not written: Salesforce requires Industry on the Account."


def test_a_lost_answer_is_tried_again_by_itself() -> None:
    failure = answer_lost(60)
    assert (failure.next, failure.problem.code, failure.retry_after) == (Next.RETRY, "answer_lost", 60)


def test_an_error_never_shows_its_message() -> None:
    assert PRIVATE not in repr(Refusal("A", PRIVATE))
