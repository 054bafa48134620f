"""The event platform's side: contacts, companies, events and attendances, as they stand after all deliveries so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Scalar = str | int | float | bool | None
"""What one field may hold. None and "" are blank; False and 0 are values."""


class SyncAs(StrEnum):
    """What a contact becomes in the CRM."""

    LEAD = "lead"
    CONTACT = "contact"


class SyncStatus(StrEnum):
    """What people see of a contact's sync."""

    INCOMPLETE = "incomplete"  # a required field is missing; nothing is sent
    QUEUED = "queued"  # waits for its turn
    SYNCED = "synced"  # the CRM said so, row by row
    RETRYING = "retrying"  # failed in passing; comes back by itself
    NEEDS_ATTENTION = "needs_attention"  # never by itself: the problem names cause, fix and who
    EXCLUDED = "excluded"  # deleted at the source; the CRM's record is left as it is


@dataclass(frozen=True)
class Company:
    """A company of the event platform. `key` is `id:<its id>` or `name:<normalised name>`, unique within an org."""

    key: str
    name: str | None = None
    domain: str | None = None  # host name only, lower-case, without "www."
    account_id: str | None = None  # the CRM Account that a person picked
    unlinked: bool = False  # a person said that it has none: it gets none before somebody links it


@dataclass(frozen=True)
class Attendance:
    """A contact takes part in an event. `campaign_id` is the CRM campaign the event is connected to, if any."""

    event_id: str
    status: str  # lower-case, as the event platform says it: "invited", "registered", "attended", …
    campaign_id: str | None = None
    removed: bool = False


@dataclass(frozen=True)
class Contact:
    """A contact of the event platform, whole: its fields, its company and its attendances.

    `fields` is flat, by path: `first_name`, `address.city`, `social.linkedin`, `custom.shoe_size`; a path that is
    absent was never said, None was cleared at the source. The company is not in `fields`.
    """

    id: str
    fields: Mapping[str, Scalar]
    company: Company | None = None
    attendances: tuple[Attendance, ...] = ()
    deleted: bool = False
    changed: str = ""  # the newest version of any field, ISO 8601 in UTC: orders contacts that share one CRM record

    @property
    def email(self) -> str | None:
        """The e-mail address, lower-case: the key of matching. None when blank."""
        value = self.fields.get("email")
        return value.strip().lower() or None if isinstance(value, str) else None

    def text(self, path: str) -> str | None:
        """A field as text, None when it is blank."""
        value = self.fields.get(path)
        if value is None:
            return None
        return str(value).strip() or None


@dataclass(frozen=True)
class Event:
    """An event of the event platform, connected to a CRM campaign or not."""

    id: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    campaign_id: str | None = None
    deleted: bool = False


@dataclass(frozen=True)
class Attendee:
    """Somebody who takes part in a meeting: a contact by id, or an e-mail address (lower-case) alone."""

    contact_id: str | None = None
    email: str | None = None
    response: str | None = None  # lower-case, as the event platform says it: accepted, declined, tentative, …
    attended: bool | None = None


@dataclass(frozen=True)
class Meeting:
    """A meeting of the event platform, whole. `fields` by path, as a contact's: title, starts_at, ends_at, timezone,
    location, notes, event_id, host_email, status. `attendees` in the order in which they were sent.
    """

    id: str
    fields: Mapping[str, Scalar]
    attendees: tuple[Attendee, ...] = ()
    deleted: bool = False
    changed: str = ""  # the newest version of any field, ISO 8601 in UTC

    def text(self, path: str) -> str | None:
        """A field as text, None when it is blank."""
        value = self.fields.get(path)
        return None if value is None else str(value).strip() or None


REQUIRED = ("first_name", "last_name", "email", "company", "sync_as")
"""Without these a contact is incomplete and nothing is sent (rule 1)."""
