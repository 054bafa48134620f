"""Whether values are of the shape that an answer of Salesforce has. Pure."""

from __future__ import annotations

from typing import TypeGuard

from contactsync.api import RecordKind

from .ids import is_id, kind_of

_MOST_CALLS = 10**15


def is_record_of(kind: RecordKind, record_id: object) -> bool:
    """Whether it is an id of a record of this kind."""
    return isinstance(record_id, str) and is_id(record_id) and kind_of(record_id) is kind


def are_rows(value: object) -> bool:
    """Whether it is a list of objects."""
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def is_count(value: object) -> TypeGuard[int]:
    """Whether it can be a number of calls."""
    return isinstance(value, int) and 0 <= value < _MOST_CALLS
