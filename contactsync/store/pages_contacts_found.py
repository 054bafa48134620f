"""Which contacts a list shows, and in which order: found so that no page reads more than a bounded number of rows.

    few take part in the event, have the problem, are found by the words, …
                        they are gathered by the index of what they are fewest of, and sorted
    else                the index of the order is read, at most MOST_READ rows of it, and what does not fit is passed over

So a page may come back with less than it has room for, and say from where to look further: it never answers late, nor wrong.
What is sorted and compared lies in a subquery with a limit: into that no database moves a condition from outside, nor goes by
another index than the one of the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.errors import RefusedInput
from contactsync.domain.records import SyncAs, SyncStatus
from contactsync.domain.search_keys import Phrase, phrasings, up_to
from contactsync.store import tables as t
from contactsync.store.due import of_org

FEW = 3_000
"""So many are gathered and sorted."""

READ = (400, 4_000)
"""So many rows of an order are read; the second only where the first did not fill the page."""

MOST_READ = READ[-1]

STILL_OPEN = (SyncStatus.QUEUED, SyncStatus.INCOMPLETE)

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class Sort(StrEnum):
    """In which order."""

    NEWEST = "newest"  # the last that came first
    NAME = "name"  # by last name
    SYNCED = "synced"  # the last that was brought to the CRM first; those that never were at the end


@dataclass(frozen=True)
class ContactChoice:
    """Which contacts; all that is said must hold. `event` and `company` are the keys of their rows, `problem` that of what
    holds them (Problem.key). `text`: words with which a name, a company or an e-mail address begins.
    """

    status: SyncStatus | None = None
    sync_as: SyncAs | None = None
    event: int | None = None
    company: int | None = None
    problem: str | None = None
    text: str = ""

    @property
    def all(self) -> bool:
        """Whether nothing is said."""
        return self == ContactChoice()


@dataclass(frozen=True)
class Place:
    """Behind which contact a page starts. Written without the name by which it is sorted, which is looked up again."""

    id: int
    synced_at: datetime | None = None
    sort_name: str = ""

    def __str__(self) -> str:
        if self.synced_at is None:
            return str(self.id)
        return f"{self.id}.{(self.synced_at - _FIRST) // timedelta(microseconds=1)}"


def place_from(text: str) -> Place:
    """The place that was written so. Raises RefusedInput."""
    number, dot, moment = text.partition(".")
    whole = number.isascii() and number.isdigit() and len(number) < 19
    if not whole or (dot and not (moment.isascii() and moment.isdigit() and len(moment) < 18)):
        raise RefusedInput("that is no page of this list", {"after": "open the list again from its beginning"})
    return Place(int(number), _FIRST + timedelta(microseconds=int(moment)) if dot else None)


@dataclass(frozen=True)
class Asked:
    """Which page of a list: of these contacts, in this order, at most `limit` behind the place `after`."""

    choice: ContactChoice = field(default_factory=ContactChoice)
    sort: Sort = Sort.NEWEST
    after: Place | None = None
    limit: int = 50


@dataclass(frozen=True)
class Named:
    """The event and the company of a choice as attendances and contacts name them; None: not asked for."""

    event: str | None = None
    company: str | None = None


@dataclass(frozen=True)
class FoundIds:
    """The keys of a page's contacts in their order. `following`: where the next page starts, None: there is none.

    `read_out`: there may be more, but so many rows were read in vain that they are left to the next page.
    """

    keys: tuple[int, ...]
    following: Place | None = None
    read_out: bool = False


def find(db: Db, org_id: int, asked: Asked, named: Named) -> FoundIds:
    """A page's contacts."""
    choice, after = asked.choice, asked.after
    if after is not None and asked.sort is Sort.NAME:
        after = _with_name(db, org_id, after)
    finding = _Finding(db, org_id, choice, named, asked.sort, after, asked.limit, phrasings(choice.text))
    if choice.text.strip() and not finding.phrasings:
        return FoundIds(())
    sizes = finding.sizes()
    if choice.text.strip():
        finding = replace(finding, phrasings=finding.possible(sizes))
        if not finding.phrasings:
            return FoundIds(())
    few = finding.fewest(sizes)
    return finding.gathered(few) if few is not None else finding.read_through()


def _with_name(db: Db, org_id: int, after: Place) -> Place | None:
    """The place with its name; None when its contact is gone: the list begins anew."""
    c = t.contact.c
    name = db.execute(sa.select(c.sort_name).where(of_org(t.contact, org_id, by_key=True), c.id == after.id)).scalar()
    return None if name is None else replace(after, sort_name=name)


