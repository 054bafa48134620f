"""Loaded by Python at start in the processes under chaos, and in no other: their wall clock can be set.

What a file says is added to `time.time` and to `datetime.now`; durations (`time.monotonic`) stay true. libfaketime, which would
do it to any program, breaks Python's sleeping and hangs its threads (0.9.10 under Python 3.11).
"""

from __future__ import annotations

import datetime as standard
import os
import time
from pathlib import Path
from typing import Any

_FILE = Path(os.environ["CHAOS_CLOCK"])
_Real = standard.datetime
_time = time.time


def _offset() -> float:
    return float(_FILE.read_text())


def _shifted() -> float:
    return _time() + _offset()


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Real)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, _Real)


class _Shifted(_Real, metaclass=_Kind):
    """`datetime.datetime` but for what the time is: all that it makes is of the real class."""

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return _Real(*args, **options)

    @classmethod
    def now(cls, tz: standard.tzinfo | None = None) -> Any:
        return _Real.now(tz) + standard.timedelta(seconds=_offset())

    @classmethod
    def utcnow(cls) -> Any:
        return _Real.now(standard.UTC).replace(tzinfo=None) + standard.timedelta(seconds=_offset())


time.time = _shifted
_Shifted.__name__ = _Shifted.__qualname__ = "datetime"
_Shifted.__module__ = "datetime"
standard.datetime = _Shifted  # type: ignore[misc]
