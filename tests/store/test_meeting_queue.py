"""Meetings and events: brought in from deliveries, due when they should be, claimed whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from contactsync.domain.changes import changes_of
from contactsync.domain.crm import Problem, RecordKind, RecordRef
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import Attendee, SyncStatus
from contactsync.intake.decode import decode
from contactsync.store import absorption, choices, connections, due, orgs, problems, queue, releases
from contactsync.store import tables as t
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.ledger import LinkMade, Recorded, leave_alone, note_attempts, record
from contactsync.store.queue_events import claim_events
from contactsync.store.queue_meetings import claim_meetings, meeting_source, read_meeting
from contactsync.store.written import marks_of
from tests.intake.conftest import written

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PLACE = {"instance_url": "https://one.example"}


class Store:
    """One org's store, with deliveries in and outcomes out."""

    def __init__(self, engine, vault, org_id):
        self.engine, self.vault, self.org_id = engine, vault, org_id
        self.connection_id = self.connect(PLACE)
        self.deliveries = 0

    def connect(self, settings):
        with writing(self.engine) as db:
            return connections.connect(db, self.vault, self.org_id, "salesforce", settings, {}, NOW)

    def say(self, type_, *items, sent_at="2026-11-24T09:00:00Z"):
        self.deliveries += 1
        door = {"contact": "contacts", "event": "events", "meeting": "meetings"}[type_.split(".")[0]]
        body = written(list(items), type_).replace(b"2026-11-24T09:00:00Z", sent_at.encode())
        payload = decode(door, body)
        changes = changes_of(payload.type, payload.timestamp, payload.items, self.deliveries, NOW)
        with writing(self.engine) as db:
            absorption.write_changes(db, self.org_id, [changes], NOW)

    def claim(self, most=10):
        with reading(self.engine) as db:
            return claim_meetings(db, self.org_id, self.connection_id, NOW, most)

    def claim_events(self):
        with reading(self.engine) as db:
            return claim_events(db, self.org_id, self.connection_id, NOW, 10)

    def due(self, table):
        with reading(self.engine) as db:
            rows = db.execute(sa.select(table.c.source_id).where(table.c.due_at <= NOW, table.c.org_id == self.org_id))
            return set(rows.scalars())

    def rest(self):
        """Nothing is due any more."""
        with writing(self.engine) as db:
            for table in (t.contact, t.event, t.meeting):
                db.execute(sa.update(table).values(due_at=None))

    def row(self, table, source_id):
        with reading(self.engine) as db:
            return db.execute(sa.select(table).where(table.c.source_id == source_id)).one()

    def record(self, *done):
        with writing(self.engine) as db:
            record(db, self.org_id, self.connection_id, done, NOW)

    def synced_contact(self, contact_id, crm_id, kind=RecordKind.LEAD):
        row = self.row(t.contact, contact_id)
        ref = RecordRef(kind, crm_id)
        self.record(
            done(
                row,
                "contact",
                outcome=Outcome(SyncStatus.SYNCED, person=ref),
                links=(LinkMade(contact_id, ref, created_by_us=True),),
            )
        )


def done(row, subject, outcome=None, **more):
    more = {"links": (), **more}
    return Recorded(
        row.id,
        row.source_id,
        row.change,
        1,
        outcome or Outcome(SyncStatus.SYNCED),
        NOW,
        subject=subject,
        run=[],
        **more,
    )


@pytest.fixture
def store(engine, vault, acme):
    return Store(engine, vault, acme.id)


@pytest.fixture
def quick_store(sqlite_url, vault):
    """One for what does not touch the database's own ways."""
    engine = open_engine(sqlite_url)
    with writing(engine) as db:
        org = orgs.add_org(db, "acme", "Acme Events", NOW)
    yield Store(engine, vault, org.id)
    engine.dispose()


MEETING = {
    "id": "m-1",
    "title": "Coffee",
    "starts_at": "2026-11-24T10:00:00Z",
    "event_id": "e-1",
    "attendees": [{"contact_id": "c-1", "response": "accepted"}, {"email": "Charles@example.com", "attended": True}],
}


