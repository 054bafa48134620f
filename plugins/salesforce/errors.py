"""What Salesforce refuses, in words for people: what happens next, the cause, the fix, and who can do it.

Four ways on, by Salesforce's error code:

* in passing      RETRY      locks, limits, time-outs: by itself, later
* refresh         -          an expired session is dealt with where calls are made; here it is the second refusal
* re-resolve      REMATCH    what we knew of the record is stale: look up again, try once more
* permanent       STOP       somebody must change the mapping, the record or a permission

Salesforce's own message never leaves this file: it quotes what people typed, and the text of a validation rule is anybody's
prose. Names of fields and lengths are taken out of it, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from contactsync.api import Failure, Next, Problem, RecordKind

from .advice import (
    ALREADY_MEMBER,
    ALREADY_THERE,
    ANSWER_LOST,
    ATTENDEE_STALE,
    CONCURRENT_LIMIT,
    CONTACTS_HIDDEN,
    DAILY_LIMIT,
    GOVERNOR_LIMIT,
    MEETING_REFUSED,
    NO_CAMPAIGN,
    NO_MARKETING_LICENCE,
    NO_SUCH_PLACE,
    NOT_SEARCHABLE,
    NOT_WRITABLE,
    SESSION_NOT_FOR_API,
    SESSION_REFUSED,
    STATUS_NOT_ALLOWED,
    UNKNOWN_REFUSAL,
    Advice,
)
from .ids import kind_called, object_label
from .refusal_advice import ACCESS_FAMILY, BY_CODE

FIELD_CODES = frozenset(
    {
        "invalid_field",
        "invalid_field_for_insert_update",
        "invalid_or_null_for_restricted_picklist",
        "string_too_long",
        "required_field_missing",
        "number_outside_valid_range",
        "wrong_type",
        "json_parser_error",
        "invalid_type",
    }
)
"""Problems that show that an object's fields are not, or no longer, what we took them for."""

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}(?:\.[A-Za-z][A-Za-z0-9_]{0,79})?", re.ASCII)
_UNKNOWN_COLUMN = re.compile(
    r"No such column '([A-Za-z][A-Za-z0-9_.]*)' on (?:entity|sobject of type) '?([A-Za-z][A-Za-z0-9_]*)", re.ASCII
)
_UNKNOWN_PARENT = re.compile(r"understand relationship 'ConvertedContact'")
_NOT_SEARCHABLE = re.compile(r"field '([A-Za-z][A-Za-z0-9_.]*)' can ?not be filtered", re.ASCII)  # [SEEN]
_NOT_WRITABLE = re.compile(r"entity type cannot be (?:inserted|updated|deleted)")  # [SEEN]
_LISTED_FIELDS = re.compile(r"(?:are missing: \[|create/update fields: )([A-Za-z0-9_, ]+)", re.ASCII)
_LONGEST = re.compile(r"\(max length=(\d+)\)")
_PLACE = re.compile(r"problem with this (?:country|state)|(?:country|territory) must be specified")  # seen in issues
_NO_OBJECT = re.compile(r"sObject type '([A-Za-z][A-Za-z0-9_]*)' is not supported", re.ASCII)

