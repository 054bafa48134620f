"""What the console's pages of deliveries read: webhooks as they arrived, what became of each, and what it spoke of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import from_json, values
from contactsync.domain.spoken_of import SpokenOf
from contactsync.store import tables as t
from contactsync.store.counts import counted
from contactsync.store.views_paging import Slice, newest_by_status

STATUSES = ("accepted", "absorbed", "rejected", "failed")

SEARCHED = 2_000
"""A page that shows only some of what it meets looks at so many deliveries, and says where to go on."""


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries. `repeated`: those that were sent more than once."""

    status: str | None = None
    door: str | None = None
    repeated: bool = False

    @property
    def searches(self) -> bool:
        """Whether no index leads to them."""
        return self.door is not None or self.repeated


@dataclass(frozen=True)
class DeliveryRow:
    """One webhook. `errors`: why it was rejected or failed, each {"path", "message"}; `size`: of its body, in bytes."""

    key: int
    webhook_id: str
    door: str
    type: str | None
    status: str
    received_at: datetime
    absorbed_at: datetime | None
    errors: tuple[Mapping[str, str], ...]
    log: Mapping[str, Any]
    replays: int
    replayed_at: datetime | None
    body_removed_at: datetime | None
    body_removed_for: str | None
    size: int

    @property
    def repeats(self) -> int:
        """How often it came again."""
        return int(self.log.get("duplicates", 0))

    @property
    def other_bodies(self) -> int:
        """How often of these with another body under the same id."""
        return int(self.log.get("different_bodies", 0))


@dataclass(frozen=True)
class DeliveryList:
    """Some deliveries, newest first. `next`: go on below this number; `searched`: fewer were found than a page holds, among
    so many that were looked at (0: there is no more).
    """

    rows: tuple[DeliveryRow, ...]
    next: int | None = None
    searched: int = 0


@dataclass(frozen=True)
class WholeDelivery:
    """One delivery with its body."""

    row: DeliveryRow
    body: bytes = field(repr=False)


def delivery_list(
    db: Db, org_id: int, which: DeliveryFilter, *, before: int | None, limit: int, most: int = SEARCHED
) -> DeliveryList:
    """A page of an org's deliveries. However many there are, it reads no more than `most` of them."""
    statuses = STATUSES if which.status is None else (which.status,)
    c = t.delivery.c
    if not which.searches:
        ids = newest_by_status(t.delivery, org_id, statuses, Slice(limit, before))
        rows = [_row(row) for row in db.execute(_QUERY.where(c.id.in_(ids)).order_by(c.id.desc()))]
        return DeliveryList(tuple(rows[:limit]), rows[limit - 1].key if len(rows) > limit else None)
    window = list(db.execute(newest_by_status(t.delivery, org_id, statuses, Slice(most, before))).scalars())
    looked_at = window[:most]
    query = _QUERY.where(c.id.in_(looked_at))
    if which.door is not None:
        query = query.where(c.door == which.door)
    if which.repeated:
        query = query.where(c.log["duplicates"].as_integer() > 0)
    rows = [_row(row) for row in db.execute(query.order_by(c.id.desc()).limit(limit + 1))]
    if len(rows) > limit:
        return DeliveryList(tuple(rows[:limit]), rows[limit - 1].key)
    if len(window) > most:
        return DeliveryList(tuple(rows), looked_at[-1], most)
    return DeliveryList(tuple(rows))


def delivery_counts(db: Db, org_id: int) -> dict[str, int]:
    """How many were rejected, and how many failed."""
    counts = {"rejected": 0, "failed": 0}
    for one in counted(db, org_id):
        if one.subject == "delivery" and one.status in counts:
            counts[one.status] += one.records
    return counts


def whole_delivery(db: Db, org_id: int, key: int) -> WholeDelivery | None:
    """One delivery by its number; None: the org has none such."""
    c = t.delivery.c
    query = _QUERY.add_columns(c.body).where(c.org_id == org_id, c.id == key)
    row = db.execute(query).first()
    return WholeDelivery(_row(row), row.body) if row is not None else None


_SHOWN = [column for column in t.delivery.c if column.name not in {"body", "org_id"}]
_QUERY: sa.Select[Any] = sa.select(*_SHOWN, sa.func.length(t.delivery.c.body).label("size"))


def _row(row: sa.Row[Any]) -> DeliveryRow:
    return DeliveryRow(
        key=row.id,
        webhook_id=row.webhook_id,
        door=row.door,
        type=row.type,
        status=row.status,
        received_at=row.received_at,
        absorbed_at=row.absorbed_at,
        errors=tuple(row.errors or ()),
        log=row.log or {},
        replays=row.replays,
        replayed_at=row.replayed_at,
        body_removed_at=row.body_removed_at,
        body_removed_for=row.body_removed_for,
        size=row.size or 0,
    )


# ── what it spoke of ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SpokenRecord:
    """A record that a delivery spoke of, as it is now. `status`: its sync's; None: the CRM has nothing to do with it."""

    subject: str
    key: int
    name: str
    status: str | None


def spoken_records(db: Db, org_id: int, of: SpokenOf) -> list[SpokenRecord]:
    """What the org has of what a delivery spoke of: events, then contacts, then meetings."""
    c = t.contact.c
    columns = (c.id, c.fields, c.status, c.source_id)
    rows: list[sa.Row[Any]] = []
    contacts = sa.select(*columns).where(c.org_id == org_id, c.source_id.in_(list(of.contacts)))
    by_email = sa.select(*columns).where(c.org_id == org_id, c.email.in_(list(of.emails))).limit(len(of.emails))
    found = [_spoken("event", row, ("name",)) for row in db.execute(_named(t.event, org_id, of.events))]
    for query in (contacts, by_email):
        rows += db.execute(query.order_by(c.id))
    found += [_spoken("contact", row, ("first_name", "last_name")) for row in {row.id: row for row in rows}.values()]
    return found + [_spoken("meeting", row, ("title",)) for row in db.execute(_named(t.meeting, org_id, of.meetings))]


def _named(table: sa.Table, org_id: int, ids: Mapping[str, None]) -> sa.Select[Any]:
    c = table.c
    query = sa.select(c.id, c.fields, c.sync_status.label("status"), c.source_id)
    return query.where(c.org_id == org_id, c.source_id.in_(list(ids))).order_by(c.id)


def _spoken(subject: str, row: sa.Row[Any], names: tuple[str, ...]) -> SpokenRecord:
    said = values(from_json(row.fields))
    name = " ".join(str(said[one]) for one in names if said.get(one))
    return SpokenRecord(subject, row.id, name or f"{subject.title()} {row.source_id}", row.status)
