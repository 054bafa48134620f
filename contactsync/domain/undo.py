"""Putting back what a run changed, as far as the CRM still holds what the run wrote. Decided purely, like a plan.

A run is known by its steps as the ledger keeps them, in the format of `shown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contactsync.domain.crm import (
    Action,
    FieldValue,
    Found,
    FoundAccount,
    FoundActivity,
    FoundCampaign,
    FoundPerson,
    RecordKind,
    RecordRef,
    Step,
    Wanted,
)
from contactsync.domain.records import Scalar
from contactsync.domain.values import same

MAPPED = (RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT, RecordKind.CAMPAIGN, RecordKind.ACTIVITY)

PUT_BACK = "Put back as it was before this sync."
CHANGED_SINCE = "Something else is in the CRM since: it stays."
MADE = "Made by this sync: contactsync deletes nothing."
TAKEN_OUT = "Taken out of the campaign by this sync: add the member again in the CRM, if it is missed."
GONE = "The record is no longer in the CRM, or cannot be seen there."
CONVERTED = "The Lead has been converted since: a converted Lead is never written."
NOTHING_LEFT = "Nothing of what this sync wrote is still there."
FAILED = "This step failed: it changed nothing."


@dataclass
class _Change:
    """What a run wrote to one record: the value before the run and the value after it, by field."""

    ref: RecordRef
    old: dict[str, Scalar] = field(default_factory=dict)
    new: dict[str, Scalar] = field(default_factory=dict)


def undo_wanted(steps: Sequence[Mapping[str, Any]], campaigns: Iterable[str] = ()) -> Wanted:
    """What must be read before a run is undone. `campaigns`: where the run's contact is a member, when it changed a status
    (a membership is read by campaign and person).
    """
    ids: dict[RecordKind, set[str]] = {}
    fields: dict[RecordKind, set[str]] = {}
    changes = _changes(steps)
    for change in changes:
        if change.ref.kind in MAPPED:
            ids.setdefault(change.ref.kind, set()).add(change.ref.id)
            fields.setdefault(change.ref.kind, set()).update(change.new)
    changed = {change.ref.kind for change in changes}
    for ref in map(_ref_of, steps):
        beside = RecordKind.MEMBER in changed and ref is not None and ref.kind.is_person
        around = RecordKind.ATTENDEE in changed and ref is not None and ref.kind is RecordKind.ACTIVITY
        if ref is not None and (beside or around):
            ids.setdefault(ref.kind, set()).add(ref.id)
    return Wanted(
        ids={kind: frozenset(found) for kind, found in ids.items()},
        campaigns=frozenset(campaigns) if RecordKind.MEMBER in changed else frozenset(),
        fields={kind: frozenset(names) for kind, names in fields.items()},
    )


def plan_undo(steps: Sequence[Mapping[str, Any]], found: Found) -> tuple[Step, ...]:
    """The steps that put a run back, in the order of the run's own.

    updated     back to the value before, field by field, where the CRM still holds what the run wrote; the others are left
    created     left: contactsync deletes nothing
    removed     left: a membership that was taken out is not made again by itself
    left, or failed before there was a record: no step

    `found` is what `undo_wanted(steps, …)` asked for. Step ids: u1 …
    """
    held = _held(found)
    converted = {person.ref for person in found.people if person.converted}
    changes = {change.ref: change for change in _changes(steps)}
    made: list[Step] = []
    seen: set[RecordRef] = set()
    for step in steps:
        ref = _ref_of(step)
        if ref is None or ref in seen or step["action"] == Action.LEAVE.value:
            continue
        seen.add(ref)
        step_id = f"u{len(made) + 1}"
        if ref in changes:
            made.append(_put_back(step_id, changes[ref], held.get(ref), ref in converted))
        else:
            made.append(Step(step_id, Action.LEAVE, ref.kind, ref, why=(_left_because(step),)))
    return tuple(made)


def _left_because(step: Mapping[str, Any]) -> str:
    if step.get("problem"):
        return FAILED
    return MADE if step["action"] == Action.CREATE.value else TAKEN_OUT


def _put_back(step_id: str, change: _Change, now: Mapping[str, Scalar] | None, converted: bool) -> Step:
    ref = change.ref
    if now is None or converted:
        return Step(step_id, Action.LEAVE, ref.kind, ref, why=(GONE if now is None else CONVERTED,))
    fields: dict[str, FieldValue] = {}
    before: dict[str, Scalar] = {}
    left: dict[str, str] = {}
    for name, new in change.new.items():
        if not _holds(ref.kind, now.get(name), new):
            left[name] = CHANGED_SINCE
        elif not _holds(ref.kind, now.get(name), change.old[name]):
            fields[name] = _word(ref.kind, change.old[name])
            before[name] = now.get(name)
    if not fields:
        return Step(step_id, Action.LEAVE, ref.kind, ref, why=(NOTHING_LEFT,), field_why=left)
    return Step(step_id, Action.UPDATE, ref.kind, ref, fields, before, (PUT_BACK,), left)


def _holds(kind: RecordKind, now: Scalar, value: Scalar) -> bool:
    return same(_word(kind, now), _word(kind, value))


def _word(kind: RecordKind, value: Scalar) -> Scalar:
    """Answers of attendees are our own words, whatever the CRM's spelling."""
    return value.lower() if kind is RecordKind.ATTENDEE and isinstance(value, str) else value


def _changes(steps: Sequence[Mapping[str, Any]]) -> list[_Change]:
    """The updates of a run by record, each once: the oldest value before, the newest after."""
    changes: dict[RecordRef, _Change] = {}
    for step in steps:
        ref = _ref_of(step)
        if ref is None or step["action"] != Action.UPDATE.value or not _may_be_done(step):
            continue
        change = changes.setdefault(ref, _Change(ref))
        for name, values in step["fields"].items():
            change.old.setdefault(name, values["old"])
            change.new[name] = values["new"]
    return list(changes.values())


def _may_be_done(step: Mapping[str, Any]) -> bool:
    """A step that failed wrote nothing, unless only its answer was lost."""
    return step.get("problem") in (None, "answer_lost")


def _ref_of(step: Mapping[str, Any]) -> RecordRef | None:
    return RecordRef(RecordKind(step["object"]), step["crm_id"]) if step.get("crm_id") else None


def _held(found: Found) -> dict[RecordRef, Mapping[str, Scalar]]:
    """The present values of everything that was found, by the names that steps have for them."""
    return dict(_each_held(found))


def _each_held(found: Found) -> Iterator[tuple[RecordRef, Mapping[str, Scalar]]]:
    records: list[FoundPerson | FoundAccount | FoundCampaign | FoundActivity]
    records = [*found.people, *found.accounts, *found.campaigns, *found.activities]
    for record in records:
        yield record.ref, record.fields
    for member in found.members:
        yield member.ref, {"status": member.status}
    for activity in found.activities:
        for attendee in activity.attendees:
            yield attendee.ref, {"status": attendee.status}
