"""Few records go at once; many are noted and go bit by bit, exactly those that were meant, each once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contactsync.domain.crm import Mend
from contactsync.domain.records import SyncStatus
from contactsync.store import problems, queue, releases
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.releases import AT_ONCE, Held
from tests.store.conftest import NOW

MANY = AT_ONCE + 100
ROW = {"fields": {"versions": [], "fields": {}}, "created_at": NOW, "updated_at": NOW, "deleted": False, "change": 1}
STUCK = {"problem_key": "stuck", "problem": {"code": "x", "cause": "", "fix": "", "who": "", "mended_by": ["mapping"]}}


@pytest.fixture
def held(engine, acme, other):
    """Many contacts, an event and a meeting that one problem holds, in two orgs; a contact that is well."""
    with writing(engine) as db:
        for org in (acme, other):
            status = {"status": SyncStatus.NEEDS_ATTENTION}
            rows = [{**ROW, **STUCK, **status, "org_id": org.id, "source_id": f"c-{n}"} for n in range(MANY)]
            db.execute(sa.insert(t.contact), rows)
            well = {"org_id": org.id, "source_id": "well", "status": SyncStatus.SYNCED}
            db.execute(sa.insert(t.contact).values(**ROW, **well))
            for table, name in ((t.event, "e-1"), (t.meeting, "m-1")):
                here = {"org_id": org.id, "source_id": name, "sync_status": SyncStatus.NEEDS_ATTENTION}
                db.execute(sa.insert(table).values(**ROW, **STUCK, **here))
    return acme


def due(engine, org_id):
    with reading(engine) as db:
        return {
            name
            for table in (t.contact, t.event, t.meeting)
            for name in db.execute(
                sa.select(table.c.source_id).where(table.c.org_id == org_id, table.c.due_at <= NOW)
            ).scalars()
        }


def noted(engine):
    with reading(engine) as db:
        return db.execute(sa.select(sa.func.count()).select_from(t.pending_release)).scalar_one()


def feed(engine, org_id, room, up_to=None):
    with writing(engine) as db:
        return releases.feed(db, org_id, NOW, room, releases.newest(db, org_id) if up_to is None else up_to)


def test_many_are_noted_at_once_and_go_bit_by_bit_in_the_order_of_the_sync(engine, held, other):
    with writing(engine) as db:
        assert problems.release(db, held.id, "stuck", NOW) == MANY + 2
    assert (due(engine, held.id), noted(engine)) == (set(), 1)
    with reading(engine) as db:
        assert queue.orgs_with_work(db, NOW) == (held.id,)
        assert problems.group(db, held.id, "stuck").total == MANY + 2  # they stand as they stood until they go
    assert feed(engine, held.id, 3) == 3
    assert due(engine, held.id) == {"e-1", "c-0", "c-1"}
    assert feed(engine, held.id, MANY - 2) == MANY - 2
    assert "m-1" not in due(engine, held.id)
    assert feed(engine, held.id, 10) == 1
    assert due(engine, held.id) == {"e-1", "m-1", *(f"c-{n}" for n in range(MANY))}
    assert (noted(engine), feed(engine, held.id, 10), due(engine, other.id)) == (0, 0, set())
    with reading(engine) as db:
        assert problems.groups(db, held.id) == []


def test_few_go_in_the_transaction_of_whoever_asks(engine, held):
    with writing(engine) as db:
        few = t.contact.c.source_id.in_(["c-1", "c-2"])
        db.execute(sa.update(t.contact).where(few).values(problem_key="other"))
        assert problems.release(db, held.id, "other", NOW) == 2
    assert (due(engine, held.id), noted(engine)) == ({"c-1", "c-2"}, 0)


def test_a_record_that_fails_again_meanwhile_goes_once_and_not_for_ever(engine, held):
    with writing(engine) as db:
        problems.release(db, held.id, "stuck", NOW)
    rounds = 0
    while noted(engine):
        rounds += 1
        feed(engine, held.id, 1000)
        with writing(engine) as db:
            again = {"status": SyncStatus.NEEDS_ATTENTION, "problem_key": "stuck", "due_at": None}
            db.execute(sa.update(t.contact).where(t.contact.c.due_at.is_not(None)).values(again))
        assert rounds < 10
    with reading(engine) as db:
        changes = db.execute(sa.select(t.contact.c.change).where(t.contact.c.org_id == held.id).distinct()).scalars()
        assert set(changes) == {1, 2}


def test_one_that_was_noted_after_the_rules_were_read_waits_for_the_next_round(engine, held):
    with writing(engine) as db:
        before = releases.newest(db, held.id)
        problems.release(db, held.id, "stuck", NOW)
    assert feed(engine, held.id, 1000, up_to=before) == 0
    assert due(engine, held.id) == set()
    assert feed(engine, held.id, 1000) == 1000


def test_the_same_asked_for_again_begins_again(engine, held):
    with writing(engine) as db:
        problems.release(db, held.id, "stuck", NOW)
    feed(engine, held.id, 3)
    with writing(engine) as db:
        db.execute(sa.insert(t.contact).values(
            **ROW, **STUCK, org_id=held.id, source_id="late", status=SyncStatus.NEEDS_ATTENTION
        ))  # fmt: skip
        problems.release(db, held.id, "stuck", NOW)
    assert noted(engine) == 1
    while feed(engine, held.id, 1000):
        pass
    assert due(engine, held.id) == {"e-1", "m-1", "late", *(f"c-{n}" for n in range(MANY))}


def test_what_a_mapping_mends_is_one_release(engine, held):
    with writing(engine) as db:
        other_key = {**STUCK["problem"], "code": "y"}
        some = t.contact.c.source_id.in_([f"c-{n}" for n in range(50)])
        db.execute(sa.update(t.contact).where(some).values(problem_key="second", problem=other_key))
        released = problems.release_mended(db, held.id, mends={Mend.MAPPING}, now=NOW)
    assert (released, noted(engine)) == (MANY + 2, 1)
    while feed(engine, held.id, 1500):
        pass
    assert len(due(engine, held.id)) == MANY + 2


def test_everything_goes_after_a_move_to_another_crm_but_what_was_deleted(engine, held):
    with writing(engine) as db:
        gone = {"deleted": True, "status": SyncStatus.EXCLUDED, "problem_key": None}
        db.execute(sa.update(t.contact).where(t.contact.c.source_id == "c-7").values(gone))
        releases.release_all(db, held.id, NOW)
    while feed(engine, held.id, 1500):
        pass
    assert due(engine, held.id) == {"e-1", "m-1", "well", *(f"c-{n}" for n in range(MANY) if n != 7)}


def test_a_release_survives_being_written_down():
    which = Held(("queued",), ("a", "b"), ("contact",), deleted=False, forced=True)
    assert Held.from_json({**which.__dict__, "problems": ["a", "b"], "statuses": ["queued"]}) == which
