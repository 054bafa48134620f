"""Run a parsed query against an org: bind names to fields, filter through indexes, order, and shape the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contactsync.standin.errors import CallRefusedError, UnsupportedError
from contactsync.standin.fields import LONG_TEXT, NUMBER_TYPES, Field
from contactsync.standin.ids import canonical
from contactsync.standin.org import Org
from contactsync.standin.schema import SObject
from contactsync.standin.soql_parse import Comparison, Condition, Junction, Literal, Ordering, Path, Query, parse
from contactsync.standin.soql_tokens import refuse
from contactsync.standin.store import Record
from contactsync.standin.values import parse_datetime

MAX_OFFSET = 2000
# A polymorphic parent is read through the object Name, which has few fields: Owner.UserType of a lead does not exist [MEM].
NAME_FIELDS = frozenset(
    {"id", "name", "firstname", "lastname", "email", "phone", "title", "username", "isactive", "alias"}
)
Getter = Callable[[Record], Any]
Test = Callable[[Record], bool]

_HINT = (
    "If you are attempting to use a custom {what}, be sure to append the '{suffix}' after the {where} name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True)
class Rows:
    """What a query found: all records in order, to be shaped page by page as the wire shows them."""

    records: Sequence[Record]
    count_only: int | None = None
    long_text: bool = False
    shape: Callable[[Record], Record] = dict

    def page(self, start: int, size: int) -> list[Record]:
        """Some rows as the wire shows them."""
        return [self.shape(record) for record in self.records[start : start + size]]


@dataclass(frozen=True)
class _Bound:
    """A path bound to a field: the foreign keys to walk, then the field."""

    steps: tuple[tuple[Field, str], ...]  # the foreign key, and the one object it is read on
    owner: SObject
    field: Field


def run(org: Org, text: str, version: str, *, deleted: bool = False) -> Rows:
    """The answer to one SOQL statement; `deleted` counts deleted records in, as queryAll does.

    Raises CallRefusedError (MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE, …) or UnsupportedError.
    """
    return _Run(org, parse(text), version, deleted=deleted).rows()


class _Run:
    """One query on one org."""

    def __init__(self, org: Org, query: Query, version: str, *, deleted: bool = False) -> None:
        self.org = org
        self.deleted = deleted
        self.query = query
        self.version = version
        found = org.schema.find(query.sobject)
        if found is None:
            hint = _HINT.format(what="object", suffix="__c", where="entity")
            message = f"sObject type '{query.sobject}' is not supported. {hint}"
            raise refuse(query.text, query.sobject_start, message, "INVALID_TYPE")
        self.sobject = found

    def rows(self) -> Rows:
        selected = self._selection()
        records = self.matching()
        for ordering in reversed(self.query.order):
            records = self._sorted(records, ordering)
        if self.query.offset > MAX_OFFSET:
            message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            raise CallRefusedError("NUMBER_OUTSIDE_VALID_RANGE", message)
        stop = None if self.query.limit is None else self.query.offset + self.query.limit
        records = records[self.query.offset : stop]
        if self.query.count:
            return Rows([], len(records))
        long_text = any(bound.field.length > LONG_TEXT and bound.field.is_text for bound in selected)
        return Rows(records, None, long_text, _Shape(self, selected).row)

    def matching(self) -> list[Record]:
        """The records that meet WHERE, newest first.

        Salesforce promises no order without ORDER BY; newest first keeps nobody from noticing that he relied on one.
        """
        where = self.query.where
        test, candidates = self._condition(where) if where is not None else (None, None)
        live = self.org.store.live.get(self.sobject.name, {})
        chosen = live.values() if candidates is None else [live[found] for found in candidates if found in live]
        if self.sobject.name == "Event" and not self.deleted:
            # Only queryAll finds what was archived [DOC].
            chosen = [record for record in chosen if not record.get("IsArchived")]
        if self.deleted:
            chosen = [*live.values(), *self.org.store.deleted.get(self.sobject.name, {}).values()]
        kept = [record for record in chosen if test(record)] if test else list(chosen)
        kept.sort(key=lambda record: record["Id"], reverse=True)
        return kept

    def subquery_ids(self, query: Query) -> set[Any]:
        """The values of a semi-join's one field."""
        inner = _Run(self.org, query, self.version)
        if len(query.fields) != 1:
            raise refuse(query.text, query.sobject_start, "Inner select must select exactly one field")  # [MEM]
        get = inner.getter(inner.bind(query.fields[0]))
        return {get(record) for record in inner.matching()} - {None}

    def bind(self, path: Path) -> _Bound:
        names = list(path.names)
        if len(names) > 1 and names[0].lower() in self.query.aliases:
            names = names[1:]
        sobject = self.sobject
        steps: list[tuple[Field, str]] = []
        polymorphic = False
        for name in names[:-1]:
            key = sobject.by_relationship.get(name.lower())
            parents = [] if key is None else [found for found in map(self.org.schema.find, key.reference_to) if found]
            if key is None or not parents:
                hint = _HINT.format(what="relationship", suffix="__r", where="custom relationship")
                message = f"Didn't understand relationship '{name}' in field path. {hint}"
                raise refuse(self.query.text, path.start, message, "INVALID_FIELD")
            # A polymorphic owner shows the fields its objects share; User carries them all here.
            sobject = next((found for found in parents if found.name == "User"), parents[0])
            steps.append((key, sobject.name))
            polymorphic = len(key.reference_to) > 1
        if polymorphic and names[-1].lower() not in NAME_FIELDS:
            if names[-1].lower() == "type":
                raise UnsupportedError(path.text)
            raise self._no_column(path, names[-1], "Name")
        field = sobject.by_lower.get(names[-1].lower())
        if field is None:
            raise self._no_column(path, names[-1], sobject.name)
        return _Bound(tuple(steps), sobject, field)

    def _no_column(self, path: Path, name: str, entity: str) -> CallRefusedError:
        hint = _HINT.format(what="field", suffix="__c", where="custom field")
        message = f"No such column '{name}' on entity '{entity}'. {hint}"
        return refuse(self.query.text, path.start, message, "INVALID_FIELD")

    def getter(self, bound: _Bound) -> Getter:
        """Read the bound field off a record; None where a parent is missing."""
        name = bound.field.name
        if not bound.steps:
            return lambda record: record.get(name)
        keys = [step.name for step, _ in bound.steps]

        def walk(record: Record) -> Any:
            found: Record | None = record
            for key in keys:
                found = self.parent(found.get(key)) if found else None
            return found.get(name) if found else None

        return walk

    def parent(self, record_id: str | None) -> Record | None:
        """The live record a foreign key points at."""
        target = self.org.schema.of_id(record_id) if record_id else None
        return self.org.store.get(target.name, str(record_id)) if target else None

    def _selection(self) -> list[_Bound]:
        selected = []
        seen = set()
        for path in self.query.fields:
            bound = self.bind(path)
            key = (tuple(step.name for step, _ in bound.steps), bound.field.name)
            if key in seen:
                raise refuse(self.query.text, path.start, f"duplicate field selected: {path.text}")
            seen.add(key)
            selected.append(bound)
        return selected

    def _sorted(self, records: list[Record], ordering: Ordering) -> list[Record]:
        bound = self.bind(ordering.path)
        if not bound.field.sortable:
            message = f"field '{ordering.path.text}' can not be sorted in a query call"
            raise refuse(self.query.text, ordering.path.start, message)
        get = self.getter(bound)
        nulls = [record for record in records if get(record) is None]
        valued = [record for record in records if get(record) is not None]
        valued.sort(key=lambda record: _comparable(bound.field, get(record)), reverse=ordering.descending)
        return valued + nulls if ordering.nulls_last else nulls + valued

    def _condition(self, condition: Condition) -> tuple[Test, Iterable[str] | None]:
        """The test of a condition, and the ids that can meet it when an index knows them (None: any may)."""
        if isinstance(condition, Comparison):
            return _Filter(self, condition).made()
        made = [self._condition(part) for part in condition.parts]
        tests = [test for test, _ in made]
        known = [candidates for _, candidates in made if candidates is not None]
        if condition.kind == "NOT":
            return (lambda record: not tests[0](record)), None
        if condition.kind == "AND":
            best = min(known, key=lambda ids: len(list(ids)), default=None)
            return (lambda record: all(test(record) for test in tests)), best
        together = dict.fromkeys(found for ids in known for found in ids) if len(known) == len(made) else None
        return (lambda record: any(test(record) for test in tests)), together


