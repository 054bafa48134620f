"""The activity objects: Event (an entry in a calendar, our Activity) and EventRelation (who else takes part in it).

Fields, lengths and flags are those of the recorded describes and of the object reference (facts/salesforce.md, "Objects").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from contactsync.standin.fields import Field, picklist, read_only, reference, text
from contactsync.standin.schema import SObject

SUBJECTS = ("Call", "Email", "Meeting", "Send Letter/Quote", "Other")
PEOPLE = ("Calendar", "Contact", "Lead", "User")
SHARED = (*PEOPLE, "Account", "Campaign", "Opportunity")  # with Shared Activities the What has a relation too [SEEN]


def event(system: Callable[..., list[Field]], description: Field) -> list[Field]:
    """The fields of Event; nothing is required in describe, the rest is the object's own rules."""
    return [
        *system(owner=("Calendar", "User")),
        reference("WhoId", "Name ID", ["Contact", "Lead"], "Who"),
        # The recorded list is longer (Asset, Case, Opportunity …); these are what the stand-in knows.
        reference("WhatId", "Related To ID", ["Account", "Campaign", "Opportunity"], "What"),
        reference("AccountId", "Account ID", ["Account"], "Account", createable=False, updateable=False),
        Field("Subject", "combobox", "Subject", 255, picklist=SUBJECTS),
        text("Location", "Location", 255),
        Field("IsAllDayEvent", "boolean", "All-Day Event", nillable=False, defaulted=True, default=False),
        Field("ActivityDateTime", "datetime", "Due Date Time"),
        Field("ActivityDate", "date", "Due Date Only"),
        Field("DurationInMinutes", "int", "Duration"),
        Field("StartDateTime", "datetime", "Start Date Time"),
        Field("EndDateTime", "datetime", "End Date Time"),
        read_only("EndDate", "date", "End Date"),
        description,
        picklist("Type", "Type", ("Email", "Meeting", "Other", "Call"), 40),
        Field("IsPrivate", "boolean", "Private", nillable=False, defaulted=True, default=False),
        picklist("ShowAs", "Show Time As", ("Busy", "OutOfOffice", "Free"), 40, default="Busy", restricted=True),
        read_only("IsChild", "boolean", "Is Child", nillable=False),
        read_only("IsGroupEvent", "boolean", "Is Group Event", nillable=False),
        picklist(
            "GroupEventType", "Group Event Type", ("0", "1", "2"), 40, createable=False, updateable=False, default="0"
        ),
        picklist("EventSubtype", "Event Subtype", ("Event",), 40, updateable=False, default="Event", restricted=True),
        read_only("IsArchived", "boolean", "Archived", nillable=False),
        Field("ReminderDateTime", "datetime", "Reminder Date/Time"),
        Field("IsReminderSet", "boolean", "Reminder Set", nillable=False, defaulted=True, default=False),
    ]


def event_relation(system: Callable[..., list[Field]]) -> list[Field]:
    """The fields of EventRelation as every org has them; EventId cannot be changed."""
    return [
        *system(),
        relation_id(PEOPLE),
        reference("EventId", "Event ID", ["Event"], "Event", nillable=False, updateable=False),
        picklist("Status", "Status", ("New", "Declined", "Accepted"), 40, default="New", restricted=True),
        Field("RespondedDate", "datetime", "Response Date"),
        text("Response", "Comment", 255),
    ]


def relation_id(people: Sequence[str]) -> Field:
    """Who or what takes part."""
    return reference("RelationId", "Relation ID", people, "Relation", nillable=False)


def share(relation: SObject, *, shared: bool) -> None:
    """Give EventRelation what Shared Activities adds, or take it: is it the Who, the What, an invitee of its event?

    These flags are absent from a recorded org without Shared Activities. Which value is the default is [MEM].
    """
    flags = {"IsParent": False, "IsWhat": False, "IsInvitee": True}
    for name, default in flags.items():
        relation.fields.pop(name, None)
        if shared:
            label = name.replace("Is", "Is ")
            relation.fields[name] = Field(name, "boolean", label, nillable=False, defaulted=True, default=default)
    relation.fields["RelationId"] = relation_id(SHARED if shared else PEOPLE)
    relation.index()
