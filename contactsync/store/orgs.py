"""Orgs, the secrets their webhooks are signed with, their API tokens, and what they chose."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_on_postgres
from sqlalchemy.dialects.sqlite import insert as insert_on_sqlite
from sqlalchemy.engine import Connection

from contactsync.domain.errors import RefusedInput
from contactsync.domain.policy import Policies
from contactsync.domain.policy_json import policies_as_json, policies_from_json
from contactsync.store import tables
from contactsync.store.vault import Vault

SECRET_PURPOSE = "webhook secret"  # noqa: S105 - what it is for
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SECRET_PREFIX = "whsec_"  # noqa: S105
_TOKEN_PREFIX = "cst_"  # noqa: S105
_TOKEN_LENGTH = len(_TOKEN_PREFIX) + 43  # 32 bytes in base64url without padding


@dataclass(frozen=True)
class Org:
    """One customer of the event platform."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True)
class Issued:
    """A webhook secret or an API token as lists show it: never the secret itself."""

    id: int
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    read_only: bool = False  # of a token: it changes nothing

    def active(self, now: datetime) -> bool:
        """Whether it is taken now."""
        return all(end is None or end > now for end in (self.expires_at, self.revoked_at))


@dataclass(frozen=True)
class TokenHolder:
    """Who sends an API token: its org, and which of the org's tokens it is."""

    org: Org
    token_id: int
    label: str
    read_only: bool

    @property
    def actor(self) -> str:
        """As the audit log names them."""
        return f"token:{self.token_id} {self.label}".rstrip()


# ── orgs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_org(conn: Connection, slug: str, name: str, now: datetime) -> Org:
    """A new org. Raises RefusedInput for a slug that is malformed or taken, or an empty name."""
    name = name.strip()
    wrong: dict[str, str] = {}
    told: list[str] = []
    if not _SLUG.fullmatch(slug):
        wrong["slug"] = "use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
        told.append(f"this slug cannot stand in a URL: {wrong['slug']}")
    if not 0 < len(name) <= 255:
        wrong["name"] = "write a name of 1 to 255 characters"
        told.append(f"the org needs a name: {wrong['name']}")
    if wrong:
        raise RefusedInput("; ".join(told), wrong)
    insert = insert_on_sqlite if conn.dialect.name == "sqlite" else insert_on_postgres
    org_id = conn.execute(
        insert(tables.org)
        .values(slug=slug, name=name, created_at=now, policies={}, mappings={}, knocked=False)
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(tables.org.c.id)
    ).scalar()
    if org_id is None:
        hint = "choose another one, or go on with the org that has it"
        raise RefusedInput(f"there is an org {slug!r} already: {hint}", {"slug": hint})
    return Org(org_id, slug, name)


def find_org(conn: Connection, slug: str) -> Org | None:
    """The org of a slug."""
    row = conn.execute(_ORGS.where(tables.org.c.slug == slug)).one_or_none()
    return None if row is None else Org(*row)


def list_orgs(conn: Connection) -> tuple[Org, ...]:
    """All orgs, by slug."""
    return tuple(Org(*row) for row in conn.execute(_ORGS.order_by(tables.org.c.slug)))


_ORGS = sa.select(tables.org.c.id, tables.org.c.slug, tables.org.c.name)


# ── webhook secrets ────────────────────────────────────────────────────────────────────────────────────────────────


def add_secret(
    conn: Connection, vault: Vault, org_id: int, now: datetime, expires_at: datetime | None = None
) -> tuple[int, str]:
    """A new webhook secret, beside those there are: its id and `whsec_…`, the base64 of 32 random bytes."""
    secret = _SECRET_PREFIX + base64.b64encode(randomness.token_bytes(32)).decode()
    row = {"org_id": org_id, "sealed": vault.seal(org_id, SECRET_PURPOSE, secret), "expires_at": expires_at}
    return _add(conn, tables.webhook_secret, row | {"created_at": now}), secret


def secrets(conn: Connection, vault: Vault, org_id: int, now: datetime) -> tuple[str, ...]:
    """The secrets that signatures are checked against now, newest first. Raises SealBroken."""
    table = tables.webhook_secret
    sealed = conn.execute(
        sa.select(table.c.sealed).where(table.c.org_id == org_id, *_active(table, now)).order_by(table.c.id.desc())
    ).scalars()
    return tuple(vault.open(org_id, SECRET_PURPOSE, text) for text in sealed)


def list_secrets(conn: Connection, org_id: int) -> tuple[Issued, ...]:
    """All webhook secrets an org ever had, oldest first, without what they are."""
    return _list(conn, tables.webhook_secret, org_id)


def revoke_secret(conn: Connection, org_id: int, secret_id: int, now: datetime, at: datetime | None = None) -> None:
    """Take a webhook secret no more, from now on or from a later time (so that old and new overlap in a rotation)."""
    _revoke(conn, tables.webhook_secret, org_id, secret_id, max(now, at or now))


# ── API tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_token(
    conn: Connection,
    org_id: int,
    label: str,
    now: datetime,
    expires_at: datetime | None = None,
    *,
    read_only: bool = False,
) -> tuple[int, str]:
    """A new API token: its id and `cst_…`, which is kept nowhere (only its SHA-256 is)."""
    token = _TOKEN_PREFIX + randomness.token_urlsafe(32)
    row = {"org_id": org_id, "label": label[:255], "token_hash": _hash(token), "expires_at": expires_at}
    return _add(conn, tables.api_token, row | {"created_at": now, "read_only": read_only}), token


