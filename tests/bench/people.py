"""Made-up contacts, and the webhooks that bring them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contactsync.intake.signature import sign

EVENT = "e-1"
COMPANIES = 2000
OWNERS = 20
PER_WEBHOOK = 100


@dataclass(frozen=True)
class Webhook:
    """A signed webhook, ready to be sent."""

    path: str
    headers: dict[str, str]
    body: bytes


def person(n: int, companies: int = COMPANIES, owners: int = OWNERS, batch: str = "c") -> dict[str, Any]:
    """A contact with company, owner and campaign; neighbours in number are of different companies."""
    company = f"{batch}-company-{n % companies}"
    return {
        "id": f"{batch}-{n}",
        "first_name": "Ada",
        "last_name": f"Lovelace {n}",
        "email": f"person-{n}@{company}.example",
        "title": "Head of Computing",
        "phone": "+44 20 7946 0001",
        "company": {"name": f"Company {batch} {n % companies}", "domain": f"{company}.example"},
        "sync_as": "contact",
        "owner_email": f"owner-{n % owners}@acme.example",
        "events": [{"id": EVENT, "status": "registered"}],
    }


def users() -> list[dict[str, Any]]:
    """The owners, as the CRM has them."""
    return [
        {"LastName": f"O{n}", "Email": f"owner-{n}@acme.example", "Username": f"o{n}@acme.example"}
        for n in range(OWNERS)
    ]


def meeting(n: int, attendees: list[int], batch: str = "c") -> dict[str, Any]:
    """A meeting of these people at the event, with one of the owners as host."""
    return {
        "id": f"m-{n}",
        "title": f"Meeting {n}",
        "starts_at": "2026-11-25T09:00:00Z",
        "ends_at": "2026-11-25T09:30:00Z",
        "event_id": EVENT,
        "host_email": f"owner-{n % OWNERS}@acme.example",
        "attendees": [{"contact_id": f"{batch}-{who}"} for who in attendees],
    }


def webhook(slug: str, secret: str, said: list[dict[str, Any]], kind: str = "contact.created") -> Webhook:
    """One webhook of these contacts, or meetings, signed now, under an id that nobody had before."""
    now = time.time()
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    data = said[0] if len(said) == 1 else said
    body = json.dumps({"type": kind, "timestamp": sent_at, "data": data}).encode()
    name = f"bench_{secrets.token_hex(8)}"
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": sign(secret, name, int(now), body),
    }
    return Webhook(f"/webhooks/{slug}/{kind.partition('.')[0]}s", headers, body)


def burst(slug: str, secret: str, contacts: int) -> Iterator[Webhook]:
    """Webhooks of 100 contacts each, interleaved over all companies."""
    for start in range(0, contacts, PER_WEBHOOK):
        yield webhook(slug, secret, [person(n) for n in range(start, min(start + PER_WEBHOOK, contacts))])
