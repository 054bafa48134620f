"""The words of the mapping page: sources, fields and ways of writing as an admin calls them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from contactsync.domain.crm import CrmField
from contactsync.domain.mapping import TooLong, WriteMode

KINDS: Mapping[str, tuple[str, str]] = {
    "lead": ("Leads", "Contacts that go as Lead become Leads in Salesforce, by these rules."),
    "contact": ("Contacts", "Contacts that go as Contact become Contacts in Salesforce, by these rules."),
    "account": ("Accounts", "The companies of those who go as Contact become Accounts in Salesforce, by these rules."),
    "campaign": ("Campaigns", "Events that are connected to a campaign, or get one, fill it by these rules."),
    "meeting": ("Meetings", "Meetings become calendar events in Salesforce, by these rules."),
}
"""Kind → what its tab says, and what it is about."""

MODES: Mapping[str, str] = {
    WriteMode.ALWAYS.value: "Always write",
    WriteMode.IF_EMPTY.value: "Only if empty in Salesforce",
    WriteMode.ON_CREATE.value: "Only when we create it",
    WriteMode.APPEND.value: "Add to what is there",
    WriteMode.IF_OURS.value: "Only while it is as we wrote it",
    WriteMode.OFF.value: "Off",
}

MODE_MEANS: Mapping[str, str] = {
    WriteMode.ALWAYS.value: "Every sync puts the event platform’s value there, also over what somebody typed in Salesforce. "
    "A blank value erases nothing.",
    WriteMode.IF_EMPTY.value: "Fills the field where Salesforce holds nothing. What is there stays.",
    WriteMode.ON_CREATE.value: "Filled once, when contactsync makes the record. Records that were there before, and later "
    "changes, are left alone.",
    WriteMode.APPEND.value: "The value is put behind what the field holds, unless it is in there already.",
    WriteMode.IF_OURS.value: "Kept up to date until somebody changes it in Salesforce. From then on it is theirs.",
    WriteMode.OFF.value: "Never sent to Salesforce.",
}

TOO_LONG: Mapping[str, str] = {
    TooLong.STOP.value: "Hold the record and tell us",
    TooLong.TRUNCATE.value: "Cut it to what fits",
}

SEPARATORS: Mapping[str, str] = {
    "usual": "What fits the field",
    "comma": "A comma",
    "line": "A new line",
    "semicolon": "A semicolon",
    "other": "Something else:",
}

TYPES: Mapping[str, str] = {
    "text": "Text",
    "textarea": "Long text",
    "email": "E-mail",
    "phone": "Phone",
    "url": "Web address",
    "picklist": "Picklist",
    "multipicklist": "Multi-select picklist",
    "boolean": "Checkbox",
    "number": "Number",
    "date": "Date",
    "datetime": "Date and time",
    "reference": "Lookup to another record",
    "id": "Record ID",
    "other": "Other",
}

_SOURCES: Mapping[str, str] = {
    "id": "ID at the event platform",
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "title": "Job title",
    "phone": "Main phone",
    "mobile_phone": "Mobile phone",
    "website": "Website",
    "note": "Note",
    "owner_email": "E-mail of the owner",
    "source": "Where they were captured",
    "sync_as": "Sync As",
    "social.linkedin": "LinkedIn",
    "social.twitter": "Twitter",
    "social.facebook": "Facebook",
    "social.instagram": "Instagram",
    "address.street": "Street",
    "address.city": "City",
    "address.state": "State",
    "address.postal_code": "Postal code",
    "address.country": "Country",
    "company": "Company name",
    "account": "Account",
    "owner": "Owner",
    "name": "Name",
    "domain": "Website domain",
    "type": "Type",
    "status": "Status",
    "active": "Active",
    "starts_at": "Start",
    "ends_at": "End",
    "starts_on": "First day",
    "ends_on": "Last day",
    "timezone": "Time zone",
    "venue": "Venue",
    "city": "City",
    "country": "Country",
    "url": "Web address",
    "subject": "Subject line",
    "all_day": "All day",
    "location": "Place",
    "notes": "Notes",
    "description": "Notes, attendees and our line",
    "event": "Name of the event",
    "host_email": "E-mail of the host",
    "who": "Person",
    "what": "Account or campaign",
}

_OF_KIND: Mapping[tuple[str, str], str] = {
    ("meeting", "title"): "Title",
    ("account", "name"): "Company name",
    ("campaign", "name"): "Event name",
}

_HINTS: Mapping[tuple[str, str], str] = {
    ("", "account"): "The Account of the company: picked, matched by domain or name, or made.",
    ("", "owner"): "The Salesforce user with the owner’s e-mail address.",
    ("campaign", "active"): "Yes, unless the event was cancelled.",
    ("campaign", "starts_on"): "The day on which the event starts, where it takes place.",
    ("campaign", "ends_on"): "The day on which it ends, where it takes place.",
    ("meeting", "subject"): "The title, with “Cancelled:” or “No show:” before it.",
    ("meeting", "all_day"): "Yes for meetings that last whole days.",
    ("meeting", "description"): "Notes, who could not be linked, and the line by which we know the meeting again.",
    ("meeting", "event"): "The event that the meeting belongs to.",
    ("meeting", "who"): "The first attendee who is a Lead or Contact.",
    ("meeting", "what"): "The Account of the attendees, or the event’s campaign.",
}


def source_label(kind: str, source: str) -> str:
    """What people call a source: "Job title"; of a custom field its own name."""
    if source.startswith("custom."):
        return source.removeprefix("custom.").replace("_", " ").strip().capitalize() or source
    return _OF_KIND.get((kind, source)) or _SOURCES.get(source) or source


def source_hint(kind: str, source: str) -> str:
    """What is worked out for a source that nobody sends as it is; "" for those that are sent."""
    return _HINTS.get((kind, source)) or _HINTS.get(("", source)) or ""


def field_type(known: CrmField) -> str:
    """ "Text, up to 128 characters", "Picklist with 5 values"."""
    words = TYPES.get(known.type, TYPES["other"])
    if known.type in ("picklist", "multipicklist"):
        many = len(known.values)
        return f"{words} with {many} value{'' if many == 1 else 's'}" if many else words
    if known.length and known.type in ("text", "textarea", "email", "phone", "url"):
        return f"{words}, up to {known.length:,} characters"
    return words


def field_marks(known: CrmField) -> tuple[tuple[str, str], ...]:
    """What must be known before the field is chosen, each with its tone."""
    marks = []
    if known.required:
        marks.append(("Required in Salesforce", "info"))
    if not known.createable and not known.updateable:
        marks.append(("Read-only", "bad"))
    elif not known.updateable:
        marks.append(("Only when created", "warn"))
    elif not known.createable:
        marks.append(("Not when created", "bad"))
    if known.restricted:
        marks.append(("Only its own values", "soft"))
    return tuple(marks)


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_SAID: Sequence[tuple[re.Pattern[str], str]] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Write the field's API name\.", "Choose one of the list, or write its API name."),
        (r"write on_create\.", "choose “Only when we create it”."),
        (r"Only texts are cut: write stop\.", "Only texts can be cut: choose “Hold the record and tell us”."),
        (r": append is for", ": “Add to what is there” is for"),
        (r"write that, or null\.", "choose “What fits the field”."),
        (r"write a separator without a line break, or null\.", "choose something without a line break."),
        (r", or null for the usual\.", ", or choose “What fits the field”."),
        (r"write true or false, without quotes\.", "write yes or no."),
        (r"write one, without quotes\.", "write one, such as 46 or 46.5."),
        (r"write the value in quotes\.", "write a text."),
        (r"set the mode to off\.", "choose Off."),
        (r"A rule that appends never takes anything away: write false, or another mode\.",
         "What is added is never taken away: untick this, or choose another way of writing."),
        (r"is never taken away: write false\.", "is never taken away: untick this."),
        (r"Write one of: always, .*", "Choose when it is written."),
        (r"Write one of: stop, .*", "Choose what happens to a text that is too long."),
        (r"name another field, or map its values\.", "name another field, or translate its values below."),
        (r"\bThe CRM\b", "Salesforce"),
        (r"\bthe CRM\b", "Salesforce"),
    )
)  # fmt: skip
_HOLDS: Mapping[str, str] = {
    "text": "text",
    "textarea": "text",
    "email": "an e-mail address",
    "phone": "a phone number",
    "url": "a web address",
    "picklist": "a picklist value",
    "multipicklist": "picklist values",
    "boolean": "yes or no",
    "number": "a number",
    "date": "a day",
    "datetime": "a day with its time",
    "reference": "another record",
    "id": "a record ID",
}
_OF_TYPE = re.compile(rf"\b(takes|holds)(?: one)? ({'|'.join(_HOLDS)})\b")
_RULE_NUMBER = re.compile(r"rules\.(\d+)")
_RULE_FOR = re.compile(r"The rule for ([\w.]+) must be there and on")
_SOURCE_IS = re.compile(r"“([a-z_.]+)” is (text|none|yes or no|a moment|a day|a number)")


def in_form_words(kind: str, message: str, sources: Sequence[str]) -> str:
    """What is wrong with a rule, in the words of the page. `sources`: of all rules, in the order of their numbers."""
    for pattern, words in _SAID:
        message = pattern.sub(words, message)
    message = _OF_TYPE.sub(lambda found: f"{found[1]} {_HOLDS[found[2]]}", message)
    message = _RULE_FOR.sub(lambda found: f"“{source_label(kind, found[1])}” must be there and on", message)
    message = _SOURCE_IS.sub(lambda found: f"“{source_label(kind, found[1])}” is {found[2]}", message)

    def named(found: re.Match[str]) -> str:
        number = int(found[1])
        return f"“{source_label(kind, sources[number])}”" if number < len(sources) else "another rule"

    return _RULE_NUMBER.sub(named, message)
