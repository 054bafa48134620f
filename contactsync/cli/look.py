"""Look at how an org's sync stands, and at what a sync would do."""

from __future__ import annotations

import click
from rich.table import Table

from contactsync.cli.shell import Command, Shell, as_json, console, print_json, with_shell
from contactsync.domain.crm import Action
from contactsync.domain.errors import RefusedInput, TargetError
from contactsync.domain.shown import shown
from contactsync.store.engine import reading
from contactsync.store.views import org_status
from contactsync.sync import actions


@click.command(cls=Command, example="contactsync status acme --json")
@click.argument("slug")
@as_json
@with_shell
def status(shell: Shell, slug: str, json_wanted: bool) -> None:
    """Show how an org's sync stands: counts by status, what waits and for how long, CRM calls, budget."""
    org = shell.org(slug)
    with reading(shell.parts.engine) as db:
        stands = org_status(db, org.id, shell.parts.now())
    if json_wanted:
        print_json(stands)
        return
    table = Table(show_header=False, title=f"{org.slug} ({org.name})", title_justify="left")
    for name, value in stands.items():
        if isinstance(value, dict):
            said = ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in value.items() if count is not None)
        else:
            said = "–" if value is None else str(value)
        table.add_row(name.replace("_", " "), said)
    console().print(table)


@click.command(cls=Command, example="contactsync preview acme c-1")
@click.argument("slug")
@click.argument("contact_id")
@as_json
@with_shell
def preview(shell: Shell, slug: str, contact_id: str, json_wanted: bool) -> None:
    """Show what a sync of a contact would do now, and why; nothing is written. CONTACT_ID is the event platform's own."""
    org = shell.org(slug)
    try:
        planned = actions.preview(shell.parts, org.id, contact_id)
    except TargetError as error:
        raise RefusedInput(f"The CRM cannot be read now: {error}") from error
    if planned is None:
        raise RefusedInput(f"{slug} has no contact {contact_id!r}: the id is the event platform's own.")
    if json_wanted:
        print_json({"steps": [shown(step) for step in planned.steps]})
        return
    for step in planned.steps:
        seen = shown(step)
        named = f" {seen['crm_id']}" if seen["crm_id"] else ""
        console().print(f"[bold]{step.action.value}[/bold] {step.kind.value}{named}")
        for line in step.why:
            console().print(f"    {line}", style="dim", markup=False)
        if step.action is not Action.LEAVE:
            table = Table("Field", "Now", "Then")
            for name, values in seen["fields"].items():
                table.add_row(name, *("–" if value is None else str(value) for value in (values["old"], values["new"])))
            console().print(table)
    for line in dict.fromkeys(line for contact_plan in planned.contacts.values() for line in contact_plan.why):
        console().print(line, markup=False)
