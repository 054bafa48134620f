"""Counts of records by status and by problem, kept by the database itself; noted releases; pages of companies, events;
records of the CRM by their ids.

A later migration that makes one of the counted tables anew (all that SQLite can do to some columns) loses its triggers:
it has to make them again.
"""

# ruff: noqa: S608 - the statements are made of names that stand in this file

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The types stand here as they are now: a migration must not change when contactsync/store/tables.py does.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

COUNTED = {"contact": "status", "event": "sync_status", "meeting": "sync_status"}
"""The counted tables, with the column that holds a record's status."""

SHOWN = "('rejected', 'failed')"
"""The statuses of deliveries that are counted: those of every webhook (accepted, absorbed) would cost each of them a write."""


def upgrade() -> None:
    """Add the tables and the triggers, and count what is there: in this order, no writer comes in between."""
    op.create_table(
        "record_count",
        *_counted_columns(),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "subject", "status", "problem_key"),
    )
    op.create_table(
        "record_count_change",
        sa.Column("id", BigId, primary_key=True),
        *_counted_columns(),
        sa.Column("change", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_record_count_change_org", "record_count_change", ["org_id"])
    _pending_releases()
    op.create_index("ix_company_org", "company", ["org_id", "id"])
    op.create_index("ix_event_org", "event", ["org_id", "id"])
    op.create_index("ix_link_record", "link", ["connection_id", "kind", "crm_id"])
    statements = _on_sqlite() if op.get_bind().dialect.name == "sqlite" else _on_postgres()
    for statement in (*statements, *_first_counts()):
        op.get_bind().exec_driver_sql(statement)


def _pending_releases() -> None:
    op.create_table(
        "pending_release",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("org_id", sa.Integer, sa.ForeignKey("org.id", ondelete="CASCADE"), nullable=False),
        sa.Column("which", Json, nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_pending_release_org", "pending_release", ["org_id", "id"])


def _counted_columns() -> tuple[sa.Column[int], sa.Column[str], sa.Column[str], sa.Column[str]]:
    return (
        sa.Column("org_id", sa.Integer, sa.ForeignKey("org.id", ondelete="CASCADE"), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("problem_key", sa.String(16), nullable=False),
    )


def _first_counts() -> list[str]:
    into = "INSERT INTO record_count (org_id, subject, status, problem_key, records)"
    records = [
        f"{into} SELECT org_id, '{table}', coalesce({status}, ''), coalesce(problem_key, ''), count(*) FROM {table}"
        f" WHERE {status} IS NOT NULL OR problem_key IS NOT NULL GROUP BY 1, 2, 3, 4"
        for table, status in COUNTED.items()
    ]
    deliveries = f"{into} SELECT org_id, 'delivery', status, '', count(*) FROM delivery WHERE status IN {SHOWN}"
    return [*records, f"{deliveries} GROUP BY org_id, status"]


# ── SQLite: one writer at a time, so each change goes into the count itself ────────────────────────────────────────


def _on_sqlite() -> list[str]:
    made = []
    for table, status in COUNTED.items():
        held = {row: f"({row}.{status} IS NOT NULL OR {row}.problem_key IS NOT NULL)" for row in ("OLD", "NEW")}
        moved = f"OLD.{status} IS NOT NEW.{status} OR OLD.problem_key IS NOT NEW.problem_key"
        take, add = (
            _sqlite_count(
                table, row, f"coalesce({row}.{status}, '')", f"coalesce({row}.problem_key, '')", change, held[row]
            )
            for row, change in (("OLD", -1), ("NEW", 1))
        )
        made += [
            _sqlite_trigger(table, "added", "INSERT", held["NEW"], [add]),
            _sqlite_trigger(table, "removed", "DELETE", held["OLD"], [take]),
            _sqlite_trigger(table, "moved", f"UPDATE OF {status}, problem_key", moved, [take, add]),
        ]
    add = _sqlite_count("delivery", "NEW", "NEW.status", "''", 1, f"NEW.status IN {SHOWN}")
    take = _sqlite_count("delivery", "OLD", "OLD.status", "''", -1, f"OLD.status IN {SHOWN}")
    moved = f"OLD.status IS NOT NEW.status AND (OLD.status IN {SHOWN} OR NEW.status IN {SHOWN})"
    return [
        *made,
        _sqlite_trigger("delivery", "added", "INSERT", f"NEW.status IN {SHOWN}", [add]),
        _sqlite_trigger("delivery", "removed", "DELETE", f"OLD.status IN {SHOWN}", [take]),
        _sqlite_trigger("delivery", "moved", "UPDATE OF status", moved, [take, add]),
    ]


def _sqlite_trigger(table: str, name: str, event: str, when: str, does: list[str]) -> str:
    body = " ".join(f"{each};" for each in does)
    return f"CREATE TRIGGER count_{table}_{name} AFTER {event} ON {table} WHEN {when} BEGIN {body} END"


def _sqlite_count(table: str, row: str, status: str, key: str, change: int, when: str) -> str:
    # An org that is deleted takes its records along: then there is nothing left to count for.
    return (
        "INSERT INTO record_count (org_id, subject, status, problem_key, records)"
        f" SELECT {row}.org_id, '{table}', {status}, {key}, {change}"
        f" WHERE {when} AND EXISTS (SELECT 1 FROM org WHERE org.id = {row}.org_id)"
        " ON CONFLICT (org_id, subject, status, problem_key) DO UPDATE SET records = records + excluded.records"
    )


# ── Postgres: many writers at a time, so each adds what it changed, statement by statement ─────────────────────────


def _on_postgres() -> list[str]:
    made = []
    for table, status in COUNTED.items():
        made.append(_postgres_function(table, status))
        for name, event, rows in (
            ("added", "INSERT", "NEW TABLE AS new_rows"),
            ("removed", "DELETE", "OLD TABLE AS old_rows"),
            ("moved", "UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ):
            made.append(
                f"CREATE TRIGGER count_{table}_{name} AFTER {event} ON {table} REFERENCING {rows}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION count_{table}()"
            )
    made.append(_POSTGRES_DELIVERY)
    moved = f"OLD.status <> NEW.status AND (OLD.status IN {SHOWN} OR NEW.status IN {SHOWN})"
    for name, event, when in (
        ("added", "INSERT", f"NEW.status IN {SHOWN}"),
        ("removed", "DELETE", f"OLD.status IN {SHOWN}"),
        ("moved", "UPDATE OF status", moved),
    ):
        made.append(
            f"CREATE TRIGGER count_delivery_{name} AFTER {event} ON delivery"
            f" FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION count_delivery()"
        )
    return made


def _postgres_function(table: str, status: str) -> str:
    def counted(source: str) -> str:
        return (
            "INSERT INTO record_count_change (org_id, subject, status, problem_key, change)"
            f" SELECT org_id, '{table}', {status}, problem_key, sum(change) FROM ({source}) AS moved"
            f" WHERE ({status} <> '' OR problem_key <> '') AND EXISTS (SELECT 1 FROM org WHERE org.id = moved.org_id)"
            f" GROUP BY org_id, {status}, problem_key HAVING sum(change) <> 0;"
        )

    def rows(name: str, change: int) -> str:
        return (
            f"SELECT org_id, coalesce({status}, '') AS {status}, coalesce(problem_key, '') AS problem_key,"
            f" {change} AS change FROM {name}"
        )

    return (
        f"CREATE FUNCTION count_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF TG_OP = 'INSERT' THEN {counted(rows('new_rows', 1))}"
        f" ELSIF TG_OP = 'DELETE' THEN {counted(rows('old_rows', -1))}"
        f" ELSE {counted(rows('new_rows', 1) + ' UNION ALL ' + rows('old_rows', -1))}"
        " END IF; RETURN NULL; END $$"
    )


_POSTGRES_DELIVERY = f"""
CREATE FUNCTION count_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.status IN {SHOWN} THEN
        INSERT INTO record_count_change (org_id, subject, status, problem_key, change)
        SELECT OLD.org_id, 'delivery', OLD.status, '', -1 WHERE EXISTS (SELECT 1 FROM org WHERE org.id = OLD.org_id);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status IN {SHOWN} THEN
        INSERT INTO record_count_change (org_id, subject, status, problem_key, change)
        VALUES (NEW.org_id, 'delivery', NEW.status, '', 1);
    END IF;
    RETURN NULL;
END $$
"""