_UNLINKED = frozenset({RecordKind.ACTIVITY, RecordKind.ATTENDEE, RecordKind.MEMBER_STATUS})
_STALE = frozenset({"NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "CANNOT_UPDATE_CONVERTED_LEAD"})
_MEETING_FIELDS = frozenset(
    {
        "WhoId",
        "WhatId",
        "StartDateTime",
        "EndDateTime",
        "ActivityDate",
        "ActivityDateTime",
        "DurationInMinutes",
        "IsAllDayEvent",
    }
)


@dataclass(frozen=True)
class Refusal:
    """One error as Salesforce wrote it. `repr` never shows the message: it quotes values."""

    code: str
    message: str = field(default="", repr=False)
    fields: tuple[str, ...] = ()


def failure_of(refusals: Sequence[Refusal], kind: RecordKind | None, *, campaign_unseen: bool = False) -> Failure:
    """What Salesforce's errors about one record, or about a whole call (`kind` None), mean.

    Several errors: the one that somebody must act on leads. `campaign_unseen`: the campaign of this member was not found
    when it was looked up, so an unclear refusal is put down to it.
    """
    judged = [(refusal, _advice(refusal, kind, campaign_unseen=campaign_unseen)) for refusal in refusals]
    if not judged:
        judged = [(Refusal("UNKNOWN_EXCEPTION"), BY_CODE["UNKNOWN_EXCEPTION"])]
    order = (Next.STOP, Next.REMATCH, Next.RETRY)
    first, advice = min(judged, key=lambda entry: order.index(entry[1].next))
    names = _unique(name for refusal in refusals for name in fields_of(refusal)) if advice.next is Next.STOP else ()
    return Failure(advice.next, _problem(first, advice, names, kind), advice.retry_after)


def fields_of(refusal: Refusal) -> tuple[str, ...]:
    """The fields that an error names, from its list or its known texts. Anything that is no field name is left out."""
    named = [*refusal.fields]
    column = _UNKNOWN_COLUMN.search(refusal.message)
    if column:
        named.append(column[1])
    searched = _NOT_SEARCHABLE.search(refusal.message)
    if searched:
        named.append(searched[1])
    listed = _LISTED_FIELDS.search(refusal.message)
    if listed and not refusal.fields:
        named += listed[1].split(",")
    return _unique(name.strip() for name in named if _FIELD.fullmatch(name.strip()))


def refusals_in(content: object) -> tuple[Refusal, ...]:
    """The errors of a body: `[{"errorCode", "message", "fields"?}]` or a row's `[{"statusCode", …}]`."""
    entries = content if isinstance(content, list) else [content]
    found = []
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        code = entry.get("errorCode") or entry.get("statusCode")
        if isinstance(code, str) and code:
            names = entry.get("fields")
            fields = tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
            found.append(Refusal(code, str(entry.get("message") or ""), fields))
    return tuple(found)


def stopped_by(culprit: RecordKind, failure: Failure) -> Failure:
    """The failure of a record that needed another one: the same next, the same fix, and which record it was."""
    cause = f"Its {object_label(culprit)} was not written: {failure.problem.cause}"
    return Failure(failure.next, replace(failure.problem, cause=cause), failure.retry_after, whole=failure.whole)


def answer_lost(retry_after: float) -> Failure:
    """A write whose answer never came: it may have been done, so it is looked up before it is tried again."""
    return Failure(Next.RETRY, ANSWER_LOST.problem(), retry_after)


def _advice(refusal: Refusal, kind: RecordKind | None, *, campaign_unseen: bool) -> Advice:
    code, message = refusal.code, refusal.message
    special = _by_message(code, message)
    if special is NOT_WRITABLE and kind is RecordKind.MEMBER_STATUS:
        return STATUS_NOT_ALLOWED
    if special:
        return special
    if kind in _UNLINKED:
        return _advice_on_meetings_and_statuses(refusal, kind)
    if kind is RecordKind.MEMBER:
        if code == "DUPLICATE_VALUE" and "already a campaign member" in message.lower():
            return ALREADY_MEMBER
        if code == "INVALID_TYPE":
            return NO_MARKETING_LICENCE
        unclear = {"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "NOT_FOUND", "MALFORMED_ID"}
        if campaign_unseen and (
            code in unclear or code.startswith(ACCESS_FAMILY) or code == "FIELD_INTEGRITY_EXCEPTION"
        ):
            return NO_CAMPAIGN
    return _advice_by_code(code)


def _advice_on_meetings_and_statuses(refusal: Refusal, kind: RecordKind) -> Advice:
    """What belongs to a meeting or a campaign is looked up at every attempt: no link has to go for it."""
    code = refusal.code
    known = _advice_by_code(code)
    if kind is RecordKind.MEMBER_STATUS:
        if code == "DUPLICATE_VALUE":
            return ALREADY_THERE
        return STATUS_NOT_ALLOWED if code.startswith(ACCESS_FAMILY) or code == "INVALID_TYPE" else known
    if kind is RecordKind.ATTENDEE:
        if code == "DUPLICATE_VALUE":
            return ALREADY_THERE
        return ATTENDEE_STALE if code in _STALE else known
    if code == "CANNOT_UPDATE_CONVERTED_LEAD":
        return ATTENDEE_STALE
    rule = code == "FIELD_INTEGRITY_EXCEPTION" and bool(_MEETING_FIELDS.intersection(fields_of(refusal)))
    return MEETING_REFUSED if rule else known


def _advice_by_code(code: str) -> Advice:
    known = BY_CODE.get(code)
    if known:
        return known
    if code.startswith(ACCESS_FAMILY):
        return replace(BY_CODE["INSUFFICIENT_ACCESS"], code="insufficient_access")
    return replace(UNKNOWN_REFUSAL, code=f"salesforce_{_slug(code)}")


def _by_message(code: str, message: str) -> Advice | None:
    """Codes that mean different things by what stands behind them."""
    if code == "REQUEST_LIMIT_EXCEEDED":
        return CONCURRENT_LIMIT if "concurrent" in message.lower() else DAILY_LIMIT
    if code == "INVALID_SESSION_ID":
        return SESSION_NOT_FOR_API if is_session_not_for_api(message) else SESSION_REFUSED
    if code == "INVALID_FIELD" and _NOT_SEARCHABLE.search(message):
        return NOT_SEARCHABLE
    if code == "INVALID_FIELD" and _UNKNOWN_PARENT.search(message):
        return CONTACTS_HIDDEN
    if code == "FIELD_INTEGRITY_EXCEPTION" and _PLACE.search(message):
        return NO_SUCH_PLACE
    if code in {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"}:
        # A trigger's own failure is wrapped into these; the lock or limit inside it passes.
        if "UNABLE_TO_LOCK_ROW" in message:
            return BY_CODE["UNABLE_TO_LOCK_ROW"]
        if "LimitException" in message:
            return GOVERNOR_LIMIT
        if _NOT_WRITABLE.search(message):
            return NOT_WRITABLE
    return None


def is_automation_limit(refusals: Iterable[Refusal]) -> bool:
    """Whether the customer's own automation ran out of Salesforce's limits: with fewer rows at once it may not."""
    return any(_by_message(found.code, found.message) is GOVERNOR_LIMIT for found in refusals)


def is_locked(refusals: Iterable[Refusal]) -> bool:
    """Whether somebody else was writing the record, or one that it belongs to."""
    lock = BY_CODE["UNABLE_TO_LOCK_ROW"]
    return any(BY_CODE.get(found.code) is lock or _by_message(found.code, found.message) is lock for found in refusals)


def is_session_not_for_api(message: str) -> bool:
    """Whether a 401 says that no refresh will help."""
    return "not valid for use with the REST API" in message


def _problem(refusal: Refusal, advice: Advice, names: tuple[str, ...], kind: RecordKind | None) -> Problem:
    hidden, column = _NO_OBJECT.search(refusal.message), _UNKNOWN_COLUMN.search(refusal.message)
    named = hidden[1] if hidden else column[2] if column else ""  # a question about Leads may name Contact
    longest = _LONGEST.search(refusal.message)
    told = f" At most {longest[1]} characters fit." if longest else ""
    return advice.problem(kind_called(named) or kind, code=_slug(refusal.code), fields=names, told=told)


def _slug(code: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", code.lower()).strip("_")[:63] or "unknown"


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
