"""An org with thousands waiting gives way after one round, whatever is left: another org's single contact is next."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from contactsync.domain.records import SyncStatus
from contactsync.store import orgs
from contactsync.store import tables as t
from contactsync.store.backlog import backlog
from contactsync.store.engine import reading, writing
from contactsync.sync.absorb import DELIVERIES
from tests.sync.conftest import World, ada

WAITING = 1_000


def wait_in_the_inbox(world: World) -> None:
    """A thousand deliveries, each of a contact of its own."""
    body = b'{"type": "contact.updated", "timestamp": "2026-11-24T09:00:00Z", "data": {"id": "c-%d"}}'
    row = {"org_id": world.org_id, "door": "contacts", "received_at": world.clock(), "status": "accepted"}
    with writing(world.parts.engine) as db:
        db.execute(sa.insert(t.delivery), [{**row, "webhook_id": f"w-{n}", "body": body % n} for n in range(WAITING)])


def waits(world: World) -> int:
    with reading(world.parts.engine) as db:
        return backlog(db, world.org_id).deliveries


def test_a_busy_org_gives_way_after_one_round_and_goes_on_where_it_was(world: World) -> None:
    config = world.parts.settings.config
    config = replace(config, sync=replace(config.sync, batch_size=50, slice_seconds=0))
    busy = replace(world, parts=replace(world.parts, settings=replace(world.parts.settings, config=config)))
    wait_in_the_inbox(busy)
    with writing(world.parts.engine) as db:
        calm = replace(busy, org_id=orgs.add_org(db, "calm", "Calm", world.clock()).id)
    calm.contact(ada(id="alone"))
    assert busy.sync(), "the bell rings again for the rest"
    assert waits(busy) == WAITING - DELIVERIES
    calm.sync()
    assert waits(calm) == 0
    assert calm.row("alone").status == SyncStatus.QUEUED  # as far as an org without a CRM comes
    assert waits(busy) == WAITING - DELIVERIES
    while busy.sync():
        pass
    assert waits(busy) == 0
