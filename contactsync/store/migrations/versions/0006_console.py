"""The console: users, sessions and roles, keys to search and sort by, hourly counts, dismissed problems, merged companies."""

# ruff: noqa: S608 - the statements are made of names that stand in this file

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# The keys have to be those that this version searches by, whichever it is.
from contactsync.domain.search_keys import company_keys, contact_keys

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# The types stand here as they are now: a migration must not change when contactsync/store/tables.py does.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Time = sa.DateTime(timezone=True)
SearchKey = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")

_AT_ONCE = 2_000


def upgrade() -> None:
    """Add the tables, columns and indexes."""
    _users()
    _sessions()
    _search()
    _counts()


def _reference(name: str, table: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def _users() -> None:
    op.create_table(
        "console_user",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(320), nullable=False, unique=True),
        sa.Column("name", sa.String(255), nullable=False, server_default=sa.text("''")),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("oidc_subject", sa.String(512), unique=True),
        sa.Column("operator", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("zone", sa.String(63)),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("seen_at", Time),
        sa.Column("disabled_at", Time),
    )
    op.create_table(
        "membership",
        _reference("user_id", "console_user"),
        _reference("org_id", "org"),
        sa.Column("role", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "org_id"),
    )
    op.create_index("ix_membership_org", "membership", ["org_id", "user_id"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer, primary_key=True),
        _reference("user_id", "console_user"),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("used_at", Time),
    )
    op.create_index("ix_invitation_user", "invitation", ["user_id"])


def _sessions() -> None:
    op.create_table(
        "console_session",
        sa.Column("id", BigId, primary_key=True),
        _reference("user_id", "console_user"),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("previous_hash", sa.String(64)),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("notices", Json),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("rotated_at", Time, nullable=False),
        sa.Column("seen_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
    )
    op.create_index("ix_console_session_user", "console_session", ["user_id"])
    op.create_index("ix_console_session_previous", "console_session", ["previous_hash"])
    op.create_index("ix_console_session_expires", "console_session", ["expires_at"])
    op.create_table(
        "failed_sign_in",
        sa.Column("who", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("since", Time, nullable=False),
    )
    op.create_index("ix_failed_sign_in_since", "failed_sign_in", ["since"])


def _search() -> None:
    for table, names in (("company", ["sort_name"]), ("contact", ["sort_name", "first_name_key"])):
        for name in names:
            op.add_column(table, sa.Column(name, SearchKey, nullable=False, server_default=sa.text("''")))
    op.add_column("company", sa.Column("merged_into", sa.String(600)))
    op.add_column("contact", sa.Column("approved_at", Time))
    if op.get_bind().dialect.name == "postgresql":
        # Addresses are searched by how they begin; by the locale of most machines an index does not serve that.
        op.execute('ALTER TABLE contact ALTER COLUMN email TYPE text COLLATE "C"')
    _make_keys("contact", contact_keys)
    _make_keys("company", lambda fields: company_keys(fields.get("name")))
    op.create_index("ix_company_name", "company", ["org_id", "sort_name", "id"])
    op.create_index("ix_contact_name", "contact", ["org_id", "sort_name", "id"])
    op.create_index("ix_contact_first_name", "contact", ["org_id", "first_name_key", "id"])
    op.create_index("ix_contact_synced", "contact", ["org_id", "last_synced_at", "id"])


def _make_keys(table: str, keys_of: Callable[[Mapping[str, object]], Mapping[str, str]]) -> None:
    """Fill the new columns of the records that are there. Before their indexes are made: it is quicker so."""
    db = op.get_bind()
    here = sa.table(table, sa.column("id"), sa.column("fields", Json))
    after = 0
    while True:
        some = sa.select(here.c.id, here.c.fields).where(here.c.id > after).order_by(here.c.id).limit(_AT_ONCE)
        rows = db.execute(some).all()
        if not rows:
            return
        after = rows[-1].id
        made = [
            {"b_id": row.id, **keys_of({path: value for path, (value, _) in row.fields["fields"].items()})}
            for row in rows
        ]
        db.execute(_filling(table, [name for name in made[0] if name != "b_id"], db.dialect.name), _rows_of(db, made))


def _filling(table: str, names: Sequence[str], dialect: str) -> sa.TextClause:
    if dialect == "postgresql":  # many rows with one statement: the triggers of 0005 look at each statement
        values = ", ".join(f"CAST(:{name} AS text[])" for name in names)
        set_to = ", ".join(f"{name} = made.{name}" for name in names)
        return sa.text(
            f"UPDATE {table} SET {set_to} FROM unnest(CAST(:b_id AS bigint[]), {values}) AS made (id, {', '.join(names)})"
            f" WHERE {table}.id = made.id"
        )
    return sa.text(f"UPDATE {table} SET {', '.join(f'{name} = :{name}' for name in names)} WHERE id = :b_id")


def _rows_of(db: sa.Connection, made: Sequence[Mapping[str, Any]]) -> Any:
    if db.dialect.name == "postgresql":
        return {name: [row[name] for row in made] for name in made[0]}
    return made


def _counts() -> None:
    op.create_table(
        "dismissed_problem",
        _reference("org_id", "org"),
        sa.Column("problem_key", sa.String(16), nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "problem_key"),
    )
    op.create_table(
        "hourly",
        _reference("org_id", "org"),
        sa.Column("hour", Time, nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("label", sa.String(63), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("org_id", "hour", "name", "label"),
    )
