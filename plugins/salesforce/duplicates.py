"""What a duplicate rule found: the record that is used instead, or a problem that says which rule stood in the way.

A single record's refusal names the records it resembles, under a key that Salesforce misspells: `duplicateResut` (recorded
in eight code bases; some read both spellings). A row's refusal in a collection names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contactsync.api import Failure, Next, Problem, RecordKind, RecordRef

from .errors import Refusal
from .ids import full_id, is_id, kind_called, object_label
from .own_advice import OTHER_OBJECT
from .refusal_advice import BY_CODE

CODE = "DUPLICATES_DETECTED"
_SPELLINGS = ("duplicateResult", "duplicateResut")
_ALLOW = "The rule only warns: the policy duplicate_rules = allow saves such records all the same."
_API_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}", re.ASCII)


@dataclass(frozen=True)
class Resemblance:
    """What a rule said. `records`: best match first; `rule`: its API name, "" when it has none that can be shown;
    `warns_only`: the record may be saved all the same.
    """

    records: tuple[RecordRef, ...] = ()
    kinds: tuple[RecordKind, ...] = ()
    rule: str = ""
    warns_only: bool = False


def is_duplicate(refusals: Sequence[Refusal]) -> bool:
    """Whether a duplicate rule refused it."""
    return any(found.code == CODE for found in refusals)


def resemblance_in(body: object) -> Resemblance:
    """What is told in the body of a single record's refusal."""
    results = [found for entry in _listed(body) if (found := _result_in(entry))]
    matches = sorted(
        (match for result in results for match in _matches(result)), key=lambda match: match[0], reverse=True
    )
    records = tuple(dict.fromkeys(ref for _, ref in matches))
    rules = (result.get("duplicateRule") for result in results)
    return Resemblance(
        records,
        tuple(dict.fromkeys(ref.kind for ref in records)),
        next((rule for rule in rules if isinstance(rule, str) and _API_NAME.fullmatch(rule)), ""),
        bool(results) and all(result.get("allowSave") is True for result in results),
    )


def duplicate_failure(kind: RecordKind, told: Resemblance, *, creates: bool) -> Failure:
    """A new record is taken for one of its kind: that one is used. Anything else a person has to settle."""
    same = tuple(ref for ref in told.records if ref.kind is kind)
    if not creates:
        return Failure(Next.STOP, _problem(kind, told))
    if same:
        return Failure(Next.REMATCH, _problem(kind, told), candidates=same)
    return Failure(Next.STOP, _problem(kind, told, [each for each in told.kinds if each is not kind]))


def _problem(kind: RecordKind, told: Resemblance, others: Sequence[RecordKind] = ()) -> Problem:
    problem = (OTHER_OBJECT if others else BY_CODE[CODE]).problem(kind, code=CODE.lower())
    named = " or ".join(object_label(each) for each in others)
    said = [f"It is a {named}." if named else "", f"The rule is {told.rule}." if told.rule else ""]
    fix = f"{problem.fix} {_ALLOW}" if told.warns_only else problem.fix
    return replace(problem, cause=" ".join(filter(None, (problem.cause, *said))), fix=fix)


def _listed(body: object) -> Sequence[object]:
    return body if isinstance(body, list) else [body]


def _result_in(entry: object) -> Mapping[str, Any] | None:
    if not isinstance(entry, dict):
        return None
    return next((entry[key] for key in _SPELLINGS if isinstance(entry.get(key), dict)), None)


def _matches(result: Mapping[str, Any]) -> Iterator[tuple[float, RecordRef]]:
    """Confidence and record of each match, as far as they can be read."""
    for found in _dicts(result.get("matchResults")):
        for match in _dicts(found.get("matchRecords")):
            record = match.get("record")
            record_id = record.get("Id") if isinstance(record, dict) else None
            attributes = record.get("attributes") if isinstance(record, dict) else None
            name = attributes.get("type") if isinstance(attributes, dict) else None
            kind = kind_called(str(name or found.get("entityType") or ""))
            confidence = match.get("matchConfidence")
            if kind and isinstance(record_id, str) and is_id(record_id):
                sure = float(confidence) if isinstance(confidence, int | float) else 0.0
                yield sure, RecordRef(kind, full_id(record_id))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
