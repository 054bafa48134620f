"""Which org a webhook is for, and the secrets that may have signed it."""

from __future__ import annotations

import base64
import re
import secrets as randomness
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contactsync.domain.errors import CannotKeep
from contactsync.intake.signature import SECRET_PREFIX
from contactsync.store.engine import Connection, Engine, reading, trouble
from contactsync.store.orgs import SECRET_PURPOSE, find_org, secrets
from contactsync.store.vault import Vault

REMEMBERED = timedelta(seconds=2)
"""How long a process goes without asking the database again: a revoked secret is taken for so long at the most."""

MOST_REMEMBERED = 10_000
NO_SLUG = "-"
"""Asked for, and logged, instead of what no org can be called: a database might choke on it, and anybody chose it."""

_ASKABLE = re.compile(r"[a-z0-9-]{1,63}")

NOBODY = 0  # the org of the dummy secret; the database counts from 1


def askable(slug: str) -> str:
    """The slug itself if an org could be called so, else NO_SLUG."""
    return slug if _ASKABLE.fullmatch(slug) else NO_SLUG


@dataclass(frozen=True)
class Keys:
    """Who may have sent it: the org's id (None: there is no such org) and its secrets, never none."""

    org_id: int | None
    secrets: tuple[str, ...] = field(repr=False)
    read_at: datetime


class Keyring:
    """The orgs and their webhook secrets, remembered for REMEMBERED.

    An unknown org gets a secret that nobody has, opened and tried like a real one: neither the answer nor the work tells
    them apart. The same goes for an org without a secret: nothing can be signed for it.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault
        nobodys = SECRET_PREFIX + base64.b64encode(randomness.token_bytes(32)).decode("ascii")
        self._dummy = vault.seal(NOBODY, SECRET_PURPOSE, nobodys)
        self._remembered: dict[str, Keys] = {}

    def of(self, slug: str, now: datetime) -> Keys:
        """The keys of the org with an `askable` slug.

        Raises CannotKeep when the database does not answer, SealBroken when a secret does not open.
        """
        keys = self._remembered.get(slug)
        if keys is None or abs(now - keys.read_at) >= REMEMBERED:
            keys = self._read(slug, now)
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[slug] = keys
        return keys

    def _read(self, slug: str, now: datetime) -> Keys:
        with asking(self._engine) as conn:
            org = find_org(conn, slug)
            org_id = NOBODY if org is None else org.id
            active = secrets(conn, self._vault, org_id, now)
        dummy = self._vault.open(NOBODY, SECRET_PURPOSE, self._dummy)
        return Keys(org.id if org else None, active or (dummy,), now)


@contextmanager
def asking(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, for the doors: raises CannotKeep when the database does not answer."""
    try:
        with reading(engine) as conn:
            yield conn
    except Exception as error:
        if trouble(error) is not None:
            raise CannotKeep("the database does not answer now") from error
        raise
