"""Forms that came when their session was over: kept for an hour, sealed, for the user who typed them and for nobody else."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.errors import SealBroken
from contactsync.store.tables_console import unsent_form
from contactsync.store.vault import Vault

LIFETIME = timedelta(hours=1)
MOST = 5
"""So many of one user: of more, those that came first go."""

MOST_CHARACTERS = 1_048_576


@dataclass(frozen=True)
class Unsent:
    """What was sent, but for what is never kept. `left_out`: its names, each with "password" or "file"."""

    address: str  # where it was sent to: path and query
    page: str  # the path of the page that it stood on; "" when the browser did not say
    endpoint: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def size(self) -> int:
        """In characters."""
        return len(self.address) + sum(len(name) + len(value) for name, value in (*self.fields, *self.left_out))


def keep(db: Db, vault: Vault, user_id: int, form: Unsent, now: datetime) -> str:
    """Keep the form; answers the key that it is found by, which is kept nowhere."""
    clear(db, now)
    c, key = unsent_form.c, secrets.token_urlsafe(32)
    others = sa.select(c.key_hash).where(c.user_id == user_id).order_by(c.expires_at.desc(), c.key_hash)
    too_many = db.execute(others.offset(MOST - 1)).scalars().all()
    db.execute(sa.delete(unsent_form).where(c.key_hash.in_(too_many)))
    held = vault.seal(0, _purpose(user_id), json.dumps(asdict(form), ensure_ascii=False))
    row = {"key_hash": _digest(key), "user_id": user_id, "held": held, "expires_at": now + LIFETIME}
    db.execute(sa.insert(unsent_form).values(**row))
    return key


def find(db: Db, vault: Vault, user_id: int, key: str, now: datetime) -> Unsent | None:
    """The user's own form; None: there is none, it is too old, it was sent, or it is somebody else's."""
    asked = sa.select(unsent_form.c.held).where(_own(user_id, key), unsent_form.c.expires_at > now)
    held = db.execute(asked).scalar()
    if held is None:
        return None
    try:
        said = json.loads(vault.open(0, _purpose(user_id), held))
    except SealBroken:  # its key was taken away within the hour
        return None
    fields, left_out = (tuple((name, value) for name, value in said[part]) for part in ("fields", "left_out"))
    return Unsent(said["address"], said["page"], said["endpoint"], fields, left_out)


def drop(db: Db, user_id: int, key: str) -> None:
    """It was sent, or its user does not want it any more."""
    db.execute(sa.delete(unsent_form).where(_own(user_id, key)))


def clear(db: Db, now: datetime) -> int:
    """Take away what is too old; answers how many."""
    return db.execute(sa.delete(unsent_form).where(unsent_form.c.expires_at <= now)).rowcount


def _own(user_id: int, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(unsent_form.c.key_hash == _digest(key), unsent_form.c.user_id == user_id)


def _purpose(user_id: int) -> str:
    return f"unsent form of user {user_id}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
