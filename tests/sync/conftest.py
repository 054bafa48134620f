"""An org in a database of its own, deliveries in its inbox, and the real sync over it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.config import Config
from contactsync.hooks import Plugins
from contactsync.settings import Settings
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import orgs, queue
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import keep
from contactsync.store.vault import Vault
from contactsync.sync import actions
from contactsync.sync.org import sync_org
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class Rung:
    """A bell that only remembers who was rung for."""

    orgs: list[int] = field(default_factory=list)

    def ring(self, org_id: int) -> bool:
        self.orgs.append(org_id)
        return True


@dataclass
class Clock:
    """A clock that tests turn."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class World:
    """One org and all that it needs."""

    parts: Parts
    org_id: int
    clock: Clock
    standin: RunningStandin | None = None
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def deliver(self, door: str, kind: str, data: object, sent_at: str | None = None) -> int:
        """Keep a delivery, as the webhook door does after it has verified it."""
        sent = sent_at or self.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = json.dumps({"type": kind, "timestamp": sent, "data": data}).encode()
        with writing(self.parts.engine) as db:
            return keep(
                db,
                org_id=self.org_id,
                webhook_id=f"msg_{next(self._ids)}",
                door=door,
                body=body,
                status="accepted",
                type=kind,
                errors=None,
                now=self.clock(),
            ).delivery_id

    def contact(self, *items: dict[str, Any], kind: str = "contact.updated", **options: Any) -> None:
        """Deliver contacts."""
        self.deliver("contacts", kind, list(items), **options)

    def meeting(self, kind: str = "meeting.updated", **said: Any) -> None:
        """Deliver a meeting, `m-1` if it is not said."""
        self.deliver("meetings", kind, {"id": "m-1"} | said)

    def event(self, kind: str = "event.updated", **said: Any) -> None:
        """Deliver an event, `e-1` if it is not said."""
        self.deliver("events", kind, {"id": "e-1"} | said)

    def sync(self) -> bool:
        """Answer one bell, after a lease that ran out was freed, as the clock process does it."""
        with writing(self.parts.engine) as db:
            ran_out = t.org.c.lease_until <= self.clock()
            db.execute(sa.update(t.org).where(ran_out).values(lease_owner=None, lease_until=None))
        return sync_org(self.parts, self.org_id)

    def row(self, contact_id: str) -> Any:
        """A contact's row."""
        with reading(self.parts.engine) as db:
            return db.execute(sa.select(t.contact).where(t.contact.c.source_id == contact_id)).one()

    def of(self, table: sa.Table, source_id: str) -> Any:
        """The row of an event or a meeting."""
        with reading(self.parts.engine) as db:
            return db.execute(sa.select(table).where(table.c.source_id == source_id)).one()

    def rows(self, table: sa.Table) -> list[Any]:
        """All rows of a table, in order."""
        with reading(self.parts.engine) as db:
            return list(db.execute(sa.select(table).order_by(table.c.id)))

    def crm(self, kind: str) -> list[dict[str, Any]]:
        """What the stand-in holds."""
        assert self.standin is not None
        answer = requests.get(f"{self.standin.url}/_standin/records", params={"object": kind}, timeout=10).json()
        return answer[kind] if isinstance(answer, dict) else answer

    def seed(self, **records: list[dict[str, Any]]) -> dict[str, list[str]]:
        """Put records into the stand-in; their ids by kind."""
        return self.admin("records", records)

    def admin(self, door: str, body: dict[str, Any]) -> Any:
        """Do what a Salesforce admin may do."""
        assert self.standin is not None
        answer = requests.post(f"{self.standin.url}/_standin/{door}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def by_hand(self, kind: str, record_id: str, **fields: Any) -> None:
        """Change a record as somebody in the CRM would."""
        assert self.standin is not None
        asked = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
        token = requests.post(f"{self.standin.url}/services/oauth2/token", data=asked, timeout=10).json()[
            "access_token"
        ]
        answer = requests.patch(
            f"{self.standin.url}/services/data/v66.0/sobjects/{kind}/{record_id}",
            json=fields,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.status_code == 204, answer.text

    def calls(self) -> int:
        """REST calls since the last time this was asked."""
        assert self.standin is not None
        counted: int = requests.get(f"{self.standin.url}/_standin/calls", timeout=10).json()["count"]
        requests.delete(f"{self.standin.url}/_standin/calls", timeout=10)
        return counted

    def fault(self, **plan: Any) -> None:
        """Have the stand-in fail."""
        self.admin("faults", plan)


@pytest.fixture
def parts(engine: Engine, tmp_path: Path) -> Parts:
    """The parts of a process, with a clock to turn and a bell that rings nobody."""
    config = Config.read()
    settings = Settings(str(engine.url), None, ("a key that is long enough",), tmp_path, config=config)
    vault = Vault(settings.secret_keys)
    plugins = Plugins.load(config)
    clock = Clock()
    return Parts(settings, engine, vault, plugins, Rung(), Targets(engine, vault, plugins, clock), clock)


@pytest.fixture
def world(parts: Parts) -> World:
    """An org that is not connected to any CRM yet."""
    with writing(parts.engine) as db:
        org = orgs.add_org(db, "acme", "Acme Events", parts.now())
    clock = parts.now
    assert isinstance(clock, Clock)
    return World(parts, org.id, clock)


@pytest.fixture
def connected(world: World) -> Iterator[World]:
    """The same org, connected to a stand-in for Salesforce of its own."""
    with serve(options=Options(client_id="id", client_secret="secret")) as standin:
        actions.connect(
            world.parts,
            world.org_id,
            "salesforce",
            {"instance_url": standin.url, "client_id": "id", "flow": "client_credentials"},
            {"client_secret": "secret"},
        )
        world.standin = standin
        yield world


@pytest.fixture
def with_sync(world: World) -> Callable[..., World]:
    """The same org under other numbers of [sync]."""

    def changed(**numbers: Any) -> World:
        config = replace(world.parts.settings.config, sync=replace(world.parts.settings.config.sync, **numbers))
        world.parts = replace(world.parts, settings=replace(world.parts.settings, config=config))
        return world

    return changed


def ada(**more: Any) -> dict[str, Any]:
    """A complete contact."""
    return {
        "id": "c-1",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@engines.example",
        "company": "Engines",
        "sync_as": "lead",
    } | more


__all__ = ["Clock", "Rung", "World", "ada", "queue"]
