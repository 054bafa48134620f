"""Who takes part in an event: EventRelation, what it makes of its own accord, and what Shared Activities adds.

```
an invitee              makes its event a group event
a user as invitee       gets a copy of the event in his own calendar: a child event, with the same subject and times
Shared Activities on    the Who and the What of an event have relations too, with IsParent and IsWhat
```

Sources: the object reference [DOC], and an administrator's account of the records behind an event with invitees [SEEN];
what rests on memory says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from contactsync.standin.errors import RefusedError
from contactsync.standin.rules_activities import refuse_converted
from contactsync.standin.store import Record

if TYPE_CHECKING:  # rules.py, which org.py calls, calls these
    from contactsync.standin.org import Org

MOST_INVITEES = 1000  # [DOC]
PARENT = "_Parent"  # no field: how a child event knows its parent
_COPIED = (
    "Subject",
    "Location",
    "Description",
    "StartDateTime",
    "EndDateTime",
    "ActivityDateTime",
    "ActivityDate",
    "EndDate",
    "DurationInMinutes",
    "IsAllDayEvent",
    "ShowAs",
    "WhoId",
    "WhatId",
    "AccountId",
)


def prepare_relation(org: Org, record: Record, *, new: bool) -> None:
    """One person once in one event, and not too many of them. Raises RefusedError."""
    refuse_converted(org, record.get("RelationId"))
    event = org.store.get("Event", str(record.get("EventId"))) or {}
    if new and event.get("IsChild"):
        # "not for child events" [DOC]
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", "Cannot add a relation to a child event", ["EventId"])
    others = [row for row in org.store.find("EventRelation", "EventId", event.get("Id")) if row["Id"] != record["Id"]]
    for other in others:
        if other["RelationId"] == record.get("RelationId"):
            message = f"duplicate value found: <unknown> duplicates value on record with id: {other['Id']}"  # [MEM]
            raise RefusedError("DUPLICATE_VALUE", message, [])
    if new and len(others) >= MOST_INVITEES:
        message = f"An event can have at most {MOST_INVITEES} invitees"  # [MEM] wording
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, [])


def after_relation(org: Org, relation: Record) -> None:
    """The event becomes a group event, and a user gets his copy of it."""
    count_invitees(org, relation["EventId"])
    event = org.store.get("Event", relation["EventId"])
    user = org.store.get("User", relation["RelationId"])
    if event is None or user is None or not _is_invitee(relation) or event["OwnerId"] == user["Id"]:
        return
    record_id = org.store.next_id(org.schema.objects["Event"])
    child = {**event, "Id": record_id, "OwnerId": user["Id"], "IsChild": True, PARENT: event["Id"]}
    org.store.put("Event", {**child, "IsGroupEvent": True, "GroupEventType": "1"})


def after_event(org: Org, event: Record) -> None:
    """Children follow their parent, and with Shared Activities the Who and the What have relations."""
    for child in org.store.find("Event", PARENT, event["Id"]):
        org.store.put("Event", {**child, **{name: event.get(name) for name in _COPIED}})
    if org.options.shared_activities and not event.get("IsChild"):
        _keep_shared(org, event)


def after_relation_deleted(org: Org, relation: Record) -> None:
    """A user who is no longer invited loses his copy; an event loses the Who or What whose relation goes [DOC]."""
    event = org.store.get("Event", relation["EventId"])
    if relation.get("IsParent") and event is not None:
        name = "WhatId" if relation["IsWhat"] else "WhoId"
        org.store.put("Event", {**event, name: None})
    for child in org.store.find("Event", PARENT, relation["EventId"]):
        if child["OwnerId"] == relation["RelationId"]:
            org.store.delete("Event", child)
    count_invitees(org, relation["EventId"])


def count_invitees(org: Org, event_id: str) -> None:
    """Bring an event's group flags in line with its invitees: derived and read-only [DOC]."""
    event = org.store.get("Event", event_id)
    if event is None:
        return
    invited = any(_is_invitee(row) for row in org.store.find("EventRelation", "EventId", event_id))
    fresh = {**event, "IsGroupEvent": invited, "GroupEventType": "1" if invited else "0"}
    if fresh != event:
        org.store.put("Event", fresh)


def _is_invitee(relation: Record) -> bool:
    """Without Shared Activities every relation is one."""
    return bool(relation.get("IsInvitee", True))


def _keep_shared(org: Org, event: Record) -> None:
    """One relation each for the Who and the What; one that is neither any more stays only as an invitee [MEM]."""
    held = {row["RelationId"]: row for row in org.store.find("EventRelation", "EventId", event["Id"])}
    wanted = {event[name]: name == "WhatId" for name in ("WhoId", "WhatId") if event.get(name)}
    for relation_id, is_what in wanted.items():
        row = held.get(relation_id)
        if row is None:
            flags = {"IsParent": True, "IsWhat": is_what, "IsInvitee": False}
            values = {"EventId": event["Id"], "RelationId": relation_id, **flags}
            org.create(org.schema.objects["EventRelation"], values, org.admin)
        elif not row.get("IsParent"):
            org.store.put("EventRelation", {**row, "IsParent": True})
    for relation_id, row in held.items():
        if row.get("IsParent") and relation_id not in wanted:
            if _is_invitee(row):
                org.store.put("EventRelation", {**row, "IsParent": False})
            else:
                org.store.delete("EventRelation", row)
