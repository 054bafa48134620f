"""Contacts: see them, see what happened to them, sync them now, see what a sync would do."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from contactsync.domain.records import SyncStatus
from contactsync.domain.shown import shown
from contactsync.store import views, views_contacts
from contactsync.store.engine import reading
from contactsync.store.views_contacts import ContactFilter
from contactsync.store.views_paging import Record
from contactsync.sync import actions
from contactsync.web.api.crm import as_things_stand, with_links
from contactsync.web.api.requests import PageQuery, page_shown, slice_of
from contactsync.web.api.routes import Routes
from contactsync.web.api.schemas import Contact, ContactList
from contactsync.web.api.schemas_sync import Preview, RunList
from contactsync.web.auth import org, parts
from contactsync.web.errors import Refusal, missing

routes = Routes("Contacts", "Contacts of the event platform, and how their sync stands.")


class ContactQuery(PageQuery):
    """Which contacts."""

    status = ma.fields.Enum(SyncStatus, by_value=True, metadata={"description": "Only with this sync status."})
    event = ma.fields.String(metadata={"description": "Only those who take part in this event."})


class ContactSearch(ContactQuery):
    """Which contacts; personal data stays out of addresses and so out of logs."""

    email = ma.fields.String(
        required=True,
        validate=ma.validate.Length(1, 320, error="Send 1 to 320 characters."),
        error_messages={"required": "Send an e-mail address; GET contacts lists without one."},
        metadata={"description": "The e-mail address; upper or lower case is the same."},
    )


@routes.operation("GET", "/contacts", ContactList, query=ContactQuery, refuses=(422,))
def list_contacts(query: dict[str, Any]) -> Record:
    """Contacts, newest first."""
    return _page(query)


@routes.operation(
    "POST", "/contacts/search", ContactList, body=ContactSearch, example={"email": "ada@example.com"},
    refuses=(413, 415, 422), changes=False,
)  # fmt: skip
def search_contacts(body: dict[str, Any]) -> Record:
    """Contacts by e-mail address, newest first.

    A POST, because an address in a URL would end up in access logs.
    """
    return _page(body)


@routes.operation("GET", "/contacts/<source_id:contact_id>", Contact, refuses=(404,))
def get_contact(contact_id: str) -> Record:
    """One contact, with its company, its events and how its sync stands."""
    return _contact(contact_id)


@routes.operation("GET", "/contacts/<source_id:contact_id>/runs", RunList, query=PageQuery, refuses=(404, 422))
def list_contact_runs(query: dict[str, Any], contact_id: str) -> Record:
    """What was tried for one contact, newest first."""
    part = slice_of(query)
    with reading(parts().engine) as db:
        if not views_contacts.contact_exists(db, org().id, contact_id):
            raise missing("contact")
        return page_shown(views.runs(db, org().id, part, subject="contact", source_id=contact_id), query)


@routes.operation("POST", "/contacts/<source_id:contact_id>/sync", Contact, status=202, refuses=(404, 409))
def sync_contact(contact_id: str) -> Record:
    """Bring one contact to the CRM now, even if nothing changed.

    Answers at once, with the contact as it stands; GET it again to see what came of it. 409 for a contact that was
    deleted at the event platform.
    """
    marked = actions.sync_now(parts(), org().id, contact_id)
    found = _contact(contact_id)
    if not marked:
        raise Refusal(409, "not_ready", "The contact was deleted at the event platform: it is not synced any more.")
    return found


@routes.operation(
    "POST", "/contacts/<source_id:contact_id>/preview", Preview, refuses=(404, 409, 502, 503), changes=False
)  # fmt: skip
def preview_contact(contact_id: str) -> Record:
    """What a sync would do now, field by field. Reads the CRM, writes nothing.

    409 while the contact is incomplete, deleted, or its org not connected to a CRM.
    """
    with as_things_stand():
        plan = actions.preview(parts(), org().id, contact_id)
    if plan is None:
        raise missing("contact")
    planned = plan.contacts[contact_id]
    return {"steps": [shown(step) for step in plan.steps], "why": list(planned.why), "problem": planned.problem}


class ApproveBody(ma.Schema):
    """Which contacts to approve."""

    ids = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(1, 255, error="Send ids of 1 to 255 characters.")),
        required=True,
        validate=ma.validate.Length(1, 1000, error="Send 1 to 1,000 ids."),
        error_messages={"required": "Send the ids of the contacts to approve."},
        metadata={"description": "The event platform's own ids."},
    )


class Approved(ma.Schema):
    """What an approval came to."""

    approved = ma.fields.Integer(metadata={"description": "How many had not been approved yet and are there."})


@routes.operation("POST", "/contacts/approve", Approved, body=ApproveBody, example={"ids": ["c-1042"]},
                  refuses=(413, 415, 422))  # fmt: skip
def approve_contacts(body: dict[str, Any]) -> Record:
    """Let contacts go to the CRM that wait for a review (policy `review_inbox`).

    An approval holds for good. Whoever is not there, or was approved before, is left out of the count.
    """
    return {"approved": actions.approve_contacts(parts(), org().id, body["ids"])}


def _page(asked: dict[str, Any]) -> Record:
    which = ContactFilter(asked.get("status"), asked.get("email"), asked.get("event"))
    part = slice_of(asked)
    with reading(parts().engine) as db:
        page = views_contacts.contacts(db, org().id, which, part)
    answer = page_shown(page, asked)
    return {**answer, "items": with_links(page.items)}


def _contact(contact_id: str) -> Record:
    with reading(parts().engine) as db:
        found = views_contacts.contact(db, org().id, contact_id)
    if found is None:
        raise missing("contact")
    return with_links([found])[0]