# ── absorption ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_meeting_is_due_and_whole(store):
    store.say("meeting.created", MEETING)
    (claimed,) = store.claim()
    meeting = claimed.ready.meeting
    assert (meeting.id, meeting.deleted) == ("m-1", False)
    assert meeting.fields == {"title": "Coffee", "starts_at": "2026-11-24T10:00:00+00:00", "event_id": "e-1"}
    assert meeting.attendees == (
        Attendee("c-1", response="accepted"),
        Attendee(email="charles@example.com", attended=True),
    )
    assert meeting.changed.startswith("2026-11-24T09:00:00.000000Z")
    assert [person.ref for person in claimed.ready.people] == [None, None]


def test_of_each_field_the_newest_version_wins_in_either_order(store):
    old = {"id": "m-1", "title": "Old", "attendees": [{"contact_id": "c-1"}], "updated_at": "2026-11-24T08:00:00Z"}
    new = {
        "id": "m-1",
        "location": "Hall 3",
        "attendees": [{"contact_id": "c-2"}],
        "updated_at": "2026-11-24T08:30:00Z",
    }
    store.say("meeting.updated", new)
    store.say("meeting.updated", old)
    (claimed,) = store.claim()
    assert claimed.ready.meeting.fields == {"location": "Hall 3", "title": "Old"}
    assert claimed.ready.meeting.attendees == (Attendee("c-2"),)
    with reading(store.engine) as db:
        assert db.execute(sa.select(t.meeting_attendee.c.who)).scalars().all() == ["id:c-2"]


ORDERED = (
    (
        "meeting.created",
        {"title": "A", "location": "Hall 1", "attendees": [{"contact_id": "c-1"}], "status": "scheduled"},
    ),
    ("meeting.updated", {"title": "B", "attendees": [{"contact_id": "c-2"}, {"email": "x@example.com"}]}),
    ("meeting.cancelled", {"location": None}),
    ("meeting.deleted", {}),
)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
def test_in_every_order_of_deliveries_a_meeting_ends_the_same(quick_store, order):
    for number in order:
        type_, said = ORDERED[number]
        quick_store.say(type_, {"id": "m-1", "updated_at": f"2026-11-24T08:0{number}:00Z", **said})
    (claimed,) = quick_store.claim()
    meeting = claimed.ready.meeting
    assert meeting.fields == {"title": "B", "location": None, "status": "cancelled"}
    assert meeting.attendees == (Attendee("c-2"), Attendee(email="x@example.com"))
    assert meeting.deleted
    with reading(quick_store.engine) as db:
        assert set(db.execute(sa.select(t.meeting_attendee.c.who)).scalars()) == {"id:c-2", "email:x@example.com"}


def test_a_cancelled_meeting_has_that_status_whatever_else_it_says(store):
    store.say("meeting.created", MEETING)
    store.say("meeting.cancelled", {"id": "m-1", "status": "scheduled"}, sent_at="2026-11-24T09:01:00Z")
    (claimed,) = store.claim()
    assert claimed.ready.meeting.fields["status"] == "cancelled"
    store.say("meeting.updated", {"id": "m-1", "status": "scheduled"}, sent_at="2026-11-24T09:02:00Z")
    assert store.claim()[0].ready.meeting.fields["status"] == "scheduled"


def test_a_deleted_meeting_is_due_once_more(store):
    store.say("meeting.created", MEETING)
    store.rest()
    store.say("meeting.deleted", {"id": "m-1"}, sent_at="2026-11-24T09:01:00Z")
    (claimed,) = store.claim()
    assert claimed.ready.meeting.deleted


def test_a_meeting_that_says_nothing_new_is_not_due_again(store):
    store.say("meeting.created", MEETING)
    store.rest()
    store.say("meeting.updated", MEETING, sent_at="2026-11-24T09:01:00Z")
    assert store.claim() == ()


def test_somebody_who_is_named_twice_attends_once(store):
    store.say(
        "meeting.created", {"id": "m-1", "attendees": [{"contact_id": 7}, {"contact_id": "7", "response": "declined"}]}
    )
    (claimed,) = store.claim()
    assert claimed.ready.meeting.attendees == (Attendee("7", response="declined"),)


