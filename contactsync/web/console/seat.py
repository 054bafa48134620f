"""Who is asking, in which org, and what they may do there: the gate sets it, views read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import g

from contactsync.domain.roles import Role
from contactsync.store.orgs import Org
from contactsync.store.sessions import Session
from contactsync.store.users import User


@dataclass(frozen=True)
class Seat:
    """A signed-in user in an org."""

    user: User
    org: Org
    role: Role

    def may(self, needed: str) -> bool:
        """Whether the role is enough; for templates, which say it as text."""
        return self.role.may(Role(needed))


def seat() -> Seat:
    """Whose request this is; only on pages of an org."""
    return cast("Seat", g.seat)


def session() -> Session:
    """The session of this request; only where somebody is signed in."""
    return cast("Session", g.session)


def user() -> User:
    """Who is signed in."""
    return session().user


def actor_of(who: User) -> str:
    """As the audit log names them: by number, so that no person stands in it; its pages say the name."""
    return f"user:{who.id}"
