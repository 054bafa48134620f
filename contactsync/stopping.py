"""Being asked to stop: SIGTERM (Heroku, systemd, a supervisor) and SIGINT (Ctrl-C) mean the same."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
INSIST_SECONDS = 1.0
"""A second signal within this time is the same one: a terminal and a supervisor may both pass it on."""


class Stop:
    """Whether this process was asked to stop.

    A pipe wakes who waits: `threading.Event.set` in a signal handler can meet its own lock, held by the same thread.
    """

    def __init__(self, first: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._first = first
        self._clock = clock
        self._asked_at: float | None = None
        self._woken, self._wake = os.pipe()

    def asked(self) -> bool:
        """Whether the process should stop."""
        return self._asked_at is not None

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until asked to stop: then True."""
        if not self.asked():
            select.select([self._woken], [], [], seconds)
        return self.asked()

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._woken)
        os.close(self._wake)

    def __call__(self, signum: int, _frame: FrameType | None = None) -> None:
        """The signal handler: the first one asks, a later one insists (SystemExit)."""
        if self._asked_at is None:
            self._asked_at = self._clock()
            os.write(self._wake, b".")
            self._first()
        elif self._clock() - self._asked_at > INSIST_SECONDS:
            raise SystemExit(128 + signum)


@contextmanager
def stop_on_signal(first: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """Listen to the signals for as long as the body runs. `first` runs in the handler of the first one; it may raise.

    Only in a process's main thread.
    """
    stop = Stop(first)
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
