"""What must be in the CRM, worked out from what the senders know was accepted. None of the product's own code is used.

Of each field the value of the newest moment that carried it counts, in whatever order deliveries went out; a null or an empty
value erases nothing in the CRM. A moment is an item's `updated_at`, else the envelope's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.stream import Delivery

REQUIRED = ("first_name", "last_name", "email", "company", "sync_as")
_APART = frozenset({"id", "updated_at", "events", "address"})

History = list[tuple[str, Any]]
"""(moment, value), in any order."""


def newest(history: Iterable[tuple[str, Any]]) -> Any:
    """The value of the newest moment; None when nothing was said."""
    said = list(history)
    return max(said, key=lambda one: one[0])[1] if said else None


@dataclass
class Person:
    """A contact of an event platform: all that was ever said of it."""

    fields: dict[str, History] = field(default_factory=dict)
    deleted: History = field(default_factory=list)

    def value(self, path: str) -> Any:
        """The newest value of a field."""
        return newest(self.fields.get(path, ()))

    def said(self, path: str) -> set[Any]:
        """All values that a field ever had, without blanks."""
        return {value for _, value in self.fields.get(path, ()) if value}

    @property
    def gone(self) -> bool:
        """Whether it is deleted at the event platform."""
        return bool(newest(self.deleted))

    @property
    def complete(self) -> bool:
        """Whether the CRM can have it."""
        return all(self.value(path) for path in REQUIRED)


@dataclass
class Attendance:
    """A contact takes part in an event: (moment, status or None, removed)."""

    said: list[tuple[str, str | None, bool]] = field(default_factory=list)

    @property
    def removed(self) -> bool:
        """Whether the newest word is that it does not."""
        return max(self.said)[2]

    @property
    def ever(self) -> bool:
        """Whether anybody ever said that it does."""
        return not all(removed for _, _, removed in self.said)

    @property
    def status(self) -> str:
        """The newest status that was said; "registered" when none ever was."""
        return newest((moment, status) for moment, status, _ in self.said if status) or "registered"

    @property
    def statuses(self) -> set[str]:
        """All that its status may have been on the way."""
        return {status or "registered" for _, status, removed in self.said if status or not removed}


@dataclass
class Wanted:
    """What the accepted deliveries of one org come to."""

    people: dict[str, Person] = field(default_factory=dict)
    attendances: dict[tuple[str, str], Attendance] = field(default_factory=dict)  # (event, contact)
    campaigns: dict[str, History] = field(default_factory=dict)  # event → its campaign's id
    meetings: dict[str, dict[str, History]] = field(default_factory=dict)

    def campaign(self, event: str) -> str | None:
        """The campaign that an event is connected to."""
        said: str | None = newest(self.campaigns.get(event, ()))
        return said


def wanted(accepted: Iterable[Delivery]) -> Mapping[str, Wanted]:
    """By org, of the deliveries that were answered 202 or 200, each once, in any order."""
    made: dict[str, Wanted] = {}
    for delivery in accepted:
        org = made.setdefault(delivery.org, Wanted())
        items = delivery.data if isinstance(delivery.data, list) else [delivery.data]
        for item in items:
            _take(org, delivery.type, item, item.get("updated_at") or delivery.sent_at)
    return made


def _take(org: Wanted, type_: str, item: Mapping[str, Any], moment: str) -> None:
    subject, _, verb = type_.partition(".")
    if subject == "contact":
        _take_contact(org.people.setdefault(item["id"], Person()), item, moment, deleted=verb == "deleted")
        for event in item.get("events", ()):
            attendance = org.attendances.setdefault((event["id"], item["id"]), Attendance())
            attendance.said.append((moment, event.get("status"), False))
    elif verb in ("contacts_added", "contacts_removed"):
        for one in item["contacts"]:
            attendance = org.attendances.setdefault((item["event_id"], one["id"]), Attendance())
            attendance.said.append((moment, one.get("status"), verb == "contacts_removed"))
    elif subject == "event":
        if "campaign_id" in item:
            org.campaigns.setdefault(item["id"], []).append((moment, item["campaign_id"]))
    else:
        meeting = org.meetings.setdefault(item["id"], {})
        said = {path: value for path, value in item.items() if path not in ("id", "updated_at")}
        if verb == "cancelled":
            said["status"] = "cancelled"
        for path, value in said.items():
            meeting.setdefault(path, []).append((moment, value))


def _take_contact(person: Person, item: Mapping[str, Any], moment: str, *, deleted: bool) -> None:
    person.deleted.append((moment, deleted))
    if deleted:
        return
    said = {path: value for path, value in item.items() if path not in _APART}
    said |= {f"address.{path}": value for path, value in item.get("address", {}).items()}
    for path, value in said.items():
        person.fields.setdefault(path, []).append((moment, value))
