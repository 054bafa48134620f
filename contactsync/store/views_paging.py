"""Pages of what an org has: newest first by id, each page one range of an index, however many rows others have.

A page starts below the last id of the page before it, so rows that arrive meanwhile neither repeat nor hide any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Record = dict[str, Any]
"""A JSON object as the API shows it; times are aware datetimes."""


@dataclass(frozen=True)
class Page:
    """Some records, and where the next page starts (None: there is none)."""

    items: tuple[Record, ...]
    next: int | None = None


@dataclass(frozen=True)
class Slice:
    """Which page: at most `limit` records below the id `before`."""

    limit: int = 50
    before: int | None = None

    @property
    def most(self) -> int:
        """One more than the page shows tells whether there is a next one."""
        return self.limit + 1

    def cut(self, rows: Sequence[sa.Row[Any]]) -> tuple[Sequence[sa.Row[Any]], int | None]:
        """The rows of this page, out of `most` read ones, and the id below which the next page starts."""
        shown = rows[: self.limit]
        return shown, shown[-1].id if len(rows) > self.limit else None


def newest(table: sa.Table, where: sa.ColumnElement[bool], part: Slice) -> sa.Select[Any]:
    """The ids of the rows that hold, newest first, as many as the page needs."""
    query = sa.select(table.c.id).where(where)
    if part.before is not None:
        query = query.where(table.c.id < part.before)
    return query.order_by(table.c.id.desc()).limit(part.most)


def newest_by_status(
    table: sa.Table, org_id: int, statuses: Sequence[str], part: Slice, *, column: sa.Column[Any] | None = None
) -> sa.Select[Any]:
    """The same for tables with the index (org_id, status, id): one range of it per status, merged. `column`: the status,
    where it has another name.

    Without the status an org with few rows would have to be picked out of everybody's rows.
    """
    named = table.c.status if column is None else column
    ranges = [
        sa.select(newest(table, sa.and_(table.c.org_id == org_id, named == status), part).subquery().c.id)
        for status in statuses
    ]
    merged = sa.union_all(*ranges).subquery()
    return sa.select(merged.c.id).order_by(merged.c.id.desc()).limit(part.most)
