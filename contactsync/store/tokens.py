"""A connection's bearer token: kept sealed in the database, fetched by one process at a time, shared by all."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.domain.connection import Token
from contactsync.domain.errors import SealBroken, TargetUnavailable
from contactsync.store.engine import reading, writing
from contactsync.store.tables import connection
from contactsync.store.vault import Vault

TOKEN_PURPOSE = "CRM token"  # noqa: S105 - what it is for
LEASE_SECONDS = 30
"""How long a fetch may take before another process may try: longer than the time-outs of a sign-in."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


class DatabaseTokenKeeper:
    """The TokenKeeper of one connection (see domain/connection.py for what it promises).

    until there is a token, and it is not the stale one:
        take the token's lease, unless somebody has it or has changed the token meanwhile
            taken      fetch, keep, let go → the new token
            not taken  wait a little
    """

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        org_id: int,
        connection_id: int,
        *,
        lease_seconds: float = LEASE_SECONDS,
        now: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._org_id = org_id
        self._connection_id = connection_id
        self._lease_seconds = lease_seconds
        self._now = now
        self._pause = pause

    def token(self, fetch: Callable[[], Token], stale: str | None = None) -> Token:
        """The kept token; fetched when none is kept or the kept one is `stale`.

        What `fetch` raises comes through, and the next caller tries. Raises TargetUnavailable when others have been
        fetching for so long that something is wrong with all of them.
        """
        give_up = self._now() + timedelta(seconds=2 * self._lease_seconds)
        pause = _FIRST_PAUSE
        while True:
            sealed = self._sealed()
            kept = self._opened(sealed)
            if kept is not None and kept.value != stale:
                return kept
            owner = uuid.uuid4().hex
            if self._take_lease(owner, sealed):
                return self._fetch(fetch, owner)
            if self._now() >= give_up:
                raise TargetUnavailable("other workers have been signing in to the CRM for too long")
            self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _fetch(self, fetch: Callable[[], Token], owner: str) -> Token:
        try:
            fetched = fetch()
        except BaseException:
            self._let_go(owner)
            raise
        text = json.dumps([fetched.value, fetched.instance_url])
        # When the lease ran out meanwhile, somebody else keeps a token; ours is good all the same.
        self._let_go(owner, sealed_token=self._vault.seal(self._org_id, TOKEN_PURPOSE, text))
        return fetched

    def _sealed(self) -> str | None:
        with reading(self._engine) as conn:
            sealed: str | None = conn.execute(
                sa.select(connection.c.sealed_token).where(connection.c.id == self._connection_id)
            ).scalar_one()
        return sealed

    def _opened(self, sealed: str | None) -> Token | None:
        if sealed is not None:
            with suppress(SealBroken):  # its key is gone: a token can be had anew, unlike credentials
                return Token(*json.loads(self._vault.open(self._org_id, TOKEN_PURPOSE, sealed)))
        return None

    def _take_lease(self, owner: str, seen: str | None) -> bool:
        now = self._now()
        until = connection.c.token_lease_until
        with writing(self._engine) as conn:
            return bool(
                conn.execute(
                    sa.update(connection)
                    .where(
                        connection.c.id == self._connection_id,
                        sa.or_(until.is_(None), until <= now),
                        connection.c.sealed_token.is_not_distinct_from(seen),
                    )
                    .values(token_lease_owner=owner, token_lease_until=now + timedelta(seconds=self._lease_seconds))
                ).rowcount
            )

    def _let_go(self, owner: str, **kept: str) -> None:
        with writing(self._engine) as conn:
            conn.execute(
                sa.update(connection)
                .where(connection.c.id == self._connection_id, connection.c.token_lease_owner == owner)
                .values(token_lease_owner=None, token_lease_until=None, **kept)
            )
