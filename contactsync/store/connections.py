"""An org's ties to CRMs: one is the present one, those before it stay for the record."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine

from contactsync.domain.connection import Connection
from contactsync.domain.merge import from_json, values
from contactsync.store.due import OWN_CAMPAIGN
from contactsync.store.engine import writing
from contactsync.store.tables import authorization, connection, contact, event, meeting, org
from contactsync.store.tokens import CREDENTIALS_PURPOSE, DatabaseTokenKeeper, utc_now
from contactsync.store.vault import Vault

ConnectionState = Literal["ready", "paused", "stopped"]


def state_of(problem: object, paused_until: datetime | None, now: datetime) -> ConnectionState:
    """How a connection stands: paused until a time, stopped by a problem until somebody acts. After a pause it is tried again,
    whatever its problem was.
    """
    if paused_until is None:
        return "ready" if problem is None else "stopped"
    return "paused" if paused_until > now else "ready"


@dataclass(frozen=True)
class ConnectionRow:
    """A connection as it is kept. Nothing in it is secret; the credentials are sealed."""

    id: int
    org_id: int
    target: str
    settings: Mapping[str, str]
    sealed_credentials: str = field(repr=False)
    calls: int  # that we made, ever
    budget_used: int | None  # the CRM's own count for the day
    budget_limit: int | None
    failures: int  # whole calls that failed since one went well
    paused_until: datetime | None
    problem: Mapping[str, Any] | None
    created_at: datetime
    budget_at: datetime | None = None  # when the CRM last said its count
    revision: int = 0  # counts up when what is remembered of the CRM is stale

    def state(self, now: datetime) -> ConnectionState:
        """How it stands."""
        return state_of(self.problem, self.paused_until, now)

    def paused(self, now: datetime) -> bool:
        """Whether nobody should call the CRM: until a time, or until somebody acted."""
        return self.state(now) != "ready"


class WriteGuard:
    """Whom a target is to ask before it writes: whoever holds the org's lease for the turn at hand, else nobody."""

    def __init__(self) -> None:
        self._ask: Callable[[], None] | None = None

    def may_write(self) -> None:
        """Raises what the asked one raises."""
        if self._ask is not None:
            self._ask()

    @contextmanager
    def asking(self, ask: Callable[[], None]) -> Iterator[None]:
        """Have `ask` asked while the body runs."""
        before, self._ask = self._ask, ask
        try:
            yield
        finally:
            self._ask = before


@dataclass(frozen=True)
class OpenConnection(Connection):
    """A connection for a target to work with; `flush` writes down the calls that were counted since the last time."""

    flush: Callable[[], None] = field(kw_only=True, repr=False)
    guard: WriteGuard = field(kw_only=True, repr=False)


def connect(  # noqa: PLR0917 - in the order in which they are read
    conn: Db,
    vault: Vault,
    org_id: int,
    target: str,
    settings: Mapping[str, str],
    credentials: Mapping[str, str],
    now: datetime,
) -> int:
    """Connect an org to a CRM; answers the connection's id.

    With the same target and `instance_url` as before it is the same connection with new credentials, so that its links
    to CRM records stay valid; otherwise it is a new one, and the present one is replaced and its credentials forgotten.
    Back in a CRM that the org was connected to earlier, it is that connection again: without its links, every meeting would
    become a second Activity there, and whoever has another address in the CRM by now a second record (I3).
    After `disconnect` the one that was left last counts as the one before.
    A pause is over, a kept token forgotten. What stands in `settings` must not be secret.
    """
    conn.execute(sa.select(org.c.id).where(org.c.id == org_id).with_for_update(key_share=True)).scalar_one()  # in turn
    sealed = vault.seal(org_id, CREDENTIALS_PURPOSE, json.dumps(dict(credentials)))
    said = {"settings": dict(settings), "sealed_credentials": sealed}
    before = present(conn, org_id)
    left = latest(conn, org_id) if before is None else before
    if before is not None and is_same_crm(before, target, settings):
        fresh = {"sealed_token": None, "token_lease_owner": None, "token_lease_until": None}
        going = {"failures": 0, "paused_until": None, "problem": None, "revision": before.revision + 1}
        conn.execute(sa.update(connection).where(connection.c.id == before.id).values(**said, **fresh, **going))
        return before.id
    if left is not None and not is_same_crm(left, target, settings):
        _leave(conn, org_id)
    if before is not None:
        _put_aside(conn, vault, before, now)
    former = _former(conn, org_id, target, settings)
    if former is not None:
        again: dict[str, Any] = {
            "replaced_at": None,
            "sealed_token": None,
            "token_lease_owner": None,
            "token_lease_until": None,
        }
        again |= {"failures": 0, "paused_until": None, "problem": None, "revision": connection.c.revision + 1}
        conn.execute(sa.update(connection).where(connection.c.id == former).values(**said, **again))
        return former
    row = {"org_id": org_id, "target": target, "created_at": now, "calls": 0, "failures": 0} | said
    return int(conn.execute(sa.insert(connection).values(**row).returning(connection.c.id)).scalar_one())


