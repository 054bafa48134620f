"""Bodies of webhooks for people to look at: whole, or masked, so that what was sent can be judged without seeing of whom.

Masked, names and structure stay as they came, and every value shows its shape alone:

    "Ada Lovelace" → "A·· L··"    "ada@mail.example" → "a··@···.example"    "+49 171 23" → "+·· ··· ··"    42 → ··

What cannot be read as JSON is not shown at all then: nobody can tell what in it is a name and what is a value.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from contactsync.domain.policy import STATUS_LADDER

DOT = "·"
MASKED = DOT * 2
"""What is left of a word, behind its first letter: always as long, so that it does not tell how long the word was."""

MOST_MASKED = 24
MOST_READ = 120
"""Of a masked text so much is shown, made from so much of it; then how long it was."""

MOST_LINES = 2_000
MOST_CHARACTERS = 200_000
"""Of a masked body so much is shown: who wants more wants the body itself."""

MOST_WHOLE_LINES = 50_000
MOST_WHOLE_CHARACTERS = 2_000_000
"""Of a whole one: all that a door takes (1 MiB), unless it is blank space or brackets."""

MOST_HEX = 4_096
DEEPEST = 40
"""Further in, lines are indented no more."""


@dataclass(frozen=True)
class ShownBody:
    """A body as it is shown. `kind`: json | text | bytes | empty. `text`: what is shown; "" when nothing may be.
    `size`: of the body, in bytes. `cut`: there is more of it than is shown.
    """

    kind: str
    text: str
    size: int
    cut: bool = False


def masked_body(body: bytes) -> ShownBody:
    """A body with every value masked; nothing of one that is no JSON."""
    found = _read(body)
    if isinstance(found, _Unreadable):
        return ShownBody(found.kind, "", len(body))
    return _shown(found, len(body), _masked_value, masked_name, MOST_LINES, MOST_CHARACTERS)


def whole_body(body: bytes) -> ShownBody:
    """A body as it came, laid out if it is JSON; its beginning in hexadecimal digits if it is no text."""
    found = _read(body)
    if not isinstance(found, _Unreadable):
        return _shown(found, len(body), _whole_value, visible, MOST_WHOLE_LINES, MOST_WHOLE_CHARACTERS)
    if found.kind == "text":
        text = visible(body.decode("utf-8")[:MOST_WHOLE_CHARACTERS])
        return ShownBody("text", text, len(body))
    return ShownBody(found.kind, _hexadecimal(body[:MOST_HEX]), len(body), cut=len(body) > MOST_HEX)


# ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,63}")
_NUMBERED = re.compile(r"[0-9]{5}")
_TYPE = re.compile(r"(?:contact|event|meeting)\.[a-z_]{1,40}")
_TIME = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9](?:[Tt ][0-9:.,]{4,20}(?:[Zz]|[+-][0-9:]{2,6})?)?")
_TIMES = frozenset({"timestamp", "updated_at", "starts_at", "ends_at"})
_WORDS: dict[str, frozenset[str]] = {
    "sync_as": frozenset({"lead", "contact"}),
    "status": frozenset().union(*STATUS_LADDER, {"scheduled", "completed", "cancelled", "no_show"}),
    "response": frozenset({"accepted", "declined", "tentative", "invited"}),
}
"""Values that tell nothing of a person who is not named: by name, and only these."""

_PIECE = re.compile(r"[^\W\d_]+|\d|.", re.DOTALL)
_ADDRESS = re.compile(r"\S*[@\uff20\ufe6b]\S*")
_ENDING = re.compile(r"\.([A-Za-z]{2,24})[>\])},;:.!?\"']*$")
_FIRST_OF_FOREIGN = "\u2e80"
"""From here on one character may be a whole name."""


def masked_text(text: str) -> str:
    """The shape of a text: first letters, punctuation, and dots for all else; of an address its ending as well."""
    shown, at, length = [], 0, 0
    for match in _ADDRESS.finditer(text[:MOST_READ]):
        shown += [_words(text[at : match.start()]), _address(match[0])]
        at = match.end()
        length += sum(map(len, shown[-2:]))
        if length > MOST_MASKED:
            break
    if length <= MOST_MASKED:
        shown.append(_words(text[at:MOST_READ]))
    masked = "".join(shown)
    if len(masked) <= MOST_MASKED and len(text) <= MOST_READ:
        return masked
    return f"{masked[:MOST_MASKED]}… ({len(text):,} characters)"


def masked_name(name: str) -> str:
    """The name of a field as it came; its shape, if it looks like what a field holds: an address, a number, a sentence."""
    return name if _NAME.fullmatch(name) and not _NUMBERED.search(name) else masked_text(name)


def masked_path(path: str) -> str:
    """`data.3.email` stays; a step of it that is no name of a field is masked."""
    return ".".join(step if step.isdecimal() and len(step) < 5 else masked_name(step) for step in path.split("."))


def _words(text: str) -> str:
    return "".join(_piece(piece) for piece in _PIECE.findall(text))


def _piece(piece: str) -> str:
    first = piece[0]
    if first.isalpha():
        tells = len(piece) < 3 or first >= _FIRST_OF_FOREIGN
        return MASKED if tells else f"{first}{MASKED}"
    if first.isdigit() or first.isnumeric():
        return DOT
    # Letters of scripts that are written with marks, emoji and the like are neither letters nor punctuation.
    plain = first == " " or unicodedata.category(first)[0] == "P" or first in "+<>=$^`|~"
    return first if plain else DOT


def _address(text: str) -> str:
    before = re.split("[@\uff20\ufe6b]", text, maxsplit=1)[0]
    ending = _ENDING.search(text)
    return f"{_words(before)[:3] or MASKED}@{DOT * 3}{f'.{ending[1].lower()}' if ending else ''}"


def _masked_value(name: str, depth: int, value: object) -> str:
    if value is None or value == "":
        return json.dumps(value)
    if isinstance(value, bool):
        return "true|false"
    if isinstance(value, _Number):
        return re.sub(r"[0-9]", DOT, value) if len(value) <= MOST_MASKED else MASKED
    text = str(value)
    known = text in _WORDS.get(name, ()) or (name in _TIMES and _TIME.fullmatch(text) is not None)
    if known or (name == "type" and depth == 1 and _TYPE.fullmatch(text)):
        return json.dumps(text)
    return f'"{visible(masked_text(text))}"'


def _whole_value(_name: str, _depth: int, value: object) -> str:
    if isinstance(value, _Number):
        return value
    return visible(json.dumps(value, ensure_ascii=False)) if isinstance(value, str) else json.dumps(value)


def visible(text: str) -> str:
    """The text without anything that is not seen, or that turns round what is: such characters as `\\u202e`. Lines stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in "\n\t" or _is_seen(one) else _escaped(one) for one in text)


