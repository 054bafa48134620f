"""Doors with real parts on a real database, and a sender that signs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from contactsync.config import Config, IntakeConfig
from contactsync.intake.door import webhooks
from contactsync.intake.signature import sign
from contactsync.settings import Settings
from contactsync.store import orgs
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.tables import delivery
from contactsync.store.vault import Vault
from tests.fixtures.waiting import wait_until

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEYS = ("a key of these tests and of no other",)
ADA = {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}


@dataclass
class HandBell:
    """The bell's place taken by one that only remembers: whether RQ rings is its own tests' business."""

    rung: list[int] = field(default_factory=list)
    there: bool = True

    def ring(self, org_id: int) -> bool:
        self.rung.append(org_id)
        return self.there

    def heard(self, *org_ids: int) -> bool:
        """Whether it was rung for exactly these, waiting a moment for it: the doors ring after they have answered."""
        return wait_until(lambda: sorted(self.rung) == sorted(org_ids), 10, f"rung for {org_ids}, not {self.rung}")


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **amount: float) -> None:
        self.at += timedelta(**amount)


@dataclass(frozen=True)
class DoorParts:
    """What the doors work with."""

    settings: Settings
    engine: Engine
    vault: Vault
    bell: Any
    now: Clock


@dataclass
class Sender:
    """An event platform that sends one org's webhooks."""

    parts: DoorParts
    client: FlaskClient
    org: orgs.Org
    secret: str
    sent: int = 0

    def headers(self, body: bytes, webhook_id: str = "msg_1", secret: str | None = None, **more: str) -> dict[str, str]:
        """Good headers for a body, at the clock's time."""
        at = int(self.parts.now().timestamp())
        signature = sign(secret or self.secret, webhook_id, at, body)
        names = {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": signature}
        return {"Content-Type": "application/json", **names, **more}

    def post(
        self, body: bytes, headers: Mapping[str, str], door: str = "contacts", slug: str | None = None
    ) -> TestResponse:
        """Exactly this."""
        return self.client.post(f"/webhooks/{slug or self.org.slug}/{door}", data=body, headers=dict(headers))

    def send(
        self, data: object, type_: str = "contact.updated", webhook_id: str | None = None, **more: str
    ) -> TestResponse:
        """A signed webhook about `data`, to the door of its type."""
        self.sent += 1
        body = written(data, type_)
        door = "contacts" if type_.startswith("contact.") else "events"
        return self.post(body, self.headers(body, webhook_id or f"msg_{self.sent}", **more), door)


def doors(parts: DoorParts) -> FlaskClient:
    """A client of doors with these parts."""
    app = flask.Flask("doors")
    app.register_blueprint(webhooks(parts))
    return app.test_client()


def moved(sender: Sender, **parts: Any) -> Sender:
    """The same sender, in front of doors of which some parts are others."""
    others = replace(sender.parts, **parts)
    return Sender(others, doors(others), sender.org, sender.secret)


def written(data: object, type_: str = "contact.updated") -> bytes:
    """The body of a webhook."""
    return json.dumps({"type": type_, "timestamp": "2026-11-24T09:00:00Z", "data": data}).encode()


def kept(engine: Engine) -> list[Any]:
    """All deliveries in the database, oldest first."""
    with reading(engine) as conn:
        return list(conn.execute(sa.select(delivery).order_by(delivery.c.id)))


def new_org(engine: Engine, slug: str, now: datetime = START) -> tuple[orgs.Org, str]:
    """An org and its webhook secret."""
    with writing(engine) as conn:
        org = orgs.add_org(conn, slug, slug.title(), now)
        return org, orgs.add_secret(conn, Vault(KEYS), org.id, now)[1]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bell() -> HandBell:
    return HandBell()


MakeSender = Callable[..., Sender]


@pytest.fixture
def make_sender(tmp_path: Path, clock: Clock, bell: HandBell) -> MakeSender:
    """Makes a sender to doors of its own; keywords are keys of [intake]."""

    def make(engine: Engine, slug: str = "acme", **intake: Any) -> Sender:
        settings = Settings("unused", None, KEYS, tmp_path, config=Config(intake=IntakeConfig(**intake)))
        parts = DoorParts(settings, engine, Vault(KEYS), bell, clock)
        return Sender(parts, doors(parts), *new_org(engine, slug))

    return make


@pytest.fixture
def sender(make_sender: MakeSender, engine: Engine) -> Sender:
    """A sender, once per kind of database."""
    return make_sender(engine)


@pytest.fixture
def quick_sender(make_sender: MakeSender, sqlite_engine: Engine) -> Sender:
    """A sender for what does not touch the database's own ways."""
    return make_sender(sqlite_engine)


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()