def disconnect(conn: Db, vault: Vault, org_id: int, now: datetime) -> ConnectionRow | None:
    """Part an org from its CRM; answers the connection as it was, None: there was none.

    Its credentials and its token are forgotten, and so is every sign-in that was begun: none may tie the org again behind
    the back of who parted it. What became of the org's records stays known, for a later `connect` to the same CRM.
    """
    conn.execute(sa.select(org.c.id).where(org.c.id == org_id).with_for_update(key_share=True)).scalar_one()  # in turn
    conn.execute(sa.delete(authorization).where(authorization.c.org_id == org_id, authorization.c.used_at.is_(None)))
    before = present(conn, org_id)
    if before is not None:
        _put_aside(conn, vault, before, now)
    return before


def latest(conn: Db, org_id: int) -> ConnectionRow | None:
    """The org's connection as it is now or, when it was disconnected, the one that it had last."""
    ended = sa.case((connection.c.replaced_at.is_(None), 0), else_=1)
    newest_first = _ROWS.where(connection.c.org_id == org_id).order_by(
        ended, connection.c.replaced_at.desc(), connection.c.id.desc()
    )
    row = conn.execute(newest_first.limit(1)).one_or_none()
    return None if row is None else ConnectionRow(*row)


def is_same_crm(row: ConnectionRow, target: str, settings: Mapping[str, str]) -> bool:
    """Whether these settings lead where the connection leads."""
    return (row.target, _place(row.settings)) == (target, _place(settings))


def _put_aside(conn: Db, vault: Vault, row: ConnectionRow, now: datetime) -> None:
    """The connection is the org's no more. Whatever the clocks say, it is the last of those."""
    ended = sa.select(sa.func.max(connection.c.replaced_at)).where(connection.c.org_id == row.org_id)
    last = conn.execute(ended).scalar()
    forgotten = {
        "sealed_credentials": vault.seal(row.org_id, CREDENTIALS_PURPOSE, "{}"),
        "sealed_token": None,
        "token_lease_owner": None,
        "token_lease_until": None,
    }
    at = now if last is None or last < now else last + timedelta(microseconds=1)
    conn.execute(sa.update(connection).where(connection.c.id == row.id).values(replaced_at=at, **forgotten))


def _former(conn: Db, org_id: int, target: str, settings: Mapping[str, str]) -> int | None:
    """The org's last connection to the same CRM, of those that were replaced."""
    here = (connection.c.org_id == org_id, connection.c.target == target, connection.c.replaced_at.is_not(None))
    rows = conn.execute(
        sa.select(connection.c.id, connection.c.settings).where(*here).order_by(connection.c.id.desc())
    ).all()
    return next((row.id for row in rows if _place(row.settings) == _place(settings)), None)


