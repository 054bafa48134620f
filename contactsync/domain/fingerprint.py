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

RULES_OF = {
    RecordKind.LEAD: (RecordKind.LEAD, RecordKind.CONTACT),
    RecordKind.CONTACT: (RecordKind.CONTACT, RecordKind.ACCOUNT),
}
"""Whose rules a sync may go by: a Lead may turn out to be converted, and a Contact brings its Account."""


def fingerprint(ready: Ready, mapping: FieldMapping, policies: Policies) -> str:
    """The sha256, in hex, of what the plan for a contact is made from: its fields that any rule uses, its company, owner and
    Sync As, its attendances with their campaigns, the rules, the policies. What the CRM holds is no part of it.
    """
    contact, company = ready.contact, ready.contact.company
    lead = ready.kind is RecordKind.LEAD
    rules = {kind.value: mapping.of(kind) for kind in RULES_OF[ready.kind]}
    sources = {rule.source for used in rules.values() for rule in used} | {"email"}
    made_from: dict[str, Any] = {
        "version": VERSION,
        "sync_as": ready.sync_as.value,
        "fields": {path: contact.fields[path] for path in sources if path in contact.fields},
        "company": company and ([company.name] if lead else [company.name, company.domain, company.account_id]),
        "owner": ready.owner_email,
        "attendances": sorted(
            {
                (attendance.campaign_id, attendance.status)
                for attendance in contact.attendances
                if attendance.campaign_id and not attendance.removed
            }
        ),
        "rules": {kind: rules_as_json(used) for kind, used in rules.items()},
        "policies": policies_as_json(policies),
    }
    canonical = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
