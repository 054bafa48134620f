"""Which CRM fields a step writes: rules against what the source says and what the CRM holds (rules 3 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.domain.crm import Action, CrmField, FieldCatalog, FieldValue, RecordKind, RecordRef, Step, StepRef
from contactsync.domain.mapping import MAPPED_KINDS, FieldMapping, FieldRule, TooLong, WriteMode
from contactsync.domain.person import ERASED
from contactsync.domain.policy import MoveAccounts, Policies
from contactsync.domain.records import Scalar
from contactsync.domain.texts import appended, cut, room_in, separator_for
from contactsync.domain.values import is_blank, mark_of, same, text_of

Said = Callable[[FieldRule], Iterable[FieldValue]]
"""What the source says for a rule, newest first. A path never said is not there; None: it was cleared."""

NO_MARKS: Mapping[str, str] = {}

ADOPTED = "(adopted)"
"""Stands among a record's marks, where no field is called so: a duplicate rule took a contact for this record, whose e-mail
address is another one. It keeps its own: that the two are one person is the rule's guess."""

FILLED = "The CRM held nothing here."
CLEARED = "It was cleared at the source, and the rule clears."
TRANSLATED = "Translated by the rule's values."
DEFAULTED = "The source says nothing: the rule's default."
APPENDED = "Added to what the CRM held."
OURS = "The CRM still held what contactsync wrote."
KEPT_FILLED = "The CRM holds a value, and this rule only fills (if_empty)."
KEPT_ON_CREATE = "This rule writes new records only (on_create)."
KEPT_NOT_OURS = "The CRM holds something that contactsync did not write: it stays (if_ours)."
KEPT_APPENDED = "It is in there already, or the field is full."
KEPT_ERASED = (
    "What the source said named a person who was erased: what the CRM holds stays until the source says it anew."
)


@dataclass
class Writes:
    """New values by CRM field, the old ones beside them, and the reasons of fields, also of those that were left."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    before: dict[str, Scalar] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Decided:
    """What a rule would write. `cleared`: the source and the rule erase; `gap`: a default, or what an erasure left of a text,
    for want of anything else: it fills, and overwrites nothing.
    """

    value: FieldValue = None
    cleared: bool = False
    gap: bool = False
    erased: bool = False
    why: tuple[str, ...] = ()


_SILENT = _Decided()
"""The source says nothing for a rule."""


@dataclass(frozen=True)
class _Place:
    """A field of a record: what it holds, the mark of what we last wrote there, and what the CRM says about the field."""

    now: Scalar
    mark: str | None
    known: CrmField | None


def rules_need_catalog(mapping: FieldMapping) -> frozenset[RecordKind]:
    """The kinds whose rules can only be followed with the CRM's fields at hand: their types and lengths."""
    return frozenset(
        kind
        for kind in MAPPED_KINDS.values()
        if any(rule.mode is WriteMode.APPEND or rule.too_long is TooLong.TRUNCATE for rule in mapping.of(kind))
    )


def marks_needed(
    mapping: FieldMapping, policies: Policies, kinds: Collection[RecordKind] = tuple(MAPPED_KINDS.values())
) -> bool:
    """Whether a plan for records of these kinds must know what was last written to them."""
    rules = [rule for kind in kinds for rule in mapping.of(kind)]
    moves = policies.move_accounts is MoveAccounts.IF_OURS and RecordKind.CONTACT in kinds
    return any(rule.mode is WriteMode.IF_OURS or (moves and rule.source == "account") for rule in rules)


def new_record(rules: Sequence[FieldRule], said: Said, catalog: FieldCatalog | None = None) -> Writes:
    """The fields of a record that is made: every rule that has something to say. Of two rules for one field, the first."""
    writes = Writes()
    for rule in rules:
        if rule.target in writes.fields:
            continue
        decided = _decided(rule, said)
        if decided.value is None:
            continue
        value, notes = _fitted(rule, decided.value, _known(catalog, rule))
        writes.fields[rule.target] = value
        _tell(writes, rule, (*decided.why, *notes))
    return writes


def changed_record(
    rules: Sequence[FieldRule],
    said: Said,
    held: Mapping[str, Scalar],
    *,
    marks: Mapping[str, str] = NO_MARKS,
    catalog: FieldCatalog | None = None,
    mode_of: Callable[[FieldRule], WriteMode] | None = None,
) -> Writes:
    """The fields of a record that is there already, as far as they change.

    always     overwrites
    if_empty   fills what the CRM holds nothing in
    if_ours    overwrites nothing, or what we last wrote: `marks`, by field, as `mark_of` makes them
    append     adds what is not in there yet
    on_create  is over

    Blank never erases, unless the rule says `clear` and the source cleared the value. A default fills a gap; it never
    overwrites what the CRM holds: a blank source does not know better. Nor does a text from which an erasure took a person:
    the source never said it so. `catalog`: types and lengths, for the kinds of
    `rules_need_catalog`. `mode_of(rule)`: the mode that counts, where it is not the rule's own.
    """
    writes = Writes()
    settled: set[str] = set()
    for rule in rules:
        mode = mode_of(rule) if mode_of is not None else rule.mode
        decided = _decided(rule, said)
        if rule.target in settled or decided is _SILENT:
            continue
        place = _Place(held.get(rule.target), marks.get(rule.target), _known(catalog, rule))
        if mode is WriteMode.ON_CREATE:
            if not decided.gap and not same(place.now, _fitted(rule, decided.value, place.known)[0]):
                writes.why.setdefault(rule.target, KEPT_ON_CREATE)
            continue
        settled.add(rule.target)
        _write(writes, rule, WriteMode.IF_EMPTY if decided.gap else mode, decided, place)
    return writes


