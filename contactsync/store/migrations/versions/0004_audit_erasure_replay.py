"""Audit log, erasure of people, replays, retention, read-only tokens, tallies for metrics, contacts' write-ahead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The types stand here as they are now: a migration must not change when contactsync/store/tables.py does.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("org", sa.Column("sealed_erasure_key", sa.Text))
    op.add_column("org", sa.Column("bodies_removed_to", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("api_token", sa.Column("read_only", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("delivery", sa.Column("replays", sa.Integer, nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("replayed_at", Time))
    op.add_column("delivery", sa.Column("body_removed_at", Time))
    op.add_column("delivery", sa.Column("body_removed_for", sa.String(16)))
    op.add_column("contact", sa.Column("attempted", Json))
    _audit()
    _erasures()
    _tallies()


def _org_id() -> sa.Column[int]:
    return sa.Column("org_id", sa.Integer, sa.ForeignKey("org.id", ondelete="CASCADE"), nullable=False)


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("org_id", sa.Integer, sa.ForeignKey("org.id", ondelete="CASCADE")),
        sa.Column("at", Time, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(63), nullable=False),
        sa.Column("about", sa.String(255), nullable=False),
        sa.Column("details", Json),
    )
    op.create_index("ix_audit_entry_org", "audit_entry", ["org_id", "id"])


def _erasures() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", BigId, primary_key=True),
        _org_id(),
        sa.Column("asked_at", Time, nullable=False),
        sa.Column("finished_at", Time),
        sa.Column("lifted_at", Time),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("removed", Json, nullable=False),
    )
    op.create_index("ix_erasure_org", "erasure", ["org_id", "id"])
    op.create_table(
        "tombstone",
        _org_id(),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("erasure_id", BigId, sa.ForeignKey("erasure.id", ondelete="CASCADE"), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "mark"),
    )
    op.create_index("ix_tombstone_erasure", "tombstone", ["erasure_id"])


def _tallies() -> None:
    op.create_table(
        "tally",
        _org_id(),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("label", sa.String(63), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("org_id", "name", "label"),
    )
