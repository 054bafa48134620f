"""An attendance remembers which version said its status: a later one may not have said any."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the version of the status; those that are there take their only one."""
    op.add_column("attendance", sa.Column("status_version", sa.String(96)))
    op.execute("UPDATE attendance SET status_version = version")