def test_a_time_far_ahead_is_taken_as_the_time_it_came_and_later_changes_win(store):
    store.say("meeting.updated", {"id": "m-1", "title": "From 2062", "updated_at": "2062-01-01T00:00:00Z"})
    store.say("meeting.updated", {"id": "m-1", "title": "Now"}, sent_at="2026-11-24T09:00:01Z")
    assert store.claim()[0].ready.meeting.fields["title"] == "Now"


def test_a_time_within_a_day_is_believed_and_both_kinds_of_wrong_ones_are_counted():
    def said(updated_at, sent_at):
        item = {"id": "c-1", "updated_at": updated_at}
        return changes_of("contact.updated", sent_at, (item,), 1, NOW)

    fine = said("2026-11-25T09:00:00.000000Z", "2026-11-24T09:00:00.000000Z")
    assert fine.future_times == 0
    assert fine.contacts[0].version.startswith("2026-11-25T09:00:00.000000Z|2026-11-24T09:00:00.000000Z|")
    ahead = said("2026-11-25T09:00:00.000001Z", "2027-11-24T09:00:00.000000Z")
    assert ahead.future_times == 2
    assert ahead.contacts[0].version.startswith("2026-11-24T09:00:00.000000Z|2026-11-24T09:00:00.000000Z|")


# ── claim ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_attendees_are_found_by_id_and_by_address_with_record_name_and_account(store):
    ada = {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "company": "Engines"}
    store.say("contact.created", ada, {"id": "c-2", "first_name": "Charles", "email": "charles@example.com"})
    store.say("meeting.created", MEETING)
    store.synced_contact("c-1", "00Q1")
    store.synced_contact("c-2", "0031", RecordKind.CONTACT)
    account = RecordRef(RecordKind.ACCOUNT, "001A")
    store.record(
        done(store.row(t.contact, "c-1"), "contact", links=(LinkMade("name:engines", account, created_by_us=False),))
    )
    store.say("event.created", {"id": "e-1", "name": "Summit", "campaign_id": "701A"})
    with reading(store.engine) as db:
        ready = read_meeting(db, store.org_id, store.connection_id, "m-1").ready
        assert read_meeting(db, store.org_id, store.connection_id, "m-404") is None
    assert [(one.attendee.contact_id, one.ref, one.name, one.account) for one in ready.people] == [
        ("c-1", RecordRef(RecordKind.LEAD, "00Q1"), "Ada Lovelace", account),
        (None, RecordRef(RecordKind.CONTACT, "0031"), "Charles", None),
    ]
    assert (ready.event.id, ready.event.campaign_id, ready.event.fields["name"]) == ("e-1", "701A", "Summit")


def test_a_meeting_waits_for_its_attendees_that_are_due_known_by_id_or_address(store):
    store.say("meeting.created", MEETING, {"id": "m-2", "attendees": [{"contact_id": "c-9"}]})
    store.say("contact.created", {"id": "c-1"})
    assert [one.ready.meeting.id for one in store.claim()] == ["m-2"]
    with writing(store.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=NOW + timedelta(minutes=5)))  # it comes back later
    assert [one.ready.meeting.id for one in store.claim()] == ["m-1", "m-2"]
    store.say("contact.created", {"id": "c-2", "email": "charles@example.com"})
    assert [one.ready.meeting.id for one in store.claim()] == ["m-2"]


def test_another_orgs_contact_of_the_same_id_holds_nothing_up_and_is_nobodys_attendee(store, other):
    elsewhere = Store(store.engine, store.vault, other.id)
    elsewhere.say("contact.created", {"id": "c-1", "first_name": "Mallory"})
    store.say("meeting.created", MEETING)
    (claimed,) = store.claim()
    assert [person.name for person in claimed.ready.people] == ["", ""]


def test_of_several_contacts_with_one_address_the_one_that_the_crm_knows_attends(store):
    store.say("contact.created", {"id": "c-1", "email": "x@example.com"}, {"id": "c-2", "email": "x@example.com"})
    store.synced_contact("c-1", "00Q1")
    store.synced_contact("c-2", "00Q2")
    store.say("meeting.created", {"id": "m-1", "attendees": [{"email": "X@example.com"}]})
    assert store.claim()[0].ready.people[0].ref == RecordRef(RecordKind.LEAD, "00Q1")


