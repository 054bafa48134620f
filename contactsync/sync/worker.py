"""The worker process: answers bells with sync_org, and says that it is alive."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from contactsync import __version__
from contactsync.bell import answer_bells, versions
from contactsync.log import described, logger
from contactsync.redis_server import find_redis
from contactsync.stopping import GRACE_SECONDS, ended_in_time
from contactsync.store.beats import WORKER, DatabaseAway, let_go, reaching_database, take
from contactsync.store.engine import Engine, writing
from contactsync.store.lease import LeaseWatch
from contactsync.sync.org import sync_org
from contactsync.sync.parts import Parts

BEAT_SECONDS = 10.0
BEATS_MISSED = 3
"""A worker is taken to be dead when so many beats have not come."""

log = logger(__name__)


def run_worker(parts: Parts, *, burst: bool = False) -> None:
    """Answer bells until SIGTERM or SIGINT; with `burst`, until none is left. Raises Misconfigured.

    A signal ends it at once when it waits, after the batch under way when it works. When that does not end in time, because
    the CRM hangs in a call or the database is away, the process ends all the same. It does not give its lease back then:
    the call may still take effect, and nobody may look up and write again before the lease has run out.
    """
    under_way: list[int] = []

    def answer(org_id: int, stop: Callable[[], bool]) -> bool:
        under_way.append(org_id)
        try:
            return sync_org(parts, org_id, stop)
        finally:
            under_way.clear()

    place = find_redis(parts.settings.redis_url, parts.settings.var)
    name = WORKER + secrets.token_hex(6)

    def last_words() -> None:
        log.warning("worker did not end in time", worker=name, seconds=GRACE_SECONDS, orgs=list(under_way))

    log.info("worker started", worker=name, pid=os.getpid(), contactsync=__version__, **versions())
    with ended_in_time(last_words):
        try:
            with beating(parts.engine, name, parts.now, watch=LeaseWatch(parts.settings.config.sync.lease_seconds)):
                answer_bells(place, answer, parts.bell.ring, burst=burst)
        finally:
            place.leave()
            log.info("worker stopped", worker=name)


def process_name() -> str:
    """Where a process runs, for people who look for it; never longer than 64 characters."""
    return f"{socket.gethostname()[:50]}:{os.getpid()}"


@contextmanager
def beating(
    engine: Engine,
    name: str,
    now: Callable[[], datetime],
    seconds: float = BEAT_SECONDS,
    watch: LeaseWatch | None = None,
) -> Iterator[None]:
    """Say every so often that this process is alive, from a thread: a batch may take minutes.

    `watch`: beside the clock each worker frees what dead ones hold. The database may be away: the beats come again when it is
    back.
    """
    over = threading.Event()
    owner = process_name()

    def beat() -> None:
        while True:
            try:
                with reaching_database():
                    with writing(engine) as db:
                        take(db, name, owner, now(), seconds * BEATS_MISSED)
                    for org_id in watch.free_unprolonged(engine) if watch is not None else ():
                        log.warning("lease freed", org=org_id)
            except DatabaseAway as error:
                log.warning("beat missed", worker=name, **described(error))
            if over.wait(seconds):
                return

    thread = threading.Thread(target=beat, name=f"beat of {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(DatabaseAway), reaching_database(), writing(engine) as db:
            let_go(db, name, owner)
