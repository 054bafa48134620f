"""One worker at a time syncs an org: two never do, a dead one stops nobody, a stuck database ends no heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.lease import HeldLease, org_lease
from contactsync.store.queue import LeaseLost, OrgLease, orgs_with_work
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


def test_the_lease_of_a_dead_worker_runs_out_and_the_clock_rings_for_its_org(world: World) -> None:
    world.contact(ada())
    with writing(world.parts.engine) as db:
        values = {"lease_owner": "dead", "lease_until": world.clock()}
        db.execute(sa.update(t.org).values(values))
    world.clock.forward(seconds=-1)
    with reading(world.parts.engine) as db:
        assert orgs_with_work(db, world.clock()) == ()
    world.clock.forward(seconds=1)
    with reading(world.parts.engine) as db:
        assert orgs_with_work(db, world.clock()) == (world.org_id,)
    world.sync()
    assert world.row("c-1").status == "queued"


def test_a_worker_that_slept_too_long_writes_nothing_more_and_does_not_drop_the_others_lease(world: World) -> None:
    with org_lease(world.parts.engine, lease(world, "slow"), world.clock) as slow:
        assert slow is not None
        world.clock.forward(seconds=61)
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
    beats = OrgLease(world.org_id, "me", 0.6)
    try:
        with writing(world.parts.engine) as db:
            db.execute(sa.update(t.org).values(lease_owner="me", lease_until=now.replace(year=now.year + 1)))
        held = HeldLease(narrow, beats, lambda: datetime.now(UTC))
        with held.kept_alive():
            with narrow.connect():  # the only connection is taken for two beats
                started = datetime.now(UTC)
                wait_until(lambda: (datetime.now(UTC) - started).total_seconds() > 0.5, what="two beats are missed")
            wait_until(lambda: until(world).year == now.year, what="the heart beats again")
    finally:
        narrow.dispose()


def test_an_org_that_is_gone_has_no_work(world: World) -> None:
    with writing(world.parts.engine) as db:
        db.execute(sa.delete(t.org))
    assert not sync_org(world.parts, world.org_id)
