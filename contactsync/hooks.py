"""The hooks, and the typed face of the plugins. pluggy lives in this file alone.

    provide   contactsync_targets, contactsync_mappings                        configuration picks by name
    decide    contactsync_owner, contactsync_sync_as, contactsync_company      the first answer that is not None wins
    observe   contactsync_run_finished                                         told afterwards; an error undoes nothing

Order is the order of the configuration, always: pluggy itself would call the last registered first, and lets a plugin
push itself to the front; here only the operator orders. An implementation may leave out arguments that it does not
need, so hooks can gain arguments without breaking anybody.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import pluggy
import structlog

from contactsync.config import Config
from contactsync.discovery import candidates, hooks_in_source, near
from contactsync.domain.batch import Choices
from contactsync.domain.choices import CompanyChoice, OwnerChoice, SyncAsChoice
from contactsync.domain.connection import TargetType
from contactsync.domain.errors import Misconfigured, PluginBroken
from contactsync.domain.mapping import FieldMapping, NamedMapping
from contactsync.domain.records import Contact
from contactsync.domain.run import FinishedRun
from contactsync.loading import (
    API_VERSION,
    Options,
    Plugin,
    PluginState,
    PluginStatus,
    Provided,
    UnusableError,
    imported,
    kind_of,
    one_line,
    options_for,
    place,
    provided,
)

__all__ = ["API_VERSION", "HOOKS", "SPECS", "Options", "PluginState", "PluginStatus", "Plugins", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("contactsync")
hookimpl = pluggy.HookimplMarker("contactsync")

log = structlog.get_logger(__name__)


# ── provide ────────────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
def contactsync_targets(options: Options) -> Iterable[TargetType]:
    """Provide kinds of CRM; an org's connection picks one by name. Called once, at start.

    Example::

        from pathlib import Path

        from contactsync.api import Connection, CrmTarget, TargetType, hookimpl
        from contactsync_plugins.jsonl_target import JsonLines


        def connect(connection: Connection) -> CrmTarget:
            return JsonLines(Path(connection.settings["directory"]))


        @hookimpl
        def contactsync_targets() -> list[TargetType]:
            return [TargetType(name="acme", label="Acme CRM", connect=connect)]
    """
    raise NotImplementedError


@hookspec
def contactsync_mappings(options: Options) -> Iterable[NamedMapping]:
    """Provide field mappings; [sync.mappings] picks one for each target by name. Called once, at start.

    Example::

        from contactsync.api import FieldMapping, FieldRule, NamedMapping, WriteMode, hookimpl

        PERSON = (
            FieldRule("last_name", "LastName"),
            FieldRule("email", "Email"),
            FieldRule("custom.shoe_size", "Shoe_Size__c", WriteMode.IF_EMPTY),
        )
        RULES = {
            "lead": (*PERSON, FieldRule("company", "Company")),
            "contact": (*PERSON, FieldRule("account", "AccountId")),
            "account": (FieldRule("name", "Name", WriteMode.ON_CREATE),),
        }


        @hookimpl
        def contactsync_mappings() -> list[NamedMapping]:
            return [NamedMapping("acme", FieldMapping(RULES))]
    """
    raise NotImplementedError


# ── decide ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec(firstresult=True)
def contactsync_owner(contact: Contact, options: Options) -> OwnerChoice | None:
    """Who should own the record: the e-mail address of an active, standard CRM user. None: ask the next plugin.

    Example::

        from contactsync.api import Contact, OwnerChoice, hookimpl


        @hookimpl
        def contactsync_owner(contact: Contact) -> OwnerChoice | None:
            if contact.text("address.country") == "DE":
                return OwnerChoice("dach-sales@example.com", why="German contacts go to the DACH team")
            return None
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def contactsync_sync_as(contact: Contact, options: Options) -> SyncAsChoice | None:
    """What a contact that does not say so itself becomes: a Lead or a Contact. None: ask the next plugin.

    When no plugin has an answer, the org's `sync_as_default` holds.

    Example::

        from contactsync.api import Contact, SyncAs, SyncAsChoice, hookimpl


        @hookimpl
        def contactsync_sync_as(contact: Contact) -> SyncAsChoice | None:
            if contact.text("custom.customer_number"):
                return SyncAsChoice(SyncAs.CONTACT, why="it has a customer number")
            return None
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def contactsync_company(contact: Contact, options: Options) -> CompanyChoice | None:
    """The company of a contact that has none of its own. None: ask the next plugin.

    `company_key` makes its key, so that contacts of one company share it.

    Example::

        from contactsync.api import Company, CompanyChoice, Contact, company_key, hookimpl


        @hookimpl
        def contactsync_company(contact: Contact) -> CompanyChoice | None:
            if (contact.email or "").endswith("@acme.example"):
                company = Company(company_key({"name": "Acme"}), name="Acme", domain="acme.example")
                return CompanyChoice(company, why="the e-mail address is Acme's")
            return None
    """
    raise NotImplementedError


# ── observe ────────────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
def contactsync_run_finished(run: FinishedRun, options: Options) -> None:
    """Be told of a run after its outcome was recorded. An error is logged with the plugin's name and undoes nothing.

    Be quick: the next contact waits. A worker that is killed may leave a run untold.

    Example::

        from contactsync.api import FinishedRun, SyncStatus, hookimpl

        held: list[str] = []


        @hookimpl
        def contactsync_run_finished(run: FinishedRun) -> None:
            if run.outcome is SyncStatus.NEEDS_ATTENTION and run.problem:
                held.append(f"{run.org}: {run.problem.cause}")
    """
    raise NotImplementedError


SPECS = (
    contactsync_targets,
    contactsync_mappings,
    contactsync_owner,
    contactsync_sync_as,
    contactsync_company,
    contactsync_run_finished,
)
HOOKS = tuple(spec.__name__ for spec in SPECS)


# ── the plugins ────────────────────────────────────────────────────────────────────────────────────────────────────


Answer = TypeVar("Answer")


class Plugins:
    """What the plugins provide, decide and observe, in the order of the configuration."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = tuple(plugins)
        self._asked = {hook: tuple(each for each in plugins if hook in each.hooks) for hook in HOOKS}

    @classmethod
    def load(cls, config: Config) -> Plugins:
        """Import and register every plugin. One that cannot be used is kept as broken, and logged.

        Raises Misconfigured only for options that are for no plugin.
        """
        manager = pluggy.PluginManager("contactsync")
        manager.add_hookspecs(sys.modules[__name__])
        plugins: list[Plugin] = []
        for candidate in candidates(config.plugins):
            plugin = Plugin(candidate)
            names = {each.candidate.name: each for each in plugins if not each.candidate.disabled}
            try:
                if candidate.disabled:
                    _refuse_misspelt_disable(plugin, list(names))
                else:
                    _load(plugin, manager, config.plugins.options.get(candidate.name, {}), names)
            except UnusableError as unusable:
                plugin.unusable, plugin.targets, plugin.mappings = unusable, (), ()
                log.error("plugin broken", plugin=candidate.name, problem=str(unusable), fix=unusable.fix)
            plugins.append(plugin)
        _refuse_stray_options(config, [each.candidate.name for each in plugins])
        return cls(plugins)

    def listing(self) -> tuple[PluginState, ...]:
        """Every plugin and its state, in order."""
        return tuple(plugin.state() for plugin in self._plugins)

    def target_type(self, name: str) -> TargetType:
        """The CRM of that name. Raises PluginBroken when its plugin is, Misconfigured when there is none."""
        return self._provided("target", "contactsync_targets", name, lambda plugin: plugin.targets)

    def target_names(self) -> tuple[str, ...]:
        """Every CRM that can be connected."""
        return tuple(dict.fromkeys(each.name for plugin in self._plugins for each in plugin.targets))

    def mapping(self, name: str) -> FieldMapping:
        """The mapping of that name. Raises PluginBroken when its plugin is, Misconfigured when there is none."""
        return self._provided("mapping", "contactsync_mappings", name, lambda plugin: plugin.mappings).mapping

    def complaints(self, config: Config) -> tuple[str, ...]:
        """What `plugins check` and `doctor` say beside the listing: targets that cannot be used, and why."""
        wrong = []
        for name in self.target_names():
            try:
                self.target_type(name)
                self.mapping(config.sync.mapping_for(name))
            except Misconfigured as error:
                wrong.append(f"the target {name} cannot be used: {error}")
        return tuple(wrong)

    def choices(self, contact: Contact) -> Choices:
        """What the plugins decide about a contact; they are not asked what it says itself.

        Raises PluginBroken, naming the plugin, when one that is asked is broken or fails: to go on without its answer
        would write a wrong owner or company.
        """
        return Choices(
            owner=self._decide("contactsync_owner", OwnerChoice, contact),
            sync_as=None if contact.text("sync_as") else self._decide("contactsync_sync_as", SyncAsChoice, contact),
            company=self._decide("contactsync_company", CompanyChoice, contact) if contact.company is None else None,
        )

    def run_finished(self, run: FinishedRun) -> None:
        """Tell every observer, each on its own: an error is logged without its text, which might quote a person."""
        for plugin in self._asked["contactsync_run_finished"]:
            if plugin.unusable:
                continue
            try:
                plugin.calls["contactsync_run_finished"](run=run)
            except Exception as error:  # noqa: BLE001 - an observer may raise anything and undoes nothing
                log.error(
                    "plugin failed",
                    plugin=plugin.candidate.name,
                    hook="contactsync_run_finished",
                    error=type(error).__name__,
                    at=place(error),
                    org=run.org,
                )

    def _decide(self, hook: str, kind: type[Answer], contact: Contact) -> Answer | None:
        for plugin in self._asked[hook]:
            if plugin.unusable:
                raise plugin.broken()
            try:
                answer = plugin.calls[hook](contact=contact)
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                # `from None`, and no text: what a plugin raises about a contact may quote it.
                raise PluginBroken(
                    f"{plugin.title} failed in {hook}: {type(error).__name__} at {place(error)}; "
                    "mend the plugin, or disable it"
                ) from None
            if isinstance(answer, kind):
                return answer
            if answer is not None:
                raise PluginBroken(
                    f"{plugin.title} answered {kind_of(answer)} in {hook}: it takes {kind.__name__} or None"
                )
        return None

    def _provided(self, what: str, hook: str, name: str, of: Callable[[Plugin], Sequence[Provided]]) -> Provided:
        found = [(plugin, each) for plugin in self._plugins for each in of(plugin) if each.name == name]
        if len(found) == 1:
            return found[0][1]
        if found:
            titles = " and ".join(plugin.title for plugin, _ in found)
            raise PluginBroken(f"the {what} {name} is provided twice, by {titles}: disable one of them")
        suspects = [each for each in self._plugins if each.unusable and hook in each.hooks]
        if suspects:
            raise PluginBroken(f"there is no {what} {name}, and {suspects[0].broken()}")
        names = [each.name for plugin in self._plugins for each in of(plugin)]
        where = "; [sync.mappings] says which mapping a target uses" if what == "mapping" else ""
        raise Misconfigured(
            f"there is no {what} {name}{near(name, names)}; plugins provide {', '.join(names) or 'none'}{where}"
        )


