"""What the API answers, as the OpenAPI document describes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from contactsync.domain.crm import Action, RecordKind
from contactsync.domain.records import SyncAs, SyncStatus
from contactsync.store.views import DELIVERY_STATUSES


def _said(description: str, **more: object) -> dict[str, Any]:
    return {"description": description, **more}


def text(description: str = "", **options: Any) -> ma.fields.String:
    """A text that may be null."""
    return ma.fields.String(
        allow_none=True, dump_default=None, metadata=_said(description) if description else {}, **options
    )


def word(words: Iterable[str], description: str = "", **options: Any) -> ma.fields.String:
    """One of a few words, listed in the docs."""
    one_of = ma.validate.OneOf([str(each) for each in words])
    return ma.fields.String(validate=one_of, metadata=_said(description) if description else {}, **options)


class Instant(ma.fields.DateTime):
    """A time in UTC: 2026-11-24T03:53:11.000000Z."""

    def _serialize(self, value: datetime | None, *_args: object, **_options: object) -> str | float | None:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(description: str) -> Instant:
    return Instant(allow_none=True, metadata=_said(description))


class Problem(ma.Schema):
    """Why something does not work, for people."""

    code = ma.fields.String(metadata=_said("Stable, for programs."))
    cause = ma.fields.String(metadata=_said("What is wrong, in plain words."))
    fix = ma.fields.String(metadata=_said("What to do about it."))
    who = ma.fields.String(metadata=_said("Who can fix it."))
    fields = ma.fields.List(ma.fields.String(), metadata=_said("The CRM fields it is about."))  # type: ignore[assignment] # the wire's name


class SyncState(ma.Schema):
    """How a contact's sync stands. `synced` only after the CRM said so."""

    status = word(SyncStatus)
    sync_as = word(SyncAs, "What it becomes in the CRM.", allow_none=True)
    crm_object = text("Lead or Contact, once there is one.")
    crm_id = text("The CRM's id of that record.")
    crm_url = text("Where a person can open that record.")
    last_synced_at = _time("When the CRM last confirmed everything of this contact.")
    missing_fields = ma.fields.List(ma.fields.String(), metadata=_said("While incomplete: what is missing."))
    problem = ma.fields.Nested(Problem, allow_none=True, metadata=_said("What holds it up, while something does."))
    why = ma.fields.List(ma.fields.String(), metadata=_said("What the last run did and why, in plain words."))


class Company(ma.Schema):
    """A company of the event platform."""

    id = text("The event platform's own id, if it gave one.")
    name = text()
    domain = text("Host name of its website.")
    linked = ma.fields.Boolean(metadata=_said("Whether it is tied to an Account of the CRM."))
    account_id = text("That Account; while not linked, the one that was picked at the event platform.")
    account_url = text("Where a person can open that Account.")


class ContactEvent(ma.Schema):
    """An event that a contact takes part in."""

    id = ma.fields.String(metadata=_said("The event platform's own id."))
    name = text("Null while only its id was heard of.")
    status = ma.fields.String(metadata=_said("As the event platform says it: registered, attended, …"))
    campaign_id = text("The CRM campaign the event is connected to.")


class Address(ma.Schema):
    """A postal address."""

    street, city, state, postal_code, country = text(), text(), text(), text(), text()


class Social(ma.Schema):
    """Social links."""

    linkedin, twitter, facebook, instagram = text(), text(), text(), text()


class Contact(ma.Schema):
    """A contact of the event platform, and how its sync stands."""

    id = ma.fields.String(metadata=_said("The event platform's own id."))
    first_name, last_name, email, title, phone, mobile_phone = text(), text(), text(), text(), text(), text()
    website, note, owner_email, source = text(), text(), text(), text()
    social = ma.fields.Nested(Social)
    address = ma.fields.Nested(Address)
    custom = ma.fields.Dict(keys=ma.fields.String(), metadata=_said("The event platform's custom fields."))
    company = ma.fields.Nested(Company, allow_none=True)
    events = ma.fields.List(ma.fields.Nested(ContactEvent))
    deleted = ma.fields.Boolean(metadata=_said("Deleted at the event platform; the CRM's record is left as it is."))
    created_at = _time("When it was first heard of.")
    updated_at = _time("When something was last said about it.")
    sync = ma.fields.Nested(SyncState)


class Attendee(Contact):
    """A contact that takes part in an event."""

    attendance = ma.fields.String(metadata=_said("Its status at this event: registered, attended, …"))


