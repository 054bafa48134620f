"""From the values of a JSON body to the values a record holds, or the refusal Salesforce would answer.

Records hold JSON scalars: text trimmed and never empty, ids with 18 characters, date-times in Salesforce's own
`2026-05-01T07:25:37.000+0000`, always UTC, so that they compare as text.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from contactsync.standin.errors import CallRefusedError, RefusedError
from contactsync.standin.fields import NUMBER_TYPES, Field
from contactsync.standin.ids import canonical

YEARS = range(1700, 4001)  # [DOC]; which refusal another year gets is [MEM]
MOST = 2**31  # an int of the wire is Java's [MEM]
Scalar = str | int | float | bool | None

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)")
_JSON_KINDS = {str: "VALUE_STRING", bool: "VALUE_TRUE", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT"}


def wire_datetime(moment: datetime) -> str:
    """A moment as Salesforce writes it; whole seconds, as its audit fields have."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parse_datetime(text: str) -> str | None:
    """The stored form of a date-time with an offset; None when it is none. Without an offset it is refused (facts)."""
    if not _DATETIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return wire_datetime(moment) if moment.year in YEARS else None


def parse_date(text: str) -> str | None:
    """The stored form of a calendar date; None when it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found.isoformat() if len(text) == 10 and found.year in YEARS else None


def _unreadable(field: Field, value: object) -> CallRefusedError:
    """A value of the wrong JSON type stops the reading of the body, so the whole call [MEM]; the text is [SEEN]."""
    if isinstance(value, dict):
        kind, shown = "START_OBJECT", "{"
    elif isinstance(value, list):
        kind, shown = "START_ARRAY", "["
    else:
        kind, shown = _JSON_KINDS.get(type(value), "VALUE_STRING"), str(value)
    wanted = {"int": "integer", "currency": "double", "percent": "double", "reference": "string", "id": "string"}
    name = "string" if field.is_text else wanted.get(field.type, field.type)
    return CallRefusedError(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {name} from {kind} value {shown} or request may be missing a required field "
        "at [line:1, column:1]",
    )


def clean(field: Field, value: object) -> Scalar:
    """The value as the record will hold it, None for none.

    Raises JSON_PARSER_ERROR for the whole call, or STRING_TOO_LONG, INVALID_EMAIL_ADDRESS, MALFORMED_ID or
    INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST for the row.
    """
    if value is None:
        return False if field.type == "boolean" else None  # a checkbox has no third state [MEM]
    if field.is_text:
        return _clean_text(field, value)
    if field.type in {"reference", "id"}:
        return _clean_id(field, value)
    if field.type == "boolean":
        return _clean_boolean(field, value)
    if field.type in NUMBER_TYPES:
        return _clean_number(field, value)
    return _clean_moment(field, value)


def _clean_text(field: Field, value: object) -> Scalar:
    if not isinstance(value, str):
        raise _unreadable(field, value)
    text = value.strip()  # Salesforce trims, and an empty text is no value [MEM]
    if not text:
        return None
    if field.type == "email" and not _EMAIL.fullmatch(text):
        raise RefusedError("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", [field.name])
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise RefusedError("STRING_TOO_LONG", message, [field.name])
    if field.restricted:
        for allowed in field.picklist:
            if allowed.lower() == text.lower():
                return allowed
        raise RefusedError(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {text}",
            [field.name],
        )
    return text


def _clean_id(field: Field, value: object) -> Scalar:
    if not isinstance(value, str):
        raise _unreadable(field, value)
    if not value.strip():
        return None
    full = canonical(value.strip())
    if full is None:
        # MALFORMED_ID is for a string that is no id at all (facts, section 4).
        raise RefusedError("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name])
    return full


def _clean_boolean(field: Field, value: object) -> Scalar:
    if isinstance(value, str) and value.lower() in {"true", "false"}:  # [MEM]
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _unreadable(field, value)
    return value


def _clean_number(field: Field, value: object) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unreadable(field, value)
    if field.type == "int":
        if (isinstance(value, float) and not value.is_integer()) or abs(value) >= MOST:
            raise _unreadable(field, value)
        return int(value)
    return float(value)


def _clean_moment(field: Field, value: object) -> Scalar:
    if not isinstance(value, str):
        raise _unreadable(field, value)
    if not value:
        return None
    found = parse_date(value) if field.type == "date" else parse_datetime(value)
    if found is None:
        raise _unreadable(field, value)
    return found
