"""The facts that the database has for the doctor. Reads only; each query costs the same whatever there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine

from contactsync.domain.crm import Problem
from contactsync.domain.errors import Misconfigured, SealBroken
from contactsync.domain.facts import DatabaseFacts, OrgFacts, Process
from contactsync.domain.known_problems import problem_from_json
from contactsync.store import tables as t
from contactsync.store.authorizations import AUTHORIZATION_PURPOSE
from contactsync.store.backlog import Backlog
from contactsync.store.beats import beats
from contactsync.store.engine import migrations_pending, reading, trouble
from contactsync.store.orgs import SECRET_PURPOSE, policies
from contactsync.store.tokens import CREDENTIALS_PURPOSE, TOKEN_PURPOSE
from contactsync.store.tombstones import ERASURE_KEY_PURPOSE
from contactsync.store.vault import Vault
from contactsync.store.views_status import CrmStatus, OrgStatus, all_statuses


def database_facts(engine: Engine, vault: Vault, now: datetime) -> DatabaseFacts:
    """How the database is, and what it knows of processes and keys. Never raises for a database that cannot be used."""
    try:
        if migrations_pending(engine):
            return DatabaseFacts(kind(engine), pending=True)
        with reading(engine) as db:
            sealed, unopened = _seals(db, vault, now)
            return DatabaseFacts(
                kind(engine),
                clock=_its_clock(db),
                newest_delivery=db.execute(_NEWEST_DELIVERY).scalar(),
                processes=[Process(one.name, one.owner, one.beat_at, one.until) for one in beats(db)],
                sealed=sealed,
                unopened=unopened,
            )
    except Misconfigured as error:
        return DatabaseFacts(trouble=str(error))
    except Exception as error:
        said = trouble(error)
        if said is None:
            raise
        return DatabaseFacts(trouble=said)


def kind(engine: Engine) -> str:
    """The database's name, for people."""
    return "SQLite" if engine.dialect.name == "sqlite" else "Postgres"


_NEWEST_DELIVERY = sa.select(t.delivery.c.received_at).order_by(t.delivery.c.id.desc()).limit(1)


def _its_clock(db: Db) -> datetime | None:
    """The time that the database's machine has; SQLite has ours."""
    if db.dialect.name == "sqlite":
        return None
    return db.execute(sa.select(sa.func.clock_timestamp())).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]


def _seals(db: Db, vault: Vault, now: datetime) -> tuple[int, dict[str, Sequence[str]]]:
    """How many sealed texts that are still needed open, and whose do not, by what they are."""
    opened = 0
    unopened: dict[str, dict[str, None]] = defaultdict(dict)
    for query, purpose in _needed(now):
        for org_id, slug, sealed in db.execute(query):
            try:
                vault.open(org_id, purpose, sealed)
                opened += 1
            except SealBroken:
                unopened[purpose][slug] = None
    return opened, {purpose: tuple(slugs) for purpose, slugs in unopened.items()}


def _needed(now: datetime) -> Iterator[tuple[sa.Select[Any], str]]:
    secret, connection, begun = t.webhook_secret.c, t.connection.c, t.authorization.c
    present = connection.replaced_at.is_(None)
    yield _sealed(secret.sealed, _counts(t.webhook_secret, now)), SECRET_PURPOSE
    yield _sealed(connection.sealed_credentials, present), CREDENTIALS_PURPOSE
    yield _sealed(connection.sealed_token, present), TOKEN_PURPOSE
    yield _sealed(begun.sealed, sa.and_(begun.used_at.is_(None), begun.expires_at > now)), AUTHORIZATION_PURPOSE
    erasure = t.org.c.sealed_erasure_key
    yield sa.select(t.org.c.id, t.org.c.slug, erasure).where(erasure.is_not(None)), ERASURE_KEY_PURPOSE


