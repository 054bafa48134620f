"""The counts that the database keeps are those that one would count, after whatever was done, by however many at once."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from contactsync.domain.changes import changes_of
from contactsync.domain.crm import Next, Problem
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import absorption, counts, inbox, problems, queue, releases, retention, views_status
from contactsync.store import tables as t
from contactsync.store.due import mark_events_due, mark_meetings_due
from contactsync.store.engine import open_engine, reading, upgrade, writing
from contactsync.store.ledger import Recorded, record
from contactsync.store.tables_counted import record_count, record_count_change
from tests.store.conftest import NOW

STATUS = {t.contact: t.contact.c.status, t.event: t.event.c.sync_status, t.meeting: t.meeting.c.sync_status}
PROBLEMS = [Problem(f"code_{n}", "Cause.", "Fix.") for n in range(3)]
ROW = {"fields": {"versions": [], "fields": {}}, "created_at": NOW, "updated_at": NOW, "deleted": False}


def counted_by_hand(db) -> Counter:
    found: Counter = Counter()
    for table, status in STATUS.items():
        query = sa.select(table.c.org_id, status, table.c.problem_key)
        for org_id, said, key in db.execute(query):
            if said or key:
                found[org_id, table.name, said or "", key or ""] += 1
    shown = sa.select(t.delivery.c.org_id, t.delivery.c.status).where(t.delivery.c.status.in_(["rejected", "failed"]))
    for org_id, said in db.execute(shown):
        found[org_id, "delivery", said, ""] += 1
    return found


def counted_by_the_database(db) -> Counter:
    return Counter(
        {(one.org_id, one.subject, one.status, one.problem_key): one.records for one in counts.counted(db, None)}
    )


class Doings:
    """What the product does to records, chosen by chance."""

    def __init__(self, chance: random.Random, org_ids: list[int]) -> None:
        self.chance = chance
        self.org_ids = org_ids
        self.made = 0

    def one(self, db) -> None:
        doing = self.chance.choice(
            [
                self.absorb, self.absorb, self.sync, self.sync, self.sync, self.mark, self.release, self.keep,
                self.fail, self.replay, self.empty, self.delete, self.gather,
            ]
        )  # fmt: skip
        doing(db, self.chance.choice(self.org_ids))

    def number(self) -> int:
        return self.chance.randint(1, 12)

    def absorb(self, db, org_id: int) -> None:
        n = self.number()
        kind, item = self.chance.choice(
            [
                ("contact.updated", {"id": f"c-{n}", "email": f"{self.number()}@x.y", "events": [{"id": f"e-{n}"}]}),
                ("contact.deleted", {"id": f"c-{n}"}),
                ("event.updated", {"id": f"e-{n}", "name": f"{self.made}", "campaign_id": self.chance.choice([None, "7"])}),
                ("event.deleted", {"id": f"e-{n}"}),
                ("meeting.updated", {"id": f"m-{n}", "title": f"{self.made}", "attendees": [{"contact_id": f"c-{n}"}]}),
                ("meeting.deleted", {"id": f"m-{n}"}),
            ]
        )  # fmt: skip
        self.made += 1
        at = f"2026-11-24T09:00:00.{self.made:06d}Z"
        absorption.write_changes(db, org_id, [changes_of(kind, at, (item,), self.made, NOW)], NOW)

    def sync(self, db, org_id: int) -> None:
        table = self.chance.choice(list(STATUS))
        rows = db.execute(sa.select(table).where(table.c.org_id == org_id).order_by(table.c.id)).all()
        some = self.chance.sample(rows, min(len(rows), self.chance.randint(1, 5)))
        entries = []
        for row in sorted(some, key=lambda one: one.id):
            status = self.chance.choice(list(SyncStatus))
            held = status in (SyncStatus.NEEDS_ATTENTION, SyncStatus.RETRYING)
            problem = self.chance.choice(PROBLEMS) if held else None
            outcome = Outcome(status, problem=problem, next=Next.STOP)
            change = row.change - self.chance.choice([0, 0, 0, 1])
            entries.append(Recorded(row.id, row.source_id, change, 1, outcome, NOW, subject=table.name))
        record(db, org_id, None, entries, NOW)

    def mark(self, db, org_id: int) -> None:
        self.chance.choice(
            [
                lambda: releases.release_all(db, org_id, NOW),
                lambda: releases.release_incomplete(db, org_id, NOW),
                lambda: problems.release_held(db, org_id, "code_1", NOW),
                lambda: queue.mark_one_due(db, org_id, f"c-{self.number()}", NOW),
                lambda: mark_events_due(db, org_id, t.event.c.source_id == f"e-{self.number()}", NOW),
                lambda: mark_meetings_due(db, org_id, t.meeting.c.source_id == f"m-{self.number()}", NOW),
            ]
        )()

    def release(self, db, org_id: int) -> None:
        problems.release(db, org_id, self.chance.choice(PROBLEMS).key, NOW)

    def keep(self, db, org_id: int) -> None:
        self.made += 1
        rejected = self.chance.random() < 0.5
        inbox.keep(
            db, org_id=org_id, webhook_id=f"w-{self.chance.randint(1, 60)}", door="contacts", body=b"{}",
            status="rejected" if rejected else "accepted", type=None, errors=[] if rejected else None, now=NOW,
        )  # fmt: skip

    def delivery(self, db, org_id: int) -> int | None:
        ids = db.execute(sa.select(t.delivery.c.id).where(t.delivery.c.org_id == org_id).order_by(t.delivery.c.id))
        found = ids.scalars().all()
        return self.chance.choice(found) if found else None

    def fail(self, db, org_id: int) -> None:
        if (number := self.delivery(db, org_id)) is not None:
            if self.chance.random() < 0.5:
                absorption.mark_failed(db, number, [{"path": "", "message": "x"}], NOW)
            else:
                absorption.mark_absorbed(db, [number], NOW)

    def replay(self, db, org_id: int) -> None:
        if (number := self.delivery(db, org_id)) is not None:
            db.execute(sa.update(t.delivery).where(t.delivery.c.id == number).values(status="accepted"))

    def empty(self, db, org_id: int) -> None:
        later = NOW.replace(year=2027)
        retention.delete_deliveries(db, org_id, later, later, 2)
        retention.empty_deleted_contacts(db, org_id, later, 0, 3)

    def delete(self, db, org_id: int) -> None:
        table = self.chance.choice(list(STATUS))
        db.execute(sa.delete(table).where(table.c.org_id == org_id, table.c.source_id.endswith(str(self.number()))))

    def gather(self, db, _org_id: int) -> None:
        counts.fold(db, most=self.chance.choice([1, 5, 1000]))


@pytest.mark.parametrize("seed", range(3))
def test_after_whatever_was_done_the_counts_are_those_that_one_would_count(engine, acme, other, seed):
    doings = Doings(random.Random(seed), [acme.id, other.id])
    seen: Counter = Counter()
    for _ in range(60):
        with writing(engine) as db:
            for _ in range(3):
                doings.one(db)
        with reading(engine) as db:
            by_hand = counted_by_hand(db)
            assert counted_by_the_database(db) == by_hand
            seen += by_hand
    assert {subject for _, subject, _, _ in seen} == {"contact", "event", "meeting", "delivery"}
    assert {status for _, _, status, _ in seen} >= {*SyncStatus, "rejected", "failed"}


def test_what_is_rolled_back_was_not_counted(engine, acme):
    with pytest.raises(ZeroDivisionError), writing(engine) as db:
        db.execute(sa.insert(t.contact).values(**ROW, org_id=acme.id, source_id="c-1", status="queued"))
        assert len(counts.counted(db, acme.id)) == 1
        raise ZeroDivisionError
    with reading(engine) as db:
        assert counts.counted(db, acme.id) == ()


def test_an_org_that_is_deleted_leaves_no_counts(engine, acme, other):
    with writing(engine) as db:
        for org_id in (acme.id, other.id):
            db.execute(sa.insert(t.contact).values(**ROW, org_id=org_id, source_id="c-1", status="queued"))
            inbox.keep(
                db, org_id=org_id, webhook_id="w-1", door="contacts", body=b"", status="rejected", type=None,
                errors=[], now=NOW,
            )  # fmt: skip
    with writing(engine) as db:
        db.execute(sa.delete(t.org).where(t.org.c.id == acme.id))
        counts.fold(db)
    with reading(engine) as db:
        assert counted_by_the_database(db) == counted_by_hand(db)
        assert {one.org_id for one in counts.counted(db, None)} == {other.id}


def test_gathering_changes_no_count_and_leaves_nothing_to_gather(engine, acme):
    with writing(engine) as db:
        for number in range(5):
            db.execute(sa.insert(t.contact).values(**ROW, org_id=acme.id, source_id=f"c-{number}", status="queued"))
        queue.mark_one_due(db, acme.id, "c-1", NOW)
        db.execute(sa.update(t.contact).where(t.contact.c.id == 1).values(status="synced"))
    with writing(engine) as db:
        before = counted_by_the_database(db)
        counts.fold(db, most=2)
        assert (
            counted_by_the_database(db)
            == before
            == {(acme.id, "contact", "queued", ""): 4} | {(acme.id, "contact", "synced", ""): 1}
        )
        counts.fold(db)
        left = db.execute(sa.select(sa.func.count()).select_from(record_count_change)).scalar_one()
        assert (left, counted_by_the_database(db)) == (0, before)


def test_a_status_that_nobody_is_in_any_more_leaves_no_row(engine, acme):
    with writing(engine) as db:
        db.execute(sa.insert(t.contact).values(**ROW, org_id=acme.id, source_id="c-1", status="queued"))
        counts.fold(db)
        db.execute(sa.update(t.contact).values(status="synced"))
        counts.fold(db)
        assert db.execute(sa.select(record_count.c.status)).scalars().all() == ["synced"]


@pytest.mark.postgres
def test_two_transactions_that_change_one_count_neither_wait_nor_lose(postgres_url):
    engine = open_engine(postgres_url)
    with writing(engine) as db:
        org_id = db.execute(
            sa.insert(t.org)
            .values(slug="acme", name="Acme", created_at=NOW, policies={}, mappings={}, knocked=False)
            .returning(t.org.c.id)
        ).scalar_one()
        for number in (1, 2):
            db.execute(sa.insert(t.contact).values(**ROW, org_id=org_id, source_id=f"c-{number}", status="queued"))
    heard: list[BaseException | int] = []

    def change(source_id: str) -> None:
        try:
            with writing(engine) as db:
                db.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
                synced = sa.update(t.contact).where(t.contact.c.source_id == source_id).values(status="synced")
                heard.append(db.execute(synced).rowcount)
        except sa.exc.DBAPIError as error:
            heard.append(error)

    with writing(engine) as first:
        first.execute(sa.update(t.contact).where(t.contact.c.source_id == "c-1").values(status="synced"))
        second = threading.Thread(target=change, args=("c-2",))
        second.start()
        second.join(10)
        assert heard == [1], "the second one waited for the first"
        with writing(engine) as third:
            third.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
            assert counts.fold(third) > 0
            assert counted_by_the_database(third) == counted_by_hand(third)
    with writing(engine) as db:
        counts.fold(db)
        assert counted_by_the_database(db) == {(org_id, "contact", "synced", ""): 2}
    engine.dispose()


def test_what_was_there_before_the_counts_is_counted_by_the_migration(empty_database_url):
    engine = open_engine(empty_database_url)
    config = Config()
    config.set_main_option("script_location", "contactsync.store:migrations")
    with writing(engine) as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0004")
        for slug in ("acme", "other"):
            org = {"slug": slug, "name": slug, "created_at": NOW, "policies": {}, "mappings": {}, "knocked": False}
            db.execute(sa.insert(t.org).values(**org))
        for number, (status, key) in enumerate(
            [("queued", None), ("queued", None), ("needs_attention", "k"), ("synced", None)]
        ):
            row = {**ROW, "org_id": 1 + number % 2, "problem_key": key}
            db.execute(sa.insert(t.contact).values(**row, source_id=f"c-{number}", status=status))
            event = {**row, "known": True, "source_id": f"e-{number}"}
            db.execute(sa.insert(t.event).values(**event, sync_status=None if number == 0 else status))
            db.execute(sa.insert(t.meeting).values(**row, source_id=f"m-{number}", sync_status=status))
        for number, status in enumerate(["accepted", "absorbed", "rejected", "failed", "failed"]):
            delivery = {"org_id": 1, "webhook_id": f"w-{number}", "door": "contacts", "received_at": NOW, "body": b""}
            db.execute(sa.insert(t.delivery).values(**delivery, status=status))
    upgrade(engine)
    with writing(engine) as db:
        assert counted_by_the_database(db) == counted_by_hand(db) != {}
        releases.release_all(db, 1, NOW)
        assert counted_by_the_database(db) == counted_by_hand(db)
        status = views_status.org_status(db, 1, NOW)
    assert status["deliveries"] == {"waiting": 1, "rejected": 1, "failed": 2}
    assert status["contacts"]["queued"] == 2
    engine.dispose()
