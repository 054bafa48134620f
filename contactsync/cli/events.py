"""Events and their campaigns."""

from __future__ import annotations

import click

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.sync import actions


@click.group()
def event() -> None:
    """Events: connect them to campaigns."""


@event.command(cls=Command, example="contactsync event connect acme evt_42 --campaign 701Ws00000AbCdEIAV")
@click.argument("slug")
@click.argument("event_id")
@click.option("--campaign", "campaign_id", required=True, help="The campaign's id in the CRM.")
@with_shell
def connect(shell: Shell, slug: str, event_id: str, campaign_id: str) -> None:
    """Connect an event to a campaign: whoever takes part becomes a member, now and later.

    EVENT_ID is the event platform's own; the event need not have been heard of yet.
    """
    campaign_id = campaign_id.strip()
    marked = actions.connect_event(shell.parts, shell.org(slug).id, event_id, campaign_id)
    click.echo(f"Event {event_id} is connected to campaign {campaign_id}; {_contacts(marked)} to sync again.")


@event.command(cls=Command, example="contactsync event disconnect acme evt_42")
@click.argument("slug")
@click.argument("event_id")
@with_shell
def disconnect(shell: Shell, slug: str, event_id: str) -> None:
    """Disconnect an event from its campaign; the members that are there stay."""
    actions.connect_event(shell.parts, shell.org(slug).id, event_id, None)
    click.echo(f"Event {event_id} is connected to no campaign.")


def _contacts(count: int) -> str:
    return "1 contact has" if count == 1 else f"{count} contacts have"
