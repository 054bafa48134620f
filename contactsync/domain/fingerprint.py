"""Everything that a sync is made from, in 64 characters: the same fingerprint means there is nothing to send."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from contactsync.domain.batch import Ready
from contactsync.domain.crm import RecordKind
from contactsync.domain.mapping import FieldMapping
from contactsync.domain.mapping_json import rules_as_json
from contactsync.domain.policy import Policies
from contactsync.domain.policy_json import policies_as_json

VERSION = 1
"""Counts up when the decider would send something else for the same input: then everybody syncs once more."""


def fingerprint(ready: Ready, mapping: FieldMapping, policies: Policies) -> str:
    """The sha256, in hex, of what the plan for a contact is made from: its fields that any rule uses, its company, owner and
    Sync As, its attendances with their campaigns, the rules, the policies. What the CRM holds is no part of it.
    """
    contact = ready.contact
    company = contact.company
    kinds = (RecordKind.LEAD, RecordKind.CONTACT) if ready.kind is RecordKind.LEAD else (RecordKind.CONTACT,)
    rules = {
        name: rules_as_json(mapping.rules.get(name, ()))
        for name in (("lead", "contact") if ready.kind is RecordKind.LEAD else ("contact", "account"))
    }
    sources = {rule.source for kind in kinds for rule in mapping.of(kind)} | {"email"}
    made_from: dict[str, Any] = {
        "version": VERSION,
        "sync_as": ready.sync_as.value,
        "fields": {path: contact.fields[path] for path in sources if path in contact.fields},
        "company": [company.name, company.domain, company.account_id] if company else None,
        "owner": ready.owner_email,
        "attendances": sorted(
            [attendance.event_id, attendance.status, attendance.campaign_id, attendance.removed]
            for attendance in contact.attendances
            if attendance.campaign_id
        ),
        "rules": rules,
        "policies": policies_as_json(policies),
    }
    canonical = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
