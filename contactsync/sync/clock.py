"""The clock process: whatever bell was lost is rung again, so that Redis and RQ may lose anything (invariant I5)."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from contactsync import __version__
from contactsync.log import described, logger
from contactsync.stopping import GRACE_SECONDS, ended_in_time, leave_at_once, stop_on_signal
from contactsync.store import counts
from contactsync.store.beats import CLOCK, DatabaseAway, forget_dead_workers, let_go, reaching_database, take
from contactsync.store.engine import reading, writing
from contactsync.store.lease import LeaseWatch
from contactsync.store.queue import orgs_with_work
from contactsync.store.setting_back import pull_in, too_far_ahead
from contactsync.sync.keeping import House, keep_house
from contactsync.sync.parts import Parts
from contactsync.sync.worker import process_name

LONGEST_PAUSE = timedelta(hours=2)
"""Longer than a CRM is ever left alone."""

DEAD_WORKER_KEPT = timedelta(minutes=10)
"""For how long status says that a worker is missing."""

log = logger(__name__)


@dataclass(frozen=True)
class Tick:
    """What one turn of the clock came to. Of several clocks one leads and the others stand by."""

    leads: bool = False
    database: bool = True
    bell: bool = True
    rung: int = 0


def lease_seconds(clock_seconds: float) -> float:
    """How long a clock that was heard of leads: two turns may be late, the third must not."""
    return 3 * clock_seconds + 1


def pause(clock_seconds: float, took: float) -> float:
    """How long to wait after a turn that took so long: turns begin at even distances, and never at once."""
    return max(clock_seconds - took, clock_seconds / 10)


def news(before: Tick, now: Tick) -> tuple[str, ...]:
    """What changed between two turns, in the words of the log; each is said once and not at every turn."""
    said = (
        (now.leads and not before.leads, "clock leads"),
        (before.leads and not now.leads and now.database, "clock stands by"),
        (before.database and not now.database, "database lost"),
        (now.database and not before.database, "database back"),
        (before.bell and not now.bell, "bell lost"),
        (now.bell and not before.bell, "bell back"),
    )
    return tuple(words for happened, words in said if happened)


def run_clock(parts: Parts) -> None:
    """Ring until SIGTERM or SIGINT.

        until asked to stop:
            take the clock's lease or keep it; another clock has it: stand by
            forget workers that died long ago, and free the leases of those that died lately
            have what waits for a time that only a wrong clock can have said come now
            ring every org that has work and that nobody syncs
            gather what the database counted
            take away what is kept no longer, a little at a time
            wait for the next turn

    The database and Redis may be away at any time: the next turn tries again.
    """
    owner = f"{process_name()}:{secrets.token_hex(4)}"
    every = parts.settings.config.sync.clock_seconds
    last = Tick()
    house = House()
    watch = LeaseWatch(parts.settings.config.sync.lease_seconds)
    log.info("clock started", pid=os.getpid(), contactsync=__version__, every=every)
    with ended_in_time(_last_words), stop_on_signal(second=leave_at_once) as stop:
        while not stop.asked():
            began = time.monotonic()
            this = tick(parts, owner, house, watch)
            for words in news(last, this):
                log.info(words)
            last = this
            stop.wait(pause(every, time.monotonic() - began))
        with suppress(DatabaseAway), reaching_database(), writing(parts.engine) as db:
            let_go(db, CLOCK, owner)
    log.info("clock stopped")


def _last_words() -> None:
    """The database or Redis holds a turn up; another clock takes the lead when this one's lease has run out."""
    log.warning("clock did not end in time", seconds=GRACE_SECONDS)


def tick(parts: Parts, owner: str, house: House | None = None, watch: LeaseWatch | None = None) -> Tick:
    """One turn. `house`, `watch`: what this clock remembers of its rounds, and of the leases that it saw."""
    now = parts.now()
    try:
        with reaching_database(), writing(parts.engine) as db:
            leads = take(db, CLOCK, owner, now, lease_seconds(parts.settings.config.sync.clock_seconds))
            if leads:
                forget_dead_workers(db, now - DEAD_WORKER_KEPT, now + DEAD_WORKER_KEPT)
        if not leads:
            return Tick()
        with reaching_database():
            if watch is not None:
                _told(watch.free_unprolonged(parts.engine))
            with reading(parts.engine) as db:
                waits_too_long = too_far_ahead(db, now + _furthest(parts))
            if waits_too_long:
                with writing(parts.engine) as db:
                    pull_in(db, now, now + _furthest(parts))
                log.warning("clock was set back: what waited for a time far ahead is due now")
            with reading(parts.engine) as db:
                waiting = orgs_with_work(db, now)
    except DatabaseAway as error:
        log.warning("turn missed", **described(error))
        return Tick(database=False)
    rung, heard = _ring(parts, waiting)
    try:
        with reaching_database():
            with writing(parts.engine) as db:
                counts.fold(db)
            keep_house(parts, now, house or House())
    except DatabaseAway as error:
        log.warning("house not kept", **described(error))
    return Tick(leads=True, bell=heard, rung=rung)


def _told(freed: Iterable[int]) -> None:
    for org_id in freed:
        log.warning("lease freed", org=org_id)


def _furthest(parts: Parts) -> timedelta:
    """No retry and no pause lies further ahead, unless a clock went wrong."""
    return max(LONGEST_PAUSE, timedelta(seconds=2 * parts.settings.config.sync.retry_most_seconds))


def _ring(parts: Parts, waiting: Iterable[int]) -> tuple[int, bool]:
    """How many were rung for, and whether the bell is heard."""
    rung = 0
    for org_id in waiting:
        if not parts.bell.ring(org_id):
            return rung, False  # the others would not be heard either
        rung += 1
    return rung, True
