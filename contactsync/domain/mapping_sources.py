"""Where a rule may take its value from, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping

REQUIRED_SOURCES: Mapping[str, Mapping[str, str]] = {
    "lead": {
        "last_name": "the CRM takes no Lead without a last name",
        "email": "the e-mail address is what prevents duplicates",
        "company": "the CRM takes no Lead without a company",
    },
    "contact": {
        "last_name": "the CRM takes no Contact without a last name",
        "email": "the e-mail address is what prevents duplicates",
    },
    "account": {"name": "the CRM takes no Account without a name"},
    "campaign": {"name": "the CRM takes no Campaign without a name"},
    "meeting": {"starts_at": "a calendar event must have its time", "ends_at": "a calendar event must have its time"},
}
"""Sources whose rule cannot be off, and why."""

FIELD_SOURCES = (
    "id",
    "first_name",
    "last_name",
    "email",
    "title",
    "phone",
    "mobile_phone",
    "website",
    "note",
    "owner_email",
    "source",
    "sync_as",
    "social.linkedin",
    "social.twitter",
    "social.facebook",
    "social.instagram",
    "address.street",
    "address.city",
    "address.state",
    "address.postal_code",
    "address.country",
)
"""Paths of a contact's own fields (DESIGN §5); `custom.<anything>` besides."""

SOURCES: Mapping[str, tuple[str, ...]] = {
    "lead": (*FIELD_SOURCES, "company", "owner"),
    "contact": (*FIELD_SOURCES, "company", "account", "owner"),
    "account": ("name", "domain", "owner"),
    "campaign": (
        "id",
        "name",
        "type",
        "status",
        "active",
        "starts_at",
        "ends_at",
        "starts_on",
        "ends_on",
        "timezone",
        "venue",
        "city",
        "country",
        "url",
    ),
    "meeting": (
        "id",
        "title",
        "subject",
        "status",
        "starts_at",
        "ends_at",
        "all_day",
        "timezone",
        "location",
        "notes",
        "description",
        "event",
        "host_email",
        "owner",
        "who",
        "what",
    ),
}
"""What a rule of each kind may take its value from."""

REFERENCES = frozenset({"account", "owner", "who", "what"})
"""Worked-out sources that are a record, not a text."""

CUSTOM_KINDS = frozenset({"lead", "contact", "campaign"})
"""Kinds whose rules may also take `custom.<anything>`."""

SOURCE_TYPES: Mapping[str, Mapping[str, str]] = {
    "campaign": {
        "active": "boolean",
        "starts_at": "datetime",
        "ends_at": "datetime",
        "starts_on": "date",
        "ends_on": "date",
    },
    "meeting": {"starts_at": "datetime", "ends_at": "datetime", "all_day": "boolean"},
}
"""Sources that are not text, by the type of field (`CrmField.type`) that takes them as they are. `custom.<anything>` may be
anything.
"""
