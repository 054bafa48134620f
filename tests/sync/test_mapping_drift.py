"""A field that vanished from the CRM is one problem: it holds the records that need the field, and no others (I10)."""

from __future__ import annotations

from typing import Any

from contactsync.domain.crm import Action, Mend, Problem, RecordKind, RecordRef, Step
from contactsync.domain.mapping import FieldMapping, FieldRule, WriteMode
from contactsync.domain.records import SyncStatus
from contactsync.store import problems
from contactsync.store import tables as t
from contactsync.store.connections import present
from contactsync.store.engine import reading
from contactsync.sync import actions
from contactsync.sync.drift import Drift
from tests.sync.conftest import World, ada

OWN = [{"name": "Shoe__c", "type": "double"}, {"name": "Hat__c", "type": "string"}]


def own_fields(world: World) -> None:
    """Fields of the org's own, and rules that bring them to Leads."""
    world.admin("fields", {"object": "Lead", "fields": OWN})
    rules = actions.mapping(world.parts, world.org_id)["lead"]["rules"]
    rules += [
        {"source": "custom.shoe", "target": "Shoe__c"},
        {"source": "custom.hat", "target": "Hat__c"},
    ]
    assert actions.set_mapping(world.parts, world.org_id, "lead", {"rules": rules})


def lose_fields(world: World) -> None:
    """Last night an admin deleted both."""
    world.admin("fields", {"object": "Lead", "remove": ["Shoe__c", "Hat__c"]})


def people() -> list[dict[str, Any]]:
    return [
        ada(id="c-1", email="p1@engines.example"),
        ada(id="c-2", email="p2@engines.example", custom={"hat": "bowler"}),
        ada(id="c-3", email="p3@engines.example", sync_as="contact"),
    ]


def test_fields_that_vanished_are_one_problem_with_all_who_need_them_and_the_others_go_on(connected: World) -> None:
    own_fields(connected)
    connected.contact(ada(id="c-0", email="p0@engines.example"))
    connected.sync()
    lose_fields(connected)
    connected.contact(*people())
    connected.sync()
    assert [row.status for row in connected.rows(t.contact)] == [
        "synced",
        "needs_attention",
        "needs_attention",
        "synced",
    ]
    with reading(connected.parts.engine) as db:
        (group,) = problems.groups(db, connected.org_id)
        connection = present(db, connected.org_id)
    assert connection is not None
    assert (connection.problem, connection.paused_until, connection.failures) == (None, None, 0)
    assert (group.problem["code"], group.total, group.subject) == ("mapping_drift", 2, "record")
    assert group.problem["fields"] == ["Hat__c", "Shoe__c"]
    assert group.problem["object"] == "Lead"


def test_another_batch_meets_the_same_problem_and_no_second_one(connected: World) -> None:
    own_fields(connected)
    lose_fields(connected)
    connected.contact(people()[0])
    connected.sync()
    connected.contact(people()[1])
    connected.sync()
    with reading(connected.parts.engine) as db:
        (group,) = problems.groups(db, connected.org_id)
    assert group.total == 2


def test_rules_without_the_lost_fields_release_them(connected: World) -> None:
    own_fields(connected)
    lose_fields(connected)
    connected.contact(*people())
    connected.sync()
    rules = [
        rule
        for rule in actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
        if not rule["source"].startswith("custom.")
    ]
    assert actions.set_mapping(connected.parts, connected.org_id, "lead", {"rules": rules})
    connected.sync()
    assert {row.status for row in connected.rows(t.contact)} == {SyncStatus.SYNCED}


def test_a_field_that_meetings_lost_holds_meetings_alone(connected: World) -> None:
    connected.admin("fields", {"object": "Event", "fields": [{"name": "Room__c", "type": "string"}]})
    rules = actions.mapping(connected.parts, connected.org_id)["meeting"]["rules"]
    rules.append({"source": "location", "target": "Room__c"})
    assert actions.set_mapping(connected.parts, connected.org_id, "meeting", {"rules": rules})
    connected.admin("fields", {"object": "Event", "remove": ["Room__c"]})
    connected.contact(people()[0])
    times = {"starts_at": "2026-11-25T09:00:00Z", "ends_at": "2026-11-25T10:00:00Z"}
    connected.meeting(title="Demo", location="4.02", attendees=[{"contact_id": "c-1"}], **times)
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED
    row = connected.of(t.meeting, "m-1")
    assert (row.sync_status, row.problem["code"]) == (SyncStatus.NEEDS_ATTENTION, "mapping_drift")
    assert row.problem["fields"] == ["Room__c"]


# ── decided purely ─────────────────────────────────────────────────────────────────────────────────────────────────

MEANT = FieldMapping(
    {
        "lead": (FieldRule("first_name", "FirstName"), FieldRule("title", "Title")),
        "account": (FieldRule("name", "Name", WriteMode.ON_CREATE), FieldRule("domain", "Site", WriteMode.ON_CREATE)),
    }
)
LEAD, ACCOUNT = RecordRef(RecordKind.LEAD, "00Q1"), RecordRef(RecordKind.ACCOUNT, "0011")


def gone(kind: str, *fields: str, mended_by: tuple[Mend, ...] = (Mend.MAPPING,)) -> Problem:
    return Problem("gone", "It is gone.", "Map it.", fields=fields, object=kind, mended_by=mended_by)


def widened(*said: Problem) -> Drift:
    drift = Drift(MEANT)
    for problem in said:
        wider = drift.widened(problem)
        assert wider is not None
        drift = wider
    return drift


def test_a_record_that_would_not_write_the_lost_field_goes_on() -> None:
    drift = widened(gone("Account", "Site"))
    made = Step("a1", Action.CREATE, RecordKind.ACCOUNT)
    left = Step("a2", Action.LEAVE, RecordKind.ACCOUNT, ACCOUNT)
    assert drift.stopping([made]) == gone("Account", "Site")
    assert drift.stopping([left]) is None, "the field is set on new records only"
    assert widened(gone("Lead", "title")).stopping([Step("p1", Action.LEAVE, RecordKind.LEAD, LEAD)]) is not None


def test_a_second_field_of_a_kind_joins_the_first_one_problem() -> None:
    drift = widened(gone("Lead", "Title"), gone("Lead", "FirstName"))
    assert drift.mapping.of(RecordKind.LEAD) == ()
    stopped = drift.stopping([Step("p1", Action.LEAVE, RecordKind.LEAD, LEAD)])
    assert stopped is not None
    assert stopped.fields == ("FirstName", "Title")


def test_a_problem_that_names_no_field_of_ours_holds_the_whole_kind_and_what_cannot_be_told_apart_widens_nothing() -> (
    None
):
    whole = widened(gone("Lead"))
    assert whole.holding([RecordKind.LEAD]) == gone("Lead")
    assert whole.holding([RecordKind.CONTACT]) is None
    assert whole.widened(gone("Lead")) is None, "asking again would ask for ever"
    assert Drift(MEANT).widened(gone("Lead", "Title", mended_by=(Mend.PERMISSION,))) is None
    assert Drift(MEANT).widened(gone("", "Title")) is None
