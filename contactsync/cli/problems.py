"""What is wrong, once for each cause; and having a cause looked at again."""

from __future__ import annotations

import click
from rich.markup import escape

from contactsync.cli.shell import Command, Shell, as_json, asking_the_crm, console, print_json, with_shell
from contactsync.cli.steps import print_problem
from contactsync.domain.errors import RefusedInput
from contactsync.domain.known_problems import either, problem_shown
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.shapes import problems_shown

NOBODY = ("nobody", "contactsync")
"""Who can fix what goes by itself: no person."""


class ListedByDefault(click.Group):
    """`problems acme` is `problems list acme`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, else the list."""
        if args and args[0] not in self.commands:
            args = ["list", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=ListedByDefault)
def problems() -> None:
    """Problems: what is wrong, in plain words, and what each of them holds up.

    `contactsync problems acme` lists them.
    """


@problems.command("list", cls=Command, example="contactsync problems acme       # or: contactsync problems list acme")
@click.argument("slug")
@as_json
@with_shell
def list_(shell: Shell, slug: str, json_wanted: bool) -> None:
    """Show everything that is wrong with an org's sync: cause, fix, who can fix it, and how many records it holds."""
    org = shell.org(slug)
    groups = problems_shown(shell.parts.engine, org.id, shell.parts.now())
    if json_wanted:
        print_json(groups)
        return
    screen = console()
    if not groups:
        screen.print(f"Nothing is wrong with the sync of {slug}.")
        return
    for group in groups:
        about = ", ".join([group["object"], *group["fields"]] if group["object"] else group["fields"])
        screen.print(
            f"[bold]{escape(group['id'])}[/bold]  {escape(group['code'])}"
            + (f" ({escape(about)})" if about else "")
            + f"  [yellow]{_held(group)}[/yellow]",
            soft_wrap=True,
        )
        screen.print(f"  {group['cause']}", markup=False, soft_wrap=True)
        who = "" if group["who"] in NOBODY else f" ({group['who']})"
        screen.print(f"  Fix: {group['fix']}{who}", markup=False, soft_wrap=True)
        if group["comes_back"] and "by itself" not in group["fix"]:
            screen.print("  It is tried again by itself.", style="dim")
        elif group["mended_by"] and not group["comes_back"]:
            screen.print(f"  Gone after {either(group['mended_by'])}.", style="dim", markup=False, soft_wrap=True)
    screen.print(f"\nOnce a cause is fixed: contactsync problems check {slug} <id>", style="dim", markup=False)


def _held(group: Record) -> str:
    said = [f"{many:,} {subject}{'' if many == 1 else 's'}" for subject, many in group["counts"].items() if many]
    word = "pauses" if group["comes_back"] else "stops"
    return ", ".join(([f"{word} the whole org"] if group["stops_org"] else []) + said)


@problems.command(cls=Command, example="contactsync problems check acme 3f0c9a1be2d47a55")
@click.argument("slug")
@click.argument("problem_id")
@as_json
@with_shell
def check(shell: Shell, slug: str, problem_id: str, json_wanted: bool) -> None:
    """Say that a cause is fixed: the CRM is looked at afresh, and exactly the records that it holds go again.

    PROBLEM_ID is what `contactsync problems` shows. Ends with exit status 1 when the CRM still cannot be used.
    """
    org = shell.org(slug)
    with asking_the_crm():
        checked = actions.check_problem(shell.parts, org.id, problem_id)
    if checked is None:
        raise RefusedInput(f"{slug} has no problem {problem_id!r}: `contactsync problems {slug}` shows those it has.")
    problem = problem_shown(checked.problem) if checked.problem else None
    if json_wanted:
        print_json({"ok": checked.ok, "released": checked.released, "problem": problem})
    else:
        screen = console()
        if problem:
            print_problem(screen, problem)
        many = "1 record goes" if checked.released == 1 else f"{checked.released:,} records go"
        if checked.ok and not checked.released:
            many = "The CRM can be used: what waits goes"
        screen.print(f"{many} again." if checked.ok else "Nothing was released.")
    if not checked.ok:
        raise SystemExit(1)
