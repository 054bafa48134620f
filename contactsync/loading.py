"""One plugin on its way from a candidate to something that can be used, or to a clear word on why it cannot."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from contactsync.discovery import Candidate, distribution_of, near
from contactsync.domain.connection import TargetType
from contactsync.domain.errors import ContactsyncError, PluginBroken
from contactsync.domain.mapping import NamedMapping

API_VERSION = 1
"""Counts up when something is taken away from `contactsync.api`; additions do not change it."""

Options = Mapping[str, Any]
"""What the configuration tells one plugin: its CONTACTSYNC_OPTIONS, with what [plugins.options.<name>] says instead."""


class PluginStatus(StrEnum):
    """Whether a plugin is in use."""

    LOADED = "loaded"
    BROKEN = "broken"
    DISABLED = "disabled"


@dataclass(frozen=True)
class PluginState:
    """A line of `contactsync plugins list`. `problem` and `fix` are plain words, None when all is well.

    `hooks` of a broken plugin: those that it would implement, as far as its source says. `distribution`: name and version.
    """

    name: str
    status: PluginStatus
    where: str
    distribution: str | None = None
    hooks: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    problem: str | None = None
    fix: str | None = None


class UnusableError(Exception):
    """Why one plugin cannot be loaded, and what to do. Never leaves the loading."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


@dataclass
class Plugin:
    """One plugin while it is being loaded, and after. `calls`: its hooks, taking the hook's own arguments by name."""

    candidate: Candidate
    hooks: tuple[str, ...] = ()  # what it implements; when it is broken, what it would implement
    calls: Mapping[str, Callable[..., object]] = field(default_factory=dict)
    targets: tuple[TargetType, ...] = ()
    mappings: tuple[NamedMapping, ...] = ()
    unusable: UnusableError | None = None

    @property
    def title(self) -> str:
        """How errors name it, with the distribution that brought it."""
        return f"the plugin {self.candidate.name} ({distribution_of(self.candidate) or self.candidate.where})"

    def broken(self) -> PluginBroken:
        """The error for somebody who needs a plugin that cannot be used."""
        assert self.unusable is not None
        return PluginBroken(f"{self.title} is broken: {self.unusable}; {self.unusable.fix}")

    def state(self) -> PluginState:
        """As `contactsync plugins list` shows it."""
        if self.candidate.disabled:
            status = PluginStatus.DISABLED
        else:
            status = PluginStatus.BROKEN if self.unusable else PluginStatus.LOADED
        return PluginState(
            name=self.candidate.name,
            status=status,
            where=self.candidate.where,
            distribution=distribution_of(self.candidate),
            hooks=self.hooks,
            provides=tuple(f"target {each.name}" for each in self.targets)
            + tuple(f"mapping {each.name}" for each in self.mappings),
            problem=str(self.unusable) if self.unusable else None,
            fix=self.unusable.fix if self.unusable else None,
        )


def imported(candidate: Candidate) -> object:
    """The module, or the object that an entry point picks from it. Foreign code runs here for the first time."""
    try:
        module = candidate.load()
    except (Exception, SystemExit) as error:
        raise UnusableError(
            f"it cannot be imported: {type(error).__name__}: {one_line(error)}",
            "install what it needs, or take it out of plugins.load",
        ) from error
    if inspect.isclass(module):
        raise UnusableError("its entry point names a class", "let it name a module, or an instance")
    needs = getattr(module, "CONTACTSYNC_API", API_VERSION)
    if needs != API_VERSION:
        raise UnusableError(
            f"it needs API {needs}, and this is API {API_VERSION}", "install versions that fit each other"
        )
    return module


def options_for(name: str, module: object, said: Options) -> Options:
    """A plugin's options: what it declares in CONTACTSYNC_OPTIONS, with what the configuration says instead."""
    declared: Options = getattr(module, "CONTACTSYNC_OPTIONS", {})
    for key, value in said.items():
        path = f"plugins.options.{name}.{key}"
        if key not in declared:
            fix = f"it takes {', '.join(declared) or 'no options'}"
            raise UnusableError(f"{path} is not known{near(key, list(declared))}", fix)
        if not _alike(value, declared[key]):
            fix = f"write {type(declared[key]).__name__}, as its default {declared[key]!r} is"
            raise UnusableError(f"{path} is {kind_of(value)}", fix)
    return {**declared, **said}


def _alike(value: object, default: object) -> bool:
    """Whether a value is of its default's type, the items of a list included."""
    if isinstance(default, float) and not isinstance(value, bool):
        return isinstance(value, (int, float))
    if isinstance(default, list) and isinstance(value, list):
        return not default or all(_alike(each, default[0]) for each in value)
    return type(value) is type(default)


Provided = TypeVar("Provided", TargetType, NamedMapping)


def provided(plugin: Plugin, hook: str, kind: type[Provided]) -> tuple[Provided, ...]:
    """What a plugin provides, checked."""
    call = plugin.calls.get(hook)
    if call is None:
        return ()
    try:
        answer = call()
        items = tuple(answer) if isinstance(answer, Iterable) else (answer,)
    except ContactsyncError as error:
        raise UnusableError(str(error), "put that right, or disable the plugin") from error
    except Exception as error:
        problem = f"{hook} failed: {type(error).__name__}: {one_line(error)} (at {place(error)})"
        raise UnusableError(problem, "mend the plugin, or disable it") from error
    for item in items:
        if not isinstance(item, kind):
            raise UnusableError(f"{hook} answered {kind_of(item)}", f"answer a list of {kind.__name__}")
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", item.name):
            raise UnusableError(f"{hook} provides a bad name", "names are lower-case letters, digits, _ and -")
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise UnusableError(f"{hook} provides one name twice: {', '.join(names)}", "give each its own name")
    return items


def one_line(error: BaseException) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())


def kind_of(value: object) -> str:
    """The type of a value; the value itself stays out of messages."""
    name = type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


def place(error: BaseException) -> str:
    """File and line where an error arose, without what it says."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "an unknown place"
    return f"{Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}"
