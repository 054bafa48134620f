"""How much goes into one call: less when Salesforce is slow or its automation has too much to do, then more again.

The customer's own triggers and flows run once for each collection, and the whole call has ten minutes; calls of over twenty
seconds count against the few that may run at once. So a call that takes long makes the next one smaller. A question that
Salesforce gives up searching for is asked in smaller ones the next time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .soql import MOST_TERMS
from .wire import MOST_HEAVY

MOST_ROWS = 200
LEAST_ROWS = 10
LEAST_TERMS = 50
SLOW_SECONDS = 10.0
QUICK_SECONDS = 4.0


@dataclass(frozen=True)
class Speed:
    """Rows of a collection, and collections of a call."""

    rows: int = MOST_ROWS
    collections: int = MOST_HEAVY

    @property
    def call(self) -> int:
        """Rows of a call."""
        return self.rows * self.collections


def slower(speed: Speed) -> Speed:
    """Half as much in a call: fewer collections first, then smaller ones."""
    if speed.collections > 1:
        return replace(speed, collections=speed.collections // 2)
    return lighter(speed)


def lighter(speed: Speed) -> Speed:
    """Half as much in a collection: what runs once for each of them has half as much to do."""
    return replace(speed, rows=max(LEAST_ROWS, speed.rows // 2))


def faster(speed: Speed) -> Speed:
    """More again: larger collections first, then one more of them."""
    if speed.rows < MOST_ROWS:
        return replace(speed, rows=min(MOST_ROWS, speed.rows * 2))
    return replace(speed, collections=min(MOST_HEAVY, speed.collections + 1))


def after_call(speed: Speed, rows: int, seconds: float) -> Speed:
    """What the time of one call teaches. A call that was far from full says nothing about fuller ones."""
    if seconds > SLOW_SECONDS:
        return slower(speed)
    if seconds < QUICK_SECONDS and 2 * rows >= speed.call:
        return faster(speed)
    return speed


class Pace:
    """The speed of one org, as its calls have taught it so far."""

    def __init__(self) -> None:
        self.speed = Speed()
        self.terms = MOST_TERMS  # things to look for in one statement

    def took(self, rows: int, seconds: float) -> None:
        """A call of so many rows was answered."""
        self.speed = after_call(self.speed, rows, seconds)

    def timed_out(self) -> None:
        """A call was not answered in time."""
        self.speed = slower(slower(self.speed))

    def crowded(self) -> None:
        """Too many long calls run at once, ours perhaps among them."""
        self.speed = slower(self.speed)

    def overloaded(self) -> None:
        """The customer's automation ran out of Salesforce's limits."""
        self.speed = lighter(self.speed)

    def asked(self) -> None:
        """A batch's questions were answered."""
        self.terms = min(MOST_TERMS, self.terms * 2)

    def asked_too_much(self) -> None:
        """Salesforce gave up searching."""
        self.terms = max(LEAST_TERMS, self.terms // 4)
