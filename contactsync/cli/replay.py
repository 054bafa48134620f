"""Have old deliveries absorbed once more."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

import click

from contactsync.cli.filters import MOMENT
from contactsync.cli.shell import Command, Shell, as_json, console, print_json, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.intake.schemas import DOORS
from contactsync.store.replays import ReplayFilter
from contactsync.store.retention import SETTLED
from contactsync.sync import actions
from contactsync.sync.replaying import Replayed

LOOK_SECONDS = 0.5
NOTHING_MOVES_SECONDS = 30.0
COUNTS = ("replayed", "waiting", "gone", "unreadable")


@click.command(
    cls=Command,
    example="contactsync replay acme dlv_17 dlv_18\n"
    "contactsync replay acme --status failed --dry-run        # how many would go?\n"
    "contactsync replay acme --since 2026-11-20 --until 2026-11-24T09:00:00Z",
)
@click.argument("slug")
@click.argument("ids", nargs=-1, metavar="[ID]…")
@click.option("--status", type=click.Choice(SETTLED), help="Those with this status (default: any of them).")
@click.option("--door", type=click.Choice(tuple(DOORS)), help="Those that arrived here.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Those that arrived at this time or later (2026-11-24).")
@click.option("--until", type=MOMENT, metavar="TIME", help="Those that arrived before this time.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@as_json
@with_shell
def replay(
    shell: Shell,
    slug: str,
    *,
    ids: tuple[str, ...],
    status: str | None,
    door: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    json_wanted: bool,
) -> None:
    """Have deliveries absorbed once more, and what they name looked at again: those with these IDs, or all that fit.

    Nothing newer is overwritten, and what has not changed costs no call to the CRM. They go behind what has just arrived.
    After Ctrl-C the same command goes on. Ends with exit status 1 when some could not be replayed.
    """
    org = shell.org(slug)
    chosen = any((status, door, since, until))
    if bool(ids) == chosen:
        raise RefusedInput("Say which deliveries: their ids, or --status, --door, --since and --until; not both.")
    if ids:
        which = ReplayFilter(ids=tuple(dict.fromkeys(ids)))
    else:
        # What arrives meanwhile is no part of it, or a range that goes on until now would never end.
        which = ReplayFilter(status, door, since, until or shell.parts.now())
    total = _through(shell, org.id, which, dry_run=dry_run)
    if total.missing:
        raise RefusedInput(f"{slug} has no delivery {', '.join(total.missing)}; the others were gone through.")
    if json_wanted:
        print_json({"dry_run": dry_run, **{name: getattr(total, name) for name in COUNTS}})
    else:
        _say(total, dry_run=dry_run)
    if total.gone or total.unreadable:
        raise SystemExit(1)


def _through(shell: Shell, org_id: int, which: ReplayFilter, *, dry_run: bool) -> Replayed:
    """All that a filter takes, some at a time: as fast as workers absorb it, once so much waits."""
    total, after, waited, said = Replayed(), 0, 0.0, False
    while True:
        try:
            done = actions.replay(shell.parts, org_id, which, after, dry_run=dry_run)
        except actions.NoRoom:
            if not said:
                said = True
                click.echo(f"{total.replayed:,} replayed so far. Waiting until workers have absorbed some…", err=True)
            if waited > NOTHING_MOVES_SECONDS:
                raise RefusedInput(
                    f"{total.replayed:,} were replayed, then nothing moved: is a worker running (contactsync worker)? "
                    "The same command goes on."
                ) from None
            time.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            continue
        waited = 0.0
        counted = {name: getattr(total, name) + getattr(done, name) for name in COUNTS}
        total = replace(total, **counted, missing=(*total.missing, *done.missing))
        if done.next is None:
            return total
        after = done.next


def _say(total: Replayed, *, dry_run: bool) -> None:
    screen = console()
    words = {1: "1 delivery"}.get(total.replayed, f"{total.replayed:,} deliveries")
    screen.print(f"{words} would be replayed." if dry_run else f"{words} replayed.")
    if total.waiting:
        screen.print(f"{total.waiting:,} waited already.")
    if total.gone:
        screen.print(
            f"{total.gone:,} cannot be: their bodies were removed, by retention or an erasure. Have them sent again."
        )
    if total.unreadable:
        screen.print(f"{total.unreadable:,} were rejected and cannot be read now either: `GET deliveries` says why.")
