"""Near the share of the day's calls that is kept for other tools, the sync stands still, says so, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import requests

from contactsync.domain.budget import BUDGET_PAUSE
from contactsync.domain.known_problems import problem_from_json
from contactsync.domain.records import SyncStatus
from contactsync.store.connections import ConnectionRow, present
from contactsync.store.engine import reading
from contactsync.store.queue import orgs_with_work
from contactsync.store.resyncs import ResyncFilter
from contactsync.sync import actions
from contactsync.sync.budget_gate import rows_within
from contactsync.sync.targets import Targets
from tests.sync.conftest import World, ada


@pytest.fixture
def counted(connected: World) -> World:
    """An org whose CRM said its count lately, by the test's own clock."""
    parts = connected.parts
    connected.parts = replace(parts, targets=Targets(parts.engine, parts.vault, parts.plugins, parts.now))
    connected.contact(ada(id="c-0", email="zero@engines.example"))
    connected.sync()
    return connected


def used(world: World, calls: int, limit: int = 1000) -> None:
    """The org's other tools have used so many calls; we hear of it with the next answer."""
    world.admin("options", {"daily_limit": limit, "calls_used": calls})


def connection(world: World) -> ConnectionRow:
    with reading(world.parts.engine) as db:
        row = present(db, world.org_id)
    assert row is not None
    return row


def has_work(world: World) -> bool:
    with reading(world.parts.engine) as db:
        return world.org_id in orgs_with_work(db, world.clock())


def paths(world: World) -> list[str]:
    assert world.standin is not None
    listed: list[dict[str, Any]] = requests.get(f"{world.standin.url}/_standin/calls", timeout=10).json()["calls"]
    return [call["path"].rsplit("/", 1)[1] for call in listed]


def heard(world: World) -> None:
    """One more contact, by which the count is heard."""
    world.contact(ada(id="c-heard", email="heard@engines.example"))
    world.sync()
    assert world.row("c-heard").status == SyncStatus.SYNCED


def test_beyond_the_reserve_nothing_is_sent_nothing_is_lost_and_the_problem_says_why(counted: World) -> None:
    used(counted, 895)
    heard(counted)
    used(counted, 899)
    counted.contact(ada())
    counted.sync()
    assert counted.row("c-1").status == SyncStatus.SYNCED, "calls were left when it was planned"
    counted.contact(ada(id="c-2", email="two@engines.example"))
    counted.calls()
    counted.sync()
    assert counted.calls() == 0
    row = counted.row("c-2")
    assert (row.status, row.due_at) == (SyncStatus.QUEUED, counted.clock())
    problem = connection(counted).problem
    assert problem is not None
    assert problem["code"] == "budget_reserved"
    assert connection(counted).paused_until is not None
    assert not has_work(counted), "the clock does not ring for it at every turn"


def test_at_the_end_of_each_pause_the_crm_is_asked_once_until_it_has_calls_again(counted: World) -> None:
    used(counted, 950)
    heard(counted)
    counted.contact(ada())
    counted.sync()
    counted.calls()
    counted.clock.forward(seconds=BUDGET_PAUSE)
    assert has_work(counted)
    counted.sync()
    assert "composite" not in paths(counted)
    assert counted.calls() == 2, "the limits, and what the user may do"
    assert counted.row("c-1").status == SyncStatus.QUEUED
    used(counted, 10)
    counted.clock.forward(seconds=BUDGET_PAUSE)
    counted.sync()
    assert counted.row("c-1").status == SyncStatus.SYNCED
    assert (connection(counted).problem, connection(counted).paused_until) == (None, None)


def test_an_unchanged_contact_is_settled_also_while_the_calls_are_used_up(counted: World) -> None:
    used(counted, 950)
    heard(counted)
    counted.clock.forward(seconds=1)
    counted.contact(ada(id="c-0", email="zero@engines.example"))
    counted.sync()
    assert counted.row("c-0").status == SyncStatus.SYNCED
    assert connection(counted).problem is None


def test_a_smaller_reserve_ends_the_pause(counted: World) -> None:
    used(counted, 950)
    heard(counted)
    counted.contact(ada())
    counted.sync()
    assert connection(counted).problem is not None
    actions.set_policies(counted.parts, counted.org_id, {"reserve_percent": 1})
    counted.sync()
    assert counted.row("c-1").status == SyncStatus.SYNCED


def test_a_check_ends_the_pause_only_when_there_are_calls_again(counted: World) -> None:
    used(counted, 950)
    heard(counted)
    counted.contact(ada())
    counted.sync()
    problem = connection(counted).problem
    assert problem is not None
    key = problem_from_json(problem).key
    checked = actions.check_problem(counted.parts, counted.org_id, key)
    assert checked is not None
    assert checked.problem is not None
    assert (checked.ok, checked.problem.code) == (False, "budget_reserved")
    assert connection(counted).problem is not None
    used(counted, 10)
    checked = actions.check_problem(counted.parts, counted.org_id, key)
    assert checked == actions.CheckedProblem(0, ok=True)
    counted.sync()
    assert counted.row("c-1").status == SyncStatus.SYNCED


def test_a_resync_waits_for_calls_too(counted: World) -> None:
    used(counted, 950)
    heard(counted)
    resync_id = actions.start_resync(counted.parts, counted.org_id, ResyncFilter(all=True), forced=True)
    counted.calls()
    counted.sync()
    assert counted.calls() == 0
    assert not has_work(counted)
    used(counted, 10)
    counted.clock.forward(seconds=BUDGET_PAUSE)
    counted.sync()
    stands = actions.resync_progress(counted.parts, counted.org_id, resync_id)
    assert stands is not None
    assert (stands.state, stands.done) == ("ended", 2)


def test_a_batch_is_cut_to_the_calls_that_are_left(counted: World) -> None:
    row = connection(counted)
    assert rows_within(None, 10, 5000) == 5000
    assert rows_within(replace(row, budget_used=None), 10, 5000) == 5000
    assert rows_within(replace(row, budget_used=0, budget_limit=1000), 10, 5000) == 5000
    assert rows_within(replace(row, budget_used=895, budget_limit=1000), 10, 5000) == 600
    assert rows_within(replace(row, budget_used=899, budget_limit=1000), 10, 5000) == 200
    assert rows_within(replace(row, budget_used=999, budget_limit=1000), 10, 50) == 50
