"""What a worker's turn with an org came to, added up until the next transaction that records outcomes takes it along."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from contactsync.domain.crm import Action, Step, StepResult
from contactsync.store.ledger import Recorded
from contactsync.store.tally import Counted, Tallied

BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0)
"""Upper bounds, in seconds, of how long a webhook took to reach the CRM."""

BEYOND = "+Inf"


def bucket_of(seconds: float) -> str:
    """The label of the first bucket that it fits into."""
    return next((f"{bound:g}" for bound in BUCKETS if seconds <= bound), BEYOND)


class Tallies:
    """Counts in memory; what is lost with the process is missing from the metrics and nowhere else."""

    def __init__(self, stopwatch: Callable[[], float] = time.perf_counter) -> None:
        self._stopwatch = stopwatch
        self._counted: dict[tuple[Tallied, str], tuple[int, float]] = {}

    def add(self, name: Tallied, label: str, count: int = 1, seconds: float = 0.0) -> None:
        """Count so many more."""
        before, took = self._counted.get((name, label), (0, 0.0))
        self._counted[name, label] = (before + count, took + seconds)

    def recorded(self, entries: Iterable[Recorded]) -> None:
        """Count outcomes, and how many of them came of a further attempt."""
        for one in entries:
            self.add(Tallied.OUTCOMES, f"{one.subject}:{one.outcome.status.value}")
            if one.attempt > 1:
                self.add(Tallied.RETRIES, one.subject)

    def absorbed(self, absorbed: int, failed: int) -> None:
        """Count deliveries that were brought into the source records, and those that could not be."""
        for label, count in (("absorbed", absorbed), ("failed", failed)):
            if count:
                self.add(Tallied.DELIVERIES, label, count)

    def written(self, steps: Mapping[str, Step], results: Mapping[str, StepResult]) -> None:
        """Count the rows that the CRM took."""
        for step_id, step in steps.items():
            result = results.get(step_id)
            if step.action is not Action.LEAVE and result is not None and result.ok:
                self.add(Tallied.ROWS, step.action.value)

    def arrived(self, seconds: float) -> None:
        """Count a webhook that reached the CRM after so long."""
        self.add(Tallied.ARRIVALS, bucket_of(seconds), seconds=max(0.0, seconds))

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        """Count a phase, with the time that its body takes, however it ends."""
        began = self._stopwatch()
        try:
            yield
        finally:
            self.add(Tallied.PHASES, phase, seconds=max(0.0, self._stopwatch() - began))

    def take(self) -> list[Counted]:
        """All that was counted since the last time."""
        counted, self._counted = self._counted, {}
        return [Counted(name, label, count, seconds) for (name, label), (count, seconds) in counted.items()]
