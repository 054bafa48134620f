"""What was tried, and putting it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, asking_the_crm, console, minute, print_json, with_shell
from contactsync.cli.steps import print_problem, print_step
from contactsync.domain.errors import RefusedInput
from contactsync.domain.known_problems import problem_shown
from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.store.views_paging import Slice
from contactsync.sync import actions


@click.command(
    cls=Command,
    example="contactsync runs acme --contact c-1042\ncontactsync runs acme --meeting m-7 --json\n"
    "contactsync runs acme --run run_17      # all of one: every field, old and new, and why",
)
@click.argument("slug")
@click.option("--contact", "contact_id", help="Those of this contact (the event platform's id).")
@click.option("--meeting", "meeting_id", help="Those of this meeting (the event platform's id).")
@click.option("--run", "run_id", help="One run, with all its steps.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most.")
@as_json
@with_shell
def runs(
    shell: Shell,
    slug: str,
    *,
    contact_id: str | None,
    meeting_id: str | None,
    run_id: str | None,
    limit: int,
    json_wanted: bool,
) -> None:
    """Show what was tried for an org, newest first: outcome, records, and what went wrong."""
    org = shell.org(slug)
    if sum(name is not None for name in (contact_id, meeting_id, run_id)) > 1:
        raise RefusedInput("Name one of --contact, --meeting and --run.")
    if run_id is not None:
        _show_one(shell, org.id, slug, run_id, json_wanted=json_wanted)
        return
    subject = "meeting" if meeting_id is not None else "contact" if contact_id is not None else None
    with reading(shell.parts.engine) as db:
        page = views.runs(db, org.id, Slice(limit), subject=subject, source_id=contact_id or meeting_id)
    if json_wanted:
        print_json(page.items)
        return
    table = Table("Run", "When", "Of", "Outcome", "Did", "Problem")
    for run in page.items:
        of = f"{run['subject']} {run['source_id']}"
        problem = run["problem"]["code"] if run["problem"] else ""
        table.add_row(*map(escape, (run["id"], minute(run["finished_at"]), of, run["outcome"], _did(run), problem)))
    console().print(table if page.items else "Nothing was tried yet.")


def _show_one(shell: Shell, org_id: int, slug: str, run_id: str, *, json_wanted: bool) -> None:
    with reading(shell.parts.engine) as db:
        run = views.run(db, org_id, run_id)
    if run is None:
        raise RefusedInput(f"{slug} has no run {run_id!r}: `contactsync runs {slug}` shows those it has.")
    if json_wanted:
        print_json(run)
        return
    screen = console()
    screen.print(
        f"[bold]{escape(run['id'])}[/bold]  {escape(run['subject'])} {escape(run['source_id'])}  "
        f"{minute(run['finished_at'])}  {escape(run['outcome'])}"
    )
    if run["problem"]:
        print_problem(screen, problem_shown(run["problem"]))
    for step in run["steps"]:
        print_step(screen, step, done=True)
    if run["undoes"]:
        screen.print(f"This put back {run['undoes']}.")


def _did(run: Mapping[str, Any]) -> str:
    counted: dict[str, int] = {f"undo {run['undoes']}": 1} if run["undoes"] else {}
    for step in run["steps"]:
        if step["action"] != "leave":
            words = f"{step['action']} {step['object']}" + (" failed" if step.get("problem") else "")
            counted[words] = counted.get(words, 0) + 1
    return (
        ", ".join(f"{words} × {many}" if many > 1 else words for words, many in counted.items()) or "nothing to change"
    )


@click.command(cls=Command, example="contactsync undo acme run_17 --dry-run")
@click.argument("slug")
@click.argument("run_id")
@click.option("--dry-run", is_flag=True, help="Only show what would be put back.")
@as_json
@with_shell
def undo(shell: Shell, slug: str, run_id: str, dry_run: bool, json_wanted: bool) -> None:
    """Put back what a run changed, where the CRM still holds what it wrote; created records are listed, never deleted.

    RUN_ID is what `contactsync runs` shows. Ends with exit status 1 when a record could not be put back.
    """
    org = shell.org(slug)
    with asking_the_crm():
        steps = actions.undo(shell.parts, org.id, run_id, dry_run=dry_run)
    if steps is None:
        raise RefusedInput(f"{slug} has no run {run_id!r}: `contactsync runs {slug}` shows those it has.")
    failed = any(step.get("problem") for step in steps)
    if json_wanted:
        print_json({"dry_run": dry_run, "steps": steps})
    else:
        screen = console()
        for step in steps:
            print_step(screen, step, done=not dry_run)
        put_back = sum(1 for step in steps if step["action"] != "leave" and not step.get("problem"))
        records = {0: "no record", 1: "1 record"}.get(put_back, f"{put_back} records")
        said = f"Nothing was written: {records} would be put back." if dry_run else f"{records.capitalize()} put back."
        screen.print(said)
    if failed:
        raise SystemExit(1)
