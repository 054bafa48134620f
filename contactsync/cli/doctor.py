"""Is everything well? And if not, what is to be done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from contactsync.cli.shell import Command, Shell, as_json, console, harmless, print_json, with_shell
from contactsync.domain.checkup import findings, worst
from contactsync.domain.errors import Misconfigured
from contactsync.domain.facts import Finding, Level, many
from contactsync.log import set_up_logging
from contactsync.sync.examining import examine

MARKS = {Level.OK: ("✓", "green"), Level.WARN: ("!", "yellow"), Level.RED: ("✗", "bold red")}


@click.command(cls=Command, example="contactsync doctor\ncontactsync doctor acme --json")
@click.argument("slug", required=False)
@as_json
@with_shell
def doctor(shell: Shell, slug: str | None, json_wanted: bool) -> None:
    """Check everything that the sync needs, for all orgs or for one, and say for what is not well what to do.

    Settings, database, migrations, keys, Redis, clock, workers, plugins; for each org its connection, sign-in and
    permissions (the CRM is asked), budget of calls, secrets, tokens, what waits and for how long. Works when any of them is
    away. Exit status 1 when something is red: somebody must act now.
    """
    set_up_logging(level=logging.CRITICAL)  # what is logged meanwhile is among the lines, and said better there
    try:
        found = findings(examine(shell.unmigrated_parts, slug))
    except Misconfigured as error:
        do = "Nothing else could be checked: put this right first."
        found = (Finding("configuration", Level.RED, str(error), do),)
    level = worst(found)
    if json_wanted:
        print_json({"level": level.value, "findings": [asdict(one) for one in found]})
    else:
        _show(found)
    if level is Level.RED:
        raise SystemExit(1)


def _show(found: Sequence[Finding]) -> None:
    """Of several orgs only what is not well: at night nobody reads hundreds of good lines."""
    screen = console()
    orgs = {one.org for one in found if one.org is not None}
    troubled = {one.org for one in found if one.level is not Level.OK}
    for org, lines in groupby(found, lambda one: one.org):
        several = org is not None and len(orgs) > 1
        shown = [one for one in lines if not several or one.level is not Level.OK]
        if shown:
            screen.print(Text(harmless(org or "contactsync"), style="bold"))
            screen.print(Padding(_table(shown), (0, 0, 1, 2)))
    if len(orgs) > 1 and (well := len(orgs - troubled)):
        screen.print(f"{many(well, 'org')} more: all is well.")
    screen.print(_in_all(found), style=MARKS[worst(found)][1])


def _table(lines: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in lines:
        mark, style = MARKS[one.level]
        says = Text(harmless(one.says))
        if one.do:
            says.append(f"\n→ {harmless(one.do)}", style="dim" if one.level is Level.WARN else "")
        table.add_row(Text(mark, style=style), one.check, says)
    return table


def _in_all(found: Sequence[Finding]) -> str:
    reds = sum(one.level is Level.RED for one in found)
    warnings = sum(one.level is Level.WARN for one in found)
    if not reds and not warnings:
        return "All is well."
    said = [f"{reds} must be acted on now"] * bool(reds) + [f"{warnings} should be looked at"] * bool(warnings)
    return f"{', '.join(said)}."
