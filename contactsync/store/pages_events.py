"""Events as the console shows them: a page of the list, one event, and how many of its contacts are in the CRM.

To count an event's contacts by status costs a look at each of them. A list counts as many as a page can wait for, the small
events first; the others are counted when somebody asks for one (`share`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.merge import DELETED, from_json, values
from contactsync.domain.records import Scalar, SyncStatus
from contactsync.store import tables as t
from contactsync.store.due import OWN_CAMPAIGN, of_org

PAGE = 25
COUNTED_AT_ONCE = 4_000
"""Attendances that a page may look at: about 30 ms."""

CampaignFrom = Literal["person", "made", "event_platform"]


@dataclass(frozen=True)
class Share:
    """How the sync of an event's contacts stands: how many have which status."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All that are to be in the CRM: those that are left out on purpose are not counted."""
        return sum(many for status, many in self.counts.items() if status != SyncStatus.EXCLUDED)

    @property
    def synced(self) -> int:
        """Those that are there."""
        return self.counts.get(SyncStatus.SYNCED, 0)

    @property
    def percent(self) -> int:
        """The share that is there, 100 only when all are; of nothing, nothing."""
        return self.synced * 100 // self.total if self.total else 0

    def of(self, *statuses: SyncStatus) -> int:
        """How many have one of these statuses."""
        return sum(self.counts.get(status, 0) for status in statuses)


@dataclass(frozen=True)
class EventRow:
    """An event. `fields`: what the event platform says (name, starts_at, …). `attendances`: how many take part at most.
    `share` None: not counted. `making`: a campaign is made for it and is not there yet. `problem` {"cause", "fix", …} None:
    none holds it now.
    """

    key: int
    source_id: str
    name: str
    fields: Mapping[str, Scalar] = field(repr=False)
    known: bool = True
    deleted: bool = False
    campaign_id: str | None = None
    campaign_from: CampaignFrom | None = None
    making: bool = False
    sync_status: str | None = None
    problem: Mapping[str, Any] | None = None
    attendances: int = 0
    meetings: int = 0
    share: Share | None = None


@dataclass(frozen=True)
class EventChoice:
    """Which events: connected to a campaign or not (None: either), with these words in their name."""

    connected: bool | None = None
    words: str = ""


@dataclass(frozen=True)
class EventPage:
    """Some events, newest first, and the key below which the next page starts (None: there is none)."""

    rows: tuple[EventRow, ...]
    following: int | None = None


def event_page(
    db: Db,
    org_id: int,
    choice: EventChoice,
    before: int | None = None,
    limit: int = PAGE,
    *,
    at_once: int = COUNTED_AT_ONCE,
) -> EventPage:
    """A page of an org's events, each with its share as far as a page can wait for it (`at_once` attendances)."""
    where = [t.event.c.org_id == org_id]
    if choice.connected is not None:
        where.append(t.event.c.campaign_id.is_not(None) if choice.connected else t.event.c.campaign_id.is_(None))
    if choice.words:
        where.append(t.event.c.name.icontains(choice.words, autoescape=True))
    if before is not None:
        where.append(t.event.c.id < before)
    ids = sa.select(t.event.c.id).where(*where).order_by(t.event.c.id.desc()).limit(limit + 1)
    query = _rows().where(t.event.c.id.in_(ids)).order_by(t.event.c.id.desc())
    rows = [_row(row) for row in db.execute(query)]
    shown = rows[:limit]
    counted = shares(db, org_id, _countable(shown, at_once))
    return EventPage(
        tuple(_with_share(row, counted) for row in shown), shown[-1].key if len(rows) > limit and shown else None
    )


def event_by_key(
    db: Db, org_id: int, key: int, *, count: bool = False, at_once: int = COUNTED_AT_ONCE
) -> EventRow | None:
    """One event; its share if it is small, or with `count` however long it takes. None: the org has no such event."""
    found = db.execute(_rows().where(of_org(t.event, org_id, by_key=True), t.event.c.id == key)).first()
    if found is None:
        return None
    row = _row(found)
    names = [row.source_id] if count else _countable([row], at_once)
    return _with_share(row, shares(db, org_id, names))


