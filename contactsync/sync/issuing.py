"""Webhook secrets and API tokens, given out and taken back. Each is shown once, and written down by its number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contactsync.domain.errors import RefusedInput
from contactsync.store import orgs
from contactsync.store.audit import Audited, note
from contactsync.store.engine import writing
from contactsync.sync.parts import Parts

MOST_DAYS = 3650
MOST_HOURS = 8760
LONGEST_LABEL = 255


@dataclass(frozen=True)
class Given:
    """What was made. `secret`: the whsec_… or cst_… itself, which nothing can show again."""

    number: int
    secret: str = field(repr=False)


def add_secret(parts: Parts, org_id: int, *, days: int | None = None) -> Given:
    """Make another webhook secret; those there are stay good. `days`: it ends after so many."""
    now = parts.now()
    until = _until(now, days)
    with writing(parts.engine) as db:
        number, secret = orgs.add_secret(db, parts.vault, org_id, now, until)
        said = {"expires_at": until and until.isoformat()}
        note(db, org_id, parts.actor, Audited.SECRET_ADDED, now, about=str(number), details=said)
    return Given(number, secret)


def revoke_secret(parts: Parts, org_id: int, number: int, *, in_hours: float = 0.0) -> None:
    """Take a webhook secret no more, at once or after an overlap with its successor. Raises RefusedInput: it is not there."""
    if not 0 <= in_hours <= MOST_HOURS:  # also not a number
        raise RefusedInput(f"the overlap is a number of hours from 0 to {MOST_HOURS}")
    now = parts.now()
    with writing(parts.engine) as db:
        orgs.revoke_secret(db, org_id, number, now, now + timedelta(hours=in_hours))
        said = {"in_hours": in_hours}
        note(db, org_id, parts.actor, Audited.SECRET_REVOKED, now, about=str(number), details=said)


def add_token(parts: Parts, org_id: int, label: str, *, read_only: bool = False, days: int | None = None) -> Given:
    """Make an API token."""
    now = parts.now()
    until = _until(now, days)
    label = label.strip()[:LONGEST_LABEL]
    with writing(parts.engine) as db:
        number, token = orgs.add_token(db, org_id, label, now, until, read_only=read_only)
        said = {"label": label, "read_only": read_only, "expires_at": until and until.isoformat()}
        note(db, org_id, parts.actor, Audited.TOKEN_ADDED, now, about=str(number), details=said)
    return Given(number, token)


def revoke_token(parts: Parts, org_id: int, number: int) -> None:
    """Take an API token no more, at once. Raises RefusedInput: it is not there."""
    now = parts.now()
    with writing(parts.engine) as db:
        orgs.revoke_token(db, org_id, number, now)
        note(db, org_id, parts.actor, Audited.TOKEN_REVOKED, now, about=str(number))


def _until(now: datetime, days: int | None) -> datetime | None:
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise RefusedInput(f"it may end after 1 to {MOST_DAYS} days")
    return now + timedelta(days=days) if days else None
