"""Taking away what an org keeps no longer: some rows per call, oldest first, by indexes alone.

Deliveries and runs have numbers in the order in which they came, so the oldest of a status are read off its index, and a
call reads no more rows than it may take. The newest row of a table always stays: SQLite gives the number of a
deleted one to the next, and the numbers of deliveries order versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.merge import as_json, emptied, from_json
from contactsync.domain.records import SyncStatus
from contactsync.domain.search_keys import contact_keys
from contactsync.store import tables as t
from contactsync.store.queue import lock_org

SETTLED = ("absorbed", "failed", "rejected")
"""Deliveries that nobody waits for."""

RETENTION = "retention"
ERASURE = "erasure"
"""What `delivery.body_removed_for` says."""


def orgs_kept(db: Db) -> tuple[int, ...]:
    """All orgs."""
    return tuple(db.execute(sa.select(t.org.c.id).order_by(t.org.c.id)).scalars())


def empty_bodies(db: Db, org_id: int, before: datetime, now: datetime, most: int) -> tuple[int, bool]:
    """Empty the bodies of some deliveries that came before a time; answers how many, and whether there may be more.

    What waits to be absorbed stays as it came, and so does all that came after it.
    """
    lock_org(db, org_id)
    c = t.delivery.c
    done = db.execute(sa.select(t.org.c.bodies_removed_to).where(t.org.c.id == org_id)).scalar_one()
    waiting = _ids(db, org_id, "accepted", 0, 1)
    found = chain.from_iterable(_ids(db, org_id, status, done, most) for status in SETTLED)
    ordered = sorted((number, came) for number, came in found if not waiting or number < waiting[0][0])[:most]
    old = _up_to_last_before(ordered, before, now)
    if not old:
        return 0, False
    removed = {"body": b"", "body_removed_at": now, "body_removed_for": RETENTION}
    emptied_now = db.execute(sa.update(t.delivery).where(c.id.in_(old), c.body != b"").values(removed)).rowcount
    db.execute(sa.update(t.org).where(t.org.c.id == org_id).values(bodies_removed_to=old[-1]))
    return emptied_now, len(old) >= most


def delete_deliveries(db: Db, org_id: int, before: datetime, now: datetime, most: int) -> tuple[int, bool]:
    """Delete some settled deliveries that came before a time; answers how many, and whether there may be more."""
    lock_org(db, org_id)
    c = t.delivery.c
    newest = db.execute(sa.select(sa.func.max(c.id))).scalar()
    old: list[int] = []
    for status in SETTLED:
        old += _up_to_last_before(_ids(db, org_id, status, 0, most), before, now)
    old = [number for number in sorted(old)[:most] if number != newest]
    if old:
        # One that somebody replays just now waits again: it stays.
        db.execute(sa.delete(t.delivery).where(c.id.in_(old), c.status.in_(SETTLED)))
    return len(old), len(old) >= most


def delete_runs(db: Db, org_id: int, before: datetime, now: datetime, most: int) -> tuple[int, bool]:
    """Delete some runs that ended before a time; answers how many, and whether there may be more."""
    c = t.sync_run.c
    newest = db.execute(sa.select(sa.func.max(c.id))).scalar()
    query = sa.select(c.id, c.finished_at).where(c.org_id == org_id).order_by(c.id).limit(most)
    rows = [(row.id, row.finished_at) for row in db.execute(query)]
    old = [number for number in _up_to_last_before(rows, before, now) if number != newest]
    if old:
        db.execute(sa.delete(t.sync_run).where(c.id.in_(old)))
    return len(old), len(old) >= most


def empty_deleted_contacts(db: Db, org_id: int, before: datetime, after: int, most: int) -> tuple[int, int | None]:
    """Take the values out of contacts that were deleted at the source before a time, from one number on.

    Id, versions, links and attendances stay: what comes late is still older, and brings nothing back. Answers how many, and
    from which number to go on; None: these were all.
    """
    lock_org(db, org_id)
    c = t.contact.c
    rows = db.execute(
        sa.select(c.id, c.deleted, c.updated_at, c.fields)
        .where(c.org_id == org_id, c.status == SyncStatus.EXCLUDED, c.id > after)
        .order_by(c.id)
        .limit(most)
    ).all()
    gone: list[dict[str, Any]] = []
    for row in rows:
        if not row.deleted or row.updated_at >= before:
            continue
        state = from_json(row.fields)
        bare = emptied(state)
        if bare != state:
            gone.append({"b_id": row.id, "fields": as_json(bare)})
    if gone:
        nothing = dict.fromkeys(("email", "company_key", "missing", "problem", "problem_key", "why", "attempted"))
        db.execute(
            sa.update(t.contact)
            .where(c.id == sa.bindparam("b_id"))
            .values(
                fields=sa.bindparam("fields", type_=t.Json), **{name: sa.null() for name in nothing}, **contact_keys({})
            ),
            gone,
        )
    return len(gone), rows[-1].id if len(rows) == most else None


def delete_what_is_over(db: Db, org_id: int, sign_ins_before: datetime, resyncs_before: datetime, most: int) -> int:
    """Delete sign-ins that ran out and some resyncs that ended before these times; answers how many."""
    over = sa.delete(t.authorization).where(
        t.authorization.c.org_id == org_id, t.authorization.c.expires_at < sign_ins_before
    )
    c = t.resync.c
    newest = db.execute(sa.select(sa.func.max(c.id))).scalar()
    oldest = sa.select(c.id, c.ended_at).where(c.org_id == org_id, c.id != newest).order_by(c.id).limit(most)
    ended = [row.id for row in db.execute(oldest) if row.ended_at is not None and row.ended_at < resyncs_before]
    if ended:
        db.execute(sa.delete(t.resync).where(c.id.in_(ended)))
    return db.execute(over).rowcount + len(ended)


def _ids(db: Db, org_id: int, status: str, after: int, most: int) -> list[tuple[int, datetime]]:
    c = t.delivery.c
    query = (
        sa.select(c.id, c.received_at)
        .where(c.org_id == org_id, c.status == status, c.id > after)
        .order_by(c.id)
        .limit(most)
    )
    return [(row.id, row.received_at) for row in db.execute(query)]


def _up_to_last_before(rows: Iterable[tuple[int, datetime]], before: datetime, now: datetime) -> list[int]:
    """The numbers of the oldest rows, up to the last one of before a time. A time that is still to come, which a wrong clock
    wrote in between, holds nobody up; one of long ago behind what is new takes that not with it.
    """
    taken: list[int] = []
    ahead: list[int] = []
    for number, came in rows:
        if came < before:
            taken += [*ahead, number]
            ahead = []
        elif came > now:
            ahead.append(number)
        else:
            break
    return taken
