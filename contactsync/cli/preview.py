"""See what a sync would do, before it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from contactsync.cli.filters import filter_of, filter_options
from contactsync.cli.shell import Command, Shell, as_json, asking_the_crm, console, print_json, with_shell
from contactsync.cli.steps import print_problem, print_step, text, totals_in_words
from contactsync.domain.errors import RefusedInput
from contactsync.domain.known_problems import problem_shown
from contactsync.domain.shown import shown
from contactsync.domain.shown_plans import plan_shown, totals
from contactsync.sync import actions


@click.command(
    cls=Command,
    example="contactsync preview acme c-1042\n"
    "contactsync preview acme --meeting m-7\n"
    "contactsync preview acme --event ev-9 --limit 20",
)
@click.argument("slug")
@click.argument("contact_id", required=False)
@click.option("--meeting", "meeting_id", help="A meeting instead (the event platform's id).")
@filter_options
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Contacts at most.")
@as_json
@with_shell
def preview(
    shell: Shell,
    slug: str,
    contact_id: str | None,
    meeting_id: str | None,
    limit: int,
    json_wanted: bool,
    **chosen: Any,
) -> None:
    """Show what a sync would do now, old → new for each field, and why; nothing is written.

    For one contact (CONTACT_ID is the event platform's own), one meeting, or all contacts that fit a filter.
    """
    org = shell.org(slug)
    filtered = any(value for value in chosen.values())
    if sum((contact_id is not None, meeting_id is not None, filtered)) > 1:
        raise RefusedInput("Name one contact, one --meeting, or a filter: not several of these.")
    if contact_id is not None:
        _show_one(_contact(shell, org.id, slug, contact_id), json_wanted=json_wanted)
    elif meeting_id is not None:
        _show_one(_meeting(shell, org.id, slug, meeting_id), json_wanted=json_wanted)
    else:
        which = filter_of((), chosen)
        with asking_the_crm():
            planned = plan_shown(actions.preview_many(shell.parts, org.id, which, limit))
        _show_many(planned, limit, json_wanted=json_wanted)


def _contact(shell: Shell, org_id: int, slug: str, contact_id: str) -> dict[str, Any]:
    with asking_the_crm():
        plan = actions.preview(shell.parts, org_id, contact_id)
    if plan is None:
        raise RefusedInput(f"{slug} has no contact {contact_id!r}: the id is the event platform's own.")
    one = plan.contacts[contact_id]
    return _preview(plan.steps, one.why, one.problem)


def _meeting(shell: Shell, org_id: int, slug: str, meeting_id: str) -> dict[str, Any]:
    with asking_the_crm():
        plan = actions.preview_meeting(shell.parts, org_id, meeting_id)
    if plan is None:
        raise RefusedInput(f"{slug} has no meeting {meeting_id!r}: the id is the event platform's own.")
    one = plan.plans[meeting_id]
    return _preview(plan.steps, one.why, one.problem)


def _preview(steps: Any, why: Any, problem: Any) -> dict[str, Any]:
    return {
        "steps": [shown(step) for step in steps],
        "why": list(why),
        "problem": problem_shown(problem) if problem else None,
        "totals": totals(steps),
    }


def _show_one(planned: Mapping[str, Any], *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(planned)
        return
    screen = console()
    for step in planned["steps"]:
        print_step(screen, step)
    if planned["problem"]:
        print_problem(screen, planned["problem"])
    told = {line for step in planned["steps"] for line in step["why"]}
    for line in planned["why"]:
        if line not in told:
            screen.print(line, markup=False, soft_wrap=True)
    _print_totals(planned["totals"])


def _show_many(planned: Mapping[str, Any], limit: int, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(planned)
        return
    screen = console()
    if not planned["contacts"]:
        screen.print("No contact fits that and is ready to be synced.")
        return
    table = Table("Contact", "Record", "Field", "Now", "Then")
    for contact in planned["contacts"]:
        for row in _rows(contact):
            table.add_row(*(escape(cell) for cell in row))
        table.add_section()
    screen.print(table)
    if len(planned["contacts"]) == limit:
        screen.print(f"These are the first {limit}: --limit shows more.")
    _print_totals(planned["totals"])


def _rows(contact: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """A contact's lines: its id stands on the first, each record's name on the first of that record."""
    rows: list[tuple[str, str, str, str, str]] = []
    problem = contact["problem"]
    if problem:
        rows.append(("", f"{problem['cause']} {problem['fix']}", "", "", ""))
    for step in contact["steps"]:
        if step["action"] == "leave":
            continue
        record = f"{step['action']} {step['object']}" + (f" {step['crm_id']}" if step["crm_id"] else "")
        lines = [("", "", name, text(change["old"]), text(change["new"])) for name, change in step["fields"].items()]
        rows += [("", record, *lines[0][2:]), *lines[1:]] if lines else [("", record, "", "", "")]
    rows = rows or [("", "nothing to change", "", "", "")]
    return [(contact["id"], *rows[0][1:]), *rows[1:]]


def _print_totals(counted: Mapping[str, Mapping[str, int]]) -> None:
    for line in totals_in_words(counted):
        console().print(line, style="bold", markup=False)
    console().print("Nothing was written.", style="dim")
