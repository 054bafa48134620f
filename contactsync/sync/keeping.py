"""Keeping house: what an org keeps no longer is taken away, a little with every turn of the clock that leads."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contactsync.domain.errors import RefusedInput
from contactsync.domain.policy import Policies
from contactsync.log import logger
from contactsync.store import hourly, orgs, retention, unsent
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.sync.parts import Parts

SECONDS = 1.0
"""How long one turn may take: the clock has bells to ring."""

ROWS = 500
"""At most so many rows of one kind in one transaction: the web processes wait for the same write lock on SQLite."""

LOOK_AGAIN = timedelta(minutes=10)
"""An org in which nothing was old is left in peace for so long."""

CONTACTS_AGAIN = timedelta(days=1)
"""The same for its deleted contacts."""

log = logger(__name__)


@dataclass
class House:
    """What a clock remembers of its rounds; a new clock begins with all orgs anew. Nothing is lost with it."""

    look_again: dict[int, datetime] = field(default_factory=dict)
    contacts_again: dict[int, datetime] = field(default_factory=dict)
    contacts_to: dict[int, int] = field(default_factory=dict)  # deleted contacts up to this number were looked at

    def due(self, org_id: int, now: datetime) -> bool:
        """Whether to look at an org now."""
        return _come(self.look_again.get(org_id), now, LOOK_AGAIN)

    def contacts_due(self, org_id: int, now: datetime) -> bool:
        """Whether to look at its deleted contacts, too: those that are empty already have to be passed by each time."""
        return org_id in self.contacts_to or _come(self.contacts_again.get(org_id), now, CONTACTS_AGAIN)


def _come(at: datetime | None, now: datetime, every: timedelta) -> bool:
    # A time beyond the next round was written before the clock was set back.
    return at is None or at <= now or at > now + every


def keep_house(parts: Parts, now: datetime, house: House) -> Counter[str]:
    """Take away some of what is old, for as many orgs as there is time for, in turns; answers what was taken.

    forms that nobody sent again are deleted after an hour
    for each org that is due for a look, until the time is over:
        bodies of deliveries    emptied after keep_bodies_days; never of one that waits
        deliveries              deleted after keep_deliveries_days
        runs                    deleted after keep_runs_days
        deleted contacts        lose their values after keep_bodies_days
        hourly counts           deleted after 90 days
        there was much of it:   once more, after all others had their turn
    """
    over = time.monotonic() + SECONDS
    with reading(parts.engine) as db:
        there = retention.orgs_kept(db)
    waiting = deque(org_id for org_id in there if house.due(org_id, now))
    if waiting:
        with writing(parts.engine) as db:
            unsent.clear(db, now)
    taken: Counter[str] = Counter()
    while waiting and time.monotonic() < over:
        org_id = waiting.popleft()
        did, more = _keep_org(parts, org_id, now, house)
        taken += did
        if more:
            waiting.append(org_id)
        else:
            house.look_again[org_id] = now + LOOK_AGAIN
        if did:
            log.info("old rows removed", org=org_id, **did)
    return taken


def _keep_org(parts: Parts, org_id: int, now: datetime, house: House) -> tuple[Counter[str], bool]:
    """What was taken from one org, and whether there may be more."""
    with reading(parts.engine) as db:
        try:
            policies = orgs.policies(db, org_id)
        except RefusedInput:
            # What another version wrote and this one cannot read: rather keep too much than too little.
            return Counter(), False
    bodies, deliveries, runs = _times(policies, now)
    steps: tuple[tuple[str, Callable[[Db], tuple[int, bool]]], ...] = (
        ("bodies", lambda db: retention.empty_bodies(db, org_id, bodies, now, ROWS)),
        ("deliveries", lambda db: retention.delete_deliveries(db, org_id, deliveries, now, ROWS)),
        ("runs", lambda db: retention.delete_runs(db, org_id, runs, now, ROWS)),
        ("contacts", lambda db: _deleted_contacts(db, org_id, bodies, now, house)),
        ("others", lambda db: (retention.delete_what_is_over(db, org_id, now - timedelta(days=1), runs, ROWS), False)),
        ("hours", lambda db: (hourly.delete_before(db, org_id, now - hourly.KEPT), False)),
    )
    taken: Counter[str] = Counter()
    more = False
    for word, step in steps:
        with writing(parts.engine) as db:
            taken[word], left = step(db)
        more = more or left
    return +taken, more


def _deleted_contacts(db: Db, org_id: int, before: datetime, now: datetime, house: House) -> tuple[int, bool]:
    if not house.contacts_due(org_id, now):
        return 0, False
    after = house.contacts_to.pop(org_id, 0)
    many, going_on = retention.empty_deleted_contacts(db, org_id, before, after, ROWS)
    if going_on is None:
        house.contacts_again[org_id] = now + CONTACTS_AGAIN
    else:
        house.contacts_to[org_id] = going_on
    return many, going_on is not None


def _times(policies: Policies, now: datetime) -> tuple[datetime, datetime, datetime]:
    """Before when bodies, deliveries and runs are old. A body is kept no longer than its delivery."""
    bodies = min(policies.keep_bodies_days, policies.keep_deliveries_days)
    days = (bodies, policies.keep_deliveries_days, policies.keep_runs_days)
    first, second, third = (now - timedelta(days=number) for number in days)
    return first, second, third
