"""What one decoded item of a delivery says: changes to a contact, its company, its attendances, an event, or a meeting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contactsync.domain.merge import ATTENDEES, DELETED, EVENTS, GROUPS, Version, version_of
from contactsync.domain.names import company_key, normalised_domain
from contactsync.domain.records import Attendee, Scalar

DEFAULT_ATTENDANCE = "registered"
"""The status of an attendance that none was ever given for."""

MOST_AHEAD = timedelta(days=1)
"""A time further than this after the delivery came is a wrong clock's: it would keep every later change out."""

_CONTACT_APART = {"id", "company", EVENTS, "updated_at", *GROUPS}
_EVENT_APART = {"id", "updated_at", "custom"}
_MEETING_APART = {"id", "updated_at", ATTENDEES}


@dataclass(frozen=True)
class CompanyChange:
    """Something said about a company."""

    key: str
    changes: Mapping[str, Scalar]
    version: Version


@dataclass(frozen=True)
class AttendanceChange:
    """Somebody takes part, or no longer does. `status` None: not said. `who`: `id:<contact>` or `email:<address>`."""

    event_id: str
    who: str
    status: str | None
    removed: bool
    version: Version


@dataclass(frozen=True)
class ContactChange:
    """Something said about a contact. `events: None` among the changes: every older attendance is removed."""

    id: str
    changes: Mapping[str, Scalar]
    version: Version
    company: CompanyChange | None = None
    attendances: tuple[AttendanceChange, ...] = ()
    by_hand: bool = False  # it says nothing of whether the contact is there: it makes none, and brings none back


@dataclass(frozen=True)
class EventChange:
    """Something said about an event."""

    id: str
    changes: Mapping[str, Scalar]
    version: Version


@dataclass(frozen=True)
class MeetingChange:
    """Something said about a meeting. `attendees` among the changes: their whole list, as `attendees_as_json` keeps it."""

    id: str
    changes: Mapping[str, Scalar]
    version: Version


@dataclass
class Changes:
    """All that one delivery says, in its order. `future_times`: how often a time was too far ahead, and was not believed."""

    contacts: list[ContactChange] = field(default_factory=list)
    events: list[EventChange] = field(default_factory=list)
    attendances: list[AttendanceChange] = field(default_factory=list)
    meetings: list[MeetingChange] = field(default_factory=list)
    future_times: int = 0
    unknown_keys: Mapping[str, int] = field(default_factory=dict)  # path → how often: ignored, but counted


def who_by_id(contact_id: str) -> str:
    """An attendance's person, known by id."""
    return f"id:{contact_id}"


def who_by_email(email: str) -> str:
    """An attendance's person, known by e-mail address only."""
    return f"email:{email.strip().lower()}"


def attendees_as_json(attendees: Sequence[Attendee]) -> str:
    """A meeting's attendees as the one field that they are."""
    kept = [{name: value for name, value in asdict(one).items() if value is not None} for one in attendees]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def attendees_from_json(kept: Scalar) -> tuple[Attendee, ...]:
    """The attendees out of their field, in the order in which they were sent."""
    return tuple(Attendee(**said) for said in json.loads(kept)) if isinstance(kept, str) else ()


def changes_of(
    type_: str,
    sent_at: str,
    items: tuple[Mapping[str, Any], ...],
    delivery: int,
    received_at: datetime | None = None,
    *,
    by_hand: bool = False,
) -> Changes:
    """What a decoded delivery says. `delivery`: its number, the last tie-break between versions.

    `received_at`: when it came; a version more than MOST_AHEAD later is taken to be of that time. `by_hand`: a person said it
    here; its times are ours, and may have to be after those of a sender that are ahead.
    """
    changes = Changes()
    clock = _Clock(None if by_hand else received_at)
    sent = clock.believed(sent_at)
    for index, item in enumerate(items):
        updated_at = item.get("updated_at")
        version = version_of(clock.believed(updated_at) if updated_at else None, sent, delivery * 1000 + index)
        match type_.split("."):
            case ["contact", verb]:
                changes.contacts.append(_contact_change(item, version, deleted=verb == "deleted", by_hand=by_hand))
            case ["event", "contacts_added" | "contacts_removed" as verb]:
                changes.attendances.extend(_roster(item, version, removed=verb == "contacts_removed"))
            case ["event", verb]:
                changes.events.append(_event_change(item, version, verb))
            case ["meeting", verb]:
                changes.meetings.append(_meeting_change(item, version, verb))
    changes.future_times = clock.corrected
    return changes


