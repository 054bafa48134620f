"""Everything that is sealed in the database, brought under the first key of CONTACTSYNC_SECRET_KEYS.

    rotate, until a round finds nothing more:
        for each place, in batches of BATCH rows:
            read what another key than the first has sealed        (no lock is held while it is opened and sealed anew)
            write those that are still as they were read, and a line of the audit log, in one transaction

Web and workers go on meanwhile: what one of them writes first stands, and the next round reads it. Broken off, it has done
what it has done, and another call does the rest.

How far an erasure is that was broken off stands sealed among its counts (store/erasures.py), not in a column of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine

from contactsync.domain.errors import SealBroken
from contactsync.store import tables as t
from contactsync.store.audit import Audited, note
from contactsync.store.authorizations import AUTHORIZATION_PURPOSE
from contactsync.store.engine import reading, writing
from contactsync.store.erasures import PROGRESS_PURPOSE, UnderWay, seal_anew, under_way
from contactsync.store.orgs import SECRET_PURPOSE
from contactsync.store.tokens import CREDENTIALS_PURPOSE, TOKEN_PURPOSE
from contactsync.store.tombstones import ERASURE_KEY_PURPOSE
from contactsync.store.vault import Vault

BATCH = 200
MOST_ROUNDS = 20
"""Who still writes under an older key after so many rounds has not been given the new one."""


@dataclass(frozen=True)
class Unopened:
    """What no key opens, by org and purpose: it stands as it was. `needed`: something still depends on it."""

    org: str
    purpose: str
    count: int
    needed: bool


@dataclass(frozen=True)
class Rotated:
    """What came of it, in sealed texts. `older`: still under a key after the first (all of them when nothing was to be done,
    none otherwise, unless a process goes on writing with an older key). `current`: under the first key, those just resealed
    with them.
    """

    resealed: int
    current: int
    older: int
    unopened: tuple[Unopened, ...] = ()

    @property
    def older_keys_needed(self) -> bool:
        """Whether a key after the first must stay: for what it still opens, or to look for what opens nothing else."""
        return self.older > 0 or any(one.needed for one in self.unopened)


@dataclass(frozen=True)
class _Place:
    """A column that holds sealed texts. `needed`: an expression, whether a row of it is still of use at a time."""

    column: sa.Column[Any]
    org: sa.Column[Any]
    purpose: str
    needed: Callable[[datetime], sa.ColumnElement[bool]]


@dataclass(frozen=True)
class _Row:
    id: int
    org_id: int
    org: str
    sealed: str
    needed: bool


def _open_secret(now: datetime) -> sa.ColumnElement[bool]:
    ends = (t.webhook_secret.c.expires_at, t.webhook_secret.c.revoked_at)
    return sa.and_(*(sa.or_(end.is_(None), end > now) for end in ends))


def _present(_now: datetime) -> sa.ColumnElement[bool]:
    return t.connection.c.replaced_at.is_(None)


def _under_way(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(t.authorization.c.used_at.is_(None), t.authorization.c.expires_at > now)


def _always(_now: datetime) -> sa.ColumnElement[bool]:
    return sa.true()


_PLACES = (
    _Place(t.webhook_secret.c.sealed, t.webhook_secret.c.org_id, SECRET_PURPOSE, _open_secret),
    _Place(t.connection.c.sealed_credentials, t.connection.c.org_id, CREDENTIALS_PURPOSE, _present),
    _Place(t.connection.c.sealed_token, t.connection.c.org_id, TOKEN_PURPOSE, _present),
    _Place(t.authorization.c.sealed, t.authorization.c.org_id, AUTHORIZATION_PURPOSE, _under_way),
    _Place(t.org.c.sealed_erasure_key, t.org.c.id, ERASURE_KEY_PURPOSE, _always),
)


def rotate(engine: Engine, vault: Vault, now: datetime, actor: str) -> Rotated:
    """Seal anew whatever another key than the first has sealed. When nothing needs them, the older keys can be removed."""
    resealed = 0
    for _ in range(MOST_ROUNDS):
        done = sum(_reseal(engine, vault, place, now, actor) for place in _PLACES)
        done += _reseal_erasures(engine, vault, now, actor)
        resealed += done
        if not done:
            break
    return _counted(engine, vault, now, resealed)


def check(engine: Engine, vault: Vault, now: datetime) -> Rotated:
    """What `rotate` would find; nothing is changed."""
    return _counted(engine, vault, now, 0)


def _counted(engine: Engine, vault: Vault, now: datetime, resealed: int) -> Rotated:
    current = older = 0
    unopened: Counter[tuple[str, str, bool]] = Counter()
    sealed = ((place.purpose, row) for place in _PLACES for row in _rows(engine, place, now))
    for purpose, row in chain(sealed, ((PROGRESS_PURPOSE, row) for row, _ in _erasures(engine))):
        try:
            vault.open(row.org_id, purpose, row.sealed)
        except SealBroken:
            unopened[row.org, purpose, bool(row.needed)] += 1
            continue
        first = vault.is_current(row.sealed)
        current += first
        older += not first
    broken = (Unopened(org, purpose, count, needed) for (org, purpose, needed), count in unopened.items())
    return Rotated(resealed, current, older, tuple(broken))


def _reseal(engine: Engine, vault: Vault, place: _Place, now: datetime, actor: str) -> int:
    """One round of one place: how many were written."""
    written = 0
    waiting: dict[_Row, str] = {}
    for row in _rows(engine, place, now):
        if vault.is_current(row.sealed):
            continue
        try:
            waiting[row] = vault.reseal(row.org_id, place.purpose, row.sealed)
        except SealBroken:
            continue  # counted, and named, at the end
        if len(waiting) == BATCH:
            written += _write(engine, place, waiting, now, actor)
            waiting = {}
    return written + _write(engine, place, waiting, now, actor)


def _write(engine: Engine, place: _Place, anew: Mapping[_Row, str], now: datetime, actor: str) -> int:
    """Only what is still as it was read: a worker may have kept a new token meanwhile."""
    if not anew:
        return 0
    with writing(engine) as db:
        written = sum(_replace(db, place.column, row, sealed) for row, sealed in anew.items())
        if written:
            details = {"purpose": place.purpose, "resealed": written}
            note(db, None, actor, Audited.KEYS_ROTATED, now, details=details)
    return written


def _reseal_erasures(engine: Engine, vault: Vault, now: datetime, actor: str) -> int:
    """One round of the erasures that are not finished: how many were written."""
    written = 0
    for row, one in _erasures(engine):
        if vault.is_current(row.sealed):
            continue
        try:
            anew = vault.reseal(row.org_id, PROGRESS_PURPOSE, row.sealed)
        except SealBroken:
            continue
        with writing(engine) as db:
            if seal_anew(db, one, anew):
                note(db, None, actor, Audited.KEYS_ROTATED, now, details={"purpose": PROGRESS_PURPOSE, "resealed": 1})
                written += 1
    return written


def _erasures(engine: Engine) -> Iterator[tuple[_Row, UnderWay]]:
    with reading(engine) as db:
        there = under_way(db)
    return ((_Row(one.id, one.org_id, one.org, one.sealed, needed=True), one) for one in there)


def _replace(db: Db, column: sa.Column[Any], row: _Row, anew: str) -> int:
    table = column.table
    changed = sa.update(table).where(table.c.id == row.id, column == row.sealed).values({column.name: anew})
    return db.execute(changed).rowcount


def _rows(engine: Engine, place: _Place, now: datetime) -> Iterator[_Row]:
    """All that the place holds, a batch at a time and each in a transaction of its own."""
    column, key = place.column, place.column.table.c.id
    query = sa.select(key, place.org.label("org_id"), t.org.c.slug.label("org"), column, place.needed(now))
    if column.table is not t.org:
        query = query.join_from(column.table, t.org, t.org.c.id == place.org)
    query = query.where(column.is_not(None), column != "").order_by(key).limit(BATCH)
    after = 0
    while True:
        with reading(engine) as db:
            rows = [_Row(*row) for row in db.execute(query.where(key > after))]
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].id
