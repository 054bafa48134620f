"""Users of the console: letting in, roles, links to choose a password."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, line_given, minute, print_json, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.store import invitations, users
from contactsync.store.engine import reading
from contactsync.store.orgs import Org
from contactsync.store.users import User
from contactsync.sync import access, entering
from contactsync.sync.access import LetIn, link_url

ROLES = click.Choice([role.value for role in Role])


@click.group()
def user() -> None:
    """Users of the console: who may sign in, and what they may do in which org."""


@user.command(
    cls=Command,
    example='contactsync user add ana@example.com --org acme --role editor --name "Ana Lovelace"\n'
    "contactsync user add chief@example.com --operator     # makes orgs, and is admin in all",
)
@click.argument("email")
@click.option("--org", "slug", help="The org they belong to.")
@click.option("--role", type=ROLES, default=Role.VIEWER.value, show_default=True, help="What they may do there.")
@click.option("--name", default="", help="What people call them.")
@click.option("--operator", is_flag=True, help="They make orgs, and act as admin in all of them.")
@as_json
@with_shell
def add(shell: Shell, email: str, *, slug: str | None, role: str, name: str, operator: bool, json_wanted: bool) -> None:
    """Let somebody in: prints a link by which they choose a password, good once and for seven days."""
    if operator == (slug is not None):
        raise RefusedInput("Say either --org with the org they belong to, or --operator.")
    if slug is None:
        made = access.add_user(shell.parts, email, name, operator=True)
    else:
        made = access.let_in(shell.parts, shell.org(slug).id, email, Role(role), name=name)
    _show_link(shell, made, json_wanted=json_wanted)


@user.command("list", cls=Command, example="contactsync user list acme\ncontactsync user list --json")
@click.argument("slug", required=False)
@as_json
@with_shell
def list_(shell: Shell, slug: str | None, json_wanted: bool) -> None:
    """Show the users of an org, or all with the orgs that each may enter."""
    org = shell.org(slug) if slug is not None else None
    rows = _rows(shell, org)
    if json_wanted:
        print_json(rows)
        return
    table = Table("E-mail", "Name", "Operator", "State", "Roles")
    for row in rows:
        roles = ", ".join(f"{org}: {role}" for org, role in row["roles"].items())
        state = "disabled" if row["disabled"] else "active" if row["ready"] else "has not signed in"
        table.add_row(escape(row["email"]), escape(row["name"]), "yes" if row["operator"] else "", state, roles)
    console().print(table if rows else "No user yet: contactsync user add <e-mail address> --operator makes the first.")


@user.command(
    cls=Command,
    example="contactsync user role ana@example.com acme admin\n"
    "contactsync user role ana@example.com acme none      # out of the org",
)
@click.argument("email")
@click.argument("slug")
@click.argument("role", type=click.Choice([*ROLES.choices, "none"]))
@with_shell
def role(shell: Shell, email: str, slug: str, role: str) -> None:
    """Give a user a role in an org, or none any more. An org's last admin stays."""
    org = shell.org(slug)
    found = _user(shell, email)
    access.change_role(shell.parts, org.id, found.id, None if role == "none" else Role(role))
    click.echo(f"{found.email} is no longer in {slug}." if role == "none" else f"{found.email}: {role} of {slug}.")
    _say_link_is_over(shell, found)


@user.command(
    cls=Command, example="contactsync user operator ana@example.com\ncontactsync user operator ana@example.com --no"
)
@click.argument("email")
@click.option("--no", "not_any_more", is_flag=True, help="Not any more.")
@with_shell
def operator(shell: Shell, email: str, *, not_any_more: bool) -> None:
    """Make a user an operator, who makes orgs and acts as admin in all. The last one stays. Links to choose a password that
    were given out before are good no more: the user's own, or with --no those of everybody.
    """
    found = _user(shell, email)
    access.set_operator(shell.parts, found.id, operator=not not_any_more)
    click.echo(f"{found.email} is {'no longer' if not_any_more else 'now'} an operator.")
    _say_link_is_over(shell, found)


@user.command(cls=Command, example="contactsync user invite ana@example.com")
@click.argument("email")
@as_json
@with_shell
def invite(shell: Shell, email: str, json_wanted: bool) -> None:
    """Print another link to choose a password with, for who lost theirs; the links before are good no more."""
    _show_link(shell, access.new_link(shell.parts, _user(shell, email).id), json_wanted=json_wanted)


@user.command(cls=Command, example="contactsync user password ana@example.com")
@click.argument("email")
@with_shell
def password(shell: Shell, email: str) -> None:
    """Set a user's password: it is asked for, or read from standard input. Signs them out everywhere."""
    found = _user(shell, email)
    if sys.stdin.isatty():
        chosen = str(click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        chosen = line_given()
    entering.set_password(shell.parts, found.id, chosen)
    click.echo(f"{found.email} has a new password.")


def _switch(name: str, act: Callable[..., None], help_text: str, done: str) -> None:
    @user.command(name, cls=Command, help=help_text, example=f"contactsync user {name} ana@example.com")
    @click.argument("email")
    @with_shell
    def switch(shell: Shell, email: str) -> None:
        found = _user(shell, email)
        act(shell.parts, found.id)
        click.echo(f"{found.email} {done}")


_switch(
    "disable",
    access.disable,
    "Let a user sign in no more, and sign them out everywhere. The last admin of an org and the last operator stay.",
    "is signed out everywhere and cannot sign in any more.",
)
_switch("enable", access.enable, "Let a disabled user sign in again.", "may sign in again.")


def _user(shell: Shell, email: str) -> User:
    with reading(shell.parts.engine) as db:
        found = users.find_user(db, email)
    if found is None:
        raise RefusedInput(
            "There is no user with this address: `contactsync user list` shows them, `user add` makes one."
        )
    return found


def _say_link_is_over(shell: Shell, user: User) -> None:
    """Who is given more than their link was made for needs another, if they have not come in yet."""
    with reading(shell.parts.engine) as db:
        waiting = not users.is_ready(db, user.id) and not invitations.is_invited(db, user.id, shell.parts.now())
    if waiting:
        click.echo(f"They have no password, and no link to choose one with: contactsync user invite {user.email}")


def _rows(shell: Shell, org: Org | None) -> list[dict[str, Any]]:
    with reading(shell.parts.engine) as db:
        wanted = users.users(db) if org is None else tuple(one.user for one in users.members(db, org.id))
        roles, ready = users.roles_by_user(db), users.ready_ids(db)
    return [
        {
            "email": one.email,
            "name": one.name,
            "operator": one.operator,
            "disabled": one.disabled,
            "ready": one.id in ready,
            "roles": {
                slug: role.value for slug, role in roles.get(one.id, {}).items() if org is None or slug == org.slug
            },
        }
        for one in wanted
    ]


def _show_link(shell: Shell, made: LetIn, *, json_wanted: bool) -> None:
    settings = shell.parts.settings
    link = made.link and link_url(settings.base_url or f"http://localhost:{settings.port}", made.link)
    if json_wanted:
        print_json({"email": made.user.email, "link": link, "until": made.until})
    elif link is None or made.until is None:
        click.echo(f"{made.user.email} has signed in before, and goes on as before.")
    else:
        click.echo(
            f"Give {made.user.email} this link, which is shown this once; it is good once, until {minute(made.until)}:"
        )
        click.echo(f"  {link}")
