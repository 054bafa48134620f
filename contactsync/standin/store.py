"""The records of one org in memory: look-ups that stay quick, and a journal that can take changes back.

Records are replaced, never changed in place, so a reader may keep one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contactsync.standin.ids import make_id
from contactsync.standin.schema import SObject

Record = dict[str, Any]
_Index = dict[object, dict[str, None]]


def index_key(value: object) -> object:
    """What an index files a value under: Salesforce compares text without regard to case [MEM]."""
    return value.lower() if isinstance(value, str) else value


class Store:
    """Live and deleted records by object and id."""

    def __init__(self) -> None:
        self.live: dict[str, dict[str, Record]] = {}
        self.deleted: dict[str, dict[str, Record]] = {}
        self._indexes: dict[str, dict[str, _Index]] = {}
        self._numbers: dict[str, int] = {}
        self._journal: list[tuple[str, str, Record | None, Record | None]] = []

    def next_id(self, sobject: SObject) -> str:
        """A fresh id. Numbers are never used again, not even after a rollback, as in Salesforce."""
        number = self._numbers.get(sobject.name, 0) + 1
        self._numbers[sobject.name] = number
        return make_id(sobject.prefix, number)

    def get(self, sobject: str, record_id: str) -> Record | None:
        """The live record, or None."""
        return self.live.get(sobject, {}).get(record_id)

    def get_deleted(self, sobject: str, record_id: str) -> Record | None:
        """The deleted record, or None."""
        return self.deleted.get(sobject, {}).get(record_id)

    def all(self, sobject: str) -> Iterable[Record]:
        """All live records of an object."""
        return self.live.get(sobject, {}).values()

    def put(self, sobject: str, record: Record) -> None:
        """Keep a new record, or the new version of one."""
        self._replace(sobject, record["Id"], record, None)

    def delete(self, sobject: str, record: Record) -> None:
        """Move a record to the deleted ones."""
        self._replace(sobject, record["Id"], None, {**record, "IsDeleted": True})

    def ids_by(self, sobject: str, field: str, values: Iterable[object]) -> dict[str, None]:
        """Ids of the live records whose field holds one of these values, through an index built on first use."""
        index = self._index(sobject, field)
        found: dict[str, None] = {}
        for value in values:
            found.update(index.get(index_key(value), {}))
        return found

    def find(self, sobject: str, field: str, value: object) -> list[Record]:
        """The live records whose field holds this value, oldest first."""
        records = self.live.get(sobject, {})
        return [records[found] for found in sorted(self.ids_by(sobject, field, [value]))]

    def mark(self) -> int:
        """A point in the journal to come back to."""
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Take back every change since the mark."""
        while len(self._journal) > mark:
            sobject, record_id, live, deleted = self._journal.pop()
            self._set(sobject, record_id, live, deleted)

    def commit(self) -> None:
        """Forget the journal: what happened stays."""
        self._journal.clear()

    def _index(self, sobject: str, field: str) -> _Index:
        by_field = self._indexes.setdefault(sobject, {})
        index = by_field.get(field)
        if index is None:
            index = by_field[field] = {}
            for record in self.all(sobject):
                index.setdefault(index_key(record.get(field)), {})[record["Id"]] = None
        return index

    def _replace(self, sobject: str, record_id: str, live: Record | None, deleted: Record | None) -> None:
        before = (self.get(sobject, record_id), self.get_deleted(sobject, record_id))
        self._journal.append((sobject, record_id, *before))
        self._set(sobject, record_id, live, deleted)

    def _set(self, sobject: str, record_id: str, live: Record | None, deleted: Record | None) -> None:
        old = self.get(sobject, record_id)
        for table, record in ((self.live, live), (self.deleted, deleted)):
            rows = table.setdefault(sobject, {})
            if record is None:
                rows.pop(record_id, None)
            else:
                rows[record_id] = record
        for field, index in self._indexes.get(sobject, {}).items():
            if old is not None and (live is None or live.get(field) != old.get(field)):
                index.get(index_key(old.get(field)), {}).pop(record_id, None)
            if live is not None:
                index.setdefault(index_key(live.get(field)), {})[record_id] = None