def any_event(db: Db, org_id: int) -> bool:
    """Whether the org has any."""
    return db.execute(sa.select(t.event.c.id).where(t.event.c.org_id == org_id).limit(1)).first() is not None


def shares(db: Db, org_id: int, event_ids: Collection[str]) -> dict[str, Share]:
    """The shares of these events, by the event platform's id, whether they know their contacts by id, address or both."""
    if not event_ids:
        return {}

    def known_by(prefix: str, column: sa.Column[Any]) -> sa.Select[Any]:
        a, c = t.attendance.c, t.contact.c
        bare = sa.func.substr(a.who, len(prefix) + 1)
        return (
            sa.select(a.event_id, c.id, c.status)
            .join_from(t.attendance, t.contact, sa.and_(c.org_id == org_id, column == bare))
            .where(
                a.org_id == org_id, a.event_id.in_(sorted(event_ids)), a.who.startswith(prefix), a.removed.is_(False)
            )
        )

    each = sa.union(
        known_by(who_by_id(""), t.contact.c.source_id), known_by(who_by_email(""), t.contact.c.email)
    ).subquery()
    query = sa.select(each.c.event_id, each.c.status, sa.func.count()).group_by(each.c.event_id, each.c.status)
    counts: dict[str, dict[str, int]] = {event_id: {} for event_id in event_ids}
    for event_id, status, many in db.execute(query):
        counts[event_id][status] = many
    return {event_id: Share(many) for event_id, many in counts.items()}


def _rows() -> sa.Select[Any]:
    """Events with how many attendances and meetings name them: ranges of an index, no row is looked at."""
    a, m, e = t.attendance.c, t.meeting.c, t.event.c
    attendances = sa.select(sa.func.count()).where(a.org_id == e.org_id, a.event_id == e.source_id)
    meetings = sa.select(sa.func.count()).where(m.org_id == e.org_id, m.event_id == e.source_id)
    return sa.select(
        t.event,
        attendances.correlate(t.event).scalar_subquery().label("attendances"),
        meetings.correlate(t.event).scalar_subquery().label("meetings"),
    )


def _countable(rows: Iterable[EventRow], left: int) -> list[str]:
    """The events that can be counted while a page waits, the small ones first."""
    names = []
    for row in sorted(rows, key=lambda row: row.attendances):
        left -= row.attendances
        if left < 0:
            break
        names.append(row.source_id)
    return names


def _row(row: sa.Row[Any]) -> EventRow:
    fields = {path: value for path, value in values(from_json(row.fields)).items() if path != DELETED}
    chosen = row.campaign_choice not in (None, OWN_CAMPAIGN)
    made = row.campaign_id is not None and row.campaign_id == row.campaign_made
    waits = row.sync_status == SyncStatus.QUEUED and row.due_at is None  # for its org to be connected
    held_up = waits or row.sync_status in (SyncStatus.RETRYING, SyncStatus.NEEDS_ATTENTION)
    origin: CampaignFrom | None = None
    if row.campaign_id is not None:
        origin = "person" if chosen else "made" if made else "event_platform"
    return EventRow(
        key=row.id,
        source_id=row.source_id,
        name=(row.name or "").strip(),
        fields=fields,
        known=row.known,
        deleted=row.deleted,
        campaign_id=row.campaign_id,
        campaign_from=origin,
        making=row.campaign_choice == OWN_CAMPAIGN and row.campaign_id is None,
        sync_status=row.sync_status,
        problem=row.problem if held_up else None,
        attendances=row.attendances,
        meetings=row.meetings,
    )


def _with_share(row: EventRow, counted: Mapping[str, Share]) -> EventRow:
    return replace(row, share=counted.get(row.source_id))
