"""What Salesforce refuses, in words for people: what happens next, the cause, the fix, and who can do it.

Four ways on, by Salesforce's error code:

* in passing      RETRY      locks, limits, time-outs: by itself, later
* refresh         -          an expired session is dealt with where calls are made; here it is the second refusal
* re-resolve      REMATCH    what we knew of the record is stale: look up again, try once more
* permanent       STOP       somebody must change the mapping, the record or a permission

Salesforce's own message never leaves this file: it quotes what people typed, and the text of a validation rule is anybody's
prose. Names of fields and lengths are taken out of it, nothing else.
Codes and texts: recorded bodies; those marked [MEM] are from memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.api import Failure, Next, Problem, RecordKind

ADMIN = "Salesforce admin"
MARKETER = "Marketer"
OPERATOR = "Operator"
NOBODY = "contactsync"

CONCURRENT_PAUSE = 30.0
DAILY_PAUSE = 1800.0  # the limit is a rolling 24 hours: there is room again little by little
LOCK_PAUSE = 5.0  # Salesforce itself has waited about ten seconds for the lock
BUSY_PAUSE = 60.0

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}(?:\.[A-Za-z][A-Za-z0-9_]{0,79})?", re.ASCII)
_UNKNOWN_COLUMN = re.compile(r"No such column '([A-Za-z][A-Za-z0-9_.]*)' on (?:entity|sobject)", re.ASCII)
_LISTED_FIELDS = re.compile(r"(?:are missing: \[|create/update fields: )([A-Za-z0-9_, ]+)", re.ASCII)
_LONGEST = re.compile(r"\(max length=(\d+)\)")
_PLACE = re.compile(r"problem with this (?:country|state)|(?:country|territory) must be specified")  # seen in issues
_NO_OBJECT = re.compile(r"sObject type '([A-Za-z][A-Za-z0-9_]*)' is not supported", re.ASCII)


@dataclass(frozen=True)
class Refusal:
    """One error as Salesforce wrote it. `repr` never shows the message: it quotes values."""

    code: str
    message: str = field(default="", repr=False)
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """What a code means. `{object}` and `{fields}` stand for the record's object and the fields named."""

    next: Next
    cause: str
    fix: str
    who: str = ADMIN
    retry_after: float | None = None
    code: str = ""  # empty: Salesforce's code in lower case


_FREE = "Nothing to do: it is tried again by itself."
_VISIBLE = "Give the integration user access to the record, or pick another one."

_IN_PASSING = {
    "UNABLE_TO_LOCK_ROW": Advice(
        Next.RETRY, "Somebody else was writing the same record, or its account or campaign.", _FREE, NOBODY, LOCK_PAUSE
    ),
    "SERVER_UNAVAILABLE": Advice(Next.RETRY, "Salesforce is not available just now.", _FREE, NOBODY, BUSY_PAUSE),
    "UNKNOWN_EXCEPTION": Advice(Next.RETRY, "Salesforce had an error of its own.", _FREE, NOBODY, BUSY_PAUSE),
    "QUERY_TIMEOUT": Advice(
        Next.RETRY,
        "Salesforce took too long to search.",
        "It is tried again by itself; if it stays, ask Salesforce for an index on the Website field of Account.",
        retry_after=BUSY_PAUSE,
    ),
    "REQUEST_RUNNING_TOO_LONG": Advice(Next.RETRY, "Salesforce took too long.", _FREE, NOBODY, BUSY_PAUSE),
    "INVALID_QUERY_LOCATOR": Advice(Next.RETRY, "A long list of results expired while it was read.", _FREE, NOBODY),
    "PROCESSING_HALTED": Advice(Next.RETRY, "Salesforce stopped before it came to this record.", _FREE, NOBODY),
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Advice(
        Next.RETRY, "Salesforce took this record back because another one failed.", _FREE, NOBODY
    ),
    "ENTITY_IS_LOCKED": Advice(  # [MEM] an approval process holds the record
        Next.RETRY,
        "The {object} is locked, usually by an approval process.",
        "It is tried again by itself; approve or unlock the record to speed it up.",
        retry_after=DAILY_PAUSE,
    ),
}

