"""The queue of an org: its one lease, what is due, and what came of it.

The database is the queue. A contact is due when `due_at` has come; it stays due until an outcome is recorded against the
`change` number that was claimed, so a worker may die at any line and a newer change is never hidden by an older outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.domain.batch import Links
from contactsync.domain.changes import who_by_email, who_by_id
from contactsync.domain.crm import Next, RecordKind, RecordRef
from contactsync.domain.edits import CONSOLE
from contactsync.domain.errors import ContactsyncError
from contactsync.domain.merge import DELETED, from_json, newest, values
from contactsync.domain.records import Attendance, Company, Contact, SyncStatus
from contactsync.store import tables as t
from contactsync.store.due import CHUNK, chunks, mark_meetings_of_event_due, of_org
from contactsync.store.links import links_of
from contactsync.store.queue_companies import companies_named, companies_of

__all__ = [
    "CHUNK",
    "Claimed",
    "LeaseLost",
    "OrgLease",
    "chunks",
    "claim",
    "companies_named",
    "drop_lease",
    "due_count",
    "each_once",
    "free_lease",
    "hold_lease",
    "is_let_go",
    "lease_is_free",
    "leases_held",
    "links_of",
    "lock_org",
    "mark_attendees_due",
    "mark_due",
    "mark_keys_due",
    "mark_meetings_of_event_due",
    "mark_one_due",
    "orgs_with_work",
    "read_contact",
    "sharing",
    "slug_of",
    "take_lease",
]


class LeaseLost(ContactsyncError):
    """Another worker syncs this org now: everything this one still holds must be dropped."""


# ── the lease ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class OrgLease:
    """One worker's right to sync an org, for `seconds` from the last time it was held.

    Wall clocks jump, and differ between machines, so none of them decides about it: who holds it counts its own seconds, and it
    is freed by who has seen it unchanged for as many of its own (store/lease.py). `lease_until` is for people, and tells one
    prolongation from another.
    """

    org_id: int
    owner: str
    seconds: float


def take_lease(db: Db, lease: OrgLease, now: datetime) -> bool:
    """Take the org's lease if it is free; else knock, so that its holder looks once more before it lets go."""
    taken = db.execute(
        sa.update(t.org)
        .where(t.org.c.id == lease.org_id, t.org.c.lease_owner.is_(None))
        .values(lease_owner=lease.owner, lease_until=now + timedelta(seconds=lease.seconds), knocked=False)
    )
    if taken.rowcount == 1:
        return True
    db.execute(sa.update(t.org).where(t.org.c.id == lease.org_id).values(knocked=True))
    return False


def lease_is_free(db: Db, org_id: int) -> bool:
    """Whether nobody syncs the org now. Nobody is told that it was asked."""
    return db.execute(sa.select(t.org.c.lease_owner).where(t.org.c.id == org_id)).scalar() is None


def leases_held(db: Db) -> dict[int, tuple[str, datetime]]:
    """The orgs that somebody syncs: who, and until when by the holder's clock."""
    rows = db.execute(
        sa.select(t.org.c.id, t.org.c.lease_owner, t.org.c.lease_until).where(t.org.c.lease_owner.is_not(None))
    )
    return {row.id: (row.lease_owner, row.lease_until) for row in rows}


def free_lease(db: Db, org_id: int, owner: str, until: datetime) -> bool:
    """Free a lease that nobody has prolonged since it was seen so; False when somebody has."""
    mine = (t.org.c.id == org_id, t.org.c.lease_owner == owner, t.org.c.lease_until == until)
    return db.execute(sa.update(t.org).where(*mine).values(lease_owner=None, lease_until=None)).rowcount == 1


def hold_lease(db: Db, lease: OrgLease, now: datetime) -> None:
    """Prolong the lease, and lock it for the rest of the transaction: what is written after it, no other worker writes.

    Raises LeaseLost when it was freed, or another worker has it.
    """
    held = db.execute(
        sa.update(t.org)
        .where(t.org.c.id == lease.org_id, t.org.c.lease_owner == lease.owner)
        .values(lease_until=now + timedelta(seconds=lease.seconds))
    )
    if held.rowcount != 1:
        raise LeaseLost(f"the lease of org {lease.org_id} went to another worker")


def lock_org(db: Db, org_id: int) -> None:
    """Have this transaction and those of the org's worker take turns; webhooks go on arriving.

    For people's changes that touch many contacts, or what a worker reads before it writes: in two orders of their own, the
    two would lock each other out, and the worker would write over a choice that it had not seen. SQLite has one writer.
    """
    db.execute(sa.select(t.org.c.id).where(t.org.c.id == org_id).with_for_update(key_share=True))


