"""What stands in the audit log, in words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contactsync.store.audit import Audited
from contactsync.web.console.mapping_words import KINDS, MODES, source_label
from contactsync.web.console.policy_words import policy_title, policy_value

GROUPS: Mapping[str, str] = {
    "records": "Contacts, companies, events",
    "problems": "Problems and deliveries",
    "settings": "Settings",
    "access": "Users, secrets, tokens",
    "people": "People’s data",
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
    Audited.CONTACT_EDITED: ("records", "Changed contacts by hand"),
    Audited.CONTACTS_APPROVED: ("records", "Approved contacts"),
    Audited.COMPANY_LINKED: ("records", "Linked a company to an Account"),
    Audited.COMPANY_UNLINKED: ("records", "Unlinked a company"),
    Audited.COMPANY_MATCHED: ("records", "Had a company matched again"),
    Audited.COMPANIES_MERGED: ("records", "Merged two companies"),
    Audited.COMPANY_PARTED: ("records", "Parted merged companies"),
    Audited.RESYNC_STARTED: ("records", "Began to sync many again"),
    Audited.RESYNC_CANCELLED: ("records", "Stopped syncing many again"),
    Audited.RUN_UNDONE: ("records", "Undid a sync"),
    Audited.PROBLEM_CHECKED: ("problems", "Tried a problem’s records again"),
    Audited.PROBLEM_TRIED: ("problems", "Tried one record of a problem again"),
    Audited.PROBLEM_DISMISSED: ("problems", "Dismissed a problem"),
    Audited.PROBLEM_BROUGHT_BACK: ("problems", "Brought a problem back"),
    Audited.PROBLEM_EXPORTED: ("problems", "Downloaded a problem’s records"),
    Audited.REPLAYED: ("problems", "Replayed deliveries"),
    Audited.BODY_SHOWN: ("people", "Looked at a delivery unmasked"),
    Audited.PERSON_ERASED: ("people", "Erased a person"),
    Audited.PERSON_EXPORTED: ("people", "Exported a person’s data"),
    Audited.PERSON_ALLOWED: ("people", "Let an erased person in again"),
}
"""What was done → which group, and in words. One that is not here yet is shown by its name."""

MOST = 20
"""So many lines of details are shown of one entry."""

_FEW, _SHORT = 2, 200

_LABELS: Mapping[str, str] = {
    "also": "Also set",
    "campaign_id": "Campaign",
    "account_id": "Account",
    "expires_at": "Ends",
    "in_hours": "Ends",
    "instance_url": "Address",
    "login_url": "Signs in at",
    "flow": "Way to sign in",
    "label": "What for",
    "link": "Got a link",
    "new": "Now",
    "old": "Before",
    "read_only": "Read only",
    "taken_out": "Taken out",
    "put_in": "Put in",
}

_PARTS = {"dlv": "delivery", "run": "run", "rsy": "resync"}
_NUMBERED = re.compile(r"(dlv|run|rsy)_([1-9][0-9]*)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Detail:
    """One line of an entry. `old`: what it was before, where that is known; `at`: instead of `new`, a time."""

    name: str
    new: str
    old: str | None = None
    at: datetime | None = None


def action_words(action: str, details: Mapping[str, Any] | None = None) -> str:
    """What was done."""
    role = (details or {}).get("role")
    if action == Audited.ROLE_CHANGED and isinstance(role, Mapping):
        if role.get("new") is None:
            return "Took a user out of this org"
        if role.get("old") is None:
            return "Let a user in"
    known = next((words for one, (_, words) in ACTIONS.items() if one == action), None)
    return known or action.replace(".", " ").replace("_", " ").capitalize()


def actions_of(group: str) -> list[str] | None:
    """The actions of a group; None: of all."""
    return [one.value for one, (named, _) in ACTIONS.items() if named == group] if group in GROUPS else None


def about_words(action: str, about: str) -> str:
    """What it was done to, where that is no record with a name; "": `about` is all that can be said."""
    if action == Audited.MAPPING_CHANGED and about in KINDS:
        return KINDS[about][0]
    if action.startswith("connection."):
        return about.capitalize()
    if action.startswith(("secret.", "token.")) and about:
        return f"{action.partition('.')[0]} {about}"
    return _plain(about) if _NUMBERED.fullmatch(about) else ""


def detail_lines(details: Mapping[str, Any], action: str = "", about: str = "") -> list[Detail]:
    """What was and what is, line by line: the name of each thing, and what it holds."""
    lines: list[Detail] = []
    for name, value in details.items():
        label = policy_title(name) if action == Audited.POLICIES_CHANGED else _label(name)
        if action == Audited.MAPPING_CHANGED and isinstance(value, list):
            lines += [Detail(label, _rule(about, one)) for one in value]
        elif isinstance(value, Mapping) and set(value) == {"old", "new"}:
            old = None if value["old"] is None else _value(action, name, value["old"])
            lines.append(Detail(label, _value(action, name, value["new"]), old))
        elif isinstance(value, Mapping) and 0 < len(value) <= MOST and not any(map(_is_nested, value.values())):
            lines += [Detail(f"{label} › {_label(key).lower()}", _plain(one)) for key, one in value.items()]
        elif isinstance(value, str) and _MOMENT.fullmatch(value):
            lines.append(Detail(label, value, at=datetime.fromisoformat(value)))
        else:
            lines.append(Detail(label, _value(action, name, value)))
    return lines


def are_brief(lines: Sequence[Detail]) -> bool:
    """Whether they may stand there without being asked for."""
    return len(lines) <= _FEW and sum(len(one.new) + len(one.old or "") for one in lines) <= _SHORT


def _label(name: str) -> str:
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


def _value(action: str, name: str, value: Any) -> str:
    if action == Audited.POLICIES_CHANGED and not isinstance(value, Mapping | list):
        return policy_value(name, value).capitalize()
    if name == "expires_at" and value is None:
        return "when somebody ends it"
    if name == "in_hours" and isinstance(value, int | float):
        return f"in {value:,g} h" if value else "at once"
    if isinstance(value, list) and not _is_nested(value):
        if action == Audited.ORG_IMPORTED and name == "policies":
            return _listed(policy_title(str(one)) for one in value)
        if action == Audited.ORG_IMPORTED and name == "mapping":
            return _listed(KINDS[one][0] if one in KINDS else str(one) for one in value)
        if action == Audited.CONTACT_EDITED and name == "fields":
            return _listed(source_label("lead", str(one)) for one in value)
    if isinstance(value, Mapping) and value and not any(map(_is_nested, value.values())):
        return _listed(f"{key} → {_plain(one)}" for key, one in value.items())
    return _plain(value)


def _rule(kind: str, rule: Any) -> str:
    """A rule of the field mapping: "Main phone → Phone (Always write)"."""
    if not isinstance(rule, Mapping) or "source" not in rule:
        return _plain(rule)
    mode = MODES.get(str(rule.get("mode")), str(rule.get("mode")))
    return f"{source_label(kind, str(rule['source']))} → {rule.get('target') or 'nothing'} ({mode})"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "nothing"


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, list) and not _is_nested(value):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, str):
        numbered = _NUMBERED.fullmatch(value)
        return f"{_PARTS[numbered[1]]} {numbered[2]}" if numbered else value
    return f"{value:,}" if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
