"""What the demo says on the terminal: what arrived where, and which doors to go through."""

from __future__ import annotations

import sys
from collections import Counter

import click
from rich.console import Console
from rich.table import Table

from contactsync.demo.history import USERS
from contactsync.demo.running import Demo
from contactsync.demo.today import MEETING_TITLE, SAMPLE

_WORDS = {
    "synced": "synced",
    "incomplete": "need details",
    "needs_attention": "need attention",
    "retrying": "are tried again",
    "queued": "wait",
    "excluded": "left out",
}


def show_arrived(demo: Demo) -> None:
    """The sample's contacts one by one, the others counted."""
    owners = {row["Id"]: row["Name"] for row in demo.salesforce("User")}
    campaigns = {row["Id"]: row["Name"] for row in demo.salesforce("Campaign")}
    people = {row["Id"]: row for kind in ("Lead", "Contact") for row in demo.salesforce(kind)}
    members = {row.get("LeadId") or row.get("ContactId"): row for row in demo.salesforce("CampaignMember")}
    table = Table("Contact", "Sync status", "Became", "Salesforce ID", "Owner", "Campaign", "As",
                  title="What arrived in Salesforce (the stand-in)", title_justify="left")  # fmt: skip
    ours = {one["id"] for one in SAMPLE}
    every = sorted(demo.contacts(), key=lambda item: str(item["id"]))
    for item in every:
        if item["id"] not in ours:
            continue
        sync = item["sync"]
        record = people.get(sync["crm_id"], {})
        member = members.get(sync["crm_id"], {})
        missing = f" ({', '.join(sync['missing_fields'])} missing)" if sync.get("missing_fields") else ""
        table.add_row(
            f"{item['first_name']} {item['last_name']}",
            sync["status"] + missing,
            sync["crm_object"] or "–",
            sync["crm_id"] or "–",
            owners.get(record.get("OwnerId"), "–"),
            campaigns.get(member.get("CampaignId"), "–"),
            member.get("Status", "–"),
        )
    out = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    out.print(table)
    for activity in demo.salesforce("Event"):
        if activity["Subject"] == MEETING_TITLE:
            who = people.get(activity.get("WhoId"), {}).get("Name", "–")
            click.echo(f"The meeting became an Activity: “{activity['Subject']}” ({activity['Id']}),")
            click.echo(f"  {activity['StartDateTime']}, of {owners.get(activity.get('OwnerId'), '–')} with {who}.")
    counted = Counter(item["sync"]["status"] for item in every if item["id"] not in ours)
    said = ", ".join(f"{counted[status]} {words}" for status, words in _WORDS.items() if counted[status])
    out.print(f"From the two weeks before: {said}; {len(demo.salesforce('Event'))} meetings are Activities.")
    out.print(f"Calls to Salesforce: {demo.status()['crm']['calls']}. Logs: {demo.folder}")


def show_doors(demo: Demo) -> None:
    """Where to look, and who may."""
    admin, *others = USERS
    click.secho("Up and running until Ctrl-C:", bold=True)
    click.secho(f"  Console                     {demo.web}/", fg="green")
    click.echo(f"    sign in as                {admin}   (or {', '.join(others)})")
    click.echo(f"    with the password         {demo.password}")
    click.echo(f"  API and its documentation   {demo.web}/api/v1/docs")
    click.echo(f"  API token                   {demo.token}")
    click.echo(f"  Salesforce's stand-in       {demo.standin}/_standin/")
    click.echo("Somebody new turns up every half minute. Send more:")
    exported = " ".join(f"{name}={demo.environment[name]}" for name in ("CONTACTSYNC_VAR", "PORT"))
    click.echo(f"  {exported} contactsync send payload.json --org demo --to contacts")