# ── what comes of it ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_synced_meeting_is_linked_and_its_attempts_are_forgotten(store):
    store.say("meeting.created", MEETING)
    (claimed,) = store.claim()
    with writing(store.engine) as db:
        note_attempts(db, "meeting", {claimed.key: ["2026-11-24T10:00:00Z"]})
    assert store.claim()[0].ready.attempted == ("2026-11-24T10:00:00Z",)
    activity = RecordRef(RecordKind.ACTIVITY, "00U1")
    row = store.row(t.meeting, "m-1")
    link = LinkMade(meeting_source("m-1"), activity, created_by_us=True)
    store.record(
        done(row, "meeting", outcome=Outcome(SyncStatus.SYNCED, person=activity), links=(link,), fingerprint="f" * 64)
    )
    kept = store.row(t.meeting, "m-1")
    assert (kept.sync_status, kept.due_at, kept.crm_id, kept.attempted) == ("synced", None, "00U1", None)
    assert (kept.fingerprint, kept.last_synced_at) == ("f" * 64, NOW)
    with reading(store.engine) as db:
        assert read_meeting(db, store.org_id, store.connection_id, "m-1").ready.link == activity
        assert read_meeting(db, store.org_id, None, "m-1").ready.link is None
        (run,) = db.execute(sa.select(t.sync_run)).all()
    assert (run.subject, run.source_id, run.contact_id, run.connection_id) == (
        "meeting",
        "m-1",
        None,
        store.connection_id,
    )


def test_attempts_outlive_a_failure_and_the_problem_is_known_by_its_key(store):
    store.say("meeting.created", MEETING)
    row = store.row(t.meeting, "m-1")
    with writing(store.engine) as db:
        note_attempts(db, "meeting", {row.id: ["2026-11-24T10:00:00Z"]})
    problem = Problem("lock_row", "Locked.", "Nothing.", "nobody", object="Activity")
    store.record(done(row, "meeting", outcome=Outcome(SyncStatus.RETRYING, NOW, 1, problem)))
    kept = store.row(t.meeting, "m-1")
    assert (kept.sync_status, kept.attempts, kept.problem_key) == ("retrying", 1, problem.key)
    assert kept.problem["object"] == "Activity"
    assert kept.attempted == ["2026-11-24T10:00:00Z"]


def test_what_changed_while_it_was_under_way_stays_due(store):
    store.say("meeting.created", MEETING)
    row = store.row(t.meeting, "m-1")
    store.say("meeting.updated", {"id": "m-1", "title": "Tea"}, sent_at="2026-11-24T09:01:00Z")
    store.record(done(row, "meeting"))
    kept = store.row(t.meeting, "m-1")
    assert (kept.sync_status, kept.due_at) == ("queued", NOW)


def test_a_contact_that_gets_a_record_puts_its_meetings_into_the_queue_once(store):
    store.say("contact.created", {"id": "c-1"}, {"id": "c-2", "email": "charles@example.com"}, {"id": "c-3"})
    store.say("meeting.created", MEETING, {"id": "m-2", "attendees": [{"contact_id": "c-404"}]})
    store.rest()
    store.synced_contact("c-3", "00Q3")
    assert store.due(t.meeting) == set()
    store.synced_contact("c-1", "00Q1")
    assert store.due(t.meeting) == {"m-1"}
    store.rest()
    store.synced_contact("c-1", "00Q1")
    assert store.due(t.meeting) == set()
    store.synced_contact("c-2", "00Q2")
    assert store.due(t.meeting) == {"m-1"}
    store.rest()
    store.synced_contact("c-1", "00Q9")
    assert store.due(t.meeting) == {"m-1"}


