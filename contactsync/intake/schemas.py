"""Every payload, field by field, with its meaning: the door checks by it, and docs/webhooks.md is made from it."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import ValidationError, missing

from contactsync.domain.edits import CONSOLE
from contactsync.intake.fields import (
    Address,
    Custom,
    Email,
    Host,
    Identifier,
    Moment,
    OneOf,
    OnNull,
    Text,
    Value,
    Word,
    WordOf,
)
from contactsync.intake.shape import Part, Rows, Shape, UnknownKeys
from contactsync.intake.times import LocalMoment, Truth, Zone

LONG = 32_000
CRM_ID = 64
MOST_ATTENDEES = 200

UPDATED_AT = "When this record was last changed at the source: decides which of two versions of a field is newer."
CUSTOM = (
    "Any further fields; the mapping says where they go. An object that leaves a name out leaves that field as it is."
)


class CompanyShape(Shape):
    """A company as an object."""

    id = Identifier("Your own id of the company. With it, its name may change.", on_null=OnNull.ABSENT)
    name = Text("Its name.", most=500)
    domain = Host("The host name of its website; a whole address is taken too. Finds the Account.")
    account_id = Text("The CRM's id of the Account that a person picked.", most=CRM_ID)

    def finish(self, kept: dict[str, object]) -> object:
        """A company is known by its id or its name; one of which nothing is said is no company."""
        if "id" in kept or kept.get("name"):
            return kept
        if any(value is not None for value in kept.values()):
            raise ValidationError("Has neither id nor name: send at least one of them.")
        return None if kept else missing


class CompanyField(Part):
    """A company: its name alone, or an object."""

    shown = "text, or object"

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, CompanyShape)
        self.name_alone = Text("", most=500)

    def read(self, value: object) -> object:
        """The name as text, or the object."""
        return self.name_alone.read(value) if isinstance(value, str) else super().read(value)

    def swift(self, value: object, unknown: UnknownKeys, at: str) -> object:
        """The same, swiftly."""
        return self.name_alone.read(value) if isinstance(value, str) else super().swift(value, unknown, at)


class SocialShape(Shape):
    """Social profiles."""

    linkedin = Text("Address or name of the LinkedIn profile.")
    twitter = Text("Of the profile on X (Twitter).")
    facebook = Text("Of the Facebook profile.")
    instagram = Text("Of the Instagram profile.")


class AddressShape(Shape):
    """A postal address."""

    street = Text("Street and number; may have several lines.")
    city = Text("City.")
    state = Text("State or province.")
    postal_code = Text("Postal code, as text.")
    country = Text("Country.")


class AttendanceShape(Shape):
    """An event that a contact takes part in."""

    id = Identifier("Your own id of the event. It may be one that was not sent yet.", required=True)
    status = Word(
        "`invited`, `registered`, `waitlisted`, `declined`, `cancelled`, `attended`, `no_show`, or a word of your own. "
        "`registered` while none was ever sent.",
        on_null=OnNull.ABSENT,
    )


class ContactShape(Shape):
    """A contact."""

    id = Identifier("Your own id of the contact; the same for ever.", required=True)
    first_name = Text("First name. Required before the contact can be synced.")
    last_name = Text("Last name. Required before the contact can be synced.")
    email = Email("E-mail address: how the CRM's record is found. Required before the contact can be synced.")
    company = CompanyField("The company: its name, or an object. Required before the contact can be synced.")
    sync_as = OneOf(
        "What it becomes in the CRM. Required before the contact can be synced, unless the org has a default.",
        "lead",
        "contact",
    )
    title = Text("Job title.")
    phone = Text("Main phone.")
    mobile_phone = Text("Mobile phone.")
    website = Text("The contact's website.")
    note = Text("A note; becomes the CRM's description.", most=LONG)
    owner_email = Email("E-mail address of the person who owns the contact: the CRM user with it becomes the owner.")
    social = Part("Social profiles.", SocialShape)
    address = Part("Postal address.", AddressShape)
    custom = Custom(CUSTOM)
    events = Rows(
        "The events it takes part in. A list adds and changes; events it leaves out stay. `null`: it takes part in none.",
        AttendanceShape,
    )
    source = Text("Where the contact was met or captured. For values that have a meaning, see below.", most=255)
    updated_at = Moment(UPDATED_AT, on_null=OnNull.ABSENT)


class EventShape(Shape):
    """An event."""

    id = Identifier("Your own id of the event; the same for ever.", required=True)
    name = Text("Its name.")
    type = Text("What kind of event it is, such as conference or dinner.")
    starts_at = Moment("When it starts.")
    ends_at = Moment("When it ends.")
    timezone = Text("The time zone of the place, such as Europe/Berlin.", most=64)
    venue = Text("The place.")
    city = Text("City.")
    country = Text("Country.")
    url = Address("Its web page.")
    status = Word("Such as `draft`, `published`, `cancelled`.")
    campaign_id = Text(
        "The CRM's id of the campaign it is connected to; a choice made in contactsync comes before it.", most=CRM_ID
    )
    custom = Custom(CUSTOM)
    updated_at = Moment(UPDATED_AT, on_null=OnNull.ABSENT)


class DeletedContactShape(Shape):
    """A contact that is gone; the CRM's record stays as it is."""

    passed_over = frozenset(ContactShape().fields)
    id = Identifier("Your own id of the contact.", required=True)
    updated_at = Moment("When it was deleted.", on_null=OnNull.ABSENT)


