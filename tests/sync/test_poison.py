"""One delivery that cannot be brought in never stops its org: it is set aside as failed, with a reason (I2, I10)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contactsync.store import tables as t
from contactsync.store.engine import writing
from tests.sync.conftest import World, ada

SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def statuses(world: World) -> list[str]:
    return [row.status for row in world.rows(t.delivery)]


def test_a_delivery_of_a_door_that_this_version_does_not_know_is_set_aside(world: World) -> None:
    world.deliver("from:zoom", "contact.created", ada(id="c-9"))
    world.contact(ada())
    world.sync()
    assert statuses(world) == ["failed", "absorbed"]
    (error,) = world.rows(t.delivery)[0].errors
    assert error["path"] == ""
    assert "KeyError" in error["message"]
    assert world.row("c-1").status == "queued"


@SQLITE_ONLY
def test_a_delivery_that_the_database_refuses_is_set_aside_and_the_others_of_its_batch_are_absorbed(
    world: World,
) -> None:
    with writing(world.parts.engine) as db:
        db.execute(
            sa.text(
                "CREATE TRIGGER poison BEFORE INSERT ON contact WHEN NEW.source_id = 'c-2'"
                " BEGIN SELECT RAISE(ABORT, 'ada@engines.example is refused'); END"
            )
        )
    for number in (1, 2, 3):
        world.contact(ada(id=f"c-{number}", email=f"{number}@engines.example"))
    world.sync()
    assert statuses(world) == ["absorbed", "failed", "absorbed"]
    (error,) = world.rows(t.delivery)[1].errors
    assert "IntegrityError" in error["message"]
    assert "ada@" not in error["message"]
    assert [row.source_id for row in world.rows(t.contact)] == ["c-1", "c-3"]


@SQLITE_ONLY
def test_a_database_that_is_locked_sets_nothing_aside(world: World) -> None:
    world.contact(ada())
    with writing(world.parts.engine) as db:
        db.execute(
            sa.text("CREATE TRIGGER broken BEFORE INSERT ON contact BEGIN SELECT * FROM a_table_that_was_lost; END")
        )
    with pytest.raises(sa.exc.OperationalError):
        world.sync()
    assert statuses(world) == ["accepted"]
