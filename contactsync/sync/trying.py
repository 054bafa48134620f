"""Rules that nobody kept yet: held against the CRM's fields, and tried on one real record. Nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contactsync.domain.batch import Plan, RecordsPlan
from contactsync.domain.crm import FieldCatalog
from contactsync.domain.mapping import MAPPED_KINDS
from contactsync.domain.mapping_json import rules_from_json, wrong_rules
from contactsync.store import connections, queue
from contactsync.store.engine import writing
from contactsync.sync.choosing import fitted
from contactsync.sync.parts import Parts
from contactsync.sync.previewing import NotConnected, preview, preview_event, preview_meeting
from contactsync.sync.targets import asking


def fields_of(parts: Parts, org_id: int, kind: str) -> FieldCatalog | None:
    """The CRM's fields that a kind's rules may name; its target remembers them for some minutes. None: not connected.

    `kind`: lead, contact, account, campaign or meeting. Raises TargetError.
    """
    bound = parts.targets.of(org_id)
    if bound is None:
        return None
    try:
        with asking(bound):
            return bound.target.describe(MAPPED_KINDS[kind])
    finally:
        bound.connection.flush()


def forget_fields(parts: Parts, org_id: int) -> bool:
    """Have every process read the CRM's fields anew: somebody has just added one there. False: not connected."""
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        row = connections.present(db, org_id)
        if row is not None:
            connections.bump_revision(db, row.id)
    return row is not None


def check_mapping(parts: Parts, org_id: int, kind: str, said: Mapping[str, Any]) -> dict[str, str]:
    """Everything that is wrong with one kind's rules, by path, none of which is kept. Raises TargetError."""
    return wrong_rules(kind, said, fields_of(parts, org_id, kind))


def preview_with_rules(
    parts: Parts, org_id: int, kind: str, said: Mapping[str, Any], record_id: str
) -> Plan | RecordsPlan | None:
    """What a sync of one record would do if these rules were kept; the CRM is read, nothing is written. None: no such record.

    `record_id`: the event platform's id of a contact; of an event for the kind campaign, of a meeting for meeting.
    Raises RefusedInput naming each wrong rule, NotReady as `preview` does, TargetError.
    """
    rules = rules_from_json(kind, said)
    bound = parts.targets.of(org_id)
    if bound is None:
        raise NotConnected
    unsaved = {kind: fitted(bound, kind, rules)}
    match kind:
        case "campaign":
            return preview_event(parts, org_id, record_id, unsaved)
        case "meeting":
            return preview_meeting(parts, org_id, record_id, unsaved)
    return preview(parts, org_id, record_id, unsaved)
