"""`contactsync doctor`: with parts that are really broken, each is named, with what to do, and the others are still checked."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from contactsync.store import tables as t
from contactsync.store.beats import CLOCK, WORKER, take
from contactsync.store.engine import open_engine, upgrade, writing
from contactsync.sync.parts import wall_clock
from tests.cli.conftest import CommandLine, contact
from tests.fixtures.freezing import freezing
from tests.fixtures.salesforce import Salesforce

Finding = dict[str, Any]


class Doctor:
    """What the doctor says under a command line's environment."""

    def __init__(self, cli: CommandLine) -> None:
        self.cli = cli
        self.code = 0

    def says(self, *arguments: str, **environment: str) -> list[Finding]:
        """All lines; the exit status is 1 exactly when one is red."""
        done = self.cli.run("doctor", *arguments, "--json", **environment)
        said = json.loads(done.stdout)
        findings: list[Finding] = said["findings"]
        levels = {one["level"] for one in findings}
        assert done.exit_code == int("red" in levels), done.output
        assert said["level"] == next(level for level in ("red", "warn", "ok") if level in levels)
        assert all(one["do"] for one in findings if one["level"] != "ok"), "whatever is not well says what to do"
        return findings

    def of(self, check: str, *arguments: str, **environment: str) -> list[Finding]:
        """The lines of one check."""
        return [one for one in self.says(*arguments, **environment) if one["check"] == check]

    def one(self, check: str, *arguments: str, **environment: str) -> Finding:
        """The only line of one check."""
        (found,) = self.of(check, *arguments, **environment)
        return found


@pytest.fixture
def well(connected: CommandLine, redis_url: str, engine_of: Engine) -> Doctor:
    """An installation in which everything works: an org that is connected, a clock and a worker that beat."""
    connected.environment["REDIS_URL"] = redis_url
    connected.good("org", "secret", "add", "acme")
    connected.good("org", "token", "add", "acme", "--label", "reports")
    beat(engine_of, CLOCK, 16)
    beat(engine_of, f"{WORKER}one", 30)
    return Doctor(connected)


def beat(engine: Engine, name: str, seconds: float, ago: float = 0.0, owner: str = "host:17") -> None:
    with writing(engine) as db:
        take(db, name, owner, wall_clock() - timedelta(seconds=ago), seconds)


def calls(salesforce: Salesforce) -> int:
    return int(requests.get(f"{salesforce.running.url}/_standin/calls", timeout=10).json()["count"])


def change(engine: Engine, table: sa.Table, **values: Any) -> None:
    with writing(engine) as db:
        db.execute(sa.update(table).values(**values))


def test_all_is_well(well: Doctor) -> None:
    findings = well.says()
    assert {one["level"] for one in findings} == {"ok"}, [one for one in findings if one["level"] != "ok"]
    assert [one["check"] for one in findings if one["org"] is None] == [
        "configuration", "database", "migrations", "redis", "plugins", "keys", "clock", "workers", "times",
    ]  # fmt: skip
    assert [one["check"] for one in findings if one["org"] == "acme"] == [
        "connection", "health", "budget", "secrets", "tokens", "queue", "inbox",
    ]  # fmt: skip
    shown = well.cli.good("doctor").stdout
    assert "All is well." in shown
    assert shown.count("✓") == len(findings)


def test_of_several_orgs_only_what_is_not_well_is_shown(well: Doctor) -> None:
    for slug in ("globex", "initech"):
        well.cli.good("org", "add", slug)
    shown = well.cli.good("doctor").stdout
    assert "not connected" in shown
    assert "acme" not in shown.replace("contactsync connect", "")
    assert "1 org more: all is well." in shown
    assert "2 should be looked at." in shown
    assert "webhook secret can be used" in well.cli.good("doctor", "globex").stdout


def test_asking_costs_the_crm_two_calls(well: Doctor, salesforce: Salesforce) -> None:
    well.says("acme")
    before = calls(salesforce)
    well.says("acme")
    assert calls(salesforce) - before == 2


def test_an_org_that_is_not_there_is_refused(well: Doctor) -> None:
    assert "org list" in well.cli.refused("doctor", "nobody")


def test_a_setting_that_is_wrong_is_the_only_line(well: Doctor) -> None:
    (found,) = well.says(PORT="many")
    assert (found["check"], found["level"]) == ("configuration", "red")
    assert "PORT" in found["says"]


@pytest.fixture
def nobody_listens() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_with_the_database_away_the_rest_is_checked(well: Doctor, nobody_listens: int) -> None:
    url = f"postgresql://someone:hunter2@127.0.0.1:{nobody_listens}/contactsync"
    findings = well.says(DATABASE_URL=url)
    assert [one["level"] for one in findings if one["check"] == "database"] == ["red"]
    assert {one["check"] for one in findings} == {"configuration", "database", "redis", "plugins"}
    assert "hunter2" not in json.dumps(findings)


