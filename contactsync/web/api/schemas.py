"""What the API answers, as the OpenAPI document describes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from contactsync.domain.known_problems import problem_shown
from contactsync.domain.records import SyncAs, SyncStatus
from contactsync.store.views import DELIVERY_STATUSES


def noted(description: str, **more: object) -> dict[str, Any]:
    """What the docs say about a field."""
    return {"description": description, **more}


def text(description: str = "", **options: Any) -> ma.fields.String:
    """A text that may be null."""
    return ma.fields.String(
        allow_none=True, dump_default=None, metadata=noted(description) if description else {}, **options
    )


def word(words: Iterable[str], description: str = "", **options: Any) -> ma.fields.String:
    """One of a few words, listed in the docs."""
    one_of = ma.validate.OneOf([str(each) for each in words])
    return ma.fields.String(validate=one_of, metadata=noted(description) if description else {}, **options)


class Instant(ma.fields.DateTime):
    """A time in UTC: 2026-11-24T03:53:11.000000Z."""

    def _serialize(self, value: datetime | None, *_args: object, **_options: object) -> str | float | None:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(description: str) -> Instant:
    """A time that may be null."""
    return Instant(allow_none=True, metadata=noted(description))


class Problem(ma.Schema):
    """Why something does not work, for people."""

    id = ma.fields.String(metadata=noted("What has one cause has one id: `GET problems` groups by it."))
    code = ma.fields.String(metadata=noted("Stable, for programs."))
    cause = ma.fields.String(metadata=noted("What is wrong, in plain words."))
    fix = ma.fields.String(metadata=noted("What to do about it."))
    who = ma.fields.String(metadata=noted("Who can fix it."))
    object = text("The kind of CRM record it is about, if it is about one.")
    fields = ma.fields.List(ma.fields.String(), metadata=noted("The CRM fields it is about."))  # type: ignore[assignment] # the wire's name
    mended_by = ma.fields.List(ma.fields.String(), metadata=noted("What would make it go, in plain words."))

    @ma.pre_dump
    def _in_words(self, problem: Any, **_options: Any) -> dict[str, Any]:
        """What a table keeps, or the sync says, in words; what has its words already stays."""
        return problem if isinstance(problem, dict) and "id" in problem else problem_shown(problem)


class SyncState(ma.Schema):
    """How a contact's sync stands. `synced` only after the CRM said so."""

    status = word(SyncStatus)
    sync_as = word(SyncAs, "What it becomes in the CRM.", allow_none=True)
    crm_object = text("Lead or Contact, once there is one.")
    crm_id = text("The CRM's id of that record.")
    crm_url = text("Where a person can open that record.")
    last_synced_at = moment("When the CRM last confirmed everything of this contact.")
    missing_fields = ma.fields.List(ma.fields.String(), metadata=noted("While incomplete: what is missing."))
    problem = ma.fields.Nested(Problem, allow_none=True, metadata=noted("What holds it up, while something does."))
    why = ma.fields.List(ma.fields.String(), metadata=noted("What the last run did and why, in plain words."))


class Company(ma.Schema):
    """A company of the event platform."""

    id = text("The event platform's own id, if it gave one.")
    key = ma.fields.String(metadata=noted("What names it here: `id:…` or `name:…`."))
    name = text()
    domain = text("Host name of its website.")
    linked = ma.fields.Boolean(metadata=noted("Whether it is tied to an Account of the CRM."))
    account_id = text("That Account; while not linked, the one that was picked for it.")
    account_url = text("Where a person can open that Account.")
    merged_into = text("The key of the company that it was merged into: what names it names that one.")


class ContactEvent(ma.Schema):
    """An event that a contact takes part in."""

    id = ma.fields.String(metadata=noted("The event platform's own id."))
    name = text("Null while only its id was heard of.")
    status = ma.fields.String(metadata=noted("As the event platform says it: registered, attended, …"))
    campaign_id = text("The CRM campaign the event is connected to.")


class Address(ma.Schema):
    """A postal address."""

    street, city, state, postal_code, country = text(), text(), text(), text(), text()


class Social(ma.Schema):
    """Social links."""

    linkedin, twitter, facebook, instagram = text(), text(), text(), text()


class Contact(ma.Schema):
    """A contact of the event platform, and how its sync stands."""

    id = ma.fields.String(metadata=noted("The event platform's own id."))
    first_name, last_name, email, title, phone, mobile_phone = text(), text(), text(), text(), text(), text()
    website, note, owner_email, source = text(), text(), text(), text()
    social = ma.fields.Nested(Social)
    address = ma.fields.Nested(Address)
    custom = ma.fields.Dict(keys=ma.fields.String(), metadata=noted("The event platform's custom fields."))
    company = ma.fields.Nested(Company, allow_none=True)
    events = ma.fields.List(ma.fields.Nested(ContactEvent))
    deleted = ma.fields.Boolean(metadata=noted("Deleted at the event platform; the CRM's record is left as it is."))
    created_at = moment("When it was first heard of.")
    updated_at = moment("When something was last said about it.")
    sync = ma.fields.Nested(SyncState)


