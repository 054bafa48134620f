"""What happened in each hour is counted with it, exactly, and kept for ninety days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contactsync.store import hourly, inbox
from contactsync.store.engine import reading, writing
from contactsync.sync.keeping import House, keep_house
from tests.sync.conftest import START, World

COMPLETE = {"first_name": "Ada", "last_name": "Lovelace", "company": "Engines", "sync_as": "lead"}


def person(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "email": f"{name}@engines.example", **COMPLETE, **fields}


def counted(world: World) -> dict[tuple[str, str], int]:
    with reading(world.parts.engine) as db:
        return {(one.name.value, one.label): one.count for one in hourly.since(db, world.org_id, START)}


def sync_all(world: World) -> None:
    while world.sync():
        pass


def test_deliveries_syncs_problems_and_arrivals_are_counted_in_their_hour(connected: World) -> None:
    connected.contact(person("c-1"), person("c-2"))
    connected.contact(person("c-3", email="not-complete@engines.example", company=None))
    connected.deliver("contacts", "contact.updated", [{"nonsense": True}])
    connected.clock.forward(seconds=3)
    sync_all(connected)
    assert counted(connected) == {
        ("deliveries", "absorbed"): 2,
        ("deliveries", "failed"): 1,
        ("synced", "contact"): 2,
        ("arrivals", "5"): 2,
    }
    with reading(connected.parts.engine) as db:
        arrived = [one for one in hourly.since(db, connected.org_id, START) if one.name is hourly.Hourly.ARRIVALS]
    assert [(one.hour, one.seconds) for one in arrived] == [(START, 6.0)]


def test_a_contact_that_is_as_it_was_counts_as_no_sync_and_a_replay_as_no_delivery(connected: World) -> None:
    connected.contact(person("c-1"))
    sync_all(connected)
    before = counted(connected)
    connected.contact(person("c-1"))
    sync_all(connected)
    assert counted(connected) == {**before, ("deliveries", "absorbed"): 2}


def test_what_is_typed_in_the_console_is_no_webhook(connected: World) -> None:
    connected.deliver("console", "contact.updated", [person("c-1")])
    sync_all(connected)
    assert not any(name == "deliveries" for name, _ in counted(connected))


def test_a_webhook_is_counted_in_the_hour_in_which_it_came_not_in_which_it_was_read(connected: World) -> None:
    connected.contact(person("c-1"))
    connected.clock.forward(hours=2)
    sync_all(connected)
    with reading(connected.parts.engine) as db:
        hours = {(one.name.value, one.hour) for one in hourly.since(db, connected.org_id, START)}
    assert ("deliveries", START) in hours
    assert ("synced", START + timedelta(hours=2)) in hours


def test_what_needs_a_person_is_counted_as_a_problem(connected: World) -> None:
    connected.contact(person("c-1", last_name="x" * 200))
    sync_all(connected)
    assert counted(connected)["problems", "contact"] == 1
    assert ("synced", "contact") not in counted(connected)


def test_a_rejected_webhook_is_counted_once_with_the_row_that_keeps_it(world: World) -> None:
    for _ in range(2):  # the second is a duplicate
        for name in ("msg_a", "msg_b"):
            with inbox.keeping(world.parts.engine) as conn:
                inbox.keep(
                    conn, org_id=world.org_id, webhook_id=name, door="contacts", body=b"{}", status="rejected",
                    type=None, errors=[{"path": "data", "message": "Send it."}], now=START + timedelta(minutes=59),
                )  # fmt: skip
    assert counted(world) == {("deliveries", "rejected"): 2}


def test_hours_of_more_than_ninety_days_ago_are_forgotten(world: World) -> None:
    old = START - timedelta(days=90, hours=1)
    with writing(world.parts.engine) as db:
        hourly.add(db, world.org_id, hourly.of_deliveries([old, START], "absorbed"))
    keep_house(world.parts, START, House())
    with reading(world.parts.engine) as db:
        assert [one.hour for one in hourly.since(db, world.org_id, old)] == [START]


def test_hours_are_gathered_between_any_times_each_once(world: World) -> None:
    with writing(world.parts.engine) as db:
        for back in range(48):
            at = START - timedelta(hours=back)
            hourly.add(db, world.org_id, [hourly.HourCount(at, hourly.Hourly.ARRIVALS, "1", 2, 0.5)])
    starts = [START - timedelta(hours=40), START - timedelta(hours=39), START - timedelta(hours=9)]
    with reading(world.parts.engine) as db:
        shown = hourly.gathered(db, world.org_id, starts)
        assert hourly.gathered(db, world.org_id, starts[-1:])[0].count == 20
        assert hourly.gathered(db, world.org_id, []) == ()
    assert [(one.hour, one.count, one.seconds) for one in shown] == [
        (starts[0], 2, 0.5),
        (starts[1], 60, 15.0),
        (starts[2], 20, 5.0),
    ]


def test_an_hour_begins_in_utc_whatever_the_zone_of_the_time() -> None:
    at = datetime(2026, 11, 24, 9, 59, tzinfo=UTC)
    assert hourly.hour_of(at) == datetime(2026, 11, 24, 9, tzinfo=UTC)
