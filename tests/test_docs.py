"""What README and docs name is there, and what README shows happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from contactsync.cli import main
from contactsync.cli.problems import ListedByDefault
from tests.fixtures.commands import subcommands

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    shells = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    shown = re.findall(r"^\s*(?:[A-Z_]+=\S+ )*contactsync ([a-z][a-z ]*)", shells, re.MULTILINE)
    shown += re.findall(r"`contactsync ([a-z][a-z ]*)[^`]*`", text)
    for line in shown:
        command: click.Command = main
        for word in line.split():
            if not isinstance(command, click.Group):
                break
            listed = word not in subcommands(command) and isinstance(command, ListedByDefault)
            name = "list" if listed else word
            assert name in subcommands(command), f"contactsync {line}"
            command = subcommands(command)[name]


def test_the_walk_through_the_code_leads_through_ten_files_that_are_there() -> None:
    text = (CHECKOUT / "README.md").read_text("utf-8")
    walk = re.findall(r"`((?:intake|store|sync|domain|plugins)/[\w/]+\.py)`", text)
    assert len(walk) == 10
    for name in walk:
        assert (CHECKOUT / name).exists() or (CHECKOUT / "contactsync" / name).exists(), name


def test_the_makefile_and_procfile_say_commands_that_exist() -> None:
    for name in ("Makefile", "Procfile"):
        for words in re.findall(r"contactsync ((?:[a-z]+ ?)+)", (CHECKOUT / name).read_text("utf-8")):
            assert words.split()[0] in {*subcommands(main), "in"}, words


def test_the_demo_brings_its_sample_to_the_stand_in_and_ends_by_itself(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONTACTSYNC_", "PYTEST_", "DATABASE_URL", "REDIS_URL", "PORT"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "contactsync", "demo", "--once"],
        cwd=tmp_path,
        # Of an installation that the shell knows, the demo keeps its hands off.
        env={**environment, "CONTACTSYNC_VAR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'ours.db'}"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "ours.db").exists()
    assert done.stdout.count("202 accepted") == 4
    for line in (
        "Ada Lovelace .* synced .* Contact .* 003.{15} .* Grace Hopper .* DACH Summit",
        "company missing",
        "became an Activity: .* .00U.{15}",
    ):
        assert re.search(line, done.stdout), line
