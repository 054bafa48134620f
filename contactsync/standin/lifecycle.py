"""What becomes of records behind a sync's back: leads are converted, duplicates merged, old events archived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from contactsync.standin.errors import RefusedError
from contactsync.standin.ids import canonical
from contactsync.standin.org import Org
from contactsync.standin.rules import CHILDREN, NAMED_BY, mirror
from contactsync.standin.schema import SObject
from contactsync.standin.store import Record
from contactsync.standin.values import wire_datetime

ARCHIVED_AFTER = timedelta(days=365)
_CARRIED = (
    "FirstName",
    "LastName",
    "Salutation",
    "Title",
    "Email",
    "Phone",
    "MobilePhone",
    "Description",
    "LeadSource",
)
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")


def convert(org: Org, lead_id: str, account_id: str | None = None, contact_id: str | None = None) -> dict[str, str]:
    """Convert a lead into a new or a given account and contact; their ids. Raises RefusedError.

    The lead's campaign members gain the contact and keep the lead [MEM].
    """
    leads = org.schema.objects["Lead"]
    lead = _live(org, leads, lead_id)
    if lead["IsConverted"]:
        raise RefusedError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
    account = canonical(account_id) or org.admin_write("Account", {"Name": lead["Company"], "OwnerId": lead["OwnerId"]})
    contact = canonical(contact_id)
    if contact is None:
        values = {name: lead[name] for name in _CARRIED if lead.get(name) is not None}
        values |= {f"Mailing{name}": lead[name] for name in _ADDRESS if lead.get(name) is not None}
        contact = org.admin_write("Contact", {**values, "AccountId": account, "OwnerId": lead["OwnerId"]})
    converted = {
        "IsConverted": True,
        "ConvertedDate": org.now()[:10],
        "ConvertedAccountId": account,
        "ConvertedContactId": contact,
        "Status": "Closed - Converted",
    }
    org.update(leads, lead["Id"], converted, org.admin)
    for member in org.store.find("CampaignMember", "LeadId", lead["Id"]):
        others = org.store.find("CampaignMember", "ContactId", contact)
        if all(other["CampaignId"] != member["CampaignId"] for other in others):
            moved = {**member, "ContactId": contact}
            mirror(org, moved)
            org.store.put("CampaignMember", moved)
    for event in org.store.find("Event", "WhoId", lead["Id"]):  # the activities go along [MEM]
        org.store.put("Event", {**event, "WhoId": contact, "AccountId": event["AccountId"] or account})
    for relation in org.store.find("EventRelation", "RelationId", lead["Id"]):
        _move(org, "EventRelation", {**relation, "RelationId": contact}, "RelationId")
    return {"lead_id": lead["Id"], "account_id": account, "contact_id": contact}


def merge(org: Org, sobject: str, master_id: str, loser_ids: Sequence[str]) -> None:
    """Merge records into a master: the losers are deleted, what hung on them moves over. Raises RefusedError."""
    target = org.schema.objects[sobject]
    master = _live(org, target, master_id)
    for loser_id in loser_ids:
        loser = _live(org, target, loser_id)
        for child, key in (*CHILDREN.get(sobject, ()), *NAMED_BY.get(sobject, ())):
            for row in org.store.find(child, key, loser["Id"]):
                _move(org, child, {**row, key: master["Id"]}, key)
        org.store.delete(sobject, {**loser, "MasterRecordId": master["Id"]})


def archive(org: Org) -> int:
    """Archive the events of a year ago and before, as a background process does now and then [DOC]; how many."""
    before = wire_datetime(org.clock() - ARCHIVED_AFTER)
    old = [event for event in org.store.all("Event") if event["StartDateTime"] <= before and not event["IsArchived"]]
    for event in old:
        org.store.put("Event", {**event, "IsArchived": True})
    return len(old)


def _move(org: Org, child: str, moved: dict[str, Any], key: str) -> None:
    """Give a child its new parent; a member or invitee whose master is there already goes [MEM]."""
    whole = {"CampaignMember": "CampaignId", "EventRelation": "EventId"}.get(child)
    if whole is not None:
        for other in org.store.find(child, key, moved[key]):
            if other[whole] == moved[whole] and other["Id"] != moved["Id"]:
                org.store.delete(child, moved)
                return
    if child == "CampaignMember":
        mirror(org, moved)
    org.store.put(child, moved)


def _live(org: Org, sobject: SObject, record_id: str) -> Record:
    return org.locate(sobject, canonical(record_id) or record_id)
