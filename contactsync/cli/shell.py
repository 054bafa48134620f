"""What every command has at hand: the parts, the org it names, a way to print, and errors that say what to do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console

from contactsync.bootstrap import build
from contactsync.domain.errors import ContactsyncError, Misconfigured, RefusedInput, TargetError, TargetRefused
from contactsync.settings import Settings
from contactsync.store.engine import migrations_pending, reading, trouble
from contactsync.store.orgs import Org, find_org
from contactsync.sync.parts import Parts

Taken = ParamSpec("Taken")
Given = TypeVar("Given")


class Shell:
    """One run of the command line. Nothing is read or opened before a command asks for it."""

    @cached_property
    def settings(self) -> Settings:
        """What the environment says. Raises Misconfigured."""
        return Settings.from_environment(os.environ)

    @cached_property
    def unmigrated_parts(self) -> Parts:
        """The parts, whatever state the database is in."""
        return build(self.settings)

    @cached_property
    def parts(self) -> Parts:
        """The parts, with a database of this version's schema."""
        parts = self.unmigrated_parts
        if migrations_pending(parts.engine):
            raise RefusedInput("The database has not been set up for this version: run `contactsync db upgrade` first.")
        return parts

    def org(self, slug: str) -> Org:
        """The org that a command names."""
        with reading(self.parts.engine) as db:
            org = find_org(db, slug)
        if org is None:
            raise RefusedInput(f"There is no org {slug!r}: `contactsync org list` shows them, `org add` makes one.")
        return org


class Command(click.Command):
    """A command that turns errors into one sentence that says what to do, and whose help keeps its examples' lines."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._example = options.pop("example", "")
        super().__init__(*args, **options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Show the example as it is to be typed."""
        if self._example:
            with formatter.section("Example"):
                for line in self._example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; an error of ours ends with exit status 2 and its message, without a traceback."""
        try:
            return super().invoke(ctx)
        except ContactsyncError as error:
            complain(error)
            sys.exit(2)
        except Exception as error:
            said = trouble(error)
            if said is None:
                raise
            complain(Misconfigured(said))
            sys.exit(2)


def complain(error: ContactsyncError) -> None:
    """Say on standard error what is wrong and what to do about it."""
    click.secho(f"{error}", fg="red", err=True)
    for path, message in getattr(error, "fields", {}).items():
        for line in [message] if isinstance(message, str) else message:
            click.secho(f"  {path}: {line}", err=True)


def as_json(function: Callable[Taken, Given]) -> Callable[Taken, Given]:
    """The option --json."""
    return click.option("--json", "json_wanted", is_flag=True, help="Print JSON, for scripts.")(function)


def with_shell(function: Callable[..., Given]) -> Callable[..., Given]:
    """Hand the shell to a command as its first argument."""

    @click.pass_obj
    @wraps(function)
    def command(shell: Shell, /, *args: Any, **options: Any) -> Given:
        return function(shell, *args, **options)

    return command


@contextmanager
def asking_the_crm() -> Iterator[None]:
    """Around what asks the CRM: when it cannot be used, say why, what to do, and who can."""
    try:
        yield
    except TargetRefused as error:
        problem = error.problem
        raise RefusedInput(f"The CRM refuses: {problem.cause} {problem.fix} (for: {problem.who})") from error
    except TargetError as error:
        raise RefusedInput(f"The CRM cannot be asked now: {error}") from error


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    """Times as the API writes them."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def minute(time: datetime | str) -> str:
    """A time for people: 2026-11-24 09:00 UTC."""
    read = datetime.fromisoformat(time) if isinstance(time, str) else time
    return read.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def console() -> Console:
    """Standard output, wide enough for tables when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)
