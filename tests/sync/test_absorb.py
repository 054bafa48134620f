"""Deliveries become source records: in any order, once, and each touched contact becomes due once."""

from __future__ import annotations

from itertools import permutations

import pytest
import sqlalchemy as sa

from contactsync.domain.merge import from_json, values
from contactsync.domain.records import SyncStatus
from contactsync.store import queue
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.sync import actions
from contactsync.sync.absorb import absorb
from tests.sync.conftest import World, ada

UPDATES = (
    {"title": "Analyst", "phone": "1", "updated_at": "2026-11-01T00:00:00Z"},
    {"title": "Director", "updated_at": "2026-11-02T00:00:00Z", "address": {"city": "London"}},
    {"phone": None, "updated_at": "2026-11-03T00:00:00Z", "address": None},
    {"title": "Countess", "updated_at": "2026-11-04T00:00:00Z", "company": {"id": "co-1", "name": "Engines Ltd"}},
)


def absorb_all(world: World) -> None:
    with org_lease(world.parts.engine, OrgLease(world.org_id, "me", 60), world.clock) as lease:
        assert lease is not None
        while absorb(world.parts, world.org_id, lease):
            pass


def due(world: World) -> list[queue.Claimed]:
    with reading(world.parts.engine) as db:
        return list(queue.claim(db, world.org_id, None, world.clock(), 100))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_four_updates_of_one_contact_end_in_one_state_in_every_order(world: World, order: tuple[int, ...]) -> None:
    for n in order:
        world.contact({"id": "c-1", **UPDATES[n]})
        absorb_all(world)
    fields = values(from_json(world.row("c-1").fields))
    assert fields == {
        "title": "Countess", "phone": None, "address.city": None, "company": "id:co-1", "deleted": False,
    }  # fmt: skip


def test_several_deliveries_about_one_contact_become_one_due_contact(world: World) -> None:
    for title in ("one", "two", "three"):
        world.contact(ada(title=title))
        world.clock.forward(seconds=1)
    absorb_all(world)
    (claimed,) = due(world)
    assert claimed.contact.text("title") == "three"
    assert [row.status for row in world.rows(t.delivery)] == ["absorbed"] * 3


def test_the_same_news_again_makes_nothing_due(world: World) -> None:
    world.contact(ada())
    absorb_all(world)
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=None, status="synced"))
    world.clock.forward(seconds=1)
    world.contact(ada())
    absorb_all(world)
    assert due(world) == []
    assert world.row("c-1").status == "synced"


def test_a_company_that_changed_makes_its_contacts_due(world: World) -> None:
    world.contact(ada(company={"id": "co-1", "name": "Engines"}))
    world.contact(ada(id="c-2", email="charles@engines.example", company={"id": "co-2", "name": "Other"}))
    absorb_all(world)
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=None, status="synced"))
    world.clock.forward(seconds=1)
    world.contact({"id": "c-3", "company": {"id": "co-1", "domain": "engines.example"}})
    absorb_all(world)
    assert {one.contact.id for one in due(world)} == {"c-1", "c-3"}
    (of_ada,) = [one.contact.company for one in due(world) if one.contact.id == "c-1"]
    assert of_ada is not None
    assert (of_ada.name, of_ada.domain) == ("Engines", "engines.example")


def test_a_deleted_contact_is_excluded_and_a_newer_update_brings_it_back(world: World) -> None:
    world.contact(ada(updated_at="2026-11-01T00:00:00Z"))
    world.contact({"id": "c-1", "updated_at": "2026-11-03T00:00:00Z"}, kind="contact.deleted")
    world.contact(ada(title="late", updated_at="2026-11-02T00:00:00Z"))
    absorb_all(world)
    assert (world.row("c-1").status, world.row("c-1").due_at) == (SyncStatus.EXCLUDED, None)
    world.contact(ada(updated_at="2026-11-04T00:00:00Z"))
    absorb_all(world)
    assert world.row("c-1").status == SyncStatus.QUEUED
    assert len(due(world)) == 1


def test_a_roster_by_address_finds_its_contact_whichever_comes_first(world: World) -> None:
    world.deliver("events", "event.contacts_added",
                  {"event_id": "e-1", "contacts": [{"email": "Ada@Engines.example", "status": "attended"}]})  # fmt: skip
    world.contact(ada())
    absorb_all(world)
    (claimed,) = due(world)
    assert [(a.event_id, a.status) for a in claimed.contact.attendances] == [("e-1", "attended")]
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=None))
    world.clock.forward(seconds=1)
    world.deliver(
        "events", "event.contacts_removed", {"event_id": "e-1", "contacts": [{"email": "ada@engines.example"}]}
    )
    absorb_all(world)
    (claimed,) = due(world)
    assert [a.removed for a in claimed.contact.attendances] == [True]


