"""What the platform posts while the demo runs: a sample at once, and a little now and then; and whether all of it arrived."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import click

from contactsync.demo.running import Demo
from contactsync.demo.sample import GATHERINGS, HOSTS, meetings, people

EVENT = "evt-dach-summit"
NOW_AND_THEN_SECONDS = 25
"""How often somebody turns up at the summit while people look at the console."""

SAMPLE: tuple[dict[str, Any], ...] = (
    {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@analytical-engines.example",
     "company": {"id": "co-1", "name": "Analytical Engines Ltd", "domain": "analytical-engines.example"},
     "sync_as": "contact", "title": "Head of Computing", "phone": "+44 20 7946 0001", "owner_email": HOSTS[0],
     "events": [{"id": EVENT, "status": "registered"}]},
    {"id": "c-2", "first_name": "Charles", "last_name": "Babbage", "email": "charles@difference.example",
     "company": "Difference Works", "sync_as": "lead", "note": "Asked for a quote at the booth.", "owner_email": HOSTS[1],
     "events": [{"id": EVENT, "status": "registered"}]},
    {"id": "c-3", "first_name": "Mary", "last_name": "Somerville", "email": "mary@connexion.example",
     "company": {"name": "Connexion", "domain": "connexion.example"}, "sync_as": "contact",
     "events": [{"id": EVENT, "status": "registered"}], "address": {"city": "Edinburgh", "country": "Scotland"}},
    {"id": "c-4", "first_name": "Émilie", "last_name": "du Châtelet", "email": "emilie@institutions-de-physique.org",
     "source": "leads_inbox", "sync_as": "lead", "events": [{"id": EVENT, "status": "attended"}]},
    {"id": "c-5", "first_name": "Sophie", "last_name": "Germain", "email": "sophie@theorem.example",
     "sync_as": "lead"},  # no company: incomplete, and nothing is sent
)  # fmt: skip

_INCOMPLETE = "c-5"
_MEETING = "m-100"
MEETING_TITLE = "Quote for a difference engine"
_LATE = (
    ("Katherine", "Goble"),
    ("Emmy", "Noether"),
    ("Alan", "Kay"),
    ("Radia", "Perl"),
    ("Niklaus", "Werth"),
    ("Barbara", "Lisk"),
)


def post_sample(demo: Demo) -> None:
    """Post today's sample over HTTP."""
    click.secho("Posting a sample, signed as an event platform would:", bold=True)
    demo.post("events", "event.updated", {"id": EVENT, "venue": "Hall 4"})
    demo.post("contacts", "contact.created", list(SAMPLE))
    checked_in = [{"email": "ada@analytical-engines.example", "status": "attended"}]
    demo.post("events", "event.contacts_added", {"event_id": EVENT, "contacts": checked_in})
    demo.post("meetings", "meeting.created", _meeting())


def _meeting() -> dict[str, Any]:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    return {
        "id": _MEETING, "title": MEETING_TITLE, "event_id": EVENT, "location": "Booth 12",
        "starts_at": f"{day}T14:00:00", "ends_at": f"{day}T14:30:00", "timezone": "Europe/Berlin",
        "host_email": HOSTS[0], "notes": "Wants delivery before the spring.",
        "attendees": [{"contact_id": "c-1", "response": "accepted"}, {"contact_id": "c-2"}],
    }  # fmt: skip


def settled(demo: Demo) -> bool:
    """Whether every contact and meeting is where it should be: in the CRM with its membership, or named with its reason."""
    wanted = (
        {one.id: one.ends for one in people()} | {one["id"]: "synced" for one in SAMPLE} | {_INCOMPLETE: "incomplete"}
    )
    shown = {item["id"]: item for item in demo.contacts()}
    if {name: item["sync"]["status"] for name, item in shown.items()} != wanted:
        return False
    # One that was cancelled before the CRM ever heard of it becomes nothing there.
    talks = {one["id"]: "excluded" if one["status"] == "cancelled" else "synced" for one in meetings(datetime.now(UTC))}
    met = {item["id"]: item["sync"]["status"] for item in demo.meetings()}
    if met != talks | {_MEETING: "synced"}:
        return False
    there = {row["Id"] for kind in ("Lead", "Contact") for row in demo.salesforce(kind)}
    synced = [item for item in shown.values() if item["sync"]["status"] == "synced"]
    campaigns = {one.id for one in GATHERINGS if one.campaign}
    gone = [one for one in people() if one.ends == "excluded"]  # they were synced before: their memberships stay
    members = sum(event["id"] in campaigns for item in synced for event in item["events"]) + len(gone)
    return (
        {item["sync"]["crm_id"] for item in synced} <= there
        and len(demo.salesforce("CampaignMember")) == members
        and len(demo.salesforce("Event")) == sum(status == "synced" for status in met.values())
    )


def post_now_and_then(demo: Demo) -> None:
    """Until somebody ends the demo: somebody new turns up, and is checked in. Raises DemoFailed, KeyboardInterrupt."""
    number = 0
    next_at = time.monotonic() + NOW_AND_THEN_SECONDS
    while True:
        demo.check_alive()
        time.sleep(0.5)
        if time.monotonic() < next_at:
            continue
        next_at += NOW_AND_THEN_SECONDS
        first, last = _LATE[number % len(_LATE)]
        number += 1
        said: dict[str, Any] = {
            "id": f"w-{number}", "first_name": first, "last_name": f"{last} {number}",
            "email": f"{first}.{last}{number}@walk-in.example".lower(), "sync_as": "lead",
            "company": "Walk-in Works" if number % 4 else None, "title": "Head of Visits", "source": "leads_inbox",
            "phone": f"+49 89 5550 {2000 + number}", "owner_email": HOSTS[number % 3], "note": "Walked in at the summit.",
            "address": {"city": "Munich", "country": "Germany"},
            "events": [{"id": EVENT, "status": "attended"}],
        }  # fmt: skip
        demo.post("contacts", "contact.created", said, quietly=True)
