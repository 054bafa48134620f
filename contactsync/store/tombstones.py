"""Who was erased, as keyed marks: whoever holds the database alone learns nobody's address from them.

A mark is the HMAC-SHA256, under a random key of the org, of `email:<lower-case address>` or `id:<contact's id>`. The key is
sealed in `org.sealed_erasure_key`; an org in which nobody was ever erased has none, and that is all it costs to know.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.store import tables as t
from contactsync.store.due import chunks
from contactsync.store.vault import Vault

ERASURE_KEY_PURPOSE = "erasure key"
"""What `org.sealed_erasure_key` is sealed for."""


@dataclass(frozen=True)
class Tombstones:
    """The marks of one org. To be read anew in each transaction: somebody may have been erased or allowed meanwhile."""

    org_id: int
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, db: Db, vault: Vault, org_id: int) -> Self | None:
        """Those of an org; None: nobody was ever erased there. Raises SealBroken."""
        sealed = db.execute(sa.select(t.org.c.sealed_erasure_key).where(t.org.c.id == org_id)).scalar()
        return None if sealed is None else cls(org_id, bytes.fromhex(vault.open(org_id, ERASURE_KEY_PURPOSE, sealed)))

    @classmethod
    def begun(cls, db: Db, vault: Vault, org_id: int) -> Self:
        """Those of an org, with a new key if it had none. The caller holds the org's lease."""
        there = cls.of(db, vault, org_id)
        if there is not None:
            return there
        made = secrets.token_bytes(32)
        sealed = vault.seal(org_id, ERASURE_KEY_PURPOSE, made.hex())
        db.execute(sa.update(t.org).where(t.org.c.id == org_id).values(sealed_erasure_key=sealed))
        return cls(org_id, made)

    def mark(self, name: str) -> str:
        """The mark of `email:<address>` or `id:<contact's id>`."""
        return hmac.digest(self.key, name.encode("utf-8", "surrogatepass"), "sha256").hex()

    def among(self, db: Db, names: Iterable[str]) -> Mapping[str, int]:
        """Those of these names that are erased, each with the number of its erasure."""
        marks = {self.mark(name): name for name in names}
        found: dict[str, int] = {}
        c = t.tombstone.c
        for some in chunks(marks):
            query = sa.select(c.mark, c.erasure_id).where(c.org_id == self.org_id, c.mark.in_(some))
            found |= {marks[row.mark]: row.erasure_id for row in db.execute(query)}
        return found

    def add(self, db: Db, erasure_id: int, names: Iterable[str]) -> None:
        """Mark these names as erased by this erasure; one that another erasure marked is its from now on."""
        rows = [
            {"org_id": self.org_id, "mark": mark, "erasure_id": erasure_id}
            for mark in sorted({self.mark(name) for name in names})
        ]
        if not rows:
            return
        insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
        added = insert(t.tombstone)
        kept = {"erasure_id": added.excluded.erasure_id}
        db.execute(added.on_conflict_do_update(index_elements=["org_id", "mark"], set_=kept), rows)

    def take_over(self, db: Db, earlier: Iterable[int], erasure_id: int) -> None:
        """Have an erasure own all marks of earlier ones of the same person, so that they are lifted together."""
        c = t.tombstone.c
        moved = sa.update(t.tombstone).where(c.org_id == self.org_id, c.erasure_id.in_(sorted(set(earlier))))
        db.execute(moved.values(erasure_id=erasure_id))

    def lift(self, db: Db, erasure_id: int) -> int:
        """Forget all marks of an erasure; answers how many."""
        c = t.tombstone.c
        return db.execute(sa.delete(t.tombstone).where(c.org_id == self.org_id, c.erasure_id == erasure_id)).rowcount
