"""From steps to rows: one record to write each, in Salesforce's own words. Pure.

Steps of mapped kinds name Salesforce's fields already. Members, member statuses and attendees have no mapping: their steps
use the sync's own words, which become fields here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from contactsync.api import Action, Failure, FieldValue, RecordKind, RecordRef, Step, StepRef

from .advice import Advice
from .ids import full_id, kind_of
from .own_advice import (
    INVALID_FIELD_NAME,
    NO_CAMPAIGN_ID,
    NO_PERSON_FOR_ATTENDEE,
    NO_PERSON_FOR_MEMBER,
    NOT_A_NUMBER,
    REMOVAL_REFUSED,
    UNKNOWN_STEP,
)
from .soql import REFERENCE, is_identifier

AUTO_ASSIGN_OFF = {"Sforce-Auto-Assign": "FALSE"}
"""An absent header means that active assignment rules run, and may give the record another owner."""

SAVE_DUPLICATES = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
"""Saves what a duplicate rule only warns of; a rule that blocks still blocks."""

_PERSON_FIELDS = {RecordKind.LEAD: "LeadId", RecordKind.CONTACT: "ContactId"}
_RESPONSES = {"accepted": "Accepted", "declined": "Declined"}  # EventRelation.Status knows New besides, and no other
_RESERVED = frozenset({"id", "attributes"})
_LOCKED_PARENTS = ("AccountId", "CampaignId", "EventId")

Orders = Mapping[str, int]
"""The SortOrder that the next status of a campaign (18 characters) gets."""


@dataclass(frozen=True)
class Row:
    """One record to write. `fields` are named as Salesforce names them; `needs`: the steps whose records it mentions, and
    those that must be done before it (`step.after`).
    """

    step: Step
    fields: Mapping[str, FieldValue] = field(repr=False)
    needs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The step's id."""
        return self.step.id

    @property
    def creates(self) -> bool:
        """Whether the record is new."""
        return self.step.action is Action.CREATE

    @property
    def removes(self) -> bool:
        """Whether the record is to go."""
        return self.step.action is Action.REMOVE

    @property
    def parent(self) -> str:
        """The record whose lock its write takes, as far as it has one that is there already."""
        held = (self.fields.get(name) for name in _LOCKED_PARENTS)
        return next((value if isinstance(value, str) else value.id for value in held if _is_record(value)), "")

    @property
    def headers(self) -> dict[str, str]:
        """What its call must say. Outer headers are not inherited by the parts of a composite: documented nowhere."""
        rules = AUTO_ASSIGN_OFF if self.rules_off else {}
        return {**rules, **(SAVE_DUPLICATES if self.step.save_duplicates else {})}

    @property
    def rules_off(self) -> bool:
        """Whether assignment rules must keep off: we set the owner, or the lead has one already.

        A new lead without an owner is given one by the rules, as every other new lead.
        """
        owned = self.fields.get("OwnerId") is not None
        return owned or (self.step.kind is RecordKind.LEAD and not self.creates)

    @property
    def direct(self) -> bool:
        """Whether it must stay out of composites."""
        return any(isinstance(value, str) and REFERENCE in value for value in self.fields.values())

    @property
    def size(self) -> int:
        """About how many characters it takes."""
        return 80 + sum(len(name) + len(str(value)) + 6 for name, value in self.fields.items())


def row_of(step: Step, kinds: Mapping[str, RecordKind], orders: Orders | None = None) -> Row | Failure:
    """The row of a writing step, or why it cannot be one. `kinds`: of the steps before it, by their id."""
    fields = _fields_of(step, kinds, orders or {})
    if isinstance(fields, Failure):
        return fields
    for name, value in fields.items():
        if not is_identifier(name) or name.lower() in _RESERVED:
            return _refused(step, INVALID_FIELD_NAME, ascii(name)[1:-1][:80])
        if isinstance(value, float) and not math.isfinite(value):
            return _refused(step, NOT_A_NUMBER, name)
    named = (value.step_id for value in fields.values() if isinstance(value, StepRef))
    needs = tuple(dict.fromkeys((*named, *step.after)))
    if any(need not in kinds for need in needs):
        return _refused(step, UNKNOWN_STEP)
    return Row(step, fields, needs)


