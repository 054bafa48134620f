"""docs/salesforce.md names what the code has: every sign-in problem, the commands' options, the addresses."""

from __future__ import annotations

import re
from pathlib import Path

import click
from contactsync_plugins.salesforce.oauth import SCOPE
from contactsync_plugins.salesforce.sign_in_advice import SIGN_IN_PROBLEMS

from contactsync.cli import main
from contactsync.settings import VARIABLES
from contactsync.sync.signing_in import LIFETIME, callback_url
from tests.fixtures.commands import subcommands

PAGE = (Path(__file__).parents[2] / "docs" / "salesforce.md").read_text("utf-8")


def test_the_table_of_sign_in_problems_is_whole_and_names_none_that_there_is_not() -> None:
    table = PAGE.partition("| problem | what it means |")[2].partition("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    shown = {code: "↻" in row[1] for row in rows for code in re.findall(r"`(\w+)`", row[1])}
    assert shown == {known.code: known.comes_back for known in SIGN_IN_PROBLEMS}


def test_every_option_that_is_shown_is_one_of_connect() -> None:
    connect = subcommands(main)["connect"]
    assert isinstance(connect, click.Command)
    known = {name for parameter in connect.params for name in parameter.opts}
    shown = re.findall(r"(?<![\w-])--[a-z][a-z-]+", " ".join(re.findall(r"contactsync connect[^`\n]*|`--[^`]*`", PAGE)))
    assert {"--web", "--sandbox", "--private-key", "--instance-url"} <= set(shown) <= known


def test_the_callback_address_the_scopes_and_the_variable_are_the_ones_that_are_used() -> None:
    assert callback_url("https://<your contactsync>", "salesforce") in PAGE
    assert callback_url("http://localhost:8000", "salesforce") in PAGE
    for scope in SCOPE.split():
        assert re.search(rf"\({scope}\b", PAGE), scope
    assert "CONTACTSYNC_BASE_URL" in PAGE
    assert "CONTACTSYNC_BASE_URL" in VARIABLES
    assert LIFETIME.total_seconds() == 600
    assert "within ten minutes" in PAGE
