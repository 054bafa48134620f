"""What holds for each command: help with an example, unknown orgs, missing databases, never a traceback or a password."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from contactsync.cli import main
from tests.cli.conftest import CommandLine
from tests.fixtures.commands import subcommands


def every(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    for name, command in subcommands(group).items():
        if isinstance(command, click.Group):
            yield from every(command, *above, name)
        else:
            yield (*above, name)


ALL = list(every(main))

OF_AN_ORG = [
    ("org", "show", "nobody"),
    ("org", "secret", "add", "nobody"),
    ("org", "secret", "list", "nobody"),
    ("org", "secret", "revoke", "nobody", "1"),
    ("org", "token", "add", "nobody"),
    ("org", "token", "list", "nobody"),
    ("org", "token", "revoke", "nobody", "1"),
    ("connect", "nobody", "--instance-url", "https://acme.my.salesforce.com"),
    ("disconnect", "nobody"),
    ("event", "connect", "nobody", "e-1", "--campaign", "701"),
    ("event", "connect", "nobody", "e-1", "--create"),
    ("event", "disconnect", "nobody", "e-1"),
    ("status", "nobody"),
    ("preview", "nobody", "c-1"),
    ("preview", "nobody", "--all"),
    ("resync", "nobody", "--all"),
    ("problems", "nobody"),
    ("problems", "list", "nobody"),
    ("problems", "check", "nobody", "0123456789abcdef"),
    ("runs", "nobody"),
    ("undo", "nobody", "run_1"),
    ("replay", "nobody", "dlv_1"),
    ("audit", "nobody"),
    ("person", "erase", "nobody", "--email", "-"),
    ("person", "export", "nobody", "--email", "-"),
    ("person", "allow", "nobody", "--email", "-"),
    ("person", "list", "nobody"),
    ("user", "add", "ana@example.com", "--org", "nobody"),
    ("user", "list", "nobody"),
    ("user", "role", "ana@example.com", "nobody", "admin"),
    ("org", "export", "nobody"),
    ("org", "import", "nobody", __file__, "--yes"),
    ("send", __file__, "--org", "nobody"),
]

NEEDING_A_DATABASE = [("org", "list"), ("org", "add", "acme"), *OF_AN_ORG]


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_its_help_says_what_it_does_and_shows_an_example_of_itself(bare: CommandLine, command: tuple[str, ...]) -> None:
    shown = bare.good(*command, "--help").stdout
    example = shown.partition("Example")[2]
    assert f"contactsync {' '.join(command)}" in example
    assert len(shown.splitlines()[2].strip()) > 10


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_an_unknown_option_is_named_and_nothing_is_done(bare: CommandLine, command: tuple[str, ...]) -> None:
    assert "--nonsense" in bare.refused(*command, "--nonsense")


def test_each_group_lists_its_commands_and_there_is_a_version(bare: CommandLine) -> None:
    shown = bare.good("--help").stdout
    assert all(name in shown for name, *_ in ALL)
    assert bare.good("--version").stdout.startswith("contactsync, version ")


@pytest.mark.parametrize("command", OF_AN_ORG, ids=" ".join)
def test_an_unknown_org_is_named_with_the_command_that_lists_them(cli: CommandLine, command: tuple[str, ...]) -> None:
    said = cli.refused(*command)
    assert "'nobody'" in said
    assert "org list" in said


@pytest.mark.parametrize("command", NEEDING_A_DATABASE, ids=" ".join)
def test_a_database_that_was_never_set_up_is_said_with_the_command_that_does(
    bare: CommandLine, command: tuple[str, ...]
) -> None:
    assert "contactsync db upgrade" in bare.refused(*command)


@pytest.fixture
def nobody_listens() -> Iterator[int]:
    """A port of which the tests are sure that nobody answers: it is bound, and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("command", [("db", "upgrade"), ("org", "list"), ("status", "acme")], ids=" ".join)
def test_a_database_that_cannot_be_reached_is_said_in_a_sentence_without_its_password(
    bare: CommandLine, command: tuple[str, ...], nobody_listens: int
) -> None:
    url = f"postgresql://someone:hunter2@127.0.0.1:{nobody_listens}/contactsync"
    said = bare.refused(*command, DATABASE_URL=url)
    assert "DATABASE_URL" in said
    assert "hunter2" not in said
    assert len(said.splitlines()) <= 3


def test_a_sqlite_file_that_is_none_is_said_in_a_sentence(bare: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "none.db").write_text("this is no database, though it has the name of one\n" * 50)
    assert "DATABASE_URL" in bare.refused("org", "list")


@pytest.mark.parametrize("url", ["mysql://someone:hunter2@host/name", "nonsense", "sqlite://"])
def test_a_url_that_is_no_database_of_ours_is_said_with_what_to_write(bare: CommandLine, url: str) -> None:
    said = bare.refused("org", "list", DATABASE_URL=url)
    assert "postgresql://" in said
    assert "hunter2" not in said


def test_the_database_is_set_up_once_and_again(bare: CommandLine) -> None:
    assert "up to date" in bare.good("db", "upgrade").stdout
    assert "up to date" in bare.good("db", "upgrade").stdout
    assert "No org yet" in bare.good("org", "list").stdout


@pytest.mark.parametrize("process", ["worker", "clock"])
def test_a_process_that_syncs_loads_nothing_of_the_pages(process: str) -> None:
    asked = f"""
import sys, click
from contactsync.cli import main
main.get_command(click.Context(main), {process!r})
of_pages = ("flask", "jinja2", "argon2", "contactsync.web.app", "contactsync.standin")
print([name for name in of_pages if name in sys.modules], "contactsync.sync.worker" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert said == "[] True\n"
