"""What people release by the thousand goes by the worker's rounds: the request is over at once, and nothing is forgotten."""

from __future__ import annotations

import sqlalchemy as sa

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.store.releases import AT_ONCE
from contactsync.sync import actions
from tests.sync.conftest import World

MANY = AT_ONCE + 50


def counted(world: World, *which: sa.ColumnElement[bool]) -> int:
    with reading(world.parts.engine) as db:
        return int(db.execute(sa.select(sa.func.count()).select_from(t.contact).where(*which)).scalar_one())


def test_thousands_that_a_policy_concerns_are_looked_at_again_by_the_worker(world: World) -> None:
    row = {"org_id": world.org_id, "fields": {"versions": [], "fields": {}}, "deleted": False, "change": 1}
    row |= {"created_at": world.clock(), "updated_at": world.clock(), "status": SyncStatus.INCOMPLETE}
    with writing(world.parts.engine) as db:
        db.execute(sa.insert(t.contact), [{**row, "source_id": f"c-{n}"} for n in range(MANY)])
    actions.set_policies(world.parts, world.org_id, {"sync_as_default": "lead"})
    assert world.parts.bell.orgs == [world.org_id]
    assert counted(world, t.contact.c.due_at.is_not(None)) == 0
    while world.sync():
        pass
    again = (t.contact.c.change == 2, t.contact.c.status == SyncStatus.INCOMPLETE, t.contact.c.due_at.is_(None))
    assert counted(world, *again) == MANY
    with reading(world.parts.engine) as db:
        assert db.execute(sa.select(t.pending_release.c.id)).first() is None
