"""“Send a test”: a contact that everybody can tell from a real one, signed and posted as an event platform would."""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from contactsync.intake.signature import MOST_SIGNATURES, sign
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.inbox import delivery_number
from contactsync.store.orgs import Org
from contactsync.web.auth import parts

CONTACT_ID = "contactsync-test"
"""The id of the test contact: always the same, so that many tests make one Lead, not many."""

WEBHOOK_PREFIX = "contactsync-test-"
"""Before the webhook ids of tests, by which they are told from what the platform sends."""


@dataclass(frozen=True)
class Sent:
    """What the endpoint answered. `delivery`: the number of what was kept; None: nothing was."""

    status: int
    body: Mapping[str, Any]
    delivery: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether it was taken."""
        return self.status == 202


class NoSecret(Exception):
    """The org has no webhook secret that is good now."""


def sample(now: datetime, *, complete: bool) -> dict[str, Any]:
    """The webhook of the test contact. Without its company it waits for details, and nothing reaches the CRM."""
    at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    contact = {
        "id": CONTACT_ID,
        "first_name": "Test",
        "last_name": "Contact",
        "email": "contactsync-test@example.com",
        "company": "contactsync test" if complete else None,
        "sync_as": "lead",
        "title": "May be deleted",
        "note": f"Sent with “Send a test” in contactsync, {now:%d %b %Y %H:%M:%S} UTC. Delete it whenever you like.",
    }
    return {"type": "contact.updated", "timestamp": at, "data": contact}


def send_sample(org: Org, base_url: str, *, complete: bool) -> Sent:
    """Post the test contact to the org's own endpoint, through everything that a webhook goes through. Raises NoSecret.

    Inside this process: a request to our own address would wait for a free worker of the web process, which may be the one
    that waits. `base_url`: where the browser found us, for the status address in the answer.
    """
    now = parts().now()
    with reading(parts().engine) as db:
        good = orgs.secrets(db, parts().vault, org.id, now)
    if not good:
        raise NoSecret
    body = json.dumps(sample(now, complete=complete), ensure_ascii=False).encode()
    named = f"{WEBHOOK_PREFIX}{randomness.token_hex(8)}"
    at = int(now.timestamp())
    # With every good one: a web process may not have heard of the newest yet.
    signatures = " ".join(sign(secret, named, at, body) for secret in good[:MOST_SIGNATURES])
    headers = {"webhook-id": named, "webhook-timestamp": str(at), "webhook-signature": signatures}
    built = EnvironBuilder(
        path=f"/webhooks/{org.slug}/contacts",
        base_url=base_url,
        method="POST",
        data=body,
        content_type="application/json",
        headers=Headers(headers),
    )
    try:
        chunks, status, _ = run_wsgi_app(current_app.wsgi_app, built.get_environ(), buffered=True)
    finally:
        built.close()
    answer = json.loads(b"".join(chunks))
    said = answer if isinstance(answer, dict) else {}
    return Sent(int(status.split()[0]), said, delivery_number(str(said.get("delivery_id", ""))))


def in_words(sent: Sent) -> str:
    """What the answer means, for whoever pressed the button."""
    match sent.status:
        case 202:
            return "Your endpoint answered 202: accepted. Below you see what becomes of it."
        case 401:
            return "Your endpoint answered 401: the signature was refused. A new secret is known within two seconds: try again."
        case 429:
            return "Your endpoint answered 429: too many webhooks at once. Wait a moment and try again."
        case 503:
            return "Your endpoint answered 503: it cannot keep a webhook now. Try again in a minute, as platforms do."
        case other:
            return f"Your endpoint answered {other}: the test was not taken. The page Deliveries says why."


def scripts(addresses: Mapping[str, str], secret: str, now: datetime) -> dict[str, str]:
    """Door → a script that signs and posts an example, with curl and openssl alone. `secret`: "" leaves its place."""
    return {door: _script(address, *_examples(now)[door], secret or "whsec_…") for door, address in addresses.items()}


def _examples(now: datetime) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Door → the type and the data of a webhook. They belong together: the meeting is Ada's, at the event."""
    day = f"{now + timedelta(days=30):%Y-%m-%d}"
    contact = {
        "id": "c-1",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "company": "Analytical Engines",
        "sync_as": "lead",
    }
    event = {"id": "ev-1", "name": "Engines", "starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T17:00:00Z"}
    meeting = {
        "id": "mt-1",
        "title": "A look at the engine",
        "starts_at": f"{day}T10:00:00Z",
        "ends_at": f"{day}T10:30:00Z",
        "event_id": "ev-1",
        "attendees": [{"contact_id": "c-1", "response": "accepted"}],
    }
    return {
        "contacts": ("contact.created", contact),
        "events": ("event.created", event),
        "meetings": ("meeting.created", meeting),
    }


def _script(address: str, kind: str, data: Mapping[str, Any], secret: str) -> str:
    """Each line short enough for a page, and the time of the webhook that of the shell: sent again, it is newer."""
    lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in data.items())
    return f"""SECRET='{secret}'
ID="msg_$(openssl rand -hex 12)"
NOW="$(date +%s)"
AT="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
BODY='{{"type": "{kind}", "timestamp": "'"$AT"'", "data": {{
  {lines}}}}}'
KEY="$(printf %s "${{SECRET#whsec_}}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')"
SIGNATURE="v1,$(printf '%s.%s.%s' "$ID" "$NOW" "$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | openssl base64 -A)"
curl -sS '{address}' \\
  -H 'content-type: application/json' \\
  -H "webhook-id: $ID" \\
  -H "webhook-timestamp: $NOW" \\
  -H "webhook-signature: $SIGNATURE" \\
  --data-binary "$BODY" -w '\\n%{{http_code}}\\n'
"""
