"""What an org's sync goes by: its mapping, its policies, how long failures wait."""

from __future__ import annotations

from contactsync.domain.fingerprint import Fingerprints
from contactsync.domain.mapping import FieldMapping
from contactsync.domain.mapping_json import rules_from_json
from contactsync.domain.outcome import Backoff
from contactsync.store import orgs
from contactsync.store.engine import Connection as Db
from contactsync.sync.entries import Rules
from contactsync.sync.parts import Parts

DEFAULT_TARGET = "salesforce"
"""Whose mapping is shown and checked for an org that is not connected yet."""


def rules_of(db: Db, parts: Parts, org_id: int, slug: str, target: str | None) -> Rules:
    """The rules as they hold now. Raises Misconfigured when configuration names a mapping that no plugin provides."""
    sync = parts.settings.config.sync
    chosen = orgs.chosen(db, org_id)  # before the others: were they changed in between, it is seen by this one
    mapping, policies = mapping_of(db, parts, org_id, target), orgs.policies(db, org_id)
    return Rules(
        slug=slug,
        mapping=mapping,
        policies=policies,
        fingerprints=Fingerprints(mapping, policies),
        backoff=Backoff(sync.retry_first_seconds, sync.retry_most_seconds),
        chosen=chosen,
    )


def mapping_of(db: Db, parts: Parts, org_id: int, target: str | None) -> FieldMapping:
    """The mapping that configuration picks for the target, with the kinds that the org changed replaced."""
    mapping = parts.plugins.mapping(parts.settings.config.sync.mapping_for(target or DEFAULT_TARGET))
    for kind, stored in orgs.mapping_json(db, org_id).items():
        mapping = mapping.replaced(kind, rules_from_json(kind, stored))
    return mapping
