"""Plugins from the command line, and what the processes refuse before they start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.cli.conftest import CommandLine
from tests.fixtures.waiting import wait_until


def test_plugins_are_listed_in_their_order_also_for_scripts(bare: CommandLine) -> None:
    listed = bare.json("plugins", "list")
    assert any("salesforce" in provided for state in listed for provided in state["provides"])
    assert {"name", "status", "hooks", "provides", "problem", "fix"} <= listed[0].keys()
    assert listed[0]["name"] in bare.good("plugins", "list").stdout


def test_good_plugins_pass_the_check(bare: CommandLine) -> None:
    assert bare.good("plugins", "check").stdout == "All plugins can be used.\n"


def test_a_broken_plugin_is_named_with_what_to_do_and_the_check_ends_with_1(bare: CommandLine, tmp_path: Path) -> None:
    config = tmp_path / "contactsync.toml"
    config.write_text('[plugins]\nload = ["there_is_no_such_plugin"]\n')
    done = bare.run("plugins", "check", CONTACTSYNC_CONFIG=str(config))
    assert done.exit_code == 1
    assert "there_is_no_such_plugin" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("text", ["[plugins\n", "[sync]\nbatch_size = 0\n", "[sink]\nx = 1\n"])
def test_a_wrong_configuration_is_named_by_its_file(bare: CommandLine, tmp_path: Path, text: str) -> None:
    config = tmp_path / "contactsync.toml"
    config.write_text(text)
    assert bare.refused("plugins", "list", CONTACTSYNC_CONFIG=str(config))
    assert "none.toml" in bare.refused("plugins", "list", CONTACTSYNC_CONFIG=str(tmp_path / "none.toml"))


@pytest.mark.parametrize("kind", ["owner", "target"])
def test_a_new_plugin_is_written_and_never_over_one_that_is_there(bare: CommandLine, tmp_path: Path, kind: str) -> None:
    said = bare.good("plugins", "new", "--kind", kind, "--into", str(tmp_path), "territory-owner").stdout
    assert "pip install -e" in said
    assert (tmp_path / "territory-owner" / "pyproject.toml").is_file()
    assert bare.refused("plugins", "new", "--kind", kind, "--into", str(tmp_path), "territory-owner")


@pytest.mark.parametrize("name", ["", "../up", "a b", "1st"])
def test_a_new_plugin_needs_a_name_that_can_be_imported(bare: CommandLine, tmp_path: Path, name: str) -> None:
    assert bare.refused("plugins", "new", "--kind", "owner", "--into", str(tmp_path), "--", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("process", ["web", "worker", "clock"])
def test_a_process_does_not_start_on_a_database_that_was_not_set_up(bare: CommandLine, process: str) -> None:
    assert "contactsync db upgrade" in bare.refused(process)


def test_with_a_key_that_is_too_short_nothing_is_sealed(cli: CommandLine) -> None:
    said = cli.run("org", "add", "acme", CONTACTSYNC_SECRET_KEYS="short")
    assert said.exit_code == 2
    assert "CONTACTSYNC_SECRET_KEYS" in said.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_the_stand_in_refuses_a_port_that_is_none(bare: CommandLine, port: str) -> None:
    assert "port" in bare.refused("standin", "--port", port).lower()


def test_the_stand_in_says_that_its_port_is_taken(bare: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in bare.refused("standin", "--port", port)


def test_the_stand_in_answers_until_it_is_ended(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "contactsync", "standin", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path) as running:
        try:

            def answers() -> bool:
                try:
                    return requests.get(f"http://127.0.0.1:{port}/services/data/", timeout=2).ok
                except requests.ConnectionError:
                    return False

            wait_until(answers, 20, "the stand-in answers")
        finally:
            running.terminate()
        assert running.wait(10) in (0, -15, 143)
