"""What the mapping page shows beside each rule: what the source says, what the field takes, what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.domain.crm import CrmField, FieldCatalog
from contactsync.domain.mapping_sources import CUSTOM_KINDS, REQUIRED_SOURCES, SOURCES
from contactsync.domain.records import Scalar
from contactsync.domain.values import is_blank
from contactsync.store.pages_mapping import Example
from contactsync.web.console.mapping_form import MappingForm, Row, typed
from contactsync.web.console.mapping_words import field_marks, field_type, in_form_words, source_hint, source_label

LONGEST_EXAMPLE = 60
OFFERED = 200
"""So many fields that arrive and go nowhere are offered."""

BOOLEAN_VALUES = ("yes", "no")


@dataclass(frozen=True)
class FieldShown:
    """A field of the CRM. `values`: what may stand in it, where that is a list."""

    name: str
    label: str
    type: str
    marks: tuple[tuple[str, str], ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowShown:
    """A row and what stands beside it. `example`: what a real record says, `of_another` than the chosen one; `needed`: why the
    rule cannot be off, "" where it can; `errors`: by the row's part ("target", "values", …; "" is the rule as a whole).
    """

    row: Row
    label: str
    hint: str = ""
    example: str = field(default="", repr=False)
    of_another: bool = False
    needed: str = ""
    crm: FieldShown | None = None
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Offered:
    """A source that no rule names."""

    source: str
    label: str
    example: str = field(default="", repr=False)


def rows_shown(
    kind: str,
    form: MappingForm,
    catalog: FieldCatalog | None,
    errors: Mapping[str, str],
    seen: Sequence[Example],
) -> list[RowShown]:
    """All rows. `seen`: real records, the chosen one first; `errors` by path, as `errors_shown` takes them apart."""
    by_place, _ = errors_shown(kind, form, errors)
    return [_row_shown(kind, row, catalog, by_place.get(place, {}), seen) for place, row in enumerate(form.rows)]


def errors_shown(
    kind: str, form: MappingForm, errors: Mapping[str, str]
) -> tuple[dict[int, dict[str, tuple[str, ...]]], list[str]]:
    """Errors by the place of their row and its part, and those that are no row's, all in the page's words."""
    sources = [row.source for row in form.rows]
    by_place: dict[int, dict[str, tuple[str, ...]]] = {}
    others: list[str] = []
    for path, message in errors.items():
        words = in_form_words(kind, str(message), sources)
        _, number, key = (*path.split(".", 2), "", "")[:3]
        if not (number.isdigit() and int(number) < len(form.rows)):
            others.append(words)
            continue
        part, _, said = key.partition(".")
        if part == "values" and said:
            words = f"“{said}”: {words}"
        here = by_place.setdefault(int(number), {})
        here[part] = (*here.get(part, ()), words)
    return by_place, others


def field_shown(known: CrmField) -> FieldShown:
    """A field for the page."""
    values = BOOLEAN_VALUES if known.type == "boolean" else known.values
    return FieldShown(known.name, known.label, field_type(known), field_marks(known), values)


def choosable(catalog: FieldCatalog | None) -> list[FieldShown]:
    """The fields that a rule can fill, by their labels, for the picker."""
    known = catalog.fields.values() if catalog is not None else ()
    return [field_shown(one) for one in sorted(known, key=lambda one: one.label.casefold()) if one.createable]


def source_choices(kind: str) -> list[tuple[str, str]]:
    """Every source of the kind that is not an org's own, with what it is called."""
    return [(source, source_label(kind, source)) for source in SOURCES[kind]]


def offered(kind: str, form: MappingForm, seen: Sequence[Example]) -> list[Offered]:
    """What real records say and no rule names: fields of the org's own first."""
    taken = {row.source for row in form.rows}
    own = {path for one in seen for path in one.says if path.startswith("custom.")} if kind in CUSTOM_KINDS else set()
    sources = [path for path in (*sorted(own), *SOURCES[kind]) if path not in taken]
    found = ((path, example_of(path, seen)[0]) for path in sources)
    return [Offered(path, source_label(kind, path), said) for path, said in found if said][:OFFERED]


def example_of(source: str, seen: Sequence[Example]) -> tuple[str, bool]:
    """What the chosen record says for a source, else what another says; "" when none says anything."""
    for place, one in enumerate(seen):
        value = one.says.get(source)
        if not is_blank(value):
            return shortened(value), place > 0
    return "", False


def shortened(value: Scalar) -> str:
    """A value on one line, as much of it as helps."""
    text = typed(value).strip()
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[: LONGEST_EXAMPLE - 1].rstrip()}…"


def _row_shown(
    kind: str, row: Row, catalog: FieldCatalog | None, errors: Mapping[str, tuple[str, ...]], seen: Sequence[Example]
) -> RowShown:
    known = catalog.fields.get(row.target) if catalog is not None else None
    example, of_another = example_of(row.source, seen)
    return RowShown(
        row=row,
        label=source_label(kind, row.source),
        hint=source_hint(kind, row.source),
        example=example,
        of_another=of_another,
        needed=REQUIRED_SOURCES[kind].get(row.source, "").replace("the CRM", "Salesforce"),
        crm=field_shown(known) if known is not None else None,
        errors=errors,
    )