_RESOLVED_ANEW = {
    "NOT_FOUND": Advice(
        Next.REMATCH, "The {object} is no longer there, or is hidden from the integration user.", _VISIBLE
    ),
    "ENTITY_IS_DELETED": Advice(
        Next.REMATCH, "The {object} was deleted or merged away.", "It is matched or made anew by itself.", NOBODY
    ),
    "INVALID_CROSS_REFERENCE_KEY": Advice(
        Next.REMATCH,
        "The {object}, or a record it belongs to, is no longer there, or is hidden from the integration user.",
        _VISIBLE,
    ),
    "CANNOT_UPDATE_CONVERTED_LEAD": Advice(
        Next.REMATCH,
        "The lead has been converted.",
        "Its contact is used instead; give the integration user access to that contact.",
    ),
    "DUPLICATE_EXTERNAL_ID": Advice(
        Next.REMATCH, "Several records have this key.", "Merge the duplicates in Salesforce."
    ),
    "DUPLICATES_DETECTED": Advice(
        Next.REMATCH,
        "A duplicate rule in Salesforce takes the {object} for one that exists already.",
        "Merge or correct the record it resembles, or exempt the integration user in Setup → Duplicate Rules.",
    ),
    "INACTIVE_OWNER_OR_USER": Advice(  # [MEM]
        Next.REMATCH,
        "The owner is no longer an active Salesforce user.",
        "Activate the user, or give the contact another owner.",
    ),
}

