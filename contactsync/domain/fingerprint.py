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
from contactsync.domain.policy import Policies, RemovedAttendance
from contactsync.domain.policy_json import policies_as_json
from contactsync.domain.records import Company, Contact

VERSION = 2
"""Counts up when the decider would send something else for the same input: then everybody syncs once more."""

POLICIES_OF_CONTACTS = (
    "several_matches",
    "prefer_existing",
    "create_accounts",
    "move_accounts",
    "removed_attendance",
    "create_member_statuses",
    "status_map",
)
"""The policies that a contact's plan is made by. The others say who is ready, how hard the CRM is used, or what becomes of
records of another kind; `duplicate_rules` matters only to a contact that was not synced, and that one has no fingerprint.
"""


def rules_of(kind: RecordKind, policies: Policies) -> tuple[RecordKind, ...]:
    """Whose rules a sync may go by: a Lead may turn out to be converted, and a Contact brings its Account. Where the org
    prefers what is there already, either may be the other.
    """
    if kind is RecordKind.LEAD:
        return RecordKind.LEAD, RecordKind.CONTACT
    accounts = (RecordKind.CONTACT, RecordKind.ACCOUNT)
    return (*accounts, RecordKind.LEAD) if policies.prefer_existing else accounts


def fingerprint(ready: Ready, mapping: FieldMapping, policies: Policies) -> str:
    """The sha256, in hex, of what the plan for a contact is made from: its fields that any rule uses, its company, owner and
    Sync As, its attendances with their campaigns, the rules, the policies. What the CRM holds is no part of it.
    """
    return Fingerprints(mapping, policies).of(ready)


class Fingerprints:
    """Fingerprints by one mapping and one set of policies, which are written out once for many contacts."""

    def __init__(self, mapping: FieldMapping, policies: Policies) -> None:
        kinds = (RecordKind.LEAD, RecordKind.CONTACT)
        self._counts_removed = policies.removed_attendance is not RemovedAttendance.KEEP
        self._rules = {kind: {used: mapping.of(used) for used in rules_of(kind, policies)} for kind in kinds}
        self._sources = {
            kind: sorted({"email", *(rule.source for used in rules.values() for rule in used)})
            for kind, rules in self._rules.items()
        }
        self._made_by = {
            kind: _canonical(
                {
                    "version": VERSION,
                    "rules": {used.value: rules_as_json(listed) for used, listed in rules.items()},
                    "policies": {name: policies_as_json(policies)[name] for name in POLICIES_OF_CONTACTS},
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
            "company": company and ([company.name] if lead else _company(company)),
            "owner": ready.owner_email,
            "attendances": self._attendances(contact),
        }
        return hashlib.sha256(self._made_by[ready.kind] + _canonical(made_from)).hexdigest()

    def _attendances(self, contact: Contact) -> list[tuple[str, str]]:
        """Campaigns with the statuses that their members get; a removed one counts where the org wants it to, and where
        nothing else brings the contact to that campaign.
        """
        connected = [one for one in contact.attendances if one.campaign_id]
        going = {(one.campaign_id or "", one.status) for one in connected if not one.removed}
        there = {campaign_id for campaign_id, _ in going}
        gone = {(one.campaign_id or "", "(removed)") for one in connected if one.removed}
        return sorted(going | {one for one in gone if self._counts_removed and one[0] not in there})


def _company(company: Company) -> list[str | None]:
    known = [company.name, company.domain, company.account_id]
    return [*known, "unlinked"] if company.unlinked else known  # as it was before there was such a thing


def _canonical(made_from: Mapping[str, Any]) -> bytes:
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