Ids = sa.Select[tuple[int]] | sa.CompoundSelect[tuple[int]]
_Columns = sa.ColumnCollection[str, sa.ColumnElement[Any]]

_STATUSES = tuple(status.value for status in SyncStatus)


@dataclass(frozen=True)
class _Finding:
    db: Db
    org_id: int
    choice: ContactChoice
    named: Named
    sort: Sort
    after: Place | None
    limit: int
    phrasings: tuple[tuple[Phrase, ...], ...] = ()

    # ── how many there are of each ─────────────────────────────────────────────────────────────────────────────────

    def sizes(self) -> dict[str | Phrase, int]:
        """How many contacts each part of the choice takes, counted no further than just above FEW."""
        ways: dict[str | Phrase, list[Ids]] = {name: [ids] for name, ids in self._narrow().items()}
        for phrase in {phrase: None for way in self.phrasings for phrase in way}:
            ways[phrase] = list(_beginning_with(self.org_id, phrase))
        if not ways:
            return {}
        counted = [
            sum((_count(ids) for ids in some[1:]), start=_count(some[0])).label(f"n{place}")
            for place, some in enumerate(ways.values())
        ]
        return dict(zip(ways, self.db.execute(sa.select(*counted)).one(), strict=True))

    def possible(self, sizes: dict[str | Phrase, int]) -> tuple[tuple[Phrase, ...], ...]:
        """The ways to take the words of which every phrase is the beginning of something."""
        return tuple(way for way in self.phrasings if all(sizes[phrase] for phrase in way))

    def fewest(self, sizes: dict[str | Phrase, int]) -> list[Ids] | None:
        """How to gather the contacts by what they are fewest of; None: there are too many of each."""
        narrow = self._narrow()
        by_name = [(sizes[name], [ids]) for name, ids in narrow.items()]
        if self.phrasings:
            chosen = {min(way, key=lambda phrase: sizes[phrase]): None for way in self.phrasings}
            ways = [ids for phrase in chosen for ids in _beginning_with(self.org_id, phrase)]
            by_name.append((sum(sizes[phrase] for phrase in chosen), ways))
        few = [one for one in by_name if one[0] <= FEW]
        return min(few, key=lambda one: one[0])[1] if few else None

    def _narrow(self) -> dict[str, Ids]:
        c = t.contact.c
        mine = sa.select(c.id).where(c.org_id == self.org_id)
        found: dict[str, Ids] = {}
        if self.choice.status is not None and not self._in_order_of_status:
            found["status"] = mine.where(c.status == self.choice.status)
        if self.choice.problem is not None:
            found["problem"] = mine.where(c.problem_key == self.choice.problem)
        if self.named.company is not None:
            found["company"] = mine.where(c.company_key == self.named.company)
        if self.named.event is not None:
            found["event"] = _attending(self.org_id, self.named.event)
        return found

    @property
    def _in_order_of_status(self) -> bool:
        """Whether an index holds just the contacts of this status in this order."""
        return self.sort is Sort.NEWEST

    # ── few: gathered ──────────────────────────────────────────────────────────────────────────────────────────────

    def gathered(self, few: Sequence[Ids]) -> FoundIds:
        """The page out of contacts that are found by one of these."""
        every = sa.union_all(*(_limited(ids, FEW + 1) for ids in few)).subquery()
        query = self._holding(sa.select(every.c.id).distinct().subquery())
        if self.after is not None:
            query = query.where(_behind(t.contact.c, self.sort, self.after))
        rows = self.db.execute(query.order_by(*_order(t.contact.c, self.sort)).limit(self.limit + 1)).all()
        return self._page(rows)

    # ── many: read in order ────────────────────────────────────────────────────────────────────────────────────────

    def read_through(self) -> FoundIds:
        """The page out of all contacts in their order, as many as may be read."""
        nothing_else = replace(self.choice, status=None).all if self._in_order_of_status else self.choice.all
        if nothing_else:
            return self._page(self.db.execute(self._in_order(self.limit + 1)).all())
        rows: Sequence[sa.Row[Any]] = ()
        last: sa.Row[Any] | None = None
        for most in READ:
            rows = self._read(most)
            last = self._last_read(most)
            if len(rows) > self.limit or last is None:
                break
        if len(rows) > self.limit or last is None:
            return self._page(rows)
        return FoundIds(tuple(row.id for row in rows), self._place(last), read_out=True)

    def _read(self, most: int) -> Sequence[sa.Row[Any]]:
        read = self._in_order(most).subquery()
        return self.db.execute(self._holding(read).order_by(*_order(read.c, self.sort)).limit(self.limit + 1)).all()

    def _last_read(self, most: int) -> sa.Row[Any] | None:
        """Where reading stopped; None: that was all."""
        read = self._in_order(most).subquery()
        query = sa.select(read).order_by(*_order(read.c, self.sort)).offset(most - 1).limit(1)
        return self.db.execute(query).first()

    def _in_order(self, most: int) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        """What the index of the order holds of the first `most` contacts, without a look at their rows."""
        c = t.contact.c
        columns = {Sort.NEWEST: [c.id], Sort.NAME: [c.id, c.sort_name], Sort.SYNCED: [c.id, c.last_synced_at]}
        mine = sa.select(*columns[self.sort]).where(c.org_id == self.org_id)
        if self.sort is Sort.NAME:
            if self.after is not None:
                mine = mine.where(_behind(c, self.sort, self.after))
            return mine.order_by(*_order(c, self.sort)).limit(most)
        if self.sort is Sort.SYNCED:
            return self._by_last_sync(mine, most)
        if self.after is not None:
            mine = mine.where(c.id < self.after.id)
        statuses = _STATUSES if self.choice.status is None else (self.choice.status.value,)
        ranges = [mine.where(c.status == status) for status in statuses]
        if self.db.dialect.name == "postgresql":
            # It merges what it reads only where each range is in order by itself; SQLite only where none is told to be.
            ranges = [sa.select(one.order_by(c.id.desc()).limit(most).subquery()) for one in ranges]
        return sa.union_all(*ranges).order_by(sa.desc("id")).limit(most)

    def _by_last_sync(self, mine: sa.Select[Any], most: int) -> sa.Select[Any]:
        """Those that were synced, then those that never were: where NULLs stand in an index, databases differ."""
        c = t.contact.c
        synced = mine.where(c.last_synced_at.is_not(None))
        never = mine.where(c.last_synced_at.is_(None))
        if self.after is not None and self.after.synced_at is not None:
            synced = synced.where(_earlier(c, self.after.synced_at, self.after.id))
        elif self.after is not None:
            synced = synced.where(sa.false())
            never = never.where(c.id < self.after.id)
        # By the time also those that have none: by their numbers alone Postgres would pick them out of everybody's rows.
        parts = [part.order_by(c.last_synced_at.desc(), c.id.desc()).limit(most).subquery() for part in (synced, never)]
        merged = sa.union_all(*(sa.select(part) for part in parts)).subquery()
        return sa.select(merged).order_by(*_order(merged.c, self.sort)).limit(most)

    # ── what must hold ─────────────────────────────────────────────────────────────────────────────────────────────

    def _holding(self, some: sa.FromClause) -> sa.Select[Any]:
        """Of the contacts whose keys these are, those that are chosen."""
        c, company = t.contact.c, t.company.c
        joined = some.join(t.contact, c.id == some.c.id)
        said = [of_org(t.contact, self.org_id, by_key=True)]
        if self.choice.status is not None:
            said.append(c.status == self.choice.status.value)
        if self.choice.sync_as is not None:
            said.append(sync_as_of_row() == self.choice.sync_as.value)
        if self.choice.problem is not None:
            said.append(c.problem_key == self.choice.problem)
        if self.named.company is not None:
            said.append(c.company_key == self.named.company)
        if self.named.event is not None:
            said.append(self._takes_part(self.named.event))
        if self.phrasings:
            joined = joined.outerjoin(t.company, sa.and_(company.org_id == self.org_id, company.key == c.company_key))
            said.append(sa.or_(*(sa.and_(*map(_begins, way)) for way in self.phrasings)))
        return sa.select(c.id, c.last_synced_at).select_from(joined).where(*said)

    def _takes_part(self, event: str) -> sa.ColumnElement[bool]:
        """Known to the event by id and by address, the newer of the two attendances holds: it may say that it was removed."""
        c = t.contact.c
        names = [sa.literal(who_by_id("")) + c.source_id, sa.literal(who_by_email("")) + c.email]
        if self.db.dialect.name == "postgresql":
            # An address compares by its bytes: an index that does not is of no use to it otherwise.
            names[1] = sa.collate(names[1], "default")
        a = t.attendance.alias()
        newest = (
            sa.select(a.c.removed)
            .where(a.c.org_id == self.org_id, a.c.event_id == event, a.c.who.in_(names))
            .order_by(a.c.version.desc())
            .limit(1)
            .scalar_subquery()
        )
        return newest.is_(sa.false())

    def _page(self, rows: Sequence[sa.Row[Any]]) -> FoundIds:
        shown = rows[: self.limit]
        return FoundIds(tuple(row.id for row in shown), self._place(shown[-1]) if len(rows) > self.limit else None)

    def _place(self, row: sa.Row[Any]) -> Place:
        return Place(row.id, row.last_synced_at if self.sort is Sort.SYNCED else None)