class _Filter:
    """One comparison of WHERE, checked against the field's type."""

    def __init__(self, run_of: _Run, comparison: Comparison) -> None:
        self.run = run_of
        self.comparison = comparison
        self.bound = run_of.bind(comparison.path)
        self.field = self.bound.field
        self.get = run_of.getter(self.bound)
        if not self.field.filterable:
            message = f"field '{comparison.path.text}' can not be filtered in a query call"
            raise refuse(run_of.query.text, comparison.path.start, message, "INVALID_FIELD")

    def made(self) -> tuple[Test, Iterable[str] | None]:
        operator = self.comparison.operator
        if operator == "LIKE":
            return self._like(), None
        if self.comparison.subquery is not None:
            values: set[Any] = self.run.subquery_ids(self.comparison.subquery)
        else:
            values = {self._value(literal) for literal in self.comparison.values}
        if operator in {"=", "IN"}:
            return self._among(values), self._candidates(values)
        if operator in {"!=", "NOT IN"}:
            inside = self._among(values)
            return (lambda record: not inside(record)), None
        return self._ordered(operator, next(iter(values))), None

    def _among(self, values: set[Any]) -> Test:
        get = self.get
        if self.field.is_text:

            def among(record: Record) -> bool:
                value = get(record)
                return (value.lower() if value is not None else None) in values

            return among
        return lambda record: get(record) in values

    def _candidates(self, values: set[Any]) -> Iterable[str] | None:
        if self.bound.steps:
            return None
        if self.field.name == "Id":
            return [value for value in values if value]
        if self.field.is_text or self.field.type == "reference":
            return self.run.org.store.ids_by(self.bound.owner.name, self.field.name, values)
        return None

    def _ordered(self, operator: str, wanted: Any) -> Test:
        get, field = self.get, self.field
        if self.field.type in {"boolean", "reference", "id"} or wanted is None:
            raise CallRefusedError("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field")  # [MEM]

        def compare(record: Record) -> bool:
            value = get(record)
            if value is None:
                return False
            value = _comparable(field, value)
            if operator in {"<", "<="}:
                return bool(value < wanted or (operator == "<=" and value == wanted))
            return bool(value > wanted or (operator == ">=" and value == wanted))

        return compare

    def _like(self) -> Test:
        if not self.field.is_text:
            message = f"invalid operator on {self.field.type} field"  # [MEM]
            raise CallRefusedError("INVALID_QUERY_FILTER_OPERATOR", message)
        pattern = like_pattern(self.comparison.values[0].text)
        get = self.get
        return lambda record: pattern.fullmatch(get(record) or "") is not None

    def _value(self, literal: Literal) -> Any:
        """The literal as the field's records hold it, text in lower case; raises INVALID_FIELD on the wrong kind."""
        kind, text = literal.kind, literal.text
        if kind == "null":
            return None
        if self.field.type in {"id", "reference"} and kind == "string":
            full = canonical(text)
            if full is None and text:
                raise CallRefusedError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
            return full
        if self.field.is_text and kind == "string":
            return text.lower() or None  # an empty string is no value: `= ''` finds what `= null` finds [MEM]
        if self.field.type == "boolean" and kind == "boolean":
            return text == "true"
        if self.field.type in NUMBER_TYPES and kind == "number":
            return float(text)
        if self.field.type == "date" and kind in {"date", "relative"}:
            return text if kind == "date" else self._day(text)
        if self.field.type == "datetime" and kind in {"datetime", "relative"}:
            found = parse_datetime(text) if kind == "datetime" else f"{self._day(text)}T00:00:00.000+0000"
            if found is not None:
                return found
        raise self._wrong_kind(literal)

    def _day(self, text: str) -> str:
        """The calendar day (UTC) at which a relative literal begins.

        It stands for a stretch of time, so only `<` and `>=` mean its beginning; the others are not spoken.
        """
        if self.comparison.operator not in {"<", ">="}:
            raise UnsupportedError(f"{text} with {self.comparison.operator}")
        name, _, count = text.partition(":")
        days = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}.get(name)
        if days is None:
            days = int(count or 0) * (-1 if name == "LAST_N_DAYS" else 1)
        return (self.run.org.clock() + timedelta(days=days)).date().isoformat()

    def _wrong_kind(self, literal: Literal) -> CallRefusedError:
        quoted = self.field.is_text or self.field.type in {"id", "reference"}
        kind = {"datetime": "dateTime"}.get(self.field.type, "string" if quoted else self.field.type)
        should = "should" if quoted else "should not"
        message = (
            f"value of filter criterion for field '{self.field.name}' must be of type {kind} "
            f"and {should} be enclosed in quotes"
        )
        return refuse(self.run.query.text, literal.start, message, "INVALID_FIELD")


