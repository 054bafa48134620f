"""The mapping as a form: rules → rows of texts, as a browser sends them back → rules. Pure, and nothing is lost on the way.

What nobody touched stays what it was, type and all: each row carries the number of the rule that it was made from, and the
form carries these rules. What somebody typed is read as the CRM's field takes it: yes or no, a number, else text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contactsync.domain.crm import CrmField, FieldCatalog
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import FieldRule, TooLong, WriteMode
from contactsync.domain.mapping_json import rules_as_json
from contactsync.domain.records import Scalar
from contactsync.domain.texts import SEPARATORS, USUAL_SEPARATOR
from contactsync.domain.values import text_of
from contactsync.intake.strict_json import read_json

MOST_ROWS = 1_000
SPARE_PAIRS = 2
"""Empty lines below a rule's value map, for further values."""

SEPARATED_BY: Mapping[str, str] = {
    "comma": USUAL_SEPARATOR,
    "line": SEPARATORS["textarea"],
    "semicolon": SEPARATORS["multipicklist"],
}
USUAL, OTHER = "usual", "other"

_USUAL_RULE = FieldRule("", "")
_ROW = re.compile(r"rule-(\d{1,4})-source")
_PAIR = re.compile(r"rule-(\d{1,4})-(said|crm)-(\d{1,6})")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_YES, _NO = frozenset({"yes", "true"}), frozenset({"no", "false"})


@dataclass(frozen=True)
class Row:
    """One rule as people type it. `number` names its fields in the form; `origin`: which of the rules that the form was made
    from; None: a new one. `pairs`: (what the event platform sends, what the CRM gets).
    """

    number: int
    source: str = ""
    target: str = ""
    mode: str = WriteMode.ALWAYS.value
    clear: bool = False
    default: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    too_long: str = TooLong.STOP.value
    separator: str = USUAL
    separator_text: str = ""
    origin: int | None = None

    @property
    def off(self) -> bool:
        """Whether it writes nothing."""
        return self.mode == WriteMode.OFF.value

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The pairs, and empty lines for further ones."""
        return (*self.pairs, *([("", "")] * SPARE_PAIRS))

    @property
    def plain(self) -> bool:
        """Whether the seldom used settings are all as usual, so that they may stay folded away."""
        usual = Row(self.number)
        return all(
            getattr(self, name) == getattr(usual, name)
            for name in ("clear", "default", "pairs", "too_long", "separator")
        )


@dataclass(frozen=True)
class MappingForm:
    """All rows, and what they were made from. `seen`: mark_of_rules of what held when the person last looked."""

    rows: tuple[Row, ...]
    made_from: tuple[dict[str, Any], ...] = field(default=())
    seen: str = ""

    @property
    def kept(self) -> str:
        """`made_from` as the form carries it."""
        return json.dumps(self.made_from, separators=(",", ":"))

    def free_number(self) -> int:
        """A number for one row more."""
        return max((row.number for row in self.rows), default=-1) + 1


def form_of(rules: Sequence[FieldRule], seen: str) -> MappingForm:
    """The form for rules as they are kept."""
    rows = tuple(_row(number, rule) for number, rule in enumerate(rules))
    usual = rules_as_json([_USUAL_RULE])["rules"][0]
    written = rules_as_json(rules)["rules"]
    short = tuple({key: value for key, value in rule.items() if value != usual[key]} for rule in written)
    return MappingForm(rows, short, seen)


def read_form(fields: Mapping[str, str]) -> MappingForm:
    """The form as it was sent. Raises RefusedInput for what no form of ours sends."""
    numbers = sorted(int(found[1]) for name in fields if (found := _ROW.fullmatch(name)))
    if len(numbers) > MOST_ROWS:
        raise RefusedInput(f"A mapping has at most {MOST_ROWS:,} rules here.", {"rules": "Take some out."})
    pairs: dict[int, set[int]] = {}
    for name in fields:
        if found := _PAIR.fullmatch(name):
            pairs.setdefault(int(found[1]), set()).add(int(found[3]))
    made_from = _made_from(fields.get("made_from", "[]"))
    rows = tuple(_read_row(fields, number, sorted(pairs.get(number, ())), len(made_from)) for number in numbers)
    return MappingForm(rows, made_from, fields.get("seen", ""))


def said_by(form: MappingForm, catalog: FieldCatalog | None) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form says, as `rules_from_json` reads it, and what is wrong with what was typed, by path. `catalog`: None while
    the CRM's fields are not known.
    """
    errors: dict[str, str] = {}
    rules = []
    for place, row in enumerate(form.rows):
        known = catalog.fields.get(row.target.strip()) if catalog is not None else None
        origin = form.made_from[row.origin] if row.origin is not None else {}
        rule, wrong = _rule(row, origin, known)
        rules.append(rule)
        errors.update({f"rules.{place}.{path}": message for path, message in wrong.items()})
    return {"rules": rules}, errors


# ── rules → rows ───────────────────────────────────────────────────────────────────────────────────────────────────


