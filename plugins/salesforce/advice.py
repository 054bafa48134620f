"""The words for every refusal that Salesforce is known to give: what happens next, the cause, the fix, and who can do it.

Codes and texts: recorded bodies; those marked [MEM] are from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contactsync.api import Next

ADMIN = "Salesforce admin"
MARKETER = "Marketer"
OPERATOR = "Operator"
NOBODY = "contactsync"

CONCURRENT_PAUSE = 30.0
DAILY_PAUSE = 1800.0  # the limit is a rolling 24 hours: there is room again little by little
LOCK_PAUSE = 5.0  # Salesforce itself has waited about ten seconds for the lock
BUSY_PAUSE = 60.0


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

BY_CODE: Mapping[str, Advice] = {**_IN_PASSING, **_RESOLVED_ANEW, **_PERMANENT}
ACCESS_FAMILY = "INSUFFICIENT_ACCESS"

DAILY_LIMIT = Advice(
    Next.RETRY,
    "Salesforce's limit of API calls for the day is used up.",
    "It is tried again by itself as calls become free; if it happens often, buy calls or look at what else uses them.",
    retry_after=DAILY_PAUSE,
    code="daily_limit",
)
CONCURRENT_LIMIT = Advice(
    Next.RETRY,
    "Too many long calls run in Salesforce at once.",
    _FREE,
    NOBODY,
    CONCURRENT_PAUSE,
    code="concurrent_limit",
)
GOVERNOR_LIMIT = Advice(
    Next.RETRY,
    "A trigger or flow of your Salesforce ran into Salesforce's limits.",
    "It is tried again by itself; if it stays, the automation on {object} must be made lighter.",
    retry_after=BUSY_PAUSE,
    code="automation_limit",
)
ALREADY_MEMBER = Advice(
    Next.REMATCH, "The person is a member of the campaign already.", _FREE, NOBODY, code="already_member"
)
NO_SUCH_PLACE = Advice(
    Next.STOP,
    "The value for {fields} is not in Salesforce's list of states and countries.",
    "Map it to a value of the list (`values` in the mapping's rule), or add it in Setup → State and Country Picklists.",
    code="state_or_country_unknown",
)
CONTACTS_HIDDEN = Advice(
    Next.STOP,
    "The integration user cannot see Contacts, and a converted Lead is one.",
    "Give it read permission on Contact.",
    code="contacts_hidden",
)
NO_CAMPAIGN = Advice(
    Next.STOP,
    "The campaign does not exist, or the integration user cannot see it.",
    "Check the campaign that the event is connected to, and that the integration user may read it.",
    code="campaign_not_found",
)
NO_MARKETING_LICENCE = Advice(
    Next.STOP,
    "The integration user cannot see campaign members.",
    "Tick “Marketing User” on the integration user, and give it read, create and edit on Campaign and Campaign Members.",
    code="campaign_members_hidden",
)
SESSION_NOT_FOR_API = Advice(
    Next.STOP,
    "Salesforce signed us in, but not for its REST API.",
    "Give the External Client App the scope “Manage user data via APIs (api)”, and the user “API Enabled”.",
    code="session_not_for_api",
)
SESSION_REFUSED = Advice(
    Next.STOP,
    "Salesforce refuses the session it has just given us.",
    "Check the External Client App's policies (IP ranges, session settings), and that the integration user is active.",
    code="session_refused",
)