def test_an_older_attendance_never_replaces_a_newer_one(world: World) -> None:
    world.contact(ada(updated_at="2026-11-02T00:00:00Z", events=[{"id": "e-1", "status": "attended"}]))
    world.contact(ada(updated_at="2026-11-01T00:00:00Z", events=[{"id": "e-1", "status": "registered"}]))
    absorb_all(world)
    assert [a.status for a in due(world)[0].contact.attendances] == ["attended"]


def test_events_null_removes_the_attendances_that_are_older(world: World) -> None:
    world.contact(ada(updated_at="2026-11-03T00:00:00Z", events=None))
    world.contact(ada(updated_at="2026-11-01T00:00:00Z", events=[{"id": "e-1"}]))
    world.contact(ada(updated_at="2026-11-02T00:00:00Z", events=None))
    absorb_all(world)
    assert [a.removed for a in due(world)[0].contact.attendances] == [True]


def test_the_campaign_of_an_event_is_what_a_person_chose_else_what_the_event_says(world: World) -> None:
    world.contact(ada(events=[{"id": "e-1"}]))
    world.deliver("events", "event.created", {"id": "e-1", "name": "Summit", "campaign_id": "701A"})
    absorb_all(world)
    assert [a.campaign_id for a in due(world)[0].contact.attendances] == ["701A"]
    actions.connect_event(world.parts, world.org_id, "e-1", "701B")
    world.deliver("events", "event.updated", {"id": "e-1", "campaign_id": "701C"})
    absorb_all(world)
    assert [a.campaign_id for a in due(world)[0].contact.attendances] == ["701B"]
    actions.connect_event(world.parts, world.org_id, "e-1", None)
    assert [a.campaign_id for a in due(world)[0].contact.attendances] == [None]


def test_a_delivery_that_cannot_be_read_is_set_aside_with_its_reason_and_stops_nobody(world: World) -> None:
    world.deliver("contacts", "contact.exploded", {"id": "c-9"})
    world.contact(ada())
    absorb_all(world)
    first, second = world.rows(t.delivery)
    assert (first.status, second.status) == ("failed", "absorbed")
    assert first.errors[0]["path"] == "type"
    assert len(due(world)) == 1


def test_a_delivery_is_absorbed_whole_or_not_at_all(world: World) -> None:
    world.contact(ada())
    lease = OrgLease(world.org_id, "me", 60)
    with org_lease(world.parts.engine, lease, world.clock) as held:
        assert held is not None
        with writing(world.parts.engine) as db:  # this worker was paused for too long: another one may have the org
            until = db.execute(sa.select(t.org.c.lease_until)).scalar_one()
            assert queue.free_lease(db, world.org_id, "me", until)
        with pytest.raises(queue.LeaseLost):
            absorb(world.parts, world.org_id, held)
    assert [row.status for row in world.rows(t.delivery)] == ["accepted"]
    assert world.rows(t.contact) == []


def test_unknown_keys_are_ignored_and_counted_in_the_deliverys_log(world: World) -> None:
    world.contact(ada(shoe=39), ada(id="c-2", shoe=40))
    absorb_all(world)
    (delivery,) = world.rows(t.delivery)
    assert delivery.status == "absorbed"
    assert delivery.log["unknown_keys"] == {"data.shoe": 2}


def test_a_wrong_clock_keeps_no_later_change_out_and_the_deliverys_log_says_so(world: World) -> None:
    world.contact(ada(title="From 2062", updated_at="2062-01-01T00:00:00Z"))
    absorb_all(world)
    world.clock.forward(minutes=1)
    world.contact(ada(title="Countess"))
    absorb_all(world)
    first, second = world.rows(t.delivery)
    assert (first.log, second.log) == ({"future_times": 1}, None)
    assert values(from_json(world.row("c-1").fields))["title"] == "Countess"


def test_meetings_are_absorbed_from_their_door(world: World) -> None:
    world.deliver("meetings", "meeting.created", {"id": "m-1", "starts_at": "2026-11-24T10:00:00Z"})
    absorb_all(world)
    (meeting,) = world.rows(t.meeting)
    assert (meeting.source_id, meeting.due_at, meeting.sync_status) == ("m-1", world.clock(), "queued")
