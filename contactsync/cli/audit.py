"""Who changed what by hand."""

from __future__ import annotations

import json

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, minute, print_json, with_shell
from contactsync.store.audit import entries
from contactsync.store.engine import reading
from contactsync.store.views_paging import Slice


@click.command(
    cls=Command,
    example="contactsync audit acme --limit 50\n"
    "contactsync audit          # what was done to the whole installation, such as `keys rotate`",
)
@click.argument("slug", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
@as_json
@with_shell
def audit(shell: Shell, slug: str | None, limit: int, json_wanted: bool) -> None:
    """Show who changed what by hand in an org, newest first: mapping, policies, connection, secrets, tokens, replays, …"""
    org_id = None if slug is None else shell.org(slug).id
    with reading(shell.parts.engine) as db:
        page = entries(db, org_id, Slice(limit))
    if json_wanted:
        print_json(page.items)
        return
    table = Table("When", "Who", "What", "About", "Details")
    for one in page.items:
        details = json.dumps(one["details"], ensure_ascii=False) if one["details"] else ""
        table.add_row(*map(escape, (minute(one["at"]), one["actor"], one["action"], one["about"], details)))
    console().print(table if page.items else "Nothing was changed by hand yet.")
