"""`contactsync plugins new`: what it writes works as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.scaffold import KINDS, new_plugin


def test_a_new_plugin_of_each_kind_passes_its_own_tests(tmp_path: Path) -> None:
    folders = [str(new_plugin(kind, f"acme-{kind}", tmp_path)) for kind in KINDS]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *folders]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_clean_code(kind: str, tmp_path: Path) -> None:
    folder = new_plugin(kind, f"acme-{kind}", tmp_path)
    for command in (["check", "--select", "E,F,I,UP,B,ANN"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", "."]
        done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_offers_itself_as_an_entry_point(kind: str, tmp_path: Path) -> None:
    folder = new_plugin(kind, f"acme-{kind}", tmp_path)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["name"] == f"acme-{kind}"
    assert project["project"]["entry-points"]["contactsync"] == {f"acme_{kind}": f"acme_{kind}"}
    assert (folder / f"acme_{kind}.py").is_file()


@pytest.mark.parametrize("name", ["", "Acme", "acme_crm", "acme crm", "1acme", "../acme", "acme-", "x" * 51])
def test_a_name_that_is_no_package_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="territory-owner"):
        new_plugin("owner", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["contactsync", "contactsync-plugins", "tests"])
def test_a_name_of_our_own_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="is taken"):
        new_plugin("owner", name, tmp_path)


def test_a_kind_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(RefusedInput, match="write one of mapping, owner, target"):
        new_plugin("source", "acme", tmp_path)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    folder = new_plugin("owner", "acme", tmp_path)
    (folder / "acme.py").write_text("mine")
    with pytest.raises(RefusedInput, match="is there already"):
        new_plugin("owner", "acme", tmp_path)
    assert (folder / "acme.py").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedInput, match=r"file/acme cannot be written"):
        new_plugin("owner", "acme", tmp_path / "file")