def _leave(conn: Db, org_id: int) -> None:
    """Forget what was made of the org's records in the CRM that it leaves: in another one it is not there."""
    made = event.c.campaign_made.is_not(None)
    for row in conn.execute(sa.select(event).where(event.c.org_id == org_id, made)).all():
        said = values(from_json(row.fields)).get("campaign_id")
        kept = said if row.campaign_choice in (None, OWN_CAMPAIGN) else row.campaign_choice
        conn.execute(sa.update(event).where(event.c.id == row.id).values(campaign_made=None, campaign_id=kept or None))
    for table in (event, meeting):
        conn.execute(sa.update(table).where(table.c.org_id == org_id).values(attempted=None, fingerprint=None))
    unheard = (contact.c.org_id == org_id, contact.c.attempted.is_not(None))
    conn.execute(sa.update(contact).where(*unheard).values(attempted=None))
    # An id of the CRM that is left would be shown as a record of the new one.
    nowhere = {"crm_id": None, "last_synced_at": None}
    conn.execute(sa.update(contact).where(contact.c.org_id == org_id).values(crm_kind=None, **nowhere))
    conn.execute(sa.update(meeting).where(meeting.c.org_id == org_id).values(nowhere))


def bump_revision(conn: Db, connection_id: int) -> None:
    """Have every worker forget what it remembers of this CRM (its fields, say)."""
    conn.execute(
        sa.update(connection).where(connection.c.id == connection_id).values(revision=connection.c.revision + 1)
    )


def resume(conn: Db, connection_id: int) -> None:
    """Somebody acted: what paused or stopped the connection holds no more; its records go again by themselves."""
    going = {"failures": 0, "paused_until": None, "problem": None}
    conn.execute(sa.update(connection).where(connection.c.id == connection_id).values(**going))


def present(conn: Db, org_id: int) -> ConnectionRow | None:
    """The org's connection as it is now; None when it has none yet."""
    row = conn.execute(_PRESENT.where(connection.c.org_id == org_id)).one_or_none()
    return None if row is None else ConnectionRow(*row)


def open_connection(
    engine: Engine, vault: Vault, row: ConnectionRow, now: Callable[[], datetime] = utc_now
) -> OpenConnection:
    """The connection with its credentials opened. Raises SealBroken; does no I/O."""
    counter, guard = _CallCounter(engine, row.id, now), WriteGuard()
    return OpenConnection(
        settings=dict(row.settings),
        credentials=json.loads(vault.open(row.org_id, CREDENTIALS_PURPOSE, row.sealed_credentials)),
        tokens=DatabaseTokenKeeper(
            engine, vault, row.org_id, row.id, sealed_credentials=row.sealed_credentials, now=now
        ),
        count_call=counter.count,
        may_write=guard.may_write,
        flush=counter.flush,
        guard=guard,
    )


def _place(settings: Mapping[str, str]) -> str:
    return settings.get("instance_url", "").rstrip("/").lower()


_ROWS = sa.select(*(connection.c[name] for name in ConnectionRow.__dataclass_fields__))
_PRESENT = _ROWS.where(connection.c.replaced_at.is_(None))


class _CallCounter:
    """Adds calls up in memory: a row written per call would cost more than the call's own bookkeeping is worth."""

    def __init__(self, engine: Engine, connection_id: int, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._connection_id = connection_id
        self._lock = threading.Lock()
        self._calls = 0
        self._budget: dict[str, int | datetime] = {}

    def count(self, used: int | None, limit: int | None) -> None:
        said = {"budget_used": used, "budget_limit": limit}
        known = {name: value for name, value in said.items() if value is not None}
        with self._lock:
            self._calls += 1
            self._budget |= known
            if known:
                self._budget["budget_at"] = self._now()

    def flush(self) -> None:
        """In a transaction of its own: never inside another one that writes."""
        with self._lock:
            calls, budget = self._calls, dict(self._budget)
            if not calls:
                return
            with writing(self._engine) as conn:
                conn.execute(
                    sa.update(connection)
                    .where(connection.c.id == self._connection_id)
                    .values(calls=connection.c.calls + calls, **budget)
                )
            self._calls, self._budget = 0, {}
