"""What stands in the audit log, in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contactsync.store.audit import Audited

GROUPS: Mapping[str, str] = {
    "records": "Contacts, companies, events",
    "problems": "Problems and deliveries",
    "settings": "Settings",
    "access": "Users, secrets, tokens",
    "people": "People's data",
}
"""What the log can be narrowed to."""

ACTIONS: Mapping[Audited, tuple[str, str]] = {
    Audited.MAPPING_CHANGED: ("settings", "Changed the field mapping"),
    Audited.POLICIES_CHANGED: ("settings", "Changed the policies"),
    Audited.CONNECTED: ("settings", "Connected Salesforce"),
    Audited.DISCONNECTED: ("settings", "Disconnected Salesforce"),
    Audited.SIGN_IN_BEGUN: ("settings", "Began a sign-in at Salesforce"),
    Audited.ORG_ADDED: ("settings", "Made the org"),
    Audited.ORG_IMPORTED: ("settings", "Imported a file of settings"),
    Audited.SECRET_ADDED: ("access", "Added a webhook secret"),
    Audited.SECRET_REVOKED: ("access", "Revoked a webhook secret"),
    Audited.TOKEN_ADDED: ("access", "Added an API token"),
    Audited.TOKEN_REVOKED: ("access", "Revoked an API token"),
    Audited.KEYS_ROTATED: ("access", "Rotated the keys"),
    Audited.USER_ADDED: ("access", "Let a user in"),
    Audited.USER_INVITED: ("access", "Made a link to choose a password"),
    Audited.USER_DISABLED: ("access", "Disabled a user"),
    Audited.USER_ENABLED: ("access", "Enabled a user"),
    Audited.ROLE_CHANGED: ("access", "Changed a role"),
    Audited.OPERATOR_CHANGED: ("access", "Changed who is an operator"),
    Audited.PASSWORD_CHANGED: ("access", "Changed a password"),
    Audited.SIGNED_IN: ("access", "Signed in"),
    Audited.EVENT_CONNECTED: ("records", "Connected an event to a campaign"),
    Audited.EVENT_DISCONNECTED: ("records", "Disconnected an event from its campaign"),
    Audited.CAMPAIGN_ASKED_FOR: ("records", "Asked for a campaign to be made"),
    Audited.CONTACT_EDITED: ("records", "Edited contacts"),
    Audited.CONTACTS_APPROVED: ("records", "Approved contacts"),
    Audited.COMPANY_LINKED: ("records", "Linked a company to an Account"),
    Audited.COMPANY_UNLINKED: ("records", "Unlinked a company"),
    Audited.COMPANY_MATCHED: ("records", "Had a company matched again"),
    Audited.COMPANIES_MERGED: ("records", "Merged two companies"),
    Audited.COMPANY_PARTED: ("records", "Parted merged companies"),
    Audited.RESYNC_STARTED: ("records", "Began to sync many again"),
    Audited.RESYNC_CANCELLED: ("records", "Stopped syncing many again"),
    Audited.RUN_UNDONE: ("records", "Undid a sync"),
    Audited.PROBLEM_CHECKED: ("problems", "Tried a problem's records again"),
    Audited.PROBLEM_TRIED: ("problems", "Tried one record of a problem again"),
    Audited.PROBLEM_DISMISSED: ("problems", "Dismissed a problem"),
    Audited.PROBLEM_BROUGHT_BACK: ("problems", "Brought a problem back"),
    Audited.PROBLEM_EXPORTED: ("problems", "Downloaded a problem's records"),
    Audited.REPLAYED: ("problems", "Replayed deliveries"),
    Audited.BODY_SHOWN: ("people", "Looked at a delivery unmasked"),
    Audited.PERSON_ERASED: ("people", "Erased a person"),
    Audited.PERSON_EXPORTED: ("people", "Exported a person's data"),
    Audited.PERSON_ALLOWED: ("people", "Let an erased person in again"),
}
"""What was done → which group, and in words. One that is not here yet is shown by its name."""

MOST = 20
"""So many lines of details are shown of one entry."""


def action_words(action: str) -> str:
    """What was done."""
    known = next((words for one, (_, words) in ACTIONS.items() if one == action), None)
    return known or action.replace(".", " ").replace("_", " ").capitalize()


def actions_of(group: str) -> list[str] | None:
    """The actions of a group; None: of all."""
    return [one.value for one, (named, _) in ACTIONS.items() if named == group] if group in GROUPS else None


def detail_lines(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was and what is, line by line: the name of each thing, and what it holds."""
    lines: list[tuple[str, str]] = []
    for name, value in details.items():
        label = name.replace("_", " ").capitalize()
        if isinstance(value, Mapping) and 0 < len(value) <= MOST and not any(map(_is_nested, value.values())):
            lines += [(f"{label} › {key.replace('_', ' ')}", _plain(one)) for key, one in value.items()]
        else:
            lines.append((label, _plain(value)))
    return lines


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, list) and not _is_nested(value):
        return ", ".join(_plain(one) for one in value)
    return (
        value
        if isinstance(value, str)
        else f"{value:,}"
        if isinstance(value, int)
        else json.dumps(value, ensure_ascii=False)
    )
