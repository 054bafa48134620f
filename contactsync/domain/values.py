"""Values of fields: what is blank, and what counts as the same. Compared as the CRM would, so that only real changes go."""

from __future__ import annotations

import re
from datetime import datetime

from contactsync.domain.crm import FieldValue, RecordRef
from contactsync.domain.records import Scalar

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_WEB_ADDRESS = re.compile(r"(https?://[^/?#\s]+)(\S*)", re.IGNORECASE)
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


def _numeric(held: Scalar, new: Scalar) -> bool:
    return _as_number(held) is not None and _as_number(new) is not None


def _as_number(value: Scalar) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return {"true": 1.0, "false": 0.0}.get(value.strip().lower())
    return None if value is None else float(value)


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
