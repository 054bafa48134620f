"""Everything that a sync is made from, in 64 characters: the same fingerprint means there is nothing to send."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
    return Fingerprints(mapping, policies).of(ready)


class Fingerprints:
    """Fingerprints by one mapping and one set of policies, which are written out once for many contacts."""

    def __init__(self, mapping: FieldMapping, policies: Policies) -> None:
        self._rules = {kind: {used: mapping.of(used) for used in RULES_OF[kind]} for kind in RULES_OF}
        self._sources = {
            kind: sorted({"email", *(rule.source for used in rules.values() for rule in used)})
            for kind, rules in self._rules.items()
        }
        self._made_by = {
            kind: _canonical(
                {
                    "version": VERSION,
                    "rules": {used.value: rules_as_json(listed) for used, listed in rules.items()},
                    "policies": policies_as_json(policies),
                }
            )
            for kind, rules in self._rules.items()
        }

    def of(self, ready: Ready) -> str:
        """The fingerprint of one contact."""
        contact, company = ready.contact, ready.contact.company
        lead = ready.kind is RecordKind.LEAD
        made_from = {
            "sync_as": ready.sync_as.value,
            "fields": {path: contact.fields[path] for path in self._sources[ready.kind] if path in contact.fields},
            "company": company and ([company.name] if lead else [company.name, company.domain, company.account_id]),
            "owner": ready.owner_email,
            "attendances": sorted(
                {
                    (attendance.campaign_id, attendance.status)
                    for attendance in contact.attendances
                    if attendance.campaign_id and not attendance.removed
                }
            ),
        }
        return hashlib.sha256(self._made_by[ready.kind] + _canonical(made_from)).hexdigest()


def _canonical(made_from: Mapping[str, Any]) -> bytes:
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
