"""Every table. Times are aware UTC datetimes; JSON holds what is only ever read whole.

There is no lease per record: one worker at a time syncs an org (org.lease_until), so a claim is a plain read of what is
due, and a worker that dies leaves nothing to free but that one lease, which the clock does. What is due stays due until its
outcome is recorded with the `change` number that was claimed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware datetime in UTC on every database; SQLite alone would forget the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive times: they mean something else on each machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware UTC datetimes")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only an INTEGER PRIMARY KEY
# Sorted and searched by its bytes on both databases, whatever the locale of the machine: domain/search_keys.py makes it.
SearchKey = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
EmailKey = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _queue_columns() -> tuple[sa.Column[Any], ...]:
    """What the queue knows of an event or a meeting, as of a contact."""
    return (
        sa.Column("due_at", UtcTime),
        sa.Column("change", sa.Integer, nullable=False, default=1, server_default="1"),
        sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
        sa.Column("forced", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
        sa.Column("sync_status", sa.String(16)),  # SyncStatus; None: the CRM has nothing to do with it
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("problem", Json),
        sa.Column("problem_key", sa.String(16)),
        sa.Column("why", Json),
        sa.Column("last_synced_at", UtcTime),
        # What a record may have been made under whose id was never heard: written down before it is sent.
        sa.Column("attempted", Json),
    )


def _queue_indexes(table: str) -> tuple[sa.Index, ...]:
    """What is due, and what one problem holds."""
    due, held = sa.text("due_at IS NOT NULL"), sa.text("problem_key IS NOT NULL")
    return (
        sa.Index(f"ix_{table}_due", "org_id", "due_at", sqlite_where=due, postgresql_where=due),
        sa.Index(f"ix_{table}_problem", "org_id", "problem_key", "id", sqlite_where=held, postgresql_where=held),
    )


def org_id_column() -> sa.Column[int]:
    """The org that a row belongs to, and with which it goes."""
    return sa.Column("org_id", sa.Integer, sa.ForeignKey("org.id", ondelete="CASCADE"), nullable=False)


org = sa.Table(
    "org",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("slug", sa.String(63), nullable=False, unique=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("policies", Json, nullable=False),  # only what differs from the defaults
    sa.Column("mappings", Json, nullable=False),  # kind → {"rules": [...]}, only the kinds the org changed
    # The one lease of the sync. `knocked`: a bell rang while it was held, so its holder looks once more before it lets go.
    sa.Column("lease_owner", sa.String(64)),
    sa.Column("lease_until", UtcTime),
    sa.Column("knocked", sa.Boolean, nullable=False, default=False),
    sa.Column("sealed_erasure_key", sa.Text),  # marks of erased people are made with it; None: nobody was ever erased
    # Retention took the bodies of all deliveries up to this id.
    sa.Column("bodies_removed_to", sa.BigInteger, nullable=False, server_default="0"),
    # How often people chose something of its companies: what a worker planned before, it neither sends nor ties.
    sa.Column("company_choices", sa.Integer, nullable=False, server_default="0"),
)

webhook_secret = sa.Table(
    "webhook_secret",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    org_id_column(),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
    sa.Index("ix_webhook_secret_org", "org_id"),
)

api_token = sa.Table(
    "api_token",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    org_id_column(),
    sa.Column("label", sa.String(255), nullable=False, default=""),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),  # sha256, hex
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
    sa.Column("read_only", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Index("ix_api_token_org", "org_id"),
)

connection = sa.Table(
    "connection",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    org_id_column(),
    sa.Column("target", sa.String(63), nullable=False),
    sa.Column("settings", Json, nullable=False),  # nothing secret: instance_url, flow, client_id, …
    sa.Column("sealed_credentials", sa.Text, nullable=False),
    sa.Column("sealed_token", sa.Text),
    sa.Column("token_lease_owner", sa.String(64)),
    sa.Column("token_lease_until", UtcTime),
    sa.Column("calls", sa.BigInteger, nullable=False, default=0),  # calls we made, for status and metrics
    sa.Column("budget_used", sa.BigInteger),  # the CRM's own count for the day
    sa.Column("budget_limit", sa.BigInteger),
    # The whole connection pauses when whole calls fail: by itself again at paused_until, or, with a problem and no
    # time, when somebody acted.
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("paused_until", UtcTime),
    sa.Column("problem", Json),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("replaced_at", UtcTime),  # None: the org's present connection
    sa.Column("budget_at", UtcTime),  # when the CRM last said its count
    # Counts up when what is remembered of the CRM is stale.
    sa.Column("revision", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Index("ix_connection_org", "org_id"),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("webhook_id", sa.String(255), nullable=False),
    sa.Column("door", sa.String(63), nullable=False),  # contacts | events | meetings | from:<source>
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # as it arrived, unaltered
    sa.Column("status", sa.String(16), nullable=False),  # accepted | absorbed | rejected | failed
    sa.Column("type", sa.String(63)),
    sa.Column("errors", Json),  # rejected, failed: [{"path", "message"}]
    sa.Column("log", Json),  # {"unknown_keys": {path: count}, "duplicates": n, …}
    sa.Column("absorbed_at", UtcTime),
    sa.Column("replays", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("replayed_at", UtcTime),
    # The body is empty then, or names the erased person no more. body_removed_for: retention | erasure.
    sa.Column("body_removed_at", UtcTime),
    sa.Column("body_removed_for", sa.String(16)),
    sa.UniqueConstraint("org_id", "webhook_id"),
    sa.Index("ix_delivery_status", "org_id", "status", "id"),  # what waits, in order; counts and pages per status
)

_MERGED = sa.text("merged_into IS NOT NULL")

company = sa.Table(
    "company",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("key", sa.String(600), nullable=False),  # id:<its id> | name:<normalised name>
    sa.Column("fields", Json, nullable=False),  # path → [value, version]
    sa.Column("name", sa.Text),
    sa.Column("sort_name", SearchKey, nullable=False, server_default=sa.text("''")),
    # The key of the company that a person said it is: what names this one names that one.
    sa.Column("merged_into", sa.String(600)),
    # What a person chose in the console, over one connection: an Account's id, "" for none; None: what the event platform
    # says, else what matching finds.
    sa.Column("account_choice", sa.String(64)),
    sa.Column("choice_connection_id", sa.Integer),
    sa.Column("chosen_as", sa.Integer),  # org.company_choices when people last chose something of it
    # The one that a person merged it into, which may have been merged on since; None: as merged_into.
    sa.Column("merged_by_hand_into", sa.String(600)),
    sa.UniqueConstraint("org_id", "key"),
    sa.Index("ix_company_org", "org_id", "id"),
    sa.Index("ix_company_name", "org_id", "sort_name", "id"),
    sa.Index("ix_company_merged", "org_id", "merged_into", sqlite_where=_MERGED, postgresql_where=_MERGED),
)

REVIEW_ALONE = {
    "sqlite": sa.text("missing = '[\"approval\"]'"),
    "postgresql": sa.text("missing = '[\"approval\"]'::jsonb"),
}
"""By dialect: a contact lacks nothing but somebody's approval. Written out, or the index of these would not be seen."""

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("source_id", sa.String(255), nullable=False),  # the event platform's own id
    sa.Column("fields", Json, nullable=False),  # path → [value, version]; see domain/merge.py
    sa.Column("email", EmailKey),  # lower-case, out of fields
    sa.Column("company_key", sa.String(600)),
    sa.Column("deleted", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    # The queue. due_at: None = nothing to do. change: counts up with every change, so that an outcome never hides a newer one.
    sa.Column("due_at", UtcTime),
    sa.Column("change", sa.Integer, nullable=False, default=1),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("forced", sa.Boolean, nullable=False, default=False),  # sync even when nothing changed
    # What people see.
    sa.Column("status", sa.String(16), nullable=False),  # SyncStatus
    sa.Column("fingerprint", sa.String(64)),  # of everything the last good sync was made from
    sa.Column("missing", Json),  # incomplete: the names of the missing fields
    sa.Column("problem", Json),  # {"code", "cause", "fix", "who", "fields", "object", "mended_by"}
    sa.Column("why", Json),  # plain words of the last run
    sa.Column("sync_as", sa.String(16)),
    sa.Column("crm_kind", sa.String(32)),  # RecordKind
    sa.Column("crm_id", sa.String(64)),
    sa.Column("last_synced_at", UtcTime),
    sa.Column("problem_key", sa.String(16)),  # Problem.key: groups what has one cause
    # E-mail addresses under which a record may have been made whose id was never heard: written down before they are sent.
    sa.Column("attempted", Json),
    # For the console's lists: "last first", and the first name; and when a person let it go to the CRM (policy review_inbox).
    sa.Column("sort_name", SearchKey, nullable=False, server_default=sa.text("''")),
    sa.Column("first_name_key", SearchKey, nullable=False, server_default=sa.text("''")),
    sa.Column("approved_at", UtcTime),
    # While it was brought to the CRM a person chose its company's Account otherwise: its Contact may be moved from there.
    sa.Column("account_overtaken", sa.Boolean),
    sa.UniqueConstraint("org_id", "source_id"),
    sa.Index("ix_contact_status", "org_id", "status", "id"),
    sa.Index("ix_contact_name", "org_id", "sort_name", "id"),
    sa.Index("ix_contact_first_name", "org_id", "first_name_key", "id"),
    sa.Index("ix_contact_synced", "org_id", "last_synced_at", "id"),
    sa.Index("ix_contact_email", "org_id", "email"),
    sa.Index("ix_contact_company", "org_id", "company_key"),
    sa.Index(
        "ix_contact_review",
        "org_id",
        "id",
        sqlite_where=REVIEW_ALONE["sqlite"],
        postgresql_where=REVIEW_ALONE["postgresql"],
    ),
    *_queue_indexes("contact"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("source_id", sa.String(255), nullable=False),
    sa.Column("fields", Json, nullable=False),  # path → [value, version]
    sa.Column("name", sa.Text),
    sa.Column("known", sa.Boolean, nullable=False, default=True),  # False: connected or attended before it was heard of
    sa.Column("deleted", sa.Boolean, nullable=False, default=False),
    # What a person chose: a campaign's id, "" for none; None: what the event platform says (fields: campaign_id).
    sa.Column("campaign_choice", sa.String(64)),
    sa.Column("campaign_id", sa.String(64)),  # what holds: chosen, else said, else made
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("campaign_made", sa.String(64)),  # the one that we made of it, in the present CRM
    *_queue_columns(),
    sa.UniqueConstraint("org_id", "source_id"),
    sa.Index("ix_event_status", "org_id", "sync_status", "id"),
    sa.Index("ix_event_org", "org_id", "id"),
    *_queue_indexes("event"),
)

attendance = sa.Table(
    "attendance",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("event_id", sa.String(255), nullable=False),  # the event platform's own id
    sa.Column("who", sa.String(600), nullable=False),  # id:<contact's id> | email:<lower-case address>
    sa.Column("status", sa.String(63), nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False, default=False),
    sa.Column("version", sa.String(96), nullable=False),
    sa.Column("status_version", sa.String(96)),  # which version said the status; None: none ever did
    sa.UniqueConstraint("org_id", "event_id", "who"),
    sa.Index("ix_attendance_who", "org_id", "who"),
)

link = sa.Table(
    "link",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("connection_id", sa.Integer, sa.ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),  # RecordKind
    sa.Column("source", sa.String(600), nullable=False),  # contact's id | company's key | <campaign id>:<contact's id>
    sa.Column("crm_id", sa.String(64), nullable=False),
    sa.Column("created_by_us", sa.Boolean, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("connection_id", "kind", "source"),
    sa.Index("ix_link_record", "connection_id", "kind", "crm_id"),  # whose a record of the CRM is
)

meeting = sa.Table(
    "meeting",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("source_id", sa.String(255), nullable=False),
    sa.Column("fields", Json, nullable=False),  # path → [value, version]; "attendees" holds their list as JSON text
    sa.Column("event_id", sa.String(255)),  # the event platform's own id, out of fields
    sa.Column("deleted", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    *_queue_columns(),
    sa.Column("crm_id", sa.String(64)),
    sa.UniqueConstraint("org_id", "source_id"),
    sa.Index("ix_meeting_status", "org_id", "sync_status", "id"),
    sa.Index("ix_meeting_event", "org_id", "event_id"),
    *_queue_indexes("meeting"),
)

meeting_attendee = sa.Table(
    "meeting_attendee",  # from a contact to its meetings; the meeting's own fields hold the rest
    metadata,
    org_id_column(),
    sa.Column("meeting_id", BigId, sa.ForeignKey("meeting.id", ondelete="CASCADE"), nullable=False),
    sa.Column("who", sa.String(600), nullable=False),  # id:<contact's id> | email:<lower-case address>
    sa.PrimaryKeyConstraint("meeting_id", "who"),
    sa.Index("ix_meeting_attendee_who", "org_id", "who"),
)

written = sa.Table(
    "written",  # what we last wrote to a CRM record: field → a mark of the value, never the value
    metadata,
    sa.Column("connection_id", sa.Integer, sa.ForeignKey("connection.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("crm_id", sa.String(64), nullable=False),
    sa.Column("marks", Json, nullable=False),
    sa.PrimaryKeyConstraint("connection_id", "kind", "crm_id"),
)

_GOING = sa.text("ended_at IS NULL")

resync = sa.Table(
    "resync",  # a filtered set that goes again, fed into the queue bit by bit
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("filter", Json, nullable=False),
    sa.Column("forced", sa.Boolean, nullable=False),  # also what has not changed since its last sync
    sa.Column("cursor", sa.BigInteger, nullable=False, default=0),  # contacts up to this id are fed
    sa.Column("last_id", sa.BigInteger, nullable=False),  # the newest contact when it was asked for
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("fed", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("cancelled", sa.Boolean, nullable=False, default=False),
    sa.Index("ix_resync_org", "org_id", "id"),
    sa.Index("ix_resync_going", "org_id", "id", sqlite_where=_GOING, postgresql_where=_GOING),
)

pending_release = sa.Table(
    "pending_release",  # many records that go again, put into the queue bit by bit; gone when all are
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("which", Json, nullable=False),  # store/releases.py: Held
    sa.Column("subject", sa.String(16), nullable=False),  # which of its subjects is under way
    sa.Column(
        "cursor", sa.BigInteger, nullable=False, default=0, server_default="0"
    ),  # up to this key they are in the queue
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Index("ix_pending_release_org", "org_id", "id"),
)

authorization = sa.Table(
    "authorization",  # a sign-in at the CRM that a person has begun in a browser
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("state_hash", sa.String(64), nullable=False, unique=True),  # sha256, hex
    sa.Column("target", sa.String(63), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),  # settings, credentials and the PKCE verifier
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("used_at", UtcTime),
    sa.Index("ix_authorization_org", "org_id"),
)

sync_run = sa.Table(
    "sync_run",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("contact_id", BigId, sa.ForeignKey("contact.id", ondelete="CASCADE")),  # None: an event's or a meeting's
    sa.Column("source_id", sa.String(255), nullable=False),  # the event platform's own id
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),  # SyncStatus
    sa.Column("steps", Json, nullable=False),
    sa.Column("why", Json, nullable=False),
    sa.Column("problem", Json),
    # contact | event | meeting
    sa.Column("subject", sa.String(16), nullable=False, default="contact", server_default="contact"),
    sa.Column("connection_id", sa.Integer, sa.ForeignKey("connection.id", ondelete="SET NULL")),
    sa.Column("undoes", BigId),  # the run that this one put back
    sa.Index("ix_sync_run_contact", "contact_id", "id"),
    sa.Index("ix_sync_run_subject", "org_id", "subject", "source_id", "id"),
    sa.Index("ix_sync_run_org", "org_id", "id"),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String(63), primary_key=True),  # clock
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("until", UtcTime, nullable=False),
    sa.Column("beat_at", UtcTime, nullable=False),  # when its holder was last alive, for /readyz and doctor
)

audit_entry = sa.Table(
    "audit_entry",  # who changed what by hand; only ever added to
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("org_id", sa.Integer, sa.ForeignKey("org.id", ondelete="CASCADE")),  # None: the whole installation
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),  # token:<id> <label> | command line (<operating system's user>)
    sa.Column("action", sa.String(63), nullable=False),  # store/audit.py lists them
    sa.Column("about", sa.String(255), nullable=False, default=""),  # which one: an id, a kind; never a person
    sa.Column("details", Json),  # what was and what is, without secrets and without personal data
    sa.Index("ix_audit_entry_org", "org_id", "id"),
)

erasure = sa.Table(
    "erasure",  # that a person was erased: the proof, without the person
    metadata,
    sa.Column("id", BigId, primary_key=True),
    org_id_column(),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime),
    sa.Column("lifted_at", UtcTime),  # the person may come in again since
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("removed", Json, nullable=False),  # {"contacts": 1, "deliveries": 3, "runs": 12, …}
    sa.Index("ix_erasure_org", "org_id", "id"),
)

tombstone = sa.Table(
    "tombstone",  # what an erased person would be known by, as keyed marks: whatever names them is left out on its way in
    metadata,
    org_id_column(),
    # HMAC-SHA256, hex, of email:<lower-case address> | id:<contact's id>
    sa.Column("mark", sa.String(64), nullable=False),
    sa.Column("erasure_id", BigId, sa.ForeignKey("erasure.id", ondelete="CASCADE"), nullable=False),
    sa.PrimaryKeyConstraint("org_id", "mark"),
    sa.Index("ix_tombstone_erasure", "erasure_id"),
)
