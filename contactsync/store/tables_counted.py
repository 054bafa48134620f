"""The tables of what is counted: for metrics, and how many records there are of each kind."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from contactsync.store.tables import BigId, metadata, org_id_column

tally = sa.Table(
    "tally",  # what metrics count up; an org's rows are written by the worker that holds its lease
    metadata,
    org_id_column(),
    sa.Column("name", sa.String(63), nullable=False),  # the metric
    sa.Column("label", sa.String(63), nullable=False),  # outcome, phase, upper bound of a bucket, …
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0, server_default="0"),
    sa.PrimaryKeyConstraint("org_id", "name", "label"),
)


def _counted_columns() -> tuple[sa.Column[Any], ...]:
    """What is counted together. Text, never NULL: "" where a record has no status or no problem."""
    return (
        org_id_column(),
        sa.Column("subject", sa.String(16), nullable=False),  # contact | event | meeting | delivery
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("problem_key", sa.String(16), nullable=False),
    )


record_count = sa.Table(
    "record_count",  # how many records there are of each kind; triggers of the migrations keep it, store/counts.py reads it
    metadata,
    *_counted_columns(),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("org_id", "subject", "status", "problem_key"),
)

record_count_change = sa.Table(
    "record_count_change",  # Postgres: what is not in record_count yet. Only added to, so that no writer waits for another
    metadata,
    sa.Column("id", BigId, primary_key=True),
    *_counted_columns(),
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Index("ix_record_count_change_org", "org_id"),
)
