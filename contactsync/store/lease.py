"""One worker's lease of one org, kept alive while the CRM takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.engine import Connection as Db
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contactsync.store.engine import writing
from contactsync.store.queue import LeaseLost, OrgLease, drop_lease, hold_lease, take_lease


class HeldLease:
    """A lease that this process holds. Every write of the sync goes through `writing`, which holds the lease first."""

    def __init__(self, engine: Engine, lease: OrgLease, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._lease = lease
        self._now = now
        self._dropped = False

    @contextmanager
    def writing(self) -> Iterator[Db]:
        """A transaction in which no other worker can write for this org. Raises LeaseLost."""
        with writing(self._engine) as db:
            hold_lease(db, self._lease, self._now())
            yield db

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
    with writing(engine) as db:
        taken = take_lease(db, lease, now())
    if not taken:
        yield None
        return
    held = HeldLease(engine, lease, now)
    try:
        yield held
    finally:
        held.drop(even_if_knocked=True)