def _sealed(column: sa.Column[Any], which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    table = column.table
    query = sa.select(table.c.org_id, t.org.c.slug, column).join_from(table, t.org, t.org.c.id == table.c.org_id)
    return query.where(which, column.is_not(None), column != "").order_by(table.c.org_id)


def _counts(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """Neither expired nor revoked."""
    return sa.and_(*(sa.or_(end.is_(None), end > now) for end in (table.c.expires_at, table.c.revoked_at)))


# ── orgs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def orgs_facts(db: Db, now: datetime, slug: str | None, room: tuple[int, int]) -> tuple[OrgFacts, ...]:
    """What the database knows of every org, or of one; the CRM is not asked. `room`: the deliveries and the megabytes that
    may wait of each.
    """
    rows = {row.slug: row for row in db.execute(sa.select(t.org).order_by(t.org.c.slug)) if slug in (None, row.slug)}
    statuses = {status.org: status for status in all_statuses(db, now) if status.org in rows}
    secrets, tokens = _ends(db, t.webhook_secret, now), _ends(db, t.api_token, now)
    latest, rejected = _latest_due(db), _latest_rejected(db)
    return tuple(
        replace(
            _of_status(statuses[name]),
            reserve_percent=policies(db, row.id).reserve_percent,
            secrets=[ends for _, ends in secrets[row.id]],
            tokens=tokens[row.id],
            most_waiting=room[0],
            filled=Backlog(statuses[name].deliveries["waiting"], statuses[name].waiting_bytes).part_of(*room),
            lease_owner=row.lease_owner,
            lease_until=row.lease_until,
            latest_due=latest.get(row.id),
            rejected_at=rejected.get(row.id),
        )
        for name, row in rows.items()
    )


def _of_status(status: OrgStatus) -> OrgFacts:
    crm: CrmStatus = status.crm
    return OrgFacts(
        slug=status.org,
        state=crm.state,
        target=crm.target or "",
        problem=_problem(crm.problem),
        paused_until=crm.paused_until,
        calls_used=crm.budget_used,
        calls_limit=crm.budget_limit,
        due_seconds=status.oldest_due_seconds,
        waiting_seconds=status.oldest_waiting_seconds,
        waiting=status.deliveries["waiting"],
        failed=status.deliveries["failed"],
        rejected=status.deliveries["rejected"],
    )


def _problem(said: dict[str, Any] | None) -> Problem | None:
    return None if said is None else problem_from_json({name: value for name, value in said.items() if name != "key"})


def _ends(db: Db, table: sa.Table, now: datetime) -> dict[int, list[tuple[str, datetime | None]]]:
    """When those that count end, by org, each with its label."""
    label = table.c.label if "label" in table.c else sa.literal("")
    found: dict[int, list[tuple[str, datetime | None]]] = defaultdict(list)
    query = sa.select(table.c.org_id, label, table.c.expires_at, table.c.revoked_at).where(_counts(table, now))
    for org_id, name, *ends in db.execute(query.order_by(table.c.id)):
        found[org_id].append((name, min((end for end in ends if end is not None), default=None)))
    return found


def _latest_rejected(db: Db) -> dict[int, datetime]:
    """When the last delivery that could not be read came."""
    last = (
        sa.select(sa.func.max(t.delivery.c.id))
        .where(t.delivery.c.org_id == t.org.c.id, t.delivery.c.status == "rejected")
        .correlate(t.org)
        .scalar_subquery()
    )
    query = sa.select(t.org.c.id, t.delivery.c.received_at).join(t.delivery, t.delivery.c.id == last)
    return {row.id: row.received_at for row in db.execute(query)}


def _latest_due(db: Db) -> dict[int, datetime]:
    """When the last of what an org's queue holds is to be tried; one end of each index."""
    latest = [
        sa.select(sa.func.max(table.c.due_at))
        .where(table.c.org_id == t.org.c.id, table.c.due_at.is_not(None))
        .correlate(t.org)
        .scalar_subquery()
        .label(table.name)
        for table in (t.contact, t.event, t.meeting)
    ]
    rows = db.execute(sa.select(t.org.c.id, *latest))
    return {row[0]: max(times) for row in rows if (times := [time for time in row[1:] if time is not None])}
