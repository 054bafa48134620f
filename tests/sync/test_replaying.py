"""Old deliveries absorbed once more: one or a range, twice or at once, and never at the cost of anything newer."""

from __future__ import annotations

import json
import threading
from dataclasses import replace as dc_replace
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.errors import RefusedInput
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.inbox import keep, public_id
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.store.replays import ReplayFilter
from contactsync.store.tally import Tallied, tallies
from contactsync.sync import actions
from contactsync.sync.absorb import DELIVERIES, absorb
from contactsync.sync.replaying import NoRoom, Replayed
from tests.sync.conftest import World, ada

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def absorb_all(world: World) -> None:
    with org_lease(world.parts.engine, OrgLease(world.org_id, "me", 60), world.clock) as held:
        assert held is not None
        while absorb(world.parts, world.org_id, held):
            pass


def replay(world: World, after: int = 0, **which: Any) -> Replayed:
    return actions.replay(world.parts, world.org_id, ReplayFilter(**which), after)


def statuses(world: World) -> list[str]:
    return [row.status for row in world.rows(t.delivery)]


def kept(world: World, body: bytes, status: str, **more: Any) -> int:
    """A delivery in whatever state."""
    with writing(world.parts.engine) as db:
        row = {"org_id": world.org_id, "door": "contacts", "webhook_id": f"msg_{hash(body)}", "type": None}
        row |= {"errors": [{"path": "data", "message": "Was wrong."}], "now": world.clock(), **more}
        return keep(db, body=body, status=status, **row).delivery_id


def changed(world: World, number: int, **columns: Any) -> None:
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.delivery).where(t.delivery.c.id == number).values(**columns))


def body_of(said: object) -> bytes:
    return json.dumps({"type": "contact.updated", "timestamp": "2026-11-24T09:00:00Z", "data": said}).encode()


def test_a_delivery_that_failed_is_absorbed_once_its_cause_is_gone(world: World) -> None:
    number = world.deliver("contacts", "contact.exploded", ada())
    absorb_all(world)
    assert statuses(world) == ["failed"]
    changed(world, number, body=body_of(ada()))  # what a version that knows the type would read
    world.clock.forward(hours=1)
    assert replay(world, ids=(public_id(number),)) == Replayed(replayed=1)
    (waiting,) = world.rows(t.delivery)
    assert (waiting.status, waiting.errors, waiting.absorbed_at) == ("accepted", None, None)
    assert (waiting.replays, waiting.replayed_at) == (1, world.clock())
    absorb_all(world)
    (absorbed,) = world.rows(t.delivery)
    assert (absorbed.status, absorbed.errors, absorbed.absorbed_at) == ("absorbed", None, world.clock())
    assert world.row("c-1").status == "queued"


@SQLITE
def test_one_that_cannot_be_absorbed_now_either_fails_again_with_its_reason(world: World) -> None:
    world.deliver("contacts", "contact.exploded", ada())
    absorb_all(world)
    for times in (1, 2):
        assert replay(world, status="failed").replayed == 1
        absorb_all(world)
        (row,) = world.rows(t.delivery)
        assert (row.status, row.replays, row.errors[0]["path"]) == ("failed", times, "type")


def test_a_rejected_delivery_is_accepted_if_it_can_be_read_now_and_keeps_its_fresh_errors_if_not(world: World) -> None:
    readable = kept(world, body_of(ada()), "rejected")
    unreadable = kept(world, body_of(ada(email="nobody")), "rejected")
    unknown = kept(world, b"{}", "rejected", door="from:zoom")
    assert replay(world, status="rejected") == Replayed(replayed=1, unreadable=2)
    rows = {row.id: row for row in world.rows(t.delivery)}
    assert (rows[readable].status, rows[readable].type, rows[readable].replays) == ("accepted", "contact.updated", 1)
    assert (rows[unreadable].status, rows[unreadable].replays) == ("rejected", 0)
    assert [error["path"] for error in rows[unreadable].errors] == ["data.email"]
    assert "KeyError" in rows[unknown].errors[0]["message"]
    absorb_all(world)
    assert world.row("c-1").status == "queued"


def test_what_waits_already_is_left_as_it_is_however_often_it_is_asked(world: World) -> None:
    world.contact(ada())
    number = public_id(world.rows(t.delivery)[0].id)
    assert replay(world, ids=(number,)) == Replayed(waiting=1)
    assert world.rows(t.delivery)[0].replays == 0
    absorb_all(world)
    assert replay(world, ids=(number,)) == Replayed(replayed=1)
    assert replay(world, ids=(number,)) == Replayed(waiting=1)
    assert world.rows(t.delivery)[0].replays == 1


