"""The console's users from the command line."""

from __future__ import annotations

import pytest

from contactsync.passwords import is_password
from contactsync.store import users
from contactsync.store.engine import reading
from tests.cli.conftest import CommandLine

ANA = "ana@example.com"
PASSWORD = "seven horses on a hill"


@pytest.fixture
def with_ana(acme: CommandLine) -> CommandLine:
    acme.good("user", "add", ANA, "--org", "acme", "--role", "admin", "--name", "Ana Lovelace")
    return acme


def test_who_is_let_in_gets_a_link_that_is_shown_once(acme: CommandLine) -> None:
    made = acme.json("user", "add", "Ana@Example.com", "--org", "acme", "--role", "editor")
    assert made["email"] == ANA
    assert made["link"].startswith("http://localhost:8000/welcome/")
    assert made["until"]
    again = acme.json("user", "invite", ANA, CONTACTSYNC_BASE_URL="https://sync.example.com")
    assert again["link"].startswith("https://sync.example.com/welcome/")
    assert again["link"].rpartition("/")[2] != made["link"].rpartition("/")[2]
    assert again["link"].rpartition("/")[2] not in acme.good("user", "list").stdout
    assert acme.json("user", "list", "acme") == [
        {
            "email": ANA, "name": "", "operator": False, "disabled": False, "ready": False, "roles": {"acme": "editor"},
        }
    ]  # fmt: skip


def test_a_user_is_of_an_org_or_an_operator_and_nobody_twice(with_ana: CommandLine) -> None:
    assert "--operator" in with_ana.refused("user", "add", "bob@example.com")
    assert "--org" in with_ana.refused("user", "add", "bob@example.com", "--operator", "--org", "acme")
    assert "already" in with_ana.refused("user", "add", ANA, "--org", "acme")
    assert "already" in with_ana.refused("user", "add", ANA, "--operator")
    assert "ana@example.com" in with_ana.refused("user", "add", "nonsense", "--org", "acme")


def test_roles_are_given_and_taken_but_not_the_last_admins(with_ana: CommandLine) -> None:
    assert "last admin" in with_ana.refused("user", "role", ANA, "acme", "viewer")
    assert "last admin" in with_ana.refused("user", "role", ANA, "acme", "none")
    assert "last admin" in with_ana.refused("user", "disable", ANA)
    with_ana.good("user", "add", "bob@example.com", "--org", "acme", "--role", "admin")
    assert "viewer of acme" in with_ana.good("user", "role", ANA, "acme", "viewer").stdout
    with_ana.good("user", "role", ANA, "acme", "none")
    assert f"contactsync user invite {ANA}" in with_ana.good("user", "role", ANA, "acme", "viewer").stdout
    with_ana.good("user", "invite", ANA)
    assert "user invite" not in with_ana.good("user", "role", ANA, "acme", "editor").stdout
    with_ana.good("user", "role", ANA, "acme", "none")
    assert [one["email"] for one in with_ana.json("user", "list", "acme")] == ["bob@example.com"]
    with_ana.refused("user", "role", ANA, "acme", "king")


def test_a_user_is_disabled_and_enabled_and_made_operator(with_ana: CommandLine) -> None:
    with_ana.good("user", "add", "chief@example.com", "--operator")
    assert "last operator" in with_ana.refused("user", "operator", "chief@example.com", "--no")
    with_ana.good("user", "operator", ANA)
    with_ana.good("user", "operator", "chief@example.com", "--no")
    with_ana.good("user", "disable", "chief@example.com")
    assert "enable them" in with_ana.refused("user", "invite", "chief@example.com")
    states = {one["email"]: (one["operator"], one["disabled"]) for one in with_ana.json("user", "list")}
    assert states == {ANA: (True, False), "chief@example.com": (False, True)}
    assert "disabled" in with_ana.good("user", "list").stdout
    with_ana.good("user", "enable", "chief@example.com")
    assert not any(one["disabled"] for one in with_ana.json("user", "list"))


def test_a_password_is_read_from_standard_input_and_must_be_a_good_one(with_ana: CommandLine) -> None:
    assert "12 characters" in with_ana.refused("user", "password", ANA, given="short\n")
    assert "too easy" in with_ana.refused("user", "password", ANA, given="aaaaaaaaaaaaaaa\n")
    assert "too easy" in with_ana.refused("user", "password", ANA, given=f"x{ANA}x\n")
    assert "UTF-8" in with_ana.refused("user", "password", ANA, given=b"\xff\xfe not a text at all\n")
    with_ana.good("user", "password", ANA, given=f"{PASSWORD}\n")
    assert with_ana.json("user", "list")[0]["ready"]


def test_the_password_is_kept_as_argon2_alone(with_ana: CommandLine, engine_of) -> None:
    with_ana.good("user", "password", ANA, given=f"{PASSWORD}\n")
    with reading(engine_of) as db:
        kept = users.password_hash_of(db, users.find_user(db, ANA).id)
    assert kept.startswith("$argon2id$")
    assert is_password(kept, PASSWORD)


def test_what_was_done_is_in_the_audit_log_by_number_and_not_by_name(with_ana: CommandLine) -> None:
    with_ana.good("user", "add", "bob@example.com", "--org", "acme")
    with_ana.good("user", "role", "bob@example.com", "acme", "editor")
    with_ana.good("user", "disable", "bob@example.com")
    for_org, for_all = with_ana.json("audit", "acme"), with_ana.json("audit")
    assert [one["action"] for one in for_org[:2]] == ["user.role_changed", "user.added"]
    assert for_org[0]["about"] == "user:2"
    assert for_org[0]["details"] == {"role": {"old": "viewer", "new": "editor"}}
    assert [one["action"] for one in for_all] == ["user.disabled"]
    assert "example.com" not in str(for_org + for_all)


@pytest.mark.parametrize("command", ["invite", "disable", "enable", "operator", "password"])
def test_an_unknown_address_is_said_with_the_command_that_lists_them(acme: CommandLine, command: str) -> None:
    assert "user list" in acme.refused("user", command, "nobody@example.com", given=f"{PASSWORD}\n")
