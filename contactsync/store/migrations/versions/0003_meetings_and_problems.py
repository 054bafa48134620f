"""Meetings, events in the queue, problems by their cause, resyncs, sign-ins in a browser, what we last wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The types stand here as they are now: a migration must not change when contactsync/store/tables.py does.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and columns."""
    _connections()
    op.add_column("contact", sa.Column("problem_key", sa.String(16)))
    _name_problems()
    _index_problems("contact")
    _events()
    _meetings()
    _runs()
    _written()
    _resyncs()
    _authorizations()


def _connections() -> None:
    op.add_column("connection", sa.Column("budget_at", Time))
    op.add_column("connection", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))


def _name_problems() -> None:
    """Give the problems that hold contacts already the keys by which they are grouped and released."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in ("id", "status", "due_at", "problem_key")]
    contact = sa.table("contact", *columns, sa.column("problem", Json))
    waits = sa.and_(contact.c.status == "queued", contact.c.due_at.is_(None))
    held = sa.or_(contact.c.status.in_(["needs_attention", "retrying"]), waits)
    conn = op.get_bind()
    rows = conn.execute(sa.select(contact.c.id, contact.c.problem).where(contact.c.problem.is_not(None), held)).all()
    named = [{"b_id": row.id, "b_key": _key(row.problem)} for row in rows if row.problem]
    if named:
        conn.execute(
            sa.update(contact).where(contact.c.id == sa.bindparam("b_id")).values(problem_key=sa.bindparam("b_key")),
            named,
        )


def _key(problem: Mapping[str, Any]) -> str:
    made_of = "\n".join((problem["code"], problem.get("object") or "", *sorted(problem.get("fields") or ())))
    return hashlib.sha256(made_of.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _queue_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("due_at", Time),
        sa.Column("change", sa.Integer, nullable=False, server_default="1"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("forced", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("sync_status", sa.String(16)),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("problem", Json),
        sa.Column("problem_key", sa.String(16)),
        sa.Column("why", Json),
        sa.Column("last_synced_at", Time),
        sa.Column("attempted", Json),
    ]


def _index_problems(table: str) -> None:
    held = sa.text("problem_key IS NOT NULL")
    op.create_index(
        f"ix_{table}_problem", table, ["org_id", "problem_key", "id"], sqlite_where=held, postgresql_where=held
    )


def _index_due(table: str) -> None:
    due = sa.text("due_at IS NOT NULL")
    op.create_index(f"ix_{table}_due", table, ["org_id", "due_at"], sqlite_where=due, postgresql_where=due)


def _org_id(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    constraint = sa.ForeignKeyConstraint(["org_id"], ["org.id"], name=f"fk_{table}_org_id", ondelete="CASCADE")
    return sa.Column("org_id", sa.Integer, nullable=False), constraint


def _events() -> None:
    op.add_column("event", sa.Column("campaign_made", sa.String(64)))
    for column in _queue_columns():
        op.add_column("event", column)
    op.create_index("ix_event_status", "event", ["org_id", "sync_status", "id"])
    _index_due("event")
    _index_problems("event")


def _meetings() -> None:
    op.create_table(
        "meeting",
        sa.Column("id", BigId, nullable=False),
        *_org_id("meeting"),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("event_id", sa.String(255)),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        *_queue_columns(),
        sa.Column("crm_id", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_meeting"),
        sa.UniqueConstraint("org_id", "source_id", name="uq_meeting_org_id_source_id"),
    )
    op.create_index("ix_meeting_status", "meeting", ["org_id", "sync_status", "id"])
    op.create_index("ix_meeting_event", "meeting", ["org_id", "event_id"])
    _index_due("meeting")
    _index_problems("meeting")
    op.create_table(
        "meeting_attendee",
        *_org_id("meeting_attendee"),
        sa.Column("meeting_id", BigId, nullable=False),
        sa.Column("who", sa.String(600), nullable=False),
        sa.PrimaryKeyConstraint("meeting_id", "who", name="pk_meeting_attendee"),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name="fk_meeting_attendee_meeting_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_meeting_attendee_who", "meeting_attendee", ["org_id", "who"])


def _runs() -> None:
    with op.batch_alter_table("sync_run") as runs:
        runs.add_column(sa.Column("subject", sa.String(16), nullable=False, server_default="contact"))
        runs.add_column(sa.Column("connection_id", sa.Integer))
        runs.add_column(sa.Column("undoes", BigId))
        runs.alter_column("contact_id", existing_type=BigId, nullable=True)
        runs.create_foreign_key(
            "fk_sync_run_connection_id", "connection", ["connection_id"], ["id"], ondelete="SET NULL"
        )
    op.create_index("ix_sync_run_subject", "sync_run", ["org_id", "subject", "source_id", "id"])


def _written() -> None:
    op.create_table(
        "written",
        sa.Column("connection_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("crm_id", sa.String(64), nullable=False),
        sa.Column("marks", Json, nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "kind", "crm_id", name="pk_written"),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name="fk_written_connection_id", ondelete="CASCADE"
        ),
    )


def _resyncs() -> None:
    op.create_table(
        "resync",
        sa.Column("id", BigId, nullable=False),
        *_org_id("resync"),
        sa.Column("filter", Json, nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("last_id", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("fed", sa.Integer, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("ended_at", Time),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resync"),
    )
    op.create_index("ix_resync_org", "resync", ["org_id", "id"])
    going = sa.text("ended_at IS NULL")
    op.create_index("ix_resync_going", "resync", ["org_id", "id"], sqlite_where=going, postgresql_where=going)


def _authorizations() -> None:
    op.create_table(
        "authorization",
        sa.Column("id", BigId, nullable=False),
        *_org_id("authorization"),
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("target", sa.String(63), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("used_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_authorization"),
        sa.UniqueConstraint("state_hash", name="uq_authorization_state_hash"),
    )
    op.create_index("ix_authorization_org", "authorization", ["org_id"])