def _refuse_stray_options(config: Config, names: Sequence[str]) -> None:
    for name in config.plugins.options:
        if name not in names:
            raise Misconfigured(
                f"plugins.options.{name} is for no plugin that is named here{near(name, names)}; "
                f"plugins are {', '.join(names) or 'none'}"
            )


# ── loading one plugin ─────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_misspelt_disable(plugin: Plugin, names: Sequence[str]) -> None:
    if not plugin.candidate.where:
        name = plugin.candidate.name
        raise UnusableError(f"plugins.disable names {name}, which is not there{near(name, names)}", "take the name out")


def _load(plugin: Plugin, manager: pluggy.PluginManager, options: Options, names: Mapping[str, Plugin]) -> None:
    """Import, check, register, and ask what it provides. Raises UnusableError."""
    candidate = plugin.candidate
    if candidate.name in names:
        other = names[candidate.name]
        raise UnusableError(
            f"its name {candidate.name} is taken by {other.title}",
            f"name the one to leave out in plugins.disable, by its module: {candidate.where} or {other.candidate.where}",
        )
    plugin.hooks = hooks_in_source(candidate, HOOKS)
    module = imported(candidate)
    _refuse_unmarked(module, manager)
    plugin.calls = _registered(candidate.name, module, manager, options_for(candidate.name, module, options))
    plugin.hooks = tuple(plugin.calls)
    plugin.targets = provided(plugin, "contactsync_targets", TargetType)
    plugin.mappings = provided(plugin, "contactsync_mappings", NamedMapping)


