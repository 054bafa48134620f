"""Ringing off the webhook's path: whoever sends need not wait for Redis, and a burst rings once, not for each webhook."""

from __future__ import annotations

import threading
import time
from typing import Protocol

PAUSE = 0.005
"""Seconds between two rounds of rings: webhooks that come meanwhile share a ring."""

IDLE = 5.0
"""Seconds without a ring after which the thread ends; the next ring starts another."""


class Ringer(Protocol):
    """Says "this org has work" to the workers."""

    def ring(self, org_id: int) -> bool:
        """Never raises; False when it could not."""
        ...


class Ringing:
    """Rings for orgs from a thread of its own, at once when it is idle, else with the next round.

    A ring costs a webhook more than its decoding (measured: two processes that have to wake each other), and when Redis
    hangs it costs until the time-out. The thread is started by the first ring, so a fork before it does no harm. A process
    that dies before it rang has kept what it accepted: the clock rings.
    """

    def __init__(self, bell: Ringer, idle: float = IDLE) -> None:
        self._bell = bell
        self._idle = idle
        self._changed = threading.Condition()
        self._named: set[int] = set()
        self._thread: threading.Thread | None = None

    def soon(self, org_id: int) -> None:
        """Ring for this org, after whatever was committed before this call."""
        with self._changed:
            if org_id in self._named:
                return
            self._named.add(org_id)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._ring_on, name="ringing", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _ring_on(self) -> None:
        while named := self._next():
            for org_id in named:
                self._bell.ring(org_id)
            time.sleep(PAUSE)

    def _next(self) -> set[int]:
        """Those to ring for; empty when the thread is to end, because nobody came for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._named, self._idle)
            named, self._named = self._named, set()
            if not named:
                self._thread = None
            return named
