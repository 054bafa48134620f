"""Every statement of the queues, the ledger and the views goes by an index: none reads a table that grows from end to end."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.changes import changes_of
from contactsync.domain.crm import Mend, RecordKind, RecordRef
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.store import (
    absorption,
    approvals,
    choices,
    companies,
    connections,
    hourly,
    pages_companies,
    pages_inbox,
    pages_overview,
    pages_setup,
    people,
    problems,
    queue,
    releases,
    resyncs,
    retention,
    views,
    views_meetings,
    views_status,
)
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.ledger import LinkMade, Recorded, leave_alone, note_attempts, record, record_undo
from contactsync.store.mentions import GROUNDS, stretch
from contactsync.store.queue_events import claim_events
from contactsync.store.queue_meetings import activities_of_others, claim_meetings, read_meeting
from contactsync.store.resyncs import ResyncFilter
from contactsync.store.scrubbing import Learned, scrub, scrub_meetings
from contactsync.store.views_paging import Slice
from contactsync.store.written import marks_of
from tests.store.conftest import NOW

GROWING = (
    "contact",
    "event",
    "meeting",
    "meeting_attendee",
    "attendance",
    "sync_run",
    "delivery",
    "link",
    "written",
    "company",
    "resync",
    "hourly",
)
KEY = "0123456789abcdef"
LEAD = RecordRef(RecordKind.LEAD, "00Q1")
PAGE = Slice(10, before=100)


def filters():
    yield ResyncFilter(all=True)
    yield ResyncFilter(event="e-1", status=SyncStatus.SYNCED)
    yield ResyncFilter(problem=KEY)
    yield ResyncFilter(ids=("c-1",))
    yield ResyncFilter(status=SyncStatus.SYNCED, since=NOW - timedelta(1))


def resynced(db, org_id):
    for which in filters():
        number = resyncs.start(db, org_id, which, True, NOW)  # noqa: FBT003
        resyncs.feed(db, org_id, NOW, 10)
        resyncs.progress(db, org_id, number)
    resyncs.active(db, org_id)
    resyncs.resyncs(db, org_id, 10, before=5)


def recorded(db, org_id):
    connection_id = connections.present(db, org_id).id
    made = [
        Recorded(
            key, name, 1, 1, Outcome(SyncStatus.SYNCED, person=LEAD, unlink=unlink), NOW, subject=subject, tied=("x",),
            run=[], links=links, marks={LEAD: {"Title": "aaa"}},
        )
        for key, name, subject, unlink, links in (
            (1, "c-1", "contact", False, (LinkMade("c-1", LEAD, created_by_us=True),)),
            (2, "c-2", "contact", True, ()),
            (1, "e-1", "event", False, (LinkMade("e-1", RecordRef(RecordKind.CAMPAIGN, "701"), created_by_us=True),)),
            (1, "m-1", "meeting", False, (LinkMade("meeting:m-1", RecordRef(RecordKind.ACTIVITY, "00U"), created_by_us=True),)),
        )
    ]  # fmt: skip
    record(db, org_id, connection_id, made, NOW)
    record_undo(db, org_id, connection_id, 1, [], [], NOW, NOW)
    note_attempts(db, "meeting", {1: ["x"]})
    note_attempts(db, "contact", {1: ["a@b.c"]})
    leave_alone(db, "event", {1: 1})
    marks_of(db, connection_id, [LEAD])


def claimed(db, org_id):
    connection_id = connections.present(db, org_id).id
    queue.claim(db, org_id, connection_id, NOW, 10)
    claim_events(db, org_id, connection_id, NOW, 10)
    assert claim_meetings(db, org_id, connection_id, NOW, 10)
    read_meeting(db, org_id, connection_id, "m-1")
    queue.sharing(db, org_id, connection_id, ["a@b.c"])
    queue.linked_people(db, connection_id, [LEAD])
    queue.due_count(db, org_id, NOW, 10)
    queue.orgs_with_work(db, NOW)


def seen(db, org_id):
    views_meetings.meetings(db, org_id, None, PAGE)
    views_meetings.meetings(db, org_id, SyncStatus.SYNCED, PAGE)
    views_meetings.meetings(db, org_id, None, PAGE, event_id="e-1")
    assert views_meetings.meeting(db, org_id, "m-1")
    views.runs(db, org_id, PAGE)
    views.runs(db, org_id, PAGE, subject="contact", source_id="c-1")
    views.runs(db, org_id, PAGE, subject="meeting", source_id="m-1")
    views.run(db, org_id, "run_1")
    views_status.org_status(db, org_id, NOW)
    views_status.all_statuses(db, NOW)


def grouped(db, org_id):
    assert problems.groups(db, org_id)
    problems.records(db, org_id, KEY, PAGE)
    problems.records(db, org_id, KEY, Slice(10))
    problems.release(db, org_id, KEY, NOW)
    problems.release_mended(db, org_id, mends={Mend.MAPPING}, now=NOW)


def marked(db, org_id):
    queue.mark_attendees_due(db, org_id, "e-1", NOW)
    queue.mark_one_due(db, org_id, "c-1", NOW)
    releases.release_incomplete(db, org_id, NOW)
    choices.choose_campaign(db, org_id, "e-1", "701", NOW)
    problems.release_held(db, org_id, None, NOW)


def put_right(db, org_id):
    connection_id = connections.present(db, org_id).id
    for name in ("one", "other"):
        changes = changes_of("contact.updated", "2026-11-24T09:00:00.000000Z", ({"id": name, "company": name},), 1, NOW)
        absorption.write_changes(db, org_id, [changes], NOW)
    companies.choose_account(db, org_id, connection_id, "name:one", "001", NOW)
    companies.choose_account(db, org_id, connection_id, "name:other", "", NOW)
    one, other = (companies.company_by_key(db, org_id, connection_id, f"name:{name}") for name in ("one", "other"))
    companies.merge(db, org_id, connection_id, other, one, NOW)
    queue.companies_named(db, org_id, connection_id, ["name:other"])
    companies.take_apart(db, org_id, companies.company_by_number(db, org_id, connection_id, other.id), NOW)
    approvals.approve(db, org_id, ["c-1", "one"], NOW)


def looked_at(db, org_id):
    for show in pages_companies.Show:
        pages_companies.company_list(db, org_id, show)
        pages_companies.company_list(db, org_id, show, "on", after=1)
    pages_companies.company_whole(db, org_id, 1)
    for alone in (True, False):
        pages_inbox.inbox_page(db, org_id, after=0, limit=10, review_alone=alone)
        pages_inbox.left_in_inbox(db, org_id, review_alone=alone)
    pages_inbox.inbox_entry(db, org_id, 1)
    pages_inbox.next_in_inbox(db, org_id, 0)
    pages_inbox.companies_called(db, org_id, "on", 5)
    pages_overview.overview(db, org_id, NOW, [NOW - timedelta(2), NOW - timedelta(1)])
    pages_setup.followed_contact(db, org_id, "c-1")
    pages_setup.followed_delivery(db, org_id, 1)
    pages_setup.platform_was_heard(db, org_id, "test-")


def housekept(db, org_id):
    for take in (retention.empty_bodies, retention.delete_deliveries):
        take(db, org_id, NOW - timedelta(1), NOW, 10)
    retention.delete_runs(db, org_id, NOW, NOW, 10)
    retention.empty_deleted_contacts(db, org_id, NOW, 0, 10)
    retention.delete_what_is_over(db, org_id, NOW, NOW, 10)
    hourly.delete_before(db, org_id, NOW)


def erased(db, org_id):
    person, records = people.person_of(db, org_id, "a@b.c", ["c-2"])
    assert person.ids == {"c-1", "c-2"}
    for ground in GROUNDS.values():
        _, last = stretch(db, org_id, ground, None, person.needles)
        stretch(db, org_id, ground, last, person.record_needles)
    for name in GROUNDS:
        scrub(db, org_id, name, [1] if GROUNDS[name].key.name == "id" else ["x-1"], person, Learned(), NOW, json.loads)
    scrub_meetings(db, org_id, person, ["m-1"])
    people.activities_of(db, org_id, ["m-1"])
    people.addresses_of(db, org_id, ["c-1"])
    people.remove_person(db, org_id, person, records)


def absorbed(db, org_id):
    contact = {
        "id": "c-1",
        "email": "x@y.z",
        "company": {"name": "Acme"},
        "events": [{"id": "e-1", "status": "attended"}],
    }
    for kind, item in (
        ("contact.updated", contact),
        ("contact.updated", {"id": "c-1", "events": None}),
        ("event.updated", {"id": "e-1", "name": "Summit", "campaign_id": "701S"}),
        ("event.contacts_added", {"event_id": "e-1", "contacts": [{"email": "x@y.z"}]}),
        ("meeting.updated", {"id": "m-1", "attendees": [{"contact_id": "c-1"}]}),
    ):
        changes = changes_of(kind, "2026-11-24T09:00:00.000000Z", (item,), 1, NOW)
        absorption.write_changes(db, org_id, [changes], NOW)
    absorption.waiting(db, org_id, 10, 10)


@pytest.fixture
def filled(engine, acme, vault):
    """An org with one of everything."""
    row = {"org_id": acme.id, "fields": {"versions": [], "fields": {}}, "created_at": NOW, "updated_at": NOW}
    due = {
        **row,
        "due_at": NOW,
        "deleted": False,
        "problem_key": KEY,
        "problem": {"code": "x", "cause": "No.", "fix": "Do.", "who": "you", "mended_by": ["mapping"]},
    }
    contact = {**due, "change": 1, "attempts": 0, "forced": False, "status": SyncStatus.QUEUED, "due_at": None}
    with writing(engine) as db:
        connections.connect(db, vault, acme.id, "salesforce", {}, {}, NOW)
        db.execute(sa.insert(t.contact).values(**contact, source_id="c-1", email="a@b.c"))
        db.execute(sa.insert(t.contact).values(**contact, source_id="c-2"))
        db.execute(sa.insert(t.event).values(**due, source_id="e-1", known=True))
        db.execute(sa.insert(t.meeting).values(**due, source_id="m-1", event_id="e-1", sync_status="queued"))
        db.execute(sa.insert(t.meeting_attendee).values(org_id=acme.id, meeting_id=1, who="id:c-1"))
    return acme


@contextmanager
def statements(db):
    """What is executed meanwhile, with its parameters."""
    heard = []

    def hear(_conn, _cursor, statement, parameters, _context, executemany):
        heard.append((statement, parameters[0] if executemany else parameters))

    sa.event.listen(db, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        sa.event.remove(db, "before_cursor_execute", hear)


def plan_of(db, statement, parameters):
    explain = "EXPLAIN QUERY PLAN " if db.dialect.name == "sqlite" else "EXPLAIN "
    rows = db.exec_driver_sql(explain + statement, parameters).all()
    return [str(row[-1]) for row in rows]


@pytest.mark.parametrize(
    "doing", [absorbed, claimed, recorded, resynced, seen, grouped, marked, put_right, looked_at, housekept, erased]
)
def test_no_statement_reads_a_whole_table_that_grows(engine, filled, doing):
    with writing(engine) as db:
        if db.dialect.name != "sqlite":
            # The tables are small: unless told, Postgres rightly reads them whole.
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
        with statements(db) as heard:
            doing(db, filled.id)
        assert len(heard) > 3
        names = "|".join(GROWING)
        whole = rf"^SCAN ({names})(_\d+)?\b|Seq Scan on ({names})\b"
        # All that an org has is no better, but up to a limit; of its resyncs few are under way.
        orgs = rf"^SEARCH ({names})(_\d+)? USING (COVERING )?INDEX (?!ix_resync_going )\w+ \(org_id=\?\)$"
        for statement, parameters in heard:
            if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
                plan = plan_of(db, statement, parameters)
                bad = whole if "LIMIT" in statement or doing in (resynced, erased) else f"{whole}|{orgs}"
                assert not [line for line in plan if re.search(bad, line.strip())], f"{statement}\n{plan}"


def test_a_meetings_attendees_are_looked_up_and_not_sought_in_all_that_is_due(engine, filled):
    with writing(engine) as db:
        if db.dialect.name != "sqlite":
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
        with statements(db) as heard:
            claim_meetings(db, filled.id, None, NOW, 10)
        plan = [line for one in heard for line in plan_of(db, *one)]
    assert not [line for line in plan if "ix_contact_due" in line], plan


def test_who_was_synced_last_is_one_end_of_an_index(engine, filled):
    with writing(engine) as db:
        if db.dialect.name != "sqlite":
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
        with statements(db) as heard:
            pages_overview.lately(db, filled.id)
        (plan,) = (" ".join(plan_of(db, *one)) for one in heard)
    assert "ix_contact_synced" in plan
    assert not re.search(r"TEMP B-TREE|Sort", plan), plan


def test_whose_a_record_is_is_asked_by_its_id_and_not_of_all_that_are_linked(engine, filled):
    with writing(engine) as db:
        if db.dialect.name != "sqlite":
            db.exec_driver_sql("SET LOCAL enable_seqscan = off")
        with statements(db) as heard:
            queue.linked_people(db, 1, [LEAD])
            activities_of_others(db, 1, [RecordRef(RecordKind.ACTIVITY, "00U1")], ["m-1"])
        plans = [" ".join(plan_of(db, *one)) for one in heard]
    assert len(plans) == 2
    assert all("ix_link_record" in plan for plan in plans), plans


def test_a_page_of_what_a_problem_holds_goes_through_all_subjects_once(engine, filled):
    with reading(engine) as db:
        seen_ids, before = [], None
        while True:
            page = problems.records(db, filled.id, KEY, Slice(1, before))
            seen_ids += [(item["subject"], item["id"]) for item in page.items]
            if page.next is None:
                break
            before = page.next
    assert sorted(seen_ids) == [("contact", "c-1"), ("contact", "c-2"), ("event", "e-1"), ("meeting", "m-1")]


def test_this_test_would_see_a_table_that_is_read_whole(engine, filled):
    with writing(engine) as db, statements(db) as heard:
        db.execute(sa.select(t.contact.c.id).where(t.contact.c.sync_as == "lead")).all()
        (one,) = heard
        assert any(re.search(r"SCAN contact|Seq Scan on contact", line) for line in plan_of(db, *one))
