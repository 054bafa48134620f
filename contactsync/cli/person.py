"""One person across everything: exported, erased, let in again. The address is asked for, never an argument."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, line_given, minute, print_json, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.store import erasures
from contactsync.store.engine import reading
from contactsync.store.views_paging import Slice
from contactsync.sync import actions
from contactsync.sync.erasing import Erased

SECONDS = 30.0
PATIENCE = 90.0
"""Longer than the lease of a process that was killed."""


@click.group()
def person() -> None:
    """One person across everything: export, erase, allow again."""


def _email(function: Callable[..., None]) -> Callable[..., None]:
    words = "Always -: the address is asked for, or read from standard input, so that no shell history keeps it."
    return click.option("--email", required=True, metavar="-", help=words)(function)


def _asked_for(email: str) -> str:
    if email != "-":
        raise RefusedInput("Write --email - and type the address when you are asked: a shell keeps what it was told.")
    if sys.stdin.isatty():
        return str(click.prompt("E-mail address", err=True))
    return line_given()


@person.command(cls=Command, example="contactsync person export acme --email - > export.json")
@click.argument("slug")
@_email
@with_shell
def export(shell: Shell, slug: str, email: str) -> None:
    """Print all that is kept of a person, and of nobody else, as one JSON document."""
    org = shell.org(slug)
    print_json(actions.export_person(shell.parts, org.id, _asked_for(email)))


@person.command(cls=Command, example="contactsync person erase acme --email -")
@click.argument("slug")
@_email
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@as_json
@with_shell
def erase(shell: Shell, slug: str, email: str, yes: bool, json_wanted: bool) -> None:
    """Erase a person from all that is kept, and keep them out from then on.

    The CRM is never touched: the records that it holds of the person are listed, this once. May be broken off: the same
    again goes on where it stopped.
    """
    org = shell.org(slug)
    address = _asked_for(email)
    if not yes:
        if not sys.stdin.isatty():
            raise RefusedInput("Nobody is there to ask whether this is meant: add --yes.")
        click.confirm(f"Erase all that {slug} keeps of this person? It cannot be undone", abort=True, err=True)
    done: Erased | None = None
    while done is None:
        try:
            done = actions.erase_person(shell.parts, org.id, address, seconds=SECONDS, patience=PATIENCE)
        except actions.NotFinished as error:
            if error.busy:
                raise
            click.echo("Still at it …", err=True)
    if json_wanted:
        print_json(asdict(done))
        return
    click.echo(
        f"Erased as {done.id}: {_counted(done.removed) or 'nothing of them was kept'}. What names them stays out from now on."
    )
    _print_told(done)


def _counted(removed: Mapping[str, int]) -> str:
    """3 deliveries, 1 contact."""
    words = ((name.replace("_", " "), count) for name, count in removed.items())
    return ", ".join(f"{count:,} {_one_of(name) if count == 1 else name}" for name, count in words)


def _one_of(name: str) -> str:
    first, space, rest = name.partition(" ")  # "webhooks of others" is one "webhook of others"
    return (f"{first[:-3]}y" if first.endswith("ies") else first.removesuffix("s")) + space + rest


def _print_told(done: Erased) -> None:
    if done.crm_records:
        table = Table("Kind", "Id", "Where", "Others' as well")
        for one in done.crm_records:
            table.add_row(
                *map(escape, (one["object"], one["crm_id"], one["url"] or "", "yes" if one["shared"] else ""))
            )
        screen = console()
        screen.print(
            "The CRM holds these. contactsync deletes nothing there; whoever may must. They are not shown again:"
        )
        screen.print(table)
    for words, said in (
        ("Contacts that once had the address and have another now; they were kept", done.other_contacts),
        ("Addresses that the person's contacts once had; if they are theirs, erase them as well", done.other_addresses),
    ):
        if said:
            console().print(escape(f"{words}: {', '.join(said)}"))


@person.command(cls=Command, example="contactsync person allow acme --email -")
@click.argument("slug")
@_email
@with_shell
def allow(shell: Shell, slug: str, email: str) -> None:
    """Let a person who was erased come in again, from the next webhook that names them."""
    org = shell.org(slug)
    lifted = actions.allow_person(shell.parts, org.id, _asked_for(email))
    if lifted is None:
        raise RefusedInput(
            f"Nobody with this address was erased: `contactsync person list {slug}` shows when somebody was."
        )
    click.echo(f"{lifted} is lifted: the person comes in again with the next webhook that names them.")


@person.command("list", cls=Command, example="contactsync person list acme --json")
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@as_json
@with_shell
def list_(shell: Shell, slug: str, limit: int, json_wanted: bool) -> None:
    """Show the erasures of an org, newest first: when, by whom, how much; never who."""
    org = shell.org(slug)
    with reading(shell.parts.engine) as db:
        page = erasures.erasures(db, org.id, Slice(limit))
    if json_wanted:
        print_json(page.items)
        return
    table = Table("Erasure", "Asked for", "By", "State", "Removed")
    for one in page.items:
        state = "unfinished: ask again" if one["finished_at"] is None else "lifted" if one["lifted_at"] else "in force"
        said = (one["id"], minute(one["asked_at"]), one["actor"], state, _counted(one["removed"]))
        table.add_row(*map(escape, said))
    console().print(table if page.items else "Nobody was erased yet.")
