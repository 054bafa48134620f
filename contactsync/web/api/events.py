"""Events: see them and their contacts, connect them to a campaign."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma

from contactsync.domain.crm import RecordKind
from contactsync.domain.records import SyncStatus
from contactsync.store import views, views_contacts
from contactsync.store.engine import reading
from contactsync.store.views_contacts import ContactFilter
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.crm import as_things_stand, links, with_links
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import AttendeeList, EventList, EventWithCounts
from contactsync.web.auth import org, parts
from contactsync.web.errors import missing

routes = Routes("Events", "Events of the event platform, and the campaigns they are connected to.")


class AttendeeQuery(PageQuery):
    """Which contacts of an event."""

    status = ma.fields.Enum(SyncStatus, by_value=True, metadata={"description": "Only with this sync status."})


class CampaignBody(ma.Schema):
    """The campaign to connect."""

    campaign_id = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(
            re.compile(r"[\x21-\x7e]{1,64}\Z"),
            error="Send the campaign's id as the CRM shows it; GET campaigns?q= finds it.",
        ),
        error_messages={"required": "Send the campaign's id; DELETE disconnects."},
        metadata={"description": "The CRM's id of the campaign."},
    )


@routes.operation("GET", "/events", EventList, query=PageQuery, refuses=(422,))
def list_events(query: dict[str, Any]) -> Record:
    """Events, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        page = views.events(db, org().id, part)
    link = links()
    items = [{**item, "campaign_url": link(RecordKind.CAMPAIGN, item["campaign_id"])} for item in page.items]
    return {**page_shown(page, query), "items": items}


@routes.operation("GET", "/events/<source_id:event_id>", EventWithCounts, refuses=(404,))
def get_event(event_id: str) -> Record:
    """One event, and how the sync of its contacts stands."""
    return _event(event_id)


@routes.operation(
    "GET", "/events/<source_id:event_id>/contacts", AttendeeList, query=AttendeeQuery, refuses=(404, 422)
)  # fmt: skip
def list_event_contacts(query: dict[str, Any], event_id: str) -> Record:
    """The contacts that take part in an event, newest first."""
    part = slice_of(query)
    which = ContactFilter(query.get("status"), event_id=event_id)
    with reading(parts().engine) as db:
        if not views.event_exists(db, org().id, event_id):
            raise missing("event")
        page = views_contacts.contacts(db, org().id, which, part)
    items = with_links(page.items)
    for item in items:
        item["attendance"] = next(event["status"] for event in item["events"] if event["id"] == event_id)
    return {**page_shown(page, query), "items": items}


@routes.operation(
    "PUT", "/events/<source_id:event_id>/campaign", EventWithCounts, body=CampaignBody,
    example={"campaign_id": "701Hs00000AbCdEIAV"}, refuses=(413, 415, 422),
)  # fmt: skip
def connect_event(body: dict[str, Any], event_id: str) -> Record:
    """Connect an event to a campaign: its contacts become members.

    Also before the event itself has been heard of. Contacts that were synced already are synced again.
    """
    actions.connect_event(parts(), org().id, event_id, body["campaign_id"])
    return _event(event_id)


@routes.operation("DELETE", "/events/<source_id:event_id>/campaign", EventWithCounts, refuses=(404,))
def disconnect_event(event_id: str) -> Record:
    """Connect an event to no campaign, whatever the event platform says. Members that are there stay."""
    with reading(parts().engine) as db:
        if not views.event_exists(db, org().id, event_id):
            raise missing("event")
    actions.connect_event(parts(), org().id, event_id, None)
    return _event(event_id)


@routes.operation(
    "POST", "/events/<source_id:event_id>/create-campaign", EventWithCounts, status=202, refuses=(404, 409)
)  # fmt: skip
def create_campaign(event_id: str) -> Record:
    """Have a campaign made for one event, whatever the policy `create_campaigns` says; its contacts become members.

    A campaign that has the event's name and day is taken instead of a second one. Answers at once: GET the event again for
    its `campaign_id`. 409 for an event that has a campaign or no name, that was deleted, or while no CRM is connected.
    """
    with as_things_stand():
        found = actions.create_campaign(parts(), org().id, event_id)
    if not found:
        raise missing("event")
    return _event(event_id)


def _event(event_id: str) -> Record:
    with reading(parts().engine) as db:
        found = views.event(db, org().id, event_id)
    if found is None:
        raise missing("event")
    return {**found, "campaign_url": links()(RecordKind.CAMPAIGN, found["campaign_id"])}
