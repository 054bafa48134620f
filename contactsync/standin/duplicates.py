"""Duplicate rules: an administrator's alert or block on records that look like ones that are there.

A rule compares fields without regard to case; a record with one of them blank looks like none. The body of a refused
single create is the recorded one, with its misspelt key; in a collection a row says only statusCode, message and fields
(facts/salesforce.md, "DUPLICATES_DETECTED").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contactsync.standin.errors import RefusedError
from contactsync.standin.store import Record, index_key

if TYPE_CHECKING:  # org.py asks these rules
    from contactsync.standin.org import Org, Writer

ACTIONS = ("alert", "block")
WHEN = ("create", "update")
MESSAGE = "Use one of these records?"  # recorded
_KEYS = frozenset({"object", "fields", "action", "against", "on", "name", "message", "details"})


@dataclass(frozen=True)
class DuplicateRule:
    """One active rule of an object.

    `against`: the objects whose records it compares with, its own by default; a match of another object has been seen as
    `entityType` Lead while creating a Contact. `details` False leaves the matches out, as was seen for such a match too.
    """

    object: str
    fields: tuple[str, ...]
    action: str = "alert"
    against: tuple[str, ...] = ()
    on: tuple[str, ...] = ("create",)
    name: str = ""
    message: str = MESSAGE
    details: bool = True

    def as_json(self) -> dict[str, Any]:
        """What `/_standin/duplicate_rules` shows."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def read_rule(org: Org, given: object) -> DuplicateRule:
    """The rule behind `{"object": "Lead", "fields": ["LastName", "Company"], "action": "block"}`.

    Raises ValueError saying what is wrong with it.
    """
    if not isinstance(given, dict) or "object" not in given or not given.get("fields"):
        message = "a duplicate rule is an object with an object and fields"
        raise ValueError(message)
    unknown = sorted(set(given) - _KEYS)
    if unknown:
        message = f"a duplicate rule has no {', '.join(unknown)}"
        raise ValueError(message)
    lists = {name: tuple(given[name]) for name in ("fields", "against", "on") if name in given}
    rule = DuplicateRule(**{**given, **lists})
    rule = DuplicateRule(
        **{
            **vars(rule),
            "against": rule.against or (rule.object,),
            "name": rule.name or f"{rule.object}_Duplicate_Rule",
        }
    )
    wrong = [name for name in (rule.object, *rule.against) if name not in org.schema.objects]
    wrong += [name for name in rule.fields if not wrong and name not in org.schema.objects[rule.object].fields]
    wrong += [name for name in (rule.action,) if name not in ACTIONS]
    wrong += [name for name in rule.on if name not in WHEN]
    if wrong:
        message = f"a duplicate rule cannot use {', '.join(map(repr, wrong))}"
        raise ValueError(message)
    return rule


def check_duplicates(org: Org, sobject: str, record: Record, writer: Writer, changed: Mapping[str, object]) -> None:
    """Hold a record about to be kept against the rules; raises DUPLICATES_DETECTED.

    A rule looks at an update only where one of its fields changes [MEM]. `allowSave` passes alerts, never blocks [DOC].
    """
    moment = "create" if org.store.get(sobject, record["Id"]) is None else "update"
    for rule in org.duplicate_rules:
        if rule.object != sobject or moment not in rule.on or (rule.action == "alert" and writer.allow_duplicates):
            continue
        if moment == "update" and not set(rule.fields) & set(changed):
            continue
        found = {name: _matches(org, rule, name, record) for name in rule.against}
        if any(found.values()):
            raise _detected(org, rule, found, writer)


def _matches(org: Org, rule: DuplicateRule, against: str, record: Record) -> list[Record]:
    """The live records of an object that look like this one; a converted lead is no longer compared [MEM]."""
    fields = org.schema.objects[against].fields
    if any(record.get(name) is None or name not in fields for name in rule.fields):
        return []
    first, *others = rule.fields
    return [
        other
        for other in org.store.find(against, first, record[first])
        if other["Id"] != record["Id"]
        and not other.get("IsConverted")
        and all(index_key(other.get(name)) == index_key(record[name]) for name in others)
    ]


def _detected(org: Org, rule: DuplicateRule, found: Mapping[str, Sequence[Record]], writer: Writer) -> RefusedError:
    result = {
        "allowSave": rule.action == "alert",
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": rule.object,
        "errorMessage": rule.message,
        "matchResults": [
            {
                "entityType": name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": [_match(rule, name, record, writer) for record in records],
                "rule": f"{name}_Match_Rule",
                "size": len(records),
                "success": True,
            }
            for name, records in found.items()  # an object without a match is there too, with none [MEM]
        ],
    }
    extra: dict[str, Any] = {org.options.duplicate_result_key: result} if rule.details else {}
    return RefusedError("DUPLICATES_DETECTED", rule.message, **extra)


def _match(rule: DuplicateRule, name: str, record: Record, writer: Writer) -> dict[str, Any]:
    """One matched record: its id, and its fields where the header asks for details [DOC]."""
    url = f"/services/data/{writer.version}/sobjects/{name}/{record['Id']}"
    shown = {field: record.get(field) for field in rule.fields} if writer.record_details else {}
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": {"attributes": {"type": name, "url": url}, "Id": record["Id"], **shown},
    }