_PERMANENT = {
    "REQUIRED_FIELD_MISSING": Advice(
        Next.STOP,
        "Salesforce requires {fields} on the {object}.",
        "Map a field to it or give the rule a default, or make it optional in Salesforce.",
    ),
    "STRING_TOO_LONG": Advice(Next.STOP, "The text for {fields} is too long.", "Shorten it at the source.", MARKETER),
    "INVALID_EMAIL_ADDRESS": Advice(
        Next.STOP, "Salesforce does not take this e-mail address ({fields}).", "Correct it at the source.", MARKETER
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": Advice(
        Next.STOP, "The number for {fields} is too large for its field.", "Correct it at the source.", MARKETER
    ),
    "JSON_PARSER_ERROR": Advice(
        Next.STOP,
        "A value has the wrong type for its field on the {object}, such as text for a number or a date.",
        "Map the source field to a Salesforce field of a fitting type.",
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Advice(
        Next.STOP,
        "A validation rule of your Salesforce refused the {object} ({fields}).",
        "In Setup → Object Manager → {object} → Validation Rules, exempt the integration user, or send what the rule asks.",
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": Advice(  # [MEM]
        Next.STOP,
        "A lookup filter of your Salesforce refused {fields}.",
        "Change the filter in Setup → Object Manager → {object}, or map another value.",
    ),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Advice(
        Next.STOP,
        "The value for {fields} is not in its restricted picklist.",
        "Add the value to the picklist, or map it to one that is there.",
    ),
    "INVALID_FIELD": Advice(
        Next.STOP,
        "Salesforce shows no {fields} on the {object}.",
        "Give the integration user access to the field, or map to another one.",
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Advice(
        Next.STOP,
        "The integration user may not write {fields} on the {object}.",
        "Give it edit access to the field, or switch the mapping's rule off.",
    ),
    "INVALID_TYPE": Advice(
        Next.STOP,
        "The integration user cannot see the object {object}.",
        "Give it read, create and edit permission on {object}.",
    ),
    "MALFORMED_ID": Advice(Next.STOP, "What was given for {fields} is no Salesforce id.", "Correct the id.", MARKETER),
    "INVALID_ID_FIELD": Advice(Next.STOP, "What was given is no Salesforce id.", "Correct the id.", MARKETER),
    "FIELD_INTEGRITY_EXCEPTION": Advice(
        Next.STOP,
        "The value for {fields} does not fit the {object}: an id of the wrong kind of record, or fields that contradict "
        "each other.",
        "Correct the value or the mapping.",
    ),
    "DUPLICATE_VALUE": Advice(
        Next.STOP,
        "Another record has the same value in a field that must be unique ({fields}).",
        "Correct the value at the source, or the other record in Salesforce.",
    ),
    "INSUFFICIENT_ACCESS_OR_READONLY": Advice(
        Next.STOP, "The integration user may not write this {object}.", "Give it edit access to the record."
    ),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Advice(
        Next.STOP,
        "The integration user may not use a record that the {object} belongs to.",
        "Give it access to the account, campaign or owner.",
    ),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Advice(
        Next.STOP,
        "A trigger or flow of your Salesforce refused the {object}.",
        "Look at the triggers and flows on {object}, and exempt the integration user or correct them.",
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Advice(
        Next.STOP, "A flow of your Salesforce failed on the {object}.", "Correct the flow in Setup → Flows."
    ),
    "TRANSFER_REQUIRES_READ": Advice(  # [MEM]
        Next.STOP,
        "The owner's profile does not allow them to see the {object}.",
        "Give the owner read permission on {object}, or give the contact another owner.",
    ),
    "STORAGE_LIMIT_EXCEEDED": Advice(
        Next.STOP, "Your Salesforce has no storage left.", "Delete records, or buy storage."
    ),
    "API_DISABLED_FOR_ORG": Advice(
        Next.STOP, "The REST API is not switched on for this Salesforce or this user.", "Give the user “API Enabled”."
    ),
    "API_CURRENTLY_DISABLED": Advice(
        Next.STOP, "The REST API is switched off for the integration user.", "Give the user “API Enabled”."
    ),
    "INSUFFICIENT_ACCESS": Advice(
        Next.STOP, "The integration user lacks a permission.", "Give it read, create and edit on the objects used."
    ),
    "MALFORMED_QUERY": Advice(
        Next.STOP, "Salesforce could not read our question.", "Report this to the makers of contactsync.", OPERATOR
    ),
}

_ADVICE: Mapping[str, Advice] = {**_IN_PASSING, **_RESOLVED_ANEW, **_PERMANENT}
_ACCESS_FAMILY = "INSUFFICIENT_ACCESS"

_DAILY_LIMIT = Advice(
    Next.RETRY,
    "Salesforce's limit of API calls for the day is used up.",
    "It is tried again by itself as calls become free; if it happens often, buy calls or look at what else uses them.",
    retry_after=DAILY_PAUSE,
    code="daily_limit",
)
_CONCURRENT_LIMIT = Advice(
    Next.RETRY,
    "Too many long calls run in Salesforce at once.",
    _FREE,
    NOBODY,
    CONCURRENT_PAUSE,
    code="concurrent_limit",
)
_GOVERNOR_LIMIT = Advice(
    Next.RETRY,
    "A trigger or flow of your Salesforce ran into Salesforce's limits.",
    "It is tried again by itself; if it stays, the automation on {object} must be made lighter.",
    retry_after=BUSY_PAUSE,
    code="automation_limit",
)
_ALREADY_MEMBER = Advice(
    Next.REMATCH, "The person is a member of the campaign already.", _FREE, NOBODY, code="already_member"
)
_NO_SUCH_PLACE = Advice(
    Next.STOP,
    "The value for {fields} is not in Salesforce's list of states and countries.",
    "Map it to a value of the list (`values` in the mapping's rule), or add it in Setup → State and Country Picklists.",
    code="state_or_country_unknown",
)
_NO_CAMPAIGN = Advice(
    Next.STOP,
    "The campaign does not exist, or the integration user cannot see it.",
    "Check the campaign that the event is connected to, and that the integration user may read it.",
    code="campaign_not_found",
)
_NO_MARKETING_LICENCE = Advice(
    Next.STOP,
    "The integration user cannot see campaign members.",
    "Tick “Marketing User” on the integration user, and give it read, create and edit on Campaign and Campaign Members.",
    code="campaign_members_hidden",
)
_SESSION_NOT_FOR_API = Advice(
    Next.STOP,
    "Salesforce signed us in, but not for its REST API.",
    "Give the External Client App the scope “Manage user data via APIs (api)”, and the user “API Enabled”.",
    code="session_not_for_api",
)
_SESSION_REFUSED = Advice(
    Next.STOP,
    "Salesforce refuses the session it has just given us.",
    "Check the External Client App's policies (IP ranges, session settings), and that the integration user is active.",
    code="session_refused",
)


def failure_of(refusals: Sequence[Refusal], kind: RecordKind | None, *, campaign_unseen: bool = False) -> Failure:
    """What Salesforce's errors about one record, or about a whole call (`kind` None), mean.

    Several errors: the one that somebody must act on leads. `campaign_unseen`: the campaign of this member was not found
    when it was looked up, so an unclear refusal is put down to it.
    """
    judged = [(refusal, _advice(refusal, kind, campaign_unseen=campaign_unseen)) for refusal in refusals]
    if not judged:
        judged = [(Refusal("UNKNOWN_EXCEPTION"), _ADVICE["UNKNOWN_EXCEPTION"])]
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
    problem = failure.problem
    cause = f"Its {object_label(culprit)} was not written: {problem.cause}"
    told = Problem(problem.code, cause, problem.fix, problem.who, problem.fields)
    return Failure(failure.next, told, failure.retry_after)


def answer_lost(retry_after: float) -> Failure:
    """A write whose answer never came: it may have been done, so it is looked up before it is tried again."""
    problem = Problem(
        "answer_lost",
        "Salesforce's answer was lost on the way: the record may have been written.",
        "Nothing to do: it is looked up and tried again by itself.",
        NOBODY,
    )
    return Failure(Next.RETRY, problem, retry_after)


def object_label(kind: RecordKind | None) -> str:
    """The object's name as Salesforce's screens write it."""
    return {None: "record", RecordKind.MEMBER: "Campaign Member"}.get(kind) or str(kind)


def _advice(refusal: Refusal, kind: RecordKind | None, *, campaign_unseen: bool) -> Advice:
    code, message = refusal.code, refusal.message
    special = _by_message(code, message)
    if special:
        return special
    if kind is RecordKind.MEMBER:
        if code == "DUPLICATE_VALUE" and "already a campaign member" in message.lower():
            return _ALREADY_MEMBER
        if code == "INVALID_TYPE":
            return _NO_MARKETING_LICENCE
        unclear = {"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "NOT_FOUND", "MALFORMED_ID"}
        if campaign_unseen and (
            code in unclear or code.startswith(_ACCESS_FAMILY) or code == "FIELD_INTEGRITY_EXCEPTION"
        ):
            return _NO_CAMPAIGN
    known = _ADVICE.get(code)
    if known:
        return known
    if code.startswith(_ACCESS_FAMILY):
        return _ADVICE["INSUFFICIENT_ACCESS"]
    return Advice(
        Next.STOP,
        "Salesforce refused the {object} with a code that contactsync does not know ({fields}).",
        "Look the code up in Salesforce's documentation, and report it to the makers of contactsync.",
        code=f"salesforce_{_slug(code)}",
    )


def _by_message(code: str, message: str) -> Advice | None:
    """Codes that mean different things by what stands behind them."""
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _CONCURRENT_LIMIT if "concurrent" in message.lower() else _DAILY_LIMIT
    if code == "INVALID_SESSION_ID":
        return _SESSION_NOT_FOR_API if is_session_not_for_api(message) else _SESSION_REFUSED
    if code == "FIELD_INTEGRITY_EXCEPTION" and _PLACE.search(message):
        return _NO_SUCH_PLACE
    if code in {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"}:
        # A trigger's own failure is wrapped into these; the lock or limit inside it passes.
        if "UNABLE_TO_LOCK_ROW" in message:
            return _ADVICE["UNABLE_TO_LOCK_ROW"]
        if "LimitException" in message:
            return _GOVERNOR_LIMIT
    return None


def is_automation_limit(refusals: Iterable[Refusal]) -> bool:
    """Whether the customer's own automation ran out of Salesforce's limits: with fewer rows at once it may not."""
    return any(_by_message(found.code, found.message) is _GOVERNOR_LIMIT for found in refusals)


def is_session_not_for_api(message: str) -> bool:
    """Whether a 401 says that no refresh will help."""
    return "not valid for use with the REST API" in message


def _problem(refusal: Refusal, advice: Advice, names: tuple[str, ...], kind: RecordKind | None) -> Problem:
    hidden = _NO_OBJECT.search(refusal.message)
    words = {"object": hidden[1] if hidden else object_label(kind), "fields": _in_words(names)}
    cause = advice.cause.format(**words)
    longest = _LONGEST.search(refusal.message)
    if longest:
        cause += f" At most {longest[1]} characters fit."
    return Problem(advice.code or _slug(refusal.code), cause, advice.fix.format(**words), advice.who, names)


def _in_words(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or "one of its fields"


def _slug(code: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", code.lower()).strip("_")[:63] or "unknown"


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
