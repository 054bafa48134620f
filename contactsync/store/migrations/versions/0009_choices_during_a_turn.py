"""When people last chose something of a company, counted by org; which company a merged one was merged into by a person; and
whose Account was chosen otherwise while it was brought to the CRM.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Of merges that were made before, nobody knows by way of which company they came."""
    op.add_column("org", sa.Column("company_choices", sa.Integer, nullable=False, server_default="0"))
    op.add_column("company", sa.Column("chosen_as", sa.Integer))
    op.add_column("company", sa.Column("merged_by_hand_into", sa.String(600)))
    op.add_column("contact", sa.Column("account_overtaken", sa.Boolean))
