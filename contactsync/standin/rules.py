"""What single objects do of their own accord when they are written: owners, names, members, references.

Every function takes the org it works on. Sources: facts/salesforce.md, "Objects"; what rests on memory says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contactsync.standin import rules_activities, rules_invitees
from contactsync.standin.errors import CallRefusedError, RefusedError
from contactsync.standin.fields import Field
from contactsync.standin.schema import SObject
from contactsync.standin.store import Record

if TYPE_CHECKING:  # org.py calls these rules; only the type is needed here
    from contactsync.standin.org import Org

PEOPLE = frozenset({"Lead", "Contact", "User"})
MIRRORED = ("Name", "FirstName", "LastName", "Title", "Email", "Phone", "MobilePhone")
ADDRESSES = ("", "Mailing", "Other", "Billing", "Shipping")
COUNTRY_PROBLEM = (
    "There's a problem with this country, even though it may appear correct. "
    "Please select a country/territory from the list of valid countries.: {}"
)
STATE_PROBLEM = (
    "There's a problem with this state, even though it may appear correct. "
    "Please select a state from the list of valid states.: {}"
)
CHILDREN = {
    "Account": (("Contact", "AccountId"),),
    "Campaign": (("CampaignMember", "CampaignId"), ("CampaignMemberStatus", "CampaignId")),
    "Contact": (("CampaignMember", "ContactId"), ("EventRelation", "RelationId")),
    "Event": (("EventRelation", "EventId"), ("Event", rules_invitees.PARENT)),
    "Lead": (("CampaignMember", "LeadId"), ("EventRelation", "RelationId")),
}
# What only names the record: an event lives on without its person or the record it was about [MEM].
NAMED_BY = {
    "Account": (("Event", "WhatId"),),
    "Campaign": (("Event", "WhatId"),),
    "Contact": (("Event", "WhoId"),),
    "Lead": (("Event", "WhoId"),),
}


def assign_owner(org: Org, sobject: SObject, record: Record, default: str, *, auto_assign: bool) -> None:
    """Set OwnerId: the active lead assignment rule over the value given, unless Sforce-Auto-Assign keeps it off."""
    if "OwnerId" not in sobject.fields:
        return
    rule_owner = org.options.assignment_owner_id
    if sobject.name == "Lead" and auto_assign and rule_owner:
        record["OwnerId"] = rule_owner
    elif record.get("OwnerId") is None and "OwnerId" not in record:
        record["OwnerId"] = default


def before_create(org: Org, sobject: SObject, record: Record) -> None:
    """Derive what a new record's own object derives; raises RefusedError."""
    _check_addresses(org, sobject, record)
    _derive_name(sobject, record)
    if sobject.name == "CampaignMember":
        _prepare_member(org, record)
    elif sobject.name == "CampaignMemberStatus":
        _prepare_status(org, record)
    elif sobject.name == "Event":
        rules_activities.prepare_event(org, record)
    elif sobject.name == "EventRelation":
        rules_invitees.prepare_relation(org, record, new=True)


def before_update(
    org: Org, sobject: SObject, record: Record, changed: Mapping[str, object], given: Mapping[str, object]
) -> None:
    """Derive anew what a change touches, of all that was given; raises RefusedError."""
    _check_addresses(org, sobject, record)
    _derive_name(sobject, record)
    if "OwnerId" in sobject.fields and record.get("OwnerId") is None:
        raise RefusedError("INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", ["OwnerId"])  # [MEM]
    if sobject.name == "CampaignMember" and "Status" in changed:
        _derive_status(org, record)
    elif sobject.name == "CampaignMemberStatus":
        _prepare_status(org, record)
    elif sobject.name == "Event":
        rules_activities.prepare_event(org, record, given)
    elif sobject.name == "EventRelation":
        rules_invitees.prepare_relation(org, record, new=False)


def after_create(org: Org, sobject: SObject, record: Record) -> None:
    """What else comes into being with a record: a campaign brings its two standard member statuses."""
    if sobject.name == "CampaignMemberStatus":
        _keep_one_default(org, record)
    elif sobject.name == "EventRelation":
        rules_invitees.after_relation(org, record)
    elif sobject.name == "Event":
        rules_invitees.after_event(org, record)
    if sobject.name != "Campaign":
        return
    statuses = org.schema.objects["CampaignMemberStatus"]
    for order, (label, responded) in enumerate((("Sent", False), ("Responded", True)), start=1):
        row = {
            "CampaignId": record["Id"],
            "Label": label,
            "SortOrder": order,
            "IsDefault": not responded,
            "HasResponded": responded,
        }
        org.create(statuses, row, org.admin)


