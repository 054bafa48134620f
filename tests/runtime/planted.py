"""Payloads whose every value is somebody's, and the search for them in what others may read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

CANARY = "Kanarie"
"""Stands in every planted value, whatever it is: to be looked for in any case and form."""


@dataclass
class Heard:
    """Everything that somebody outside could read, by where it was, and the secrets that were made by chance."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def leaks(self) -> list[tuple[str, str]]:
        """Where something of it stands, with what stands around it."""
        found = []
        for where, text in self.texts:
            for form in (text, unquote_plus(text), unescaped(text)):
                lower = form.lower()
                for word in (CANARY, *self.secrets):
                    at = lower.find(word.lower())
                    if at >= 0:
                        found.append((where, form[max(0, at - 120) : at + 80]))
        return found


def unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def person(name: str, **more: Any) -> dict[str, Any]:
    """A contact whose every value sings."""
    return {
        "id": f"c-{name}",
        "first_name": f"Ada {CANARY}",
        "last_name": f"{CANARY} {name}",
        "email": f"{CANARY}.{name}@{CANARY}.example".lower(),
        "company": {"id": f"co-{name}", "name": f"{CANARY} & Sons {name}", "domain": f"{CANARY}.example"},
        "sync_as": "lead",
        "title": f"Head of {CANARY}",
        "phone": f"+31 20 {CANARY}",
        "mobile_phone": f"+31 6 {CANARY}",
        "website": f"https://{CANARY}.example/ada",
        "note": f"{CANARY} wants a discount",
        "owner_email": f"owner@{CANARY}.example",
        "social": {name: f"https://{name}.com/{CANARY}" for name in ("linkedin", "twitter", "facebook", "instagram")},
        "address": {name: f"{CANARY} {name}" for name in ("street", "city", "state", "postal_code", "country")},
        "custom": {"diet": f"{CANARY} only"},
        "events": [{"id": "e-1", "status": "attended"}],
        "source": f"{CANARY} booth",
        **more,
    }


def meeting(**more: Any) -> dict[str, Any]:
    """A meeting whose every value sings."""
    return {
        "id": "m-1",
        "title": f"Talk with {CANARY}",
        "notes": f"{CANARY} wants a discount",
        "location": f"{CANARY}'s office",
        "host_email": f"host@{CANARY}.example",
        "starts_at": "2026-11-24T10:00:00Z",
        "ends_at": "2026-11-24T11:00:00Z",
        "attendees": [{"contact_id": "c-good"}, {"email": f"{CANARY}@{CANARY}.example", "name": f"Ada {CANARY}"}],
        **more,
    }


EVENT = {
    "id": "e-1",
    "name": f"{CANARY} Summit",
    "venue": f"{CANARY} Hall",
    "city": f"{CANARY} City",
    "url": f"https://{CANARY}.example/summit",
    "custom": {"sponsor": CANARY},
    "starts_at": "2026-11-24T10:00:00Z",
    "ends_at": "2026-11-24T18:00:00Z",
}

WRONG = [
    {"email": CANARY},
    {"sync_as": CANARY},
    {"updated_at": CANARY},
    {"first_name": [CANARY]},
    {"address": CANARY},
    {"events": [{"id": {CANARY: CANARY}, "status": CANARY}]},
    {"custom": f"{CANARY}"},
    {"custom": {"nested": {"deep": [CANARY]}}},
    {"social": {"linkedin": {"url": CANARY}}},
    {"company": {"account_id": CANARY * 100}},
    {"title": CANARY * 10_000},
    {f"{CANARY} as a key": 1},
]
