"""Values of fields: what is blank, and what counts as the same. Compared as the CRM would, so that only real changes go."""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime

from contactsync.domain.crm import FieldValue, RecordRef, StepRef
from contactsync.domain.records import Scalar

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_WEB_ADDRESS = re.compile(r"(https?://[^/?#\s]+)(\S*)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - for moments without a zone
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def is_blank(value: FieldValue) -> bool:
    """Whether a value says nothing. False and 0 are values."""
    return value is None or (isinstance(value, str) and not value.strip())


def same(held: Scalar, new: FieldValue) -> bool:
    """Whether writing `new` over what the CRM holds would change nothing that matters.

    Texts: without the space around them, line ends alike; e-mail addresses and the host of web addresses whatever their
    case; moments whatever their zone. Numbers and yes/no by value, also when one side is text.
    """
    if held == new and held.__class__ is new.__class__:
        return True
    if is_blank(held) or is_blank(new):
        return is_blank(held) and is_blank(new)
    if isinstance(new, str) and isinstance(held, str):
        return _comparable(held) == _comparable(new)
    if isinstance(new, RecordRef):
        return held == new.id
    if isinstance(new, str | int | float) and isinstance(held, str | int | float):
        return _as_number(held) == _as_number(new) if _numeric(held, new) else _text(held) == _text(new)
    return False


def mark_of(value: FieldValue) -> str:
    """12 hex digits by which a value is known again without being kept: what is the `same` has one mark.

    Not the other way about for texts that look like numbers: "5" and "5.0" are one number in a field that holds numbers.
    A StepRef, the id of a record that is not made yet, has no mark of its own: Raises TypeError.
    """
    if isinstance(value, StepRef):
        raise TypeError("a record that is not made yet has no mark: put its id in place first")
    told = repr(_canonical(value.id if isinstance(value, RecordRef) else value))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def text_of(value: Scalar) -> str:
    """A value as a person would write it in a value map: "true", "3", "VIP"."""
    return _text(value) if value is not None else ""


def _comparable(text: str) -> object:
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if _EMAIL.fullmatch(text):
        return text.casefold()
    if address := _WEB_ADDRESS.fullmatch(text):
        return address[1].lower(), address[2].rstrip("/")
    if _MOMENT.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return text
    return text


def _canonical(value: Scalar) -> object:
    """One object for all values that are the same."""
    if is_blank(value):
        return ""
    number = _as_number(value)
    if number is not None:
        return number + 0.0  # -0.0 is 0.0
    known = _comparable(_text(value))
    if isinstance(known, datetime):
        # A distance, not a date in UTC: that one may lie before year 1.
        return "moment", known.tzinfo is None, known - (_EPOCH if known.tzinfo is None else _EPOCH.replace(tzinfo=UTC))
    return known


def _numeric(held: Scalar, new: Scalar) -> bool:
    return _as_number(held) is not None and _as_number(new) is not None


def _as_number(value: Scalar) -> float | None:
    """A finite number, whatever its type; None for what is none, or too large to be compared as one."""
    if value is None:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return {"true": 1.0, "false": 0.0}.get(_text(value).lower())
    return number if math.isfinite(number) else None


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
