"""Links by which a user chooses a password: random, kept as digests, each good once and for seven days."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store.tables_console import console_user, invitation, membership

LIFETIME = timedelta(days=7)
_LONGEST_TOKEN = 128


def invite(db: Db, user_id: int, now: datetime) -> str:
    """A new link's token, which is kept nowhere; the user's earlier links are good no more."""
    db.execute(sa.delete(invitation).where(sa.or_(invitation.c.user_id == user_id, invitation.c.expires_at <= now)))
    token = secrets.token_urlsafe(32)
    row = {"user_id": user_id, "token_hash": _digest(token), "created_at": now, "expires_at": now + LIFETIME}
    db.execute(sa.insert(invitation).values(**row))
    return token


def invited(db: Db, token: str, now: datetime) -> int | None:
    """Whose link it is; None: nobody's, used, replaced, run out, or of a user who is disabled. Reads only."""
    if not 0 < len(token) <= _LONGEST_TOKEN:
        return None
    asked = sa.select(invitation.c.user_id).join(console_user, console_user.c.id == invitation.c.user_id)
    return db.execute(asked.where(_good(token, now), console_user.c.disabled_at.is_(None))).scalar()


def is_invited(db: Db, user_id: int, now: datetime) -> bool:
    """Whether the user has a link that is good."""
    c = invitation.c
    asked = sa.select(c.id).where(c.user_id == user_id, c.used_at.is_(None), c.expires_at > now)
    return db.execute(asked.limit(1)).first() is not None


def take(db: Db, token: str, now: datetime) -> int | None:
    """Use the link up; answers whose it was. Of two who come with one link, one gets it."""
    user_id = invited(db, token, now)
    if user_id is None:
        return None
    used = sa.update(invitation).where(_good(token, now)).values(used_at=now)
    return user_id if db.execute(used).rowcount else None


def revoke_in(db: Db, org_ids: Collection[int]) -> None:
    """The links of all users of these orgs are good no more: who could make them there may have kept one."""
    theirs = sa.select(membership.c.user_id).where(membership.c.org_id.in_(org_ids))
    db.execute(sa.delete(invitation).where(invitation.c.user_id.in_(theirs)))


def revoke_all(db: Db) -> None:
    """No link of the installation is good any more."""
    db.execute(sa.delete(invitation))


def revoke(db: Db, user_id: int) -> None:
    """The user's links are good no more."""
    db.execute(sa.delete(invitation).where(invitation.c.user_id == user_id))


def _good(token: str, now: datetime) -> sa.ColumnElement[bool]:
    c = invitation.c
    return sa.and_(c.token_hash == _digest(token), c.used_at.is_(None), c.expires_at > now)


def _digest(token: str) -> str:
    # Plain SHA-256 is enough: the token holds 256 random bits, there is nothing to guess.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
