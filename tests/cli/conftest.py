"""The command line in this process, on a database of its own."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from sqlalchemy.engine import Engine

from contactsync.bootstrap import build
from contactsync.cli import main
from contactsync.settings import Settings
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store.engine import open_engine, writing
from contactsync.store.inbox import keep
from contactsync.sync.org import sync_org
from contactsync.sync.parts import wall_clock
from tests.fixtures.salesforce import Salesforce

KEY = "a key that is long enough for tests"


@dataclass
class CommandLine:
    """Runs commands under one environment."""

    environment: dict[str, str]

    def run(self, *arguments: str, given: str | bytes | None = None, **environment: str) -> Result:
        """One command, to its end."""
        return CliRunner().invoke(main, arguments, input=given, env=self.environment | environment)

    def good(self, *arguments: str, **options: Any) -> Result:
        """One that must succeed."""
        done = self.run(*arguments, **options)
        assert done.exit_code == 0, done.output
        return done

    def json(self, *arguments: str, **options: Any) -> Any:
        """What a command prints with --json; nothing else may stand on standard output."""
        return json.loads(self.good(*arguments, "--json", **options).stdout)

    def refused(self, *arguments: str, **options: Any) -> str:
        """What one says that must fail: on standard error, with exit status 2 and without a traceback."""
        done = self.run(*arguments, **options)
        assert done.exit_code == 2, (done.exit_code, done.output, done.exception)
        assert isinstance(done.exception, SystemExit), done.exception
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Commands set logging up for their process; here the process is that of all tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    structlog.reset_defaults()


@pytest.fixture
def bare(tmp_path: Path) -> CommandLine:
    """Without a database."""
    return CommandLine(
        {
            "DATABASE_URL": f"sqlite:///{tmp_path}/none.db",
            "CONTACTSYNC_VAR": str(tmp_path / "var"),
            "CONTACTSYNC_SECRET_KEYS": KEY,
            "CONTACTSYNC_CONFIG": "",
            "REDIS_URL": "redis://127.0.0.1:9",
        }
    )


@pytest.fixture
def cli(bare: CommandLine, sqlite_url: str) -> CommandLine:
    """With a migrated database."""
    bare.environment["DATABASE_URL"] = sqlite_url
    return bare


@pytest.fixture
def acme(cli: CommandLine) -> CommandLine:
    """With an org."""
    cli.good("org", "add", "acme", "--name", "Acme Events")
    return cli


@pytest.fixture
def standin() -> Iterator[RunningStandin]:
    """A stand-in for Salesforce."""
    with serve(options=Options(client_id="id", client_secret="secret")) as running:
        yield running


@pytest.fixture
def connected(acme: CommandLine, standin: RunningStandin) -> CommandLine:
    """With an org that is connected."""
    acme.good(
        "connect", "acme", "--instance-url", standin.url, "--client-id", "id", "--client-secret", "secret",
    )  # fmt: skip
    return acme


@pytest.fixture
def engine_of(cli: CommandLine) -> Iterator[Engine]:
    """The database, for looking and for putting deliveries in."""
    engine = open_engine(cli.environment["DATABASE_URL"])
    yield engine
    engine.dispose()


@pytest.fixture
def deliver(engine_of: Engine) -> Callable[..., None]:
    """Keep a delivery of the first org, as the webhook door does after it has verified it."""

    def kept(kind: str, data: object) -> None:
        body = json.dumps({"type": kind, "timestamp": "2026-11-24T09:00:00Z", "data": data}).encode()
        with writing(engine_of) as db:
            keep(
                db,
                org_id=1,
                webhook_id=f"msg_{hash(body)}",
                door=f"{kind.partition('.')[0]}s",
                body=body,
                status="accepted",
                type=kind,
                errors=None,
                now=wall_clock(),
            )

    return kept


@pytest.fixture
def sync(cli: CommandLine) -> Callable[[], None]:
    """Have a worker do what is due in the first org, as far as it comes."""

    def done() -> None:
        parts = build(Settings.from_environment(cli.environment))
        try:
            while sync_org(parts, 1):
                pass
        finally:
            parts.engine.dispose()

    return done


@pytest.fixture
def salesforce(standin: RunningStandin) -> Salesforce:
    """The stand-in, seen by its administrator."""
    return Salesforce(standin)


def contact(number: int, **more: Any) -> dict[str, Any]:
    """A contact with everything that is required."""
    return {
        "id": f"c-{number}", "first_name": "Ada", "last_name": f"Lovelace {number}", "email": f"ada{number}@example.com",
        "company": "Engines", "sync_as": "lead", **more,
    }  # fmt: skip
