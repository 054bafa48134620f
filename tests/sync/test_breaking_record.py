"""A record at which planning breaks stops alone, with a problem that says where, and nobody else of its batch (I10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from contactsync.config import Config
from contactsync.domain.batch import Ready
from contactsync.domain.records import Contact, SyncAs, SyncStatus
from contactsync.hooks import Plugins
from contactsync.sync.deciding import CONTACTS, each_that_can
from tests.sync.conftest import World, ada

CONFIG = """
[plugins]
discover = false
load = ["tests.sync.breaking_plugin", "contactsync_plugins.salesforce", "contactsync_plugins.toml_mappings"]
"""


def test_a_contact_for_which_a_plugin_decides_nonsense_stops_alone(connected: World) -> None:
    connected.parts = replace(connected.parts, plugins=Plugins.load(Config.parse(CONFIG)))
    connected.contact(ada(custom={"careless": "yes"}), ada(id="c-2", email="b@b.example"))
    with capture_logs() as logs:
        connected.sync()
    assert connected.row("c-2").status == SyncStatus.SYNCED
    row = connected.row("c-1")
    assert (row.status, row.problem["code"]) == (SyncStatus.NEEDS_ATTENTION, "cannot_be_planned")
    assert "prepare.py:" in row.problem["cause"]
    assert "ada@" not in str((row.problem, logs))


def ready(number: int) -> Ready:
    return Ready(Contact(f"c-{number}", {}), SyncAs.LEAD)


@pytest.mark.parametrize("bad", [(), (3,), (0, 1, 9), tuple(range(10))])
def test_what_breaks_is_found_by_halves_and_the_others_are_worked_out(bad: tuple[int, ...]) -> None:
    names = {f"c-{number}" for number in bad}

    def attempt(batch: Sequence[Ready]) -> list[str]:
        listed = [one.contact.id for one in batch]
        if names & set(listed):
            raise ValueError("ada@engines.example")
        return listed

    worked, problems = each_that_can(CONTACTS, [ready(number) for number in range(10)], attempt)
    assert worked == [f"c-{number}" for number in range(10) if number not in bad]
    assert set(problems) == names
    assert all("ada@" not in problem.cause for problem in problems.values())


def test_records_that_break_only_together_are_all_named() -> None:
    def attempt(batch: Sequence[Ready]) -> int:
        if len(batch) > 1:
            raise ValueError("two of them")
        return len(batch)

    worked, problems = each_that_can(CONTACTS, [ready(1), ready(2)], attempt)
    assert (worked, set(problems)) == (0, {"c-1", "c-2"})
