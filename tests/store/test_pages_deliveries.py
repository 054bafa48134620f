"""The pages of deliveries and of the audit log: newest first, never reading more than a bounded number of rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.spoken_of import SpokenOf
from contactsync.store import tables as t
from contactsync.store.audit import Audited, note
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import keep
from contactsync.store.pages_audit import actor_words, audit_page
from contactsync.store.pages_deliveries import (
    SEARCHED,
    DeliveryFilter,
    delivery_counts,
    delivery_list,
    spoken_records,
    whole_delivery,
)
from contactsync.store.tables_console import console_user
from tests.store.conftest import NOW

EVERY = DeliveryFilter()


def delivered(db, org, number, *, door="contacts", status="absorbed", body=b"{}", errors=None):
    more = {"status": status, "type": "contact.created", "errors": errors}
    at = NOW + timedelta(seconds=number)
    return keep(db, org_id=org.id, webhook_id=f"msg_{number}", door=door, body=body, now=at, **more).delivery_id


@pytest.fixture
def arrived(engine, acme, other):
    """Twelve deliveries: every third at the door of events, the fifth rejected, the second sent thrice; and another org's."""
    with writing(engine) as db:
        delivered(db, other, 0)
        for number in range(1, 13):
            door = "events" if number % 3 == 0 else "contacts"
            errors = [{"path": "data.email", "message": "Write an address."}] if number == 5 else None
            delivered(db, acme, number, door=door, status="rejected" if number == 5 else "absorbed", errors=errors)
        delivered(db, acme, 2)
        delivered(db, acme, 2, body=b"[]")
    return acme


def listed(engine, org, which=EVERY, limit=5, most=SEARCHED):
    """All pages."""
    pages, before = [], None
    with reading(engine) as db:
        while True:
            page = delivery_list(db, org.id, which, before=before, limit=limit, most=most)
            pages.append([row.webhook_id for row in page.rows])
            before = page.next
            if before is None:
                return pages


def test_deliveries_come_newest_first_page_by_page(engine, arrived):
    assert listed(engine, arrived) == [
        ["msg_12", "msg_11", "msg_10", "msg_9", "msg_8"],
        ["msg_7", "msg_6", "msg_5", "msg_4", "msg_3"],
        ["msg_2", "msg_1"],
    ]


def test_they_are_found_by_what_became_of_them_by_door_and_by_being_sent_again(engine, arrived):
    assert listed(engine, arrived, DeliveryFilter(status="rejected")) == [["msg_5"]]
    assert listed(engine, arrived, DeliveryFilter(door="events")) == [["msg_12", "msg_9", "msg_6", "msg_3"]]
    assert listed(engine, arrived, DeliveryFilter(door="events"), 2) == [["msg_12", "msg_9"], ["msg_6", "msg_3"]]
    assert listed(engine, arrived, DeliveryFilter(status="absorbed", repeated=True)) == [["msg_2"]]
    with reading(engine) as db:
        (row,) = delivery_list(db, arrived.id, DeliveryFilter(repeated=True), before=None, limit=5).rows
        assert (row.repeats, row.other_bodies, row.size) == (2, 1, 2)
        (row,) = delivery_list(db, arrived.id, DeliveryFilter(status="rejected"), before=None, limit=5).rows
        assert row.errors == ({"path": "data.email", "message": "Write an address."},)
        assert delivery_counts(db, arrived.id) == {"rejected": 1, "failed": 0}


def test_a_search_looks_at_so_many_and_says_where_to_go_on(engine, arrived):
    assert listed(engine, arrived, DeliveryFilter(repeated=True), most=4) == [[], [], ["msg_2"]]
    with reading(engine) as db:
        page = delivery_list(db, arrived.id, DeliveryFilter(repeated=True), before=None, limit=5, most=4)
    assert (page.rows, page.searched) == ((), 4)


