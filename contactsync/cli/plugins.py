"""Plugins: which there are, whether they work, and a start for a new one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, print_json, with_shell
from contactsync.hooks import Plugins
from contactsync.loading import PluginState
from contactsync.scaffold import KINDS, new_plugin


@click.group()
def plugins() -> None:
    """Plugins: field mappings, owner resolution, CRM targets and what else they decide."""


def _listing(shell: Shell) -> tuple[PluginState, ...]:
    return Plugins.load(shell.settings.config).listing()


@plugins.command("list", cls=Command, example="contactsync plugins list --json")
@as_json
@with_shell
def list_(shell: Shell, json_wanted: bool) -> None:
    """Show every plugin in the order in which they are asked, with its state and what it brings."""
    states = _listing(shell)
    if json_wanted:
        print_json([asdict(state) for state in states])
        return
    table = Table("Plugin", "State", "From", "Hooks", "Provides")
    for state in states:
        hooks = ", ".join(hook.removeprefix("contactsync_") for hook in state.hooks)
        table.add_row(
            state.name, str(state.status), state.distribution or state.where, hooks, ", ".join(state.provides)
        )
    console().print(table)


@plugins.command(cls=Command, example="contactsync plugins check")
@with_shell
def check(shell: Shell) -> None:
    """Load every plugin and say what is wrong with those that cannot be used; exit status 1 when there is one."""
    config = shell.settings.config
    loaded = Plugins.load(config)
    broken = [state for state in loaded.listing() if state.problem]
    complaints = loaded.complaints(config)
    for state in broken:
        click.secho(f"{state.name} ({state.distribution or state.where}): {state.problem}", fg="red", err=True)
        click.echo(f"  {state.fix}", err=True)
    for complaint in complaints:
        click.secho(complaint, fg="red", err=True)
    if broken or complaints:
        raise SystemExit(1)
    click.echo("All plugins can be used.")


@plugins.command(cls=Command, example="contactsync plugins new --kind owner territory-owner")
@click.option("--kind", type=click.Choice(sorted(KINDS)), required=True, help="What it is to bring.")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="The folder to make it in."
)
@click.argument("name")
def new(kind: str, into: Path, name: str) -> None:
    """Write a small working plugin, with a test, to start from."""
    folder = new_plugin(kind, name, into)
    click.echo(f"{folder} is there. Install it (pip install -e {folder}), then: contactsync plugins list")
