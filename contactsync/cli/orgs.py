"""Orgs, their webhook secrets, API tokens and connections."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, print_json, with_shell
from contactsync.store import orgs as stored
from contactsync.store.audit import Audited, note
from contactsync.store.connections import present
from contactsync.store.engine import reading, writing
from contactsync.store.orgs import Issued
from contactsync.sync import actions

NUMBER = click.IntRange(1, 2**31 - 1)


class Hours(click.FloatRange):
    """A number of hours within limits; "nan" is within none, though it compares so."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        hours = super().convert(value, param, ctx)
        if math.isnan(hours):
            self.fail(f"{value!r} is not a number of hours.", param, ctx)
        return hours


@click.group()
def org() -> None:
    """Orgs: the customers of the event platform."""


@org.command(cls=Command, example='contactsync org add acme --name "Acme Events" --json')
@click.argument("slug")
@click.option("--name", help="What people call it (default: the slug).")
@as_json
@with_shell
def add(shell: Shell, slug: str, name: str | None, json_wanted: bool) -> None:
    """Make an org, with a webhook secret and an API token: both are shown this once."""
    now = shell.parts.now()
    with writing(shell.parts.engine) as db:
        made = stored.add_org(db, slug, name or slug, now)
        secret_id, secret = stored.add_secret(db, shell.parts.vault, made.id, now)
        token_id, token = stored.add_token(db, made.id, "made with the org", now)
        said = {"name": made.name, "secret": secret_id, "token": token_id}
        note(db, made.id, shell.parts.actor, Audited.ORG_ADDED, now, about=made.slug, details=said)
    if json_wanted:
        print_json({"org": made.slug, "webhook_secret": secret, "api_token": token})
        return
    click.echo(f"Org {made.slug} ({made.name}) is there. Keep these two: they are not shown again.")
    click.echo(f"  webhook secret  {secret}\n  API token       {token}")
    doors = [f"/webhooks/{made.slug}/{door}" for door in ("contacts", "events", "meetings")]
    click.echo(f"Its webhooks go to {', '.join(doors)}.")
    click.echo(f"Next: contactsync connect {made.slug} --help")


@org.command("list", cls=Command, example="contactsync org list --json")
@as_json
@with_shell
def list_(shell: Shell, json_wanted: bool) -> None:
    """Show all orgs."""
    with reading(shell.parts.engine) as db:
        rows = [(one, present(db, one.id)) for one in stored.list_orgs(db)]
    if json_wanted:
        print_json([{"org": one.slug, "name": one.name, "target": row.target if row else None} for one, row in rows])
        return
    table = Table("Org", "Name", "Connected to")
    for one, row in rows:
        table.add_row(
            one.slug, one.name, f"{row.target} {row.settings.get('instance_url', '')}" if row else "nothing yet"
        )
    console().print(table if rows else "No org yet: contactsync org add <slug> makes one.")


@org.command(cls=Command, example="contactsync org show acme")
@click.argument("slug")
@as_json
@with_shell
def show(shell: Shell, slug: str, json_wanted: bool) -> None:
    """Show an org: its connection, secrets and tokens (never what they are)."""
    found = shell.org(slug)
    with reading(shell.parts.engine) as db:
        connection = present(db, found.id)
        secrets, tokens = stored.list_secrets(db, found.id), stored.list_tokens(db, found.id)
    now = shell.parts.now()
    if json_wanted:
        print_json(
            {
                "org": found.slug,
                "name": found.name,
                "connection": {"target": connection.target, **connection.settings} if connection else None,
                "secrets": [_issued(one, now) for one in secrets],
                "tokens": [_issued(one, now) for one in tokens],
            }
        )
        return
    click.echo(f"{found.slug} ({found.name})")
    if connection is None:
        click.echo(f"Not connected: contactsync connect {found.slug} --help")
    else:
        click.echo(
            f"Connected to {connection.target}: " + ", ".join(f"{k} {v}" for k, v in connection.settings.items())
        )
    _print_issued("Webhook secrets", secrets, now)
    _print_issued("API tokens", tokens, now)


@org.group()
def secret() -> None:
    """Webhook secrets: several at once, so that one can be replaced without losing a webhook."""


@org.group()
def token() -> None:
    """API tokens: each for one org, shown once."""


def _expiry(function: Callable[..., None]) -> Callable[..., None]:
    text = "Stop taking it after so many days (default: never)."
    return click.option("--expires-in-days", type=click.IntRange(1, 3650), help=text)(function)


