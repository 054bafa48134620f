"""Policies as people write them: one flat JSON object, and what is wrong with one, by path."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from contactsync.domain.errors import RefusedInput
from contactsync.domain.policy import (
    DEFAULT_STATUS_MAP,
    DuplicateRules,
    MoveAccounts,
    Policies,
    RemovedAttendance,
    SeveralMatches,
)
from contactsync.domain.records import SyncAs

Word = TypeVar("Word", bound=StrEnum)

MOST_RESERVED = 90
"""Percent of the CRM's daily calls that may be left to others: with all of them reserved nothing would ever sync."""


LEAST_KEPT = 7
"""Days. Senders repeat a webhook for more than three days: its id must still be known then (facts: Standard Webhooks)."""

MOST_KEPT = 3650


class _Wrong(Exception):
    """What to write instead, by path below the key ("" is the key itself)."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self.fields = fields


def policies_from_json(written: object) -> Policies:
    """An org's policies; a key that is not there has its default, and so has a status that `status_map` does not name.

    Raises RefusedInput naming each wrong key and what to write.
    """
    if not isinstance(written, Mapping):
        raise RefusedInput("Policies are one object.", {"": "Write a JSON object of policies."})
    errors: dict[str, str] = {}
    chosen: dict[str, Any] = {}
    for key, value in written.items():
        read = _READERS.get(key)
        if read is None:
            errors[str(key)] = f"There is no such policy. The policies are: {', '.join(_READERS)}."
            continue
        try:
            chosen[key] = read(value)
        except _Wrong as wrong:
            errors.update({f"{key}.{path}" if path else key: message for path, message in wrong.fields.items()})
    if errors:
        raise RefusedInput("Some policies cannot be taken.", errors)
    return Policies(**chosen)


def policies_as_json(policies: Policies) -> dict[str, Any]:
    """All policies, as `policies_from_json` reads them."""
    return {
        "sync_as_default": policies.sync_as_default.value if policies.sync_as_default else None,
        "several_matches": policies.several_matches.value,
        "prefer_existing": policies.prefer_existing,
        "create_accounts": policies.create_accounts,
        "move_accounts": policies.move_accounts.value,
        "duplicate_rules": policies.duplicate_rules.value,
        "removed_attendance": policies.removed_attendance.value,
        "create_member_statuses": policies.create_member_statuses,
        "create_campaigns": policies.create_campaigns,
        "review_inbox": policies.review_inbox,
        "reserve_percent": policies.reserve_percent,
        "keep_bodies_days": policies.keep_bodies_days,
        "keep_deliveries_days": policies.keep_deliveries_days,
        "keep_runs_days": policies.keep_runs_days,
        "status_map": {status: list(labels) for status, labels in policies.status_map.items()},
    }


def mark_of_policies(policies: Policies) -> str:
    """16 hex digits by which policies are known again: whoever changes them can say what the change was made from."""
    written = json.dumps(policies_as_json(policies), sort_keys=True)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _sync_as_default(value: object) -> SyncAs | None:
    return None if value is None else _one_of(value, SyncAs, "lead, contact or null")


def _word(words: type[Word]) -> Callable[[object], Word]:
    *others, last = (word.value for word in words)
    return lambda value: _one_of(value, words, f"{', '.join(others)} or {last}")


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong({"": "Write true or false."})
    return value


def _whole(least: int, most: int, of_what: str) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _Wrong({"": f"Write a whole number from {least} to {most}: {of_what}."})
        return value

    return read


def _status_map(value: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise _Wrong({"": 'Write an object: attendance status → label or list of labels, {"attended": "Responded"}.'})
    errors: dict[str, str] = {}
    merged = dict(DEFAULT_STATUS_MAP)
    for status, labels in value.items():
        name = str(status).strip().lower()
        listed = [labels] if isinstance(labels, str) else labels
        if not isinstance(listed, list | tuple) or not all(
            isinstance(label, str) and label.strip() for label in listed
        ):
            errors[str(status)] = "Write a label of the campaigns' member statuses, or a list of them, best first."
        elif not name:
            errors[str(status)] = "Write the attendance status that the event platform sends."
        else:
            merged[name] = tuple(label.strip() for label in listed)
    if errors:
        raise _Wrong(errors)
    return merged


def _one_of(value: object, words: type[Word], choice: str) -> Word:
    if isinstance(value, str) and value in list(words):
        return words(value)
    raise _Wrong({"": f"Write {choice}."})


_READERS: Mapping[str, Callable[[object], Any]] = {
    "sync_as_default": _sync_as_default,
    "several_matches": _word(SeveralMatches),
    "prefer_existing": _yes_or_no,
    "create_accounts": _yes_or_no,
    "move_accounts": _word(MoveAccounts),
    "duplicate_rules": _word(DuplicateRules),
    "removed_attendance": _word(RemovedAttendance),
    "create_member_statuses": _yes_or_no,
    "create_campaigns": _yes_or_no,
    "review_inbox": _yes_or_no,
    "reserve_percent": _whole(0, MOST_RESERVED, "percent of the CRM's daily calls"),
    "keep_bodies_days": _whole(LEAST_KEPT, MOST_KEPT, "days for which the bodies of webhooks are kept"),
    "keep_deliveries_days": _whole(LEAST_KEPT, MOST_KEPT, "days for which deliveries are kept"),
    "keep_runs_days": _whole(1, MOST_KEPT, "days for which runs are kept"),
    "status_map": _status_map,
}
