"""A fresh stand-in over real HTTP before each test, and targets on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from contactsync_plugins.salesforce.ids import object_name
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Connection, RecordKind, RecordRef, Token
from contactsync.standin import Options, RunningStandin, serve

OWNER = "olga@acme.example"


class MemoryKeeper:
    """A token keeper for one process; counts how often a token was fetched."""

    def __init__(self) -> None:
        self.kept: Token | None = None
        self.fetched = 0

    def token(self, fetch: Callable[[], Token], stale: str | None = None) -> Token:
        if self.kept is None or self.kept.value == stale:
            self.kept = fetch()
            self.fetched += 1
        return self.kept

    def last(self) -> Token | None:
        return self.kept


@dataclass
class Org:
    """A Salesforce org to test against, from both sides."""

    standin: RunningStandin
    keeper: MemoryKeeper = field(default_factory=MemoryKeeper)
    counted: list[tuple[int | None, int | None]] = field(default_factory=list)
    clock: float = 1_800_000_000.0

    def target(self, *, keeper: MemoryKeeper | None = None, **settings: str) -> SalesforceTarget:
        given = {"instance_url": self.standin.url, "client_id": "id", **settings}
        credentials = {"client_secret": "secret"}
        return self.connect(given, credentials, keeper or self.keeper)

    def connect(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], keeper: MemoryKeeper
    ) -> SalesforceTarget:
        connection = Connection(settings, credentials, keeper, lambda used, limit: self.counted.append((used, limit)))
        return SalesforceTarget(connection, now=lambda: self.clock)

    def admin(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        verb = method or ("GET" if body is None else "POST")
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(verb, f"{self.standin.url}/_standin/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def seed(self, kind: str, **values: Any) -> str:
        return str(self.admin("records", {kind: [values]})[kind][0])

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return list(self.admin(f"records?object={kind}")[kind])

    def row(self, kind: str, record_id: str) -> dict[str, Any]:
        return next(row for row in self.rows(kind) if row["Id"] == record_id)

    def fault(self, **plan: Any) -> None:
        self.admin("faults", plan)

    def calls(self) -> list[dict[str, Any]]:
        return [call for call in self.admin("calls")["calls"] if call["kind"] == "api"]

    def forget_calls(self) -> None:
        self.admin("calls", method="DELETE")

    def owner(self, email: str = OWNER, **values: Any) -> str:
        defaults = {"LastName": "Owner", "Email": email, "Username": f"u.{email}", "UserType": "Standard"}
        return self.seed("User", **{**defaults, "IsActive": True, **values})

    def campaign(self, **values: Any) -> str:
        return self.seed("Campaign", **{"Name": "Expo", **values})

    def gone(self, kind: RecordKind) -> RecordRef:
        name = object_name(kind)
        needed = {
            "Lead": {"LastName": "Gone", "Company": "Gone"},
            "Contact": {"LastName": "Gone"},
            "Event": {"StartDateTime": "2026-11-24T09:00:00Z", "DurationInMinutes": 30},
        }
        record_id = self.seed(name, **needed.get(name, {"Name": "Gone"}))
        self.admin("delete", {"object": name, "ids": [record_id]})
        return RecordRef(kind, record_id)


@pytest.fixture(scope="session")
def running() -> Iterator[RunningStandin]:
    with serve() as standin:
        yield standin


@pytest.fixture
def org(running: RunningStandin) -> Org:
    running.org.options = Options(client_id="id", client_secret="secret")
    running.org.apply_options()
    running.site.gate.revoke_all()
    running.site.reset()
    return Org(running)


@pytest.fixture
def target(org: Org) -> SalesforceTarget:
    return org.target()
