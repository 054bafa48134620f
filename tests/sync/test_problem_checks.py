"""A fixed cause releases exactly the records that it held: by a check, by the mapping, by a policy (rule 12)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from contactsync.domain.crm import Mend
from contactsync.domain.records import SyncStatus
from contactsync.store import problems
from contactsync.store import tables as t
from contactsync.store.connections import present
from contactsync.store.engine import reading, writing
from contactsync.store.problems import ProblemGroup
from contactsync.sync import actions
from tests.sync.conftest import World, ada

FIELD_GONE = {"statusCode": "INVALID_FIELD", "message": "No such column", "fields": ["Title"]}


def groups(world: World) -> list[ProblemGroup]:
    with reading(world.parts.engine) as db:
        return problems.groups(db, world.org_id)


def two_causes(world: World) -> tuple[str, str]:
    """One contact that Salesforce refuses for its e-mail address, two for a validation rule; the keys of both problems."""
    invalid = {"statusCode": "INVALID_EMAIL_ADDRESS", "message": "Email: invalid", "fields": ["Email"]}
    rule = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No", "fields": ["Phone"]}
    world.fault(
        do="row", times=1, where={"object": "Lead", "field": "Email", "value": "p1@engines.example"}, error=invalid
    )
    for number in (2, 3):
        where = {"object": "Lead", "field": "Email", "value": f"p{number}@engines.example"}
        world.fault(do="row", times=1, where=where, error=rule)
    world.contact(*(ada(id=f"c-{n}", email=f"p{n}@engines.example") for n in range(1, 5)))
    world.sync()
    assert [row.status for row in world.rows(t.contact)] == ["needs_attention"] * 3 + ["synced"]
    return world.row("c-1").problem_key, world.row("c-2").problem_key


def test_contacts_with_one_cause_are_one_problem_and_a_check_releases_exactly_these(connected: World) -> None:
    address, rule = two_causes(connected)
    assert {group.key: group.total for group in groups(connected)} == {address: 1, rule: 2}
    checked = actions.check_problem(connected.parts, connected.org_id, rule)
    assert checked == actions.CheckedProblem(2, ok=True)
    connected.sync()
    assert [row.status for row in connected.rows(t.contact)] == ["needs_attention", "synced", "synced", "synced"]
    assert [group.key for group in groups(connected)] == [address]
    assert actions.check_problem(connected.parts, connected.org_id, rule) is None, "it is gone"


def test_a_check_forgets_what_was_remembered_of_the_crm(connected: World) -> None:
    _, rule = two_causes(connected)
    before = connected.parts.targets.of(connected.org_id)
    actions.check_problem(connected.parts, connected.org_id, rule)
    after = connected.parts.targets.of(connected.org_id)
    assert before is not None
    assert after is not None
    assert before.target is not after.target


def refused(world: World) -> str:
    """Credentials that Salesforce takes no more; the key of the connection's problem."""
    world.admin("options", {"client_secret": "another"})
    world.admin("revoke", {})
    world.contact(ada())
    world.sync()
    assert world.row("c-1").status == SyncStatus.QUEUED
    (group,) = groups(world)
    assert group.subject == "connection"
    return group.key


def test_a_connection_that_is_still_refused_stays_stopped_and_says_what_is_wrong(connected: World) -> None:
    key = refused(connected)
    checked = actions.check_problem(connected.parts, connected.org_id, key)
    assert checked is not None
    assert (checked.ok, checked.released) == (False, 0)
    assert checked.problem is not None
    assert checked.problem.key == key
    assert connected.row("c-1").status == SyncStatus.QUEUED
    with reading(connected.parts.engine) as db:
        stopped = present(db, connected.org_id)
    assert stopped is not None
    assert stopped.problem is not None


def test_a_connection_that_works_again_goes_on_with_what_it_held(connected: World) -> None:
    key = refused(connected)
    connected.admin("options", {"client_secret": "secret"})
    checked = actions.check_problem(connected.parts, connected.org_id, key)
    assert checked == actions.CheckedProblem(1, ok=True)
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED
    assert groups(connected) == []


def test_a_permission_that_is_missing_beside_does_not_keep_the_connection_stopped(connected: World) -> None:
    key = refused(connected)
    connected.admin("options", {"client_secret": "secret", "read_only_objects": ["User", "Campaign", "Account"]})
    checked = actions.check_problem(connected.parts, connected.org_id, key)
    assert checked is not None
    assert checked.ok
    assert checked.problem is not None
    assert checked.problem.mended_by == (Mend.PERMISSION,)
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED


