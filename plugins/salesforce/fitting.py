"""Values in the JSON type that their Salesforce field takes: 44 for a text field is "44", "44" for a number field is 44.

Salesforce refuses a whole collection for one value of the wrong JSON type, and does not say which. So the types of an
object's fields are learned when it does, and from then on values are fitted before they are sent. What a value means is
never changed: what cannot be written in the other type is the row's own failure, with the field's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from contactsync.api import Failure, FieldCatalog, FieldValue, RecordKind, Scalar, TargetError

from .own_advice import WRONG_TYPE
from .rows import Row

Describe = Callable[[RecordKind], FieldCatalog]

_TEXTS = frozenset({"text", "textarea", "email", "phone", "url", "picklist", "multipicklist", "reference", "id"})
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Unfit(ValueError):
    """A value cannot be written in its field's type."""


class Fitter:
    """Fits rows to the fields they go to, as far as those are known. `describe` may make a call."""

    def __init__(self, known: dict[RecordKind, FieldCatalog], describe: Describe) -> None:
        self._known = known
        self._describe = describe
        self._seen: set[str] = set()
        self._asked: set[RecordKind] = set()

    def fitted(self, row: Row) -> Row | Failure:
        """The row in fitting types when its object's fields are known, or why it cannot be."""
        catalog = self._known.get(row.step.kind)
        if catalog is None:
            return row
        self._seen.add(row.id)
        known = {name.lower(): field for name, field in catalog.fields.items()}
        values: dict[str, FieldValue] = {}
        for name, value in row.fields.items():
            field = known.get(name.lower())
            try:
                values[name] = fit(value, field.type, field.values) if field else value
            except Unfit:
                return _unfit(row, name, field.type if field else "other")
        return replace(row, fields=values)

    def fitted_anew(self, row: Row) -> Row | Failure | None:
        """The same after learning about its object's fields; None when that has been tried, or cannot be."""
        if row.id in self._seen:
            return None
        self._seen.add(row.id)
        self._learn(row.step.kind)
        return self.fitted(row) if row.step.kind in self._known else None

    def _learn(self, kind: RecordKind) -> None:
        """Ask once: when Salesforce cannot describe the fields now, it is no use to ask for every row."""
        if kind in self._known or kind in self._asked:
            return
        self._asked.add(kind)
        try:
            self._known[kind] = self._describe(kind)
        except TargetError:
            return


def fit(value: FieldValue, field_type: str, choices: Sequence[str] = ()) -> FieldValue:
    """The value as a field of this type (CrmField.type) takes it. `choices`: a picklist's values. Raises Unfit."""
    if value is None or not isinstance(value, str | bool | int | float):
        return value
    if field_type in {"picklist", "multipicklist"}:
        return _as_choices(_as_text(value), choices, several=field_type == "multipicklist")
    if field_type in _TEXTS:
        return value if isinstance(value, str) else _as_text(value)
    if field_type == "number":
        return _as_number(value)
    if field_type == "boolean":
        return _as_boolean(value)
    if field_type in {"date", "datetime"}:
        return _as_moment(value, field_type)
    return value


def _as_choices(text: str, choices: Sequence[str], *, several: bool) -> str:
    """A picklist's value as the picklist spells it; several are parted by semicolons, without spaces around them."""
    spelt = {choice.casefold(): choice for choice in reversed(choices)}
    exact = set(choices)
    parts = [part.strip() for part in text.split(";")] if several else [text]
    made = (part if part in exact else spelt.get(part.casefold(), part) for part in parts)
    return ";".join(dict.fromkeys(part for part in made if part)) if several else next(made)


def _as_text(value: str | bool | float) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _as_number(value: Scalar) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if not _NUMBER.fullmatch(text):
        raise Unfit
    return float(text) if re.search(r"[.eE]", text) else int(text)


def _as_boolean(value: Scalar) -> bool:
    found = _YES_OR_NO.get(str(value).strip().lower())
    if found is None:
        raise Unfit
    return found


def _as_moment(value: Scalar, field_type: str) -> str:
    """A date of a date or date-time, and a date-time of either: a bare date begins at midnight UTC."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        if len(text) == len("2026-11-24"):
            day = date.fromisoformat(text).isoformat()
            return day if field_type == "date" else f"{day}T00:00:00Z"
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit from None
    if field_type == "date":
        return moment.date().isoformat()
    if moment.tzinfo is None:
        raise Unfit
    return text


def _unfit(row: Row, name: str, field_type: str) -> Failure:
    problem = WRONG_TYPE.problem(row.step.kind, fields=(name,), told=f" It is of the type {field_type} there.")
    return Failure(WRONG_TYPE.next, problem)
