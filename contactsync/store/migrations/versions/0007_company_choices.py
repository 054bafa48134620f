"""The Account that a person chose for a company, or that it has none; companies by the one that they were merged into;
contacts that lack nothing but somebody's approval.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the indexes."""
    op.add_column("company", sa.Column("account_choice", sa.String(64)))
    op.add_column("company", sa.Column("choice_connection_id", sa.Integer))
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "ix_company_merged",
        "company",
        ["org_id", "merged_into"],
        sqlite_where=merged,
        postgresql_where=merged,
    )
    op.create_index(
        "ix_contact_review",
        "contact",
        ["org_id", "id"],
        sqlite_where=sa.text("missing = '[\"approval\"]'"),
        postgresql_where=sa.text("missing = '[\"approval\"]'::jsonb"),
    )
