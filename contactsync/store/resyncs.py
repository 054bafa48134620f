"""Sets of contacts that go again: chosen by a filter, fed into the queue bit by bit, so that webhooks keep their turn.

A resync is a cursor over the org's contacts, in the order of their ids: one that stops anywhere goes on where it was. What
is fed is due as any other contact is. When it comes to its end, the events and meetings of the filter go too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.errors import RefusedInput
from contactsync.domain.records import SyncStatus
from contactsync.store import releases
from contactsync.store import tables as t
from contactsync.store.due import chunks, mark_events_due, mark_meetings_due
from contactsync.store.queue import mark_due
from contactsync.store.releases import Held
from contactsync.store.views_contacts import taking_part

MOST_IDS = 10_000
"""A filter names at most so many contacts."""


@dataclass(frozen=True)
class ResyncFilter:
    """Which contacts: all that is said must hold; `all` alone takes every one.

    `event`: the event platform's id of one they take part in; `status`: how their sync stands; `problem`: the key of what
    holds them (Problem.key); `since`, `until`: when they last changed here, the second not included; `ids`: the event
    platform's ids. Contacts deleted at the source are never among them.
    """

    event: str | None = None
    status: SyncStatus | None = None
    problem: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()
    all: bool = False

    def __post_init__(self) -> None:
        said = [name for name, value in asdict(self).items() if name != "all" and value not in (None, ())]
        if self.all and said:
            raise RefusedInput("the filter contradicts itself", {"all": f"leave it out, or leave {said[0]} out"})
        if not self.all and not said:
            raise RefusedInput("the filter is empty", {"all": "say which contacts, or all: true for every one"})
        if len(self.ids) > MOST_IDS:
            raise RefusedInput("the filter is too long", {"ids": f"at most {MOST_IDS:,} in one resync"})
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise RefusedInput("the filter takes nothing", {"until": "must be later than since"})

    def as_json(self) -> dict[str, Any]:
        """What is said, for the database and the API."""
        shown: dict[str, Any] = {name: value for name, value in asdict(self).items() if value not in (None, (), False)}
        for name in ("since", "until"):
            if name in shown:
                shown[name] = shown[name].isoformat().replace("+00:00", "Z")
        return {**shown, **({"ids": list(self.ids)} if self.ids else {})}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> ResyncFilter:
        """The filter out of the database."""
        said = dict(kept)
        for name in ("since", "until"):
            if name in said:
                said[name] = datetime.fromisoformat(said[name])
        if "status" in said:
            said["status"] = SyncStatus(said["status"])
        return cls(**{**said, "ids": tuple(said.get("ids", ()))})


@dataclass(frozen=True)
class Resync:
    """How far a resync is. `fed` of `total` contacts are in the queue or through it; `waiting` of them still wait there.

    `state`: going | ended | cancelled; `done` counts those that are through, whatever came of them.
    """

    id: int
    filter: ResyncFilter
    forced: bool
    total: int
    fed: int
    waiting: int
    state: str
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def done(self) -> int:
        """How many are through."""
        return max(0, self.fed - self.waiting)


def start(db: Db, org_id: int, which: ResyncFilter, forced: bool, now: datetime) -> int:
    """Begin a resync of what the filter takes now; answers its number. `forced`: also what has not changed since."""
    last_id = db.execute(_newest(org_id)).scalar() or 0
    total = db.execute(
        sa.select(sa.func.count()).select_from(_chosen(org_id, which, 0, last_id).subquery())
    ).scalar_one()
    row = {"org_id": org_id, "filter": which.as_json(), "forced": forced, "last_id": last_id, "total": total}
    return int(db.execute(sa.insert(t.resync).values(**row, created_at=now).returning(t.resync.c.id)).scalar_one())


def first_of(db: Db, org_id: int, which: ResyncFilter, most: int) -> tuple[int, ...]:
    """The rows' keys of the first contacts that the filter takes now."""
    last_id = db.execute(_newest(org_id)).scalar() or 0
    return tuple(db.execute(_chosen(org_id, which, 0, last_id, most)).scalars())


def feed(db: Db, org_id: int, now: datetime, room: int) -> int:
    """Put up to `room` contacts of the org's resyncs under way into the queue, the oldest resync first; answers how many.

    One that has none left is ended, and the next one takes the room that it leaves.
    """
    going = (
        sa.select(t.resync).where(t.resync.c.org_id == org_id, t.resync.c.ended_at.is_(None)).order_by(t.resync.c.id)
    )
    fed = 0
    for row in db.execute(going.with_for_update()).all():
        if fed >= room:
            break
        fed += _feed_one(db, row, now, room - fed)
    return fed


def _feed_one(db: Db, row: sa.Row[Any], now: datetime, room: int) -> int:
    which = ResyncFilter.from_json(row.filter)
    ids = list(db.execute(_chosen(row.org_id, which, row.cursor, row.last_id, room)).scalars())
    changed: dict[str, Any] = {"fed": row.fed + len(ids)}
    if ids:
        changed["cursor"] = ids[-1]
        for some in chunks(ids):
            mark_due(db, row.org_id, t.contact.c.id.in_(some), now, forced=row.forced, by_key=True)
    if len(ids) < room:
        changed |= {"ended_at": now, "total": changed["fed"]}
        _feed_records(db, row.org_id, which, now, forced=row.forced)
    db.execute(sa.update(t.resync).where(t.resync.c.id == row.id).values(**changed))
    return len(ids)


