"""Sign-ins at a CRM that a person has begun in a browser: kept sealed for ten minutes, each taken once.

The `state` that goes to the CRM and comes back is the only proof of who may finish one, so only its digest is kept; what
the sign-in needs (settings, credentials, the PKCE verifier) is sealed until then and forgotten with its use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store.tables import authorization, org
from contactsync.store.vault import Vault

AUTHORIZATION_PURPOSE = "sign-in"
LIFETIME = timedelta(minutes=10)
REMEMBERED = timedelta(days=1)
"""How long one that is over is kept, so that its page can say that it was used rather than that it is unknown."""


@dataclass(frozen=True)
class SignInBegun:
    """What it takes to finish a sign-in. `redirect_uri`: the CRM wants it again, as it was."""

    settings: Mapping[str, str]
    redirect_uri: str
    credentials: Mapping[str, str] = field(repr=False)
    verifier: str = field(repr=False)
    actor: str = ""  # who began it, as the audit log names them


@dataclass(frozen=True)
class Taken:
    """A sign-in that came back, for this one time."""

    id: int
    org_id: int
    org_slug: str
    org_name: str
    begun: SignInBegun


class Progress(StrEnum):
    """How far a sign-in is."""

    OPEN = "open"
    TAKEN = "taken"  # it came back: what came of it is seen at the connection
    GONE = "gone"  # it ran out, or the CRM or the person refused it


def begin(  # noqa: PLR0917 - in the order in which they are read
    db: Db, vault: Vault, org_id: int, target: str, state: str, begun: SignInBegun, now: datetime
) -> int:
    """Keep a sign-in that begins; answers its id. Clears away what has long been over."""
    db.execute(sa.delete(authorization).where(authorization.c.expires_at < now - REMEMBERED))
    row = {
        "org_id": org_id,
        "state_hash": _digest(state),
        "target": target,
        "sealed": vault.seal(org_id, AUTHORIZATION_PURPOSE, json.dumps(asdict(begun))),
        "created_at": now,
        "expires_at": now + LIFETIME,
    }
    return int(db.execute(sa.insert(authorization).values(**row).returning(authorization.c.id)).scalar_one())


def take(db: Db, vault: Vault, target: str, state: str, now: datetime) -> Taken | None:
    """The sign-in of this state, once: of two who come with one state, one gets it. None: unknown, used, or run out.

    Raises SealBroken, and then it is used all the same.
    """
    mine = sa.and_(authorization.c.state_hash == _digest(state), authorization.c.target == target)
    asked = sa.select(authorization, org.c.slug, org.c.name).join(org, org.c.id == authorization.c.org_id)
    # locked: `keys rotate` may be sealing it anew, and who comes in between must not find it used
    row = db.execute(asked.where(mine).with_for_update(of=authorization)).one_or_none()
    if row is None or not row.sealed:
        return None
    used = sa.update(authorization).where(
        mine, authorization.c.used_at.is_(None), authorization.c.expires_at > now, authorization.c.sealed == row.sealed
    )
    if not db.execute(used.values(used_at=now, sealed="")).rowcount:
        return None
    begun = json.loads(vault.open(row.org_id, AUTHORIZATION_PURPOSE, row.sealed))
    return Taken(row.id, row.org_id, row.slug, row.name, SignInBegun(**begun))


def forget(db: Db, authorization_id: int) -> None:
    """It came back and was refused."""
    db.execute(sa.delete(authorization).where(authorization.c.id == authorization_id))


def progress(db: Db, authorization_id: int, now: datetime) -> Progress:
    """How far a sign-in is."""
    asked = sa.select(authorization.c.used_at, authorization.c.expires_at)
    return _progress(db.execute(asked.where(authorization.c.id == authorization_id)).one_or_none(), now)


def standing(db: Db, target: str, state: str, now: datetime) -> Progress:
    """The same by its state; GONE for one that nobody began. Reads only: anybody may ask."""
    asked = sa.select(authorization.c.used_at, authorization.c.expires_at)
    mine = sa.and_(authorization.c.state_hash == _digest(state), authorization.c.target == target)
    return _progress(db.execute(asked.where(mine)).one_or_none(), now)


def _progress(row: Any, now: datetime) -> Progress:
    if row is not None and row.used_at is not None:
        return Progress.TAKEN
    return Progress.OPEN if row is not None and row.expires_at > now else Progress.GONE


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
