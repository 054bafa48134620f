"""Problems: one for each cause, with what it holds, in plain words; a check releases exactly that."""

from __future__ import annotations

import pytest

from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock, person


@pytest.fixture
def held(at_salesforce: Caller, salesforce: Salesforce) -> Caller:
    """Three contacts that Salesforce refuses because of one field, and one that it takes."""
    salesforce.does("fields", object="Lead", fields=[{"name": "Fax", "required": True}])
    for number in (1, 2, 3):
        at_salesforce.deliver("contacts", "contact.created", person(number))
    at_salesforce.deliver("contacts", "contact.created", person(4, sync_as="contact"))
    at_salesforce.sync()
    return at_salesforce


def test_contacts_with_one_cause_are_one_problem_with_cause_fix_and_who(held: Caller) -> None:
    (problem,) = held.get("/problems")["items"]
    assert problem["code"] == "required_field_missing"
    assert problem["counts"] == {"contact": 3, "event": 0, "meeting": 0}
    assert (problem["object"], problem["fields"]) == ("Lead", ["Fax"])
    assert "Fax" in problem["cause"]
    assert problem["fix"]
    assert problem["who"] == "Salesforce admin"
    assert "a change of the field mapping" in problem["mended_by"]
    assert (problem["comes_back"], problem["stops_org"]) == (False, False)


def test_a_contact_names_its_problem_by_the_same_id(held: Caller) -> None:
    (problem,) = held.get("/problems")["items"]
    assert held.get("/contacts/c-1")["sync"]["problem"]["id"] == problem["id"]
    (run, *_) = held.get("/contacts/c-1/runs")["items"]
    assert run["problem"]["id"] == problem["id"]


def test_the_records_of_a_problem_come_in_pages(held: Caller) -> None:
    (problem,) = held.get("/problems")["items"]
    records = held.every_page(f"/problems/{problem['id']}/records", 2)
    assert [(one["subject"], one["id"], one["status"]) for one in records] == [
        ("contact", "c-3", "needs_attention"),
        ("contact", "c-2", "needs_attention"),
        ("contact", "c-1", "needs_attention"),
    ]


def test_a_check_after_the_fix_releases_exactly_what_it_held(held: Caller, salesforce: Salesforce) -> None:
    (problem,) = held.get("/problems")["items"]
    runs_before = len(held.every_page("/contacts/c-4/runs", 50))
    salesforce.does("fields", object="Lead", fields=[{"name": "Fax", "required": False}])
    answer = held.ask("POST", f"/problems/{problem['id']}/check")
    assert (answer.status_code, answer.json) == (200, {"ok": True, "released": 3, "problem": None})
    held.sync()
    assert held.get("/problems") == {"items": []}
    assert len(salesforce.holds("Lead")) == 3
    assert len(held.every_page("/contacts/c-4/runs", 50)) == runs_before


def test_a_check_before_the_fix_brings_the_problem_back(held: Caller) -> None:
    (problem,) = held.get("/problems")["items"]
    assert held.ask("POST", f"/problems/{problem['id']}/check").json["released"] == 3
    assert held.get("/problems") == {"items": []}
    held.sync()
    (again,) = held.get("/problems")["items"]
    assert (again["id"], again["counts"]) == (problem["id"], problem["counts"])


def test_a_changed_mapping_that_fills_the_field_releases_them_without_a_check(
    held: Caller, salesforce: Salesforce
) -> None:
    rules = held.get("/mapping")["lead"]["rules"]
    rules.append({"source": "custom.fax", "target": "Fax", "default": "none"})
    assert held.ask("PUT", "/mapping/lead", {"rules": rules}).status_code == 200
    held.sync()
    assert held.get("/problems") == {"items": []}
    assert {lead["Fax"] for lead in salesforce.holds("Lead")} == {"none"}


def test_a_refused_sign_in_is_a_problem_of_the_whole_org_and_a_check_tells_while_it_lasts(
    acme: Caller, salesforce: Salesforce
) -> None:
    salesforce.connect(acme.parts, acme.org.id)
    salesforce.does("options", client_secret="another")
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    (problem,) = acme.get("/problems")["items"]
    assert problem["stops_org"]
    answer = acme.ask("POST", f"/problems/{problem['id']}/check")
    assert answer.status_code == 200
    assert (answer.json["ok"], answer.json["released"]) == (False, 0)
    assert answer.json["problem"]["cause"]
    salesforce.does("options", client_secret="secret")
    assert acme.ask("POST", f"/problems/{problem['id']}/check").json["ok"]
    acme.sync()
    assert acme.get("/contacts/c-1")["sync"]["status"] == "synced"


def test_a_pause_for_the_budget_is_a_problem_of_the_org_that_goes_by_itself(
    acme: Caller, salesforce: Salesforce, clock: Clock
) -> None:
    salesforce.connect(acme.parts, acme.org.id)
    salesforce.does("options", daily_limit=3)
    acme.deliver("contacts", "contact.created", person(1))
    acme.sync()
    acme.deliver("contacts", "contact.created", person(2))
    acme.sync()
    problem = next(one for one in acme.get("/problems")["items"] if one["stops_org"])
    assert (problem["code"], problem["comes_back"]) == ("budget_reserved", True)
    assert acme.get("/status")["crm"]["problem"]["id"] == problem["id"]
    assert acme.get("/contacts/c-2")["sync"]["status"] == "queued"
    salesforce.does("options", daily_limit=1000)
    clock.pass_by(minutes=16)
    acme.sync()
    assert acme.get("/contacts/c-2")["sync"]["status"] == "synced"
    assert acme.get("/problems") == {"items": []}


def test_an_id_that_no_problem_has_is_not_found(held: Caller, other: Caller) -> None:
    (problem,) = held.get("/problems")["items"]
    for caller, name in ((held, "0" * 16), (held, "x"), (other, problem["id"])):
        assert caller.ask("GET", f"/problems/{name}/records").status_code == 404
        assert caller.ask("POST", f"/problems/{name}/check").status_code == 404
    assert other.get("/problems") == {"items": []}
