"""What people change while a batch is under way is neither lost nor hidden by the batch's outcome."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from contactsync.domain.crm import Problem
from contactsync.store import ledger, queue
from contactsync.store import tables as t
from contactsync.store.connections import present
from contactsync.store.engine import reading, writing
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.sync import actions
from contactsync.sync.absorb import absorb
from contactsync.sync.batch import Turn, sync_batch
from contactsync.sync.rules import rules_of
from tests.fixtures.waiting import wait_until
from tests.sync.conftest import World, ada

CRM = {"instance_url": "http://127.0.0.1:9", "client_id": "id", "flow": "client_credentials"}
SECRET = {"client_secret": "secret"}


@contextmanager
def claimed_by_a_worker(world: World) -> Iterator[tuple[Turn, tuple[queue.Claimed, ...]]]:
    """A worker's turn, up to where it judges what it claimed."""
    lease = OrgLease(world.org_id, "worker", 60)
    with org_lease(world.parts.engine, lease, world.clock) as held:
        assert held is not None
        absorb(world.parts, world.org_id, held)
        bound = world.parts.targets.of(world.org_id)
        with reading(world.parts.engine) as db:
            rules = rules_of(db, world.parts, world.org_id, "acme", None)
            claimed = queue.claim(db, world.org_id, None, world.clock(), 10)
        yield Turn(world.parts, world.org_id, rules, bound, held), claimed


def test_a_contact_that_is_judged_while_its_org_is_connected_does_not_wait_for_ever(world: World) -> None:
    world.contact(ada())
    with claimed_by_a_worker(world) as (turn, claimed):
        actions.connect(world.parts, world.org_id, "salesforce", CRM, SECRET)
        sync_batch(turn, claimed)
    assert (world.row("c-1").status, world.row("c-1").due_at) == ("queued", world.clock())


def test_a_contact_that_is_judged_while_the_default_is_set_does_not_stay_incomplete(world: World) -> None:
    said = ada()
    del said["sync_as"]
    world.contact(said)
    with claimed_by_a_worker(world) as (turn, claimed):
        actions.set_policies(world.parts, world.org_id, {"sync_as_default": "lead"})
        sync_batch(turn, claimed)
    assert (world.row("c-1").status, world.row("c-1").due_at) == ("queued", world.clock())


def test_a_contact_that_was_deleted_during_its_sync_is_not_shown_as_queued(world: World) -> None:
    world.contact(ada())
    with claimed_by_a_worker(world) as (turn, claimed):
        world.contact({"id": "c-1"}, kind="contact.deleted")
        world.clock.forward(seconds=1)
        absorb(world.parts, world.org_id, turn.lease)
        sync_batch(turn, claimed)
    assert (world.row("c-1").status, world.row("c-1").due_at) == ("excluded", None)


def test_a_failure_of_credentials_that_were_replaced_meanwhile_does_not_stop_the_new_ones(world: World) -> None:
    actions.connect(world.parts, world.org_id, "salesforce", CRM, {"client_secret": "wrong"})
    with reading(world.parts.engine) as db:
        used = present(db, world.org_id)
    assert used is not None
    actions.connect(world.parts, world.org_id, "salesforce", CRM, SECRET)
    problem = Problem("sign_in_refused", "Refused.", "Connect again.")
    with writing(world.parts.engine) as db:
        paused = ledger.pause_connection(db, used, failures=1, until=None, problem=problem)
        now = present(db, world.org_id)
    assert not paused
    assert now is not None
    assert (now.problem, now.paused(world.clock())) == (None, False)


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_campaign_that_a_person_chooses_waits_for_the_batch_and_then_holds(world: World) -> None:
    """Else the batch would write the campaign that the event platform says over the choice that it had not seen."""
    chosen = threading.Event()

    def choose() -> None:
        actions.connect_event(world.parts, world.org_id, "e-1", "701B")
        chosen.set()

    world.contact(ada(events=[{"id": "e-1"}]))
    with claimed_by_a_worker(world) as (turn, _):
        with turn.lease.writing() as db:
            thread = threading.Thread(target=choose)
            thread.start()
            wait_until(lambda: waiting_for_locks(world) == 1, what="the choice waits")
            assert not chosen.is_set()
            db.execute(sa.update(t.event).values(campaign_id="701A"))
        thread.join(10)
    assert [row.campaign_id for row in world.rows(t.event)] == ["701B"]


def waiting_for_locks(world: World) -> int:
    """How many sessions wait for a lock. Each look is a transaction of its own: in one, Postgres shows the first look again."""
    with reading(world.parts.engine) as db:
        return int(db.execute(sa.text(WAITING)).scalar_one())


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
