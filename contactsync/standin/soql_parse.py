"""SOQL tokens into a Query: the grammar alone, without knowing any object or field.

The grammar is that of the SOQL reference: AND and OR never mix without parentheses, NOT stands alone or in parentheses
(`a AND NOT b` is refused), strings stand in single quotes, date-times carry an offset. What Salesforce has and the
stand-in has not (GROUP BY, aggregates, child queries, TYPEOF, FIELDS()) raises UnsupportedError, never a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from contactsync.standin.errors import UnsupportedError
from contactsync.standin.soql_tokens import Token, tokenize, unescape, unexpected

COMPARISONS = ("=", "!=", "<>", "<", ">", "<=", ">=")
_AFTER_FROM = ("WHERE", "ORDER", "LIMIT", "OFFSET", "WITH", "GROUP", "HAVING", "FOR", "USING", "ALL", "UPDATE")
_NOT_SPOKEN = ("WITH", "GROUP", "HAVING", "FOR", "USING", "ALL", "UPDATE")


@dataclass(frozen=True)
class Path:
    """A field, possibly of a parent: `Account.Name`."""

    names: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        """As written."""
        return ".".join(self.names)


@dataclass(frozen=True)
class Literal:
    """A value: kind is `string`, `number`, `date`, `datetime`, `boolean`, `null` or `relative` (TODAY, …)."""

    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Comparison:
    """`path operator value`; the operators IN, NOT IN take several values or a subquery, LIKE one string."""

    path: Path
    operator: str
    values: tuple[Literal, ...] = ()
    subquery: Query | None = None


@dataclass(frozen=True)
class Junction:
    """Conditions tied by AND or OR; NOT holds exactly one."""

    kind: str
    parts: tuple[Condition, ...]


Condition = Comparison | Junction


@dataclass(frozen=True)
class Ordering:
    """One ORDER BY entry."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """One SELECT. `count` is `SELECT COUNT()`."""

    text: str
    sobject: str
    sobject_start: int
    fields: tuple[Path, ...]
    count: bool = False
    where: Condition | None = None
    order: tuple[Ordering, ...] = field(default=())
    limit: int | None = None
    offset: int = 0
    aliases: tuple[str, ...] = ()


def parse(text: str) -> Query:
    """The Query of a whole statement. Raises MALFORMED_QUERY or UnsupportedError."""
    parser = _Parser(text)
    query = parser.query()
    if parser.now.kind != "end":
        raise unexpected(text, parser.now)
    return query


class _Parser:
    """Recursive descent over the tokens of one statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.place = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.now
        self.place += 1
        return token

    def take_word(self, *words: str) -> bool:
        if not self.now.is_word(*words):
            return False
        self.place += 1
        return True

    def take_operator(self, sign: str) -> bool:
        if not self.now.is_operator(sign):
            return False
        self.place += 1
        return True

    def expect_word(self, word: str) -> None:
        if not self.take_word(word):
            raise unexpected(self.text, self.now)

    def expect_operator(self, sign: str) -> None:
        if not self.take_operator(sign):
            raise unexpected(self.text, self.now)

    def path(self) -> Path:
        token = self.take()
        if token.kind != "word" or ":" in token.text:
            raise unexpected(self.text, token)
        return Path(tuple(token.text.split(".")), token.start)

    def query(self) -> Query:
        self.expect_word("SELECT")
        fields, count = self.select_list()
        self.expect_word("FROM")
        sobject = self.take()
        if sobject.kind != "word" or "." in sobject.text:
            raise unexpected(self.text, sobject)
        aliases = [sobject.text.lower()]
        if self.now.kind == "word" and not self.now.is_word(*_AFTER_FROM):
            aliases.append(self.take().text.lower())
        where = self.condition() if self.take_word("WHERE") else None
        if self.now.is_word(*_NOT_SPOKEN):
            raise UnsupportedError(f"SOQL {self.now.text.upper()}")
        order = self.ordering() if self.take_word("ORDER") else ()
        limit = self.whole_number() if self.take_word("LIMIT") else None
        offset = self.whole_number() if self.take_word("OFFSET") else 0
        if self.now.is_word(*_NOT_SPOKEN):
            raise UnsupportedError(f"SOQL {self.now.text.upper()}")
        return Query(self.text, sobject.text, sobject.start, fields, count, where, order, limit, offset, tuple(aliases))

    def select_list(self) -> tuple[tuple[Path, ...], bool]:
        fields: list[Path] = []
        while True:
            if self.now.is_operator("("):
                raise UnsupportedError("a child query in SELECT")
            if self.now.is_word("TYPEOF"):
                raise UnsupportedError("SOQL TYPEOF")
            path = self.path()
            if self.now.is_operator("("):
                if path.text.upper() != "COUNT" or fields:
                    raise UnsupportedError(f"SOQL {path.text.upper()}()")
                self.take()
                if not self.take_operator(")"):
                    raise UnsupportedError("COUNT(field)")
                return (), True
            fields.append(path)
            if not self.take_operator(","):
                return tuple(fields), False

    def condition(self) -> Condition:
        """`term (AND term)*`, `term (OR term)*` or `NOT term`: never mixed."""
        if self.take_word("NOT"):
            return Junction("NOT", (self.term(),))
        parts = [self.term()]
        kind = self.now.text.upper() if self.now.is_word("AND", "OR") else ""
        while kind and self.take_word(kind):
            parts.append(self.term())
        if self.now.is_word("AND", "OR"):
            raise unexpected(self.text, self.now)
        return Junction(kind, tuple(parts)) if kind else parts[0]

    def term(self) -> Condition:
        if self.take_operator("("):
            inside = self.condition()
            self.expect_operator(")")
            return inside
        if self.now.is_word("NOT"):
            raise unexpected(self.text, self.now)
        return self.comparison()

    def comparison(self) -> Comparison:
        path = self.path()
        if self.now.is_operator("("):
            raise UnsupportedError(f"SOQL {path.text.upper()}() in WHERE")
        if self.now.is_word("NOT"):
            self.take()
            self.expect_word("IN")
            return self.membership(path, "NOT IN")
        if self.take_word("IN"):
            return self.membership(path, "IN")
        if self.now.is_word("INCLUDES", "EXCLUDES"):
            raise UnsupportedError(f"SOQL {self.now.text.upper()}")
        if self.take_word("LIKE"):
            if self.now.kind != "string":
                raise unexpected(self.text, self.now)
            return Comparison(path, "LIKE", (self.literal(like=True),))
        operator = self.take()
        if not operator.is_operator(*COMPARISONS):
            raise unexpected(self.text, operator)
        sign = "!=" if operator.text == "<>" else operator.text
        return Comparison(path, sign, (self.literal(),))

    def membership(self, path: Path, operator: str) -> Comparison:
        self.expect_operator("(")
        if self.now.is_word("SELECT"):
            subquery = self.query()
            self.expect_operator(")")
            return Comparison(path, operator, (), subquery)
        values = [self.literal()]
        while self.take_operator(","):
            values.append(self.literal())
        self.expect_operator(")")
        return Comparison(path, operator, tuple(values))

    def literal(self, *, like: bool = False) -> Literal:
        token = self.take()
        if token.kind == "string":
            return Literal("string", unescape(self.text, token, like=like), token.start)
        if token.kind in {"number", "date", "datetime"}:
            return Literal(token.kind, token.text, token.start)
        if token.is_word("NULL"):
            return Literal("null", "", token.start)
        if token.is_word("TRUE", "FALSE"):
            return Literal("boolean", token.text.lower(), token.start)
        name = token.text.upper().partition(":")[0]
        if token.kind == "word" and name in {"TODAY", "YESTERDAY", "TOMORROW", "LAST_N_DAYS", "NEXT_N_DAYS"}:
            return Literal("relative", token.text.upper(), token.start)
        if token.kind == "word" and name.startswith(("LAST_", "NEXT_", "THIS_", "N_")):
            raise UnsupportedError(f"the date literal {name}")
        raise unexpected(self.text, token)

    def ordering(self) -> tuple[Ordering, ...]:
        self.expect_word("BY")
        made = []
        while True:
            path = self.path()
            descending = self.take_word("DESC")
            if not descending:
                self.take_word("ASC")
            nulls_last = False  # nulls come first unless said otherwise, in both directions [DOC]
            if self.take_word("NULLS"):
                nulls_last = self.take_word("LAST")
                if not nulls_last:
                    self.expect_word("FIRST")
            made.append(Ordering(path, descending, nulls_last))
            if not self.take_operator(","):
                return tuple(made)

    def whole_number(self) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit():
            raise unexpected(self.text, token)
        return int(token.text)
