"""An app with real parts on a real database, an org with a token and records that came in through deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from contactsync.config import Config, PluginsConfig, SyncConfig
from contactsync.hooks import Plugins
from contactsync.intake.door import webhooks
from contactsync.settings import Settings
from contactsync.standin import Options, serve
from contactsync.store import orgs
from contactsync.store.engine import writing
from contactsync.store.inbox import keep, public_id
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.vault import Vault
from contactsync.sync import actions
from contactsync.sync.absorb import absorb
from contactsync.sync.org import sync_org
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Targets
from contactsync.web.app import create_app
from tests.fixtures.salesforce import Salesforce

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BUNDLED = (*PluginsConfig().load, "contactsync_plugins.jsonl_target")

ODD = "a/b c%2F?#ü🎪;=&+"
"""An id that an event platform might give, and that every URL layer would like to take apart."""


@dataclass
class HandBell:
    """The bell's place taken by one that only remembers: whether RQ rings is its own tests' business."""

    rung: list[int] = field(default_factory=list)
    there: bool = True

    def ring(self, org_id: int) -> bool:
        self.rung.append(org_id)
        return self.there

    def answers(self) -> bool:
        return self.there


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **amount: float) -> None:
        self.at += timedelta(**amount)


@dataclass(frozen=True)
class Caller:
    """One org's program: asks the API with its token, and has a platform that sends deliveries."""

    app: Flask
    parts: Parts
    org: orgs.Org
    token: str

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> TestResponse:
        """Ask under /api/v1."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **more)

    def get(self, path: str) -> Any:
        """The JSON of a GET that must go well."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json

    def every_page(self, path: str, limit: int) -> list[Any]:
        """The items of all pages."""
        items, cursor = [], ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    def deliver(self, door: str, type_: str, data: object, status: str = "accepted", **more: Any) -> int:
        """Keep a delivery, as the door would."""
        body = {"type": type_, "timestamp": self.parts.now().isoformat(), "data": data}
        with writing(self.parts.engine) as db:
            count = db.execute(sa.text("SELECT count(*) FROM delivery")).scalar_one()
            kept = keep(
                db,
                org_id=self.org.id,
                webhook_id=f"msg_{count}",
                door=door,
                body=json.dumps(body).encode(),
                status=status,
                type=type_,
                errors=more.get("errors"),
                now=self.parts.now(),
            )
        return kept.delivery_id

    def sync(self) -> None:
        """Absorb what was delivered, and bring what is due to the CRM."""
        while sync_org(self.parts, self.org.id):
            pass

    def absorb(self) -> None:
        """Bring deliveries into contacts and events, and nothing to the CRM."""
        lease = OrgLease(self.org.id, "tests", 60)
        with org_lease(self.parts.engine, lease, self.parts.now) as held:
            assert held is not None
            absorb(self.parts, self.org.id, held)

    def connect_file(self, directory: Path, *lines: Mapping[str, Any]) -> Path:
        """Connect the org to a CRM that is a file, holding these records."""
        file = directory / "records.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        actions.connect(self.parts, self.org.id, "jsonl", {"directory": str(directory)}, {})
        return file


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bell() -> HandBell:
    return HandBell()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    config = Config(
        plugins=PluginsConfig(load=BUNDLED, discover=False),
        sync=SyncConfig(mappings={"salesforce": "salesforce", "jsonl": "salesforce"}),
    )
    return Settings(database_url, None, ("a key for the tests only",), tmp_path, config=config)


@pytest.fixture
def parts(settings: Settings, engine: Engine, bell: HandBell, clock: Clock) -> Parts:
    vault, plugins = Vault(settings.secret_keys), Plugins.load(settings.config)
    return Parts(settings, engine, vault, plugins, bell, Targets(engine, vault, plugins, clock), clock)


@pytest.fixture(scope="session")
def apps() -> dict[str, Flask]:
    """The apps of the run, by their settings: to make one anew for each test was half of its time."""
    return {}


