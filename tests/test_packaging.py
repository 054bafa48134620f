"""The wheel holds what the checkout holds, and works outside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


def packages() -> set[str]:
    document = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    return set(document["tool"]["setuptools"]["packages"])


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return [Path(line) for line in listed.splitlines()]


def test_every_room_is_in_the_package_list() -> None:
    installed_as = {"contactsync": "contactsync", "plugins": "contactsync_plugins", "config": "contactsync_config"}
    rooms = set()
    for path in tracked():
        if path.suffix == ".py" and path.parts[0] in installed_as:
            rooms.add(".".join((installed_as[path.parts[0]], *path.parent.parts[1:])))
    assert packages() >= rooms
    assert not any(name == "plugins" or name.startswith("plugins.") for name in packages())


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made of a copy of the checkout, unpacked as pip would."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for path in tracked():
        if (CHECKOUT / path).is_file():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / path, copy / path)
    made = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), "."],
        cwd=copy, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (wheel,) = out.glob("contactsync-*.whl")
    folder = out / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(unpacked: Path, folder: Path, *arguments: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CONTACTSYNC_", "PYTEST_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "contactsync", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(unpacked), "CONTACTSYNC_VAR": str(folder / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_installs_no_top_level_package_called_plugins_or_config(unpacked: Path) -> None:
    tops = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"contactsync", "contactsync_plugins", "contactsync_config"}


def test_the_wheel_holds_the_pages_of_the_console_and_all_that_they_load(unpacked: Path) -> None:
    ours = Path(__file__).parents[1] / "contactsync" / "web" / "console"
    for folder in ("templates", "static"):
        there = {path.name for path in (unpacked / "contactsync" / "web" / "console" / folder).iterdir()}
        assert there == {path.name for path in (ours / folder).iterdir()}


def test_the_wheel_works_outside_the_checkout_with_its_plugins_mapping_and_migrations(
    unpacked: Path, tmp_path: Path
) -> None:
    listed = json.loads(run(unpacked, tmp_path, "plugins", "list", "--json"))
    assert {state["status"] for state in listed} == {"loaded"}, listed
    assert {"target salesforce", "mapping salesforce"} <= {name for state in listed for name in state["provides"]}
    run(unpacked, tmp_path, "db", "upgrade")
    assert json.loads(run(unpacked, tmp_path, "org", "add", "acme", "--json"))["org"] == "acme"
    run(unpacked, tmp_path, "plugins", "new", "--kind", "owner", "territory-owner")
