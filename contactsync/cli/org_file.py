"""An org's mapping and policies as one readable file: out of one org, and into another after a look at what it changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.orgs import org
from contactsync.cli.shell import Command, Shell, asking_the_crm, console, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.intake.strict_json import read_json
from contactsync.sync import actions

MOST_BYTES = 1_000_000

_FIRST = ("source", "target", "mode")
_UNSAID: tuple[object, ...] = (None, False, {}, "stop")
"""What a rule says when it was left out."""


@org.command("export", cls=Command, example="contactsync org export acme acme.json")
@click.argument("slug")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), default=Path("-"))
@with_shell
def export(shell: Shell, slug: str, file: Path) -> None:
    """Write an org's mapping and policies to a file (- or nothing: to standard output). It holds no secret.

    `contactsync org import` brings it into another org, such as from the sandbox into production.
    """
    document = actions.export_org(shell.parts, shell.org(slug).id)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise RefusedInput(f"{file} cannot be written ({error.strerror}).") from error
    click.echo(f"Mapping and policies of {slug} are in {file}.")


@org.command("import", cls=Command, example="contactsync org import acme-production acme.json")
@click.argument("slug")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--yes", is_flag=True, help="Apply it without asking, for scripts.")
@with_shell
def import_(shell: Shell, slug: str, file: Path, yes: bool) -> None:
    """Show what a file's mapping and policies would change in an org, ask, and apply it.

    What it changes goes out with each contact's next sync; `contactsync resync <org> --all --only-changed` sends it at once.
    """
    found = shell.org(slug)
    document = _read(file)
    with asking_the_crm():
        changes = actions.import_diff(shell.parts, found.id, document)
    if not changes:
        click.echo(f"{slug} has exactly this already: nothing changes.")
        return
    table = Table("Setting", "Now", "Then", title=f"What changes in {slug}", title_justify="left")
    for path, old, new in (line for change in changes for line in _lines(*change)):
        table.add_row(escape(path), escape(_said(old)), escape(_said(new)))
    console().print(table)
    if not yes and not _agreed(file):
        click.echo("Nothing was changed.")
        raise SystemExit(1)
    with asking_the_crm():
        actions.import_org(shell.parts, found.id, document)
    click.echo(
        f"{slug} has it now. To send it to contacts that are synced: contactsync resync {slug} --all --only-changed"
    )


def _agreed(file: Path) -> bool:
    if str(file) == "-":
        raise RefusedInput("The file came from standard input, so there is nothing to answer with: add --yes.")
    return click.confirm("Apply this?")


def _read(file: Path) -> dict[str, Any]:
    try:
        with click.open_file(str(file), "rb") as opened:
            text = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise RefusedInput(f"{file} cannot be read ({error.strerror}).") from error
    if len(text) > MOST_BYTES:
        raise RefusedInput(f"{file} is larger than 1 MB: no export is.")
    try:
        document = read_json(text)
    except RefusedInput as error:
        said = f"{file} is no JSON that can be taken: write what `contactsync org export` writes."
        raise RefusedInput(said, error.fields) from None
    if not isinstance(document, dict):
        raise RefusedInput(f"{file} holds no JSON object: write what `contactsync org export` writes.")
    return document


def _lines(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """A change of a whole table of names, such as the status map, name by name."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield path, old, new
        return
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield f"{path}.{name}", old.get(name), new.get(name)


def _said(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    if isinstance(value, dict) and "target" in value:
        return _rule_said(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rule_said(rule: Mapping[str, Any]) -> str:
    """A rule as a line: where it writes and when, and what else it says."""
    more = [f"{name}: {_said(value)}" for name, value in rule.items() if name not in _FIRST and value not in _UNSAID]
    return ", ".join([f"to {rule['target'] or 'nothing'}, {rule['mode']}", *more])
