"""The tables of the console: who may sign in and what they may do there, and what its charts are drawn from.

Users belong to the installation; what one may do stands in the membership of each org.
"""

from __future__ import annotations

import sqlalchemy as sa

from contactsync.store.tables import BigId, Json, UtcTime, metadata, org_id_column


def _user_id() -> sa.Column[int]:
    return sa.Column("user_id", sa.Integer, sa.ForeignKey("console_user.id", ondelete="CASCADE"), nullable=False)


console_user = sa.Table(
    "console_user",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(320), nullable=False, unique=True),  # lower-case
    sa.Column("name", sa.String(255), nullable=False, server_default=sa.text("''")),
    sa.Column("password_hash", sa.String(255)),  # argon2id; None: has not chosen one, or signs in by OIDC alone
    sa.Column("oidc_subject", sa.String(512), unique=True),  # "<issuer> <sub>", kept at the first sign-in
    # An operator may make orgs and acts as admin in all of them.
    sa.Column("operator", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("zone", sa.String(63)),  # IANA; None: the browser's
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime),
    sa.Column("disabled_at", UtcTime),
)

membership = sa.Table(
    "membership",
    metadata,
    _user_id(),
    org_id_column(),
    sa.Column("role", sa.String(16), nullable=False),  # domain/roles.py: admin | editor | viewer
    sa.PrimaryKeyConstraint("user_id", "org_id"),
    sa.Index("ix_membership_org", "org_id", "user_id"),
)

invitation = sa.Table(
    "invitation",  # a link by which a user chooses a password, once
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _user_id(),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),  # sha256, hex
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime),
    sa.Index("ix_invitation_user", "user_id"),
)

console_session = sa.Table(
    "console_session",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    _user_id(),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),  # sha256, hex, of the cookie
    # The token before the last rotation, for a moment: pages open side by side were sent it.
    sa.Column("previous_hash", sa.String(64)),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("notices", Json),  # what the next page says once: [[tone, words], …]
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("rotated_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index("ix_console_session_user", "user_id"),
    sa.Index("ix_console_session_previous", "previous_hash"),
    sa.Index("ix_console_session_expires", "expires_at"),
)

unsent_form = sa.Table(
    "unsent_form",  # what came when its session was over, for an hour
    metadata,
    sa.Column("key_hash", sa.String(64), primary_key=True),  # sha256, hex
    _user_id(),
    # By the vault. `rotate` leaves it alone: it is gone before anybody takes a key away, or opens for nobody then.
    sa.Column("held", sa.Text, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index("ix_unsent_form_user", "user_id", "expires_at"),
    sa.Index("ix_unsent_form_expires", "expires_at"),
)

failed_sign_in = sa.Table(
    "failed_sign_in",  # how often somebody tried in vain, by whom and from where: as digests
    metadata,
    sa.Column("who", sa.String(64), primary_key=True),  # sha256, hex, of email:<address> | from:<network address>
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Index("ix_failed_sign_in_since", "since"),
)

dismissed_problem = sa.Table(
    "dismissed_problem",  # somebody has seen it and does not want to be told: until more records have it
    metadata,
    org_id_column(),
    sa.Column("problem_key", sa.String(16), nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),  # how many it held then
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.PrimaryKeyConstraint("org_id", "problem_key"),
)

hourly = sa.Table(
    "hourly",  # what charts show, hour by hour; beside `tally`, which only counts up
    metadata,
    org_id_column(),
    sa.Column("hour", UtcTime, nullable=False),  # its beginning, UTC
    sa.Column("name", sa.String(63), nullable=False),  # deliveries | synced | problems | arrivals
    sa.Column("label", sa.String(63), nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0, server_default="0"),
    sa.PrimaryKeyConstraint("org_id", "hour", "name", "label"),
)
