"""One person's part of a webhook's body: taken out for an erasure, shown for an export. All others' parts stay as they came.

    contact.*                       the items that are the person's
    event.contacts_added|removed    the entries of `contacts`; an item that is left without any goes whole
    meeting.*                       the entries of `attendees`

Who is meant says a function of an id and an address, so that the same walk serves those who know the person and those who
have nothing but keyed marks. Bodies that were refused are walked as well: nothing is taken for granted but that it is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any

Meant = Callable[[str | None, str | None], bool]
"""Whether a contact's id and an e-mail address (lower-case), as far as they are said, mean the person."""

Rewrite = Callable[[Json], Json]


@dataclass
class Parted:
    """A body in two. `rest`: the envelope without the person, None when nothing of anybody is left. `people`: by which id and
    address each part named them. `meetings`: the ids of those in which they took part.
    """

    rest: dict[str, Json] | None
    parts: list[Json] = field(default_factory=list)
    people: list[tuple[str | None, str | None]] = field(default_factory=list)
    meetings: set[str] = field(default_factory=set)


def identifier(said: object) -> str | None:
    """An id as it is kept: text, or a whole number."""
    if isinstance(said, bool) or not isinstance(said, str | int):
        return None
    return str(said).strip() or None


def address(said: object) -> str | None:
    """An e-mail address as it is compared."""
    return (said.strip().lower() or None) if isinstance(said, str) else None


def parted(door: str, envelope: Mapping[str, Json], meant: Meant, in_meeting: Rewrite = lambda item: item) -> Parted:
    """Part a decoded body. `in_meeting` is what becomes of a meeting in which the person took part, beside the entry.

    What it calls itself counts before the door: it may have come to a wrong one, and been refused.
    """
    door = _DOORS.get(str(envelope.get("type")).partition(".")[0], door)
    data = envelope.get("data")
    items = data if isinstance(data, list) else [data]
    done = Parted(None)
    kept = [one for item in items if (one := _item(door, item, meant, done, in_meeting)) is not _GONE]
    if kept or not done.parts:
        done.rest = {**envelope, "data": kept if isinstance(data, list) else data if not kept else kept[0]}
    return done


_GONE = object()
_DOORS = {"contact": "contacts", "event": "events", "meeting": "meetings"}


def _item(door: str, item: Json, meant: Meant, done: Parted, in_meeting: Rewrite) -> Json:
    if not isinstance(item, dict):
        return item
    if door == "contacts":
        return _GONE if _taken(item, "id", item, meant, done) else item
    key, named = ("contacts", "id") if door == "events" else ("attendees", "contact_id")
    listed = item.get(key)
    if not isinstance(listed, list):
        return item
    around = {name: item[name] for name in _AROUND if name in item}
    kept = [one for one in listed if not _taken(one, named, {**around, key: [one]}, meant, done)]
    if len(kept) == len(listed):
        return item
    if door == "events":
        return {**item, key: kept} if kept else _GONE
    meeting_id = identifier(item.get("id"))
    if meeting_id is not None:
        done.meetings.add(meeting_id)
    return in_meeting({**item, key: kept})


_AROUND = ("id", "event_id", "title", "starts_at", "ends_at", "timezone", "location", "status", "updated_at")
"""What an export shows of the meeting or the event around the person's own entry; its notes may speak of anybody."""


def _taken(one: Json, named: str, part: Json, meant: Meant, done: Parted) -> bool:
    if not isinstance(one, dict):
        return False
    said = identifier(one.get(named)), address(one.get("email"))
    if said == (None, None) or not meant(*said):
        return False
    done.parts.append(part)
    done.people.append(said)
    return True
