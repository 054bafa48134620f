"""A mapping held against the CRM's own fields, before anything is sent by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from contactsync.domain.crm import CrmField, FieldCatalog
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import FieldRule, WriteMode
from contactsync.domain.mapping_sources import REFERENCES
from contactsync.domain.records import Scalar
from contactsync.domain.values import is_blank

_TEXTS = frozenset({"text", "textarea", "picklist", "multipicklist", "url", "phone", "email", "other"})
_SHOWN = 12
"""At most so many picklist values are listed in an error."""


def check_rules(kind: str, rules: Sequence[FieldRule], catalog: FieldCatalog) -> None:
    """Hold the rules of one kind (lead, contact, account) against the CRM's fields.

    Raises RefusedInput naming each wrong rule by its path (`rules.3.target`) and what to write: a field that is not there
    or cannot be written, a kind of value that it does not take, a value that its picklist does not have, a required
    field that no rule fills. Rules that are off are not looked at.
    """
    errors: dict[str, str] = {}
    for number, rule in enumerate(rules):
        if rule.on:
            errors.update({f"rules.{number}.{key}": message for key, message in _wrong(rule, catalog)})
    targets = {rule.target for rule in rules if rule.on}
    unfilled = sorted(name for name, known in catalog.fields.items() if known.required and name not in targets)
    if unfilled and not errors:
        errors["rules"] = (
            f"The CRM takes no new {catalog.kind} without {', '.join(unfilled)}: add a rule that fills it."
        )
    if not errors:
        errors.update(_unmatchable(rules, catalog))
    if errors:
        raise RefusedInput(f"The mapping for {kind} does not fit the CRM.", errors)


def _wrong(rule: FieldRule, catalog: FieldCatalog) -> Iterator[tuple[str, str]]:
    known = catalog.fields.get(rule.target)
    if known is None:
        yield "target", _unknown(rule.target, catalog)
        return
    yield from _not_writable(rule, known, catalog)
    yield from _wrong_type(rule, known)
    if not is_blank(rule.default):
        yield from (("default", message) for message in _wrong_value(rule.default, known))
    for said, value in rule.values.items():
        if not is_blank(value):
            yield from ((f"values.{said}", message) for message in _wrong_value(value, known))


def _unmatchable(rules: Sequence[FieldRule], catalog: FieldCatalog) -> Iterator[tuple[str, str]]:
    """People are matched by the CRM's e-mail field: an address that is written elsewhere only would never be found again."""
    addresses = [number for number, rule in enumerate(rules) if rule.on and rule.source == "email"]
    filled = {catalog.fields[rules[number].target].type for number in addresses}
    if addresses and "email" not in filled and any(known.type == "email" for known in catalog.fields.values()):
        yield (
            f"rules.{addresses[0]}.target",
            f"{catalog.kind} is matched by its e-mail field: the source email must fill it.",
        )


def _unknown(target: str, catalog: FieldCatalog) -> str:
    spelt = {name.lower(): name for name in catalog.fields}
    labelled = {known.label.lower(): name for name, known in catalog.fields.items()}
    exact = spelt.get(target.lower()) or labelled.get(target.lower())
    near = [exact] if exact else [spelt[name] for name in get_close_matches(target.lower(), spelt, n=3)]
    hint = f" Did you mean {' or '.join(near)}?" if near else " Write the field's API name."
    return f"{catalog.kind} has no field “{target}”, or the integration user cannot see it.{hint}"


def _not_writable(rule: FieldRule, known: CrmField, catalog: FieldCatalog) -> Iterator[tuple[str, str]]:
    if not known.createable and not known.updateable:
        yield "target", f"{known.name} cannot be written: the CRM fills it by itself. Name another field."
    elif not known.createable:
        yield "target", f"{known.name} cannot be set when a {catalog.kind} is made. Name another field."
    elif not known.updateable and rule.mode is not WriteMode.ON_CREATE:
        yield "mode", f"{known.name} can be set only when a {catalog.kind} is made: write on_create."


def _wrong_type(rule: FieldRule, known: CrmField) -> Iterator[tuple[str, str]]:
    if rule.source in REFERENCES:
        if known.type != "reference":
            yield (
                "target",
                f"{rule.source} is a record of the CRM, but {known.name} holds {known.type}: name a lookup field.",
            )
    elif known.type == "reference":
        yield (
            "target",
            (
                f"{known.name} names another record of the CRM. Only {' and '.join(sorted(REFERENCES))} are records; "
                f"“{rule.source}” is text: name another field."
            ),
        )
    elif known.type == "email" and "email" not in rule.source and not rule.source.startswith("custom."):
        yield "target", f"{known.name} takes e-mail addresses, “{rule.source}” is none: name another field."
    elif known.type not in _TEXTS and not rule.source.startswith("custom.") and not rule.values:
        yield (
            "target",
            f"{known.name} takes {known.type}, “{rule.source}” is text: name another field, or map its values.",
        )


def _wrong_value(value: Scalar, known: CrmField) -> Iterator[str]:
    match known.type:
        case "boolean":
            if not isinstance(value, bool):
                yield f"{known.name} is yes or no: write true or false, without quotes."
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                yield f"{known.name} is a number: write one, without quotes."
        case _:
            yield from _wrong_text(value, known)


def _wrong_text(value: Scalar, known: CrmField) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{known.name} takes text: write the value in quotes."
        return
    if known.length and len(value) > known.length:
        yield f"{known.name} takes {known.length} characters at most; this has {len(value)}."
    if not known.restricted or known.type not in ("picklist", "multipicklist"):
        return
    chosen = value.split(";") if known.type == "multipicklist" else [value]
    for part in chosen:
        if part.strip() not in known.values:
            yield f"{known.name} has no value “{part.strip()}”. {_near_values(part.strip(), known.values)}"


def _near_values(value: str, values: Sequence[str]) -> str:
    folded: Mapping[str, str] = {known.casefold(): known for known in values}
    near = get_close_matches(value.casefold(), folded, n=1)
    if near:
        return f"Did you mean “{folded[near[0]]}”?"
    more = ", …" if len(values) > _SHOWN else ""
    return f"It has: {', '.join(values[:_SHOWN])}{more}."