def after_update(org: Org, sobject: SObject, record: Record) -> None:
    """Members mirror the person they stand for; a campaign has one default status."""
    if sobject.name == "CampaignMemberStatus":
        _keep_one_default(org, record)
    elif sobject.name == "Event":
        rules_invitees.after_event(org, record)
    key = {"Lead": "LeadId", "Contact": "ContactId"}.get(sobject.name)
    if key is None:
        return
    for member in org.store.find("CampaignMember", key, record["Id"]):
        fresh = dict(member)
        mirror(org, fresh)
        if fresh != member:
            org.store.put("CampaignMember", fresh)


def after_delete(org: Org, sobject: SObject, record: Record) -> None:
    """An event without invitees is no group event any more, and a user without an invitation has no copy."""
    if sobject.name == "EventRelation":
        rules_invitees.after_relation_deleted(org, record)


def delete_children(org: Org, sobject: SObject, record: Record) -> None:
    """Delete what cannot live without this record."""
    for child, key in CHILDREN.get(sobject.name, ()):
        for row in org.store.find(child, key, record["Id"]):
            delete_children(org, org.schema.objects[child], row)
            org.store.delete(child, row)
    for other, key in NAMED_BY.get(sobject.name, ()):
        for row in org.store.find(other, key, record["Id"]):
            org.store.put(other, {**row, key: None})


def check_reference(org: Org, sobject: SObject, field: Field, value: str) -> None:
    """A foreign key must point at a live record of the right object, an owner at an active user."""
    target = org.schema.of_id(value)
    if target is None or target.name not in field.reference_to:
        # The wrong object is FIELD_INTEGRITY_EXCEPTION (facts, section 4).
        message = f"{field.label}: id value of incorrect type: {value}"
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, [field.name])
    record = org.store.get(target.name, value)
    if record is None:
        if org.store.get_deleted(target.name, value) is not None:
            raise RefusedError("ENTITY_IS_DELETED", "entity is deleted", [])
        raise RefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if field.name == "OwnerId":
        check_owner(org, sobject, value)


def check_owner(org: Org, sobject: SObject, owner_id: str) -> None:
    """An owner must be active; seen too for an update of a record whose owner no longer is, without the permission."""
    owner = org.store.get("User", owner_id)
    if owner is not None and owner.get("IsActive") is False:
        # [SEEN]: code and wording.
        message = f"operation performed with inactive user [{owner_id[:15]}] as owner of {sobject.name.lower()}"
        raise RefusedError("INACTIVE_OWNER_OR_USER", message, [])