class Attendee(Contact):
    """A contact that takes part in an event."""

    attendance = ma.fields.String(metadata=noted("Its status at this event: registered, attended, …"))


class Event(ma.Schema):
    """An event of the event platform, connected to a campaign or not."""

    id = ma.fields.String(metadata=noted("The event platform's own id."))
    name, type, starts_at, ends_at, timezone = text(), text(), text(), text(), text()
    venue, city, country, url, status = text(), text(), text(), text(), text()
    custom = ma.fields.Dict(keys=ma.fields.String(), metadata=noted("The event platform's custom fields."))
    known = ma.fields.Boolean(metadata=noted("False while only its id was heard of."))
    deleted = ma.fields.Boolean()
    campaign_id = text("The CRM campaign whose members its contacts become.")
    campaign_url = text("Where a person can open that campaign.")
    campaign_from = word(
        ["person", "event_platform", "made"],
        "Who chose the campaign; what a person chose stands. made: contactsync made it of the event.",
        allow_none=True,
    )
    created_at = moment("When it was first heard of.")
    updated_at = moment("When something was last said about it.")


class EventWithCounts(Event):
    """An event, and how the sync of its contacts stands."""

    contacts = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), metadata=noted("How many contacts have which sync status.")
    )


class MeetingAttendee(ma.Schema):
    """Somebody who takes part in a meeting."""

    contact_id = text("The event platform's own id, if it is one of its contacts.")
    email = text()
    response = text("As the event platform says it: accepted, declined, tentative, …")
    attended = ma.fields.Boolean(allow_none=True)


class MeetingSync(ma.Schema):
    """How a meeting's sync stands."""

    status = word(SyncStatus, "Null while the CRM has nothing to do with it.", allow_none=True)
    crm_object = text("Activity, once there is one.")
    crm_id = text("The CRM's id of that record.")
    crm_url = text("Where a person can open that record.")
    last_synced_at = moment("When the CRM last confirmed everything of this meeting.")
    problem = ma.fields.Nested(Problem, allow_none=True, metadata=noted("What holds it up, while something does."))
    why = ma.fields.List(ma.fields.String(), metadata=noted("What the last run did and why, in plain words."))


class Meeting(ma.Schema):
    """A meeting of the event platform, and how its sync stands."""

    id = ma.fields.String(metadata=noted("The event platform's own id."))
    title, starts_at, ends_at, timezone, location, notes = text(), text(), text(), text(), text(), text()
    event_id = text("The event it belongs to.")
    host_email = text("Who holds it: the Activity's owner.")
    status = text("scheduled, completed, cancelled or no_show.")
    attendees = ma.fields.List(ma.fields.Nested(MeetingAttendee))
    deleted = ma.fields.Boolean(
        metadata=noted("Deleted at the event platform; the CRM's record is kept, as cancelled.")
    )
    created_at = moment("When it was first heard of.")
    updated_at = moment("When something was last said about it.")
    sync = ma.fields.Nested(MeetingSync)


class DeliveryError(ma.Schema):
    """What was wrong with a delivery."""

    path = ma.fields.String()
    message = ma.fields.String()


class Delivery(ma.Schema):
    """One webhook as it arrived, without its body."""

    id = ma.fields.String()
    webhook_id = ma.fields.String(metadata=noted("The sender's header webhook-id."))
    door = ma.fields.String(metadata=noted("Where it arrived: contacts, events, meetings."))
    type = text("The payload's type, if it could be read.")
    status = word(
        DELIVERY_STATUSES,
        "accepted: waits its turn; absorbed: done; rejected: unreadable; failed: could not be absorbed.",
    )
    received_at = moment("When it arrived.")
    absorbed_at = moment("When it was brought into contacts, events and meetings.")
    errors = ma.fields.List(ma.fields.Nested(DeliveryError), metadata=noted("Rejected or failed: why."))
    log = ma.fields.Dict(
        keys=ma.fields.String(),
        metadata=noted("Unknown keys, duplicates, parts of erased people that were left out (`erased`), …"),
    )
    replays = ma.fields.Integer(metadata=noted("How often it was replayed."))
    replayed_at = moment("When it was replayed last.")
    body_removed_at = moment("When its body, or a person in it, was removed.")
    body_removed_for = text("What for: retention, erasure.")


class Choice(ma.Schema):
    """A record of the CRM to pick."""

    id = ma.fields.String()
    label = ma.fields.String()
    detail = ma.fields.String()


class Choices(ma.Schema):
    """Up to 20 records whose name holds the text."""

    items = ma.fields.List(ma.fields.Nested(Choice))


def listing(item: type[ma.Schema]) -> type[ma.Schema]:
    """The answer of a list of such items."""
    fields: dict[str, Any] = {
        "items": ma.fields.List(ma.fields.Nested(item)),
        "next": text("Send it as `cursor` for the next page; null: this was the last."),
    }
    return ma.Schema.from_dict(fields, name=f"{item.__name__}List")


ContactList = listing(Contact)
AttendeeList = listing(Attendee)
EventList = listing(Event)
CompanyList = listing(Company)
DeliveryList = listing(Delivery)
MeetingList = listing(Meeting)
