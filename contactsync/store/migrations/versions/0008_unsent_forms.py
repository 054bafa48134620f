"""Forms that came when nobody was signed in any more, kept for whoever typed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "unsent_form",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("console_user.id", ondelete="CASCADE"), nullable=False),
        sa.Column("held", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_unsent_form_user", "unsent_form", ["user_id", "expires_at"])
    op.create_index("ix_unsent_form_expires", "unsent_form", ["expires_at"])