class Event(ma.Schema):
    """An event of the event platform, connected to a campaign or not."""

    id = ma.fields.String(metadata=_said("The event platform's own id."))
    name, type, starts_at, ends_at, timezone = text(), text(), text(), text(), text()
    venue, city, country, url, status = text(), text(), text(), text(), text()
    custom = ma.fields.Dict(keys=ma.fields.String(), metadata=_said("The event platform's custom fields."))
    known = ma.fields.Boolean(metadata=_said("False while only its id was heard of."))
    deleted = ma.fields.Boolean()
    campaign_id = text("The CRM campaign whose members its contacts become.")
    campaign_url = text("Where a person can open that campaign.")
    campaign_from = word(
        ["person", "event_platform"], "Who chose the campaign; what a person chose stands.", allow_none=True
    )
    created_at = _time("When it was first heard of.")
    updated_at = _time("When something was last said about it.")


class EventWithCounts(Event):
    """An event, and how the sync of its contacts stands."""

    contacts = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), metadata=_said("How many contacts have which sync status.")
    )


class DeliveryError(ma.Schema):
    """What was wrong with a delivery."""

    path = ma.fields.String()
    message = ma.fields.String()


class Delivery(ma.Schema):
    """One webhook as it arrived, without its body."""

    id = ma.fields.String()
    webhook_id = ma.fields.String(metadata=_said("The sender's header webhook-id."))
    door = ma.fields.String(metadata=_said("Where it arrived: contacts, events."))
    type = text("The payload's type, if it could be read.")
    status = word(
        DELIVERY_STATUSES,
        "accepted: waits its turn; absorbed: done; rejected: unreadable; failed: could not be absorbed.",
    )
    received_at = _time("When it arrived.")
    absorbed_at = _time("When it was brought into contacts and events.")
    errors = ma.fields.List(ma.fields.Nested(DeliveryError), metadata=_said("Rejected or failed: why."))
    log = ma.fields.Dict(keys=ma.fields.String(), metadata=_said("Unknown keys, duplicates, …"))


class FieldChange(ma.Schema):
    """A CRM field's value before and after."""

    old = ma.fields.Raw(allow_none=True)
    new = ma.fields.Raw(allow_none=True, metadata=_said("Null as well for a record that the same run creates."))


class Step(ma.Schema):
    """One record of the CRM: created, updated or left."""

    action = word(Action)
    object = word(RecordKind)
    crm_id = text("Null for one that is to be created.")
    why = ma.fields.List(ma.fields.String(), metadata=_said("In plain words, most important first."))
    fields = ma.fields.Dict(  # type: ignore[assignment] # the wire's name
        keys=ma.fields.String(), values=ma.fields.Nested(FieldChange), metadata=_said("By the CRM's field name.")
    )


class DoneStep(Step):
    """A step that was tried."""

    problem = text("The code of what went wrong with it.")


class Run(ma.Schema):
    """One attempt to bring a contact to the CRM."""

    id = ma.fields.String()
    contact_id = ma.fields.String(metadata=_said("The event platform's own id."))
    started_at = _time("")
    finished_at = _time("")
    attempt = ma.fields.Integer()
    outcome = word(SyncStatus)
    steps = ma.fields.List(ma.fields.Nested(DoneStep))
    why = ma.fields.List(ma.fields.String())
    problem = ma.fields.Nested(Problem, allow_none=True)


class Preview(ma.Schema):
    """What a sync would do now. Nothing was written."""

    steps = ma.fields.List(ma.fields.Nested(Step))
    why = ma.fields.List(ma.fields.String(), metadata=_said("What was decided about the contact as a whole."))
    problem = ma.fields.Nested(Problem, allow_none=True, metadata=_said("What would stop it."))


class Choice(ma.Schema):
    """A record of the CRM to pick."""

    id = ma.fields.String()
    label = ma.fields.String()
    detail = ma.fields.String()


class Choices(ma.Schema):
    """Up to 20 records whose name holds the text."""

    items = ma.fields.List(ma.fields.Nested(Choice))


def _listing(item: type[ma.Schema]) -> type[ma.Schema]:
    """The answer of a list of such items."""
    fields: dict[str, Any] = {
        "items": ma.fields.List(ma.fields.Nested(item)),
        "next": text("Send it as `cursor` for the next page; null: this was the last."),
    }
    return ma.Schema.from_dict(fields, name=f"{item.__name__}List")


ContactList = _listing(Contact)
AttendeeList = _listing(Attendee)
EventList = _listing(Event)
CompanyList = _listing(Company)
DeliveryList = _listing(Delivery)
RunList = _listing(Run)
