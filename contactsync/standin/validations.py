"""Validation rules: an administrator's own condition on a record, with the administrator's own words.

The code is FIELD_CUSTOM_VALIDATION_EXCEPTION, the message is the rule's text, and `fields` names the field the error is
shown at, or none for the top of the page [MEM].
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contactsync.standin.errors import RefusedError
from contactsync.standin.store import Record, index_key

if TYPE_CHECKING:  # org.py asks these rules
    from contactsync.standin.org import Org

CONDITIONS = ("blank", "equals", "matches", "not_matches")
_KEYS = frozenset({"object", "field", "wrong_when", "value", "message", "at_field"})


@dataclass(frozen=True)
class ValidationRule:
    """One active rule: the record is wrong when `field` is `blank`, `equals` the value, or (not) `matches` the pattern."""

    object: str
    field: str
    message: str
    wrong_when: str = "blank"
    value: str = ""
    at_field: bool = True

    def as_json(self) -> dict[str, Any]:
        """What `/_standin/validation_rules` shows."""
        return dict(vars(self))

    def is_broken_by(self, record: Record) -> bool:
        """Is this record wrong?"""
        held = record.get(self.field)
        if self.wrong_when == "blank":
            return held is None
        if self.wrong_when == "equals":
            return index_key(held) == index_key(self.value)
        matched = held is not None and re.fullmatch(self.value, str(held)) is not None
        return matched if self.wrong_when == "matches" else held is not None and not matched


def read_validation(org: Org, given: object) -> ValidationRule:
    """The rule behind `{"object": "Lead", "field": "Phone", "wrong_when": "blank", "message": "Phone, please"}`.

    Raises ValueError saying what is wrong with it.
    """
    if not isinstance(given, dict) or not {"object", "field", "message"} <= set(given):
        message = "a validation rule is an object with an object, a field and a message"
        raise ValueError(message)
    unknown = sorted(set(given) - _KEYS)
    if unknown:
        message = f"a validation rule has no {', '.join(unknown)}"
        raise ValueError(message)
    rule = ValidationRule(**given)
    known = org.schema.objects.get(rule.object)
    if known is None or rule.field not in known.fields or rule.wrong_when not in CONDITIONS:
        message = f"a validation rule cannot use {rule.object}.{rule.field} {rule.wrong_when}"
        raise ValueError(message)
    try:
        re.compile(rule.value)
    except re.error as error:
        message = f"a validation rule's value must be a pattern: {error}"
        raise ValueError(message) from error
    return rule


def check_validations(org: Org, sobject: str, record: Record) -> None:
    """Hold a record about to be kept against the rules; raises FIELD_CUSTOM_VALIDATION_EXCEPTION."""
    for rule in org.validation_rules:
        if rule.object == sobject and rule.is_broken_by(record):
            fields = [rule.field] if rule.at_field else []
            raise RefusedError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, fields)
