"""The processes that sync: worker and clock. What only the web process needs is not loaded into them."""

from __future__ import annotations

import click

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.log import set_up_logging
from contactsync.reporting import report_errors
from contactsync.sync.clock import run_clock
from contactsync.sync.worker import run_worker


@click.command(cls=Command, example="contactsync worker")
@click.option("--burst", is_flag=True, help="End when no bell is left.")
@with_shell
def worker(shell: Shell, burst: bool) -> None:
    """Sync orgs as their bells ring. Run as many as you like: one org is synced by one worker at a time."""
    set_up_logging()
    report_errors(shell.settings.reporting, "worker")
    run_worker(shell.parts, burst=burst)


@click.command(cls=Command, example="contactsync clock")
@with_shell
def clock(shell: Shell) -> None:
    """Ring for what is due, and make good what Redis or a dead worker lost. Several may run: one leads."""
    set_up_logging()
    report_errors(shell.settings.reporting, "clock")
    run_clock(shell.parts)
