"""Events and their campaigns."""

from __future__ import annotations

import click

from contactsync.cli.shell import Command, Shell, with_shell
from contactsync.domain.errors import RefusedInput
from contactsync.sync import actions


@click.group()
def event() -> None:
    """Events: connect them to campaigns."""


@event.command(
    cls=Command,
    example="contactsync event connect acme evt_42 --campaign 701Ws00000AbCdEIAV\n"
    "contactsync event connect acme evt_42 --create            # a campaign is made of the event",
)
@click.argument("slug")
@click.argument("event_id")
@click.option("--campaign", "campaign_id", help="The campaign's id in the CRM.")
@click.option("--create", is_flag=True, help="Have one made that is called as the event is.")
@with_shell
def connect(shell: Shell, slug: str, event_id: str, campaign_id: str | None, create: bool) -> None:
    """Connect an event to a campaign: whoever takes part becomes a member, now and later.

    EVENT_ID is the event platform's own; with --campaign the event need not have been heard of yet.
    """
    org_id = shell.org(slug).id
    if create == (campaign_id is not None):
        raise RefusedInput("Say which campaign: either --campaign with its id in the CRM, or --create.")
    if create:
        _create(shell, org_id, event_id)
        return
    campaign_id = (campaign_id or "").strip()
    marked = actions.connect_event(shell.parts, org_id, event_id, campaign_id)
    click.echo(f"Event {event_id} is connected to campaign {campaign_id}; {_contacts(marked)} to sync again.")


@event.command(cls=Command, example="contactsync event disconnect acme evt_42")
@click.argument("slug")
@click.argument("event_id")
@with_shell
def disconnect(shell: Shell, slug: str, event_id: str) -> None:
    """Disconnect an event from its campaign; the members that are there stay."""
    actions.connect_event(shell.parts, shell.org(slug).id, event_id, None)
    click.echo(f"Event {event_id} is connected to no campaign.")


def _create(shell: Shell, org_id: int, event_id: str) -> None:
    if not actions.create_campaign(shell.parts, org_id, event_id):
        raise RefusedInput(f"There is no event {event_id}: it was never heard of.")
    click.echo(f"A campaign is made for event {event_id}; its contacts become members.")


def _contacts(count: int) -> str:
    return "1 contact has" if count == 1 else f"{count} contacts have"