def holder_of_token(conn: Connection, token: str, now: datetime) -> TokenHolder | None:
    """Whose API token this is; None when it is nobody's, expired or revoked.

    It is found by its hash in a unique index: how long that takes says nothing about other tokens.
    """
    if len(token) != _TOKEN_LENGTH or not token.startswith(_TOKEN_PREFIX):
        return None
    table = tables.api_token
    row = conn.execute(
        _ORGS.add_columns(table.c.id, table.c.label, table.c.read_only)
        .join(table, table.c.org_id == tables.org.c.id)
        .where(table.c.token_hash == _hash(token), *_active(table, now))
    ).one_or_none()
    return None if row is None else TokenHolder(Org(*row[:3]), *row[3:])


def list_tokens(conn: Connection, org_id: int) -> tuple[Issued, ...]:
    """All API tokens an org ever had, oldest first, without what they are."""
    token = tables.api_token.c
    return _list(conn, tables.api_token, org_id, label=token.label, read_only=token.read_only)


def revoke_token(conn: Connection, org_id: int, token_id: int, now: datetime, at: datetime | None = None) -> None:
    """Take an API token no more, from now on or from a later time."""
    _revoke(conn, tables.api_token, org_id, token_id, max(now, at or now))


def _hash(token: str) -> str:
    # Plain SHA-256 is enough: the token holds 256 random bits, there is nothing to guess.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _add(conn: Connection, table: sa.Table, row: Mapping[str, Any]) -> int:
    return int(conn.execute(sa.insert(table).values(**row).returning(table.c.id)).scalar_one())


def _active(table: sa.Table, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    ends = (table.c.expires_at, table.c.revoked_at)
    return tuple(sa.or_(end.is_(None), end > now) for end in ends)


def _list(conn: Connection, table: sa.Table, org_id: int, **more: sa.Column[Any]) -> tuple[Issued, ...]:
    columns = [table.c[name] for name in ("id", "created_at", "expires_at", "revoked_at")]
    named = [column.label(name) for name, column in more.items()]
    rows = conn.execute(sa.select(*columns, *named).where(table.c.org_id == org_id).order_by(table.c.id))
    return tuple(Issued(**{"label": "", **row._mapping}) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name


def _revoke(conn: Connection, table: sa.Table, org_id: int, row_id: int, at: datetime) -> None:
    ended = table.c.revoked_at
    # One that was revoked is not made good again by revoking it for a later time.
    sooner = sa.case((ended <= sa.bindparam("b_at", at, type_=tables.UtcTime()), ended), else_=at)
    changed = conn.execute(
        sa.update(table).where(table.c.org_id == org_id, table.c.id == row_id).values(revoked_at=sooner)
    ).rowcount
    if not changed:
        raise RefusedInput(f"this org has none with the id {row_id}: list them to see their ids")


# ── what an org chose ──────────────────────────────────────────────────────────────────────────────────────────────


def policies(conn: Connection, org_id: int) -> Policies:
    """The org's policies as they hold now."""
    return policies_from_json(_kept_policies(conn, org_id))


def set_policies(conn: Connection, org_id: int, said: Mapping[str, Any]) -> None:
    """Change the policies that are named; the others stay. Raises RefusedInput naming each wrong one."""
    _lock(conn, org_id)
    changed = policies_as_json(policies_from_json({**_kept_policies(conn, org_id), **said}))
    usual = policies_as_json(Policies())
    kept = {name: value for name, value in changed.items() if value != usual[name]}
    conn.execute(sa.update(tables.org).where(tables.org.c.id == org_id).values(policies=kept))


def _kept_policies(conn: Connection, org_id: int) -> Mapping[str, Any]:
    return dict(conn.execute(sa.select(tables.org.c.policies).where(tables.org.c.id == org_id)).scalar_one())


def mapping_json(conn: Connection, org_id: int) -> dict[str, Any]:
    """The mappings that the org changed: kind → `{"rules": […]}`; every other kind is as configured."""
    return dict(conn.execute(sa.select(tables.org.c.mappings).where(tables.org.c.id == org_id)).scalar_one())


@dataclass(frozen=True)
class Chosen:
    """What people chose for an org, as it is kept: what was decided by another one holds no more."""

    mappings: Mapping[str, Any]
    policies: Mapping[str, Any]
    connection_id: int | None
    company_choices: int = 0


def chosen(conn: Connection, org_id: int) -> Chosen:
    """What holds for the org now; in the transaction that holds its lease nobody changes it."""
    o = tables.org.c
    present = sa.and_(tables.connection.c.org_id == tables.org.c.id, tables.connection.c.replaced_at.is_(None))
    query = (
        sa.select(o.mappings, o.policies, tables.connection.c.id, o.company_choices)
        .select_from(tables.org.outerjoin(tables.connection, present))
        .where(tables.org.c.id == org_id)
    )
    return Chosen(*conn.execute(query).one())


def set_mapping_json(conn: Connection, org_id: int, kind: str, rules: Mapping[str, Any]) -> None:
    """Keep one kind's `{"rules": […]}`. The caller has checked it against the CRM's fields."""
    _lock(conn, org_id)
    mappings = mapping_json(conn, org_id) | {kind: dict(rules)}
    conn.execute(sa.update(tables.org).where(tables.org.c.id == org_id).values(mappings=mappings))


def _lock(conn: Connection, org_id: int) -> None:
    """Hold other writers of this org's choices off until the end of the transaction (SQLite has one writer anyway)."""
    conn.execute(sa.select(tables.org.c.id).where(tables.org.c.id == org_id).with_for_update()).scalar_one()
