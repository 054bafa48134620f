"""Whether an org's inbox has room: what waits there is bounded, so that no sender fills the database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from contactsync.config import IntakeConfig
from contactsync.intake.keyring import REMEMBERED, asking
from contactsync.log import logger
from contactsync.store.backlog import Backlog, backlog
from contactsync.store.engine import Engine

MOST_PAUSE = timedelta(seconds=30)
SHARE = 50
"""Looking takes a fiftieth of a process's time at the most: it costs as much as waits."""

MOST_ORGS = 10_000

log = logger(__name__)


@dataclass(frozen=True)
class Seen:
    """What a process knows of an org's inbox: what waited when it looked, with what it kept itself since."""

    backlog: Backlog
    looked_at: datetime
    look_again: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it may still be gone by. A clock that was set back makes it old, too."""
        return self.looked_at <= now < self.look_again

    def with_one(self, size: int) -> Seen:
        """One more was kept."""
        more = Backlog(self.backlog.deliveries + 1, self.backlog.size + size)
        return Seen(more, self.looked_at, self.look_again)


def pause(took: float) -> timedelta:
    """For how long what was seen is gone by, when looking took so many seconds."""
    return min(max(REMEMBERED, timedelta(seconds=SHARE * took)), MOST_PAUSE)


def is_full(waits: Backlog, limits: IntakeConfig) -> bool:
    """Whether no more is let in."""
    return waits.part_of(limits.most_waiting, limits.most_waiting_megabytes) >= 1


class Rooms:
    """The inboxes of all orgs, as this process knows them."""

    def __init__(self, engine: Engine, limits: IntakeConfig) -> None:
        self._engine = engine
        self._limits = limits
        self._seen: dict[int, Seen] = {}

    def full(self, org_id: int, now: datetime) -> bool:
        """Whether the org's inbox takes nothing now. Raises CannotKeep when the database does not answer."""
        seen = self._seen.get(org_id)
        if seen is None or not seen.holds(now):
            seen = self._look(org_id, now)
        return is_full(seen.backlog, self._limits)

    def kept(self, org_id: int, size: int) -> None:
        """A delivery with a body of so many bytes was kept as accepted."""
        seen = self._seen.get(org_id)
        if seen is not None:
            self._seen[org_id] = seen.with_one(size)

    def _look(self, org_id: int, now: datetime) -> Seen:
        began = time.monotonic()
        with asking(self._engine) as db:
            waits = backlog(db, org_id)
        seen = Seen(waits, now, now + pause(time.monotonic() - began))
        if is_full(waits, self._limits):
            log.warning("inbox full", org=org_id, deliveries=waits.deliveries, bytes=waits.size)
        if len(self._seen) >= MOST_ORGS:
            self._seen.clear()
        self._seen[org_id] = seen
        return seen
