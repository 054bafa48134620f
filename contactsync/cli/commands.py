"""The group of all commands."""

from __future__ import annotations

import logging

import click

from contactsync import __version__
from contactsync.cli import org_file  # noqa: F401 - adds `org export` and `org import`
from contactsync.cli.audit import audit
from contactsync.cli.connect import connect
from contactsync.cli.disconnect import disconnect
from contactsync.cli.doctor import doctor
from contactsync.cli.events import event
from contactsync.cli.keys import keys
from contactsync.cli.look import status
from contactsync.cli.orgs import org
from contactsync.cli.person import person
from contactsync.cli.plugins import plugins
from contactsync.cli.preview import preview
from contactsync.cli.problems import problems
from contactsync.cli.replay import replay
from contactsync.cli.resync import resync
from contactsync.cli.run import COMMANDS
from contactsync.cli.runs import runs, undo
from contactsync.cli.send import send
from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.cli.user import user
from contactsync.log import set_up_logging
from contactsync.store.engine import upgrade


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="contactsync")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Bring the contacts and meetings of events into Salesforce: signed webhooks in, one way, without duplicates.

    Where things are comes from the environment: DATABASE_URL (default: SQLite under var/), REDIS_URL (default: one of
    its own under var/), CONTACTSYNC_SECRET_KEYS (encrypts credentials), CONTACTSYNC_CONFIG,
    CONTACTSYNC_BASE_URL (where browsers find contactsync), PORT, WEB_CONCURRENCY.
    """
    set_up_logging(level=logging.WARNING)  # the processes, whose log is what they are for, set it up anew
    ctx.obj = Shell()


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade", cls=Command, example="contactsync db upgrade")
@with_shell
def db_upgrade(shell: Shell) -> None:
    """Bring the database to this version's schema; safe to run at every start, and by several processes at once."""
    upgrade(shell.unmigrated_parts.engine)
    click.echo("The database is up to date.")


for command in (
    org,
    event,
    plugins,
    connect,
    disconnect,
    send,
    status,
    doctor,
    problems,
    preview,
    resync,
    runs,
    undo,
    replay,
    audit,
    person,
    user,
    keys,
    *COMMANDS,
):
    main.add_command(command)