def test_one_delivery_comes_with_its_body_and_to_its_own_org_alone(engine, arrived, other):
    with reading(engine) as db:
        newest = delivery_list(db, arrived.id, DeliveryFilter(), before=None, limit=1).rows[0]
        assert whole_delivery(db, arrived.id, newest.key).body == b"{}"
        assert whole_delivery(db, other.id, newest.key) is None
        assert [row.webhook_id for row in delivery_list(db, other.id, DeliveryFilter(), before=None, limit=5).rows] == [
            "msg_0"
        ]


def test_what_a_delivery_spoke_of_is_found_once_and_in_its_own_org_alone(engine, acme, other):
    of = SpokenOf({"c-1": None, "nobody": None}, {"ada@x.example": None}, {"e-1": None}, {"m-1": None})
    row = {"created_at": NOW, "updated_at": NOW, "change": 1}
    with writing(engine) as db:
        for org in (acme, other):
            said = {"versions": ["1"], "fields": {"first_name": ["Ada", 0], "last_name": [org.slug, 0]}}
            contact = {**row, "org_id": org.id, "fields": said, "email": "ada@x.example", "status": "synced"}
            db.execute(sa.insert(t.contact).values(**contact, source_id="c-1"))
            for table, name in ((t.event, "e-1"), (t.meeting, "m-1")):
                bare = {"versions": [], "fields": {}}
                db.execute(sa.insert(table).values(**row, org_id=org.id, source_id=name, fields=bare))
        found = [(one.subject, one.name, one.status) for one in spoken_records(db, acme.id, of)]
        assert found == [
            ("event", "Event e-1", None),
            ("contact", "Ada acme", "synced"),
            ("meeting", "Meeting m-1", None),
        ]
        assert spoken_records(db, acme.id, SpokenOf()) == []


@pytest.fixture
def audited(engine, acme, other):
    with writing(engine) as db:
        user = {"email": "ana@acme.example", "name": "Ana", "created_at": NOW}
        number = db.execute(sa.insert(console_user).values(user).returning(console_user.c.id)).scalar_one()
        note(db, other.id, "user:1", Audited.REPLAYED, NOW)
        note(db, None, "user:1", Audited.KEYS_ROTATED, NOW)
        actors = (f"user:{number}", "user:4711", "token:3 Zapier", "token:4", "command line (root)", "contactsync")
        for at, actor in enumerate(actors):
            action = Audited.REPLAYED if at % 2 else Audited.PROBLEM_CHECKED
            note(db, acme.id, actor, action, NOW + timedelta(seconds=at), about="x", details={"n": at})
    return acme


def test_the_audit_log_names_who_did_it(engine, audited):
    with reading(engine) as db:
        page = audit_page(db, audited.id, None, before=None, limit=10)
    assert [line.who for line in page.lines] == [
        "contactsync",
        "Command line (root)",
        "API token “no. 4”",
        "API token “Zapier”",
        "A user who was removed (no. 4711)",
        "Ana",
    ]
    assert page.lines[-1].details == {"n": 0}
    assert page.next is None


def test_the_audit_log_is_paged_and_found_by_action(engine, audited):
    with reading(engine) as db:
        first = audit_page(db, audited.id, None, before=None, limit=4)
        rest = audit_page(db, audited.id, None, before=first.next, limit=4)
        assert [len(first.lines), len(rest.lines), rest.next] == [4, 2, None]
        found = audit_page(db, audited.id, ["deliveries.replayed"], before=None, limit=2)
        assert [line.details["n"] for line in found.lines] == [5, 3]
        found = audit_page(db, audited.id, ["deliveries.replayed"], before=found.next, limit=2)
        assert ([line.details["n"] for line in found.lines], found.next) == ([1], None)
        searched = audit_page(db, audited.id, ["mapping.changed"], before=None, limit=2, most=3)
        assert (searched.lines, searched.searched) == ((), 3)
        assert audit_page(db, audited.id, ["mapping.changed"], before=searched.next, limit=2, most=3).next is None


def test_an_actor_that_only_looks_like_a_user_is_shown_as_it_is():
    assert actor_words("user:0", {}) == "user:0"
    assert actor_words("user:7 Ana", {7: "Bo"}) == "user:7 Ana"
