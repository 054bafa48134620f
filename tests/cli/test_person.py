"""`contactsync person`: the address is typed or piped, never an argument."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from contactsync.store import tables as t
from contactsync.store.engine import reading
from tests.cli.conftest import CommandLine, contact
from tests.fixtures.waiting import wait_until


def test_a_person_is_exported_erased_listed_and_allowed_again(
    connected: CommandLine, deliver: Callable[..., None], sync: Callable[[], None]
) -> None:
    deliver("contact.created", [contact(1), contact(2)])
    sync()
    address = contact(1)["email"]
    ask = ("--email", "-")
    shown = json.loads(connected.good("person", "export", "acme", *ask, given=f"{address}\n").stdout)
    assert [one["id"] for one in shown["contacts"]] == [contact(1)["id"]]

    said = connected.good("person", "erase", "acme", *ask, "--yes", given=f"{address.upper()}\n").stdout
    assert "Erased as ers_1: " in said
    assert "1 delivery, 1 mark, 1 link, 1 run, 1 contact." in said
    assert "00Q" in said, "the CRM's record is told"
    assert address not in said
    assert "in force" in connected.good("person", "list", "acme").stdout
    (proof,) = connected.json("person", "list", "acme")
    assert proof["removed"]["contacts"] == 1
    assert proof["actor"]

    deliver("contact.updated", contact(1))
    sync()
    assert json.loads(connected.good("person", "export", "acme", *ask, given=address).stdout)["contacts"] == []
    assert "ers_1 is lifted" in connected.good("person", "allow", "acme", *ask, given=address).stdout
    assert "lifted" in connected.good("person", "list", "acme").stdout
    deliver("contact.updated", contact(1) | {"title": "CTO"})
    sync()
    assert json.loads(connected.good("person", "export", "acme", *ask, given=address).stdout)["contacts"]


def test_an_erasure_is_json_for_scripts(acme: CommandLine) -> None:
    done = acme.json("person", "erase", "acme", "--email", "-", "--yes", given="nobody@example.com")
    assert done == {"id": "ers_1", "removed": {}, "crm_records": [], "other_contacts": [], "other_addresses": []}


def test_an_address_on_the_command_line_is_refused_without_repeating_it(acme: CommandLine) -> None:
    for command in ("export", "erase", "allow"):
        said = acme.refused("person", command, "acme", "--email", "ada@example.com")
        assert "--email -" in said
        assert "ada@" not in said


def test_what_is_no_address_and_who_was_never_erased_are_said(acme: CommandLine) -> None:
    assert "no e-mail address" in acme.refused("person", "export", "acme", "--email", "-", given="ada\n")
    assert "no e-mail address" in acme.refused("person", "erase", "acme", "--email", "-", "--yes", given="")
    assert "person list acme" in acme.refused("person", "allow", "acme", "--email", "-", given="ada@example.com")
    assert "Nobody was erased yet." in acme.good("person", "list", "acme").stdout


def test_nobody_is_erased_without_a_yes(acme: CommandLine) -> None:
    assert "--yes" in acme.refused("person", "erase", "acme", "--email", "-", given="ada@example.com\n")
    assert acme.json("person", "list", "acme") == []


def test_an_erasure_whose_process_is_killed_goes_on_with_the_same_command(
    acme: CommandLine, engine_of: Engine, deliver: Callable[..., None], sync: Callable[[], None]
) -> None:
    """SIGKILL, at moments of chance: the lease runs out, and the next one goes on."""
    for batch in range(60):
        deliver("contact.updated", [contact(1) | {"title": f"T{batch}"}, contact(100 + batch)])
    sync()
    environment = {**os.environ, **acme.environment, "CONTACTSYNC_SYNC_LEASE_SECONDS": "3"}
    command = [sys.executable, "-m", "contactsync", "person", "erase", "acme", "--email", "-", "--yes", "--json"]
    address = contact(1)["email"].encode()

    def progress() -> Any:
        with reading(engine_of) as db:
            return db.execute(sa.select(t.erasure.c.id, t.erasure.c.removed)).first()

    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as erasing:
        assert erasing.stdin is not None
        erasing.stdin.write(address + b"\n")
        erasing.stdin.close()
        wait_until(
            lambda: (said := progress()) is not None and said.removed.get("deliveries"), 60, "it is at the deliveries"
        )
        erasing.kill()
    done = subprocess.run(command, env=environment, input=address, capture_output=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["id"] == "ers_1"
    assert (said["removed"]["contacts"], said["removed"]["deliveries"]) == (1, 60)
    with reading(engine_of) as db:
        bodies = db.execute(sa.select(t.delivery.c.body)).scalars().all()
    assert not [body for body in bodies if address in body.lower()]
    assert all(json.loads(body)["data"] for body in bodies), "everybody else is there"


def test_an_address_that_is_no_text_is_refused_in_a_sentence(acme: CommandLine) -> None:
    assert "UTF-8" in acme.refused("person", "export", "acme", "--email", "-", given=b"\xff\xfe@example.com\n")
