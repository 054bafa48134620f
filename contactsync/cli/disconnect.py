"""`disconnect`: an org that parts from its CRM."""

from __future__ import annotations

import sys

import click

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.store.connections import present
from contactsync.store.engine import reading
from contactsync.sync import actions


@click.command(
    cls=Command,
    example="contactsync disconnect acme                 # asks whether it is meant\ncontactsync disconnect acme --yes",
)
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@with_shell
def disconnect(shell: Shell, slug: str, yes: bool) -> None:
    """Part an org from its CRM: its credentials are forgotten, and nothing is sent any more.

    What comes in waits. Records of the CRM stay as they are; connecting to the same CRM again goes on where it was.
    """
    org = shell.org(slug)
    with reading(shell.parts.engine) as db:
        row = present(db, org.id)
    if row is None:
        raise RefusedInput(f"{slug} is not connected to a CRM: there is nothing to disconnect.")
    if not yes:
        if not sys.stdin.isatty():
            raise RefusedInput("Nobody is there to ask whether this is meant: add --yes.")
        click.confirm(f"Disconnect {slug} from {row.target}?", abort=True)
    actions.disconnect(shell.parts, org.id)
    click.echo(f"{slug} is disconnected: what comes in waits until it is connected again.")
