"""Rings go off the webhook's path: soon, few, and never before what they are for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from contactsync.intake.ringing import Ringing
from tests.fixtures.waiting import wait_until
from tests.intake.conftest import HandBell


def ringing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ringing"]


def test_every_org_that_was_named_is_rung_for():
    bell = HandBell()
    ringing = Ringing(bell)
    for org_id in (1, 2, 3):
        ringing.soon(org_id)
    assert bell.heard(1, 2, 3)


def test_a_burst_rings_a_few_times_only():
    bell = HandBell()
    ringing = Ringing(bell)
    for _ in range(10_000):
        ringing.soon(1)
    ringing.soon(2)
    wait_until(lambda: 2 in bell.rung, 10, "the last one is rung for")
    assert 1 <= bell.rung.count(1) < 1_000


class WatchingBell:
    """At every ring it looks at what was committed by then, as a worker does."""

    def __init__(self) -> None:
        self.committed = 0
        self.seen = 0

    def ring(self, org_id: int) -> bool:
        self.seen = self.committed
        return True


def test_no_commit_is_left_without_a_ring_after_it():
    bell = WatchingBell()
    ringing = Ringing(bell)
    lock = threading.Lock()

    def commit(_: int) -> None:
        with lock:
            bell.committed += 1
        ringing.soon(1)

    for round_ in range(1, 21):
        with ThreadPoolExecutor(8) as senders:
            list(senders.map(commit, range(50)))
        wait_until(lambda: bell.seen == bell.committed, 10, f"round {round_}: the last commit was seen")
    assert bell.seen == 1_000


class HangingBell(HandBell):
    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def ring(self, org_id: int) -> bool:
        self.goes_on.wait(10)
        return super().ring(org_id)


def test_a_bell_that_hangs_holds_up_nobody():
    bell = HangingBell()
    ringing = Ringing(bell)
    for org_id in range(100):
        ringing.soon(org_id)
    assert bell.rung == [], "all were named while it hung"
    bell.goes_on.set()
    assert bell.heard(*range(100))


def test_the_thread_ends_when_nobody_comes_and_another_one_rings_the_next_time():
    bell = HandBell()
    ringing = Ringing(bell, idle=0.01)
    before = set(ringing_threads())
    ringing.soon(1)
    assert bell.heard(1)
    wait_until(lambda: set(ringing_threads()) <= before, 10, "the thread has ended")
    ringing.soon(2)
    assert bell.heard(1, 2)
