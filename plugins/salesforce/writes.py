"""From rows to calls. Pure: what is sent, in which order, packed how. `apply.py` sends it.

    few rows (at most 25):  one composite of single records, later ones naming earlier ones by reference; what must be done
                            before others without being named by them goes in a composite ahead
    many:                   levels (what needs nothing, then what needs those, …), each level as collections of 200,
                            five of them to a composite

A text that holds `@{` would be taken for a reference inside a composite, so its row travels in a collection outside one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from contactsync.api import FieldValue, RecordKind, RecordRef, Scalar, StepRef

from .ids import full_id, object_name
from .rows import Row
from .wire import MOST_SUBREQUESTS, Subrequest

MOST_RECORDS = 200
MOST_CHARACTERS = 2_000_000  # of one collection: people's notes may hold 32,000 each
SPLIT = 5


@dataclass(frozen=True)
class Collection:
    """Up to 200 rows that travel together: of one kind, all new, all changed or all to go, with the same headers."""

    rows: tuple[Row, ...]

    @property
    def direct(self) -> bool:
        """Whether it must stay out of composites."""
        return self.rows[0].direct

    def parts(self) -> list[Collection]:
        """The same rows in up to five smaller ones: to find the row that spoils the whole."""
        return self.pieces(-(-len(self.rows) // SPLIT))

    def pieces(self, most: int) -> list[Collection]:
        """The same rows in pieces of at most so many."""
        return [Collection(self.rows[start : start + most]) for start in range(0, len(self.rows), most)]

    def without(self, names: Iterable[str]) -> tuple[list[Row], list[Row]]:
        """The rows that use one of these fields, and those that do not."""
        lower = {name.lower() for name in names}
        using = [row for row in self.rows if any(name.lower() in lower for name in row.fields)]
        return using, [row for row in self.rows if row not in using]


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


def stages(rows: Sequence[Row]) -> list[list[Row]]:
    """Few rows in the composites they need: a member whose new status failed must not be made, and only an answer tells.

    Many rows are one stage: their levels keep the order.
    """
    by_id = {row.id: row for row in rows}
    waiting = [after for row in rows for after in row.step.after if after in by_id]
    ahead: set[str] = set()
    while waiting:
        row = by_id[waiting.pop()]
        if row.id not in ahead:
            ahead.add(row.id)
            waiting += [need for need in row.needs if need in by_id]
    if not ahead or len(rows) > MOST_SUBREQUESTS:
        return [list(rows)]
    return [[row for row in rows if row.id in ahead], *stages([row for row in rows if row.id not in ahead])]


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
    path = f"sobjects/{object_name(row.step.kind)}"
    if row.step.ref is None:
        return Subrequest(_reference(row.id), "POST", path, values, row.headers)
    path = f"{path}/{quote(row.step.ref.id, safe='')}"
    if row.removes:
        return Subrequest(_reference(row.id), "DELETE", path, headers=row.headers)
    return Subrequest(_reference(row.id), "PATCH", path, values, row.headers)


def collections(rows: Iterable[Row]) -> list[Collection]:
    """The rows of one level, packed: each collection of one kind and one action, with the same headers."""
    groups: dict[tuple[bool, RecordKind, bool, bool, bool, bool], list[Row]] = {}
    for row in rows:
        key = (row.direct, row.step.kind, row.creates, row.removes, row.rules_off, row.step.save_duplicates)
        groups.setdefault(key, []).append(row)
    made = []
    for key in sorted(groups, reverse=True):  # those outside composites first: what stays can fill composites
        made += [Collection(tuple(piece)) for piece in _pieces(groups[key])]
    return made


def collection_request(collection: Collection, reference: str, ids: Mapping[str, str]) -> Subrequest:
    """A collection as a call or a part of a composite; every step it needs is done."""
    first = collection.rows[0]
    if first.removes:
        listed = ",".join(quote(row.step.ref.id, safe="") for row in collection.rows if row.step.ref)
        return Subrequest(reference, "DELETE", f"composite/sobjects?ids={listed}&allOrNone=false")
    records = []
    for row in collection.rows:
        record: dict[str, Any] = {"attributes": {"type": object_name(row.step.kind)}}
        if row.step.ref:
            record["id"] = row.step.ref.id
        record |= {name: _value(value, ids) for name, value in row.fields.items()}
        records.append(record)
    body = {"allOrNone": False, "records": records}
    return Subrequest(reference, "POST" if first.creates else "PATCH", "composite/sobjects", body, first.headers)


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