class DeletedEventShape(Shape):
    """An event that is gone; the CRM's campaign stays as it is."""

    passed_over = frozenset(EventShape().fields)
    id = Identifier("Your own id of the event.", required=True)
    updated_at = Moment("When it was deleted.", on_null=OnNull.ABSENT)


class ParticipantShape(Shape):
    """Somebody on an event's list: known by id, or by e-mail address alone."""

    id = Identifier("Your own id of the contact. It may be one that was not sent yet.", on_null=OnNull.ABSENT)
    email = Email("E-mail address, when there is no id.", on_null=OnNull.ABSENT)
    status = Word("As in a contact's `events`.", on_null=OnNull.ABSENT)

    def finish(self, kept: dict[str, object]) -> object:
        """Without either nobody is meant."""
        if "id" not in kept and "email" not in kept:
            raise ValidationError("Has neither id nor email: send one of them.")
        return kept


class RosterShape(Shape):
    """Contacts that joined or left an event."""

    event_id = Identifier("Your own id of the event. It may be one that was not sent yet.", required=True)
    contacts = Rows("Who joined or left: 1 to 500.", ParticipantShape, required=True)


class AttendeeShape(Shape):
    """Somebody who takes part in a meeting: a contact by id, or an e-mail address alone."""

    contact_id = Identifier("Your own id of the contact. It may be one that was not sent yet.", on_null=OnNull.ABSENT)
    email = Email(
        "E-mail address, when there is no contact of yours. Beside an id it helps to find the contact.",
        on_null=OnNull.ABSENT,
    )
    response = Word("`accepted`, `declined`, `tentative`, or a word of your own.", on_null=OnNull.ABSENT)
    attended = Truth("Whether they came.")

    def finish(self, kept: dict[str, object]) -> object:
        """Without either nobody is meant."""
        if "contact_id" not in kept and "email" not in kept:
            raise ValidationError("Has neither contact_id nor email: send one of them.")
        return kept


class MeetingShape(Shape):
    """A meeting."""

    id = Identifier("Your own id of the meeting; the same for ever.", required=True)
    title = Text("What it is about; becomes the subject.")
    starts_at = LocalMoment(
        "When it starts. A time without offset is local to `timezone`, or to that of its event; a date alone makes it an "
        "all-day meeting. Needed before the meeting can be synced."
    )
    ends_at = LocalMoment(
        "When it ends; for dates the last day, which belongs to it. At most 14 days after the start. Half an hour after "
        "the start while it was never sent."
    )
    timezone = Zone("The time zone of its local times, by IANA name, such as Europe/Berlin.")
    location = Text("The place: a room, an address, a link.")
    notes = Text("Notes; become the description.", most=LONG)
    event_id = Identifier("Your own id of the event that it belongs to. It may be one that was not sent yet.")
    host_email = Email("E-mail address of the host: the CRM user with it becomes the owner.")
    status = WordOf(
        "What became of it. `scheduled` while none was ever sent.", "scheduled", "completed", "cancelled", "no_show"
    )
    attendees = Rows(
        f"Who takes part, at most {MOST_ATTENDEES}. The list is whole: who is not on it any more no longer takes part. "
        "`null` and `[]`: nobody.",
        AttendeeShape,
        most=MOST_ATTENDEES,
    )
    updated_at = Moment(UPDATED_AT, on_null=OnNull.ABSENT)


class DeletedMeetingShape(Shape):
    """A meeting that is gone; its Activity stays in the CRM, marked as cancelled."""

    passed_over = frozenset(MeetingShape().fields)
    id = Identifier("Your own id of the meeting.", required=True)
    updated_at = Moment("When it was deleted.", on_null=OnNull.ABSENT)


class EnvelopeShape(Shape):
    """The body of a webhook, around `data`."""

    timestamp = Moment(
        "When the webhook was made: the version of everything in it that has no `updated_at`.", required=True
    )


CONTACT, EVENT, ROSTER = ContactShape(), EventShape(), RosterShape()
MEETING = MeetingShape()
DELETED_CONTACT, DELETED_EVENT, DELETED_MEETING = DeletedContactShape(), DeletedEventShape(), DeletedMeetingShape()
TIMESTAMP: Value = EnvelopeShape().fields["timestamp"]  # type: ignore[assignment]  # declared above as a Moment

DOORS: Mapping[str, Mapping[str, Shape]] = {
    "contacts": {"contact.created": CONTACT, "contact.updated": CONTACT, "contact.deleted": DELETED_CONTACT},
    "events": {
        "event.created": EVENT,
        "event.updated": EVENT,
        "event.cancelled": EVENT,
        "event.deleted": DELETED_EVENT,
        "event.contacts_added": ROSTER,
        "event.contacts_removed": ROSTER,
    },
    "meetings": {
        "meeting.created": MEETING,
        "meeting.updated": MEETING,
        "meeting.cancelled": MEETING,
        "meeting.deleted": DELETED_MEETING,
    },
}
"""Door → type → the shape of each thing in `data`. Built once: building a schema costs three times a load."""

READ: Mapping[str, Mapping[str, Shape]] = {**DOORS, CONSOLE: {"contact.updated": CONTACT}}
"""What is read, wherever it came from."""
