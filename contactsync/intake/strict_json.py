"""JSON as RFC 8259 means it: UTF-8, no repeated names, no NaN, nothing that a database would refuse.

Python's own reader takes more than that (NaN, the last of repeated names, a byte order mark, lone surrogates), and what
two readers understand differently must not get in. NUL is legal JSON and refused all the same: Postgres cannot keep it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, NoReturn

from contactsync.domain.errors import RefusedInput

BODY = "body"
"""The path of what is wrong with a body as a whole."""

MOST_ERRORS = 100
MOST_PATH = 1_000
"""A path of more characters is cut."""

NUL = "Holds the character NUL (\\u0000), which cannot be stored: remove it."
SURROGATE = "Holds half of a surrogate pair (\\ud800 to \\udfff), which is no text: send the whole character."
DOUBLED = "Sent twice in the same object: send each name once."
NO_NUMBER = "NaN, Infinity and numbers beyond a double are no JSON: send null or leave it out."

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""Escapes that may stand for NUL or half a pair: worth a walk through the whole value."""


def read_json(body: bytes) -> object:
    """The value of a body. Raises RefusedInput with the path of all that is wrong, `body` for the whole of it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        # `from None`, here and below: the library's errors carry the whole body along (I8).
        raise _refused(f"Not UTF-8: byte {error.start} cannot be read.") from None
    if text.startswith("\ufeff"):
        raise _refused("Begins with a byte order mark: send UTF-8 without it.")
    try:
        value = _decoded(_STRICT, text)
    except _Suspect:
        value = _decoded(_LENIENT, text)
    else:
        if not _SUSPECT.search(body):
            return value
    faults = dict(islice(_faults(value), MOST_ERRORS))
    if faults:
        raise RefusedInput("the body is no JSON that can be kept", faults)
    return value


def path_of(parent: str, name: str | int) -> str:
    """`data.3.email`: a path that is safe to store and show, whatever the name holds."""
    shown = str(name)
    if len(shown) > 100 or not shown.isprintable():
        shown = shown[:100].encode("unicode_escape").decode("ascii")
    return f"{parent}.{shown}" if parent else shown


# ── the whole value, once more, when something in it may be wrong ────────────────────────────────────────────────────


class _Suspect(Exception):
    """A repeated name, a NaN or the like was met; where, the strict reader cannot say."""


class _Doubled(dict[str, Any]):
    """An object that holds a name twice."""

    doubled: tuple[str, ...] = ()


def _strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Suspect
    return value


def _lenient_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = _Doubled(pairs)
    if len(value) != len(pairs):
        value.doubled = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return value


def _strict_constant(_: str) -> NoReturn:
    raise _Suspect


def _strict_float(digits: str) -> float:
    value = float(digits)
    if value - value != 0:  # an overflow: infinity
        raise _Suspect
    return value


_STRICT = json.JSONDecoder(object_pairs_hook=_strict_object, parse_constant=_strict_constant, parse_float=_strict_float)
_LENIENT = json.JSONDecoder(object_pairs_hook=_lenient_object)


class _Place(NamedTuple):
    """Where a value stands. A path is made of it only for what is wrong: a megabyte can hold half a million values, each
    under a path of its own of many kilobytes.
    """

    within: _Place | None
    name: str | int

    def path(self) -> str:
        """`data.3.email`."""
        names: list[str | int] = []
        place: _Place | None = self
        while place is not None:
            names.append(place.name)
            place = place.within
        path = ""
        for name in reversed(names):
            path = path_of(path, name)
            if len(path) > MOST_PATH:
                return f"{path[:MOST_PATH]}…"
        return path


def _faults(value: object) -> Iterator[tuple[str, str]]:
    """Every path that holds what cannot be kept. A loop, not a recursion: the value may be nested deeply."""
    waiting: list[tuple[_Place | None, Any]] = [(None, value)]
    while waiting:
        place, held = waiting.pop()
        if isinstance(held, dict):
            if isinstance(held, _Doubled):
                yield from ((_Place(place, name).path(), DOUBLED) for name in held.doubled)
            for name in held:
                fault = _text_fault(name)
                if fault is not None:
                    yield _Place(place, name).path(), fault
            waiting.extend((_Place(place, name), part) for name, part in reversed(held.items()))
        elif isinstance(held, list):
            waiting.extend((_Place(place, index), held[index]) for index in reversed(range(len(held))))
        else:
            fault = _fault(held)
            if fault is not None:
                yield place.path() if place is not None else BODY, fault


def _fault(held: object) -> str | None:
    if isinstance(held, str):
        return _text_fault(held)
    return NO_NUMBER if isinstance(held, float) and held - held != 0 else None


def _text_fault(text: str) -> str | None:
    if "\x00" in text:
        return NUL
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return SURROGATE
    return None


def _decoded(decoder: json.JSONDecoder, text: str) -> object:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _refused(f"Not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    except RecursionError:
        raise _refused("Nested too deeply.") from None
    except ValueError:
        raise _refused("Holds a number with thousands of digits.") from None


def _refused(message: str) -> RefusedInput:
    return RefusedInput("the body is not JSON that can be read", {BODY: message})