@secret.command("add", cls=Command, example="contactsync org secret add acme")
@click.argument("slug")
@_expiry
@as_json
@with_shell
def secret_add(shell: Shell, slug: str, expires_in_days: int | None, json_wanted: bool) -> None:
    """Make another webhook secret; the present ones stay good until they are revoked."""
    made = actions.add_secret(shell.parts, shell.org(slug).id, days=expires_in_days)
    if json_wanted:
        print_json({"id": made.number, "webhook_secret": made.secret})
    else:
        click.echo(f"Webhook secret {made.number}, shown this once:\n  {made.secret}")


@secret.command("list", cls=Command, example="contactsync org secret list acme")
@click.argument("slug")
@as_json
@with_shell
def secret_list(shell: Shell, slug: str, json_wanted: bool) -> None:
    """Show an org's webhook secrets, without what they are."""
    found = shell.org(slug)
    with reading(shell.parts.engine) as db:
        _print_list(stored.list_secrets(db, found.id), "Webhook secrets", shell.parts.now(), json_wanted=json_wanted)


@secret.command("revoke", cls=Command, example="contactsync org secret revoke acme 1 --in-hours 24")
@click.argument("slug")
@click.argument("number", type=NUMBER)
@click.option("--in-hours", type=Hours(0, 8760), default=0.0, help="Let it overlap with its successor for so long.")
@with_shell
def secret_revoke(shell: Shell, slug: str, number: int, in_hours: float) -> None:
    """Stop taking a webhook secret; web processes notice within two seconds."""
    actions.revoke_secret(shell.parts, shell.org(slug).id, number, in_hours=in_hours)
    click.echo(
        f"Webhook secret {number} of {slug} is " + (f"good for {in_hours:g} more hours." if in_hours else "revoked.")
    )


@token.command(
    "add", cls=Command, example="contactsync org token add acme --label reporting --read-only --expires-in-days 90"
)
@click.argument("slug")
@click.option("--label", default="", help="What it is for; the audit log shows it with what the token did.")
@click.option("--read-only", is_flag=True, help="It sees everything and changes nothing.")
@_expiry
@as_json
@with_shell
def token_add(
    shell: Shell, slug: str, *, label: str, read_only: bool, expires_in_days: int | None, json_wanted: bool
) -> None:
    """Make an API token."""
    org_id = shell.org(slug).id
    made = actions.add_token(shell.parts, org_id, label, read_only=read_only, days=expires_in_days)
    if json_wanted:
        print_json({"id": made.number, "api_token": made.secret, "read_only": read_only})
    else:
        click.echo(f"API token {made.number}{' (read-only)' if read_only else ''}, shown this once:\n  {made.secret}")


@token.command("list", cls=Command, example="contactsync org token list acme")
@click.argument("slug")
@as_json
@with_shell
def token_list(shell: Shell, slug: str, json_wanted: bool) -> None:
    """Show an org's API tokens, without what they are."""
    found = shell.org(slug)
    with reading(shell.parts.engine) as db:
        _print_list(stored.list_tokens(db, found.id), "API tokens", shell.parts.now(), json_wanted=json_wanted)


@token.command("revoke", cls=Command, example="contactsync org token revoke acme 2")
@click.argument("slug")
@click.argument("number", type=NUMBER)
@with_shell
def token_revoke(shell: Shell, slug: str, number: int) -> None:
    """Stop taking an API token, at once."""
    actions.revoke_token(shell.parts, shell.org(slug).id, number)
    click.echo(f"API token {number} of {slug} is revoked.")


def _issued(one: Issued, now: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "label": one.label,
        "active": one.active(now),
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat() if one.expires_at else None,
        "revoked_at": one.revoked_at.isoformat() if one.revoked_at else None,
        "read_only": one.read_only,
    }


def _print_list(issued: tuple[Issued, ...], title: str, now: datetime, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json([_issued(one, now) for one in issued])
    else:
        _print_issued(title, issued, now)


def _print_issued(title: str, issued: tuple[Issued, ...], now: datetime) -> None:
    table = Table("Number", "Label", "Made", "State", title=title, title_justify="left")
    for one in issued:
        state = "active" if one.active(now) else "ended"
        may = ", read-only" if one.read_only else ""
        table.add_row(str(one.id), escape(one.label), _minute(one.created_at), state + may)
    console().print(table)


def _minute(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
