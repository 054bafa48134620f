"""What people ask about a Salesforce org: its fields, records to pick from, and whether it can be used. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from contactsync.api import Choice, CrmField, FieldCatalog, Problem, RecordKind

from .errors import Refusal, failure_of
from .ids import object_name
from .own_advice import PERMISSION_MISSING
from .row_shapes import is_count
from .soql import containing

MOST_CHOICES = 20

_TYPES = {
    "string": "text",
    "encryptedstring": "text",
    "combobox": "text",
    "textarea": "textarea",
    "email": "email",
    "phone": "phone",
    "url": "url",
    "picklist": "picklist",
    "multipicklist": "multipicklist",
    "boolean": "boolean",
    "int": "number",
    "long": "number",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "date": "date",
    "datetime": "datetime",
    "reference": "reference",
    "id": "id",
}
_DETAIL = {
    RecordKind.ACCOUNT: "Website",
    RecordKind.CAMPAIGN: "Status",
    RecordKind.OWNER: "Email",
    RecordKind.LEAD: "Company",
    RecordKind.CONTACT: "Email",
}
_NEEDED: Mapping[RecordKind, tuple[str, ...]] = {
    RecordKind.LEAD: ("queryable", "createable", "updateable"),
    RecordKind.CONTACT: ("queryable", "createable", "updateable"),
    RecordKind.ACCOUNT: ("queryable", "createable"),
    RecordKind.CAMPAIGN: ("queryable",),
    RecordKind.MEMBER: ("queryable", "createable", "updateable"),
    RecordKind.OWNER: ("queryable",),
    RecordKind.ACTIVITY: ("queryable", "createable", "updateable"),
    RecordKind.ATTENDEE: ("queryable", "createable"),
}
OPTIONAL = frozenset({RecordKind.ACTIVITY, RecordKind.ATTENDEE})
"""What only meetings need: without it contacts and campaigns sync all the same."""
_MARKETING = frozenset({RecordKind.CAMPAIGN, RecordKind.MEMBER})

_PERMISSIONS = {"queryable": "read", "createable": "create", "updateable": "edit"}


def catalog_of(kind: RecordKind, described: Mapping[str, Any]) -> FieldCatalog:
    """A describe's fields, by name."""
    fields = (_field(entry) for entry in described.get("fields") or ())
    return FieldCatalog(kind, {found.name: found for found in fields})


def search_statement(kind: RecordKind, text: str) -> str | None:
    """The statement for a picker; None for what nobody picks."""
    detail = _DETAIL.get(kind)
    if detail is None:
        return None
    conditions = ["IsActive = true AND UserType = 'Standard'"] if kind is RecordKind.OWNER else []
    if text.strip():
        conditions.append(f"Name LIKE {containing(text.strip())}")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT Id, Name, {detail} FROM {object_name(kind)}{where} ORDER BY Name LIMIT {MOST_CHOICES}"  # noqa: S608 - quoted


def choices_of(kind: RecordKind, rows: Sequence[Mapping[str, Any]]) -> list[Choice]:
    """The lines of a picker."""
    detail = _DETAIL[kind]
    return [Choice(str(row["Id"]), str(row.get("Name") or ""), str(row.get(detail) or "")) for row in rows]


def permission_problems(described: Mapping[str, Any]) -> list[Problem]:
    """What the integration user may not do, from the describe of all objects."""
    seen = {entry.get("name"): entry for entry in described.get("sobjects") or () if isinstance(entry, dict)}
    problems = []
    for kind, needed in _NEEDED.items():
        flags = seen.get(object_name(kind))
        if flags is None:
            problems.append(_for_marketing(kind, failure_of([Refusal("INVALID_TYPE")], kind).problem))
            continue
        missing = [_PERMISSIONS[flag] for flag in needed if not flags.get(flag)]
        if missing:
            problems.append(_lacks(kind, missing))
    return problems


def _lacks(kind: RecordKind, missing: Sequence[str]) -> Problem:
    problem = PERMISSION_MISSING.problem(
        kind, fields=(object_name(kind),), told=f" It may not {', '.join(missing)} them."
    )
    return _for_marketing(kind, problem)


def _for_marketing(kind: RecordKind, problem: Problem) -> Problem:
    """Campaigns and their members need a mark on the user beside the permissions."""
    if kind not in _MARKETING:
        return problem
    return replace(problem, fix=f"Tick “Marketing User” on the user. {problem.fix}")


def daily_calls(limits: object) -> tuple[int | None, int | None]:
    """Calls used and allowed today, from /limits; None when it does not say."""
    daily = limits.get("DailyApiRequests") if isinstance(limits, dict) else None
    most, left = (daily.get("Max"), daily.get("Remaining")) if isinstance(daily, dict) else (None, None)
    if not is_count(most) or not is_count(left):
        return None, None
    return most - left, most


def _field(entry: Mapping[str, Any]) -> CrmField:
    values = entry.get("picklistValues") or ()
    required = not entry.get("nillable", True) and not entry.get("defaultedOnCreate", False)
    return CrmField(
        name=str(entry["name"]),
        label=str(entry.get("label") or entry["name"]),
        type=_TYPES.get(str(entry.get("type")), "other"),
        length=entry.get("length") or None,
        createable=bool(entry.get("createable")),
        updateable=bool(entry.get("updateable")),
        required=required and bool(entry.get("createable")),
        values=tuple(str(value["value"]) for value in values if value.get("active", True)),
        restricted=bool(entry.get("restrictedPicklist")),
    )
