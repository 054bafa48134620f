"""Events and meetings as the console reads them, on both databases: counted once each, bounded, of one org."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.records import SyncStatus
from contactsync.store import pages_events, pages_meetings
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.pages_events import EventChoice, EventRow, Share
from contactsync.sync import actions
from tests.sync.conftest import World, ada, parts, world

__all__ = ["parts", "world"]

TIMES = {"starts_at": "2026-12-01T09:00:00Z", "ends_at": "2026-12-01T10:00:00Z"}


def shown(world: World, choice: EventChoice | None = None, **more: Any) -> pages_events.EventPage:
    with reading(world.parts.engine) as db:
        return pages_events.event_page(db, world.org_id, choice or EventChoice(), **more)


def share(row: EventRow) -> Share:
    assert row.share is not None
    return row.share


@pytest.fixture
def expo(world: World) -> World:
    """An event that knows people by id, by address, by both, and one whom it does not know."""
    world.event(name="Expo")
    world.contact(ada(), ada(id="c-2", email="grace@engines.example"), ada(id="c-3", email="alan@engines.example"))
    roster = [{"id": "c-1"}, {"email": "ada@engines.example"}, {"email": "GRACE@engines.example"}, {"id": "nobody"}]
    world.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": roster})
    world.sync()
    return world


def test_everybody_who_takes_part_is_counted_once_however_the_event_knows_them(expo: World) -> None:
    [row] = shown(expo).rows
    assert (row.attendances, share(row).total, share(row).counts) == (4, 2, {"queued": 2})


def test_who_was_removed_and_who_is_left_out_do_not_count(expo: World) -> None:
    gone = {"event_id": "e-1", "contacts": [{"email": "grace@engines.example"}]}
    expo.clock.forward(seconds=1)
    expo.deliver("events", "event.contacts_removed", gone)
    expo.sync()
    with writing(expo.parts.engine) as db:
        db.execute(sa.update(t.contact).where(t.contact.c.source_id == "c-1").values(status="excluded"))
    [row] = shown(expo).rows
    assert (share(row).total, share(row).of(SyncStatus.EXCLUDED), share(row).percent) == (0, 1, 0)


def test_a_share_is_a_hundred_percent_only_when_all_are_there() -> None:
    assert [Share({"synced": many, "queued": 1}).percent for many in (0, 1, 999)] == [0, 50, 99]
    assert Share({"synced": 3, "excluded": 2}).percent == 100


def test_an_event_that_is_too_large_for_a_page_is_counted_only_when_it_is_asked_for(expo: World) -> None:
    expo.event(id="e-2", name="Small")
    expo.contact(ada(id="c-9", email="o@engines.example", events=[{"id": "e-2"}]))
    expo.sync()
    small, large = shown(expo, at_once=3).rows
    assert (share(small).total, large.share) == (1, None)
    with reading(expo.parts.engine) as db:
        assert pages_events.event_by_key(db, expo.org_id, large.key, at_once=3) == large
        counted = pages_events.event_by_key(db, expo.org_id, large.key, count=True)
    assert counted is not None
    assert share(counted).total == 2


def test_events_are_found_by_words_and_by_their_campaign_page_by_page(world: World) -> None:
    for number in range(5):
        world.event(id=f"e-{number}", name=f"Expo {number}", **({"campaign_id": "701"} if number % 2 else {}))
    world.event(id="odd", name="100% _real_")
    world.sync()

    def names(choice: EventChoice) -> list[str]:
        return [row.name for row in shown(world, choice).rows]

    assert names(EventChoice(connected=True)) == ["Expo 3", "Expo 1"]
    assert names(EventChoice(connected=False, words="eXPO")) == ["Expo 4", "Expo 2", "Expo 0"]
    assert names(EventChoice(words="0% _")) == ["100% _real_"]
    first = shown(world, limit=4)
    rest = shown(world, before=first.following, limit=4)
    assert [row.name for row in (*first.rows, *rest.rows)] == ["100% _real_", *(f"Expo {n}" for n in (4, 3, 2, 1, 0))]
    assert rest.following is None


def test_an_event_that_is_to_have_a_campaign_made_says_so_and_whose_choice_it_was(world: World) -> None:
    world.event(name="Expo")
    world.sync()
    crm = {"instance_url": "http://127.0.0.1:9", "client_id": "id", "flow": "client_credentials"}
    actions.connect(world.parts, world.org_id, "salesforce", crm, {"client_secret": "secret"})
    actions.create_campaign(world.parts, world.org_id, "e-1")
    [row] = shown(world).rows
    assert (row.making, row.campaign_id, row.campaign_from) == (True, None, None)
    actions.connect_event(world.parts, world.org_id, "e-1", "701")
    [row] = shown(world).rows
    assert (row.making, row.campaign_id, row.campaign_from) == (False, "701", "person")


def test_nothing_of_another_org_is_shown(expo: World) -> None:
    [row] = shown(expo).rows
    with reading(expo.parts.engine) as db:
        assert pages_events.event_by_key(db, expo.org_id + 1, row.key) is None
        assert pages_events.event_page(db, expo.org_id + 1, EventChoice()).rows == ()
        assert pages_events.shares(db, expo.org_id + 1, ["e-1"]) == {"e-1": Share({})}
        assert pages_meetings.meeting_by_key(db, expo.org_id + 1, 1) is None


# ── meetings ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_meeting_shows_its_event_and_who_takes_part_whether_they_are_contacts_or_not(expo: World) -> None:
    who = [{"contact_id": "c-1", "response": "accepted"}, {"email": "grace@engines.example"}, {"email": "x@y.example"}]
    expo.meeting(title="Demo", event_id="e-1", attendees=who, **TIMES)
    expo.sync()
    with reading(expo.parts.engine) as db:
        [row] = pages_meetings.meeting_page(db, expo.org_id).rows
        found = pages_meetings.meeting_by_key(db, expo.org_id, row.key)
        [event] = pages_events.event_page(db, expo.org_id, EventChoice()).rows
    assert found is not None
    whole, people = found
    assert (row.title, row.event_name, row.event_key, row.attendees) == ("Demo", "Expo", event.key, 3)
    assert (whole, event.meetings) == (row, 1)
    assert [(one.name, one.email, one.key is not None, one.response) for one in people] == [
        ("Ada Lovelace", "ada@engines.example", True, "accepted"),
        ("Ada Lovelace", "grace@engines.example", True, ""),
        ("", "x@y.example", False, ""),
    ]
    assert (row.sync_status, row.problem is not None and row.problem["code"]) == ("queued", "not_connected")


def test_meetings_are_listed_by_status_and_by_event_page_by_page(expo: World) -> None:
    for number in range(4):
        of_event = {"event_id": "e-1"} if number % 2 else {}
        expo.deliver(
            "meetings", "meeting.updated", {"id": f"m-{number}", "title": f"Demo {number}", **TIMES, **of_event}
        )
    expo.sync()
    with writing(expo.parts.engine) as db:
        db.execute(sa.update(t.meeting).where(t.meeting.c.source_id == "m-3").values(sync_status="synced"))
    with reading(expo.parts.engine) as db:

        def titles(**which: Any) -> list[str]:
            return [row.title for row in pages_meetings.meeting_page(db, expo.org_id, **which).rows]

        assert titles(status=SyncStatus.SYNCED) == ["Demo 3"]
        assert titles(event_id="e-1") == ["Demo 3", "Demo 1"]
        assert titles(event_id="e-1", status=SyncStatus.QUEUED) == ["Demo 1"]
        first = pages_meetings.meeting_page(db, expo.org_id, limit=3)
        assert titles(before=first.following) == ["Demo 0"]
        assert pages_meetings.counts_by_status(db, expo.org_id)[SyncStatus.QUEUED] == 3