def drop_lease(db: Db, lease: OrgLease, *, even_if_knocked: bool) -> bool:
    """Let go; False when somebody knocked meanwhile and `even_if_knocked` is not set: then the lease is still held."""
    mine = (t.org.c.id == lease.org_id, t.org.c.lease_owner == lease.owner)
    quiet = () if even_if_knocked else (t.org.c.knocked.is_(False),)
    dropped = db.execute(sa.update(t.org).where(*mine, *quiet).values(lease_owner=None, lease_until=None))
    if dropped.rowcount == 1:
        return True
    db.execute(sa.update(t.org).where(*mine).values(knocked=False))
    still_mine = db.execute(sa.select(t.org.c.id).where(*mine)).first()
    return still_mine is None


def orgs_with_work(db: Db, now: datetime) -> tuple[int, ...]:
    """Orgs that have something to absorb or to sync, whose connection is not paused and whose lease is free."""
    present = sa.and_(t.connection.c.org_id == t.org.c.id, t.connection.c.replaced_at.is_(None))
    waiting = sa.exists().where(t.delivery.c.org_id == t.org.c.id, t.delivery.c.status == "accepted")
    due = sa.or_(
        *(
            sa.exists().where(table.c.org_id == t.org.c.id, table.c.due_at <= now)
            for table in (t.contact, t.event, t.meeting)
        ),
        sa.exists().where(t.resync.c.org_id == t.org.c.id, t.resync.c.ended_at.is_(None)),
        sa.exists().where(t.pending_release.c.org_id == t.org.c.id),
    )
    # As ConnectionRow.paused: a problem without a time stops it, one with a time passes by itself.
    going = sa.or_(
        sa.and_(t.connection.c.paused_until.is_(None), t.connection.c.problem.is_(None)),
        t.connection.c.paused_until <= now,
    )
    rows = db.execute(
        sa.select(t.org.c.id)
        .select_from(t.org.outerjoin(t.connection, present))
        .where(
            t.org.c.lease_owner.is_(None),
            sa.or_(waiting, sa.and_(due, going)),
        )
        .order_by(t.org.c.id)
    )
    return tuple(dict.fromkeys(row.id for row in rows))


def slug_of(db: Db, org_id: int) -> str | None:
    """The org's slug; None when it is gone."""
    return db.execute(sa.select(t.org.c.slug).where(t.org.c.id == org_id)).scalar()


def due_count(db: Db, org_id: int, now: datetime, most: int) -> int:
    """How many contacts of the org are due, counting no further than `most`."""
    due = sa.select(t.contact.c.id).where(t.contact.c.org_id == org_id, t.contact.c.due_at <= now).limit(most)
    return db.execute(sa.select(sa.func.count()).select_from(due.subquery())).scalar_one()


# ── making due ─────────────────────────────────────────────────────────────────────────────────────────────────────


def mark_due(
    db: Db, org_id: int, which: sa.ColumnElement[bool], now: datetime, *, forced: bool = False, by_key: bool = False
) -> int:
    """Put contacts into the queue; those deleted at the source stay out. Answers how many. `by_key`: see of_org."""
    changed: dict[str, Any] = {
        "due_at": now,
        "change": t.contact.c.change + 1,
        "attempts": 0,
        "status": SyncStatus.QUEUED,
        "problem_key": None,
    }
    if forced:
        changed["forced"] = True
    marked = db.execute(
        sa.update(t.contact)
        .where(of_org(t.contact, org_id, by_key=by_key), t.contact.c.deleted.is_(False), which)
        .values(changed)
    )
    return marked.rowcount


def mark_one_due(db: Db, org_id: int, contact_id: str, now: datetime) -> bool:
    """Put one contact into the queue even if nothing changed; False when there is none that may be synced."""
    return mark_due(db, org_id, t.contact.c.source_id == contact_id, now, forced=True) == 1


def mark_keys_due(db: Db, org_id: int, keys: Iterable[int], now: datetime) -> int:
    """Put contacts into the queue by their rows' keys even if nothing changed; answers how many may be synced."""
    some = (t.contact.c.id.in_(part) for part in chunks(keys))
    return sum(mark_due(db, org_id, which, now, forced=True, by_key=True) for which in some)


def mark_attendees_due(db: Db, org_id: int, event_id: str, now: datetime) -> int:
    """Put everyone who takes part in an event into the queue, and its meetings; answers how many contacts."""

    taking_part = sa.and_(t.attendance.c.org_id == org_id, t.attendance.c.event_id == event_id)

    def named(prefix: str, column: sa.Column[Any]) -> sa.Select[Any]:
        # From the attendances to the contacts' own indexes: one OR of both ways would read all that an org has.
        contact = t.contact.alias()
        bare = sa.func.substr(t.attendance.c.who, len(prefix) + 1)
        found = sa.and_(contact.c.org_id == org_id, contact.c[column.key] == bare)
        return (
            sa.select(contact.c.id)
            .join_from(t.attendance, contact, found)
            .where(taking_part, t.attendance.c.who.startswith(prefix))
        )

    here = sa.union(named(who_by_id(""), t.contact.c.source_id), named(who_by_email(""), t.contact.c.email))
    mark_meetings_of_event_due(db, org_id, event_id, now)
    return mark_due(db, org_id, t.contact.c.id.in_(here), now, by_key=True)


