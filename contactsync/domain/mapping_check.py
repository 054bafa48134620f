"""A mapping held against the CRM's own fields, before anything is sent by it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from contactsync.domain.crm import CrmField, FieldCatalog, Mend, Problem
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping import FieldRule, TooLong, WriteMode
from contactsync.domain.mapping_sources import REFERENCES, SOURCE_TYPES, SOURCES
from contactsync.domain.records import Scalar
from contactsync.domain.texts import CUT_TYPES, SEPARATORS
from contactsync.domain.values import is_blank

_TEXTS = frozenset({"text", "textarea", "picklist", "multipicklist", "url", "phone", "email", "other"})
_PLAIN_TEXTS = frozenset({"text", "textarea", "other"})
_APPENDED_TO = frozenset({"text", "textarea", "multipicklist", "other"})
_TYPED = {"boolean": "yes or no", "datetime": "a moment", "date": "a day", "number": "a number"}
_SHOWN = 12
"""At most so many picklist values are listed in an error."""


def check_rules(kind: str, rules: Sequence[FieldRule], catalog: FieldCatalog) -> None:
    """Hold the rules of one kind (lead, contact, account, campaign, meeting) against the CRM's fields.

    Raises RefusedInput naming each wrong rule by its path (`rules.3.target`) and what to write: a field that is not there
    or cannot be written, a kind of value that it does not take, a value that its picklist does not have, a mode that does
    not suit it, a required field that no rule fills. Rules that are off are not looked at.
    """
    errors: dict[str, str] = {}
    for number, rule in enumerate(rules):
        if rule.on:
            errors.update({f"rules.{number}.{key}": message for key, message in _wrong(kind, rule, catalog)})
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


def drift(kind: str, rules: Sequence[FieldRule], catalog: FieldCatalog) -> Problem | None:
    """What of the CRM's own fields no longer fits rules that once did: fields and picklist values that vanished, fields that
    cannot be written any more or hold something else now. One problem for all of them; None when everything fits.
    """
    gone: dict[str, None] = {}
    changed: dict[str, None] = {}
    values: dict[str, dict[str, None]] = {}
    for rule in (rule for rule in rules if rule.on):
        known = catalog.fields.get(rule.target)
        if known is None:
            gone[rule.target] = None
        elif any(_not_writable(rule, known, catalog)) or any(_wrong_type(kind, rule, known)):
            changed[rule.target] = None
        elif missing := dict.fromkeys(_missing_values(rule, known)):
            values.setdefault(rule.target, {}).update(missing)
    if not (gone or changed or values):
        return None
    return Problem(
        code="mapping_drift",
        cause=f"The mapping for {kind} no longer fits the CRM's {catalog.kind}. {_vanished(gone, changed, values)}",
        fix="Bring them back in the CRM, or change the rules of the mapping that name them; what waits goes by itself then.",
        fields=tuple(sorted({*gone, *changed, *values})),
        object=catalog.kind.value,
        mended_by=(Mend.MAPPING, Mend.CRM),
    )


def _vanished(gone: Iterable[str], changed: Iterable[str], values: Mapping[str, Iterable[str]]) -> str:
    told = []
    if names := _listed(gone):
        told.append(f"It has no field {names}, or the integration user cannot see it.")
    if names := _listed(changed):
        told.append(f"{names} cannot be written any more, or holds another kind of value now.")
    for name, missing in sorted(values.items()):
        told.append(f"{name} has no value {_listed(f'“{value}”' for value in missing)}.")
    return " ".join(told)


def _listed(names: Iterable[str]) -> str:
    sorted_names = sorted(names)
    return ", ".join(sorted_names[:_SHOWN]) + (", …" if len(sorted_names) > _SHOWN else "")


def _missing_values(rule: FieldRule, known: CrmField) -> Iterator[str]:
    """The values that a rule may write and that a restricted picklist does not have."""
    if not _is_closed(known):
        return
    for value in (rule.default, *rule.values.values()):
        if isinstance(value, str) and not is_blank(value):
            yield from (part for part in _chosen(value, known) if part not in known.values)


def _wrong(kind: str, rule: FieldRule, catalog: FieldCatalog) -> Iterator[tuple[str, str]]:
    known = catalog.fields.get(rule.target)
    if known is None:
        yield "target", _unknown(rule.target, catalog)
        return
    yield from _not_writable(rule, known, catalog)
    yield from _wrong_type(kind, rule, known)
    yield from _wrong_append(rule, known)
    if rule.too_long is TooLong.TRUNCATE and known.type not in CUT_TYPES:
        yield (
            "too_long",
            f"{known.name} holds {known.type}: a part of one would be wrong. Only texts are cut: write stop.",
        )
    if not is_blank(rule.default):
        yield from (("default", message) for message in _wrong_value(rule.default, known, rule))
    for said, value in rule.values.items():
        if not is_blank(value):
            yield from ((f"values.{said}", message) for message in _wrong_value(value, known, rule))


def _wrong_append(rule: FieldRule, known: CrmField) -> Iterator[tuple[str, str]]:
    if rule.mode is not WriteMode.APPEND:
        return
    if known.type not in _APPENDED_TO:
        yield "mode", f"{known.name} holds one {known.type}: append is for texts and multi-select picklists."
    elif rule.separator is None:
        return
    elif known.type == "multipicklist" and rule.separator != SEPARATORS["multipicklist"]:
        yield "separator", f"The values of {known.name} stand apart by “;”: write that, or null."
    elif known.type == "text" and "\n" in rule.separator:
        yield "separator", f"{known.name} is one line: write a separator without a line break, or null."


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


def _wrong_type(kind: str, rule: FieldRule, known: CrmField) -> Iterator[tuple[str, str]]:
    if rule.source in REFERENCES or known.type == "reference":
        yield from _wrong_reference(kind, rule, known)
    elif said := SOURCE_TYPES.get(kind, {}).get(rule.source):
        yield from _wrong_typed(kind, rule, known, said)
    elif rule.source.startswith("custom."):
        return
    elif known.type == "email" and "email" not in rule.source:
        yield "target", f"{known.name} takes e-mail addresses, “{rule.source}” is none: name another field."
    elif known.type not in _TEXTS and not rule.values:
        yield (
            "target",
            f"{known.name} takes {known.type}, “{rule.source}” is text: name another field, or map its values.",
        )


def _wrong_reference(kind: str, rule: FieldRule, known: CrmField) -> Iterator[tuple[str, str]]:
    if known.type != "reference":
        yield (
            "target",
            f"{rule.source} is a record of the CRM, but {known.name} holds {known.type}: name a lookup field.",
        )
    elif rule.source not in REFERENCES:
        records = [source for source in SOURCES.get(kind, ()) if source in REFERENCES]
        hint = f" Sources that are records: {', '.join(records)}." if records else ""
        yield (
            "target",
            f"{known.name} names another record of the CRM, “{rule.source}” is text: name another field.{hint}",
        )


def _wrong_typed(kind: str, rule: FieldRule, known: CrmField, said: str) -> Iterator[tuple[str, str]]:
    """A source that is yes or no, a moment or a day: into a field of its type; a moment or day also into plain text."""
    if known.type == said or (said != "boolean" and known.type in _PLAIN_TEXTS) or (said == "boolean" and rule.values):
        return
    fitting = [source for source, of in SOURCE_TYPES[kind].items() if of == known.type]
    hint = f" There is {' and '.join(fitting)} for it." if fitting else ""
    yield "target", f"{known.name} takes {known.type}, “{rule.source}” is {_TYPED[said]}: name another field.{hint}"


def _wrong_value(value: Scalar, known: CrmField, rule: FieldRule) -> Iterator[str]:
    match known.type:
        case "boolean":
            if not isinstance(value, bool):
                yield f"{known.name} is yes or no: write true or false, without quotes."
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                yield f"{known.name} is a number: write one, without quotes."
        case _:
            yield from _wrong_text(value, known, rule)


def _wrong_text(value: Scalar, known: CrmField, rule: FieldRule) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{known.name} takes text: write the value in quotes."
        return
    is_cut = rule.too_long is TooLong.TRUNCATE and known.type in CUT_TYPES
    if known.length and len(value) > known.length and not is_cut:
        yield f"{known.name} takes {known.length} characters at most; this has {len(value)}."
    for part in _chosen(value, known) if _is_closed(known) else ():
        if part not in known.values:
            yield f"{known.name} has no value “{part}”. {_near_values(part, known.values)}"


def _is_closed(known: CrmField) -> bool:
    return known.restricted and known.type in ("picklist", "multipicklist")


def _chosen(value: str, known: CrmField) -> Sequence[str]:
    return [part.strip() for part in (value.split(";") if known.type == "multipicklist" else [value])]


def _near_values(value: str, values: Sequence[str]) -> str:
    folded: Mapping[str, str] = {known.casefold(): known for known in values}
    near = get_close_matches(value.casefold(), folded, n=1)
    if near:
        return f"Did you mean “{folded[near[0]]}”?"
    more = ", …" if len(values) > _SHOWN else ""
    return f"It has: {', '.join(values[:_SHOWN])}{more}."
