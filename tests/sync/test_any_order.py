"""Attendances end the same in whatever order deliveries come, field by field (I4)."""

from __future__ import annotations

from itertools import permutations

import pytest

from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.store.queue import read_contact
from tests.sync.conftest import World, ada

ROSTER = "event.contacts_added"


def stands(world: World) -> list[tuple[str, str, bool]]:
    return sorted((row.event_id, row.status, row.removed) for row in world.rows(t.attendance))


def roster(world: World, kind: str, at: str, **person: str) -> None:
    data = {"event_id": "e-1", "contacts": [{"id": "c-1", **person}], "updated_at": at}
    world.deliver("events", kind, data, sent_at=at)


def contact(world: World, at: str, **said: object) -> None:
    world.contact(ada(updated_at=at, **said), sent_at=at)


NEWS = (
    lambda world: roster(world, ROSTER, "2026-11-01T00:00:00Z", status="registered"),
    lambda world: contact(world, "2026-11-02T00:00:00Z", events=[{"id": "e-1", "status": "attended"}]),
    lambda world: contact(world, "2026-11-03T00:00:00Z", events=[{"id": "e-1"}]),
)

CLEARED = (
    lambda world: contact(world, "2026-11-01T00:00:00Z", events=[{"id": "e-1", "status": "attended"}]),
    lambda world: contact(world, "2026-11-02T00:00:00Z", events=None),
    lambda world: roster(world, ROSTER, "2026-11-03T00:00:00Z"),
    lambda world: roster(world, ROSTER, "2026-10-01T00:00:00Z", status="registered"),
)

GONE = (
    lambda world: contact(world, "2026-11-01T00:00:00Z", events=[{"id": "e-1", "status": "attended"}]),
    lambda world: contact(world, "2026-11-03T00:00:00Z", events=None),
    lambda world: roster(world, ROSTER, "2026-11-02T00:00:00Z"),
)

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
AT_ONCE = pytest.mark.parametrize("at_once", [True, False])


def told(world: World, news: tuple[object, ...], order: tuple[int, ...], *, at_once: bool) -> None:
    for number in order:
        news[number](world)  # type: ignore[operator]
        if not at_once:
            world.sync()
    world.sync()


@SQLITE
@AT_ONCE
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_status_is_the_newest_that_was_said_not_that_of_the_newest_delivery(
    world: World, order: tuple[int, ...], at_once: bool
) -> None:
    told(world, NEWS, order, at_once=at_once)
    assert stands(world) == [("e-1", "attended", False)]


@SQLITE
@AT_ONCE
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_events_null_removes_what_is_older_also_when_that_comes_later(
    world: World, order: tuple[int, ...], at_once: bool
) -> None:
    told(world, CLEARED, order, at_once=at_once)
    assert stands(world) == [("e-1", "attended", False)]


@SQLITE
@AT_ONCE
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_attendance_from_before_events_null_stays_removed(
    world: World, order: tuple[int, ...], at_once: bool
) -> None:
    told(world, GONE, order, at_once=at_once)
    assert stands(world) == [("e-1", "attended", True)]


@SQLITE
@AT_ONCE
def test_a_status_that_was_said_by_address_holds_over_an_attendance_by_id_that_said_none(
    world: World, at_once: bool
) -> None:
    """A roster knows people by address, the contact itself by id: both are the one attendance (rule 9)."""
    data = {"event_id": "e-1", "contacts": [{"email": "ada@engines.example", "status": "attended"}]}
    world.deliver("events", ROSTER, data, sent_at="2026-11-01T00:00:00Z")
    if not at_once:
        world.sync()
    contact(world, "2026-11-02T00:00:00Z", events=[{"id": "e-1"}])
    world.sync()
    with reading(world.parts.engine) as db:
        one = read_contact(db, world.org_id, None, "c-1")
    assert one is not None
    assert [(a.status, a.removed) for a in one.contact.attendances] == [("attended", False)]
