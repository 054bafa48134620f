"""Whether rows and descriptions are of the shape that they were asked for in: what is not is believed in nothing. Pure.

A row with the id of another object, or a list where text belongs, would otherwise be found out where it does harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contactsync.api import RecordKind

from .reads import Topic
from .row_shapes import are_rows, is_record_of

_TEXTS = (
    "Email",
    "Name",
    "Status",
    "Label",
    "Subject",
    "Description",
    "StartDateTime",
    "CreatedDate",
    "Website",
    "RelationId",
    "WhoId",
)
_IDS: Mapping[str, RecordKind] = {
    "CampaignId": RecordKind.CAMPAIGN,
    "ContactId": RecordKind.CONTACT,
    "LeadId": RecordKind.LEAD,
    "ConvertedContactId": RecordKind.CONTACT,
    "EventId": RecordKind.ACTIVITY,
}
_NEEDED: Mapping[Topic, tuple[str, ...]] = {
    Topic.MEMBER: ("CampaignId",),
    Topic.STATUS: ("CampaignId", "Label"),
    Topic.ATTENDEE: ("EventId",),
}


def is_row_about(topic: Topic, row: Mapping[str, Any]) -> bool:
    """Whether a row can be an answer to a question about this."""
    return (
        (topic is Topic.STATUS or is_record_of(topic.kind, row.get("Id")))
        and all(row.get(name) for name in _NEEDED.get(topic, ()))
        and _are_texts(row)
        and all(row.get(name) is None or is_record_of(kind, row[name]) for name, kind in _IDS.items())
        and isinstance(row.get("SortOrder"), int | None)
        and isinstance(became := row.get("ConvertedContact"), dict | None)
        and _are_texts(became or {})
    )


def is_description(value: object) -> bool:
    """Whether it describes an object's fields."""
    return isinstance(value, dict) and are_rows(value.get("fields")) and all(map(_is_field, value["fields"]))


def is_object_list(value: object) -> bool:
    """Whether it names the objects that there are."""
    if not isinstance(value, dict) or not are_rows(value.get("sobjects")):
        return False
    return all(isinstance(entry.get("name"), str) for entry in value["sobjects"])


def _is_field(entry: Mapping[str, Any]) -> bool:
    choices = entry.get("picklistValues")
    return (
        isinstance(entry.get("name"), str)
        and isinstance(entry.get("length"), int | None)
        and (choices is None or (are_rows(choices) and all("value" in choice for choice in choices)))
    )


def _are_texts(row: Mapping[str, Any]) -> bool:
    return all(isinstance(row.get(name), str | None) for name in _TEXTS)
