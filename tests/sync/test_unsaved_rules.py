"""Rules and policies that are tried before they are kept, and kept only over what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from contactsync.domain.batch import Plan, RecordsPlan
from contactsync.domain.crm import Action
from contactsync.domain.errors import RefusedInput
from contactsync.domain.mapping_json import mark_of_rules
from contactsync.domain.policy_json import mark_of_policies
from contactsync.store import orgs, pages_mapping
from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.sync import actions
from tests.sync.conftest import World, ada


def seen_of(world: World, kind: str = "lead") -> str:
    return mark_of_rules(actions.present_rules(world.parts, world.org_id)[kind])


def rules_with(world: World, **changed: Any) -> dict[str, Any]:
    """The org's rules for Leads with that of the title changed."""
    written: dict[str, Any] = actions.mapping(world.parts, world.org_id)["lead"]
    next(rule for rule in written["rules"] if rule["source"] == "title").update(changed)
    return written


def test_a_mapping_is_kept_only_over_the_one_that_was_seen(world: World) -> None:
    values = {"zz": "1", "b": 5.0, "aaa": None, "": True}
    first = seen_of(world)
    saved = actions.set_mapping(world.parts, world.org_id, "lead", rules_with(world, values=values), seen=first)
    assert (saved.checked, saved.changed, saved.released) == (False, True, 0)
    with pytest.raises(actions.ChangedMeanwhile):
        actions.set_mapping(world.parts, world.org_id, "lead", rules_with(world, mode="off"), seen=first)
    assert rules_with(world)["rules"][4]["values"] == values
    second = seen_of(world)
    again = actions.set_mapping(world.parts, world.org_id, "lead", rules_with(world), seen=second)
    assert (again.changed, seen_of(world)) == (False, second), "the order in which a database keeps values says nothing"


def test_policies_and_files_are_kept_only_over_what_was_seen(world: World) -> None:
    with reading(world.parts.engine) as db:
        seen = mark_of_policies(orgs.policies(db, world.org_id))
    shown = actions.mark_of_choices(world.parts, world.org_id)
    document = actions.export_org(world.parts, world.org_id) | {"policies": {"prefer_existing": True}}
    saved = actions.set_policies(world.parts, world.org_id, {"several_matches": "stop"}, seen=seen)
    assert (saved.changed, saved.released, saved.resumed) == ({"several_matches"}, 0, False)
    with pytest.raises(actions.ChangedMeanwhile):
        actions.set_policies(world.parts, world.org_id, {"several_matches": "first"}, seen=seen)
    with pytest.raises(actions.ChangedMeanwhile):
        actions.import_org(world.parts, world.org_id, document, seen=shown)
    assert actions.export_org(world.parts, world.org_id)["policies"]["prefer_existing"] is False
    shown = actions.mark_of_choices(world.parts, world.org_id)
    assert actions.import_org(world.parts, world.org_id, document, seen=shown).changed == {"prefer_existing"}


def test_unsaved_rules_are_tried_on_a_contact_with_one_call_and_nothing_is_written(connected: World) -> None:
    connected.contact(ada(title="Analyst"))
    connected.sync()
    tried = rules_with(connected, target="Description", mode="append")
    tried["rules"] = [rule for rule in tried["rules"] if rule["source"] != "note"]
    kept, rows = actions.mapping(connected.parts, connected.org_id), connected.rows(t.contact)
    actions.check_mapping(connected.parts, connected.org_id, "lead", tried)
    connected.calls()
    plan = actions.preview_with_rules(connected.parts, connected.org_id, "lead", tried, "c-1")
    assert connected.calls() == 1
    assert isinstance(plan, Plan)
    (step,) = plan.steps
    assert (step.action, step.fields, step.before) == (Action.UPDATE, {"Description": "Analyst"}, {"Description": None})
    assert actions.mapping(connected.parts, connected.org_id) == kept
    assert connected.rows(t.contact) == rows
    assert actions.preview_with_rules(connected.parts, connected.org_id, "lead", tried, "nobody") is None
    with pytest.raises(RefusedInput) as refused:
        actions.preview_with_rules(connected.parts, connected.org_id, "lead", rules_with(connected, target="No"), "c-1")
    assert list(refused.value.fields) == ["rules.4.target"]


def test_rules_for_campaigns_are_tried_on_an_event_that_has_one(connected: World) -> None:
    actions.set_policies(connected.parts, connected.org_id, {"create_campaigns": True})
    connected.event(name="Expo", city="Berlin")
    rules = actions.mapping(connected.parts, connected.org_id)["campaign"]
    rules["rules"].append({"source": "city", "target": "Description"})
    plan = actions.preview_with_rules(connected.parts, connected.org_id, "campaign", rules, "e-1")
    assert plan is None, "it has only arrived"
    connected.sync()
    (campaign,) = connected.crm("Campaign")
    plan = actions.preview_with_rules(connected.parts, connected.org_id, "campaign", rules, "e-1")
    assert isinstance(plan, RecordsPlan)
    assert [(step.action, step.fields) for step in plan.steps] == [(Action.UPDATE, {"Description": "Berlin"})]
    assert connected.crm("Campaign") == [campaign]


def test_who_is_not_connected_is_told_so(world: World) -> None:
    assert actions.fields_of(world.parts, world.org_id, "lead") is None
    assert actions.forget_fields(world.parts, world.org_id) is False
    assert actions.check_mapping(world.parts, world.org_id, "lead", rules_with(world, target="Anything")) == {}
    with pytest.raises(actions.NotReady):
        actions.preview_with_rules(world.parts, world.org_id, "lead", rules_with(world), "c-1")


def test_real_records_say_by_source_what_a_rule_would_send(world: World) -> None:
    world.contact(
        ada(owner_email="sam@x.example", custom={"vip": True}, company={"name": "Engines", "domain": "e.example"})
    )
    world.contact(ada(id="c-2", email="b@x.example", sync_as="contact"), {"id": "c-3"})
    world.contact({"id": "c-4"}, kind="contact.deleted")
    world.event(name="Expo")
    world.meeting(title="Demo", host_email="sam@x.example", starts_at="2026-11-25T09:00:00Z")
    world.sync()
    with reading(world.parts.engine) as db:
        contacts = pages_mapping.examples(db, world.org_id, "lead")
        assert [(one.id, one.name, one.goes_as) for one in contacts] == [
            ("c-3", "c-3", ""),
            ("c-2", "Ada Lovelace", "contact"),
            ("c-1", "Ada Lovelace", "lead"),
        ]
        said = contacts[-1].says
        assert {path: said[path] for path in ("custom.vip", "company", "domain", "owner", "id")} == {
            "custom.vip": True, "company": "Engines", "domain": "e.example", "owner": "sam@x.example", "id": "c-1",
        }  # fmt: skip
        assert pages_mapping.example(db, world.org_id, "lead", contacts[0].key) == contacts[0]
        assert pages_mapping.example(db, world.org_id + 1, "lead", contacts[0].key) is None
        assert pages_mapping.example_by_email(db, world.org_id, " B@X.example ") == contacts[1]
        (event,) = pages_mapping.examples(db, world.org_id, "campaign")
        (meeting,) = pages_mapping.examples(db, world.org_id, "meeting")
    assert (event.name, event.says["id"]) == ("Expo", "e-1")
    assert (meeting.name, meeting.says["owner"]) == ("Demo", "sam@x.example")
