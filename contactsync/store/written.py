"""What we last wrote to CRM records, as marks of the values: for rules that overwrite only what is ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.batch import Written
from contactsync.domain.crm import RecordKind, RecordRef
from contactsync.store import tables as t
from contactsync.store.due import chunks


def marks_of(db: Db, connection_id: int, refs: Iterable[RecordRef]) -> Written:
    """The marks of the fields that we wrote last, by record; a record that we never wrote is absent."""
    of_kind: dict[RecordKind, set[str]] = {}
    for ref in refs:
        of_kind.setdefault(ref.kind, set()).add(ref.id)
    marks: dict[RecordRef, Mapping[str, str]] = {}
    for kind, ids in of_kind.items():
        for some in chunks(ids):
            query = sa.select(t.written.c.crm_id, t.written.c.marks).where(
                t.written.c.connection_id == connection_id, t.written.c.kind == kind, t.written.c.crm_id.in_(some)
            )
            marks |= {RecordRef(kind, row.crm_id): row.marks for row in db.execute(query)}
    return marks


def keep_marks(db: Db, connection_id: int, marks: Mapping[RecordRef, Mapping[str, str]]) -> None:
    """Add the marks of what was just written to those that are kept; a field written anew has its new mark."""
    rows: list[dict[str, Any]] = [
        {"connection_id": connection_id, "kind": ref.kind.value, "crm_id": ref.id, "marks": dict(said)}
        for ref, said in sorted(marks.items(), key=lambda item: (item[0].kind, item[0].id))
        if said
    ]
    if not rows:
        return
    on_postgres = db.dialect.name == "postgresql"
    insert: Any = postgresql.insert if on_postgres else sqlite.insert
    statement = insert(t.written)
    added = statement.excluded.marks
    # Both merge by key, the added ones before those that were there.
    merged = t.written.c.marks.op("||")(added) if on_postgres else sa.func.json_patch(t.written.c.marks, added)
    db.execute(
        statement.on_conflict_do_update(index_elements=["connection_id", "kind", "crm_id"], set_={"marks": merged}),
        rows,
    )
