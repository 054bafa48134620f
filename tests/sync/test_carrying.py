"""An org's mapping and policies as one document: out of one org, shown as a difference, into another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from contactsync.domain.errors import RefusedInput
from contactsync.store import orgs
from contactsync.store.engine import writing
from contactsync.sync import actions
from tests.sync.conftest import World, ada
from tests.sync.test_event_campaigns import rules


@pytest.fixture
def sandbox(world: World) -> dict[str, Any]:
    """The export of an org that chose something."""
    actions.set_policies(world.parts, world.org_id, {"several_matches": "stop", "reserve_percent": 25})
    rules(world, "lead", title="if_empty")
    exported = actions.export_org(world.parts, world.org_id)
    restored: dict[str, Any] = json.loads(json.dumps(exported))
    return restored


@pytest.fixture
def production(world: World) -> int:
    """Another org of the same place, that chose nothing yet."""
    with writing(world.parts.engine) as db:
        return orgs.add_org(db, "acme-production", "Acme", world.parts.now()).id


def test_an_export_is_readable_json_that_names_its_version_and_holds_no_secret(sandbox: dict[str, Any]) -> None:
    assert list(sandbox) == ["contactsync", "mapping", "policies"]
    assert sandbox["contactsync"] == 1
    assert set(sandbox["mapping"]) == {"lead", "contact", "account", "campaign", "meeting"}
    assert sandbox["policies"]["several_matches"] == "stop"


def test_the_difference_is_shown_line_by_line_and_then_taken_over(
    world: World, sandbox: dict[str, Any], production: int
) -> None:
    expected = [
        ("mapping.lead.title.mode", "always", "if_empty"),
        ("policies.several_matches", "first", "stop"),
        ("policies.reserve_percent", 10, 25),
    ]
    assert [tuple(line) for line in actions.import_diff(world.parts, production, sandbox)] == expected
    assert actions.export_org(world.parts, production)["policies"]["several_matches"] == "first", "nothing was changed"
    actions.import_org(world.parts, production, sandbox)
    assert actions.import_diff(world.parts, production, sandbox) == []
    assert actions.export_org(world.parts, production) == sandbox


def test_rules_that_come_and_go_are_lines_of_their_own(world: World, sandbox: dict[str, Any], production: int) -> None:
    listed = sandbox["mapping"]["lead"]["rules"]
    listed.remove(next(rule for rule in listed if rule["source"] == "website"))
    listed.append({"source": "title", "target": "Second__c"})
    lines = {line.path: line for line in actions.import_diff(world.parts, production, sandbox)}
    assert lines["mapping.lead.website"].new is None
    assert lines["mapping.lead.title #2"].old is None
    assert lines["mapping.lead.title #2"].new["target"] == "Second__c"


def test_what_a_document_leaves_out_stays(world: World, production: int) -> None:
    document = {"contactsync": 1, "policies": {"create_accounts": False}}
    assert [line.path for line in actions.import_diff(world.parts, production, document)] == [
        "policies.create_accounts"
    ]
    actions.import_org(world.parts, production, document)
    exported = actions.export_org(world.parts, production)
    assert exported["policies"]["create_accounts"] is False
    assert exported["policies"]["reserve_percent"] == 10


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ("text", ""),
        ({"mapping": {}}, ""),
        ({"contactsync": 2}, "contactsync"),
        ({"contactsync": True}, "contactsync"),
        ({"contactsync": 1, "secrets": {}}, "secrets"),
        ({"contactsync": 1, "mapping": []}, "mapping"),
        ({"contactsync": 1, "mapping": {"opportunity": {"rules": []}}}, "mapping.opportunity"),
        ({"contactsync": 1, "mapping": {"lead": {"rules": [{"source": "title"}]}}}, "mapping.lead.rules.0.target"),
        ({"contactsync": 1, "policies": {"several_matches": "all"}}, "policies.several_matches"),
    ],
)
def test_a_document_that_cannot_be_taken_is_refused_with_the_path_and_changes_nothing(
    world: World, production: int, document: object, path: str
) -> None:
    before = actions.export_org(world.parts, production)
    for take in (actions.import_diff, actions.import_org):
        with pytest.raises(RefusedInput) as refused:
            take(world.parts, production, document)
        assert path in refused.value.fields
        said: Mapping[str, Any] = refused.value.fields
        assert all(said.values())
    assert actions.export_org(world.parts, production) == before


def test_rules_that_do_not_fit_the_orgs_crm_are_refused_and_the_policies_beside_them_too(connected: World) -> None:
    listed = actions.mapping(connected.parts, connected.org_id)["lead"]["rules"]
    listed.append({"source": "custom.hat", "target": "Hat__c"})
    document = {"contactsync": 1, "mapping": {"lead": {"rules": listed}}, "policies": {"create_accounts": False}}
    with pytest.raises(RefusedInput) as refused:
        actions.import_org(connected.parts, connected.org_id, document)
    assert list(refused.value.fields) == [f"mapping.lead.rules.{len(listed) - 1}.target"]
    assert actions.export_org(connected.parts, connected.org_id)["policies"]["create_accounts"] is True


def test_an_import_releases_what_it_mends(connected: World) -> None:
    twice = [{"LastName": "L", "Company": "C", "Email": "ada@engines.example"} for _ in range(2)]
    connected.seed(Lead=twice)
    actions.set_policies(connected.parts, connected.org_id, {"several_matches": "stop"})
    connected.contact(ada())
    connected.sync()
    assert connected.row("c-1").status == "needs_attention"
    actions.import_org(connected.parts, connected.org_id, {"contactsync": 1, "policies": {"several_matches": "first"}})
    connected.sync()
    assert connected.row("c-1").status == "synced"