class _Shape:
    """Rows as the wire shows them: attributes first, then the selected fields in order, parents nested."""

    def __init__(self, run_of: _Run, selected: Sequence[_Bound]) -> None:
        self.run = run_of
        self.tree: dict[str, Any] = {}
        for bound in selected:
            branch = self.tree
            for key, _ in bound.steps:
                branch = branch.setdefault(str(key.relationship), (key.name, {}))[1]
            branch[bound.field.name] = None

    def row(self, record: Record) -> Record:
        return self._branch(record, self.run.org.schema.of_id(record["Id"]) or self.run.sobject, self.tree)

    def _branch(self, record: Record, sobject: SObject, tree: dict[str, Any]) -> Record:
        url = f"/services/data/{self.run.version}/sobjects/{sobject.name}/{record['Id']}"
        made: Record = {"attributes": {"type": sobject.name, "url": url}}
        for name, branch in tree.items():
            if branch is None:
                made[name] = record.get(name)
                continue
            key, inside = branch
            parent = self.run.parent(record.get(key))
            target = self.run.org.schema.of_id(parent["Id"]) if parent else None
            made[name] = self._branch(parent, target, inside) if parent and target else None
        return made


def like_pattern(text: str) -> re.Pattern[str]:
    r"""The matcher of a LIKE text: `%` any run, `_` one character, `\%` and `\_` themselves, any case."""
    parts = []
    place = 0
    while place < len(text):
        char = text[place]
        if char == "\\" and place + 1 < len(text):
            place += 1
            parts.append(re.escape(text[place]))
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
        place += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _comparable(field: Field, value: Any) -> Any:
    return value.lower() if field.is_text else value


__all__ = ["Junction", "Rows", "like_pattern", "run"]
