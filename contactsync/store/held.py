"""Stored records while deliveries are merged into them: read together, merged one change after the other, written together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import Stamped, from_json, merge, values
from contactsync.domain.records import Scalar
from contactsync.store.due import chunks

Row = dict[str, Any]


@dataclass
class Held:
    """A stored record while it is merged: `key` None until it is inserted. `before`: its values as the database has them."""

    name: str
    key: int | None = None
    state: dict[str, Stamped] = field(default_factory=dict)
    before: dict[str, Scalar] = field(default_factory=dict)
    touched: bool = False

    def merge(self, changes: dict[str, Scalar], version: str) -> None:
        """Bring one change in."""
        merged = merge(self.state, changes, version)
        self.touched = self.touched or merged != self.state
        self.state = merged

    @property
    def changed(self) -> bool:
        """Whether a value differs from what the database holds, not merely a version."""
        return self.key is None or values(self.state) != self.before


RowOf = Callable[[Held], Row]


def held_records(db: Db, table: sa.Table, column: sa.Column[str], org_id: int, keys: set[str]) -> dict[str, Held]:
    """The org's records that have one of these keys in the column, new ones for those that nobody has."""
    held = {key: Held(key) for key in sorted(keys)}
    for some in chunks(keys):
        query = sa.select(table.c.id, column.label("named"), table.c.fields).where(
            table.c.org_id == org_id, column.in_(some)
        )
        for row in db.execute(query):
            state = from_json(row.fields)
            held[row.named] = Held(row.named, row.id, state, values(state))
    return held


def save(db: Db, table: sa.Table, held: dict[str, Held], row_of: RowOf, first: Callable[[str], Row]) -> None:
    """Write what was touched: `row_of(record)` gives the columns that hold now, `first(name)` a new row's own."""
    new = [{**first(record.name), **row_of(record)} for record in held.values() if record.key is None]
    if new:
        db.execute(sa.insert(table), new)
    old = [
        {"b_id": record.key, **row_of(record)} for record in held.values() if record.key is not None and record.touched
    ]
    for names in {tuple(sorted(row)) for row in old}:
        rows = [row for row in old if tuple(sorted(row)) == names]
        settable: dict[str, Any] = {name: sa.bindparam(name) for name in names if name != "b_id"}
        if "change" in settable:
            settable["change"] = table.c.change + 1
            rows = [{name: value for name, value in row.items() if name != "change"} for row in rows]
        db.execute(sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(settable), rows)
