"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The types stand here as they are now: a migration must not change when contactsync/store/tables.py does.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table."""
    _orgs()
    _connections()
    _deliveries()
    _companies()
    _contacts()
    _events()
    _links()
    _runs()
    _leases()


def _org_id(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    constraint = sa.ForeignKeyConstraint(["org_id"], ["org.id"], name=f"fk_{table}_org_id", ondelete="CASCADE")
    return sa.Column("org_id", sa.Integer, nullable=False), constraint


def _orgs() -> None:
    op.create_table(
        "org",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("policies", Json, nullable=False),
        sa.Column("mappings", Json, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", Time),
        sa.Column("knocked", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_org"),
        sa.UniqueConstraint("slug", name="uq_org_slug"),
    )
    org_id, reference = _org_id("webhook_secret")
    op.create_table(
        "webhook_secret",
        sa.Column("id", sa.Integer, nullable=False),
        org_id,
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time),
        sa.Column("revoked_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_secret"),
        reference,
    )
    op.create_index("ix_webhook_secret_org", "webhook_secret", ["org_id"])
    org_id, reference = _org_id("api_token")
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer, nullable=False),
        org_id,
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time),
        sa.Column("revoked_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("token_hash", name="uq_api_token_token_hash"),
        reference,
    )
    op.create_index("ix_api_token_org", "api_token", ["org_id"])


def _connections() -> None:
    org_id, reference = _org_id("connection")
    op.create_table(
        "connection",
        sa.Column("id", sa.Integer, nullable=False),
        org_id,
        sa.Column("target", sa.String(63), nullable=False),
        sa.Column("settings", Json, nullable=False),
        sa.Column("sealed_credentials", sa.Text, nullable=False),
        sa.Column("sealed_token", sa.Text),
        sa.Column("token_lease_owner", sa.String(64)),
        sa.Column("token_lease_until", Time),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("budget_used", sa.BigInteger),
        sa.Column("budget_limit", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("paused_until", Time),
        sa.Column("problem", Json),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("replaced_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_connection"),
        reference,
    )
    op.create_index("ix_connection_org", "connection", ["org_id"])


def _deliveries() -> None:
    org_id, reference = _org_id("delivery")
    op.create_table(
        "delivery",
        sa.Column("id", BigId, nullable=False),
        org_id,
        sa.Column("webhook_id", sa.String(255), nullable=False),
        sa.Column("door", sa.String(63), nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("type", sa.String(63)),
        sa.Column("errors", Json),
        sa.Column("log", Json),
        sa.Column("absorbed_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("org_id", "webhook_id", name="uq_delivery_org_id_webhook_id"),
        reference,
    )
    op.create_index("ix_delivery_status", "delivery", ["org_id", "status", "id"])


def _companies() -> None:
    org_id, reference = _org_id("company")
    op.create_table(
        "company",
        sa.Column("id", BigId, nullable=False),
        org_id,
        sa.Column("key", sa.String(600), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("name", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_company"),
        sa.UniqueConstraint("org_id", "key", name="uq_company_org_id_key"),
        reference,
    )


def _contacts() -> None:
    org_id, reference = _org_id("contact")
    op.create_table(
        "contact",
        sa.Column("id", BigId, nullable=False),
        org_id,
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("company_key", sa.String(600)),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("due_at", Time),
        sa.Column("change", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("missing", Json),
        sa.Column("problem", Json),
        sa.Column("why", Json),
        sa.Column("sync_as", sa.String(16)),
        sa.Column("crm_kind", sa.String(32)),
        sa.Column("crm_id", sa.String(64)),
        sa.Column("last_synced_at", Time),
        sa.PrimaryKeyConstraint("id", name="pk_contact"),
        sa.UniqueConstraint("org_id", "source_id", name="uq_contact_org_id_source_id"),
        reference,
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_contact_due", "contact", ["org_id", "due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index("ix_contact_status", "contact", ["org_id", "status", "id"])
    op.create_index("ix_contact_email", "contact", ["org_id", "email"])
    op.create_index("ix_contact_company", "contact", ["org_id", "company_key"])


def _events() -> None:
    org_id, reference = _org_id("event")
    op.create_table(
        "event",
        sa.Column("id", BigId, nullable=False),
        org_id,
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("known", sa.Boolean, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("campaign_choice", sa.String(64)),
        sa.Column("campaign_id", sa.String(64)),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.UniqueConstraint("org_id", "source_id", name="uq_event_org_id_source_id"),
        reference,
    )
    org_id, reference = _org_id("attendance")
    op.create_table(
        "attendance",
        sa.Column("id", BigId, nullable=False),
        org_id,
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("who", sa.String(600), nullable=False),
        sa.Column("status", sa.String(63), nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("version", sa.String(96), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attendance"),
        sa.UniqueConstraint("org_id", "event_id", "who", name="uq_attendance_org_id_event_id_who"),
        reference,
    )
    op.create_index("ix_attendance_who", "attendance", ["org_id", "who"])


def _links() -> None:
    op.create_table(
        "link",
        sa.Column("id", BigId, nullable=False),
        sa.Column("connection_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("source", sa.String(600), nullable=False),
        sa.Column("crm_id", sa.String(64), nullable=False),
        sa.Column("created_by_us", sa.Boolean, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_link"),
        sa.UniqueConstraint("connection_id", "kind", "source", name="uq_link_connection_id_kind_source"),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_link_connection_id", ondelete="CASCADE"),
    )


def _runs() -> None:
    org_id, reference = _org_id("sync_run")
    op.create_table(
        "sync_run",
        sa.Column("id", BigId, nullable=False),
        org_id,
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("started_at", Time, nullable=False),
        sa.Column("finished_at", Time, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("steps", Json, nullable=False),
        sa.Column("why", Json, nullable=False),
        sa.Column("problem", Json),
        sa.PrimaryKeyConstraint("id", name="pk_sync_run"),
        reference,
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="fk_sync_run_contact_id", ondelete="CASCADE"),
    )
    op.create_index("ix_sync_run_contact", "sync_run", ["contact_id", "id"])
    op.create_index("ix_sync_run_org", "sync_run", ["org_id", "id"])


def _leases() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("until", Time, nullable=False),
        sa.Column("beat_at", Time, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
