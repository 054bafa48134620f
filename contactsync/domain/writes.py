"""Which CRM fields a step writes: rules against what the source says and what the CRM holds (rules 3 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.domain.crm import Action, FieldValue, RecordRef, Step
from contactsync.domain.mapping import FieldRule, WriteMode
from contactsync.domain.records import Scalar
from contactsync.domain.values import is_blank, same, text_of

Said = Callable[[FieldRule], Iterable[FieldValue]]
"""What the source says for a rule, newest first. A path never said is not there; None: it was cleared."""


@dataclass
class Writes:
    """New values by CRM field, the old ones beside them."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    before: dict[str, Scalar] = field(default_factory=dict)


def new_record(rules: Sequence[FieldRule], said: Said) -> Writes:
    """The fields of a record that is made: every rule that has something to say. Of two rules for one field, the first."""
    writes = Writes()
    for rule in rules:
        if rule.target in writes.fields:
            continue
        value, _ = _decided(rule, said)
        if value is None:
            value = _default(rule)
        if value is not None:
            writes.fields[rule.target] = value
    return writes


def changed_record(
    rules: Sequence[FieldRule], said: Said, held: Mapping[str, Scalar], keep: Callable[[FieldRule], bool] | None = None
) -> Writes:
    """The fields of a record that is there already, as far as they change.

    * `always` overwrites, `if_empty` fills what the CRM holds nothing in, `on_create` is over. `keep(rule)`: this rule
      only fills, whatever its mode.
    * Blank never erases, unless the rule says `clear` and the source cleared the value.
    * A default fills a gap; it never overwrites what the CRM holds: a blank source does not know better.
    """
    writes = Writes()
    settled: set[str] = set()
    for rule in rules:
        if rule.mode is WriteMode.ON_CREATE or rule.target in settled:
            continue
        value, cleared = _decided(rule, said)
        fills_only = rule.mode is WriteMode.IF_EMPTY or (keep is not None and keep(rule))
        if value is None:
            value = _default(rule)
            fills_only = fills_only or not cleared
        if value is None and not cleared:
            continue
        settled.add(rule.target)
        now = held.get(rule.target)
        if same(now, value) or (fills_only and not is_blank(now)):
            continue
        writes.fields[rule.target] = value
        writes.before[rule.target] = now
    return writes


def written(step_id: str, ref: RecordRef, writes: Writes, why: tuple[str, ...]) -> Step:
    """The step for a record that is there already: changed where there is something to change, else left."""
    if not writes.fields:
        return Step(step_id, Action.LEAVE, ref.kind, ref, why=(*why, "Nothing to change."))
    return Step(step_id, Action.UPDATE, ref.kind, ref, writes.fields, writes.before, why)


def _decided(rule: FieldRule, said: Said) -> tuple[FieldValue, bool]:
    """The newest value that is not blank, as the CRM calls it, else None; and whether the source and the rule clear it."""
    for value in said(rule):
        if value is None and rule.clear:
            return None, True
        translated = _translated(rule, value)
        if not is_blank(translated):
            return translated, False
    return None, False


def _default(rule: FieldRule) -> FieldValue:
    return None if is_blank(rule.default) else rule.default


def _translated(rule: FieldRule, value: FieldValue) -> FieldValue:
    if isinstance(value, str):
        value = value.strip()
    if rule.values and not is_blank(value) and isinstance(value, str | int | float):
        return rule.values.get(text_of(value), value)
    return value
