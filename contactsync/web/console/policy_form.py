"""The policies as a form: chosen → texts, as a browser sends them → what `policies_from_json` reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contactsync.domain.policy import DEFAULT_STATUS_MAP, Policies
from contactsync.domain.policy_json import policies_as_json
from contactsync.web.console.policy_words import NO, NONE, POLICIES, YES, typed_policy

SPARE_STATUSES = 2
MOST_STATUSES = 200

_STATUS = re.compile(r"status-(\d{1,3})")
_NUMBER = re.compile(r"\d{1,6}")


@dataclass(frozen=True)
class StatusRow:
    """One attendance and the labels of the campaign's statuses, best first, apart by commas. `own`: the org named it."""

    number: int
    status: str = ""
    labels: str = ""
    own: bool = True


@dataclass(frozen=True)
class PolicyForm:
    """What the form holds: one text per policy, the rows of the status map. `seen`: mark_of_policies of what held."""

    texts: Mapping[str, str]
    statuses: tuple[StatusRow, ...]
    seen: str = ""


def form_of(policies: Policies, seen: str) -> PolicyForm:
    """The form for policies as they are kept."""
    said = policies_as_json(policies)
    texts = {name: typed_policy(said[name]) for name in POLICIES if name in said}
    rows = [
        StatusRow(number, status, ", ".join(labels), status not in DEFAULT_STATUS_MAP)
        for number, (status, labels) in enumerate(policies.status_map.items())
    ]
    spare = [StatusRow(len(rows) + number) for number in range(SPARE_STATUSES)]
    return PolicyForm(texts, (*rows, *spare), seen)


def read_form(fields: Mapping[str, str]) -> PolicyForm:
    """The form as it was sent. What is not in it stays as it is."""
    texts = {name: fields[name].strip() for name in POLICIES if name in fields}
    numbers = sorted({int(found[1]) for name in fields if (found := _STATUS.fullmatch(name))})[:MOST_STATUSES]
    rows = tuple(_row(fields, number) for number in numbers)
    return PolicyForm(texts, rows, fields.get("seen", ""))


def said_by(form: PolicyForm, before: Policies) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form says, and what is wrong with what was typed, by path. Labels that nobody touched stay as they were, also
    those that hold a comma.
    """
    said: dict[str, Any] = {name: _value(name, text) for name, text in form.texts.items()}
    if not form.statuses:
        return said, {}
    errors: dict[str, str] = {}
    statuses: dict[str, Sequence[str]] = {}
    for row in form.statuses:
        status = row.status.strip().lower()
        kept = before.status_map.get(status, ())
        labels = list(kept) if row.labels.strip() == ", ".join(kept) else _labels(row.labels)
        if status in statuses:
            errors[f"status-{row.number}"] = f"“{status}” stands there twice: keep one of the two."
        elif not status and labels:
            errors[f"status-{row.number}"] = "Write the attendance that the event platform sends, such as attended."
        elif status and labels:
            statuses[status] = labels
        elif status in DEFAULT_STATUS_MAP:
            errors[f"status-{row.number}"] = "Write at least one label of the campaign’s statuses."
    said["status_map"] = statuses
    return said, errors


def _row(fields: Mapping[str, str], number: int) -> StatusRow:
    status = fields.get(f"status-{number}", "").strip()
    return StatusRow(
        number, status, fields.get(f"labels-{number}", "").strip(), status.lower() not in DEFAULT_STATUS_MAP
    )


def _labels(text: str) -> list[str]:
    return list(dict.fromkeys(label.strip() for label in text.split(",") if label.strip()))


def _value(name: str, text: str) -> Any:
    if not POLICIES[name].choices:
        return int(text) if _NUMBER.fullmatch(text) else text
    if name == "sync_as_default" and text == NONE:
        return None
    return {YES: True, NO: False}.get(text, text)
