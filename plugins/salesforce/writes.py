"""From steps to rows and calls. Pure: what is sent, in which order, packed how. `apply.py` sends it.

    few rows (at most 25):  one composite of single records, later ones naming earlier ones by reference
    many:                   levels (what needs nothing, then what needs those, …), each level as collections of 200,
                            five of them to a composite

A text that holds `@{` would be taken for a reference inside a composite, so its row travels in a collection outside one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contactsync.api import Action, Failure, FieldValue, Next, Problem, RecordKind, RecordRef, Scalar, Step, StepRef

from .advice import MARKETER
from .errors import object_label
from .ids import full_id, kind_of
from .soql import REFERENCE, is_identifier
from .wire import MOST_SUBREQUESTS, Subrequest

MOST_RECORDS = 200
MOST_CHARACTERS = 2_000_000  # of one collection: people's notes may hold 32,000 each
SPLIT = 5

AUTO_ASSIGN_OFF = {"Sforce-Auto-Assign": "FALSE"}
"""An absent header means that active assignment rules run, and may give the record another owner."""

_PERSON_FIELDS = {RecordKind.LEAD: "LeadId", RecordKind.CONTACT: "ContactId"}
_RESERVED = frozenset({"id", "attributes"})


@dataclass(frozen=True)
class Row:
    """One record to write. `fields` are named as Salesforce names them; `needs`: the steps whose records it mentions."""

    step: Step
    fields: Mapping[str, FieldValue] = field(repr=False)
    needs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The step's id."""
        return self.step.id

    @property
    def creates(self) -> bool:
        """Whether the record is new."""
        return self.step.action is Action.CREATE

    @property
    def rules_off(self) -> bool:
        """Whether assignment rules must keep off: we set the owner, or the lead has one already.

        A new lead without an owner is given one by the rules, as every other new lead.
        """
        owned = self.fields.get("OwnerId") is not None
        return owned or (self.step.kind is RecordKind.LEAD and not self.creates)

    @property
    def direct(self) -> bool:
        """Whether it must stay out of composites."""
        return any(isinstance(value, str) and REFERENCE in value for value in self.fields.values())

    @property
    def size(self) -> int:
        """About how many characters it takes."""
        return 80 + sum(len(name) + len(str(value)) + 6 for name, value in self.fields.items())


