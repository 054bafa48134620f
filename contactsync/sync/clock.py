"""The clock process: whatever bell was lost is rung again, so that Redis and RQ may lose anything (invariant I5)."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from contactsync import __version__
from contactsync.log import described, logger
from contactsync.stopping import stop_on_signal
from contactsync.store.beats import CLOCK, DatabaseAway, forget_dead_workers, let_go, reaching_database, take
from contactsync.store.engine import reading, writing
from contactsync.store.queue import orgs_with_work
from contactsync.sync.parts import Parts
from contactsync.sync.worker import process_name

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
            forget workers that died long ago
            ring every org that has work and that nobody syncs
            wait for the next turn

    The database and Redis may be away at any time: the next turn tries again.
    """
    owner = f"{process_name()}:{secrets.token_hex(4)}"
    every = parts.settings.config.sync.clock_seconds
    last = Tick()
    log.info("clock started", pid=os.getpid(), contactsync=__version__, every=every)
    with stop_on_signal() as stop:
        while not stop.asked():
            began = time.monotonic()
            this = tick(parts, owner)
            for words in news(last, this):
                log.info(words)
            last = this
            stop.wait(pause(every, time.monotonic() - began))
    with suppress(DatabaseAway), reaching_database(), writing(parts.engine) as db:
        let_go(db, CLOCK, owner)
    log.info("clock stopped")


def tick(parts: Parts, owner: str) -> Tick:
    """One turn."""
    now = parts.now()
    try:
        with reaching_database(), writing(parts.engine) as db:
            leads = take(db, CLOCK, owner, now, lease_seconds(parts.settings.config.sync.clock_seconds))
            if leads:
                forget_dead_workers(db, now - DEAD_WORKER_KEPT)
        if not leads:
            return Tick()
        with reaching_database(), reading(parts.engine) as db:
            waiting = orgs_with_work(db, now)
    except DatabaseAway as error:
        log.warning("turn missed", **described(error))
        return Tick(database=False)
    rung = 0
    for org_id in waiting:
        if not parts.bell.ring(org_id):
            return Tick(leads=True, bell=False, rung=rung)  # the others would not be heard either
        rung += 1
    return Tick(leads=True, rung=rung)
