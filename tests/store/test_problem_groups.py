"""One cause is one problem, whatever it holds; fixing it releases exactly that."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from contactsync.domain.crm import Mend, Next, Problem
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import connections, problems, queue, views_status
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.ledger import Recorded, problem_as_json, record
from contactsync.store.views_paging import Slice
from tests.store.conftest import NOW

TITLE = Problem(
    "field_too_long", "Too long.", "Shorten it.", "event team", ("Title",), "Lead", (Mend.MAPPING, Mend.SOURCE)
)
PHONE = replace(TITLE, fields=("Phone",))
OWNER = Problem("owner_inactive", "Inactive.", "Activate.", object="Contact", mended_by=(Mend.OWNER,))
SIGN_IN = Problem("invalid_grant", "Revoked.", "Connect again.", mended_by=(Mend.CONNECTION,))


@pytest.fixture
def held(engine, acme, vault):
    """Three contacts and a meeting with one problem, a contact and an event with others, and contacts without any."""
    row = {"org_id": acme.id, "fields": {"versions": [], "fields": {}}, "created_at": NOW, "updated_at": NOW}
    contact = {**row, "deleted": False, "change": 1, "attempts": 0, "forced": False, "status": SyncStatus.QUEUED}
    with writing(engine) as db:
        connections.connect(db, vault, acme.id, "salesforce", {}, {}, NOW)
        for number in range(1, 7):
            db.execute(sa.insert(t.contact).values(**contact, source_id=f"c-{number}"))
        db.execute(sa.insert(t.meeting).values(**row, source_id="m-1", deleted=False, change=1))
        db.execute(sa.insert(t.event).values(**row, source_id="e-1", deleted=False, known=True, change=1))
        stuck = [(1, "contact", TITLE), (2, "contact", TITLE), (3, "contact", TITLE), (4, "contact", PHONE)]
        for key, subject, problem in [*stuck, (1, "meeting", TITLE), (1, "event", OWNER)]:
            outcome = Outcome(SyncStatus.NEEDS_ATTENTION, problem=problem, next=Next.STOP)
            entry = Recorded(key, f"{subject[0]}-{key}", 1, 1, outcome, NOW, subject=subject)
            record(db, acme.id, 1, [entry], NOW)
        well = Recorded(5, "c-5", 1, 1, Outcome(SyncStatus.SYNCED), NOW)
        record(db, acme.id, 1, [well], NOW)
    return acme


def due(engine):
    with reading(engine) as db:
        return {
            name
            for table in (t.contact, t.event, t.meeting)
            for name in db.execute(sa.select(table.c.source_id).where(table.c.due_at <= NOW)).scalars()
        }


def test_records_with_one_cause_are_one_problem_the_one_that_holds_most_first(engine, held):
    with reading(engine) as db:
        first, *others = problems.groups(db, held.id)
    assert (first.key, first.counts, first.total) == (TITLE.key, {"contact": 3, "event": 0, "meeting": 1}, 4)
    assert (first.first, first.last) == (("contact", "c-1"), ("contact", "c-3"))
    assert first.problem == problem_as_json(TITLE)
    assert {one.key: one.total for one in others} == {PHONE.key: 1, OWNER.key: 1}
    with reading(engine) as db:
        assert problems.group(db, held.id, OWNER.key).first == ("event", "e-1")
        assert problems.group(db, held.id, "none") is None


def test_another_orgs_problems_are_not_shown_and_not_released(engine, held, other):
    with writing(engine) as db:
        assert problems.groups(db, other.id) == []
        assert problems.records(db, other.id, TITLE.key, Slice()).items == ()
        assert problems.release(db, other.id, TITLE.key, NOW) == 0


def test_releasing_a_problem_puts_exactly_its_records_into_the_queue(engine, held):
    with writing(engine) as db:
        assert problems.release(db, held.id, TITLE.key, NOW) == 4
    assert due(engine) == {"c-1", "c-2", "c-3", "m-1"}
    with reading(engine) as db:
        assert {one.key for one in problems.groups(db, held.id)} == {PHONE.key, OWNER.key}


@pytest.mark.parametrize(
    ("said", "released"),
    [
        ({"mends": {Mend.MAPPING}}, {"c-1", "c-2", "c-3", "c-4", "m-1"}),
        ({"mends": {Mend.MAPPING}, "object": "Lead", "fields": {"Phone"}}, {"c-4"}),
        ({"mends": {Mend.MAPPING}, "object": "Contact"}, set()),
        ({"mends": {Mend.OWNER}, "fields": {"OwnerId"}}, {"e-1"}),  # it names no field: it may be of this one
        ({"mends": {Mend.POLICY}}, set()),
    ],
)
def test_what_is_mended_releases_the_problems_that_it_mends(engine, held, said, released):
    with writing(engine) as db:
        assert problems.release_mended(db, held.id, **said, now=NOW) == len(released)
    assert due(engine) == released


def test_a_deleted_meeting_that_a_problem_holds_is_released_too(engine, held):
    with writing(engine) as db:
        db.execute(sa.update(t.meeting).values(deleted=True))
        assert problems.release(db, held.id, TITLE.key, NOW) == 4


def test_a_contact_in_the_queue_is_not_held_by_what_held_it(engine, held):
    with writing(engine) as db:
        queue.mark_one_due(db, held.id, "c-4", NOW)
        assert PHONE.key not in {one.key for one in problems.groups(db, held.id)}


def test_an_outcome_that_came_too_late_names_no_problem(engine, held):
    with writing(engine) as db:
        queue.mark_one_due(db, held.id, "c-6", NOW)  # it changed while it was under way
        outcome = Outcome(SyncStatus.NEEDS_ATTENTION, problem=PHONE, next=Next.STOP)
        record(db, held.id, 1, [Recorded(6, "c-6", 1, 1, outcome, NOW)], NOW)
        assert problems.group(db, held.id, PHONE.key).total == 1


def test_what_stops_the_connection_comes_first_with_its_records(engine, held):
    with writing(engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN)))
        first = problems.groups(db, held.id)[0]
        assert (first.key, first.subject, first.total) == (SIGN_IN.key, "connection", 0)
        outcome = Outcome(SyncStatus.NEEDS_ATTENTION, problem=SIGN_IN, next=Next.STOP)
        record(db, held.id, 1, [Recorded(6, "c-6", 1, 1, outcome, NOW)], NOW)
        first = problems.groups(db, held.id)[0]
        assert (first.subject, first.total, first.last) == ("connection", 1, ("contact", "c-6"))


def test_the_status_counts_meetings_and_events_and_names_the_connections_problem_by_its_key(engine, held):
    with writing(engine) as db:
        db.execute(sa.update(t.connection).values(problem=problem_as_json(SIGN_IN), budget_at=NOW))
        status = views_status.org_status(db, held.id, NOW)
    assert status["meetings"] == {**dict.fromkeys(SyncStatus, 0), "needs_attention": 1}
    assert status["events"] == {**dict.fromkeys(SyncStatus, 0), "needs_attention": 1}
    assert status["contacts"]["needs_attention"] == 4
    assert status["crm"]["problem"]["key"] == SIGN_IN.key
    assert status["crm"]["budget_at"] == "2026-11-24T09:00:00.123456Z"


def test_what_is_due_longest_is_found_among_contacts_events_and_meetings(engine, held):
    with writing(engine) as db:
        queue.mark_meetings_of_event_due(db, held.id, "e-404", NOW)
        assert views_status.org_status(db, held.id, NOW)["oldest_due_seconds"] is None
        problems.release(db, held.id, TITLE.key, NOW)
        db.execute(sa.update(t.contact).values(due_at=None))
        assert views_status.org_status(db, held.id, NOW)["oldest_due_seconds"] == 0
