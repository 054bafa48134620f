"""One worker's lease of one org, kept alive while the CRM takes its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contactsync.store.engine import reading, writing
from contactsync.store.queue import (
    LeaseLost,
    OrgLease,
    drop_lease,
    free_lease,
    hold_lease,
    leases_held,
    take_lease,
)


class HeldLease:
    """A lease that this process holds. Every write of the sync goes through `writing`, which holds the lease first.

    `since`: when it was taken, by `monotonic`, which no jump of the wall clock touches.
    """

    def __init__(
        self,
        engine: Engine,
        lease: OrgLease,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        since: float | None = None,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._now = now
        self._monotonic = monotonic
        self._prolonged = monotonic() if since is None else since
        self._dropped = False

    @contextmanager
    def writing(self) -> Iterator[Db]:
        """A transaction in which no other worker can write for this org.

        Raises LeaseLost when somebody else has the lease, or when it was not prolonged for as long as it lasts: it may be
        freed at any moment then, and what was read from the CRM is old.
        """
        began = self._monotonic()
        with writing(self._engine) as db:
            if self._monotonic() - self._prolonged >= self._lease.seconds:
                raise LeaseLost(f"the lease of org {self._lease.org_id} was not prolonged in time")
            hold_lease(db, self._lease, self._now())
            yield db
        self._prolonged = max(self._prolonged, began)  # from before it was asked: nobody else counts from earlier

    def check(self) -> None:
        """Raise LeaseLost if another worker may sync this org by now: asked before each call that writes to the CRM."""
        with self.writing():
            pass

    def drop(self, *, even_if_knocked: bool) -> bool:
        """Let go; False when somebody knocked: look once more."""
        with writing(self._engine) as db:
            self._dropped = drop_lease(db, self._lease, even_if_knocked=even_if_knocked)
        return self._dropped

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Prolong the lease from a thread for as long as the body runs: a composite call may take minutes."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self._lease.seconds / 3):
                try:
                    self.check()
                except LeaseLost:
                    return
                except (DBAPIError, PoolTimeout):
                    continue  # the database is away for a moment; the next write of the sync itself will say so

        thread = threading.Thread(target=beat, name=f"lease of org {self._lease.org_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def org_lease(engine: Engine, lease: OrgLease, now: Callable[[], datetime]) -> Iterator[HeldLease | None]:
    """The lease of an org, or None when another worker has it. Dropped at the end, whatever happens."""
    since = time.monotonic()
    with writing(engine) as db:
        taken = take_lease(db, lease, now())
    if not taken:
        yield None
        return
    held = HeldLease(engine, lease, now, since=since)
    try:
        yield held
    finally:
        held.drop(even_if_knocked=True)


class LeaseWatch:
    """Frees the leases of workers that died or hang: those that stood unchanged for as long as a lease lasts.

    Counted by this process's own monotonic clock from when it first saw them so, which is after they were prolonged: their
    holders, who count from before, have given them up by then, whatever any wall clock says.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._seen: dict[int, tuple[tuple[str, datetime], float]] = {}

    def free_unprolonged(self, engine: Engine) -> tuple[int, ...]:
        """Look at all that are held; answers the orgs whose lease was freed."""
        with reading(engine) as db:
            held = leases_held(db)
        now = self._monotonic()
        before = self._seen
        self._seen = {
            org_id: before[org_id] if org_id in before and before[org_id][0] == stands else (stands, now)
            for org_id, stands in held.items()
        }
        over = [(org_id, *stands) for org_id, (stands, since) in self._seen.items() if now - since >= self._seconds]
        if not over:
            return ()
        with writing(engine) as db:
            return tuple(org_id for org_id, owner, until in over if free_lease(db, org_id, owner, until))