# ── claim ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Claimed:
    """A due contact as it stands, with what the queue knows of it."""

    key: int
    contact: Contact
    change: int
    attempts: int = 0
    due_at: datetime | None = None
    forced: bool = False
    rematched: bool = False  # the last attempt failed because links were stale
    fingerprint: str | None = None
    links: Links = field(default_factory=Links)
    approved: bool = False  # somebody let it go to the CRM, or it is there already
    # Addresses under which a record may have been made whose id was never heard; those that other contacts have now.
    attempted: tuple[str, ...] = field(default=(), repr=False)
    passed_on: frozenset[str] = field(default=frozenset(), repr=False)
    account_overtaken: bool = False  # its Contact was put into an Account that somebody chose otherwise meanwhile


_READ: tuple[sa.Column[Any], ...] = (
    t.contact.c.id,
    t.contact.c.source_id,
    t.contact.c.fields,
    t.contact.c.email,
    t.contact.c.company_key,
    t.contact.c.deleted,
    t.contact.c.due_at,
    t.contact.c.change,
    t.contact.c.attempts,
    t.contact.c.forced,
    t.contact.c.problem,
    t.contact.c.fingerprint,
    t.contact.c.approved_at,
    t.contact.c.last_synced_at,
    t.contact.c.attempted,
    t.contact.c.account_overtaken,
)
"""What of its row makes a contact: the rest is for people to see, and a batch holds thousands."""


def claim(db: Db, org_id: int, connection_id: int | None, now: datetime, most: int) -> tuple[Claimed, ...]:
    """Up to `most` due contacts, the longest due first, whole: with company, attendances and links.

    Whoever was approved and never synced stays while an edit waits to be brought in: who corrected a contact and approved it
    approved what it is then, and nothing else may reach the CRM.
    """
    c, d = t.contact.c, t.delivery.c
    edits = (
        sa.select(d.id).where(d.org_id == org_id, d.status == "accepted", d.door == CONSOLE).correlate(None).exists()
    )
    as_approved = sa.or_(c.approved_at.is_(None), c.last_synced_at.is_not(None), ~edits)
    due = (
        sa.select(*_READ)
        .where(c.org_id == org_id, c.due_at <= now, as_approved)
        .order_by(t.contact.c.due_at, t.contact.c.id)
        .limit(most)
    )
    return _whole(db, org_id, connection_id, db.execute(due).all())


def sharing(db: Db, org_id: int, connection_id: int | None, emails: Iterable[str]) -> tuple[Claimed, ...]:
    """The synced contacts with these addresses: what they say of a CRM record that they share still holds."""
    rows: list[sa.Row[Any]] = []
    for some in chunks(emails):
        synced = sa.and_(t.contact.c.status == SyncStatus.SYNCED, t.contact.c.deleted.is_(False))
        rows += db.execute(sa.select(*_READ).where(t.contact.c.org_id == org_id, t.contact.c.email.in_(some), synced))
    return _whole(db, org_id, connection_id, rows)


def read_contacts(db: Db, org_id: int, connection_id: int | None, keys: Sequence[int]) -> tuple[Claimed, ...]:
    """Contacts by their rows' keys, in the order of these, as a claim would give them, due or not."""
    rows: list[sa.Row[Any]] = []
    for some in chunks(keys):
        rows += db.execute(sa.select(*_READ).where(of_org(t.contact, org_id, by_key=True), t.contact.c.id.in_(some)))
    return _whole(db, org_id, connection_id, sorted(rows, key=lambda row: row.id))


def read_contact(db: Db, org_id: int, connection_id: int | None, contact_id: str) -> Claimed | None:
    """One contact as a claim would give it, due or not."""
    row = db.execute(sa.select(*_READ).where(t.contact.c.org_id == org_id, t.contact.c.source_id == contact_id)).first()
    return _whole(db, org_id, connection_id, [row])[0] if row is not None else None


def _whole(db: Db, org_id: int, connection_id: int | None, rows: Sequence[sa.Row[Any]]) -> tuple[Claimed, ...]:
    companies = companies_of(db, org_id, connection_id, {row.company_key for row in rows if row.company_key})
    attendances = _attendances(db, org_id, rows)
    links = links_of(db, connection_id, rows)
    claimed = (
        _claimed(row, companies, attendances, links.get(row.source_id, {}), links.get(row.company_key or "", {}))
        for row in rows
    )
    having = _having(db, org_id, {address for row in rows for address in row.attempted or ()})
    return tuple(
        replace(one, passed_on=frozenset(address for address in one.attempted if having[address] - {one.key}))
        if one.attempted
        else one
        for one in claimed
    )


