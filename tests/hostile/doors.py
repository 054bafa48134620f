"""The real doors in front of a real database, and what must hold of whatever comes to them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Engine

from contactsync.config import Config
from contactsync.hooks import Plugins
from contactsync.intake.signature import sign
from contactsync.settings import Settings
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.vault import Vault
from contactsync.sync.absorb import absorb
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets
from contactsync.web.app import create_app

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECONDS = 30.0
"""An answer that takes longer counts as a hang."""

KEPT = {202, 422}
REFUSED = {400, 401, 413, 415}
"""Whom nobody signed for, or whose body is none."""


@dataclass
class Figures:
    """What was tried, and what came of it."""

    tried: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    absorbed: int = 0

    def note(self, where: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.tried[where] += 1
        self.answers[status] += 1
        self.slowest = max(self.slowest, seconds)


class Bell:
    """Nobody is rung for: the sync is asked for by the tests."""

    def ring(self, org_id: int) -> bool:
        return True

    def answers(self) -> bool:
        return True


@dataclass
class Doors:
    """An org whose webhooks come in at an app of its own."""

    parts: Parts
    app: Flask
    org_id: int
    secret: str
    figures: Figures = field(default_factory=Figures)
    sent: int = 0

    @classmethod
    def open(cls, engine: Engine, folder: Path) -> Doors:
        """The app with an org, called `hostile`."""
        settings = Settings(
            str(engine.url), None, ("a key of these tests and of no other",), folder, config=Config.read()
        )
        vault, plugins = Vault(settings.secret_keys), Plugins.load(settings.config)
        targets = Targets(engine, vault, plugins, lambda: NOW)
        parts = Parts(settings, engine, vault, plugins, Bell(), targets, lambda: NOW)
        with writing(engine) as db:
            org = orgs.add_org(db, "hostile", "Hostile", NOW)
            _, secret = orgs.add_secret(db, vault, org.id, NOW)
        return cls(parts, create_app(parts), org.id, secret)

    def signed(self, body: bytes) -> dict[str, str]:
        """Good headers for a body, under a webhook-id of its own."""
        self.sent += 1
        at, webhook_id = int(NOW.timestamp()), f"msg_{self.sent}"
        return {
            "Content-Type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(self.secret, webhook_id, at, body),
        }

    def knock(self, door: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        """Send a body; the status. What must hold whatever it is: a documented answer in time, never a 5xx, and a row of the
        very bytes if and only if the answer says so. Without headers it is signed.
        """
        expected = KEPT if headers is None else REFUSED
        before = self.newest()
        started = time.monotonic()
        answer = self.app.test_client().post(
            f"/webhooks/hostile/{door}", data=body, headers=self.signed(body) if headers is None else headers
        )
        seconds = time.monotonic() - started
        self.figures.note(door, answer.status_code, seconds)
        assert answer.status_code in expected, (answer.status_code, answer.data[:200], body[:200])
        assert seconds < SECONDS, (seconds, body[:200])
        self.holds_since(before, door, body, answer.status_code)
        return answer.status_code

    def newest(self) -> int:
        """The id of the newest delivery, 0 for none."""
        with reading(self.parts.engine) as db:
            return db.execute(sa.select(sa.func.max(t.delivery.c.id))).scalar() or 0

    def holds_since(self, before: int, door: str, body: bytes, status: int) -> None:
        """Exactly one row if and only if the answer says that it was kept, and of the very bytes."""
        query = sa.select(t.delivery.c.body, t.delivery.c.status, t.delivery.c.door).where(t.delivery.c.id > before)
        with reading(self.parts.engine) as db:
            rows = [tuple(row) for row in db.execute(query)]
        kept = {202: [(body, "accepted", door)], 422: [(body, "rejected", door)]}
        assert rows == kept.get(status, []), (status, len(rows), body[:200])

    def absorbs(self) -> None:
        """What was accepted is brought in, all of it: nothing is set aside as failed."""
        lease = OrgLease(self.org_id, "tests", 60)
        with org_lease(self.parts.engine, lease, self.parts.now) as held:
            assert held is not None
            while taken := absorb(self.parts, self.org_id, held):
                self.figures.absorbed += taken
        failed = sa.select(t.delivery.c.errors, t.delivery.c.body).where(
            t.delivery.c.status.in_(("failed", "accepted"))
        )
        with reading(self.parts.engine) as db:
            assert [(row.errors, row.body[:2_000]) for row in db.execute(failed)] == []