@pytest.mark.postgres
def test_a_database_that_takes_the_connection_and_never_answers_holds_nobody_up(
    well: Doctor, postgres_url: str
) -> None:
    url = make_url(postgres_url)
    with freezing(url.host or "127.0.0.1", url.port or 5432) as way:
        way.freeze()
        began = time.monotonic()
        through = url.set(host="127.0.0.1", port=way.port).render_as_string(hide_password=False)
        assert well.one("database", DATABASE_URL=through)["level"] == "red"
        assert time.monotonic() - began < 15


def test_a_database_that_was_never_migrated_is_named_with_the_command(well: Doctor, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/never.db"
    found = well.one("migrations", DATABASE_URL=url)
    assert found["level"] == "red"
    assert "contactsync db upgrade" in found["do"]
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    assert well.one("migrations", DATABASE_URL=url)["level"] == "ok"


def test_a_file_that_is_no_database_is_said_and_the_rest_is_checked(well: Doctor, tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("this is a letter and no database\n" * 100)
    findings = well.says(DATABASE_URL=f"sqlite:///{tmp_path}/letter.db")
    assert [one["check"] for one in findings if one["level"] == "red"] == ["database"]


def test_redis_away(well: Doctor, nobody_listens: int) -> None:
    found = well.one("redis", REDIS_URL=f"redis://127.0.0.1:{nobody_listens}")
    assert found["level"] == "red"
    assert "REDIS_URL" in found["do"]


def test_a_clock_that_never_ran_and_one_that_died(well: Doctor, engine_of: Engine) -> None:
    with writing(engine_of) as db:
        db.execute(sa.delete(t.lease).where(t.lease.c.name == CLOCK))
    assert "contactsync clock" in well.one("clock")["do"]
    beat(engine_of, CLOCK, 16, ago=100)
    found = well.one("clock")
    assert found["level"] == "red"
    assert "host:17" in found["says"]


def test_a_worker_that_died_is_named_and_the_last_one_is_red(well: Doctor, engine_of: Engine) -> None:
    beat(engine_of, f"{WORKER}two", 30, ago=100, owner="other:4711")
    alive, dead = well.of("workers")
    assert (alive["level"], dead["level"]) == ("ok", "warn")
    assert "other:4711" in dead["says"]
    with writing(engine_of) as db:
        db.execute(sa.delete(t.lease).where(t.lease.c.name == f"{WORKER}one"))
    assert well.of("workers")[0]["level"] == "red"


def test_a_broken_plugin_is_named_with_what_to_do(well: Doctor, tmp_path: Path) -> None:
    config = tmp_path / "broken.toml"
    config.write_text(
        '[plugins]\nload = ["contactsync_plugins.salesforce", "contactsync_plugins.toml_mappings", "not_there"]\n'
    )
    found = well.one("plugins", CONTACTSYNC_CONFIG=str(config))
    assert found["level"] == "red"
    assert "not_there" in found["says"]


def test_a_key_that_was_lost_is_told_with_whose_secrets_do_not_open(well: Doctor) -> None:
    other = "another key that is long enough"
    findings = well.says(CONTACTSYNC_SECRET_KEYS=other)
    (keys,) = [one for one in findings if one["check"] == "keys"]
    assert keys["level"] == "red"
    assert "acme" in keys["says"]
    assert "webhook secret" in keys["says"]
    assert [one["level"] for one in findings if one["check"] == "health"] == ["red"]
    old = well.cli.environment["CONTACTSYNC_SECRET_KEYS"]
    assert well.one("keys", CONTACTSYNC_SECRET_KEYS=f"{other},{old}")["level"] == "ok"


def test_a_secret_that_counts_no_more_need_not_open(well: Doctor, engine_of: Engine) -> None:
    change(engine_of, t.webhook_secret, sealed="sealed by a key that is gone", revoked_at=wall_clock())
    assert well.one("keys")["level"] == "ok"


def test_clocks_that_disagree_are_told(well: Doctor, engine_of: Engine, deliver: Callable[..., None]) -> None:
    deliver("contact.created", contact(1))
    change(engine_of, t.delivery, received_at=wall_clock() + timedelta(hours=3))
    found = well.one("times")
    assert found["level"] == "red"
    assert "NTP" in found["do"]


# ── an org ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_that_is_not_connected(well: Doctor) -> None:
    well.cli.good("org", "add", "globex")
    found = [one for one in well.says("globex") if one["org"] == "globex"]
    assert {one["check"]: one["level"] for one in found} == {
        "connection": "warn", "secrets": "ok", "tokens": "ok", "queue": "ok", "inbox": "ok",
    }  # fmt: skip


def test_credentials_that_are_refused(well: Doctor, engine_of: Engine, salesforce: Salesforce) -> None:
    salesforce.does("options", client_secret="another one")
    change(engine_of, t.connection, sealed_token=None)
    found = well.one("health", "acme")
    assert found["level"] == "red"
    assert "Consumer Secret" in found["do"]
    assert "Salesforce admin" in found["do"]


def test_a_permission_that_is_missing(well: Doctor, salesforce: Salesforce) -> None:
    salesforce.does("permissions", object="Lead", create=False)
    (found, *_) = well.of("health", "acme")
    assert found["level"] == "red"
    assert "Lead" in found["says"]


def test_a_crm_that_does_not_answer_holds_nobody_up(well: Doctor, salesforce: Salesforce) -> None:
    salesforce.does("faults", do="status", status=503, times=50)
    found = well.one("health", "acme")
    assert found["level"] == "red"


def test_a_budget_that_is_used_up(well: Doctor, salesforce: Salesforce) -> None:
    salesforce.does("options", daily_limit=1000, calls_used=850)
    assert well.one("budget", "acme")["level"] == "warn"
    salesforce.does("options", calls_used=950)
    found = well.one("budget", "acme")
    assert found["level"] == "warn", "it goes on by itself: nobody need be woken"
    assert "reserve_percent" in found["do"]


def test_a_sync_that_is_stopped_says_why_and_what_to_do(
    well: Doctor, engine_of: Engine, salesforce: Salesforce, deliver: Callable[..., None], sync: Callable[[], None]
) -> None:
    change(engine_of, t.connection, sealed_token=None)
    salesforce.does("options", client_secret="another one")
    deliver("contact.created", contact(1))
    sync()
    found = well.one("connection", "acme")
    assert found["level"] == "red"
    assert "stopped" in found["says"]


def test_secrets_and_tokens_that_expire_soon(well: Doctor, engine_of: Engine) -> None:
    soon = wall_clock() + timedelta(days=3)
    change(engine_of, t.webhook_secret, expires_at=soon)
    change(engine_of, t.api_token, expires_at=soon)
    assert well.one("secrets", "acme")["level"] == "warn"
    assert "reports" in well.one("tokens", "acme")["says"]
    change(engine_of, t.webhook_secret, expires_at=wall_clock())
    assert well.one("secrets", "acme")["level"] == "red"


def test_what_waits_too_long(
    well: Doctor, engine_of: Engine, deliver: Callable[..., None], sync: Callable[[], None]
) -> None:
    deliver("contact.created", contact(1))
    sync()
    deliver("contact.created", contact(2))
    change(engine_of, t.delivery, received_at=wall_clock() - timedelta(minutes=10))
    change(engine_of, t.contact, due_at=wall_clock() - timedelta(minutes=5))
    assert well.one("inbox", "acme")["level"] == "red"
    assert well.one("queue", "acme")["level"] == "warn"
    change(engine_of, t.contact, due_at=wall_clock() + timedelta(days=2))
    late = well.of("queue", "acme")[0]
    assert late["level"] == "warn"
    assert "2 days" in late["says"] or "48" in late["says"]


def test_an_inbox_that_fills(well: Doctor, deliver: Callable[..., None]) -> None:
    for number in range(3):
        deliver("contact.created", contact(number))
    most = "CONTACTSYNC_INTAKE_MOST_WAITING"
    levels = {limit: well.one("inbox", "acme", **{most: str(limit)})["level"] for limit in (3, 6, 7)}
    assert levels == {3: "red", 6: "warn", 7: "ok"}
    notes = {"notes": "x" * 600_000}
    deliver("contact.created", contact(4) | notes)
    found = well.one("inbox", "acme", CONTACTSYNC_INTAKE_MOST_WAITING_MEGABYTES="1")
    assert (found["level"], "full" in found["says"]) == ("warn", True)
    deliver("contact.created", contact(5) | notes)
    assert well.one("inbox", "acme", CONTACTSYNC_INTAKE_MOST_WAITING_MEGABYTES="1")["level"] == "red"


def test_deliveries_that_failed_or_were_rejected(well: Doctor, engine_of: Engine, deliver: Callable[..., None]) -> None:
    deliver("contact.created", contact(1))
    for status in ("failed", "rejected"):
        change(engine_of, t.delivery, status=status)
        levels = [one["level"] for one in well.of("inbox", "acme")]
        assert levels == ["ok", "warn"]
    change(engine_of, t.delivery, received_at=wall_clock() - timedelta(days=8))
    (_, old) = well.of("inbox", "acme")
    assert (old["level"], old["do"]) == ("ok", ""), "nobody can take it away: it must not be shown as an alarm for ever"


def test_a_lease_that_nobody_alive_holds(well: Doctor, engine_of: Engine) -> None:
    soon = wall_clock() + timedelta(seconds=40)
    change(engine_of, t.org, lease_owner="host:17:0123456789abcdef", lease_until=soon)
    assert well.of("lease", "acme") == [], "a worker that beats holds it"
    change(engine_of, t.org, lease_owner="host:4711:0123456789abcdef")
    found = well.one("lease", "acme")
    assert found["level"] == "warn"
    assert "host:4711" in found["says"]


def test_what_is_shown_on_a_terminal_obeys_nothing_that_stands_in_a_label(well: Doctor, engine_of: Engine) -> None:
    soon = wall_clock() + timedelta(days=3)
    change(engine_of, t.api_token, label="\x1b[2Jgone [red]x[/red]", expires_at=soon)
    shown = well.cli.run("doctor", "acme").stdout
    assert "\x1b" not in shown
    assert "[red]x[/red]" in shown