def typed(value: Scalar) -> str:
    """A value as a person would type it into one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return re.sub(r"[\r\n]+", " ", value) if isinstance(value, str) else text_of(value)


def _row(number: int, rule: FieldRule) -> Row:
    separator, separator_text = _separator_typed(rule.separator)
    return Row(
        number=number,
        source=rule.source,
        target=rule.target,
        mode=rule.mode.value,
        clear=rule.clear,
        default=typed(rule.default),
        pairs=tuple((typed(said), typed(crm)) for said, crm in rule.values.items()),
        too_long=rule.too_long.value,
        separator=separator,
        separator_text=separator_text,
        origin=number,
    )


def _separator_typed(separator: str | None) -> tuple[str, str]:
    if separator is None:
        return USUAL, ""
    named = next((name for name, meant in SEPARATED_BY.items() if meant == separator), None)
    return (named, "") if named else (OTHER, typed(separator))


# ── rows → rules ───────────────────────────────────────────────────────────────────────────────────────────────────


def _made_from(text: str) -> tuple[dict[str, Any], ...]:
    try:
        read: Any = read_json(text.encode())
    except RefusedInput:
        read = None
    if not isinstance(read, list) or not all(isinstance(one, dict) for one in read):
        raise RefusedInput("The form did not arrive whole.", {"rules": "Open the page again, and send it once more."})
    return tuple(read)


def _read_row(fields: Mapping[str, str], number: int, pairs: Iterable[int], rules: int) -> Row:
    def said(name: str) -> str:
        return fields.get(f"rule-{number}-{name}", "")

    origin = said("origin")
    known = origin.isascii() and origin.isdigit() and len(origin) < 5 and int(origin) < rules
    return Row(
        number=number,
        source=said("source").strip(),
        target=said("target").strip(),
        mode=said("mode") or WriteMode.ALWAYS.value,
        clear=bool(said("clear")),
        default=said("default"),
        pairs=_without_spare(tuple((said(f"said-{pair}"), said(f"crm-{pair}")) for pair in pairs)),
        too_long=said("too_long") or TooLong.STOP.value,
        separator=said("separator") or USUAL,
        separator_text=said("separator_text"),
        origin=int(origin) if known else None,
    )


def _without_spare(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The pairs without the empty lines at the end: only so many as were shown empty, else one that was emptied by hand, or was
    kept empty on purpose, would be lost.
    """
    left = len(pairs)
    while left > max(0, len(pairs) - SPARE_PAIRS) and not any(text.strip() for text in pairs[left - 1]):
        left -= 1
    return pairs[:left]


def _rule(row: Row, origin: Mapping[str, Any], known: CrmField | None) -> tuple[dict[str, Any], dict[str, str]]:
    free = known is None or row.off
    default = _value(row.default, origin.get("default"), known, "default" in origin, free=free)
    values, errors = _values(row, origin.get("values"), known, free=free)
    separator = _separator(row, origin.get("separator"))
    rule = {
        "source": row.source,
        "target": row.target,
        "mode": row.mode,
        "clear": row.clear,
        "values": values,
        "default": default,
        "too_long": row.too_long,
        "separator": separator,
    }
    texts = (row.source, row.target, row.default, row.separator_text, *(text for pair in row.pairs for text in pair))
    if any("\x00" in text for text in texts):
        errors["source"] = "Leave out the character NUL."
    return rule, errors


def _values(
    row: Row, origin: object, known: CrmField | None, *, free: bool
) -> tuple[dict[str, Scalar], dict[str, str]]:
    before = list(origin.items()) if isinstance(origin, Mapping) else []
    values: dict[str, Scalar] = {}
    errors: dict[str, str] = {}
    for place, (said, crm) in enumerate(row.pairs):
        old_said, old_crm = before[place] if place < len(before) else (None, None)
        kept = isinstance(old_said, str) and _untouched(said, old_said)
        if not said.strip() and not crm.strip() and not (kept and _untouched(crm, old_crm)):
            continue
        if not said.strip() and not kept:
            errors["values"] = f"Write what the event platform sends beside “{crm.strip()}”."
            continue
        name = old_said if kept and isinstance(old_said, str) else said.strip()
        if name in values:
            errors["values"] = f"“{name}” stands there twice: keep one of the two."
        values[name] = _value(crm, old_crm if kept else None, known, kept, free=free)
    return values, errors


def _value(text: str, origin: Scalar, known: CrmField | None, there: bool, *, free: bool) -> Scalar:
    """What was typed, as the field takes it; what was not touched as it was, where the field takes that."""
    read = _read(text, known)
    if there and _untouched(text, origin) and (free or _fits(origin, known) or not _fits(read, known)):
        return origin
    if not there and not text:
        return None
    return read


def _untouched(text: str, origin: Scalar) -> bool:
    return text == typed(origin)


def _read(text: str, known: CrmField | None) -> Scalar:
    plain = text.strip()
    if known is not None and known.type == "boolean" and plain.lower() in _YES | _NO:
        return plain.lower() in _YES
    if known is not None and known.type == "number" and _NUMBER.fullmatch(plain):
        return float(plain) if "." in plain else int(plain)
    return text or None


def _fits(value: Scalar, known: CrmField | None) -> bool:
    if known is None or value is None or value == "":
        return True
    match known.type:
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _separator(row: Row, origin: object) -> str | None:
    if row.separator == OTHER:
        kept = (
            isinstance(origin, str) and origin not in SEPARATED_BY.values() and _untouched(row.separator_text, origin)
        )
        return origin if kept and isinstance(origin, str) else row.separator_text
    return SEPARATED_BY.get(row.separator)
