"""Settings › Plugins: what this installation runs, in which version and state; what is broken, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from contactsync.loading import PluginState, PluginStatus
from contactsync.web.auth import parts
from contactsync.web.console.doors import Pages
from contactsync.web.console.showing import page

pages = Pages("plugins")

STATES: Mapping[PluginStatus, tuple[str, str]] = {
    PluginStatus.LOADED: ("Works", "good"),
    PluginStatus.BROKEN: ("Broken", "bad"),
    PluginStatus.DISABLED: ("Switched off", "soft"),
}

HOOKS: Mapping[str, str] = {
    "contactsync_targets": "Brings a CRM",
    "contactsync_mappings": "Brings a field mapping",
    "contactsync_owner": "Decides who owns a record",
    "contactsync_sync_as": "Decides what a contact goes as",
    "contactsync_company": "Finds the company of a contact",
    "contactsync_run_finished": "Is told of every sync",
}


@pages.get("/settings/plugins")
def plugin_list() -> Response:
    """Every plugin in the order in which they are asked."""
    config = parts().settings.config
    states = parts().plugins.listing()
    broken = [state for state in states if state.problem]
    return page(
        "plugins.html",
        title="Plugins",
        nav="plugins",
        plugins=[*broken, *(state for state in states if not state.problem)],
        broken=broken,
        complaints=parts().plugins.complaints(config),
        states=STATES,
        does=does,
        sentence=sentence,
    )


def does(state: PluginState) -> list[str]:
    """What a plugin is for, in words, with the names of what it brings: "Brings a CRM: salesforce"."""
    brought: dict[str, list[str]] = {}
    for what in state.provides:
        kind, _, name = what.partition(" ")
        brought.setdefault(f"contactsync_{kind}s", []).append(name)
    said = []
    for hook in state.hooks:
        names = ", ".join(brought.pop(hook, []))
        said.append(f"{HOOKS.get(hook, hook)}{': ' if names else ''}{names}")
    return said + [f"{hook}: {', '.join(names)}" for hook, names in brought.items()]


def sentence(words: str) -> str:
    """With a capital, but for the name of something in code."""
    return words if "_" in words.partition(" ")[0] else f"{words[:1].upper()}{words[1:]}"
