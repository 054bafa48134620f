"""Where plugins come from: dotted names in the configuration, and entry points of installed packages.

Nothing is imported before `Candidate.load` is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, entry_points, packages_distributions
from importlib.util import find_spec

from contactsync.config import PluginsConfig

ENTRY_POINTS = "contactsync"
"""The entry point group in which other packages offer plugins."""


@dataclass(frozen=True)
class Candidate:
    """A plugin that may be loaded. `name` is short and unique among plugins; `where` is what is imported."""

    name: str
    where: str
    load: Callable[[], object]
    disabled: bool = False

    @property
    def module(self) -> str:
        """The module's dotted name: `where` without what an entry point picks from it."""
        return self.where.partition(":")[0]


def candidates(config: PluginsConfig) -> Iterator[Candidate]:
    """Every plugin in its order: those that `load` names, then the other entry points by name.

    A name in `disable` that is none of these comes last, with an empty `where`.
    """
    offered = sorted(entry_points(group=ENTRY_POINTS), key=lambda each: (each.name, each.value))
    named = [_candidate(name, offered, config) for name in config.load]
    taken = {each.where for each in named}
    others = [_of_entry_point(each, config) for each in offered if each.value not in taken]
    found = [*named, *(others if config.discover else [])]
    yield from found
    known = {name for each in found for name in (each.name, each.where)}
    for name in config.disable:
        if name not in known:
            yield Candidate(name, "", lambda: None, disabled=True)


def _candidate(name: str, offered: Sequence[EntryPoint], config: PluginsConfig) -> Candidate:
    entry_point = next((each for each in offered if name in (each.name, each.value)), None)
    if entry_point is not None:
        return _of_entry_point(entry_point, config)
    short = name.rpartition(".")[2]
    return Candidate(short, name, lambda: import_module(name), not {name, short}.isdisjoint(config.disable))


def _of_entry_point(entry_point: EntryPoint, config: PluginsConfig) -> Candidate:
    disabled = not {entry_point.name, entry_point.value}.isdisjoint(config.disable)
    return Candidate(entry_point.name, entry_point.value, entry_point.load, disabled)


def distribution_of(candidate: Candidate) -> str | None:
    """The installed distribution that brought a plugin, as `acme-crm 1.2.0`; None for a module on the path."""
    package = candidate.module.partition(".")[0]
    for entry_point in entry_points(group=ENTRY_POINTS):
        if (entry_point.name, entry_point.value) == (candidate.name, candidate.where) and entry_point.dist is not None:
            return f"{entry_point.dist.name} {entry_point.dist.version}"
    for name in _distributions().get(package, ()):
        return f"{name} {Distribution.from_name(name).version}"
    return None


@cache
def _distributions() -> dict[str, list[str]]:
    """Reads the metadata of everything installed: only worth it when somebody asks."""
    return dict(packages_distributions())


def hooks_in_source(candidate: Candidate, hooks: Sequence[str]) -> tuple[str, ...]:
    """The hooks that a module defines, read without importing it: what a plugin that cannot be imported would do."""
    try:
        spec = find_spec(candidate.module)
        source = spec.loader.get_source(candidate.module) if spec and spec.loader else None  # type: ignore[attr-defined]
    except (Exception, SystemExit):  # noqa: BLE001 - finding a module imports its package, which may be what is broken
        return ()
    defined = set(re.findall(r"^\s*def\s+(\w+)\s*\(", source or "", re.MULTILINE))
    return tuple(hook for hook in hooks if hook in defined)


def near(name: str, names: Sequence[str]) -> str:
    """A hint at the end of a message, empty when nothing is spelt alike."""
    close = get_close_matches(name, names, n=1)
    return f": did you mean {close[0]}?" if close else ""