def test_of_two_who_replay_at_once_one_does_and_the_other_finds_it_waiting(world: World) -> None:
    for n in range(40):
        world.contact(ada(id=f"c-{n}", email=f"{n}@engines.example"))
    absorb_all(world)
    answers: list[Replayed] = []
    both = threading.Barrier(2)

    def ask() -> None:
        both.wait()
        answers.append(replay(world, status="absorbed"))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.replayed for one in answers) == 40
    assert {row.replays for row in world.rows(t.delivery)} == {1}


def test_a_replay_while_a_worker_absorbs_is_absorbed_with_it_or_after_it(world: World) -> None:
    for n in range(30):
        world.contact(ada(id=f"c-{n}", email=f"{n}@engines.example"))
    over = threading.Event()

    def work() -> None:
        with org_lease(world.parts.engine, OrgLease(world.org_id, "me", 60), world.clock) as held:
            assert held is not None
            while absorb(world.parts, world.org_id, held) or not over.is_set():
                pass

    worker = threading.Thread(target=work)
    worker.start()
    asked = [replay(world, status="absorbed") for _ in range(10)]
    over.set()
    worker.join()
    absorb_all(world)
    assert set(statuses(world)) == {"absorbed"}
    assert sum(row.replays for row in world.rows(t.delivery)) == sum(one.replayed for one in asked)


@pytest.mark.parametrize("reason", ["retention", "erasure"])
def test_one_whose_body_was_removed_is_counted_as_gone_and_stays_as_it_is(world: World, reason: str) -> None:
    world.contact(ada())
    absorb_all(world)
    number = world.rows(t.delivery)[0].id
    changed(world, number, body=b"", body_removed_at=world.clock(), body_removed_for=reason)
    assert replay(world, ids=(public_id(number),)) == Replayed(gone=1)
    assert statuses(world) == ["absorbed"]


@SQLITE
def test_one_from_whose_body_a_person_was_taken_is_replayed_for_the_others(world: World) -> None:
    world.contact(ada(), ada(id="c-2", email="charles@engines.example"))
    absorb_all(world)
    number = world.rows(t.delivery)[0].id
    bare = body_of([ada(id="c-2", email="charles@engines.example")])
    changed(world, number, body=bare, body_removed_at=world.clock(), body_removed_for="erasure")
    assert replay(world, ids=(public_id(number),)) == Replayed(replayed=1)


@SQLITE
def test_the_rejected_with_an_empty_body_is_unreadable_not_gone(world: World) -> None:
    kept(world, b"", "rejected")
    assert replay(world, status="rejected") == Replayed(unreadable=1)


def test_a_filter_takes_what_fits_all_that_is_said(world: World) -> None:
    world.contact(ada())
    world.clock.forward(hours=1)
    since = world.clock()
    world.event()
    world.contact(ada(title="Countess"))
    world.clock.forward(hours=1)
    until = world.clock()
    world.contact(ada(title="Enchantress"))
    absorb_all(world)
    assert replay(world, since=since, until=until, door="contacts") == Replayed(replayed=1)
    assert statuses(world) == ["absorbed", "absorbed", "accepted", "absorbed"]
    absorb_all(world)
    assert replay(world, until=until).replayed == 3
    absorb_all(world)
    assert replay(world, status="failed") == Replayed()