# ── words of the queries ───────────────────────────────────────────────────────────────────────────────────────────


def sync_as_of_row() -> sa.ColumnElement[str]:
    """What a contact becomes: while it waits or lacks something as it says itself, else as it was synced."""
    c = t.contact.c
    said = sa.func.nullif(c.fields[("fields", "sync_as", 0)].as_string(), "")
    return sa.case(
        (c.status.in_(STILL_OPEN), sa.func.coalesce(said, c.sync_as)), else_=sa.func.coalesce(c.sync_as, said)
    )


def _begins(phrase: Phrase) -> sa.ColumnElement[bool]:
    c = t.contact.c
    return sa.or_(
        _within(c.sort_name, phrase.name),
        _within(c.first_name_key, phrase.name),
        _within(c.email, phrase.address),
        _within(t.company.c.sort_name, phrase.name),
    )


def _order(c: _Columns, sort: Sort) -> tuple[sa.ColumnElement[Any], ...]:
    if sort is Sort.NAME:
        return c.sort_name, c.id
    if sort is Sort.SYNCED:
        return c.last_synced_at.is_(None), c.last_synced_at.desc(), c.id.desc()
    return (c.id.desc(),)


def _behind(c: _Columns, sort: Sort, after: Place) -> sa.ColumnElement[bool]:
    if sort is Sort.NAME:
        return sa.tuple_(c.sort_name, c.id) > sa.tuple_(_key(after.sort_name), sa.literal(after.id))
    if sort is Sort.NEWEST:
        return c.id < after.id
    if after.synced_at is None:
        return sa.and_(c.last_synced_at.is_(None), c.id < after.id)
    return sa.or_(c.last_synced_at.is_(None), _earlier(c, after.synced_at, after.id))


