"""Plans of many contacts as people see them: contact by contact, and counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contactsync.domain.batch import Plan
from contactsync.domain.crm import Step
from contactsync.domain.known_problems import problem_shown
from contactsync.domain.shown import shown


def plan_shown(plan: Plan) -> dict[str, Any]:
    """{"contacts": [{"id", "steps", "why", "problem"}], "totals": {object: {action: count}}}.

    A step that contacts share stands with each of them, and is counted once.
    """
    steps = {step.id: step for step in plan.steps}
    contacts = [
        {
            "id": contact_id,
            "steps": [shown(steps[step_id]) for step_id in one.step_ids if step_id in steps],
            "why": list(one.why),
            "problem": problem_shown(one.problem) if one.problem else None,
        }
        for contact_id, one in plan.contacts.items()
    ]
    return {"contacts": contacts, "totals": totals(plan.steps)}


def totals(steps: Iterable[Step]) -> dict[str, dict[str, int]]:
    """How many records of which object are created, updated, left and removed; objects in the order of the steps."""
    counted: dict[str, dict[str, int]] = {}
    for step in steps:
        of_object = counted.setdefault(step.kind.value, {})
        of_object[step.action.value] = of_object.get(step.action.value, 0) + 1
    return counted