@pytest.mark.parametrize(
    ("which", "path"),
    [
        ({}, "status"),
        ({"status": "accepted"}, "status"),
        ({"door": "\udcff"}, "door"),
        ({"door": "x" * 64}, "door"),
        ({"ids": ("dlv_1", "seventeen")}, "ids.1"),
        ({"ids": ("dlv_1",) * 1001}, "ids"),
    ],
)
def test_a_filter_that_says_nothing_or_nonsense_is_refused(which: dict[str, Any], path: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        ReplayFilter(**which)
    assert list(refused.value.fields) == [path]


def test_deliveries_of_another_org_are_missing_and_untouched(world: World) -> None:
    world.contact(ada())
    absorb_all(world)
    with writing(world.parts.engine) as db:
        stranger = orgs.add_org(db, "other", "Other", world.clock())
    number = public_id(world.rows(t.delivery)[0].id)
    for which in (ReplayFilter(ids=(number,)), ReplayFilter(status="absorbed")):
        done = actions.replay(world.parts, stranger.id, which)
        assert (done.replayed, done.missing) == (0, (number,) if which.ids else ())
    assert statuses(world) == ["absorbed"]


@SQLITE
def test_a_range_goes_in_bounded_steps_each_where_the_one_before_stopped(world: World) -> None:
    which = ReplayFilter(until=world.clock.now.replace(year=2027))
    for n in range(20):
        world.contact(ada(id=f"c-{n}", email=f"{n}@engines.example"))
    absorb_all(world)
    steps, after = [], 0
    while True:
        done = actions.replay(world.parts, world.org_id, which, after, most=7)
        steps.append(done.replayed)
        if done.next is None:
            break
        after = done.next
        absorb_all(world)  # what a worker has absorbed meanwhile is not taken again
    assert steps == [7, 7, 6]
    assert {row.replays for row in world.rows(t.delivery)} == {1}


@SQLITE
def test_rejected_ones_are_read_for_so_many_bytes_and_no_more_in_one_step(world: World) -> None:
    first = kept(world, b"x" * 2000, "rejected")
    second = kept(world, b"y" * 100, "rejected")
    which = ReplayFilter(status="rejected")
    done = actions.replay(world.parts, world.org_id, which, most_bytes=1000)
    assert (done.unreadable, done.next) == (1, first)
    done = actions.replay(world.parts, world.org_id, which, first, most_bytes=1000)
    assert (done.unreadable, done.next) == (1, None)
    assert second > first


@SQLITE
def test_a_replay_leaves_room_in_the_inbox_for_webhooks(world: World) -> None:
    """So few are taken in at once that the door never answers 503 for a replay."""
    intake = dc_replace(world.parts.settings.config.intake, most_waiting=20)
    config = dc_replace(world.parts.settings.config, intake=intake)
    world.parts = dc_replace(world.parts, settings=dc_replace(world.parts.settings, config=config))
    for n in range(24):
        world.contact(ada(id=f"c-{n}", email=f"{n}@engines.example"))
    absorb_all(world)
    done = replay(world, status="absorbed")
    assert (done.replayed, done.next) == (10, 10)
    with pytest.raises(NoRoom):
        replay(world, 10, status="absorbed")
    dry = actions.replay(world.parts, world.org_id, ReplayFilter(status="absorbed"), 10, dry_run=True)
    assert dry.replayed == 14
    absorb_all(world)
    assert (replay(world, 10, status="absorbed").next, statuses(world).count("accepted")) == (20, 10)


@SQLITE
def test_bodies_that_are_large_are_taken_in_by_their_size_but_one_always(world: World) -> None:
    intake = dc_replace(world.parts.settings.config.intake, most_waiting_megabytes=1)
    config = dc_replace(world.parts.settings.config, intake=intake)
    world.parts = dc_replace(world.parts, settings=dc_replace(world.parts.settings, config=config))
    for letter in (b"x", b"y", b"z"):
        kept(world, letter * 600_000, "failed")
    done = replay(world, status="failed")
    assert (done.replayed, done.next) == (1, 1)
    with pytest.raises(NoRoom):
        replay(world, 1, status="failed")


@SQLITE
def test_a_dry_run_counts_and_changes_nothing(world: World) -> None:
    world.contact(ada())
    absorb_all(world)
    kept(world, b"{", "rejected")
    before = world.rows(t.delivery)
    said = actions.replay(
        world.parts, world.org_id, ReplayFilter(until=world.clock.now.replace(year=2027)), dry_run=True
    )
    assert said == Replayed(replayed=1, unreadable=1)
    assert world.rows(t.delivery) == before
    assert world.rows(t.audit_entry) == []


def test_the_bell_rings_and_the_audit_log_says_who_replayed_what(world: World) -> None:
    world.contact(ada())
    absorb_all(world)
    bell: Any = world.parts.bell
    bell.orgs.clear()
    number = public_id(world.rows(t.delivery)[0].id)
    replay(world, ids=(number,))
    assert bell.orgs == [world.org_id]
    with reading(world.parts.engine) as db:
        counted = {one.label: one.count for _, one in tallies(db) if one.name is Tallied.DELIVERIES}
    assert counted == {"absorbed": 1, "replayed": 1}
    (entry,) = world.rows(t.audit_entry)
    assert (entry.actor, entry.action, entry.about) == (world.parts.actor, "deliveries.replayed", number)
    assert entry.details == {
        "filter": {"ids": 1}, "replayed": 1, "unreadable": 0, "first": number, "last": number,
    }  # fmt: skip
    replay(world, ids=(number,))
    assert bell.orgs == [world.org_id]
    assert len(world.rows(t.audit_entry)) == 1


# ── what it does to records ────────────────────────────────────────────────────────────────────────────────────────


@SQLITE
def test_nothing_that_is_newer_is_overwritten_by_a_replay(world: World) -> None:
    world.contact(ada(title="Countess", updated_at="2026-11-01T00:00:00Z"))
    world.contact(ada(title="Enchantress", updated_at="2026-11-02T00:00:00Z"))
    absorb_all(world)
    before = world.row("c-1").fields
    replay(world, ids=("dlv_1",))
    absorb_all(world)
    assert world.row("c-1").fields == before


def test_a_replay_of_what_is_synced_costs_the_crm_no_call(connected: World) -> None:
    connected.event(name="Summit", starts_at="2026-12-01T09:00:00Z")
    connected.contact(ada())
    connected.meeting(
        title="Talk",
        starts_at="2026-12-01T09:00:00Z",
        ends_at="2026-12-01T10:00:00Z",
        attendees=[{"contact_id": "c-1"}],
    )
    while connected.sync():
        pass
    assert (connected.row("c-1").status, connected.of(t.meeting, "m-1").sync_status) == ("synced", "synced")
    connected.calls()
    assert replay(connected, status="absorbed").replayed == 3
    while connected.sync():
        pass
    assert connected.calls() == 0
    assert (connected.row("c-1").status, connected.of(t.meeting, "m-1").sync_status) == ("synced", "synced")
    assert connected.row("c-1").due_at is None


def test_a_contact_that_needs_attention_goes_again_with_the_delivery_that_names_it(connected: World) -> None:
    refusal = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Not so.", "fields": []}
    connected.fault(do="row", times=1, where={"object": "Lead"}, error=refusal)
    connected.contact(ada())
    while connected.sync():
        pass
    assert connected.row("c-1").status == "needs_attention"
    connected.calls()
    replay(connected, ids=("dlv_1",))
    while connected.sync():
        pass
    assert connected.row("c-1").status == "synced"
    assert len(connected.crm("Lead")) == 1
    assert connected.calls() == 2


def test_an_attendance_that_is_replayed_has_its_contact_looked_at_by_address_too(world: World) -> None:
    world.contact(ada())
    world.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"email": "Ada@Engines.example"}]})
    absorb_all(world)
    with writing(world.parts.engine) as db:
        db.execute(sa.update(t.contact).values(due_at=None, status="needs_attention", problem_key="k"))
    replay(world, ids=("dlv_2",))
    absorb_all(world)
    assert (world.row("c-1").status, world.row("c-1").due_at) == ("queued", world.clock())