def test_a_contact_whose_address_becomes_one_that_a_meeting_knows_puts_it_into_the_queue(store):
    store.say("contact.created", {"id": "c-2", "email": "c@example.com"})
    store.say("meeting.created", MEETING, {"id": "m-2", "attendees": [{"email": "c@example.com"}]})
    store.rest()
    store.say("contact.updated", {"id": "c-2", "email": "CHARLES@example.com"}, sent_at="2026-11-24T09:01:00Z")
    assert store.due(t.meeting) == {"m-1"}


def test_marks_of_what_was_written_are_added_to_those_that_are_kept(store):
    store.say("contact.created", {"id": "c-1"})
    lead = RecordRef(RecordKind.LEAD, "00Q1")
    row = store.row(t.contact, "c-1")
    store.record(done(row, "contact", marks={lead: {"Title": "aaa", "Phone": "bbb"}}))
    store.record(done(row, "contact", marks={lead: {"Title": "ccc"}}))
    with reading(store.engine) as db:
        assert marks_of(db, store.connection_id, [lead, RecordRef(RecordKind.CONTACT, "00Q1")]) == {
            lead: {"Title": "ccc", "Phone": "bbb"}
        }
        assert marks_of(db, store.connection_id + 1, [lead]) == {}


# ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_changes_is_due_one_that_is_only_mentioned_is_not(store):
    store.say("contact.created", {"id": "c-1", "events": [{"id": "e-9"}]})
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    (claimed,) = store.claim_events()
    assert (claimed.ready.event.id, claimed.ready.campaign, claimed.ready.attempted) == ("e-1", None, ())
    with writing(store.engine) as db:
        leave_alone(db, "event", {claimed.key: claimed.change})
    row = store.row(t.event, "e-1")
    assert (row.due_at, row.sync_status) == (None, None)
    store.say("event.updated", {"id": "e-1", "name": "Summit"}, sent_at="2026-11-24T09:01:00Z")
    assert store.claim_events() == ()
    store.say("event.updated", {"id": "e-1", "city": "Berlin"}, sent_at="2026-11-24T09:02:00Z")
    assert [one.ready.event.id for one in store.claim_events()] == ["e-1"]


