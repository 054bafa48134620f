"""A target that raises what it must not, or forgets results: seen by people, tried again ever more rarely, never a spin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from contactsync.config import Config
from contactsync.domain.records import SyncStatus
from contactsync.hooks import Plugins
from contactsync.store.connections import present
from contactsync.store.engine import reading
from contactsync.store.queue import orgs_with_work
from contactsync.sync import actions
from contactsync.sync.targets import Targets
from tests.sync.conftest import World, ada

CONFIG = """
[plugins]
discover = false
load = ["tests.sync.odd_target", "contactsync_plugins.toml_mappings"]
[sync.mappings]
odd = "salesforce"
"""


@pytest.fixture
def odd(world: World) -> Iterator[Callable[[str], World]]:
    """An org that is connected to a CRM with the given oddity."""

    def made(oddity: str) -> World:
        config = Config.parse(CONFIG)
        plugins = Plugins.load(config)
        world.parts = replace(
            world.parts,
            settings=replace(world.parts.settings, config=config),
            plugins=plugins,
            targets=Targets(world.parts.engine, world.parts.vault, plugins),
        )
        actions.connect(world.parts, world.org_id, "odd", {"oddity": oddity}, {})
        return world

    yield made


@pytest.mark.parametrize("oddity", ["look_up", "apply"])
def test_a_target_that_raises_anything_pauses_its_org_and_the_contact_says_what_is_broken(
    odd: Callable[[str], World], oddity: str
) -> None:
    world = odd(oddity)
    world.contact(ada())
    with capture_logs() as logs:
        world.sync()
    row = world.row("c-1")
    assert row.status == SyncStatus.RETRYING
    assert (row.problem["code"], row.problem["who"]) == ("plugin_broken", "developer")
    assert "odd" in row.problem["cause"]
    assert "odd_target.py:" in row.problem["cause"]
    assert "ada@" not in str((row.problem, logs))
    with reading(world.parts.engine) as db:
        assert orgs_with_work(db, world.clock()) == (), "the clock does not ring for it at every turn"
        connection = present(db, world.org_id)
    assert connection is not None
    assert connection.failures == 1
    world.clock.forward(hours=2)
    world.sync()
    with reading(world.parts.engine) as db:
        connection = present(db, world.org_id)
    assert connection is not None
    assert connection.failures == 2


def test_a_mended_target_goes_on_by_itself(odd: Callable[[str], World]) -> None:
    world = odd("look_up")
    world.contact(ada())
    world.sync()
    world.parts.targets.of(world.org_id).target.oddity = ""  # type: ignore[union-attr]
    world.clock.forward(hours=2)
    world.sync()
    assert world.row("c-1").status == SyncStatus.SYNCED


def test_a_row_of_which_the_target_says_nothing_is_tried_again_and_the_others_are_written_down(
    odd: Callable[[str], World],
) -> None:
    world = odd("fewer")
    world.contact(ada(), ada(id="c-2", email="b@b.example"))
    world.sync()
    first, second = world.row("c-1"), world.row("c-2")
    assert (first.status, first.problem["code"]) == (SyncStatus.RETRYING, "answer_lost")
    assert first.due_at > world.clock()
    assert second.status == SyncStatus.SYNCED
