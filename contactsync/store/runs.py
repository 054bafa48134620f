"""Runs as they are kept, for what is made of them later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t


@dataclass(frozen=True)
class KeptRun:
    """One run. `steps` as `domain.shown.shown` makes them; `connection_id` None: from before runs named theirs."""

    id: int
    subject: str
    source_id: str
    connection_id: int | None
    steps: tuple[dict[str, Any], ...]
    undoes: int | None


def read_run(db: Db, org_id: int, run_id: int) -> KeptRun | None:
    """One run of the org; None: it has none of that number."""
    row = db.execute(sa.select(t.sync_run).where(t.sync_run.c.org_id == org_id, t.sync_run.c.id == run_id)).first()
    if row is None:
        return None
    return KeptRun(row.id, row.subject, row.source_id, row.connection_id, tuple(row.steps or ()), row.undoes)
