"""The group of all commands."""

from __future__ import annotations

import logging
from importlib import import_module

import click

from contactsync import __version__
from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.log import set_up_logging
from contactsync.store.engine import upgrade

_FOUND_IN = {
    "org": "org_file",  # which adds `export` and `import` to what stands in `orgs`
    "event": "events",
    "plugins": "plugins",
    "connect": "connect",
    "disconnect": "disconnect",
    "send": "send",
    "status": "look",
    "doctor": "doctor",
    "problems": "problems",
    "preview": "preview",
    "resync": "resync",
    "runs": "runs",
    "undo": "runs",
    "replay": "replay",
    "audit": "audit",
    "person": "person",
    "user": "user",
    "keys": "keys",
    "web": "web",
    "worker": "run",
    "clock": "run",
    "standin": "practice",
    "demo": "practice",
}
"""The module of contactsync.cli that each command is in."""


class Commands(click.Group):
    """The group of all commands. It loads the one that is called, not what the others need.

    A worker has no use for the console: without it, it starts in half the time and holds a quarter less memory.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, sorted."""
        return sorted({*super().list_commands(ctx), *_FOUND_IN})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; None when none is called so."""
        if cmd_name in _FOUND_IN and cmd_name not in self.commands:
            found = getattr(import_module(f"contactsync.cli.{_FOUND_IN[cmd_name]}"), cmd_name)
            self.add_command(found, cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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
