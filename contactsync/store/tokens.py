"""A connection's bearer token: kept sealed in the database, fetched by one process at a time, shared by all."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.domain.connection import Token
from contactsync.domain.errors import SealBroken, TargetRefused, TargetUnavailable
from contactsync.store.engine import reading, writing
from contactsync.store.tables import connection
from contactsync.store.vault import Vault

CREDENTIALS_PURPOSE = "CRM credentials"
TOKEN_PURPOSE = "CRM token"  # noqa: S105 - what it is for
LEASE_SECONDS = 30
"""How long a fetch may take before another process may try: longer than the time-outs of a sign-in."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Held:
    """What the connection's row holds, sealed."""

    token: str | None = field(repr=False)
    credentials: str = field(repr=False)


class DatabaseTokenKeeper:
    """The TokenKeeper of one connection (see domain/connection.py for what it promises).

    until there is a token, and it is not the stale one:
        the org was connected anew since this keeper was made → TargetUnavailable: its credentials are no longer the ones
        take the token's lease, unless somebody has it or has changed the token meanwhile
            taken      fetch, keep, let go → the new token
                       refused, while another one was kept (our lease had run out) → that one
            not taken  wait a little

    A refresh token that came with a token is kept in the same write, so that there is no moment without one that the CRM
    still takes; one that did not bring any keeps the one before.
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        org_id: int,
        connection_id: int,
        *,
        sealed_credentials: str | None = None,
        lease_seconds: float = LEASE_SECONDS,
        now: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`sealed_credentials`: those that `fetch` signs in with; None: whichever the connection has."""
        self._engine = engine
        self._vault = vault
        self._org_id = org_id
        self._connection_id = connection_id
        self._sealed_credentials = sealed_credentials
        self._lease_seconds = lease_seconds
        self._now = now
        self._pause = pause

    def token(self, fetch: Callable[[], Token], stale: str | None = None) -> Token:
        """The kept token; fetched when none is kept or the kept one is `stale`.

        What `fetch` raises comes through, and the next caller tries. Raises TargetUnavailable when others have been
        fetching for so long that something is wrong with all of them, or when the org was connected anew meanwhile.
        """
        waited, pause = (
            0.0,
            _FIRST_PAUSE,
        )  # no wall clock says for how long: one that is set back would have all wait on
        while True:
            held = self._held()
            kept = self._opened(held.token)
            if kept is not None and kept.value != stale:
                return kept
            self._check_credentials(held)
            owner = uuid.uuid4().hex
            if self._take_lease(owner, held):
                try:
                    return self._fetch(fetch, owner, held)
                except TargetRefused:
                    if self._held() == held:
                        raise
                    continue  # refused for being late: with rotating refresh tokens, who comes second comes for nothing
            if waited >= 2 * self._lease_seconds:
                raise TargetUnavailable("other workers have been signing in to the CRM for too long")
            self._pause(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)

    def last(self) -> Token | None:
        """The token kept last, refused or not."""
        return self._opened(self._held().token)

    def _fetch(self, fetch: Callable[[], Token], owner: str, held: _Held) -> Token:
        try:
            fetched = fetch()
        except BaseException:
            self._let_go(owner)
            raise
        before = self._opened(held.token)
        if not fetched.refresh_token and before is not None:
            fetched = replace(fetched, refresh_token=before.refresh_token)
        text = json.dumps([fetched.value, fetched.instance_url, fetched.refresh_token])
        sealed = self._vault.seal(self._org_id, TOKEN_PURPOSE, text)
        if not self._let_go(owner, sealed_token=sealed):
            self._keep_late(held, sealed)
        return fetched

    def _held(self) -> _Held:
        asked = sa.select(connection.c.sealed_token, connection.c.sealed_credentials)
        with reading(self._engine) as conn:
            return _Held(*conn.execute(asked.where(connection.c.id == self._connection_id)).one())

    def _opened(self, sealed: str | None) -> Token | None:
        if sealed is not None:
            with suppress(SealBroken):  # its key is gone: a token can be had anew, unlike credentials
                return Token(*json.loads(self._vault.open(self._org_id, TOKEN_PURPOSE, sealed)))
        return None

    def _check_credentials(self, held: _Held) -> None:
        """A token of credentials that were replaced must not stand where the new ones' belongs."""
        ours = self._sealed_credentials
        if ours is None or ours == held.credentials:
            return
        opened = (self._vault.open(self._org_id, CREDENTIALS_PURPOSE, sealed) for sealed in (ours, held.credentials))
        if len(set(opened)) > 1:
            raise TargetUnavailable("the org was connected anew meanwhile")
        self._sealed_credentials = held.credentials  # sealed anew with another key

    def _take_lease(self, owner: str, held: _Held) -> bool:
        now = self._now()
        until = connection.c.token_lease_until
        # One that lasts longer than any was said by a clock that went ahead: its holder may be dead.
        impossible = now + timedelta(seconds=2 * self._lease_seconds)
        with writing(self._engine) as conn:
            return bool(
                conn.execute(
                    sa.update(connection)
                    .where(self._still(held), sa.or_(until.is_(None), until <= now, until > impossible))
                    .values(token_lease_owner=owner, token_lease_until=now + timedelta(seconds=self._lease_seconds))
                ).rowcount
            )

    def _let_go(self, owner: str, **kept: str) -> bool:
        """False: the lease had run out, and was taken by another, or was broken by a new connection."""
        with writing(self._engine) as conn:
            return bool(
                conn.execute(
                    sa.update(connection)
                    .where(connection.c.id == self._connection_id, connection.c.token_lease_owner == owner)
                    .values(token_lease_owner=None, token_lease_until=None, **kept)
                ).rowcount
            )

    def _keep_late(self, held: _Held, sealed: str) -> None:
        """Ours came when another worker had the lease already: it is kept unless theirs is, for it may hold the only
        refresh token that the CRM still takes. Never over a new connection's; over the same that was sealed anew meanwhile.
        """
        while True:
            now = self._held()
            if now != held and self._inside(now) != self._inside(held):
                return
            with writing(self._engine) as conn:
                kept = sa.update(connection).where(self._still(now)).values(sealed_token=sealed)
                if conn.execute(kept).rowcount:
                    return

    def _inside(self, held: _Held) -> tuple[Token | None, str]:
        """What was sealed."""
        return self._opened(held.token), self._vault.open(self._org_id, CREDENTIALS_PURPOSE, held.credentials)

    def _still(self, held: _Held) -> sa.ColumnElement[bool]:
        return sa.and_(
            connection.c.id == self._connection_id,
            connection.c.sealed_token.is_not_distinct_from(held.token),
            connection.c.sealed_credentials == held.credentials,
        )
