"""Rules as people write them, in TOML and JSON: `{"rules": [{"source", "target", "mode", "clear", "values", "default",
"too_long", "separator"}]}`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from contactsync.domain.crm import FieldCatalog
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import MAPPED_KINDS, FieldRule, TooLong, WriteMode
from contactsync.domain.mapping_check import check_rules
from contactsync.domain.mapping_sources import CUSTOM_KINDS, REFERENCES, REQUIRED_SOURCES, SOURCES

__all__ = ["KEYS", "check_rules", "mark_of_rules", "rules_as_json", "rules_from_json", "wrong_rules"]

KEYS = ("source", "target", "mode", "clear", "values", "default", "too_long", "separator")

LONGEST_SEPARATOR = 20


def rules_from_json(kind: str, written: object) -> tuple[FieldRule, ...]:
    """One kind's rules. `kind`: lead, contact, account, campaign or meeting; `written`: {"rules": […]}.

    Raises RefusedInput naming each wrong rule by its path, `rules.3.mode`, and what to write there.
    """
    rules, errors = _read(kind, written)
    errors = errors or _wrong_together(kind, rules)
    if errors:
        raise RefusedInput("Some rules cannot be taken.", errors)
    return tuple(rules.values())


def wrong_rules(kind: str, written: object, catalog: FieldCatalog | None) -> dict[str, str]:
    """Everything that is wrong with rules that nobody kept yet, by path, as far as it can be told at once: what one rule
    does not say hides nothing of the others. `catalog`: None while the CRM's fields are not known.

    Raises RefusedInput when it is no list of rules at all.
    """
    rules, errors = _read(kind, written)
    together = _wrong_together(kind, rules)
    if errors:  # a rule that cannot be read may be the one that seems to be missing
        together = {path: message for path, message in together.items() if path.endswith(".target")}
    errors |= {path: message for path, message in together.items() if path not in errors}
    if catalog is None:
        return errors
    try:
        check_rules(kind, list(rules.values()), catalog)
    except RefusedInput as refused:
        numbers = list(rules)
        for path, message in refused.fields.items():
            _, number, key = (*path.split(".", 2), "", "")[:3]
            if number:
                errors.setdefault(f"rules.{numbers[int(number)]}.{key}", str(message))
            elif not errors:
                errors[path] = str(message)
    return errors


def mark_of_rules(rules: Iterable[FieldRule]) -> str:
    """16 hex digits by which rules are known again: whoever changes them can say what the change was made from."""
    written = json.dumps(rules_as_json(rules), sort_keys=True)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def rules_as_json(rules: Iterable[FieldRule]) -> dict[str, Any]:
    """Rules as `rules_from_json` reads them, every key written out."""
    return {
        "rules": [
            {
                "source": rule.source,
                "target": rule.target,
                "mode": rule.mode.value,
                "clear": rule.clear,
                "values": dict(rule.values),
                "default": rule.default,
                "too_long": rule.too_long.value,
                "separator": rule.separator,
            }
            for rule in rules
        ]
    }


def _read(kind: str, written: object) -> tuple[dict[int, FieldRule], dict[str, str]]:
    """The rules that can be read, by their number, and what is wrong with the others. Raises RefusedInput for no rules."""
    if kind not in MAPPED_KINDS:
        raise RefusedInput(f"There is no mapping for “{kind}”.", {"": f"Write one of: {', '.join(MAPPED_KINDS)}."})
    if not isinstance(written, Mapping) or not isinstance(written.get("rules"), list):
        raise RefusedInput(
            "A mapping is a list of rules.", {"rules": 'Write {"rules": [{"source": …, "target": …}, …]}.'}
        )
    errors: dict[str, str] = {
        str(key): "There is no such key here: a mapping has rules only." for key in written if key != "rules"
    }
    rules: dict[int, FieldRule] = {}
    for number, item in enumerate(written["rules"]):
        wrong = _wrong_with(kind, item)
        errors.update({f"rules.{number}{path}": message for path, message in wrong.items()})
        if not wrong:
            rules[number] = _rule(item)
    return rules, errors


def _wrong_together(kind: str, rules: Mapping[int, FieldRule]) -> dict[str, str]:
    """What is wrong with rules that are each right alone, by path: a field written twice, a required rule that is off."""
    errors: dict[str, str] = {}
    targets: dict[str, int] = {}
    for number, rule in rules.items():
        if not rule.on:
            continue
        first = targets.setdefault(rule.target.lower(), number)
        if first != number:
            errors[f"rules.{number}.target"] = (
                f"“{rule.target}” is the target of rules.{first} already: name another field, or switch one of the two off."
            )
    for source, reason in REQUIRED_SOURCES[kind].items():
        if any(rule.source == source and rule.on for rule in rules.values()):
            continue
        off = next((number for number, rule in rules.items() if rule.source == source), None)
        path = "rules" if off is None else f"rules.{off}.mode"
        message = f"The rule for {source} must be there and on: {reason}."
        errors[path] = f"{errors[path]} {message}" if path in errors else message
    return errors


def _wrong_with(kind: str, item: object) -> dict[str, str]:
    if not isinstance(item, Mapping):
        return {"": 'Write an object: {"source": "title", "target": "Title"}.'}
    wrong = {f".{key}": f"There is no such key. A rule has: {', '.join(KEYS)}." for key in item if key not in KEYS}
    source, target, mode = item.get("source"), item.get("target", ""), item.get("mode", WriteMode.ALWAYS.value)
    if not isinstance(source, str) or not source.strip():
        wrong[".source"] = "Write where the value comes from, such as title, address.city or custom.shoe_size."
    else:
        wrong.update(_wrong_source(kind, source.strip()))
    if mode not in [known.value for known in WriteMode]:
        wrong[".mode"] = f"Write one of: {', '.join(WriteMode)}."
    if not isinstance(target, str):
        wrong[".target"] = "Write the name of a field in the CRM."
    elif not target.strip() and mode != WriteMode.OFF.value:
        wrong[".target"] = "Write the name of a field in the CRM, or set the mode to off."
    if not isinstance(item.get("clear", False), bool):
        wrong[".clear"] = "Write true or false."
    if not _is_value_map(item.get("values", {})):
        wrong[".values"] = 'Write an object: {"what the event platform sends": "what the CRM gets"}.'
    if not isinstance(item.get("default"), str | int | float | bool | None):
        wrong[".default"] = "Write a text, a number, true, false or null."
    wrong.update(_wrong_text_keys(item))
    return wrong or _wrong_append(item) or _wrong_reference(item)


def _wrong_source(kind: str, source: str) -> dict[str, str]:
    known = SOURCES[kind]
    if source in known or (kind in CUSTOM_KINDS and source.startswith("custom.") and len(source) > len("custom.")):
        return {}
    near = get_close_matches(source, known, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    custom = ", custom.<name>" if kind in CUSTOM_KINDS else ""
    return {".source": f"There is no “{source}” for {kind}.{hint} Sources are: {', '.join(known)}{custom}."}


def _wrong_text_keys(item: Mapping[str, Any]) -> dict[str, str]:
    wrong = {}
    if item.get("too_long", TooLong.STOP.value) not in [known.value for known in TooLong]:
        wrong[".too_long"] = f"Write one of: {', '.join(TooLong)}."
    if not _is_separator(item.get("separator")):
        wrong[".separator"] = (
            f"Write what stands between the old and the new, 1 to {LONGEST_SEPARATOR} characters, or null for the usual."
        )
    return wrong


def _wrong_append(item: Mapping[str, Any]) -> dict[str, str]:
    if item.get("mode") == WriteMode.APPEND.value and item.get("clear"):
        return {".clear": "A rule that appends never takes anything away: write false, or another mode."}
    return {}


def _wrong_reference(item: Mapping[str, Any]) -> dict[str, str]:
    if item["source"].strip() not in REFERENCES:
        return {}
    wrong = {}
    if item.get("mode") == WriteMode.APPEND.value:
        wrong[".mode"] = f"The {item['source']} is a record of the CRM, and a field names one: append is for texts."
    if item.get("clear"):
        wrong[".clear"] = f"The {item['source']} is a record of the CRM and is never taken away: write false."
    if item.get("values"):
        wrong[".values"] = f"The {item['source']} is a record of the CRM: there is no text to translate."
    return wrong


def _is_separator(separator: object) -> bool:
    return separator is None or (isinstance(separator, str) and 0 < len(separator) <= LONGEST_SEPARATOR)


def _is_value_map(values: object) -> bool:
    return isinstance(values, Mapping) and all(
        isinstance(said, str) and isinstance(crm, str | int | float | bool | None) for said, crm in values.items()
    )


def _rule(item: Mapping[str, Any]) -> FieldRule:
    return FieldRule(
        source=item["source"].strip(),
        target=item.get("target", "").strip(),
        mode=WriteMode(item.get("mode", WriteMode.ALWAYS.value)),
        clear=item.get("clear", False),
        values=dict(item.get("values", {})),
        default=item.get("default"),
        too_long=TooLong(item.get("too_long", TooLong.STOP.value)),
        separator=item.get("separator"),
    )
