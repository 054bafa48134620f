"""A run is put back where the CRM still holds what it wrote; what it made is listed, and nothing syncs again by this."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.sync import actions
from contactsync.sync.erasing import erase_person
from tests.sync.conftest import World, ada
from tests.sync.test_meetings import DEMO
from tests.sync.test_rules import only


def updated(world: World) -> int:
    """A Lead that was there, and a run that wrote over it; the run's number."""
    world.seed(Lead=[{"LastName": "L", "Company": "Old", "Email": "ada@engines.example", "Title": "Countess"}])
    world.contact(ada(title="Programmer"))
    world.sync()
    return int(world.rows(t.sync_run)[-1].id)


def undo(world: World, run_id: int | str, **options: bool) -> list[dict[str, Any]]:
    steps = actions.undo(world.parts, world.org_id, run_id, **options)
    assert steps is not None
    return steps


def test_what_still_holds_is_put_back_and_what_somebody_changed_since_stays(connected: World) -> None:
    run_id = updated(connected)
    connected.by_hand("Lead", connected.row("c-1").crm_id, Title="Changed by hand")
    (step,) = undo(connected, run_id)
    lead = only(connected.crm("Lead"))
    assert (lead["Company"], lead["LastName"], lead["Title"]) == ("Old", "L", "Changed by hand")
    assert step["action"] == "update"
    assert step["fields"]["Company"]["new"] == "Old"
    assert "Title" in step["left"]


def test_the_undoing_is_a_run_of_its_own_and_the_contact_does_not_sync_by_it(connected: World) -> None:
    run_id = updated(connected)
    before = connected.row("c-1")
    undo(connected, f"run_{run_id}")
    connected.calls()
    connected.sync()
    assert connected.calls() == 0
    assert connected.row("c-1").fingerprint == before.fingerprint
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert only(connected.crm("Lead"))["Company"] == "Old"
    run = connected.rows(t.sync_run)[-1]
    assert (run.undoes, run.source_id, run.subject) == (run_id, "c-1", "contact")
    assert run.steps[0]["fields"]["Company"] == {"old": "Engines", "new": "Old"}


def test_undoing_the_undoing_writes_the_runs_values_again(connected: World) -> None:
    undo(connected, updated(connected))
    undo(connected, connected.rows(t.sync_run)[-1].id)
    assert only(connected.crm("Lead"))["Company"] == "Engines"


def test_a_dry_run_of_an_undo_writes_nothing(connected: World) -> None:
    run_id = updated(connected)
    runs = len(connected.rows(t.sync_run))
    (step,) = undo(connected, run_id, dry_run=True)
    assert step["fields"]["Company"] == {"old": "Engines", "new": "Old"}
    assert only(connected.crm("Lead"))["Company"] == "Engines"
    assert len(connected.rows(t.sync_run)) == runs


def test_created_records_are_listed_and_never_deleted(connected: World) -> None:
    connected.contact(ada())
    connected.sync()
    (step,) = undo(connected, connected.rows(t.sync_run)[-1].id)
    assert (step["action"], step["crm_id"]) == ("leave", only(connected.crm("Lead"))["Id"])


def test_a_meetings_run_is_undone_too(connected: World) -> None:
    connected.contact(ada())
    connected.meeting(**DEMO, attendees=[{"contact_id": "c-1"}])
    connected.sync()
    connected.clock.forward(seconds=1)
    connected.meeting(title="Renamed")
    connected.sync()
    assert only(connected.crm("Event"))["Subject"] == "Renamed"
    undo(connected, connected.rows(t.sync_run)[-1].id)
    assert only(connected.crm("Event"))["Subject"] == "Demo"


@pytest.mark.parametrize("run_id", [9_999, "run_9999", "run_x", "", "-1", "run_" + "9" * 30])
def test_a_run_that_is_not_there_is_none(connected: World, run_id: int | str) -> None:
    assert actions.undo(connected.parts, connected.org_id, run_id) is None


def test_a_run_of_another_crm_is_refused(connected: World) -> None:
    run_id = updated(connected)
    other = {"instance_url": "http://127.0.0.1:9", "client_id": "id", "flow": "client_credentials"}
    actions.connect(connected.parts, connected.org_id, "salesforce", other, {"client_secret": "secret"})
    with pytest.raises(actions.NotReady, match="another CRM"):
        actions.undo(connected.parts, connected.org_id, run_id)


def test_an_erasure_while_a_run_is_put_back_is_not_undone_by_what_is_written_down_of_it(connected: World) -> None:
    """The run was read before, and is written down after: it says that it happened, and nothing of the person."""
    run_id = updated(connected)
    moments: list[int] = []

    def clock() -> datetime:
        moments.append(1)
        if len(moments) == 2:  # all is sent, nothing is written down yet
            erase_person(connected.parts, connected.org_id, "ada@engines.example")
        return connected.clock()

    assert actions.undo(replace(connected.parts, now=clock), connected.org_id, run_id)
    assert only(connected.crm("Lead"))["Company"] == "Old"
    *_, run = connected.rows(t.sync_run)
    assert "Lovelace" not in str([run.steps, run.why, run.source_id, run.contact_id])
    assert [(step["fields"], step["crm_id"]) for step in run.steps] == [({}, None)]
    entry = next(row for row in connected.rows(t.audit_entry) if row.action == "run.undone")
    assert entry.details == {"run": f"run_{run.id}", "records": 1}


def test_an_erasure_that_takes_the_run_away_while_it_is_put_back_leaves_only_who_did_it(connected: World) -> None:
    run_id = updated(connected)
    connected.contact(ada(id="c-2", email="bob@other.example"))
    connected.sync()
    moments: list[int] = []

    def clock() -> datetime:
        moments.append(1)
        if len(moments) == 2:
            erase_person(connected.parts, connected.org_id, "ada@engines.example")
        return connected.clock()

    assert actions.undo(replace(connected.parts, now=clock), connected.org_id, run_id)
    assert {run.source_id for run in connected.rows(t.sync_run)} == {"c-2"}
    entry = next(row for row in connected.rows(t.audit_entry) if row.action == "run.undone")
    assert entry.details == {"records": 1}
