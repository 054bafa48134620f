"""An org's mapping and policies as one readable, versioned document: out of one org, and into another.

`{"contactsync": 1, "mapping": {kind: {"rules": […]}}, "policies": {…}}`. It holds no secret and no id of any record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import FieldRule
from contactsync.domain.mapping_json import mark_of_rules, rules_as_json, rules_from_json
from contactsync.domain.policy import Policies
from contactsync.domain.policy_json import mark_of_policies, policies_as_json, policies_from_json
from contactsync.store import orgs, queue
from contactsync.store.audit import Audited, note
from contactsync.store.engine import reading, writing
from contactsync.sync.choosing import (
    ChangedMeanwhile,
    SavedPolicies,
    fitted,
    keep_policies,
    keep_rules,
    mapping,
    present_rules,
    rules_now,
)
from contactsync.sync.parts import Parts

VERSION = 1

KEYS = ("contactsync", "mapping", "policies")


class Difference(NamedTuple):
    """One thing that a document changes; None: it was not there, or is not there any more."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class _Read:
    """A document, checked: the rules of the kinds that it holds, and the policies that it names."""

    rules: Mapping[str, tuple[FieldRule, ...]]
    policies: Mapping[str, Any]


def export_org(parts: Parts, org_id: int) -> dict[str, Any]:
    """All that an org chose, and what holds where it chose nothing, so that it means the same everywhere."""
    with reading(parts.engine) as db:
        policies = orgs.policies(db, org_id)
    return {"contactsync": VERSION, "mapping": mapping(parts, org_id), "policies": policies_as_json(policies)}


def import_diff(parts: Parts, org_id: int, document: object) -> list[Difference]:
    """What the document would change, in the order in which it is written; kinds and policies that it leaves out stay.

    Raises RefusedInput naming everything in it that is wrong; TargetError, when the CRM's fields cannot be read.
    """
    said = _read(parts, org_id, document)
    present = present_rules(parts, org_id)
    changes: list[Difference] = []
    for kind, rules in said.rules.items():
        changes += rule_differences(f"mapping.{kind}", present[kind], rules)
    with reading(parts.engine) as db:
        before = policies_as_json(orgs.policies(db, org_id))
    after = policies_as_json(policies_from_json({**before, **said.policies}))
    changes += _changes("policies", before, after)
    return changes


def mark_of_choices(parts: Parts, org_id: int) -> str:
    """By which an org's mapping and policies are known again: whoever was shown a difference can say against what."""
    present = present_rules(parts, org_id)
    with reading(parts.engine) as db:
        return _mark(present, orgs.policies(db, org_id))


def import_org(parts: Parts, org_id: int, document: object, seen: str | None = None) -> SavedPolicies:
    """Take a document's mapping and policies over, all or nothing. What that mends goes again now, what it changes
    otherwise with each record's next sync. `seen`: mark_of_choices, when the difference was shown.

    Raises as `import_diff` does, and ChangedMeanwhile when the org chose something else since.
    """
    said = _read(parts, org_id, document)
    bound = parts.targets.of(org_id)
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        present = rules_now(db, parts, org_id, bound)
        if seen is not None and seen != _mark(present, orgs.policies(db, org_id)):
            raise ChangedMeanwhile("Somebody else changed the mapping or the policies meanwhile.")
        released = 0
        for kind, rules in said.rules.items():
            if rules != present[kind]:
                released += keep_rules(db, parts, org_id, kind, present[kind], rules)
        kept = keep_policies(db, parts, org_id, said.policies)
        named = {"mapping": sorted(said.rules), "policies": sorted(said.policies)}
        note(db, org_id, parts.actor, Audited.ORG_IMPORTED, parts.now(), details=named)
    saved = replace(kept, released=kept.released + released)
    if saved.mended:
        parts.bell.ring(org_id)
    return saved


def _mark(rules: Mapping[str, Iterable[FieldRule]], policies: Policies) -> str:
    return "-".join([mark_of_policies(policies), *(mark_of_rules(rules[kind]) for kind in sorted(rules))])


# ── reading a document ─────────────────────────────────────────────────────────────────────────────────────────────


def _read(parts: Parts, org_id: int, document: object) -> _Read:
    whole = _of_this_version(document)
    errors: dict[str, Any] = {}
    rules: dict[str, tuple[FieldRule, ...]] = {}
    bound = parts.targets.of(org_id)
    for kind, written in whole["mapping"].items():
        try:
            made = rules_from_json(str(kind), written)
            rules[str(kind)] = fitted(bound, str(kind), made) if bound is not None else made
        except RefusedInput as refused:
            errors |= _under(f"mapping.{kind}", refused)
    try:
        policies_from_json(whole["policies"])
    except RefusedInput as refused:
        errors |= _under("policies", refused)
    if errors:
        raise RefusedInput("The document cannot be taken.", errors)
    return _Read(rules, whole["policies"])


def _of_this_version(document: object) -> dict[str, dict[str, Any]]:
    if not isinstance(document, Mapping) or "contactsync" not in document:
        raise RefusedInput(
            "This is no export of an org.", {"": 'Write {"contactsync": 1, "mapping": {…}, "policies": {…}}.'}
        )
    if document["contactsync"] != VERSION or isinstance(document["contactsync"], bool):
        raise RefusedInput(
            "The document is of another version of contactsync.",
            {
                "contactsync": f"This version reads {VERSION}: export it again with the same version, or upgrade this one."
            },
        )
    errors = {
        str(key): f"There is no such key here. A document has: {', '.join(KEYS)}."
        for key in document
        if key not in KEYS
    }
    whole = {name: document.get(name, {}) for name in ("mapping", "policies")}
    wrong = {name: "Write an object." for name, part in whole.items() if not isinstance(part, Mapping)}
    if errors or wrong:
        raise RefusedInput("The document cannot be taken.", errors | wrong)
    return {name: dict(part) for name, part in whole.items()}


def _under(path: str, refused: RefusedInput) -> dict[str, Any]:
    return {f"{path}.{inner}" if inner else path: said for inner, said in refused.fields.items()} or {
        path: str(refused)
    }


# ── what changes ───────────────────────────────────────────────────────────────────────────────────────────────────


def rule_differences(path: str, before: Iterable[FieldRule], after: Iterable[FieldRule]) -> Iterator[Difference]:
    """Rule by rule: the n-th rule of a source is compared with the n-th of the same source."""
    old, new = _numbered(before), _numbered(after)
    for name in dict.fromkeys((*old, *new)):
        here = f"{path}.{name}"
        if name in old and name in new:
            yield from _changes(here, old[name], new[name])
        else:
            yield Difference(here, old.get(name), new.get(name))


def _numbered(rules: Iterable[FieldRule]) -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = {}
    for rule in rules_as_json(rules)["rules"]:
        source = rule["source"]
        number = sum(1 for name in named if name == source or name.startswith(f"{source} #"))
        named[f"{source} #{number + 1}" if number else source] = rule
    return named


def _changes(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield Difference(f"{path}.{name}", old.get(name), new.get(name))
