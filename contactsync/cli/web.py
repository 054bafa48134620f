"""The process that browsers and event platforms meet."""

from __future__ import annotations

import click

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.log import set_up_logging
from contactsync.reporting import report_errors
from contactsync.web.server import run_web


@click.command(cls=Command, example="PORT=8000 WEB_CONCURRENCY=2 contactsync web")
@with_shell
def web(shell: Shell) -> None:
    """Take webhooks in and answer the API: gunicorn on PORT, with WEB_CONCURRENCY processes."""
    set_up_logging()
    report_errors(shell.settings.reporting, "web")
    run_web(shell.parts)