def would_write(mode: WriteMode, now: Scalar, mark: str | None) -> bool:
    """Whether a mode lets a field that holds `now` get another value; `mark`: of what we last wrote there, if anything."""
    match mode:
        case WriteMode.ALWAYS | WriteMode.APPEND:
            return True
        case WriteMode.IF_EMPTY:
            return is_blank(now)
        case WriteMode.IF_OURS:
            return is_blank(now) or (mark is not None and mark == mark_of(now))
        case WriteMode.ON_CREATE | WriteMode.OFF:
            return False


def created(step_id: str, kind: RecordKind, writes: Writes, why: tuple[str, ...], *, allow: bool = False) -> Step:
    """The step for a record that is made. `allow`: although a duplicate rule warns."""
    return Step(
        step_id, Action.CREATE, kind, fields=writes.fields, why=why, field_why=writes.why, save_duplicates=allow
    )


def written(step_id: str, ref: RecordRef, writes: Writes, why: tuple[str, ...], *, allow: bool = False) -> Step:
    """The step for a record that is there already: changed where there is something to change, else left."""
    if not writes.fields:
        return Step(step_id, Action.LEAVE, ref.kind, ref, why=(*why, "Nothing to change."), field_why=writes.why)
    return Step(
        step_id, Action.UPDATE, ref.kind, ref, writes.fields, writes.before, why, writes.why, save_duplicates=allow
    )


def _write(writes: Writes, rule: FieldRule, mode: WriteMode, decided: _Decided, at: _Place) -> None:
    if mode is WriteMode.APPEND and decided.value is None:
        return  # cleared: what others wrote beside it is theirs
    if mode is WriteMode.APPEND and not isinstance(decided.value, RecordRef | StepRef):
        value, notes, allowed = _appended(rule, decided.value, at.now, at.known)
        left = KEPT_APPENDED
    else:
        value, notes = _fitted(rule, decided.value, at.known)
        allowed = would_write(WriteMode.IF_EMPTY if mode is WriteMode.APPEND else mode, at.now, at.mark)
        left = KEPT_NOT_OURS if mode is WriteMode.IF_OURS else KEPT_FILLED
        if allowed and mode is not WriteMode.ALWAYS:
            notes = (FILLED if is_blank(at.now) else OURS, *notes)
    if allowed and not same(at.now, value):
        writes.fields[rule.target] = value
        writes.before[rule.target] = at.now
        _tell(writes, rule, (*decided.why, *notes))
    elif not allowed and (decided.erased or not decided.gap) and not same(at.now, value):
        writes.why[rule.target] = KEPT_ERASED if decided.erased else left


def _appended(
    rule: FieldRule, value: Scalar, now: Scalar, known: CrmField | None
) -> tuple[FieldValue, tuple[str, ...], bool]:
    """What the field holds with the value beside the old one, the notes, and whether that is something else."""
    if is_blank(now):
        fitted, notes = _fitted(rule, value, known)
        return fitted, (FILLED, *notes), True
    separator = separator_for(known) if rule.separator is None else rule.separator
    most = room_in(known) if rule.too_long is TooLong.TRUNCATE else None
    held, new = text_of(now), text_of(value)
    joined = appended(held, new, separator, most)
    if joined == held:
        return value, (), False
    whole = most is None or joined == appended(held, new, separator)
    return joined, (APPENDED,) if whole else (APPENDED, _cut_note(most)), True


def _fitted(rule: FieldRule, value: FieldValue, known: CrmField | None) -> tuple[FieldValue, tuple[str, ...]]:
    """The value as the field can take it, and what was done to it."""
    if rule.too_long is not TooLong.TRUNCATE or not isinstance(value, str):
        return value, ()
    most = room_in(known)
    if most is None or len(value) <= most:
        return value, ()
    return cut(value, most), (_cut_note(most),)


def _cut_note(most: int | None) -> str:
    return f"Cut to {most} characters: the field takes no more."


def _known(catalog: FieldCatalog | None, rule: FieldRule) -> CrmField | None:
    return catalog.fields.get(rule.target) if catalog is not None else None


def _decided(rule: FieldRule, said: Said) -> _Decided:
    """The newest value that is not blank, as the CRM calls it; else what clears the field, else the default."""
    cleared = False
    for value in said(rule):
        if value is None and rule.clear:
            cleared = True
            break
        plain = value.strip() if isinstance(value, str) else value
        translated = _translated(rule, plain) if rule.values else plain
        if isinstance(plain, str) and ERASED in plain:
            return _Decided(plain, gap=True, erased=True)
        if not is_blank(translated):
            return _Decided(translated, why=(TRANSLATED,) if translated is not plain else ())
    if not is_blank(rule.default):
        return _Decided(rule.default, cleared, gap=not cleared, why=(DEFAULTED,))
    return _Decided(cleared=True, why=(CLEARED,)) if cleared else _SILENT


def _translated(rule: FieldRule, value: FieldValue) -> FieldValue:
    if not is_blank(value) and isinstance(value, str | int | float):
        return rule.values.get(text_of(value), value)
    return value


def _tell(writes: Writes, rule: FieldRule, notes: Sequence[str]) -> None:
    if notes:
        writes.why[rule.target] = " ".join(dict.fromkeys(notes))