def _earlier(c: _Columns, at: datetime, key: int) -> sa.ColumnElement[bool]:
    return sa.tuple_(c.last_synced_at, c.id) < sa.tuple_(sa.literal(at, t.UtcTime()), sa.literal(key))


def _key(text: str) -> sa.ColumnElement[str]:
    return sa.literal(text, t.SearchKey)


def _within(column: sa.ColumnElement[str], prefix: str) -> sa.ColumnElement[bool]:
    first, end = up_to(prefix)
    return sa.and_(column >= first, column < end)


def _limited(ids: Ids, most: int) -> sa.Select[tuple[int]]:
    return sa.select(ids.limit(most).subquery().c.id)


def _count(ids: Ids) -> sa.ColumnElement[int]:
    return sa.select(sa.func.count()).select_from(ids.limit(FEW + 1).subquery()).scalar_subquery()


def _attending(org_id: int, event: str) -> Ids:
    """The contacts that the event knows by id or by address, whether they were removed or not."""

    def known_by(prefix: str, column: sa.Column[Any]) -> sa.Select[tuple[int]]:
        bare = sa.func.substr(t.attendance.c.who, len(prefix) + 1)
        return (
            sa.select(t.contact.c.id)
            .join_from(t.attendance, t.contact, column == bare)
            .where(
                t.contact.c.org_id == org_id,
                t.attendance.c.org_id == org_id,
                t.attendance.c.event_id == event,
                t.attendance.c.who.startswith(prefix),
            )
        )

    ways = (known_by(who_by_id(""), t.contact.c.source_id), known_by(who_by_email(""), t.contact.c.email))
    merged = sa.union_all(*(_limited(way, FEW + 1) for way in ways)).subquery()
    return sa.select(merged.c.id)


def _beginning_with(org_id: int, phrase: Phrase) -> tuple[Ids, ...]:
    """The contacts with whose name, address or company's name it begins: each the range of an index."""
    c, company = t.contact.c, t.company.c
    mine = sa.select(c.id).where(c.org_id == org_id)
    companies = (
        sa.select(company.key).where(company.org_id == org_id, _within(company.sort_name, phrase.name)).limit(FEW + 1)
    ).subquery()
    return (
        mine.where(_within(c.sort_name, phrase.name)),
        mine.where(_within(c.first_name_key, phrase.name)),
        mine.where(_within(c.email, phrase.address)),
        mine.join_from(companies, t.contact, c.company_key == companies.c.key),
    )
