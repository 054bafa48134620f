"""What happened in each hour, for the console's charts. Counted in the transaction of what it counts, so that both are true or
neither is. The worker that holds an org's lease writes these rows; those of rejected webhooks the door writes (store/inbox.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Db

from contactsync.domain.records import SyncStatus
from contactsync.store import tables_console as t
from contactsync.store.ledger import Recorded
from contactsync.store.tally import Counted, Tallied

KEPT = timedelta(days=90)
"""For how long hours are kept."""


class Hourly(StrEnum):
    """What is counted, and what its labels are."""

    DELIVERIES = "deliveries"  # absorbed | failed | rejected, in the hour in which the webhook came
    SYNCED = "synced"  # contact | event | meeting: the CRM was asked and has it
    PROBLEMS = "problems"  # contact | event | meeting: a person is needed
    ARRIVALS = "arrivals"  # the bucket's upper bound in seconds: from webhook to CRM


@dataclass(frozen=True)
class HourCount:
    """So many in the hour that begins at `hour` (UTC). `seconds`: their sum, of what takes time."""

    hour: datetime
    name: Hourly
    label: str
    count: int
    seconds: float = 0.0


def hour_of(at: datetime) -> datetime:
    """When the hour of this time began, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def of_outcomes(done: Iterable[Recorded], at: datetime) -> list[HourCount]:
    """What came of records. One that is as it was, so that the CRM was not asked, is no sync."""
    counted: Counter[tuple[Hourly, str]] = Counter()
    for one in done:
        status = one.outcome.status
        if status is SyncStatus.SYNCED and one.run is not None:
            counted[Hourly.SYNCED, one.subject] += 1
        elif status is SyncStatus.NEEDS_ATTENTION:
            counted[Hourly.PROBLEMS, one.subject] += 1
    return [HourCount(hour_of(at), name, label, count) for (name, label), count in counted.items()]


def of_arrivals(tallied: Iterable[Counted], at: datetime) -> list[HourCount]:
    """How long webhooks took to reach the CRM, out of what was tallied."""
    return [
        HourCount(hour_of(at), Hourly.ARRIVALS, one.label, one.count, one.seconds)
        for one in tallied
        if one.name is Tallied.ARRIVALS
    ]


def of_deliveries(came: Iterable[datetime], label: str) -> list[HourCount]:
    """Webhooks that came at these times and fared as the label says."""
    return [
        HourCount(hour, Hourly.DELIVERIES, label, count) for hour, count in Counter(hour_of(at) for at in came).items()
    ]


def add(db: Db, org_id: int, counted: Sequence[HourCount]) -> None:
    """Add to an org's hours, each hour, name and label once: one statement, none when there is nothing to add."""
    if not counted:
        return
    rows = [
        {
            "org_id": org_id,
            "hour": one.hour,
            "name": one.name.value,
            "label": one.label,
            "count": one.count,
            "seconds": one.seconds,
        }
        for one in sorted(counted, key=lambda one: (one.hour, one.name, one.label))
    ]
    insert: Any = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    statement = insert(t.hourly).values(rows)
    added = {column: t.hourly.c[column] + statement.excluded[column] for column in ("count", "seconds")}
    db.execute(statement.on_conflict_do_update(index_elements=["org_id", "hour", "name", "label"], set_=added))


def since(db: Db, org_id: int, start: datetime) -> tuple[HourCount, ...]:
    """Everything that an org counted from the hour of `start` on, in the order of time: one range of the primary key."""
    c = t.hourly.c
    query = (
        sa.select(c.hour, c.name, c.label, c.count, c.seconds)
        .where(c.org_id == org_id, c.hour >= hour_of(start))
        .order_by(c.hour, c.name, c.label)
    )
    known = {name.value: name for name in Hourly}  # a newer version may count more
    rows = db.execute(query)
    return tuple(HourCount(hour, known[name], *rest) for hour, name, *rest in rows if name in known)


def gathered(db: Db, org_id: int, starts: Sequence[datetime]) -> tuple[HourCount, ...]:
    """What an org counted from each of these times until the next, and from the last one on. `hour` is that time. In the order
    of time; as many rows as there are times and labels, whatever lies between.
    """
    if not starts:
        return ()
    c = t.hourly.c
    before = [(c.hour < end, index) for index, end in enumerate(starts[1:])]
    place = (sa.case(*before, else_=len(starts) - 1) if before else sa.literal(0)).label("place")
    sums = (sa.func.sum(c.count), sa.func.sum(c.seconds))
    query = (
        sa.select(place, c.name, c.label, *sums)
        .where(c.org_id == org_id, c.hour >= starts[0])
        .group_by(place, c.name, c.label)
        .order_by(place, c.name, c.label)
    )
    known = {name.value: name for name in Hourly}
    return tuple(
        HourCount(starts[index], known[name], label, int(count), float(seconds))
        for index, name, label, count, seconds in db.execute(query)
        if name in known
    )


def delete_before(db: Db, org_id: int, before: datetime) -> int:
    """Delete the hours of before a time; answers how many rows. There are some twenty an hour at most."""
    c = t.hourly.c
    return db.execute(sa.delete(t.hourly).where(c.org_id == org_id, c.hour < before)).rowcount