def test_a_change_that_came_meanwhile_is_not_left_alone(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    (claimed,) = store.claim_events()
    store.say("event.updated", {"id": "e-1", "name": "Top"}, sent_at="2026-11-24T09:01:00Z")
    with writing(store.engine) as db:
        leave_alone(db, "event", {claimed.key: claimed.change})
    assert [one.ready.event.fields["name"] for one in store.claim_events()] == ["Top"]


def made(store, event_id="e-1", campaign_id="701A"):
    row = store.row(t.event, event_id)
    ref = RecordRef(RecordKind.CAMPAIGN, campaign_id)
    store.record(
        done(
            row,
            "event",
            outcome=Outcome(SyncStatus.SYNCED, person=ref),
            links=(LinkMade(event_id, ref, created_by_us=True),),
        )
    )


def test_a_campaign_that_was_made_connects_the_event_its_people_and_its_meetings(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    store.say("contact.created", {"id": "c-1", "events": [{"id": "e-1"}]}, {"id": "c-2"})
    store.say("meeting.created", MEETING, {"id": "m-2"})
    store.rest()
    made(store)
    assert store.due(t.contact) == {"c-1"}
    assert store.due(t.meeting) == {"m-1"}
    store.say("event.updated", {"id": "e-1", "name": "The Summit"}, sent_at="2026-11-24T09:01:00Z")
    ready = store.claim_events()[0].ready
    assert (ready.campaign, ready.made_by_us) == (RecordRef(RecordKind.CAMPAIGN, "701A"), True)
    store.rest()
    made(store)
    assert store.due(t.contact) == set()


def test_what_a_person_or_the_event_platform_says_comes_before_what_was_made(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    made(store)
    store.say("event.updated", {"id": "e-1", "campaign_id": "701S"}, sent_at="2026-11-24T09:01:00Z")
    assert store.row(t.event, "e-1").campaign_id == "701S"
    store.say("event.updated", {"id": "e-1", "campaign_id": None}, sent_at="2026-11-24T09:02:00Z")
    assert store.row(t.event, "e-1").campaign_id == "701A"
    with writing(store.engine) as db:
        choices.choose_campaign(db, store.org_id, "e-1", None, NOW)
    assert store.row(t.event, "e-1").campaign_id is None


def test_an_event_that_a_person_wants_without_a_campaign_is_never_claimed(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    with writing(store.engine) as db:
        choices.choose_campaign(db, store.org_id, "e-1", "701A", NOW)
        choices.choose_campaign(db, store.org_id, "e-1", None, NOW)
    assert store.claim_events() == ()
    store.say("event.updated", {"id": "e-1", "name": "Top"}, sent_at="2026-11-24T09:01:00Z")
    assert store.claim_events() == ()
    made(store)  # by a batch that was under way
    row = store.row(t.event, "e-1")
    assert (row.campaign_id, row.campaign_made) == (None, "701A")


def test_a_person_that_connects_an_event_puts_it_into_the_queue(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    store.rest()
    with writing(store.engine) as db:
        assert choices.choose_campaign(db, store.org_id, "e-1", "701A", NOW)
    (claimed,) = store.claim_events()
    assert claimed.ready.campaign == RecordRef(RecordKind.CAMPAIGN, "701A")
    assert not claimed.ready.made_by_us


def test_an_event_connected_by_its_platform_puts_its_meetings_into_the_queue(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    store.say("meeting.created", MEETING)
    store.rest()
    store.say("event.updated", {"id": "e-1", "campaign_id": "701A"}, sent_at="2026-11-24T09:01:00Z")
    assert store.due(t.meeting) == {"m-1"}


def test_events_without_a_campaign_go_once_the_org_wants_campaigns_made(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"}, {"id": "e-2", "name": "Top", "campaign_id": "701S"})
    store.say("contact.created", {"id": "c-1", "events": [{"id": "e-3"}]})  # e-3 was only heard of
    store.rest()
    with writing(store.engine) as db:
        assert due.mark_unconnected_events_due(db, store.org_id, NOW) == 1
    assert store.due(t.event) == {"e-1"}


# ── another CRM ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_in_another_crm_nothing_was_made_yet_and_all_goes_again(store):
    store.say("event.created", {"id": "e-1", "name": "Summit"}, {"id": "e-2", "name": "Top", "campaign_id": "701S"})
    store.say("meeting.created", MEETING)
    made(store)
    with writing(store.engine) as db:
        note_attempts(db, "meeting", {store.row(t.meeting, "m-1").id: ["2026-11-24T10:00:00Z"]})
    store.rest()
    store.connection_id = store.connect({"instance_url": "https://two.example"})
    with writing(store.engine) as db:
        releases.release_all(db, store.org_id, NOW)
    assert [(one.ready.event.id, one.ready.campaign) for one in store.claim_events()] == [
        ("e-1", None),
        ("e-2", RecordRef(RecordKind.CAMPAIGN, "701S")),
    ]
    (meeting,) = store.claim()
    assert (meeting.ready.link, meeting.ready.attempted) == (None, ())


def test_events_and_meetings_that_waited_for_a_connection_are_released_with_the_contacts(store):
    store.say("meeting.created", MEETING)
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    store.rest()
    with writing(store.engine) as db:
        problems.release_held(db, store.org_id, None, NOW)
    assert (store.due(t.meeting), store.due(t.event)) == ({"m-1"}, {"e-1"})


def test_due_events_and_meetings_are_work_for_the_clock(store):
    def work():
        with reading(store.engine) as db:
            return queue.orgs_with_work(db, NOW)

    assert work() == ()
    store.say("meeting.created", MEETING)
    assert work() == (store.org_id,)
    store.rest()
    assert work() == ()
    store.say("event.created", {"id": "e-1", "name": "Summit"})
    assert work() == (store.org_id,)


def test_a_resumed_connection_is_used_again_and_a_new_revision_is_seen(store):
    with writing(store.engine) as db:
        db.execute(sa.update(t.connection).values(failures=3, problem={"code": "x"}))
        connections.resume(db, store.connection_id)
        connections.bump_revision(db, store.connection_id)
        row = connections.present(db, store.org_id)
    assert (row.failures, row.problem, row.revision, row.paused(NOW)) == (0, None, 1, False)
