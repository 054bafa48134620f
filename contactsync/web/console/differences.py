"""What a change of mapping and policies comes to, in the words of the pages. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contactsync.sync.carrying import Difference
from contactsync.web.console.mapping_words import KINDS, MODES, TOO_LONG, source_label
from contactsync.web.console.policy_words import policy_title, policy_value

_PARTS: Mapping[str, str] = {
    "target": "Goes to",
    "mode": "When",
    "clear": "Clears",
    "values": "Values",
    "default": "If blank",
    "too_long": "Too long",
    "separator": "Between values",
    "source": "Comes from",
}


@dataclass(frozen=True)
class Line:
    """One thing that changes. `old` or `new` "": there is nothing."""

    what: str
    old: str
    new: str


@dataclass(frozen=True)
class DifferencesOf:
    """What changes of one rule, or of the policies. `change`: "new", "gone" or "changed"."""

    about: str
    name: str
    change: str
    lines: tuple[Line, ...] = field(default=())


def differences_shown(differences: Iterable[Difference]) -> list[DifferencesOf]:
    """Rule by rule, policy by policy, in the order in which they are written."""
    shown: dict[tuple[str, str], DifferencesOf] = {}
    for one in differences:
        where, rest = one.path.split(".", 1)
        made = _of_policies(rest, one) if where == "policies" else _of_rule(rest, one)
        here = shown.get((made.about, made.name))
        lines = (*here.lines, *made.lines) if here else made.lines
        shown[made.about, made.name] = DifferencesOf(made.about, made.name, made.change, lines)
    return list(shown.values())


def place_words(path: str) -> str:
    """Where something stands in an exported file: "Leads › 2nd rule › mode" for `mapping.lead.rules.1.mode`; "": nowhere.

    Keys keep the names that they have in the file: it is the file that somebody mends.
    """
    match path.split("."):
        case ["mapping", kind, "rules", number, *rest] if number.isdecimal():
            place = [_kind(kind), f"{_ordinal(int(number) + 1)} rule"]
        case ["mapping", kind, *rest]:
            place = [_kind(kind)]
        case ["policies", name, *rest]:
            place = ["Policies", name]
        case [first, *rest]:
            place = [{"mapping": "Field mapping", "policies": "Policies"}.get(first, first)]
    return " › ".join(part for part in (*place, ".".join(rest)) if part)


def _kind(kind: str) -> str:
    return KINDS[kind][0] if kind in KINDS else kind


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _of_policies(name: str, one: Difference) -> DifferencesOf:
    words = policy_title(name)
    lines = [Line("", policy_value(name, one.old), policy_value(name, one.new))]
    if isinstance(one.old, dict) and isinstance(one.new, dict):
        keys = [key for key in dict.fromkeys((*one.old, *one.new)) if one.old.get(key) != one.new.get(key)]
        lines = [Line(key, _said(one.old.get(key)), _said(one.new.get(key))) for key in keys]
    return DifferencesOf("Policies", words, "changed", tuple(lines))


def _of_rule(rest: str, one: Difference) -> DifferencesOf:
    kind, _, path = rest.partition(".")
    about = _kind(kind)
    rule = one.new if one.old is None else one.old if one.new is None else None
    if isinstance(rule, dict) and "target" in rule:
        lines = tuple(
            _rule_line(part, value, gone=one.new is None) for part, value in rule.items() if _says(part, value)
        )
        return DifferencesOf(about, _name(kind, path), "new" if one.old is None else "gone", lines)
    path, _, part = path.rpartition(".")
    line = Line(_PARTS.get(part, part), _part_said(part, one.old), _part_said(part, one.new))
    return DifferencesOf(about, _name(kind, path), "changed", (line,))


def _name(kind: str, path: str) -> str:
    source, _, number = path.partition(" #")
    label = source_label(kind, source)
    return f"{label} ({number}. rule)" if number else label


def _says(part: str, value: object) -> bool:
    """Whether a part of a whole rule is worth a line."""
    return part in ("target", "mode") or (part != "source" and value not in (None, False, {}, "stop"))


def _rule_line(part: str, value: object, *, gone: bool) -> Line:
    said = _part_said(part, value)
    return Line(_PARTS.get(part, part), said if gone else "", "" if gone else said)


def _part_said(part: str, value: Any) -> str:
    match part:
        case "mode":
            return MODES.get(str(value), str(value))
        case "too_long":
            return TOO_LONG.get(str(value), str(value))
        case "separator":
            return {"\n": "a new line", ", ": "a comma", ";": "a semicolon", None: "what fits the field"}.get(
                value, f"“{value}”"
            )
    return _said(value)


def _said(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{said} → {_said(crm)}" for said, crm in value.items()) or "nothing"
    if isinstance(value, list | tuple):
        return ", ".join(_said(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value)