class _Clock:
    """Holds the times of a delivery against the time it came."""

    def __init__(self, received_at: datetime | None) -> None:
        self.corrected = 0
        self._received = moment_text(received_at) if received_at is not None else ""
        self._latest = moment_text(received_at + MOST_AHEAD) if received_at is not None else "~"  # after every digit

    def believed(self, said: str) -> str:
        if said <= self._latest:
            return said
        self.corrected += 1
        return self._received


def moment_text(moment: datetime) -> str:
    """A time as the door writes it: of fixed width, so that times sort."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def _contact_change(item: Mapping[str, Any], version: Version, *, deleted: bool, by_hand: bool) -> ContactChange:
    contact_id = item["id"]
    if deleted:
        return ContactChange(contact_id, {DELETED: True}, version)
    fields: dict[str, Scalar] = {key: value for key, value in item.items() if key not in _CONTACT_APART}
    if not by_hand:
        fields[DELETED] = False
    fields.update(_grouped(item))
    company = None
    if "company" in item:
        company = _company_change(item["company"], version)
        if company is not None or item["company"] is None:
            fields["company"] = company.key if company else None
    events = item.get(EVENTS, ())
    if events is None:
        fields[EVENTS] = None
    return ContactChange(
        contact_id,
        fields,
        version,
        company,
        tuple(
            AttendanceChange(entry["id"], who_by_id(contact_id), entry.get("status"), removed=False, version=version)
            for entry in events or ()
        ),
        by_hand,
    )


def _grouped(item: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    for group in GROUPS:
        if group not in item:
            continue
        if item[group] is None:
            yield group, None
            continue
        for name, value in item[group].items():
            yield f"{group}.{name}", value


def _company_change(said: object, version: Version) -> CompanyChange | None:
    named: dict[str, Any]
    if isinstance(said, str):
        named = {"name": said}
    elif isinstance(said, dict):
        named = dict(said)
    else:
        return None
    key = company_key(named)
    if key is None:
        return None
    changes = {name: value for name, value in named.items() if name in ("name", "domain", "account_id")}
    if isinstance(changes.get("domain"), str):
        changes["domain"] = normalised_domain(changes["domain"])
    return CompanyChange(key, changes, version)


def _event_change(item: Mapping[str, Any], version: Version, verb: str) -> EventChange:
    fields: dict[str, Scalar] = {key: value for key, value in item.items() if key not in _EVENT_APART}
    fields.update((path, value) for path, value in _grouped({"custom": item["custom"]} if "custom" in item else {}))
    fields[DELETED] = verb == "deleted"
    if verb == "cancelled":
        fields["status"] = "cancelled"
    return EventChange(item["id"], fields, version)


def _meeting_change(item: Mapping[str, Any], version: Version, verb: str) -> MeetingChange:
    fields: dict[str, Scalar] = {key: value for key, value in item.items() if key not in _MEETING_APART}
    if ATTENDEES in item:
        fields[ATTENDEES] = attendees_as_json(_attendees(item[ATTENDEES] or ()))
    fields[DELETED] = verb == "deleted"
    if verb == "cancelled":
        fields["status"] = "cancelled"
    return MeetingChange(item["id"], fields, version)


def _attendees(said: Sequence[Mapping[str, Any]]) -> list[Attendee]:
    """Each once: what is said of one again, by the same id or else address, counts."""
    attendees: dict[str, Attendee] = {}
    for one in said:
        email = one["email"].strip().lower() if one.get("email") else None
        who = who_by_id(one["contact_id"]) if one.get("contact_id") else who_by_email(email or "")
        attendees[who] = Attendee(one.get("contact_id"), email, one.get("response"), one.get("attended"))
    return list(attendees.values())


def _roster(item: Mapping[str, Any], version: Version, *, removed: bool) -> Iterator[AttendanceChange]:
    for entry in item["contacts"]:
        who = who_by_id(entry["id"]) if entry.get("id") else who_by_email(entry["email"])
        yield AttendanceChange(item["event_id"], who, entry.get("status"), removed, version)
