"""A resync: a filtered set of contacts goes into the queue again, bit by bit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.errors import RefusedInput
from contactsync.domain.records import SyncStatus
from contactsync.store import queue, resyncs
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.resyncs import ResyncFilter

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def contact(org_id, number, **columns):
    row = {
        "org_id": org_id,
        "source_id": f"c-{number}",
        "fields": {"versions": [], "fields": {}},
        "email": f"c{number}@acme.example",
        "deleted": False,
        "created_at": NOW,
        "updated_at": NOW,
        "due_at": None,
        "change": 1,
        "attempts": 0,
        "forced": False,
        "status": SyncStatus.SYNCED,
        "problem_key": None,
    }
    return row | columns


@pytest.fixture
def add(engine, acme):
    def add(*rows, org_id=None):
        with writing(engine) as db:
            db.execute(sa.insert(t.contact), [contact(org_id or acme.id, *row[:1], **dict(row[1:])) for row in rows])

    return add


def due(engine):
    with reading(engine) as db:
        rows = db.execute(sa.select(t.contact.c.source_id, t.contact.c.forced).where(t.contact.c.due_at.is_not(None)))
        return {row.source_id: row.forced for row in rows}


def begin(engine, acme, which, forced=False):
    with writing(engine) as db:
        return resyncs.start(db, acme.id, which, forced, NOW)


def feed(engine, acme, room):
    with writing(engine) as db:
        return resyncs.feed(db, acme.id, NOW, room)


def look(engine, acme, resync_id):
    with reading(engine) as db:
        return resyncs.progress(db, acme.id, resync_id)


def test_all_contacts_go_bit_by_bit_and_deleted_ones_and_other_orgs_never(engine, acme, other, add):
    add(*((number,) for number in range(5)), (9, ("deleted", True), ("status", SyncStatus.EXCLUDED)))
    add((100,), org_id=other.id)
    resync_id = begin(engine, acme, ResyncFilter(all=True))
    assert look(engine, acme, resync_id).total == 5
    assert feed(engine, acme, 2) == 2
    assert set(due(engine)) == {"c-0", "c-1"}
    halfway = look(engine, acme, resync_id)
    assert (halfway.fed, halfway.waiting, halfway.done, halfway.state) == (2, 2, 0, "going")
    assert feed(engine, acme, 10) == 3
    assert set(due(engine)) == {f"c-{number}" for number in range(5)}
    ended = look(engine, acme, resync_id)
    assert (ended.fed, ended.total, ended.state) == (5, 5, "ended")
    assert feed(engine, acme, 10) == 0


def test_what_is_through_the_queue_counts_as_done(engine, acme, add):
    add((1,), (2,))
    resync_id = begin(engine, acme, ResyncFilter(all=True))
    feed(engine, acme, 10)
    with writing(engine) as db:
        done = {"status": SyncStatus.SYNCED, "due_at": None}
        db.execute(sa.update(t.contact).where(t.contact.c.source_id == "c-1").values(**done))
    assert look(engine, acme, resync_id).done == 1


def test_contacts_that_come_after_it_was_asked_for_are_not_among_it(engine, acme, add):
    add((1,))
    begin(engine, acme, ResyncFilter(all=True))
    add((2,))
    assert feed(engine, acme, 10) == 1
    assert set(due(engine)) == {"c-1"}


@pytest.mark.parametrize(
    ("which", "taken"),
    [
        (ResyncFilter(status=SyncStatus.NEEDS_ATTENTION), {"c-2", "c-3"}),
        (ResyncFilter(problem="0123456789abcdef"), {"c-2"}),
        (ResyncFilter(ids=("c-1", "c-3", "c-404")), {"c-1", "c-3"}),
        (ResyncFilter(ids=("c-1", "c-3"), status=SyncStatus.SYNCED), {"c-1"}),
        (ResyncFilter(since=NOW + timedelta(days=1)), {"c-4"}),
        (ResyncFilter(until=NOW + timedelta(days=1)), {"c-1", "c-2", "c-3"}),
        (ResyncFilter(event="e-1"), {"c-1", "c-4"}),
        (ResyncFilter(event="e-1", until=NOW + timedelta(days=1)), {"c-1"}),
    ],
)
def test_a_filter_takes_exactly_what_it_says(engine, acme, add, which, taken):
    stuck = ("status", SyncStatus.NEEDS_ATTENTION)
    add((1,), (2, stuck, ("problem_key", "0123456789abcdef")), (3, stuck), (4, ("updated_at", NOW + timedelta(days=2))))
    with writing(engine) as db:
        for who in ("id:c-1", "email:c4@acme.example"):
            said = {"org_id": acme.id, "event_id": "e-1", "who": who, "status": "registered", "removed": False}
            db.execute(sa.insert(t.attendance).values(**said, version="1", status_version="1"))
    resync_id = begin(engine, acme, which)
    assert look(engine, acme, resync_id).total == len(taken)
    while feed(engine, acme, 1):
        pass
    assert set(due(engine)) == taken
    assert look(engine, acme, resync_id).filter == which


def test_forced_ones_are_synced_even_when_nothing_changed(engine, acme, add):
    add((1,))
    begin(engine, acme, ResyncFilter(all=True), forced=True)
    feed(engine, acme, 10)
    assert due(engine) == {"c-1": True}


def test_one_resync_after_the_other_is_fed_and_takes_the_room_that_is_left(engine, acme, add):
    add((1,), (2,), (3,))
    first = begin(engine, acme, ResyncFilter(ids=("c-1", "c-2")))
    second = begin(engine, acme, ResyncFilter(ids=("c-3",)))
    with reading(engine) as db:
        assert [one.id for one in resyncs.active(db, acme.id)] == [first, second]
    assert feed(engine, acme, 1) == 1
    assert set(due(engine)) == {"c-1"}
    assert feed(engine, acme, 5) == 2
    assert set(due(engine)) == {"c-1", "c-2", "c-3"}
    with reading(engine) as db:
        assert resyncs.active(db, acme.id) == ()
        assert [one.id for one in resyncs.resyncs(db, acme.id, 10)] == [second, first]
        assert [one.id for one in resyncs.resyncs(db, acme.id, 10, before=second)] == [first]


def test_a_cancelled_one_is_fed_no_further_and_cannot_be_cancelled_again(engine, acme, other, add):
    add((1,), (2,))
    resync_id = begin(engine, acme, ResyncFilter(all=True))
    feed(engine, acme, 1)
    with writing(engine) as db:
        assert not resyncs.cancel(db, other.id, resync_id, NOW)
        assert resyncs.cancel(db, acme.id, resync_id, NOW)
        assert not resyncs.cancel(db, acme.id, resync_id, NOW)
    assert feed(engine, acme, 5) == 0
    assert set(due(engine)) == {"c-1"}
    cancelled = look(engine, acme, resync_id)
    assert (cancelled.state, cancelled.fed, cancelled.total) == ("cancelled", 1, 2)


def test_one_under_way_is_work_for_the_clock_until_it_ends(engine, acme, add):
    add((1,))
    begin(engine, acme, ResyncFilter(ids=("c-404",)))
    with reading(engine) as db:
        assert queue.orgs_with_work(db, NOW) == (acme.id,)
    feed(engine, acme, 5)
    with reading(engine) as db:
        assert queue.orgs_with_work(db, NOW) == ()


def test_another_orgs_resync_is_not_shown(engine, acme, other):
    resync_id = begin(engine, acme, ResyncFilter(all=True))
    assert look(engine, other, resync_id) is None


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({}, "all"),
        ({"all": True, "event": "e-1"}, "all"),
        ({"since": NOW, "until": NOW}, "until"),
        ({"ids": tuple(str(number) for number in range(10_001))}, "ids"),
    ],
)
def test_filters_that_mean_nothing_are_refused_by_name(said, named):
    with pytest.raises(RefusedInput) as refused:
        ResyncFilter(**said)
    assert set(refused.value.fields) == {named}


def test_a_filter_is_the_same_after_it_was_kept():
    which = ResyncFilter(event="e-1", status=SyncStatus.RETRYING, since=NOW, until=NOW + timedelta(1), ids=("c-1",))
    assert ResyncFilter.from_json(which.as_json()) == which
    assert which.as_json()["since"] == "2026-11-24T09:00:00Z"


def test_the_events_and_meetings_of_an_event_go_with_it(engine, acme):
    row = {"org_id": acme.id, "fields": {"versions": [], "fields": {}}, "created_at": NOW, "updated_at": NOW}
    with writing(engine) as db:
        for name in ("e-1", "e-2"):
            db.execute(sa.insert(t.event).values(**row, source_id=name, known=True, deleted=False))
            db.execute(sa.insert(t.meeting).values(**row, source_id=f"m-{name}", event_id=name, deleted=False))
    begin(engine, acme, ResyncFilter(event="e-1"), forced=True)
    feed(engine, acme, 5)
    with reading(engine) as db:
        for table, taken in ((t.event, "e-1"), (t.meeting, "m-e-1")):
            rows = db.execute(sa.select(table).where(table.c.due_at.is_not(None))).all()
            assert [(one.source_id, one.forced, one.change) for one in rows] == [(taken, True, 2)]
