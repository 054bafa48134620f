"""Have contacts go again, and watch how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from contactsync.cli.filters import filter_of, filter_options
from contactsync.cli.shell import Command, Shell, as_json, console, minute, print_json, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.store import resyncs
from contactsync.store.engine import reading
from contactsync.store.orgs import Org
from contactsync.store.views import org_status
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.shapes import resync_shown, shown_number

LOOK_SECONDS = 0.5
NOTHING_MOVES_SECONDS = 20.0
_STATES = {"running": "runs", "finished": "is finished", "cancelled": "was cancelled"}


@click.command(
    cls=Command,
    example="contactsync resync acme --event ev-9\n"
    "contactsync resync acme --status needs_attention --no-watch\n"
    "contactsync resync acme --all --only-changed     # after a change of the mapping\n"
    "contactsync resync acme                          # how far is the one that runs?",
)
@click.argument("slug")
@click.option("--contact", "contacts", multiple=True, help="This contact (the event platform's id); may be repeated.")
@filter_options
@click.option(
    "--only-changed",
    is_flag=True,
    help="Only those for which something, also the mapping or a policy, changed since their last sync.",
)
@click.option("--watch/--no-watch", default=True, show_default=True, help="Show how far it is until it is through.")
@click.option("--cancel", is_flag=True, help="End the one that runs; what has been in its turn stays done.")
@as_json
@with_shell
def resync(
    shell: Shell,
    slug: str,
    *,
    contacts: tuple[str, ...],
    only_changed: bool,
    watch: bool,
    cancel: bool,
    json_wanted: bool,
    **chosen: Any,
) -> None:
    """Have all contacts that fit a filter go again, as fast as the CRM's budget of calls allows.

    It goes on without this command, also after Ctrl-C and after a restart; without a filter the one that runs is shown.
    """
    org = shell.org(slug)
    filtered = bool(contacts) or any(value for value in chosen.values())
    running = None if filtered else _running(shell, org.id)
    if cancel:
        if running is None:
            raise RefusedInput(f"No resync of {slug} is running. To cancel one write --cancel alone, without a filter.")
        actions.cancel_resync(shell.parts, org.id, running)
        _say(_progress(shell, org.id, running), json_wanted=json_wanted)
        return
    if filtered:
        which = filter_of(contacts, chosen)
        number = actions.start_resync(shell.parts, org.id, which, forced=not only_changed)
    elif running is not None:
        number = running
    else:
        raise RefusedInput(
            f"No resync of {slug} is running. To begin one say which contacts: --event, --status, --problem, --since, "
            "--until, --contact, or --all for every one."
        )
    if watch and not json_wanted:
        _watch(shell, org, number)
    else:
        _say(_progress(shell, org.id, number), json_wanted=json_wanted)


def _running(shell: Shell, org_id: int) -> int | None:
    """The newest one that is not through."""
    with reading(shell.parts.engine) as db:
        newest = resyncs.resyncs(db, org_id, 20)
    return next((one.id for one in newest if resync_shown(one)["state"] == "running"), None)


def _progress(shell: Shell, org_id: int, number: int) -> Record:
    with reading(shell.parts.engine) as db:
        found = resyncs.progress(db, org_id, number)
    if found is None:
        raise RefusedInput("The resync is not there any more.")
    return resync_shown(found)


def _say(stands: Record, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(stands)
        return
    through = f"{stands['done']:,} of {stands['total']:,} contacts are through"
    console().print(f"Resync {stands['id']} {_STATES[stands['state']]}: {through} ({stands['percent']} %).")


def _watch(shell: Shell, org: Org, number: int) -> None:
    screen = console()
    columns = (
        TextColumn("Resync"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    screen.print(f"Resync {shown_number(number)}: Ctrl-C only ends the watching, it goes on by itself.", style="dim")
    try:
        with Progress(*columns, console=screen) as bar:
            task = bar.add_task("Resync", total=None, said="")

            def tell(now: Record, said: str) -> None:
                bar.update(task, total=max(now["total"], 1), completed=now["done"] if now["total"] else 1, said=said)

            stands = _until_through(shell, org.id, number, tell)
    except KeyboardInterrupt:
        screen.print(f"It goes on without being watched: contactsync resync {org.slug} shows how far it is.")
        return
    _say(stands, json_wanted=False)
    held = _contacts_held(shell, org.id)
    if held:
        screen.print(f"{held_words(held)}: contactsync problems {org.slug}")


def _contacts_held(shell: Shell, org_id: int) -> int:
    with reading(shell.parts.engine) as db:
        return int(org_status(db, org_id, shell.parts.now())["contacts"]["needs_attention"])


def _until_through(shell: Shell, org_id: int, number: int, tell: Callable[[Record, str], object]) -> Record:
    """Look again and again until it is through; says why when nothing moves."""
    moved_at, last = time.monotonic(), -1
    while True:
        stands = _progress(shell, org_id, number)
        if stands["done"] != last:
            moved_at, last = time.monotonic(), stands["done"]
        if stands["state"] != "running":
            tell(stands, "")
            return stands
        tell(stands, _why_nothing_moves(shell, org_id, time.monotonic() - moved_at))
        time.sleep(LOOK_SECONDS)


def _why_nothing_moves(shell: Shell, org_id: int, seconds: float) -> str:
    with reading(shell.parts.engine) as db:
        crm = org_status(db, org_id, shell.parts.now())["crm"]
    if crm["state"] == "none":
        return "The org is not connected to a CRM."
    why = crm["problem"]["cause"] if crm["problem"] else ""
    if crm["state"] == "paused":
        return f"The CRM is left alone until {minute(crm['paused_until'])}. {why}".rstrip()
    if crm["state"] == "stopped":
        return why
    return "Nothing moves: is a worker running (contactsync worker)?" if seconds > NOTHING_MOVES_SECONDS else ""


def held_words(held: int) -> str:
    """How many contacts somebody has to look at."""
    return "1 contact of the org needs attention" if held == 1 else f"{held:,} contacts of the org need attention"