def _is_seen(one: str) -> bool:
    return one == " " or unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}


def _escaped(one: str) -> str:
    return f"\\u{ord(one):04x}" if ord(one) < 0x1_0000 else f"\\U{ord(one):08x}"


# ── structure ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Number(str):
    """A number as it was written: reading thousands of digits would take for ever, and round what they say."""


class _Pairs(list[tuple[str, Any]]):
    """An object in its own order, with names that it says twice."""


class _Unreadable(NamedTuple):
    """What no JSON can be made of."""

    kind: str


def _no_constant(_: str) -> NoReturn:
    raise ValueError("no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
)


def _read(body: bytes) -> Any:
    if not body:
        return _Unreadable("empty")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _Unreadable("bytes")
    try:
        return _DECODER.decode(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return _Unreadable("text")


_CLOSE = object()


def _shown(
    value: Any,
    size: int,
    shape: Callable[[str, int, object], str],
    name_of: Callable[[str], str],
    most_lines: int,
    most_characters: int,
) -> ShownBody:
    lines: list[str] = []
    length = 0
    for line in _lines(value, shape, name_of):
        if len(lines) == most_lines or length + len(line) > most_characters:
            return ShownBody("json", "\n".join(lines), size, cut=True)
        lines.append(line)
        length += len(line) + 1
    return ShownBody("json", "\n".join(lines), size)


def _lines(value: Any, shape: Callable[[str, int, object], str], name_of: Callable[[str], str]) -> Iterator[str]:
    """JSON line by line. A loop, not a recursion: it may be nested deeply."""
    # (how deep, the name it is under, what stands before it on its line, itself, what stands behind)
    waiting: list[tuple[int, str, str, Any, str]] = [(0, "", "", value, "")]
    while waiting:
        depth, name, before, one, behind = waiting.pop()
        indent = "  " * min(depth, DEEPEST)
        if one is _CLOSE:
            yield f"{indent}{before}{behind}"
        elif isinstance(one, _Pairs) and one:
            yield f"{indent}{before}{{"
            waiting.append((depth, "", "}", _CLOSE, behind))
            parts = [(depth + 1, key, f'"{name_of(key)}": ', part, ",") for key, part in one]
            waiting += [(*parts[-1][:4], ""), *reversed(parts[:-1])]
        elif isinstance(one, list) and one and not isinstance(one, _Pairs):
            yield f"{indent}{before}["
            waiting.append((depth, "", "]", _CLOSE, behind))
            items = [(depth + 1, name, "", part, ",") for part in one]
            waiting += [(*items[-1][:4], ""), *reversed(items[:-1])]
        elif isinstance(one, list):
            yield f"{indent}{before}{'{}' if isinstance(one, _Pairs) else '[]'}{behind}"
        else:
            yield f"{indent}{before}{shape(name, depth, one)}{behind}"


def _hexadecimal(body: bytes) -> str:
    """Sixteen bytes a line, behind the number of the first."""
    return "\n".join(f"{at:06x}  {body[at : at + 16].hex(' ')}" for at in range(0, len(body), 16))
