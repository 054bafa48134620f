"""A filtered set goes again: bit by bit, behind what arrives by itself; a worker that dies leaves the rest to the next."""

from __future__ import annotations

from dataclasses import replace

from contactsync.domain.records import SyncStatus
from contactsync.store import queue, resyncs
from contactsync.store.engine import reading, writing
from contactsync.store.queue import OrgLease
from contactsync.store.resyncs import Resync, ResyncFilter
from contactsync.sync import actions
from contactsync.sync.org import sync_org
from contactsync.sync.targets import Targets
from tests.sync.conftest import World, ada

EVERYTHING = ResyncFilter(all=True)


def people(count: int) -> list[dict[str, object]]:
    return [ada(id=f"c-{n}", email=f"p{n}@engines.example") for n in range(1, count + 1)]


def begin(world: World, which: ResyncFilter = EVERYTHING, *, forced: bool = True) -> int:
    return actions.start_resync(world.parts, world.org_id, which, forced=forced)


def stands(world: World, resync_id: int) -> Resync:
    found = actions.resync_progress(world.parts, world.org_id, resync_id)
    assert found is not None
    return found


def due(world: World) -> int:
    with reading(world.parts.engine) as db:
        return queue.due_count(db, world.org_id, world.clock(), 10_000)


def batches_of(world: World, size: int, slice_seconds: float = 10.0) -> None:
    config = world.parts.settings.config
    changed = replace(config, sync=replace(config.sync, batch_size=size, slice_seconds=slice_seconds))
    world.parts = replace(world.parts, settings=replace(world.parts.settings, config=changed))


def test_everybody_goes_again_and_what_was_changed_in_the_crm_is_put_right(connected: World) -> None:
    connected.contact(*people(5))
    connected.sync()
    connected.by_hand("Lead", connected.row("c-1").crm_id, Company="Changed by hand")
    resync_id = begin(connected)
    assert stands(connected, resync_id).total == 5
    connected.sync()
    assert {row["Company"] for row in connected.crm("Lead")} == {"Engines"}
    ended = stands(connected, resync_id)
    assert (ended.state, ended.fed, ended.done) == ("ended", 5, 5)


def test_without_force_what_has_not_changed_costs_no_call_and_a_new_mapping_is_applied(connected: World) -> None:
    connected.contact(*(one | {"title": "Countess"} for one in people(3)))
    connected.sync()
    connected.calls()
    begin(connected, forced=False)
    connected.sync()
    assert connected.calls() == 0
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    title = next(rule for rule in rules if rule["source"] == "title")
    title["values"] = {"Countess": "Ada's title"}
    assert actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    begin(connected, forced=False)
    connected.sync()
    assert {row["Title"] for row in connected.crm("Lead")} == {"Ada's title"}


def test_it_is_never_more_than_one_batch_ahead_of_what_arrives_by_itself(connected: World) -> None:
    connected.contact(*people(10))
    connected.sync()
    batches_of(connected, 4, slice_seconds=0)
    resync_id = begin(connected)
    connected.sync()
    assert (stands(connected, resync_id).fed, due(connected)) == (4, 0)
    connected.contact(*(ada(id=f"live-{n}", email=f"live{n}@engines.example") for n in range(3)))
    connected.sync()
    assert stands(connected, resync_id).fed == 5, "three of four places went to those that arrived"
    assert {connected.row(f"live-{n}").status for n in range(3)} == {SyncStatus.SYNCED}


def test_a_worker_that_is_stopped_leaves_the_rest_to_the_next_one(connected: World) -> None:
    connected.contact(*people(10))
    connected.sync()
    batches_of(connected, 4)
    resync_id = begin(connected)
    assert sync_org(connected.parts, connected.org_id, lambda: True), "more is to do: ring again"
    assert stands(connected, resync_id).fed == 4
    parts = connected.parts
    connected.parts = replace(parts, targets=Targets(parts.engine, parts.vault, parts.plugins))
    connected.sync()
    ended = stands(connected, resync_id)
    assert (ended.state, ended.fed, ended.done) == ("ended", 10, 10)


def test_a_worker_that_died_after_it_fed_loses_nothing(connected: World) -> None:
    connected.contact(*people(10))
    connected.sync()
    batches_of(connected, 4)
    resync_id = begin(connected)
    with writing(connected.parts.engine) as db:
        lease = OrgLease(connected.org_id, "dead", 60)
        assert queue.take_lease(db, lease, connected.clock())
        assert resyncs.feed(db, connected.org_id, connected.clock(), 4) == 4
    assert not connected.sync()
    assert stands(connected, resync_id).done == 0, "the dead worker's lease still holds"
    connected.clock.forward(seconds=61)
    connected.calls()
    connected.sync()
    ended = stands(connected, resync_id)
    assert (ended.state, ended.fed, ended.done) == ("ended", 10, 10)
    assert connected.calls() == 3, "each looked up once: four, four and two"


def test_one_that_is_cancelled_feeds_no_further(connected: World) -> None:
    connected.contact(*people(10))
    connected.sync()
    batches_of(connected, 4, slice_seconds=0)
    resync_id = begin(connected)
    connected.sync()
    assert actions.cancel_resync(connected.parts, connected.org_id, resync_id)
    connected.sync()
    assert (stands(connected, resync_id).state, stands(connected, resync_id).fed) == ("cancelled", 4)
    assert not actions.cancel_resync(connected.parts, connected.org_id, resync_id)


def test_the_preview_of_a_filter_shows_each_contact_once_and_writes_nothing(connected: World) -> None:
    connected.contact(*people(2), {"id": "c-9", "first_name": "Without"})
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.contact(ada(id="c-1", email="p1@engines.example", title="New"))
    connected.fault(do="status", status=500, times=1, match={"writes": True})
    connected.sync()
    planned = actions.preview_many(connected.parts, connected.org_id, EVERYTHING, 10)
    assert list(planned.contacts) == ["c-1", "c-2", "c-9"]
    assert [step.action.value for step in planned.steps] == ["update", "leave"]
    incomplete = planned.contacts["c-9"].problem
    assert incomplete is not None
    assert incomplete.code == "incomplete"
    assert {row.get("Title") for row in connected.crm("Lead")} == {None}
    assert list(actions.preview_many(connected.parts, connected.org_id, EVERYTHING, 1).contacts) == ["c-1"]
