"""What the console's page of problems reads: each cause as a card, and the records that it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.crm import Problem
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.merge import from_json, values
from contactsync.domain.records import SyncStatus
from contactsync.store import problems
from contactsync.store import tables as t
from contactsync.store.counts import Counted, counted
from contactsync.store.dismissals import Dismissal, dismissals
from contactsync.store.problems import ProblemGroup

SUBJECTS = ("contact", "event", "meeting")
"""In this order among records of equal number; a record's place is its number times three, plus its subject's."""


class Standing(StrEnum):
    """What a problem asks of people."""

    STOPPED = "stopped"  # nothing goes to the CRM before somebody acts
    NEEDS = "needs"  # its records wait for somebody
    RETURNS = "returns"  # tried again by itself


@dataclass(frozen=True)
class ProblemCard:
    """One cause. `counts`: contact, event and meeting → how many it holds. `returns`: how many of them are tried again by
    themselves. `attention`: how many contacts need somebody. `returns_at`: when, for a pause of the whole connection.
    `dismissal`: set while it is folded away.
    """

    key: str
    problem: Problem
    standing: Standing
    counts: Mapping[str, int]
    returns: int = 0
    attention: int = 0
    connection: bool = False
    returns_at: datetime | None = None
    dismissal: Dismissal | None = None

    @property
    def total(self) -> int:
        """How many records it holds."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class ProblemList:
    """All problems of an org, those that are folded away apart. `waiting`: records in the queue, which a stop holds up."""

    cards: tuple[ProblemCard, ...]
    dismissed: tuple[ProblemCard, ...] = ()
    waiting: int = 0

    def of(self, standing: Standing) -> tuple[ProblemCard, ...]:
        """The cards of one kind."""
        return tuple(card for card in self.cards if card.standing is standing)

    def records(self, standing: Standing) -> int:
        """How many records these hold."""
        return sum(card.total for card in self.of(standing))


@dataclass(frozen=True)
class HeldRecord:
    """One record that a problem holds. `key`: its number, `place`: where it stands among those of all subjects.

    `about`: a contact's company, nothing else so far. `due_at`: when it is tried again by itself.
    """

    place: int
    subject: str
    key: int
    source_id: str
    name: str
    email: str
    about: str
    status: str
    problem: Mapping[str, Any] = field(repr=False)
    due_at: datetime | None
    updated_at: datetime


def problem_list(db: Db, org_id: int) -> ProblemList:
    """All problems: what stops everything first, then what needs somebody, then what returns; the largest first in each."""
    groups = problems.groups(db, org_id)
    counts = counted(db, org_id)
    dismissed = dismissals(db, org_id)
    pause = _pause(db, org_id)
    cards = [_card(group, counts, dismissed.get(group.key), pause) for group in groups]
    order = list(Standing)
    cards.sort(key=lambda card: (order.index(card.standing), not card.connection, -card.total, card.key))
    waiting = sum(one.records for one in counts if one.status == SyncStatus.QUEUED and one.subject in SUBJECTS)
    told = tuple(card for card in cards if card.dismissal is None)
    return ProblemList(told, tuple(card for card in cards if card.dismissal is not None), waiting)


def problem_card(db: Db, org_id: int, key: str) -> ProblemCard | None:
    """One problem; None: nothing has it (any more)."""
    found = problem_list(db, org_id)
    return next((card for card in (*found.cards, *found.dismissed) if card.key == key), None)


def held_records(
    db: Db, org_id: int, key: str, *, before: int | None, limit: int
) -> tuple[list[HeldRecord], int | None]:
    """Records that a problem holds, newest first, below the place `before`; and the place to go on below, if any."""
    found: list[HeldRecord] = []
    for index, subject in enumerate(SUBJECTS):
        table = _TABLES[subject]
        query = _QUERIES[subject]().where(table.c.org_id == org_id, table.c.problem_key == key)
        if before is not None:
            query = query.where(table.c.id <= (before - 1 - index) // len(SUBJECTS))
        rows = db.execute(query.order_by(table.c.id.desc()).limit(limit + 1))
        found += [_held(row, subject, row.id * len(SUBJECTS) + index) for row in rows]
    found.sort(key=lambda one: -one.place)
    shown = found[:limit]
    return shown, shown[-1].place if len(found) > limit else None


# ── cards ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _card(
    group: ProblemGroup,
    counts: Sequence[Counted],
    dismissal: Dismissal | None,
    pause: tuple[datetime | None] | None,
) -> ProblemCard:
    statuses: Counter[str] = Counter()
    attention = 0
    for one in counts:
        if one.problem_key == group.key and one.subject in SUBJECTS:
            statuses[one.status] += one.records
            attention += one.records if (one.subject, one.status) == ("contact", SyncStatus.NEEDS_ATTENTION) else 0
    returns = max(0, statuses[SyncStatus.RETRYING])
    connection = group.subject == "connection"
    returns_at = pause[0] if connection and pause else None
    if connection and returns_at is None:
        standing = Standing.STOPPED
    elif connection or (returns and returns >= group.total):
        standing = Standing.RETURNS
    else:
        standing = Standing.NEEDS
    folded = dismissal is not None and standing is not Standing.STOPPED and dismissal.holds(group.total)
    return ProblemCard(
        key=group.key,
        problem=problem_from_json(group.problem),
        standing=standing,
        counts=dict(group.counts),
        returns=returns,
        attention=attention,
        connection=connection,
        returns_at=returns_at,
        dismissal=dismissal if folded else None,
    )


def _pause(db: Db, org_id: int) -> tuple[datetime | None] | None:
    """Until when the present connection pauses by itself; None: there is none."""
    c = t.connection.c
    row = db.execute(sa.select(c.paused_until).where(c.org_id == org_id, c.replaced_at.is_(None)).limit(1)).first()
    return (row.paused_until,) if row is not None else None


# ── records ────────────────────────────────────────────────────────────────────────────────────────────────────────

_TABLES = {"contact": t.contact, "event": t.event, "meeting": t.meeting}


def _contacts() -> sa.Select[Any]:
    c = t.contact.c
    company = sa.and_(t.company.c.org_id == c.org_id, t.company.c.key == c.company_key)
    columns = (c.id, c.source_id, c.fields, c.email, c.status, c.problem, c.due_at, c.updated_at)
    return sa.select(*columns, t.company.c.name.label("about")).select_from(t.contact.outerjoin(t.company, company))


def _events() -> sa.Select[Any]:
    c = t.event.c
    return sa.select(c.id, c.source_id, c.fields, c.sync_status.label("status"), c.problem, c.due_at, c.updated_at)


def _meetings() -> sa.Select[Any]:
    c = t.meeting.c
    return sa.select(c.id, c.source_id, c.fields, c.sync_status.label("status"), c.problem, c.due_at, c.updated_at)


_QUERIES = {"contact": _contacts, "event": _events, "meeting": _meetings}
_NAMES = {"contact": ("first_name", "last_name"), "event": ("name",), "meeting": ("title",)}


def _held(row: sa.Row[Any], subject: str, place: int) -> HeldRecord:
    said = values(from_json(row.fields))
    parts = (str(said[name]) for name in _NAMES[subject] if said.get(name))
    of_contact = subject == "contact"
    return HeldRecord(
        place=place,
        subject=subject,
        key=row.id,
        source_id=row.source_id,
        name=" ".join(parts),
        email=(row.email or "") if of_contact else "",
        about=(row.about or "") if of_contact else "",
        status=row.status,
        problem=row.problem or {},
        due_at=row.due_at,
        updated_at=row.updated_at,
    )
