"""Steps as people see them: in the ledger, in a preview, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contactsync.domain.crm import FieldValue, RecordRef, Step, StepRef, StepResult
from contactsync.domain.records import Scalar

NEW = "(the new record)"
"""What stands for the id of a record that another step makes, while it is not made."""


def shown(step: Step, results: Mapping[str, StepResult] | None = None) -> dict[str, Any]:
    """One step as JSON: {"action", "object", "crm_id", "why", "fields": {name: {"old", "new", "why"?}}, "left"?: {name: why}}.

    `left`: fields that were not written, with the reason. With results, what came of it: `crm_id` of what was created,
    and `problem` (its code) where it failed.
    """
    results = results or {}
    result = results.get(step.id)
    ref = step.ref or (result.ref if result else None)
    described: dict[str, Any] = {
        "action": step.action.value,
        "object": step.kind.value,
        "crm_id": ref.id if ref else None,
        "why": list(step.why),
        "fields": {name: _field(step, name, results) for name in step.fields},
    }
    left = {name: why for name, why in step.field_why.items() if name not in step.fields}
    if left:
        described["left"] = left
    if result is not None and result.failure is not None:
        described["problem"] = result.failure.problem.code
    return described


def _field(step: Step, name: str, results: Mapping[str, StepResult]) -> dict[str, Scalar]:
    change: dict[str, Scalar] = {"old": step.before.get(name), "new": _value(step.fields[name], results)}
    if name in step.field_why:
        change["why"] = step.field_why[name]
    return change


def _value(value: FieldValue | RecordRef, results: Mapping[str, StepResult]) -> Scalar:
    if isinstance(value, RecordRef):
        return value.id
    if not isinstance(value, StepRef):
        return value
    result = results.get(value.step_id)
    return result.ref.id if result and result.ref else NEW