def _refuse_unmarked(module: object, manager: pluggy.PluginManager) -> None:
    """Refuse what pluggy would take and never call."""
    own = [name for name in dir(module) if name.startswith("contactsync_") and callable(getattr(module, name))]
    for name in own:
        if manager.parse_hookimpl_opts(module, name) is None:
            raise UnusableError(f"{name} is not marked as a hook", "put @hookimpl above it, or give it another name")
    if not own:
        raise UnusableError("it has no hook", f"implement one of {', '.join(HOOKS)}")


def _registered(
    name: str, module: object, manager: pluggy.PluginManager, options: Options
) -> Mapping[str, Callable[..., object]]:
    """Let pluggy check signatures and spelling; answers the module's hooks as calls by argument name."""
    try:
        manager.register(module, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        if manager.has_plugin(name):
            manager.unregister(name=name)  # or the next plugin would be blamed for its misspelt hook
        raise UnusableError(one_line(error), f"hooks are {', '.join(_signature(spec) for spec in SPECS)}") from error
    except ValueError as error:
        raise UnusableError("its module is a plugin already, under another name", "name it once") from error
    calls = {}
    for caller in manager.get_hookcallers(module) or ():
        for impl in caller.get_hookimpls():
            if impl.plugin is not module:
                continue
            if impl.tryfirst or impl.trylast or impl.hookwrapper or impl.wrapper:
                raise UnusableError(
                    f"{caller.name} asks for a place of its own (tryfirst, trylast, wrapper)",
                    "write @hookimpl alone: plugins.load orders plugins",
                )
            calls[caller.name] = _call(impl, options)
    return {hook: calls[hook] for hook in HOOKS if hook in calls}


def _call(impl: pluggy.HookImpl, options: Options) -> Callable[..., object]:
    """An implementation, given the arguments that it asks for."""
    names = (*impl.argnames, *impl.kwargnames)

    def call(**arguments: object) -> object:
        given = {**arguments, "options": options}
        return impl.function(**{name: given[name] for name in names if name in given})

    return call


def _signature(spec: Callable[..., object]) -> str:
    return f"{spec.__name__}({', '.join(inspect.signature(spec).parameters)})"
