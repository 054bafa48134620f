"""Plugins in files of their own, installed or only on the path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from contactsync.config import Config, PluginsConfig
from contactsync.hooks import Plugins


class Shelf:
    """A folder on sys.path: `write` puts a module there, `install` a distribution that offers entry points."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, module: str, source: str) -> str:
        file = self.folder.joinpath(*module.split(".")).with_suffix(".py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(dedent(source), "utf-8")
        importlib.invalidate_caches()
        return module

    def module(self, name: str) -> Any:
        """The module as the plugins see it."""
        return importlib.import_module(name)

    def install(self, distribution: str, version: str, entry_points: Mapping[str, str]) -> None:
        folder = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = "".join(f"{name} = {value}\n" for name, value in entry_points.items())
        (folder / "entry_points.txt").write_text(f"[contactsync]\n{lines}")
        importlib.invalidate_caches()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield Shelf(folder)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def load(shelf: Shelf) -> Callable[..., Plugins]:
    """Loads what is named, and of what is installed only this when `discover` is not said."""

    def load(*names: str, discover: bool = False, disable: tuple[str, ...] = (), **options: Any) -> Plugins:
        return Plugins.load(Config(plugins=PluginsConfig(names, discover, disable, options)))

    return load


OWNER = """
    from contactsync.api import OwnerChoice, hookimpl

    @hookimpl
    def contactsync_owner(contact):
        return OwnerChoice("{email}", why="because") if {condition} else None
"""


def owner_plugin(email: str, condition: str = "True") -> str:
    """The source of a plugin that names an owner."""
    return OWNER.format(email=email, condition=condition)