def test_an_object_that_is_still_hidden_keeps_the_connection_stopped_until_it_is_seen_again(connected: World) -> None:
    connected.admin("permissions", {"object": "Lead", "read": False})
    connected.contact(ada())
    connected.sync()
    (group,) = groups(connected)
    assert (group.subject, group.problem["object"]) == ("connection", "Lead")
    checked = actions.check_problem(connected.parts, connected.org_id, group.key)
    assert checked is not None
    assert (checked.ok, checked.released) == (False, 0)
    assert checked.problem is not None
    assert checked.problem.key == group.key
    connected.admin("permissions", {"object": "Lead", "read": True})
    assert actions.check_problem(connected.parts, connected.org_id, group.key) == actions.CheckedProblem(1, ok=True)
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED


def test_a_mapping_releases_what_it_mends_and_nothing_else(connected: World) -> None:
    address, _ = two_causes(connected)
    titles = {"object": "Lead", "field": "Email", "value": "p5@engines.example"}
    connected.fault(do="row", times=1, where=titles, error=FIELD_GONE)
    connected.contact(ada(id="c-5", email="p5@engines.example", title="Countess"))
    connected.sync()
    assert connected.row("c-5").problem["fields"] == ["Title"]
    change_rule(connected, "title", mode="off")
    statuses = {row.source_id: row.status for row in connected.rows(t.contact)}
    assert statuses["c-5"] == SyncStatus.QUEUED
    assert [statuses[name] for name in ("c-1", "c-2", "c-3")] == [SyncStatus.NEEDS_ATTENTION] * 3
    assert address in {group.key for group in groups(connected)}
    connected.sync()
    assert connected.row("c-5").status == SyncStatus.SYNCED


def test_a_mapping_of_other_fields_releases_nothing(connected: World) -> None:
    titles = {"object": "Lead", "field": "Email", "value": "ada@engines.example"}
    connected.fault(do="row", times=1, where=titles, error=FIELD_GONE)
    connected.contact(ada(title="Countess"))
    connected.sync()
    change_rule(connected, "website", mode="off")
    assert connected.row("c-1").status == SyncStatus.NEEDS_ATTENTION
    change_rule(connected, "title", mode="always")
    assert connected.row("c-1").status == SyncStatus.NEEDS_ATTENTION, "the same rules as before mend nothing"


def change_rule(world: World, source: str, **changes: Any) -> None:
    rules = actions.mapping(world.parts, world.org_id)["lead"]["rules"]
    changed = [rule | changes if rule["source"] == source else rule for rule in rules]
    assert actions.set_mapping(world.parts, world.org_id, "lead", {"rules": changed})


def test_a_policy_releases_who_waited_for_it(connected: World) -> None:
    twice = [{"LastName": "L", "Company": "C", "Email": "ada@engines.example"} for _ in range(2)]
    connected.seed(Lead=twice)
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "stop"})
    connected.contact(ada())
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.NEEDS_ATTENTION
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "stop"})
    assert connected.row("c-1").status == SyncStatus.NEEDS_ATTENTION, "nothing was changed"
    actions.set_policies(connected.parts, connected.org_id, {"reserve_percent": 20})
    assert connected.row("c-1").status == SyncStatus.NEEDS_ATTENTION, "no record waits for that"
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "first"})
    connected.sync()
    assert connected.row("c-1").status == SyncStatus.SYNCED


def test_a_crm_that_cannot_be_asked_is_no_answer(connected: World) -> None:
    key = refused(connected)
    with writing(connected.parts.engine) as db:
        settings = {"instance_url": "http://127.0.0.1:9", "client_id": "id", "flow": "client_credentials"}
        db.execute(sa.update(t.connection).values(settings=settings))
    checked = actions.check_problem(connected.parts, connected.org_id, key)
    assert checked is not None
    assert (checked.ok, checked.released) == (False, 0)
    assert connected.row("c-1").status == SyncStatus.QUEUED


def test_a_problem_that_nobody_has_is_none(world: World) -> None:
    assert actions.check_problem(world.parts, world.org_id, "0" * 16) is None


def test_append_gets_its_separator_from_the_crms_field(connected: World) -> None:
    change_rule(connected, "note", mode="append")
    rules = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    assert next(rule for rule in rules if rule["source"] == "note")["separator"] == "\n"
    connected.seed(Lead=[{"LastName": "L", "Company": "C", "Email": "ada@engines.example", "Description": "Old words"}])
    connected.contact(ada(note="New words"))
    connected.sync()
    assert connected.crm("Lead")[0]["Description"] == "Old words\nNew words"
