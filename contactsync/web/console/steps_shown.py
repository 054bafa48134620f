"""Steps as pages show them: one part per record of the CRM, one line per field, old → new. Pure.

They come as the ledger keeps them and as previews make them (`domain.shown.shown`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contactsync.domain.crm import Action, RecordKind
from contactsync.domain.shown import NEW
from contactsync.web.console.reason_words import reason, reasons

Link = Callable[[str | None, str | None], str | None]

OBJECTS: Mapping[str, str] = {
    RecordKind.LEAD: "Lead",
    RecordKind.CONTACT: "Contact",
    RecordKind.ACCOUNT: "Account",
    RecordKind.CAMPAIGN: "Campaign",
    RecordKind.MEMBER: "Campaign member",
    RecordKind.MEMBER_STATUS: "Member status",
    RecordKind.ACTIVITY: "Calendar event",
    RecordKind.ATTENDEE: "Attendee",
    RecordKind.OWNER: "User",
}
"""What records are called in Salesforce's own pages."""

_BEFORE: Mapping[str, tuple[str, str]] = {
    Action.CREATE: ("New {}", "good"),
    Action.UPDATE: ("Change {}", "info"),
    Action.LEAVE: ("{} stays as it is", "soft"),
    Action.REMOVE: ("Take {} out", "bad"),
}
_AFTER: Mapping[str, tuple[str, str]] = {
    Action.CREATE: ("{} created", "good"),
    Action.UPDATE: ("{} changed", "info"),
    Action.LEAVE: ("{} left as it was", "soft"),
    Action.REMOVE: ("{} taken out", "bad"),
}

_OWN_LABELS: Mapping[str, str] = {"WhoId": "Name", "WhatId": "Related To"}
"""Fields that Salesforce's own pages call something else than their API name says."""

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

LONG = 160
"""A value of more characters is folded away behind its beginning."""


@dataclass(frozen=True)
class FieldShown:
    """One field: `name` as people read it, `api` as the CRM calls it. "" stands for an empty value."""

    name: str
    api: str
    old: str
    new: str
    why: str = ""

    @property
    def long(self) -> bool:
        """Whether it takes more room than a table's cell has."""
        return max(len(self.old), len(self.new)) > LONG


@dataclass(frozen=True)
class StepShown:
    """What is done, or was done, with one record. `left`: fields that are not written, with the reason."""

    title: str
    tone: str
    action: str
    object: str
    crm_id: str | None
    url: str | None
    why: tuple[str, ...] = ()
    fields: tuple[FieldShown, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    failed: bool = False
    made_now: bool = field(default=False)  # of a new record there is no value before


def steps_shown(steps: Iterable[Mapping[str, Any]], link: Link, *, done: bool) -> tuple[StepShown, ...]:
    """Steps for a page; `done`: they were done, and are told as such; else they would be."""
    return tuple(_step(step, link, done) for step in steps)


def changes(steps: Iterable[StepShown]) -> int:
    """How many records they change."""
    return sum(1 for step in steps if step.action != Action.LEAVE.value and not step.failed)


def field_name(api: str) -> str:
    """A field's name as people read it: "MobilePhone" → "Mobile Phone", "Shoe_Size__c" → "Shoe Size"."""
    if api in _OWN_LABELS:
        return _OWN_LABELS[api]
    spaced = _WORD_ENDS.sub(" ", api.removesuffix("__c").replace("_", " "))
    words = " ".join(spaced.split()).removesuffix(" Id")
    return f"{words[:1].upper()}{words[1:]}" or api


def value_shown(value: object) -> str:
    """A value as people read it; "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "the new record" if value == NEW else str(value)


def _step(step: Mapping[str, Any], link: Link, done: bool) -> StepShown:
    words, tone = (_AFTER if done else _BEFORE).get(step["action"], ("{}", "soft"))
    failed = bool(step.get("problem"))
    kind = step["object"]
    title = words.format(OBJECTS.get(kind, kind))
    return StepShown(
        title=f"{OBJECTS.get(kind, kind)}: this failed" if failed else title,
        tone="bad" if failed else tone,
        action=step["action"],
        object=kind,
        crm_id=step.get("crm_id"),
        url=link(kind, step.get("crm_id")),
        why=reasons(step.get("why")),
        fields=tuple(_field(name, one) for name, one in (step.get("fields") or {}).items()),
        left=tuple((field_name(name), reason(str(why))) for name, why in (step.get("left") or {}).items()),
        failed=failed,
        made_now=step["action"] == Action.CREATE.value,
    )


def _field(name: str, one: Mapping[str, Any]) -> FieldShown:
    return FieldShown(
        field_name(name),
        name,
        value_shown(one.get("old")),
        value_shown(one.get("new")),
        reason(str(one.get("why") or "")),
    )
