"""One worker at a time syncs an org: two never do, a dead one stops nobody, a stuck database ends no heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.beats import CLOCK, WORKER, beats, take
from contactsync.store.engine import reading, writing
from contactsync.store.lease import HeldLease, LeaseWatch, org_lease
from contactsync.store.queue import LeaseLost, OrgLease, free_lease, orgs_with_work, take_lease
from contactsync.sync.clock import tick
from contactsync.sync.org import sync_org
from tests.fixtures.waiting import wait_until
from tests.sync.conftest import World, ada


def until(world: World) -> datetime:
    with reading(world.parts.engine) as db:
        found = db.execute(sa.select(t.org.c.lease_until)).scalar_one()
    assert isinstance(found, datetime)
    return found


def lease(world: World, owner: str, seconds: float = 60) -> OrgLease:
    return OrgLease(world.org_id, owner, seconds)


def test_a_second_worker_leaves_at_once_and_its_knock_makes_the_first_look_again(world: World) -> None:
    with org_lease(world.parts.engine, lease(world, "first"), world.clock) as held:
        assert held is not None
        world.contact(ada())
        assert not world.sync()
        assert world.rows(t.contact) == []
        assert not held.drop(even_if_knocked=False), "somebody knocked: look once more"
        assert held.drop(even_if_knocked=False)


@dataclass
class Seconds:
    """A monotonic clock that tests turn."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def leave_dead(world: World, until: datetime) -> None:
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.org).values(lease_owner="dead", lease_until=until))


def with_work(world: World) -> tuple[int, ...]:
    with reading(world.parts.engine) as db:
        return orgs_with_work(db, world.clock())


@pytest.mark.parametrize("hours", [0, -3, 3])
def test_the_lease_of_a_dead_worker_is_freed_once_it_was_seen_unchanged_for_as_long_as_it_lasts_whatever_clocks_say(
    world: World, hours: int
) -> None:
    world.contact(ada())
    seconds = Seconds()
    watch = LeaseWatch(60, seconds)
    leave_dead(world, world.clock() + timedelta(hours=hours))
    assert watch.free_unprolonged(world.parts.engine) == ()
    seconds.now += 59.9
    assert watch.free_unprolonged(world.parts.engine) == ()
    assert with_work(world) == ()
    seconds.now += 0.1
    assert watch.free_unprolonged(world.parts.engine) == (world.org_id,)
    assert with_work(world) == (world.org_id,)
    world.sync()
    assert world.row("c-1").status == "queued"


def test_a_lease_that_is_prolonged_is_never_freed_also_while_its_holders_clock_is_wrong(world: World) -> None:
    seconds = Seconds()
    watch = LeaseWatch(60, seconds)
    with writing(world.parts.engine) as db:
        assert take_lease(db, lease(world, "living"), world.clock())
    held = HeldLease(world.parts.engine, lease(world, "living"), world.clock, seconds)
    for hours in (0, 5, -10, 5):
        world.clock.forward(hours=hours)
        seconds.now += 59
        held.check()
        assert watch.free_unprolonged(world.parts.engine) == ()
        seconds.now += 0.9
        assert watch.free_unprolonged(world.parts.engine) == ()


def test_whoever_did_not_prolong_in_time_has_lost_the_lease_before_anybody_may_free_it(world: World) -> None:
    seconds = Seconds()
    with writing(world.parts.engine) as db:
        assert take_lease(db, lease(world, "stopped"), world.clock())
    held = HeldLease(world.parts.engine, lease(world, "stopped"), world.clock, seconds)
    watch = LeaseWatch(60, seconds)
    assert watch.free_unprolonged(world.parts.engine) == ()
    seconds.now += 60
    with pytest.raises(LeaseLost):
        held.check()
    assert watch.free_unprolonged(world.parts.engine) == (world.org_id,)


def test_what_waits_until_a_time_that_only_a_wrong_clock_can_have_said_comes_at_the_next_turn(world: World) -> None:
    world.contact(ada())
    world.sync()
    near, far = world.clock() + timedelta(hours=1), world.clock() + timedelta(hours=3)
    for due, expected in ((near, near), (far, world.clock())):
        with writing(world.parts.engine) as db:
            db.execute(sa.update(t.contact).values(due_at=due))
        assert tick(world.parts, "clock").leads
        assert world.row("c-1").due_at == expected


def test_a_worker_that_died_with_its_clock_ahead_is_not_said_to_be_alive_until_then(world: World) -> None:
    with writing(world.parts.engine) as db:
        take(db, f"{WORKER}ahead", "ahead", world.clock() + timedelta(hours=10), 30)
        take(db, f"{WORKER}living", "living", world.clock(), 30)
    assert tick(world.parts, "clock").leads
    with reading(world.parts.engine) as db:
        assert {beat.name for beat in beats(db)} == {CLOCK, f"{WORKER}living"}


def test_a_clock_that_went_ahead_and_died_keeps_the_next_one_from_nothing(world: World) -> None:
    with writing(world.parts.engine) as db:
        assert take(db, CLOCK, "ahead", world.clock() + timedelta(hours=3), 16)
        assert take(db, CLOCK, "next", world.clock(), 16)
        assert not take(db, CLOCK, "third", world.clock(), 16)


def test_a_worker_that_slept_too_long_writes_nothing_more_and_does_not_drop_the_others_lease(world: World) -> None:
    with org_lease(world.parts.engine, lease(world, "slow"), world.clock) as slow:
        assert slow is not None
        with writing(world.parts.engine) as db:
            assert free_lease(db, world.org_id, "slow", until(world))
        with org_lease(world.parts.engine, lease(world, "next"), world.clock) as fresh:
            assert fresh is not None
            with pytest.raises(LeaseLost), slow.writing() as db:
                db.execute(sa.update(t.org).values(name="overwritten"))
            slow.drop(even_if_knocked=True)
            fresh.check()
    assert [row.name for row in world.rows(t.org)] == ["Acme Events"]


def test_the_heartbeat_outlives_a_database_that_has_no_connection_free(world: World) -> None:
    """Else one moment of many writers would cost the lease in the middle of a call to the CRM."""
    narrow = sa.create_engine(world.parts.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    now = datetime.now(UTC)
    beats = OrgLease(world.org_id, "me", 3)
    try:
        with writing(world.parts.engine) as db:
            db.execute(sa.update(t.org).values(lease_owner="me", lease_until=now.replace(year=now.year + 1)))
        held = HeldLease(narrow, beats, lambda: datetime.now(UTC))
        with held.kept_alive():
            with narrow.connect():  # the only connection is taken for a beat
                started = datetime.now(UTC)
                wait_until(lambda: (datetime.now(UTC) - started).total_seconds() > 1.2, what="a beat is missed")
            wait_until(lambda: until(world).year == now.year, what="the heart beats again")
    finally:
        narrow.dispose()


def test_an_org_that_is_gone_has_no_work(world: World) -> None:
    with writing(world.parts.engine) as db:
        db.execute(sa.delete(t.org))
    assert not sync_org(world.parts, world.org_id)
