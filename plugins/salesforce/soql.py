"""SOQL statements, built safely and packed full.

A statement may hold 100,000 characters, one string in it 4,000; a page of rows holds 2,000 at the most. So values are
packed by characters and by number, and whatever is no valid identifier or value never gets into a statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simple_salesforce.format import format_soql, quote_soql_value

MOST_CHARACTERS = 95_000
MOST_TERMS = 2_000  # one page of rows, when each term finds one
MOST_DIRECT = 1_200  # a statement outside a composite must fit into a URL of 16,384 bytes, however it is encoded
REFERENCE = "@{"  # begins a reference in a composite, also in the middle of a person's own text

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x07\x0b\x0e-\x1f\x7f]")  # those that SOQL has no escape for


@dataclass(frozen=True)
class Term:
    """One thing to look for: any of these values in this field. Its values stay in one statement.

    `quoted` False: moments, which SOQL takes without quotes; whoever makes such a term has checked them.
    """

    field: str
    values: tuple[str, ...]
    quoted: bool = True

    @property
    def written(self) -> str:
        """The values as they stand in a list."""
        return ",".join(literal(value) for value in self.values) if self.quoted else ",".join(self.values)


@dataclass(frozen=True)
class Statement:
    """A whole statement. `direct`: its text holds `@{`, so it must not travel inside a composite."""

    text: str
    direct: bool = False


def is_identifier(name: str) -> bool:
    """Whether a field or object may have this name."""
    return _IDENTIFIER.fullmatch(name) is not None


def literal(text: str) -> str:
    """The text as a SOQL string, in quotes. Signs that SOQL cannot say are left out."""
    clean = _CONTROL.sub("", text).encode("utf-8", "replace").decode()
    return str(quote_soql_value(clean))


def literals(texts: Iterable[str]) -> str:
    """A list for IN, in a fixed order. Raises ValueError when it is empty: `IN ()` is no SOQL."""
    listed = sorted(set(texts))
    if not listed:
        raise ValueError("IN needs at least one value")
    return f"({','.join(literal(text) for text in listed)})"


def containing(text: str) -> str:
    """The LIKE pattern of texts that contain this one, in quotes."""
    return f"'%{format_soql('{:like}', _CONTROL.sub('', text))}%'"


def columns(*groups: Iterable[str]) -> str:
    """The fields of a SELECT: each once, in any case, in the order given. Raises ValueError on what is no field name."""
    seen: dict[str, str] = {}
    for name in (name for group in groups for name in group):
        if not all(is_identifier(part) for part in name.split(".")):
            raise ValueError(f"{name!r} is no field name")
        seen.setdefault(name.lower(), name)
    return ", ".join(seen.values())


def statements(
    head: str, terms: Sequence[Term], *, most_characters: int = MOST_CHARACTERS, most_terms: int = MOST_TERMS
) -> list[Statement]:
    """`head` with the terms behind it, tied by OR, in as few statements as will hold them.

    `head` ends where a condition may begin: "SELECT Id FROM Lead WHERE" or "… WHERE CampaignId IN (…) AND".
    """
    usual = [term for term in terms if not _holds_reference(term)]
    direct = [term for term in terms if _holds_reference(term)]
    made = [Statement(text) for text in _packed(head, usual, most_characters, most_terms)]
    room = len(head) + MOST_DIRECT
    return made + [Statement(text, direct=True) for text in _packed(head, direct, room, most_terms)]


def _holds_reference(term: Term) -> bool:
    return any(REFERENCE in value for value in term.values)


def _packed(head: str, terms: Sequence[Term], most_characters: int, most_terms: int) -> list[str]:
    made: list[str] = []
    groups: dict[str, list[str]] = {}
    size, count = len(head) + 3, 0
    for term in terms:
        written = term.written
        cost = len(written) + 1 + (0 if term.field in groups else len(term.field) + len(" OR  IN ()"))
        if count and (size + cost > most_characters or count >= most_terms):
            made.append(_written(head, groups))
            groups, size, count = {}, len(head) + 3, 0
            cost = len(written) + 1 + len(term.field) + len(" OR  IN ()")
        groups.setdefault(term.field, []).append(written)
        size, count = size + cost, count + 1
    if count:
        made.append(_written(head, groups))
    return made


def _written(head: str, groups: dict[str, list[str]]) -> str:
    conditions = [f"{field} IN ({','.join(written)})" for field, written in groups.items()]
    return f"{head} ({' OR '.join(conditions)})"
