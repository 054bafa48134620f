"""SOQL text into tokens, and the error that points at the place in the text, as Salesforce's does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contactsync.standin.errors import CallRefusedError

MAX_QUERY = 100_000  # characters of a statement [DOC]
MAX_STRING = 4_000  # characters of one string in WHERE [DOC]

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_PATTERN = re.compile(
    r"""\s*(?:
    (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)(?![\dT])
    | (?P<number>[+-]?\d+(?:\.\d+)?)(?![\w.])
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::\d+)?)
    | (?P<operator><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True)
class Token:
    """One token: its kind (`word`, `string`, `number`, `date`, `datetime`, `operator`, `end`), its text, its place."""

    kind: str
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        """Is it one of these keywords, in any case?"""
        return self.kind == "word" and self.text.upper() in words

    def is_operator(self, *operators: str) -> bool:
        """Is it one of these signs?"""
        return self.kind == "operator" and self.text in operators


def refuse(query: str, start: int, message: str, code: str = "MALFORMED_QUERY") -> CallRefusedError:
    """The refusal with the piece of the statement, a caret under the place, and Salesforce's row and column line."""
    line_start = query.rfind("\n", 0, start) + 1
    shown_start = max(line_start, start - 40)
    piece = query[shown_start : start + 30].split("\n", 1)[0]
    row = query.count("\n", 0, start) + 1
    column = start - line_start + 1
    caret = " " * (start - shown_start) + "^"
    return CallRefusedError(code, f"\n{piece}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")


def unexpected(query: str, token: Token) -> CallRefusedError:
    """The refusal of a token that does not belong here."""
    if token.kind == "end":
        return refuse(query, max(len(query) - 1, 0), "unexpected token: '<EOF>'")
    return refuse(query, token.start, f"unexpected token: '{token.text}'")


def tokenize(query: str) -> list[Token]:
    """All tokens, an `end` last. Raises MALFORMED_QUERY.

    A double quote, an unfinished string and any sign that SOQL does not have are refused here.
    """
    if len(query) > MAX_QUERY:
        message = f"SOQL statements can not be longer than {MAX_QUERY} characters"  # [SEEN]
        raise CallRefusedError("MALFORMED_QUERY", message)
    tokens = []
    place = 0
    end = len(query.rstrip())
    while place < end:
        match = _PATTERN.match(query, place)
        if match is None or match.lastgroup is None:
            raise _unreadable(query, place)
        tokens.append(Token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)))
        place = match.end()
    tokens.append(Token("end", "", len(query)))
    return tokens


def _unreadable(query: str, place: int) -> CallRefusedError:
    while query[place].isspace():
        place += 1
    if query[place] == "'":
        message = f"line 1:{place} mismatched character '<EOF>' expecting '''"
    else:
        message = f"line 1:{place} no viable alternative at character '{query[place]}'"  # [MEM] wording
    return refuse(query, place, message)


def unescape(query: str, token: Token, *, like: bool) -> str:
    r"""The text of a string token. In a LIKE pattern `\_` and `\%` stay escaped for the matcher.

    Raises MALFORMED_QUERY on an escape that SOQL does not have.
    """
    raw = token.text[1:-1]
    if len(raw) > MAX_STRING:
        message = f"A string in the WHERE clause is longer than {MAX_STRING} characters"  # [MEM] wording
        raise refuse(query, token.start, message)
    if "\\" not in raw:
        return raw
    made = []
    place = 0
    while place < len(raw):
        char = raw[place]
        place += 1
        if char != "\\":
            made.append(char)
            continue
        sign = raw[place]
        place += 1
        if sign == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", raw[place : place + 4]):
            made.append(chr(int(raw[place : place + 4], 16)))
            place += 4
        elif sign in _ESCAPES:
            made.append("\\\\" if like and sign == "\\" else _ESCAPES[sign])
        elif like and sign in "_%":
            made.append("\\" + sign)
        else:
            message = (  # [MEM] wording
                f"Invalid string literal '{raw}'. Illegal character sequence '\\{sign}' in string literal."
            )
            raise refuse(query, token.start, message)
    return "".join(made)
