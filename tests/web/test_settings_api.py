"""Mapping and policies: what holds, what may be changed, and what is refused by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.web.conftest import Caller, HandBell, person

LAST_NAME = {"source": "last_name", "target": "LastName"}
LEAST = [LAST_NAME, {"source": "email", "target": "Email"}, {"source": "company", "target": "Company"}]
"""The rules without which no Lead can be made."""


def test_the_mapping_is_the_configured_one_until_the_org_changes_a_kind(acme: Caller) -> None:
    before = acme.get("/mapping")
    assert set(before) == {"lead", "contact", "account", "campaign", "meeting"}
    plain = {"mode": "always", "clear": False, "values": {}, "default": None, "too_long": "stop", "separator": None}
    assert {"source": "title", "target": "Title", **plain} in before["lead"]["rules"]
    answer = acme.ask("PUT", "/mapping/lead", {"rules": [*LEAST, {"source": "title", "target": "Role__c"}]})
    assert answer.status_code == 200
    after = acme.get("/mapping")
    assert [rule["target"] for rule in after["lead"]["rules"]] == ["LastName", "Email", "Company", "Role__c"]
    assert answer.json["rules"] == after["lead"]["rules"]
    assert (after["contact"], after["account"]) == (before["contact"], before["account"])


def test_what_get_answers_can_be_put_back_unchanged(acme: Caller) -> None:
    for kind, rules in acme.get("/mapping").items():
        assert acme.ask("PUT", f"/mapping/{kind}", rules).status_code == 200
        assert acme.get("/mapping")[kind] == rules


def test_without_a_connection_only_the_shape_is_checked_and_the_answer_says_so(acme: Caller, tmp_path: Path) -> None:
    unheard_of = {"rules": [*LEAST, {"source": "title", "target": "No_Such_Field__c"}]}
    answer = acme.ask("PUT", "/mapping/lead", unheard_of)
    assert (answer.status_code, answer.json["checked"]) == (200, "shape")
    acme.connect_file(tmp_path)
    assert acme.ask("PUT", "/mapping/lead", {"rules": LEAST}).json["checked"] == "fields"
    answer = acme.ask("PUT", "/mapping/lead", unheard_of)
    assert answer.status_code == 422
    assert list(answer.json["error"]["fields"]) == ["rules.3.target"]
    assert len(acme.get("/mapping")["lead"]["rules"]) == len(LEAST)  # nothing of the refused one was kept


def test_each_wrong_rule_is_named_by_its_path(acme: Caller) -> None:
    rules: list[Any] = [*LEAST, {"source": "titel", "target": "Title"}, {"source": "title"}, "title",
                        {"source": "note", "target": "Note", "mode": "sometimes"}]  # fmt: skip
    answer = acme.ask("PUT", "/mapping/lead", {"rules": rules})
    assert answer.status_code == 422
    fields = answer.json["error"]["fields"]
    assert list(fields) == ["rules.3.source", "rules.4.target", "rules.5", "rules.6.mode"]
    assert "Did you mean title?" in fields["rules.3.source"]


def test_what_is_no_list_of_rules_is_refused(acme: Caller) -> None:
    for body in ({}, {"rules": None}, {"rules": {}}, {"rules": [], "more": 1}):
        assert acme.ask("PUT", "/mapping/lead", body).status_code == 422, body
    for body in ([], "rules", 7):
        answer = acme.ask("PUT", "/mapping/lead", body)
        assert answer.json["error"]["fields"] == {"body": "Send a JSON object."}


def test_a_kind_that_has_no_mapping_is_not_found(acme: Caller) -> None:
    answer = acme.ask("PUT", "/mapping/opportunity", {"rules": []})
    assert answer.status_code == 404
    assert "lead, contact, account" in answer.json["error"]["message"]


def test_policies_have_safe_defaults_and_change_one_by_one(acme: Caller) -> None:
    before = acme.get("/policies")
    assert (before["sync_as_default"], before["several_matches"], before["create_accounts"]) == (None, "first", True)
    answer = acme.ask("PUT", "/policies", {"several_matches": "stop"})
    assert answer.status_code == 200
    assert answer.json == before | {"several_matches": "stop"}
    acme.ask("PUT", "/policies", {"create_accounts": False})
    assert acme.get("/policies") == before | {"several_matches": "stop", "create_accounts": False}


def test_a_default_for_sync_as_releases_the_contacts_that_lacked_it(acme: Caller, bell: HandBell) -> None:
    contact = person(1)
    del contact["sync_as"]
    acme.deliver("contacts", "contact.created", contact)
    acme.sync()
    assert acme.get("/contacts/c-1")["sync"]["missing_fields"] == ["sync_as"]
    bell.rung.clear()
    acme.ask("PUT", "/policies", {"sync_as_default": "contact"})
    assert bell.rung == [acme.org.id]
    acme.sync()
    assert acme.get("/contacts/c-1")["sync"]["sync_as"] == "contact"


def test_wrong_policies_are_named_and_none_is_kept(acme: Caller) -> None:
    before = acme.get("/policies")
    answer = acme.ask("PUT", "/policies", {"several_matches": "any", "create_account": 1, "create_accounts": False})
    assert answer.status_code == 422
    assert list(answer.json["error"]["fields"]) == ["several_matches", "create_account"]
    assert acme.get("/policies") == before


def test_policies_of_one_org_are_not_those_of_another(acme: Caller, other: Caller) -> None:
    before = other.get("/policies"), other.get("/mapping")
    acme.ask("PUT", "/policies", {"several_matches": "stop"})
    acme.ask("PUT", "/mapping/lead", {"rules": LEAST})
    assert (other.get("/policies"), other.get("/mapping")) == before


def test_every_policy_is_shown_described_and_can_be_put_back(acme: Caller) -> None:
    document = acme.app.test_client().get("/api/v1/openapi.json").json
    described = document["components"]["schemas"]["Policies"]["properties"]
    shown = acme.get("/policies")
    assert set(described) == set(shown)
    assert all(each["description"] for each in described.values())
    assert acme.ask("PUT", "/policies", shown).json == shown
    changed = {
        "move_accounts": "if_ours",
        "removed_attendance": "remove",
        "reserve_percent": 25,
        "prefer_existing": True,
    }
    assert acme.ask("PUT", "/policies", changed).json == {**shown, **changed}
    answer = acme.ask("PUT", "/policies", {"reserve_percent": 100, "duplicate_rules": "ignore"})
    assert (answer.status_code, list(answer.json["error"]["fields"])) == (422, ["reserve_percent", "duplicate_rules"])
    assert acme.get("/policies") == {**shown, **changed}
