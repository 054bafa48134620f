"""The words for every code with which Salesforce is known to refuse: what happens next, the cause, the fix, and who can do it.

Codes and texts: recorded bodies; those marked [MEM] are from memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from contactsync.api import Mend, Next

from .advice import BUSY_PAUSE, DAILY_PAUSE, FREE, LOCK_PAUSE, MARKETER, NOBODY, OPERATOR, Advice

_VISIBLE = "Give the integration user access to the record, or pick another one."

_IN_PASSING = {
    "UNABLE_TO_LOCK_ROW": Advice(
        Next.RETRY, "Somebody else was writing the same record, or its account or campaign.", FREE, NOBODY, LOCK_PAUSE
    ),
    "SERVER_UNAVAILABLE": Advice(Next.RETRY, "Salesforce is not available just now.", FREE, NOBODY, BUSY_PAUSE),
    "UNKNOWN_EXCEPTION": Advice(Next.RETRY, "Salesforce had an error of its own.", FREE, NOBODY, BUSY_PAUSE),
    "QUERY_TIMEOUT": Advice(
        Next.RETRY,
        "Salesforce took too long to search.",
        "It is tried again by itself; if it stays, ask Salesforce for an index on the Website field of Account.",
        retry_after=BUSY_PAUSE,
        mended_by=(Mend.CRM,),
    ),
    "REQUEST_RUNNING_TOO_LONG": Advice(Next.RETRY, "Salesforce took too long.", FREE, NOBODY, BUSY_PAUSE),
    "INVALID_QUERY_LOCATOR": Advice(Next.RETRY, "A long list of results expired while it was read.", FREE, NOBODY),
    "PROCESSING_HALTED": Advice(Next.RETRY, "Salesforce stopped before it came to this record.", FREE, NOBODY),
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Advice(
        Next.RETRY, "Salesforce took this record back because another one failed.", FREE, NOBODY
    ),
    "ENTITY_IS_LOCKED": Advice(  # [MEM] an approval process holds the record
        Next.RETRY,
        "The {object} is locked, usually by an approval process.",
        "It is tried again by itself; approve or unlock the record to speed it up.",
        retry_after=DAILY_PAUSE,
        mended_by=(Mend.CRM,),
    ),
}

_RESOLVED_ANEW = {
    "NOT_FOUND": Advice(
        Next.REMATCH,
        "The {object} is no longer there, or is hidden from the integration user.",
        _VISIBLE,
        mended_by=(Mend.PERMISSION,),
    ),
    "ENTITY_IS_DELETED": Advice(
        Next.REMATCH,
        "The {object} was deleted or merged away.",
        "It is matched or made anew by itself.",
        NOBODY,
        mended_by=(Mend.CRM,),
    ),
    "INVALID_CROSS_REFERENCE_KEY": Advice(
        Next.REMATCH,
        "The {object}, or a record it belongs to, is no longer there, or is hidden from the integration user.",
        _VISIBLE,
        mended_by=(Mend.PERMISSION,),
    ),
    "CANNOT_UPDATE_CONVERTED_LEAD": Advice(
        Next.REMATCH,
        "The lead has been converted.",
        "Its contact is used instead; give the integration user access to that contact.",
        mended_by=(Mend.PERMISSION,),
    ),
    "DUPLICATE_EXTERNAL_ID": Advice(
        Next.REMATCH,
        "Several records have this key.",
        "Merge the duplicates in Salesforce.",
        mended_by=(Mend.CRM,),
    ),
    "DUPLICATES_DETECTED": Advice(
        Next.REMATCH,
        "A duplicate rule in Salesforce takes the {object} for one that exists already.",
        "Merge or correct the record it resembles, or exempt the integration user in Setup → Duplicate Rules.",
        mended_by=(Mend.CRM, Mend.POLICY),
    ),
    "INACTIVE_OWNER_OR_USER": Advice(  # [MEM]
        Next.REMATCH,
        "The owner is no longer an active Salesforce user.",
        "Activate the user, or give the contact another owner.",
        mended_by=(Mend.OWNER, Mend.SOURCE),
    ),
}

_PERMANENT = {
    "REQUIRED_FIELD_MISSING": Advice(
        Next.STOP,
        "Salesforce requires {fields} on the {object}.",
        "Map a field to it or give the rule a default, or make it optional in Salesforce.",
        mended_by=(Mend.MAPPING, Mend.CRM),
    ),
    "STRING_TOO_LONG": Advice(
        Next.STOP,
        "The text for {fields} is too long.",
        "Shorten it at the source.",
        MARKETER,
        mended_by=(Mend.SOURCE, Mend.MAPPING, Mend.CRM),
    ),
    "INVALID_EMAIL_ADDRESS": Advice(
        Next.STOP,
        "Salesforce does not take this e-mail address ({fields}).",
        "Correct it at the source.",
        MARKETER,
        mended_by=(Mend.SOURCE,),
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": Advice(
        Next.STOP,
        "The number for {fields} is too large for its field.",
        "Correct it at the source.",
        MARKETER,
        mended_by=(Mend.SOURCE, Mend.MAPPING),
    ),
    "JSON_PARSER_ERROR": Advice(
        Next.STOP,
        "A value has the wrong type for its field on the {object}, such as text for a number or a date.",
        "Map the source field to a Salesforce field of a fitting type.",
        mended_by=(Mend.MAPPING,),
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Advice(
        Next.STOP,
        "A validation rule of your Salesforce refused the {object} ({fields}).",
        "In Setup → Object Manager → {object} → Validation Rules, exempt the integration user, or send what the rule asks.",
        mended_by=(Mend.CRM, Mend.SOURCE),
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": Advice(  # [MEM]
        Next.STOP,
        "A lookup filter of your Salesforce refused {fields}.",
        "Change the filter in Setup → Object Manager → {object}, or map another value.",
        mended_by=(Mend.CRM, Mend.MAPPING),
    ),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Advice(
        Next.STOP,
        "The value for {fields} is not in its restricted picklist.",
        "Add the value to the picklist, or map it to one that is there.",
        mended_by=(Mend.MAPPING, Mend.CRM),
    ),
    "INVALID_FIELD": Advice(
        Next.STOP,
        "Salesforce shows no {fields} on the {object}.",
        "Give the integration user access to the field, or map to another one.",
        mended_by=(Mend.MAPPING, Mend.PERMISSION),
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Advice(
        Next.STOP,
        "The integration user may not write {fields} on the {object}.",
        "Give it edit access to the field, or switch the mapping's rule off.",
        mended_by=(Mend.MAPPING, Mend.PERMISSION),
    ),
    "INVALID_TYPE": Advice(
        Next.STOP,
        "The integration user cannot see the object {object}.",
        "Give it read, create and edit permission on {object}.",
        mended_by=(Mend.PERMISSION,),
    ),
    "MALFORMED_ID": Advice(
        Next.STOP,
        "What was given for {fields} is no Salesforce id.",
        "Correct the id.",
        MARKETER,
        mended_by=(Mend.SOURCE, Mend.MAPPING),
    ),
    "INVALID_ID_FIELD": Advice(
        Next.STOP,
        "What was given is no Salesforce id.",
        "Correct the id.",
        MARKETER,
        mended_by=(Mend.SOURCE,),
    ),
    "FIELD_INTEGRITY_EXCEPTION": Advice(
        Next.STOP,
        "The value for {fields} does not fit the {object}: an id of the wrong kind of record, or fields that contradict "
        "each other.",
        "Correct the value or the mapping.",
        mended_by=(Mend.MAPPING, Mend.SOURCE),
    ),
    "DUPLICATE_VALUE": Advice(
        Next.STOP,
        "Another record has the same value in a field that must be unique ({fields}).",
        "Correct the value at the source, or the other record in Salesforce.",
        mended_by=(Mend.SOURCE, Mend.CRM),
    ),
    "INSUFFICIENT_ACCESS_OR_READONLY": Advice(
        Next.STOP,
        "The integration user may not write this {object}.",
        "Give it edit access to the record.",
        mended_by=(Mend.PERMISSION,),
    ),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Advice(
        Next.STOP,
        "The integration user may not use a record that the {object} belongs to.",
        "Give it access to the account, campaign or owner.",
        mended_by=(Mend.PERMISSION,),
    ),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Advice(
        Next.STOP,
        "A trigger or flow of your Salesforce refused the {object}.",
        "Look at the triggers and flows on {object}, and exempt the integration user or correct them.",
        mended_by=(Mend.CRM, Mend.PERMISSION),
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Advice(
        Next.STOP,
        "A flow of your Salesforce failed on the {object}.",
        "Correct the flow in Setup → Flows.",
        mended_by=(Mend.CRM,),
    ),
    "TRANSFER_REQUIRES_READ": Advice(  # [MEM]
        Next.STOP,
        "The owner's profile does not allow them to see the {object}.",
        "Give the owner read permission on {object}, or give the contact another owner.",
        mended_by=(Mend.PERMISSION, Mend.OWNER),
    ),
    "STORAGE_LIMIT_EXCEEDED": Advice(
        Next.STOP,
        "Your Salesforce has no storage left.",
        "Delete records, or buy storage.",
        mended_by=(Mend.CRM,),
    ),
    "API_DISABLED_FOR_ORG": Advice(
        Next.STOP,
        "The REST API is not switched on for this Salesforce or this user.",
        "Give the user “API Enabled”.",
        mended_by=(Mend.CONNECTION, Mend.PERMISSION),
    ),
    "API_CURRENTLY_DISABLED": Advice(
        Next.STOP,
        "The REST API is switched off for the integration user.",
        "Give the user “API Enabled”.",
        mended_by=(Mend.CONNECTION, Mend.PERMISSION),
    ),
    "INSUFFICIENT_ACCESS": Advice(
        Next.STOP,
        "The integration user lacks a permission.",
        "Give it read, create and edit on the objects used.",
        mended_by=(Mend.PERMISSION,),
    ),
    "MALFORMED_QUERY": Advice(
        Next.STOP,
        "Salesforce could not read our question.",
        "Report this to the makers of contactsync.",
        OPERATOR,
        mended_by=(Mend.PLUGIN,),
    ),
}

_RARE = {
    "UNSUPPORTED_API_VERSION": Advice(
        Next.STOP,
        "Your Salesforce does not speak the API version set.",
        "Set api_version to one that it speaks.",
        OPERATOR,
        mended_by=(Mend.CONNECTION,),
    ),
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": Advice(  # [MEM]
        Next.STOP,
        "The integration user may no longer use the app.",
        "Add the user's profile or permission set to the policies of the External Client App.",
        mended_by=(Mend.CONNECTION, Mend.PERMISSION),
    ),
    "INACTIVE_USER": Advice(  # [MEM]
        Next.STOP,
        "The integration user is not active.",
        "Activate it in Setup → Users.",
        mended_by=(Mend.CONNECTION,),
    ),
    "DELETE_FAILED": Advice(  # [MEM]
        Next.STOP,
        "Salesforce did not let the {object} be taken out.",
        "Look at the triggers and flows on {object}, or set the policy removed_attendance to keep or status.",
        mended_by=(Mend.CRM, Mend.POLICY),
    ),
    "MIXED_DML_OPERATION": Advice(  # [MEM]
        Next.STOP,
        "A trigger or flow of your Salesforce on the {object} failed.",
        "Correct the automation on {object}.",
        mended_by=(Mend.CRM,),
    ),
    "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD": Advice(  # [MEM]
        Next.STOP,
        "The record given for {fields} on the {object} is of a kind that the field does not take.",
        "Correct the mapping of the field.",
        mended_by=(Mend.MAPPING,),
    ),
    "MISSING_ARGUMENT": Advice(
        Next.STOP,
        "Salesforce misses something in our call.",
        "Report this to the makers of contactsync.",
        OPERATOR,
        mended_by=(Mend.PLUGIN,),
    ),
    "LIMIT_EXCEEDED": Advice(
        Next.STOP,
        "Our call was too large for Salesforce.",
        "Report this to the makers of contactsync.",
        OPERATOR,
        mended_by=(Mend.PLUGIN,),
    ),
}

BY_CODE: Mapping[str, Advice] = {**_IN_PASSING, **_RESOLVED_ANEW, **_PERMANENT, **_RARE}
ACCESS_FAMILY = "INSUFFICIENT_ACCESS"