@dataclass(frozen=True)
class Collection:
    """Up to 200 rows that travel together: of one kind, all new or all changed, with the same headers."""

    rows: tuple[Row, ...]

    @property
    def direct(self) -> bool:
        """Whether it must stay out of composites."""
        return self.rows[0].direct

    def parts(self) -> list[Collection]:
        """The same rows in up to five smaller ones: to find the row that spoils the whole."""
        size = -(-len(self.rows) // SPLIT)
        return [Collection(self.rows[start : start + size]) for start in range(0, len(self.rows), size)]

    def without(self, names: Iterable[str]) -> tuple[list[Row], list[Row]]:
        """The rows that use one of these fields, and those that do not."""
        lower = {name.lower() for name in names}
        using = [row for row in self.rows if any(name.lower() in lower for name in row.fields)]
        return using, [row for row in self.rows if row not in using]


def row_of(step: Step, kinds: Mapping[str, RecordKind]) -> Row | Failure:
    """The row of a writing step, or why it cannot be one. `kinds`: of the steps before it, by their id."""
    fields = _member_fields(step, kinds) if step.kind is RecordKind.MEMBER else step.fields
    if isinstance(fields, Failure):
        return fields
    for name, value in fields.items():
        if not is_identifier(name) or name.lower() in _RESERVED:
            return _no_such_field(step, name)
        if isinstance(value, float) and not math.isfinite(value):
            return _no_number(step, name)
    needs = tuple(dict.fromkeys(value.step_id for value in fields.values() if isinstance(value, StepRef)))
    if any(need not in kinds for need in needs):
        return _impossible(step, "unknown_step", "It names a record that no earlier step makes.")
    return Row(step, fields, needs)


def levels(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows by when they can be written: each level needs only what is before it, and names no record twice."""
    depth: dict[str, int] = {}
    last_write: dict[str, int] = {}
    made: list[list[Row]] = []
    for row in rows:
        level = max((depth[need] + 1 for need in row.needs if need in depth), default=0)
        if row.step.ref:
            record_id = full_id(row.step.ref.id)
            level = max(level, last_write.get(record_id, -1) + 1)
            last_write[record_id] = level
        depth[row.id] = level
        made += [[] for _ in range(level + 1 - len(made))]
        made[level].append(row)
    return made


def fits_one_composite(rows: Sequence[Row]) -> bool:
    """Whether the rows can go as single records with references.

    A reference names a record that is made in the same composite; a changed record's answer has nothing to name.
    """
    made_here = {row.id for row in rows if row.creates}
    known = {row.id for row in rows}
    return (
        len(rows) <= MOST_SUBREQUESTS
        and not any(row.direct for row in rows)
        and all(need in made_here for row in rows for need in row.needs if need in known)
        and sum(row.size for row in rows) <= MOST_CHARACTERS
    )


def single(row: Row, ids: Mapping[str, str]) -> Subrequest:
    """One record of a composite. `ids`: of the steps that are done already; others are named by reference."""
    values = {name: _value(value, ids) for name, value in row.fields.items()}
    headers = AUTO_ASSIGN_OFF if row.rules_off else {}
    if row.step.ref is None:
        return Subrequest(_reference(row.id), "POST", f"sobjects/{row.step.kind}", values, headers)
    return Subrequest(_reference(row.id), "PATCH", f"sobjects/{row.step.kind}/{row.step.ref.id}", values, headers)


def collections(rows: Iterable[Row]) -> list[Collection]:
    """The rows of one level, packed: each collection of one kind, all new or all changed, with the same headers."""
    groups: dict[tuple[bool, RecordKind, bool, bool], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.direct, row.step.kind, row.creates, row.rules_off), []).append(row)
    made = []
    for key in sorted(groups, reverse=True):  # those outside composites first: what stays can fill composites
        made += [Collection(tuple(piece)) for piece in _pieces(groups[key])]
    return made


def collection_request(collection: Collection, reference: str, ids: Mapping[str, str]) -> Subrequest:
    """A collection as a call or a part of a composite; every step it needs is done."""
    records = []
    for row in collection.rows:
        record: dict[str, Any] = {"attributes": {"type": str(row.step.kind)}}
        if row.step.ref:
            record["id"] = row.step.ref.id
        record |= {name: _value(value, ids) for name, value in row.fields.items()}
        records.append(record)
    first = collection.rows[0]
    body = {"allOrNone": False, "records": records}
    headers = AUTO_ASSIGN_OFF if first.rules_off else {}
    return Subrequest(reference, "POST" if first.creates else "PATCH", "composite/sobjects", body, headers)


def _pieces(rows: Sequence[Row]) -> Iterator[list[Row]]:
    piece: list[Row] = []
    size = 0
    for row in rows:
        if piece and (len(piece) == MOST_RECORDS or size + row.size > MOST_CHARACTERS):
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += row.size
    if piece:
        yield piece


def _value(value: FieldValue, ids: Mapping[str, str]) -> Scalar:
    if isinstance(value, RecordRef):
        return value.id
    if not isinstance(value, StepRef):
        return value
    known = ids.get(value.step_id)
    return known if known is not None else f"@{{{_reference(value.step_id)}.id}}"


def _reference(step_id: str) -> str:
    return f"step_{step_id}"


def _member_fields(step: Step, kinds: Mapping[str, RecordKind]) -> Mapping[str, FieldValue] | Failure:
    """The words of a member's step as Salesforce's fields. Campaign and person cannot be changed later."""
    fields: dict[str, FieldValue] = {}
    if "status" in step.fields:
        fields["Status"] = step.fields["status"]
    if step.action is not Action.CREATE:
        return fields
    person = step.fields.get("person")
    kind = kinds.get(person.step_id) if isinstance(person, StepRef) else _kind_named(person)
    if kind not in _PERSON_FIELDS:
        return _impossible(step, "no_person_for_member", "A campaign member needs a lead or a contact.")
    campaign = step.fields.get("campaign")
    if not isinstance(campaign, str) or kind_of(campaign) is not RecordKind.CAMPAIGN:
        return _impossible(
            step,
            "campaign_not_found",
            "What the event is connected to is no campaign: a campaign's id begins with 701.",
            "Connect the event to a campaign.",
        )
    return {"CampaignId": campaign, _PERSON_FIELDS[kind]: person, **fields}


def _kind_named(person: FieldValue) -> RecordKind | None:
    return person.kind if isinstance(person, RecordRef) else kind_of(str(person or ""))


def _no_such_field(step: Step, name: str) -> Failure:
    shown = ascii(name)[1:-1][:80]
    problem = Problem(
        "invalid_field_name",
        f"The mapping of {object_label(step.kind)} names a field that cannot be written: {shown}.",
        "Write the field's API name in the mapping, as in Title or Region__c.",
        fields=(shown,),
    )
    return Failure(Next.STOP, problem)


def _no_number(step: Step, name: str) -> Failure:
    problem = Problem(
        "not_a_number",
        f"The value for {name} on the {object_label(step.kind)} is not a finite number.",
        "Correct it at the source.",
        MARKETER,
        (name,),
    )
    return Failure(Next.STOP, problem)


def _impossible(step: Step, code: str, cause: str, fix: str = "Report this to the makers of contactsync.") -> Failure:
    return Failure(Next.STOP, Problem(code, cause, fix, fields=(object_label(step.kind),)))
