"""An org with deliveries that wait, for tests of the processes that bring them on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.store import tables as t
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.inbox import keep, keeping
from contactsync.store.orgs import add_org


class Inbox:
    """One org's deliveries, as the web process would have kept them."""

    def __init__(self, engine: Engine, slug: str = "acme") -> None:
        self._engine = engine
        with writing(engine) as db:
            self.org_id = add_org(db, slug, "Acme Events", datetime.now(UTC)).id

    def receive(self, count: int = 1) -> None:
        """Keep deliveries about one contact each, and ring nobody."""
        for number in range(count):
            contact = {"id": f"c-{number}", "first_name": "Ada", "email": f"ada{number}@example.com"}
            payload = {"type": "contact.created", "timestamp": "2026-11-24T03:00:00Z", "data": contact}
            with keeping(self._engine) as db:
                keep(
                    db,
                    org_id=self.org_id,
                    webhook_id=f"msg_{datetime.now(UTC).timestamp()}_{number}",
                    door="contacts",
                    body=json.dumps(payload).encode(),
                    status="accepted",
                    type="contact.created",
                    errors=None,
                    now=datetime.now(UTC),
                )

    def waiting(self) -> int:
        """How many have not been absorbed."""
        with reading(self._engine) as db:
            waiting = sa.select(sa.func.count()).where(t.delivery.c.status == "accepted")
            return int(db.execute(waiting).scalar_one())

    def absorbed(self) -> bool:
        """Whether none waits."""
        return self.waiting() == 0


@pytest.fixture
def inbox(sqlite_url: str) -> Inbox:
    return Inbox(open_engine(sqlite_url))


@pytest.fixture
def make_inbox(sqlite_url: str) -> Callable[[str], Inbox]:
    """More orgs in the same database."""
    engine = open_engine(sqlite_url)
    return lambda slug: Inbox(engine, slug)
