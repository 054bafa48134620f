"""What should pass by itself and does not ends where people see it; an outage of the whole CRM never does that."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from contactsync.store import problems, queue
from contactsync.store import tables as t
from contactsync.store.engine import reading, writing
from contactsync.sync import actions
from tests.sync.conftest import World, ada

A_DAY_AND_MORE = 60


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def two_days(world: World) -> None:
    for _ in range(A_DAY_AND_MORE):
        world.clock.forward(hours=1)
        world.sync()


def failing(world: World) -> Any:
    """One of two contacts whose row is locked whenever it is written."""
    world.fault(times=1000, do="row", where={"object": "Lead", "field": "Email", "value": "ada@engines.example"})
    world.contact(ada(), ada(id="c-2", email="grace@navy.example"))
    world.sync()
    assert [row.status for row in world.rows(t.contact)] == ["retrying", "synced"]
    two_days(world)
    return world.row("c-1")


def test_a_record_that_fails_for_a_day_needs_attention_and_goes_again_when_it_is_checked(connected: World) -> None:
    row = failing(connected)
    assert (row.status, row.due_at, row.problem["code"]) == ("needs_attention", None, "keeps_failing")
    assert row.problem["fix"]
    assert "writing the same record" in row.problem["cause"]
    with reading(connected.parts.engine) as db:
        (group,) = problems.groups(db, connected.org_id)
    assert (group.key, group.total) == (row.problem_key, 1)
    runs = len(connected.rows(t.sync_run))
    two_days(connected)
    assert len(connected.rows(t.sync_run)) == runs, "it does not go by itself any more"
    clear_faults(connected)
    checked = actions.check_problem(connected.parts, connected.org_id, group.key)
    assert checked is not None
    assert (checked.ok, checked.released) == (True, 1)
    connected.sync()
    assert connected.row("c-1").status == "synced"
    assert len(connected.crm("Lead")) == 2


@pytest.mark.parametrize("by", ["change", "asking"])
def test_a_record_that_kept_failing_goes_again_by(connected: World, by: str) -> None:
    failing(connected)
    clear_faults(connected)
    if by == "change":
        connected.contact(ada(title="Countess"))
    else:
        with writing(connected.parts.engine) as db:
            queue.mark_one_due(db, connected.org_id, "c-1", connected.clock())
    connected.sync()
    assert connected.row("c-1").status == "synced"


@pytest.mark.parametrize("where", ["look up", "write"])
def test_an_outage_of_days_is_no_records_own_failure(connected: World, where: str) -> None:
    match = {"path": "services/data"} | ({"writes": True} if where == "write" else {})
    connected.fault(times=10_000, do="status", status=503, match=match)
    connected.contact(ada(), ada(id="c-2", email="grace@navy.example"))
    connected.sync()
    two_days(connected)
    assert {(row.status, row.attempts) for row in connected.rows(t.contact)} == {("retrying", 0)}
    clear_faults(connected)
    connected.clock.forward(hours=2)
    connected.sync()
    assert {row.status for row in connected.rows(t.contact)} == {"synced"}


def test_what_is_held_back_behind_a_lost_answer_is_not_counted(connected: World) -> None:
    """Three calls: the first is never answered, the others are not sent."""
    connected.fault(times=1, do="drop_before", match={"writes": True})
    connected.contact(*(ada(id=f"c-{n}", email=f"p{n}@engines.example", sync_as="contact") for n in range(30)))
    connected.sync()
    assert {row.attempts for row in connected.rows(t.contact)} == {1}, "they need the Account whose answer was lost"
    connected.clock.forward(hours=1)
    connected.sync()
    assert {row.status for row in connected.rows(t.contact)} == {"synced"}


def clear_faults(world: World) -> None:
    assert world.standin is not None
    assert requests.delete(f"{world.standin.url}/_standin/faults", timeout=10).ok
