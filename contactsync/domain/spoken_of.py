"""Whom and what a webhook's body speaks of, as far as it says so: for people who look for what became of it.

Nothing is taken for granted: the body may have been refused, or be no JSON at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contactsync.domain.bodies import address, identifier

MOST = 20
"""Of each kind so many are looked for, the first that are named."""


@dataclass
class SpokenOf:
    """The event platform's ids, and the e-mail addresses of contacts that are named by these alone. `more`: there are more."""

    contacts: dict[str, None] = field(default_factory=dict)
    emails: dict[str, None] = field(default_factory=dict)
    events: dict[str, None] = field(default_factory=dict)
    meetings: dict[str, None] = field(default_factory=dict)
    more: bool = False

    def add(self, names: dict[str, None], said: str | None) -> None:
        """Remember one, as long as there is room."""
        if (
            said is None or said in names or len(said) > 255 or not said.isprintable()
        ):  # no database takes half characters
            return
        if len(names) < MOST:
            names[said] = None
        else:
            self.more = True


def spoken_of(body: bytes) -> SpokenOf:
    """Whom and what it speaks of; nothing, if it cannot be read."""
    found = SpokenOf()
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return found
    if not isinstance(envelope, Mapping):
        return found
    kind = str(envelope.get("type")).partition(".")[0]
    data = envelope.get("data")
    for item in data if isinstance(data, list) else [data]:
        if isinstance(item, Mapping):
            _item(kind, item, found)
    return found


def _item(kind: str, item: Mapping[str, Any], found: SpokenOf) -> None:
    if kind == "contact":
        _person(item, "id", found)
    elif kind == "event":
        found.add(found.events, identifier(item.get("id")) or identifier(item.get("event_id")))
        _people(item.get("contacts"), "id", found)
    elif kind == "meeting":
        found.add(found.meetings, identifier(item.get("id")))
        _people(item.get("attendees"), "contact_id", found)


def _people(said: object, named: str, found: SpokenOf) -> None:
    for one in said if isinstance(said, list) else ():
        if isinstance(one, Mapping):
            _person(one, named, found)


def _person(said: Mapping[str, Any], named: str, found: SpokenOf) -> None:
    known = identifier(said.get(named))
    if known is not None:
        found.add(found.contacts, known)
    else:
        found.add(found.emails, address(said.get("email")))
