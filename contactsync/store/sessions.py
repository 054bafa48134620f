"""Who is signed in to the console: a random token in a cookie, of which only the digest is kept.

A session ends after 12 hours without a request and after 7 days at all. Its token is changed now and then (`rotate`), so
that one that leaked is soon worth nothing. The one before stays good

    for a minute:                       pages open side by side were sent it
    until the new one was ever shown:   its answer may never have arrived, on a phone that lost its network

and nobody is told which of the two was sent.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store.tables_console import console_session, console_user
from contactsync.store.users import User

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
GRACE = timedelta(seconds=60)
ROTATE_AFTER = timedelta(hours=1)
KEPT = timedelta(days=1)  # after its last day: whose forms it had is known so long
TOUCH_AFTER = timedelta(minutes=1)
"""How exactly is known when a session was last used: not every request writes."""

MOST_NOTICES = 5
_ENDED = "ended "
_LONGEST_TOKEN = 128


@dataclass(frozen=True)
class Session:
    """One browser that somebody is signed in with."""

    id: int
    user: User
    csrf: str = field(repr=False)  # what every form sends along
    notices: tuple[tuple[str, str], ...]  # (tone, words) for the next page
    created_at: datetime
    rotated_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool = True  # found by its present token, not by the one before

    @property
    def confirmed(self) -> bool:
        """Whether the browser has shown the present token: the one before is over then, after its minute."""
        return self.seen_at > self.rotated_at


def begin(db: Db, user_id: int, now: datetime) -> str:
    """A new session; answers its token, which is kept nowhere. Clears away what has run out."""
    db.execute(sa.delete(console_session).where(console_session.c.expires_at <= now - KEPT))
    token = secrets.token_urlsafe(32)
    row = {"user_id": user_id, "token_hash": _digest(token), "csrf": secrets.token_urlsafe(32), "created_at": now}
    times = {"rotated_at": now, "seen_at": now, "expires_at": now + LONGEST}
    db.execute(sa.insert(console_session).values(**row, **times))
    return token


def find(db: Db, token: str, now: datetime) -> Session | None:
    """The session of a token; None: nobody's, run out, replaced, or its user is disabled. Reads only."""
    if not 0 < len(token) <= _LONGEST_TOKEN:
        return None
    c, user, digest = console_session.c, console_user.c, _digest(token)
    told = (user.email, user.name, user.operator, user.zone, user.disabled_at)
    asked = (
        sa.select(console_session, *told)
        .join(console_user, user.id == c.user_id)
        .where(sa.or_(c.token_hash == digest, c.previous_hash == digest))
        .where(c.expires_at > now, c.seen_at > now - IDLE, user.disabled_at.is_(None))
    )
    row = db.execute(asked).first()
    if row is None:
        return None
    found = Session(
        row.id,
        User(row.user_id, row.email, row.name, row.operator, row.zone, disabled=False),
        row.csrf,
        tuple((tone, words) for tone, words in row.notices or ()),
        row.created_at,
        row.rotated_at,
        row.seen_at,
        row.expires_at,
        current=row.token_hash == digest,
    )
    over = not found.current and found.confirmed and now >= found.rotated_at + GRACE
    return None if over else found


def is_due(session: Session, now: datetime) -> bool:
    """Whether the token should be changed: it is old, or the last new one never arrived."""
    if session.current:
        return now >= session.rotated_at + ROTATE_AFTER
    return not session.confirmed and now >= session.rotated_at + GRACE


def rotate(db: Db, session: Session, now: datetime) -> str | None:
    """A new token for the session; None when another request has just changed it, and its answer brings the new one."""
    c, token = console_session.c, secrets.token_urlsafe(32)
    # What the browser sent stays good meanwhile: the present token, or the one before when the present never arrived.
    kept = {"previous_hash": c.token_hash} if session.current else {}
    changed = sa.update(console_session).where(c.id == session.id, c.rotated_at == session.rotated_at)
    times = {"rotated_at": now, "seen_at": now}
    done = db.execute(changed.values(token_hash=_digest(token), **kept, **times)).rowcount
    return token if done else None


