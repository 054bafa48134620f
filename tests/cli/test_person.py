"""`contactsync person`: the address is typed or piped, never an argument."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.conftest import CommandLine, contact


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
    assert "1 contacts" in said
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