def _having(db: Db, org_id: int, addresses: set[str]) -> dict[str, set[int]]:
    """The contacts that have these addresses now, by their rows' keys; of contacts whose creating was never heard of."""
    having: dict[str, set[int]] = {address: set() for address in addresses}
    for some in chunks(addresses):
        query = sa.select(t.contact.c.id, t.contact.c.email)
        for row in db.execute(
            query.where(t.contact.c.org_id == org_id, t.contact.c.email.in_(some), t.contact.c.deleted.is_(False))
        ):
            having[row.email].add(row.id)
    return having


def _claimed(
    row: sa.Row[Any],
    companies: Mapping[str, Company],
    attendances: Mapping[str, Sequence[sa.Row[Any]]],
    people: Mapping[RecordKind, RecordRef],
    accounts: Mapping[RecordKind, RecordRef],
) -> Claimed:
    state = from_json(row.fields)
    fields = {path: value for path, value in values(state).items() if path not in (DELETED, "company")}
    names = [who_by_id(row.source_id), *([who_by_email(row.email)] if row.email else [])]
    contact = Contact(
        id=row.source_id,
        fields=fields,
        company=companies.get(row.company_key) if row.company_key else None,
        attendances=each_once([one for name in names for one in attendances.get(name, ())]),
        deleted=row.deleted,
        changed=newest(state),
    )
    return Claimed(
        key=row.id,
        contact=contact,
        change=row.change,
        attempts=row.attempts,
        due_at=row.due_at,
        forced=row.forced,
        rematched=bool(row.problem and row.problem.get("next") == Next.REMATCH),
        fingerprint=row.fingerprint,
        approved=is_let_go(row),
        links=Links(
            people={kind: ref for kind, ref in people.items() if kind.is_person},
            account=accounts.get(RecordKind.ACCOUNT),
        ),
        attempted=tuple(row.attempted or ()),
        account_overtaken=bool(row.account_overtaken),
    )


def is_let_go(row: sa.Row[Any]) -> bool:
    """Whether somebody has let a contact go to the CRM, or it is there already."""
    return row.approved_at is not None or row.last_synced_at is not None


def each_once(rows: Sequence[sa.Row[Any]]) -> tuple[Attendance, ...]:
    """One attendance per event, whether it knows its contact by id, by address or both: status and removal each by the
    newest version that spoke of it.
    """
    of_event: dict[str, list[sa.Row[Any]]] = {}
    for row in rows:
        of_event.setdefault(row.event_id, []).append(row)
    made = []
    for event_id, known in sorted(of_event.items()):
        newest_of_all = max(known, key=lambda row: row.version)
        status = max(known, key=lambda row: row.status_version or "").status
        campaign_id = None if newest_of_all.deleted else newest_of_all.campaign_id
        made.append(Attendance(event_id, status, campaign_id or None, newest_of_all.removed))
    return tuple(made)


def _attendances(db: Db, org_id: int, rows: Sequence[sa.Row[Any]]) -> dict[str, list[sa.Row[Any]]]:
    who = {who_by_id(row.source_id) for row in rows} | {who_by_email(row.email) for row in rows if row.email}
    found: dict[str, list[sa.Row[Any]]] = {}
    joined = t.attendance.outerjoin(
        t.event, sa.and_(t.event.c.org_id == t.attendance.c.org_id, t.event.c.source_id == t.attendance.c.event_id)
    )
    for some in chunks(who):
        query = (
            sa.select(t.attendance, t.event.c.campaign_id, t.event.c.deleted)
            .select_from(joined)
            .where(t.attendance.c.org_id == org_id, t.attendance.c.who.in_(some))
        )
        for row in db.execute(query):
            found.setdefault(row.who, []).append(row)
    return found


def linked_people(db: Db, connection_id: int, refs: Iterable[RecordRef]) -> frozenset[RecordRef]:
    """Those of these Leads and Contacts that some contact is linked to."""
    linked: set[RecordRef] = set()
    for some in chunks({ref.id for ref in refs}):
        query = sa.select(t.link.c.kind, t.link.c.crm_id).where(
            t.link.c.connection_id == connection_id,
            t.link.c.kind.in_([RecordKind.LEAD, RecordKind.CONTACT]),
            t.link.c.crm_id.in_(some),
        )
        linked |= {RecordRef(RecordKind(kind), crm_id) for kind, crm_id in db.execute(query)}
    return frozenset(linked)