@pytest.fixture
def app(parts: Parts, apps: dict[str, Flask]) -> Flask:
    """An app with these parts: one that an earlier test had with other parts and the same settings, if there is one."""
    alike = repr(replace(parts.settings, database_url="", var=Path()))
    if alike not in apps:
        apps[alike] = create_app(parts)
        return apps[alike]
    made = apps[alike]
    made.extensions["contactsync"] = parts
    made.extensions.pop("contactsync.oidc", None)
    doors = Flask("doors")
    doors.register_blueprint(webhooks(parts))
    made.view_functions.update({name: view for name, view in doors.view_functions.items() if name != "static"})
    return made


def make_caller(app: Flask, parts: Parts, slug: str) -> Caller:
    with writing(parts.engine) as db:
        org = orgs.add_org(db, slug, slug.title(), parts.now())
        _, token = orgs.add_token(db, org.id, "tests", parts.now())
    return Caller(app, parts, org, token)


@pytest.fixture
def acme(app: Flask, parts: Parts) -> Caller:
    """An org with nothing in it yet."""
    return make_caller(app, parts, "acme")


@pytest.fixture
def other(app: Flask, parts: Parts) -> Caller:
    """Another org of the same installation."""
    return make_caller(app, parts, "other")


@pytest.fixture
def salesforce() -> Iterator[Salesforce]:
    """A stand-in for Salesforce of its own, with a campaign and a user."""
    user = {"Email": "sam@acme.example", "LastName": "Sales", "Username": "sam@acme.example"}
    seed = {"Campaign": [{"Name": "Expo"}], "User": [user]}
    with serve(options=Options(client_id="id", client_secret="secret", seed=seed)) as running:
        yield Salesforce(running)


@pytest.fixture
def at_salesforce(acme: Caller, salesforce: Salesforce) -> Caller:
    """An org that is connected to it."""
    salesforce.connect(acme.parts, acme.org.id)
    return acme


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Every SQL statement meanwhile, without transactions' own."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "COMMIT", "PRAGMA")):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def person(number: int, **more: Any) -> dict[str, Any]:
    """A contact with everything that is required."""
    return {
        "id": f"c-{number}",
        "first_name": "Ada",
        "last_name": f"Lovelace {number}",
        "email": f"ada{number}@example.com",
        "company": {"id": f"co-{number}", "name": f"Engines {number}", "domain": f"engines{number}.example"},
        "sync_as": "lead",
        **more,
    }


@pytest.fixture
def filled(acme: Caller, tmp_path: Path) -> dict[str, str]:
    """Ids of everything, in an org that has something of everything: with odd ids, synced to a CRM that is a file."""
    campaign = {"kind": "Campaign", "id": "701", "at": "2026", "fields": {"Name": "Expo", "statuses": ["Registered"]}}
    account = {"kind": "Account", "id": "001", "at": "2026", "fields": {"Name": "Expo Ltd"}}
    acme.connect_file(tmp_path, campaign, account)
    acme.deliver("events", "event.created", {"id": ODD, "name": "Expo", "campaign_id": "701"})
    attending = [{"id": ODD, "status": "registered"}]
    delivery = acme.deliver("contacts", "contact.created", person(1, id=ODD, sync_as="contact", events=attending))
    picked = {"name": "Nowhere", "account_id": "gone"}  # a problem: the Account that was picked is not there
    acme.deliver("contacts", "contact.created", person(2, sync_as="contact", company=picked))
    times = {"starts_at": "2026-11-24T09:00:00Z", "ends_at": "2026-11-24T10:00:00Z"}
    meeting = {"id": ODD, "title": "Talk", "event_id": ODD, "attendees": [{"contact_id": ODD}], **times}
    acme.deliver("meetings", "meeting.created", meeting)
    acme.sync()
    assert acme.get(f"/contacts/{quote(ODD, safe='')}")["sync"]["status"] == "synced"
    assert acme.get(f"/meetings/{quote(ODD, safe='')}")["sync"]["status"] == "synced"
    resync = acme.ask("POST", "/resync", {"contacts": [ODD]}).json["id"]
    (problem,) = acme.get("/problems")["items"]
    (run, *_) = acme.get("/runs")["items"]
    odd = {"contact_id": ODD, "event_id": ODD, "meeting_id": ODD}
    ours = {"delivery_id": public_id(delivery), "run_id": run["id"], "resync_id": resync, "problem_id": problem["id"]}
    return {**odd, **ours, "kind": "account"}
