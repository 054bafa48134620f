"""Look at how an org's sync stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, minute, print_json, with_shell
from contactsync.store import resyncs
from contactsync.store.engine import reading
from contactsync.web.api.shapes import resync_shown, status_shown

KINDS = ("contacts", "events", "meetings")


@click.command(cls=Command, example="contactsync status acme --json")
@click.argument("slug")
@as_json
@with_shell
def status(shell: Shell, slug: str, json_wanted: bool) -> None:
    """Show how an org's sync stands: counts by status, what waits and for how long, the CRM and its budget of calls."""
    org = shell.org(slug)
    stands = status_shown(shell.parts.engine, shell.parts.settings.config.intake, org.id, shell.parts.now())
    with reading(shell.parts.engine) as db:
        running = resyncs.active(db, org.id)
    stands["resync"] = resync_shown(running[0]) if running else None
    if json_wanted:
        print_json(stands)
        return
    table = Table(show_header=False, title=escape(f"{org.slug} ({org.name})"), title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in _lines(stands):
        table.add_row(name, escape(said))
    console().print(table)
    if stands["crm"]["problem"] or any(stands[kind]["needs_attention"] for kind in KINDS):
        console().print(f"What is wrong, and how to fix it: contactsync problems {slug}", markup=False)


def _lines(stands: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = [(kind.capitalize(), _counts(stands[kind])) for kind in KINDS]
    lines.append(("Deliveries", _deliveries(stands["deliveries"])))
    lines += [("Inbox", _inbox(stands["inbox"])), ("Waiting", _waiting(stands))]
    lines.append(("CRM", _crm(stands["crm"])))
    if stands["crm"]["state"] != "none":
        lines.append(("Budget", _budget(stands["crm"])))
    if stands["resync"]:
        running = stands["resync"]
        lines.append(
            ("Resync", f"{running['done']:,} of {running['total']:,} contacts are through ({running['percent']} %)")
        )
    return lines


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {many:,}" for name, many in counts.items() if many) or "none"


def _deliveries(counts: Mapping[str, int]) -> str:
    """Those that were taken in are not counted, so nothing to say of the others is no "none"."""
    return _counts(counts) if any(counts.values()) else "none waits, none was rejected, none failed"


def _inbox(inbox: Mapping[str, Any]) -> str:
    counted = f"{inbox['waiting']:,} of at most {inbox['most_waiting']:,} deliveries wait to be brought in"
    size = f"{inbox['waiting_megabytes']:,} of at most {inbox['most_waiting_megabytes']:,} MiB"
    return f"{'FULL, webhooks are answered 503: ' if inbox['full'] else ''}{counted}, {size}"


def _waiting(stands: Mapping[str, Any]) -> str:
    said = []
    if stands["oldest_due_seconds"] is not None:
        said.append(f"the longest due has been due for {_long(stands['oldest_due_seconds'])}")
    if stands["oldest_waiting_seconds"] is not None:
        said.append(f"the oldest delivery has waited for {_long(stands['oldest_waiting_seconds'])}")
    return "; ".join(said) or "nothing"


def _crm(crm: Mapping[str, Any]) -> str:
    if crm["state"] == "none":
        return "not connected"
    problem = crm["problem"]
    why = f": {problem['cause']}" if problem else ""
    if crm["state"] == "paused":
        return f"{crm['target']}, paused until {minute(crm['paused_until'])}{why}"
    if crm["state"] == "stopped":
        return f"{crm['target']}, stopped{why} {problem['fix']} ({problem['who']})"
    return f"{crm['target']}, ready"


def _budget(crm: Mapping[str, Any]) -> str:
    ours = f"{crm['calls']:,} calls made by contactsync over this connection"
    if crm["budget_used"] is None or crm["budget_limit"] is None:
        return f"not known yet; {ours}"
    kept = f", {crm['reserve_percent']}% kept for other tools" if crm["reserve_percent"] else ""
    return f"{crm['budget_used']:,} of {crm['budget_limit']:,} calls used in the last 24 hours{kept}; {ours}"


def _long(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
