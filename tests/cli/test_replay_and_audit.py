"""Replaying deliveries and reading the audit log from the command line; tokens that only read."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.cli.shell import system_user
from contactsync.store import tables as t
from contactsync.store.engine import writing
from tests.cli.conftest import CommandLine, contact

Deliver = Callable[..., None]


@pytest.fixture
def filled(acme: CommandLine, deliver: Deliver, sync: Callable[[], None]) -> CommandLine:
    """An org with three deliveries: two absorbed, one failed."""
    deliver("contact.created", contact(1))
    deliver("contact.exploded", contact(2))
    deliver("contact.created", contact(3))
    sync()
    return acme


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as db:
        return list(db.execute(sa.select(t.delivery.c.status).order_by(t.delivery.c.id)).scalars())


def test_one_is_replayed_by_its_id_and_a_second_time_waits_already(filled: CommandLine, engine_of: Engine) -> None:
    assert "1 delivery replayed." in filled.good("replay", "acme", "dlv_1").stdout
    assert statuses(engine_of) == ["accepted", "failed", "absorbed"]
    again = filled.json("replay", "acme", "dlv_1", "dlv_3")
    assert again == {"dry_run": False, "replayed": 1, "waiting": 1, "gone": 0, "unreadable": 0}


def test_a_filter_replays_what_fits_after_a_dry_run_that_changed_nothing(
    filled: CommandLine, engine_of: Engine, sync: Callable[[], None]
) -> None:
    assert "1 delivery would be replayed." in filled.good("replay", "acme", "--status", "failed", "--dry-run").stdout
    assert statuses(engine_of) == ["absorbed", "failed", "absorbed"]
    assert filled.json("replay", "acme", "--status", "failed")["replayed"] == 1
    sync()
    assert statuses(engine_of) == ["absorbed", "failed", "absorbed"]
    assert filled.json("replay", "acme", "--since", "2026-01-01", "--door", "contacts")["replayed"] == 3
    assert filled.json("replay", "acme", "--until", "2026-01-01")["replayed"] == 0


def test_a_range_is_gone_through_whole_however_long_it_is(
    filled: CommandLine, engine_of: Engine, sync: Callable[[], None]
) -> None:
    with writing(engine_of) as db:
        (row,) = db.execute(sa.select(t.delivery).where(t.delivery.c.id == 1)).mappings()
        more = [{**row, "id": number, "webhook_id": f"more_{number}"} for number in range(10, 2510)]
        db.execute(sa.insert(t.delivery), more)
    assert filled.json("replay", "acme", "--status", "absorbed")["replayed"] == 2502
    entries = filled.json("audit", "acme", "--limit", "3")
    assert [one["details"]["replayed"] for one in entries] == [502, 1000, 1000]


def test_what_cannot_be_replayed_is_said_and_ends_with_exit_status_one(filled: CommandLine, engine_of: Engine) -> None:
    with writing(engine_of) as db:
        removed = {"body": b"", "body_removed_at": sa.func.current_timestamp(), "body_removed_for": "retention"}
        db.execute(sa.update(t.delivery).where(t.delivery.c.id == 1).values(removed))
    done = filled.run("replay", "acme", "dlv_1", "dlv_3")
    assert done.exit_code == 1
    assert "1 delivery replayed." in done.stdout
    assert "Have them sent again." in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--status"),
        (("dlv_1", "--status", "failed"), "not both"),
        (("dlv_99",), "dlv_99"),
        (("17",), "ids.0"),
        (("--status", "accepted"), "absorbed"),
        (("--since", "yesterday"), "yesterday"),
        (("--since", "2026-01-02", "--until", "2026-01-01"), "later than since"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(
    acme: CommandLine, options: tuple[str, ...], said: str
) -> None:
    assert said in acme.refused("replay", "acme", *options)


def test_the_audit_log_names_who_at_the_machine_did_what(acme: CommandLine, tmp_path: Path) -> None:
    secret = acme.json("org", "secret", "add", "acme")
    token = acme.json("org", "token", "add", "acme", "--label", "reports [bold]", "--read-only")
    acme.good("org", "secret", "revoke", "acme", str(secret["id"]), "--in-hours", "24")
    acme.good("org", "token", "revoke", "acme", str(token["id"]))
    acme.good("event", "connect", "acme", "ev-1", "--campaign", "701")
    acme.good("event", "disconnect", "acme", "ev-1")
    acme.good("org", "export", "acme", str(tmp_path / "acme.json"))
    changed = (tmp_path / "acme.json").read_text().replace('"several_matches": "first"', '"several_matches": "stop"')
    (tmp_path / "acme.json").write_text(changed)
    acme.good("org", "import", "acme", str(tmp_path / "acme.json"), "--yes")
    acme.good("resync", "acme", "--all", "--no-watch")
    entries = acme.json("audit", "acme")
    assert [(one["action"], one["about"]) for one in reversed(entries)] == [
        ("org.added", "acme"),
        ("secret.added", "2"),
        ("token.added", "2"),
        ("secret.revoked", "2"),
        ("token.revoked", "2"),
        ("event.connected", "ev-1"),
        ("event.disconnected", "ev-1"),
        ("policies.changed", ""),
        ("org.imported", ""),
        ("resync.started", "rsy_1"),
    ]
    assert {one["actor"] for one in entries} == {f"command line ({pwd.getpwuid(os.getuid()).pw_name})"}
    assert entries[-3]["details"] == {"label": "reports [bold]", "read_only": True, "expires_at": None}
    assert entries[-4]["details"] == {"in_hours": 24.0}
    everything = json.dumps(entries) + acme.good("audit", "acme").stdout
    assert secret["webhook_secret"] not in everything
    assert token["api_token"] not in everything
    assert "reports [bold]" in everything


def test_the_user_is_the_systems_own_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert system_user() == pwd.getpwuid(os.getuid()).pw_name


def test_an_audit_log_without_an_org_is_the_whole_installations(acme: CommandLine) -> None:
    assert acme.json("audit") == []
    assert "Nothing was changed" in acme.good("audit").stdout


def test_connecting_is_written_down_without_credentials(connected: CommandLine) -> None:
    (made, *_) = connected.json("audit", "acme")
    assert (made["action"], made["about"]) == ("connection.made", "salesforce")
    assert made["details"]["new"]["flow"] == "client_credentials"
    assert made["details"]["new"]["also"] == ["client_id"]
    assert "secret" not in json.dumps(made)


def test_a_token_that_only_reads_says_so_in_lists(acme: CommandLine) -> None:
    assert acme.json("org", "token", "add", "acme", "--read-only", "--label", "reports")["read_only"]
    first, second = acme.json("org", "token", "list", "acme")
    assert (first["read_only"], second["read_only"]) == (False, True)
    assert "active, read-only" in acme.good("org", "token", "list", "acme").stdout