def campaign_of(step: Step) -> str:
    """The campaign (18 characters) that a member or a member status belongs to; "" while it is not made yet."""
    campaign = step.fields.get("campaign")
    return full_id(campaign.id if isinstance(campaign, RecordRef) else campaign if isinstance(campaign, str) else "")


def _fields_of(step: Step, kinds: Mapping[str, RecordKind], orders: Orders) -> Mapping[str, FieldValue] | Failure:
    if step.action is Action.REMOVE:
        if step.kind is RecordKind.MEMBER:
            return {}
        return _refused(step, REMOVAL_REFUSED)
    if step.kind is RecordKind.MEMBER:
        return _member_fields(step, kinds)
    if step.kind is RecordKind.MEMBER_STATUS:
        return _status_fields(step, orders)
    if step.kind is RecordKind.ATTENDEE:
        return _attendee_fields(step, kinds)
    return step.fields


def _status_fields(step: Step, orders: Orders) -> Mapping[str, FieldValue] | Failure:
    """A new status goes behind those that the campaign has: Salesforce takes no SortOrder twice in one campaign [SEEN]."""
    campaign = _campaign(step)
    if isinstance(campaign, Failure):
        return campaign
    fields: dict[str, FieldValue] = {
        "CampaignId": campaign,
        "Label": step.fields.get("label"),
        "HasResponded": bool(step.fields.get("responded")),
    }
    order = orders.get(campaign_of(step))
    return fields if order is None else {**fields, "SortOrder": order}


def _attendee_fields(step: Step, kinds: Mapping[str, RecordKind]) -> Mapping[str, FieldValue] | Failure:
    """Activity and person cannot be changed later."""
    fields: dict[str, FieldValue] = {}
    if "status" in step.fields:
        fields["Status"] = _RESPONSES.get(str(step.fields["status"]).lower(), "New")
    if step.action is not Action.CREATE:
        return fields
    person, activity = step.fields.get("person"), step.fields.get("activity")
    kind = kinds.get(person.step_id) if isinstance(person, StepRef) else _kind_named(person)
    if kind is None or not kind.is_person or activity is None:
        return _refused(step, NO_PERSON_FOR_ATTENDEE)
    return {"EventId": activity, "RelationId": person, **fields}


def _member_fields(step: Step, kinds: Mapping[str, RecordKind]) -> Mapping[str, FieldValue] | Failure:
    """The words of a member's step as Salesforce's fields. Campaign and person cannot be changed later."""
    fields: dict[str, FieldValue] = {}
    if "status" in step.fields:
        fields["Status"] = step.fields["status"]
    if step.action is not Action.CREATE:
        return fields
    person = step.fields.get("person")
    kind = kinds.get(person.step_id) if isinstance(person, StepRef) else _kind_named(person)
    if kind not in _PERSON_FIELDS:
        return _refused(step, NO_PERSON_FOR_MEMBER)
    campaign = _campaign(step)
    if isinstance(campaign, Failure):
        return campaign
    return {"CampaignId": campaign, _PERSON_FIELDS[kind]: person, **fields}


def _kind_named(person: FieldValue) -> RecordKind | None:
    return person.kind if isinstance(person, RecordRef) else kind_of(str(person or ""))


def _campaign(step: Step) -> FieldValue | Failure:
    """The campaign as it was given, once it is sure to be one."""
    given = step.fields.get("campaign")
    if isinstance(given, StepRef):
        return given
    campaign = given.id if isinstance(given, RecordRef) else given
    return (
        campaign
        if isinstance(campaign, str) and kind_of(campaign) is RecordKind.CAMPAIGN
        else _refused(step, NO_CAMPAIGN_ID)
    )


def _is_record(value: FieldValue) -> TypeGuard[str | RecordRef]:
    return isinstance(value, str | RecordRef)


def _refused(step: Step, advice: Advice, *fields: str) -> Failure:
    return Failure(advice.next, advice.problem(step.kind, fields=fields))