def progress(db: Db, org_id: int, resync_id: int) -> Resync | None:
    """How far one resync is; None: the org has none of that number."""
    row = db.execute(sa.select(t.resync).where(t.resync.c.org_id == org_id, t.resync.c.id == resync_id)).first()
    return None if row is None else _resync(db, row)


def active(db: Db, org_id: int) -> tuple[Resync, ...]:
    """Those under way, the one that is fed first."""
    going = sa.select(t.resync).where(t.resync.c.org_id == org_id, t.resync.c.ended_at.is_(None))
    return tuple(_resync(db, row) for row in db.execute(going.order_by(t.resync.c.id)).all())


def cancel(db: Db, org_id: int, resync_id: int, now: datetime) -> bool:
    """Feed it no further; what is in the queue already stays there. False: none of that number is under way."""
    here = (t.resync.c.org_id == org_id, t.resync.c.id == resync_id, t.resync.c.ended_at.is_(None))
    return db.execute(sa.update(t.resync).where(*here).values(ended_at=now, cancelled=True)).rowcount == 1


# ── which ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _newest(org_id: int) -> sa.Select[Any]:
    """The org's newest contact: one end of an index range per status, instead of all that everybody has."""
    ends = [
        sa.select(
            sa.select(sa.func.max(t.contact.c.id))
            .where(t.contact.c.org_id == org_id, t.contact.c.status == status)
            .scalar_subquery()
            .label("id")
        )
        for status in SyncStatus
    ]
    return sa.select(sa.func.max(sa.union_all(*ends).subquery().c.id))


def _chosen(org_id: int, which: ResyncFilter, after: int, last_id: int, most: int | None = None) -> sa.Select[Any]:
    """The ids of the contacts above `after` that the filter takes: all, or the first `most`."""
    c = t.contact.c
    held = [c.org_id == org_id, c.id > after, c.id <= last_id]
    if which.problem is not None:
        held.append(c.problem_key == which.problem)
    if which.since is not None:
        held.append(c.updated_at >= which.since)
    if which.until is not None:
        held.append(c.updated_at < which.until)
    if which.ids:
        held.append(c.source_id.in_(which.ids))
    # One range of the index (org_id, status, id) per status, where nothing else narrows it down.
    every = which.status is None and which.event is None and which.problem is None and not which.ids
    ranges = []
    for status in SyncStatus if every else [which.status]:
        here = sa.and_(*held, *([] if status is None else [c.status == status]))
        if status in (
            None,
            SyncStatus.EXCLUDED,
        ):  # who was deleted is excluded: the others are read off the index alone
            here = sa.and_(here, c.deleted.is_(False))
        part = (
            sa.select(taking_part(org_id, which.event, here).subquery().c.id)
            if which.event
            else sa.select(c.id).where(here)
        )
        first = part.order_by(part.selected_columns.id).limit(most) if most is not None else part
        ranges.append(sa.select(first.subquery().c.id))
    merged = sa.union_all(*ranges).subquery()
    return sa.select(merged.c.id).order_by(merged.c.id).limit(most)


def _feed_records(db: Db, org_id: int, which: ResyncFilter, now: datetime, *, forced: bool) -> None:
    """The filter's own events and meetings."""
    narrowed = (which.status, which.since, which.until, which.ids or None)
    if any(one is not None for one in narrowed):
        return
    if which.all:
        mark_events_due(db, org_id, t.event.c.sync_status.is_(None), now, forced=forced)
        rest = Held(statuses=tuple(SyncStatus), subjects=("event", "meeting"), deleted=False, forced=forced)
        releases.release(db, org_id, rest, now)
    elif which.event is not None and which.problem is None:
        mark_events_due(db, org_id, t.event.c.source_id == which.event, now, forced=forced)
        mark_meetings_due(db, org_id, t.meeting.c.event_id == which.event, now, forced=forced)
    elif which.problem is not None and which.event is None:
        rest = Held(problems=(which.problem,), subjects=("event", "meeting"), forced=forced)
        releases.release(db, org_id, rest, now)


# ── how far ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _resync(db: Db, row: sa.Row[Any]) -> Resync:
    waits = (t.contact.c.org_id == row.org_id, t.contact.c.status == SyncStatus.QUEUED, t.contact.c.id <= row.cursor)
    some = sa.select(t.contact.c.id).where(*waits).limit(row.fed)
    waiting = db.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one() if row.fed else 0
    return Resync(
        id=row.id,
        filter=ResyncFilter.from_json(row.filter),
        forced=row.forced,
        total=row.total,
        fed=row.fed,
        waiting=waiting,
        state="cancelled" if row.cancelled else "going" if row.ended_at is None else "ended",
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def resyncs(db: Db, org_id: int, limit: int, before: int | None = None) -> tuple[Resync, ...]:
    """The org's resyncs, newest first, at most `limit` below the number `before`."""
    query = sa.select(t.resync).where(t.resync.c.org_id == org_id)
    if before is not None:
        query = query.where(t.resync.c.id < before)
    return tuple(_resync(db, row) for row in db.execute(query.order_by(t.resync.c.id.desc()).limit(limit)).all())
