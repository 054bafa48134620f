"""Salesforce's JSON, read strictly: what is no JSON, or could not be kept by a database, is no answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from .limits import AnswerUnreadable

MOST_DIGITS = 40
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNKEPT = re.compile("[\x00\ud800-\udfff]")


def read_json(body: bytes) -> Any:
    """The value of a body. Raises AnswerUnreadable for no JSON, numbers that are none, a name said twice, and values nested
    so deeply that nobody meant them. Characters that no database keeps (NUL, lone surrogates) become U+FFFD.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_number,
            parse_int=_whole_number,
        )
    except (ValueError, RecursionError):
        # Without its cause: a decoder's error carries the whole text.
        raise AnswerUnreadable("the answer is no JSON that can be used") from None
    return _kept(value) if _SUSPECT.search(body) else value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is said twice")
    return made


def _constant(_word: str) -> Any:
    raise ValueError("not a number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number beyond all bounds")
    return value


def _whole_number(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError("a number beyond all bounds")
    return int(text)


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return _UNKEPT.sub("\ufffd", value)
    if isinstance(value, list):
        return [_kept(each) for each in value]
    if isinstance(value, dict):
        return {_kept(name): _kept(each) for name, each in value.items()}
    return value
