"""How many records there are by status and by problem, kept by the database: reading them costs the same whatever there is.

Triggers (migration 0005) count with every change, whoever makes it. On SQLite into `record_count` itself, for it has one
writer at a time. On Postgres two transactions that change one count would wait for each other, and lock each other out: there
each statement adds what it changed to `record_count_change`, and `fold` gathers that. The sum of both is exact at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store.tables_counted import record_count, record_count_change

FOLDED_AT_ONCE = 50_000
"""Changes that one transaction gathers; a clock's turn finds a few thousand where a worker is busy."""

_FOLD_LOCK = 4_721_016_202  # any number: Postgres advisory lock of the one that folds


@dataclass(frozen=True)
class Counted:
    """How many records of an org are in a status. `problem_key`: "" for those that no problem holds."""

    org_id: int
    subject: str
    status: str
    problem_key: str
    records: int


def counted(db: Db, org_id: int | None) -> tuple[Counted, ...]:
    """Every count that is not 0, of one org or (None) of all: contact, event and meeting by status and problem, delivery by
    status, if it was rejected or failed.
    """
    keys = ("org_id", "subject", "status", "problem_key")
    sums = [sa.select(*(table.c[key] for key in keys), amount.label("records")) for table, amount in _PARTS]
    if org_id is not None:
        sums = [part.where(table.c.org_id == org_id) for part, (table, _) in zip(sums, _PARTS, strict=True)]
    every = sa.union_all(*sums).subquery()
    total = sa.func.sum(every.c.records)
    query = sa.select(*(every.c[key] for key in keys), total).group_by(*(every.c[key] for key in keys))
    return tuple(Counted(*row[:4], int(row[4])) for row in db.execute(query.having(total != 0)))


def problem_keys(org_id: int, subject: str) -> sa.Select[tuple[str]]:
    """The keys (`problem_key`) of the org's problems that held, not long ago at least, some record of this subject."""
    columns = (table.c for table, _ in _PARTS)
    parts = (
        sa.select(c.problem_key).where(c.org_id == org_id, c.subject == subject, c.problem_key != "") for c in columns
    )
    every = sa.union(*parts).subquery()
    return sa.select(every.c.problem_key)


_PARTS = (
    (record_count, record_count.c.records),
    (record_count_change, record_count_change.c.change),
)


def fold(db: Db, most: int = FOLDED_AT_ONCE) -> int:
    """Gather up to `most` changes into the counts; answers how many. Nothing while another process does so.

    For the one that keeps house; nobody's writes wait for it.
    """
    if db.dialect.name != "postgresql":
        db.execute(_DROP_ZEROS)
        return 0
    if not db.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_FOLD_LOCK))).scalar_one():
        return 0
    folded = db.execute(_FOLD, {"most": most}).scalar_one()
    if folded:
        db.execute(_DROP_ZEROS)
    return int(folded)


_DROP_ZEROS = sa.delete(record_count).where(record_count.c.records == 0)

_FOLD = sa.text("""
WITH taken AS (
    DELETE FROM record_count_change
    WHERE id IN (SELECT id FROM record_count_change ORDER BY id LIMIT :most)
    RETURNING org_id, subject, status, problem_key, change
), gathered AS (
    INSERT INTO record_count AS c (org_id, subject, status, problem_key, records)
    SELECT org_id, subject, status, problem_key, sum(change)
    FROM taken
    GROUP BY org_id, subject, status, problem_key
    ON CONFLICT (org_id, subject, status, problem_key) DO UPDATE SET records = c.records + excluded.records
)
SELECT count(*) FROM taken
""")