@SQLITE
def test_what_was_deleted_at_the_source_stays_excluded(world: World) -> None:
    world.contact(ada(updated_at="2026-11-01T00:00:00Z"))
    world.contact({"id": "c-1", "updated_at": "2026-11-02T00:00:00Z"}, kind="contact.deleted")
    absorb_all(world)
    replay(world, status="absorbed")
    absorb_all(world)
    assert (world.row("c-1").status, world.row("c-1").due_at) == ("excluded", None)


@SQLITE
def test_what_has_just_arrived_goes_before_what_is_replayed(world: World) -> None:
    many = DELIVERIES + 20
    for n in range(many):
        world.contact(ada(id=f"c-{n}", email=f"{n}@engines.example"))
    absorb_all(world)
    assert replay(world, status="absorbed").replayed == many
    world.contact(ada(id="new", email="new@engines.example"))
    with org_lease(world.parts.engine, OrgLease(world.org_id, "me", 60), world.clock) as held:
        assert held is not None
        assert absorb(world.parts, world.org_id, held) == 1
        assert world.row("new").status == "queued"
        assert absorb(world.parts, world.org_id, held) == DELIVERIES
        assert absorb(world.parts, world.org_id, held) == 20
        assert absorb(world.parts, world.org_id, held) == 0


@SQLITE
def test_a_delivery_that_was_counted_once_is_counted_once_after_a_replay(world: World) -> None:
    world.contact(ada(shoe=39))
    absorb_all(world)
    replay(world, ids=("dlv_1",))
    absorb_all(world)
    assert world.rows(t.delivery)[0].log == {"unknown_keys": {"data.shoe": 1}}
    with reading(world.parts.engine) as db:
        assert db.execute(sa.select(sa.func.count()).select_from(t.contact)).scalar_one() == 1
