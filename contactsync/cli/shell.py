"""What every command has at hand: the parts, the org it names, a way to print, and errors that say what to do."""

from __future__ import annotations

import json
import os
import pwd
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.text import Text

from contactsync.bootstrap import build
from contactsync.domain.errors import ContactsyncError, Misconfigured, RefusedInput, TargetError, TargetRefused
from contactsync.settings import Settings
from contactsync.store.engine import migrations_pending, reading, trouble
from contactsync.store.orgs import Org, find_org
from contactsync.sync.parts import Parts

MOST_FIELDS = 50
"""How many wrong parts of an input are shown, one a line."""

_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|[\ud800-\udfff]")
"""What a terminal obeys instead of showing it: control characters, and those that turn the direction of writing."""

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
        return replace(build(self.settings), actor=f"command line ({system_user()})")

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


def system_user() -> str:
    """The operating system's name of who runs this, for the audit log; environment variables could say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # dynos and containers run under numbers that nobody has
        return f"user {os.getuid()}"


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
    click.secho(harmless(f"{error}"), fg="red", err=True)
    fields = getattr(error, "fields", {}).items()
    lines = [(path, line) for path, said in fields for line in ([said] if isinstance(said, str) else said)]
    for path, line in lines[:MOST_FIELDS]:
        click.secho(harmless(f"  {path}: {line}"), err=True)
    if len(lines) > MOST_FIELDS:
        click.secho(f"  … and {len(lines) - MOST_FIELDS:,} more", err=True)


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


def line_given() -> str:
    """A line from standard input, without its end. Raises RefusedInput when it is no text."""
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise RefusedInput("Standard input holds what is no text: write it as UTF-8.") from error


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


def harmless(text: str) -> str:
    """A text that came from others, for a terminal: what would steer it is shown as an escape, such as \\x1b."""
    return _STEERS.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


class _Screen(Console):
    """Shows texts of others without obeying what is in them: names, titles, and values come from anywhere."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(harmless(text), **options)


def console() -> Console:
    """Standard output, wide enough for tables when it is no terminal."""
    return _Screen(width=None if sys.stdout.isatty() else 160, highlight=False)