def is_unseen(session: Session, now: datetime) -> bool:
    """Whether `touch` has something to write: the present token is shown first, or a minute has passed."""
    first = session.current and not session.confirmed and now > session.rotated_at
    return first or now >= session.seen_at + TOUCH_AFTER


def touch(db: Db, session: Session, now: datetime) -> None:
    """Write down that the session is used, and by the present token. One that came by the token before does not count:
    it would make the present one look as if it had arrived.
    """
    if session.current:
        db.execute(sa.update(console_session).where(console_session.c.id == session.id).values(seen_at=now))
    user = sa.update(console_user).where(console_user.c.id == session.user.id)
    db.execute(user.values(seen_at=now))


def end(db: Db, token: str) -> None:
    """Sign out."""
    digest = _digest(token)
    _end(db, sa.or_(console_session.c.token_hash == digest, console_session.c.previous_hash == digest))


def end_all_of(db: Db, user_id: int, except_id: int | None = None) -> int:
    """Sign a user out everywhere, but for one session; answers how many ended."""
    c = console_session.c
    theirs = c.user_id == user_id
    return _end(db, theirs if except_id is None else sa.and_(theirs, c.id != except_id))


def whose(db: Db, csrf: str) -> int | None:
    """The user whose pages had this form token, also when the session is over by now; None: nobody's, or too long ago.

    It lets nobody in. It says only whose a form is.
    """
    if not 0 < len(csrf) <= _LONGEST_TOKEN or not csrf.isascii() or not csrf.isprintable():
        return None
    found: int | None = db.execute(sa.select(console_session.c.user_id).where(console_session.c.csrf == csrf)).scalar()
    return found


def _end(db: Db, which: sa.ColumnElement[bool]) -> int:
    """No token leads to these any more. Whose forms they had is remembered, until they would have ended anyway."""
    c = console_session.c
    ended = sa.update(console_session).where(which, c.token_hash.not_like(f"{_ENDED}%"))
    named = sa.literal(_ENDED) + sa.cast(c.id, sa.String)  # it is no digest, and nobody else's
    return db.execute(ended.values(token_hash=named, previous_hash=None, notices=None)).rowcount


def count_of(db: Db, user_id: int, now: datetime) -> int:
    """In how many browsers the user is signed in."""
    c = console_session.c
    going = (c.user_id == user_id, c.expires_at > now, c.seen_at > now - IDLE, c.token_hash.not_like(f"{_ENDED}%"))
    return db.execute(sa.select(sa.func.count()).select_from(console_session).where(*going)).scalar_one()


def renew_all_of(db: Db, user_id: int, now: datetime) -> None:
    """Give the user's sessions new tokens with their next pages: what they may do has changed."""
    c = console_session.c
    db.execute(sa.update(console_session).where(c.user_id == user_id).values(rotated_at=now - ROTATE_AFTER))


def put_notice(db: Db, session_id: int, tone: str, words: str) -> None:
    """Say this once on the session's next page; the last few are kept."""
    kept = _notices(db, session_id)
    _keep(db, session_id, [*kept, [tone, words]][-MOST_NOTICES:])


def take_notices(db: Db, session: Session) -> tuple[tuple[str, str], ...]:
    """What the page is to say, once: of two pages asked for at once, one gets it."""
    taken = _notices(db, session.id)
    if taken:
        _keep(db, session.id, None)
    return tuple((tone, words) for tone, words in taken)


def _notices(db: Db, session_id: int) -> Sequence[Sequence[str]]:
    asked = sa.select(console_session.c.notices).where(console_session.c.id == session_id)
    return db.execute(asked.with_for_update()).scalar() or ()


def _keep(db: Db, session_id: int, notices: Sequence[Sequence[str]] | None) -> None:
    db.execute(sa.update(console_session).where(console_session.c.id == session_id).values(notices=notices))


def _digest(token: str) -> str:
    # Plain SHA-256 is enough: the token holds 256 random bits, there is nothing to guess.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