def foreign_key(org: Org, field: Field, value: object) -> str | None:
    """The id behind a nested parent such as `"Account": {"ExtId__c": "k"}`; raises RefusedError."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise CallRefusedError("JSON_PARSER_ERROR", f"Nested object expected for {field.relationship}")  # [MEM]
    given = dict(value)
    target_name = field.reference_to[0]
    if len(field.reference_to) > 1:
        attributes = given.get("attributes")
        if next(iter(given), None) != "attributes" or not isinstance(attributes, dict) or "type" not in attributes:
            raise RefusedError(  # recorded text
                "INVALID_FIELD",
                "Nested object for polymorphic foreign key must have an attributes field before any other fields.",
            )
        target_name = str(attributes["type"])
    given.pop("attributes", None)
    target = org.schema.find(target_name)
    if target is None or target.name not in field.reference_to or len(given) != 1:
        message = f"The {field.relationship} foreign key must name exactly one field of its object"  # [MEM]
        raise RefusedError("INVALID_FIELD", message)
    ((name, wanted),) = given.items()
    key = target.find(name)
    if not key.is_key:
        message = (  # often quoted [MEM]
            f"Field name provided, {key.name} does not match an External ID, Salesforce Id, or indexed field "
            f"for {target.name}"
        )
        raise RefusedError("INVALID_FIELD", message)
    if not isinstance(wanted, str):
        raise CallRefusedError("JSON_PARSER_ERROR", f"A text is expected for {key.name} of {target.name}")  # [MEM]
    found = org.store.find(target.name, key.name, wanted.strip())
    if len(found) > 1:
        ids = ", ".join(row["Id"] for row in found)
        message = f"{key.name}: more than one record found for external id field: [{ids}]"
        raise RefusedError("DUPLICATE_EXTERNAL_ID", message, [key.name])
    if not found:
        message = f"Foreign key external ID: {wanted} not found for field {key.name} in entity {target.name}"
        raise RefusedError("INVALID_FIELD", message)
    return str(found[0]["Id"])


def _check_addresses(org: Org, sobject: SObject, record: Record) -> None:
    """State and Country picklists, where the org has them switched on; code and wordings [SEEN].

    The code fields (CountryCode, StateCode) that such an org has besides are left out.
    """
    countries = {name.lower(): [state.lower() for state in states] for name, states in org.options.countries.items()}
    for prefix in ADDRESSES if countries else ():
        country, state = (sobject.fields.get(f"{prefix}{name}") for name in ("Country", "State"))
        if country is None or state is None:
            continue
        states = countries.get(str(record.get(country.name)).lower())
        wanted = record.get(state.name)
        if record.get(country.name) is not None and states is None:
            problem, wrong = COUNTRY_PROBLEM, country
        elif wanted is not None and states is None:
            problem, wrong = (
                "A country/territory must be specified before specifying a state value for field: {}",
                state,
            )
        elif wanted is not None and states and wanted.lower() not in states:
            problem, wrong = STATE_PROBLEM, state
        else:
            continue
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", problem.format(wrong.label), [wrong.name])


def _derive_name(sobject: SObject, record: Record) -> None:
    if sobject.name in PEOPLE:
        record["Name"] = " ".join(part for part in (record.get("FirstName"), record.get("LastName")) if part)


def _prepare_member(org: Org, record: Record) -> None:
    if record.get("ContactId") and record.get("LeadId"):
        del record["LeadId"]  # both given: only the contact is kept, without an error [DOC]
    key = "ContactId" if record.get("ContactId") else "LeadId"
    person = record.get(key)
    if not person:
        raise RefusedError("REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId]", ["LeadId"])  # [MEM]
    if key == "LeadId":
        lead = org.store.get("Lead", person)
        if lead and lead.get("IsConverted"):
            raise RefusedError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
    for other in org.store.find("CampaignMember", key, person):
        if other.get("CampaignId") == record.get("CampaignId"):
            raise RefusedError("DUPLICATE_VALUE", "Already a campaign member.", [])
    mirror(org, record)
    _derive_status(org, record)


def _derive_status(org: Org, record: Record) -> None:
    """An invalid status is no error: the campaign's default is used; without a default the text is kept [DOC]."""
    statuses = org.store.find("CampaignMemberStatus", "CampaignId", record.get("CampaignId"))
    wanted = str(record.get("Status") or "").lower()
    named = next((row for row in statuses if row["Label"].lower() == wanted), None)
    chosen = named or next((row for row in statuses if row["IsDefault"]), None)
    if chosen is not None:
        record["Status"] = chosen["Label"]
    record["HasResponded"] = bool(chosen and chosen["HasResponded"])
    if record["HasResponded"]:
        record.setdefault("FirstRespondedDate", org.now()[:10])


def _prepare_status(org: Org, record: Record) -> None:
    """No label twice in one campaign."""
    for other in org.store.find("CampaignMemberStatus", "CampaignId", record.get("CampaignId")):
        if other["Id"] == record["Id"]:
            continue
        if other["Label"].lower() == str(record.get("Label")).lower():
            message = f"duplicate value found: Label duplicates value on record with id: {other['Id']}"
            raise RefusedError("DUPLICATE_VALUE", message, [])


def _keep_one_default(org: Org, record: Record) -> None:
    for other in org.store.find("CampaignMemberStatus", "CampaignId", record["CampaignId"]):
        if record["IsDefault"] and other["IsDefault"] and other["Id"] != record["Id"]:
            org.store.put("CampaignMemberStatus", {**other, "IsDefault": False})


def mirror(org: Org, member: Record) -> None:
    """Bring a member's copy of its person up to date, in place: the contact where there is one, else the lead."""
    kind, key = ("Contact", "ContactId") if member.get("ContactId") else ("Lead", "LeadId")
    person: dict[str, Any] = org.store.get(kind, str(member.get(key))) or {}
    for name in MIRRORED:
        member[name] = person.get(name)
    account = org.store.get("Account", str(person.get("AccountId"))) or {}
    member["CompanyOrAccount"] = person.get("Company") if kind == "Lead" else account.get("Name")
    member["Type"] = kind
    member["LeadOrContactId"] = member.get(key)
