"""Being asked to stop: SIGTERM (Heroku, systemd, a supervisor) and SIGINT (Ctrl-C) mean the same.

The first signal asks: what is under way is brought to its end. Who does not come to an end, because a CRM hangs in a call or
the database holds a lock, is ended all the same: `ended_in_time` sees to it from a thread that waits for nothing but the
signals, also while the main thread is stuck in C code that lets no Python handler run. A second signal insists.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
INSIST_SECONDS = 1.0
"""A second signal within this time is the same one: a terminal and a supervisor may both pass it on."""

GRACE_SECONDS = 8.0
"""What is under way when the first signal comes has so long to end: with the last words it is less than 10 seconds."""

LAST_WORDS_SECONDS = 1.0
"""How long a process that is ended may take to say so: whoever reads its log may hang too."""


def insist(signum: int) -> None:
    """End by an exception, so that whoever is on the way out can clear up."""
    raise SystemExit(128 + signum)


def leave_at_once(signum: int) -> None:
    """End without clearing up: whatever is held runs out. A call to a CRM that is under way may still take effect there, so
    a lease must not be given back.
    """
    os._exit(128 + signum)


class Stop:
    """Whether this process was asked to stop.

    A pipe wakes who waits: `threading.Event.set` in a signal handler can meet its own lock, held by the same thread.
    """

    def __init__(
        self,
        first: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        second: Callable[[int], None] = insist,
    ) -> None:
        self._first = first
        self._second = second
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
        """The signal handler: the first one asks, a later one insists."""
        if self._asked_at is None:
            self._asked_at = self._clock()
            os.write(self._wake, b".")
            self._first()
        elif self._clock() - self._asked_at > INSIST_SECONDS:
            self._second(signum)


@contextmanager
def stop_on_signal(first: Callable[[], None] = lambda: None, second: Callable[[int], None] = insist) -> Iterator[Stop]:
    """Listen to the signals for as long as the body runs. `first` runs in the handler of the first one; it may raise. So
    does `second`, for whoever insists.

    Only in a process's main thread.
    """
    stop = Stop(first, second=second)
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


@contextmanager
def ended_in_time(last_words: Callable[[], None], seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """End this process when the body has not ended `seconds` after the first signal, or at once when a second one comes.

    `last_words` says so in the log; it runs in a thread, and the process ends whatever it does. Nothing is cleared up, as by
    `leave_at_once`. The signals need a handler of their own beside this. Only in a process's main thread.
    """
    heard, told = os.pipe()
    for end in (heard, told):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(heard, last_words, seconds), name="end in time", daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.write(told, bytes([_OVER]))
        watch.join()
        os.close(heard)
        os.close(told)


_OVER = 0
"""Beside the numbers of signals in the pipe: the body has ended."""


def _watch(heard: int, last_words: Callable[[], None], seconds: float) -> None:
    first: float | None = None
    while True:
        left = None if first is None else max(0.0, first + seconds - time.monotonic())
        readable, _, _ = select.select([heard], [], [], left)
        if not readable:
            _end(last_words, signal.SIGTERM)
        for number in os.read(heard, 1000) if readable else b"":
            if number == _OVER:
                return
            if number not in SIGNALS:
                continue
            if first is None:
                first = time.monotonic()
            elif time.monotonic() - first > INSIST_SECONDS:
                leave_at_once(number)


def _end(last_words: Callable[[], None], signum: int) -> None:
    saying = threading.Thread(target=last_words, name="last words", daemon=True)
    saying.start()
    saying.join(LAST_WORDS_SECONDS)
    leave_at_once(signum)
