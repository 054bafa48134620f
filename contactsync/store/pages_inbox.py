"""What the console's Leads Inbox reads: contacts that lack something, the longest waiting first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.captured import APPROVAL, is_captured
from contactsync.domain.merge import DELETED, from_json, values
from contactsync.domain.records import Scalar, SyncStatus
from contactsync.domain.search_keys import folded, up_to
from contactsync.store import tables as t

MOST_COUNTED = 1000
"""No page counts further than this: "1,000+"."""


@dataclass(frozen=True)
class InboxEntry:
    """A contact that lacks something. `missing` in the order in which it is asked for; `company`: the name of the company that
    it is of; `captured`: it comes from the Leads Inbox.
    """

    key: int
    source_id: str
    fields: Mapping[str, Scalar] = field(repr=False)
    missing: tuple[str, ...]
    company: str | None
    sync_as: str | None
    captured: bool
    since: datetime
    waits: bool = True  # False: it lacks nothing any more

    @property
    def name(self) -> str:
        """What to call it."""
        said = [str(self.fields.get(name) or "").strip() for name in ("first_name", "last_name")]
        return " ".join(part for part in said if part) or self.email or "No name yet"

    @property
    def email(self) -> str:
        """Its e-mail address."""
        return str(self.fields.get("email") or "").strip()

    @property
    def lacks(self) -> tuple[str, ...]:
        """What has to be added, the approval apart."""
        return tuple(path for path in self.missing if path != APPROVAL)

    @property
    def for_review(self) -> bool:
        """Whether somebody has to approve it."""
        return APPROVAL in self.missing


def inbox_page(
    db: Db, org_id: int, *, after: int, limit: int, review_alone: bool = False
) -> tuple[list[InboxEntry], int | None]:
    """Contacts that lack something, above the key `after`, the longest waiting first; and the key to go on after, if any.

    `review_alone`: those that lack nothing but somebody's approval.
    """
    which = _ready(db, org_id) if review_alone else _waiting(org_id)
    ids = sa.select(t.contact.c.id).where(*which, t.contact.c.id > after).order_by(t.contact.c.id).limit(limit + 1)
    rows = db.execute(_entries(org_id).where(t.contact.c.id.in_(ids)).order_by(t.contact.c.id)).all()
    shown = rows[:limit]
    return [_entry(row) for row in shown], shown[-1].id if len(rows) > limit else None


def inbox_entry(db: Db, org_id: int, key: int) -> InboxEntry | None:
    """One contact, whether it lacks something or not; None: the org has none of this key, or it was deleted."""
    c = t.contact.c
    row = db.execute(_entries(org_id).where(c.id == key, c.deleted.is_(False))).first()
    return _entry(row) if row is not None else None


def next_in_inbox(db: Db, org_id: int, after: int) -> int | None:
    """The key of the next contact that lacks something; None: that was the last."""
    c = t.contact.c
    query = sa.select(c.id).where(*_waiting(org_id), c.id > after).order_by(c.id).limit(1)
    return db.execute(query).scalar()


def left_in_inbox(db: Db, org_id: int, *, after: int = 0, review_alone: bool = False) -> int:
    """How many lack something above the key `after`, counting no further than one more than MOST_COUNTED."""
    c = t.contact.c
    which = _ready(db, org_id) if review_alone else _waiting(org_id)
    some = sa.select(c.id).where(*which, c.id > after).limit(MOST_COUNTED + 1).subquery()
    return db.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def companies_called(db: Db, org_id: int, beginning: str, most: int) -> list[str]:
    """Names of companies that begin so, in order; whatever case and accents."""
    key = folded(beginning)
    if not key:
        return []
    c = t.company.c
    first, end = up_to(key)
    query = sa.select(c.name).where(
        c.org_id == org_id, c.sort_name >= first, c.sort_name < end, c.merged_into.is_(None)
    )
    return [name for name in db.execute(query.order_by(c.sort_name, c.id).limit(most)).scalars() if name]


def _waiting(org_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return t.contact.c.org_id == org_id, t.contact.c.status == SyncStatus.INCOMPLETE.value


def _ready(db: Db, org_id: int) -> tuple[Any, ...]:
    """Those that lack nothing but the approval, by their own index."""
    c = t.contact.c
    return c.org_id == org_id, t.REVIEW_ALONE[db.dialect.name], c.status + "" == SyncStatus.INCOMPLETE.value


def _entries(org_id: int) -> sa.Select[Any]:
    c = t.contact.c
    company = sa.and_(t.company.c.org_id == c.org_id, t.company.c.key == c.company_key)
    columns = (c[name] for name in ("id", "source_id", "fields", "missing", "status", "sync_as", "created_at"))
    joined = t.contact.outerjoin(t.company, company)
    # Named by its key: asked for the org alone, SQLite would read all that it has.
    return sa.select(*columns, t.company.c.name.label("company")).select_from(joined).where(c.org_id + 0 == org_id)


def _entry(row: sa.Row[Any]) -> InboxEntry:
    fields = {path: value for path, value in values(from_json(row.fields)).items() if path not in (DELETED, "company")}
    waits = row.status == SyncStatus.INCOMPLETE
    return InboxEntry(
        key=row.id,
        source_id=row.source_id,
        fields=fields,
        missing=tuple(row.missing or ()) if waits else (),
        company=row.company,
        sync_as=row.sync_as,
        captured=is_captured(fields.get("source")),
        since=row.created_at,
        waits=waits,
    )
