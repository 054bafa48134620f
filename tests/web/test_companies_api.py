"""Companies and approvals by the API, in step with the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import Caller, person


@pytest.fixture
def companies(acme: Caller, tmp_path: Path) -> Caller:
    acme.connect_file(tmp_path, {"kind": "Account", "id": "001", "at": "2026", "fields": {"Name": "Chosen"}})
    people = [person(1, company="Acme", sync_as="contact"), person(2, company="Acme Corp", sync_as="contact")]
    acme.deliver("contacts", "contact.created", people)
    acme.sync()
    return acme


def by_key(caller: Caller, key: str) -> dict[str, object]:
    (found,) = [one for one in caller.get("/companies")["items"] if one["key"] == key]
    return dict(found)


def test_a_company_is_linked_unlinked_and_merged(companies: Caller) -> None:
    linked = companies.ask("POST", "/companies/link", {"company": "name:acme", "account_id": "001"})
    assert linked.json == {"company": "name:acme", "contacts": 1}
    assert (by_key(companies, "name:acme")["linked"], by_key(companies, "name:acme")["account_id"]) == (True, "001")
    companies.ask("POST", "/companies/unlink", {"company": "name:acme"})
    unlinked = by_key(companies, "name:acme")
    assert (unlinked["linked"], unlinked["account_id"]) == (False, None)
    companies.ask("POST", "/companies/match", {"company": "name:acme"})
    merged = companies.ask("POST", "/companies/merge", {"company": "name:acme corp", "into": "name:acme"})
    assert merged.json == {"company": "name:acme", "contacts": 2}
    assert by_key(companies, "name:acme corp")["merged_into"] == "name:acme"
    assert companies.get("/contacts/c-2")["company"]["key"] == "name:acme"
    assert companies.ask("POST", "/companies/part", {"company": "name:acme corp"}).json["contacts"] == 2
    assert companies.get("/contacts/c-2")["company"]["key"] == "name:acme corp"


def test_what_cannot_be_is_refused_with_what_to_do(companies: Caller) -> None:
    for path, body, status in (
        ("link", {"company": "name:nobody", "account_id": "001"}, 404),
        ("link", {"company": "name:acme", "account_id": "nowhere"}, 422),
        ("link", {"company": "name:acme"}, 422),
        ("unlink", {"company": "name:nobody"}, 404),
        ("unlink", {"company": ""}, 422),
        ("unlink", {"company": 7}, 422),
        ("match", {"company": "name:nobody"}, 404),
        ("part", {"company": "name:acme"}, 404),
        ("merge", {"company": "name:acme", "into": "name:acme"}, 422),
        ("merge", {"company": "name:acme", "into": "name:nobody"}, 422),
    ):
        answer = companies.ask("POST", f"/companies/{path}", body)
        assert answer.status_code == status, (path, body, answer.json)
        assert answer.json["error"]["message"]


def test_without_a_crm_nothing_is_linked(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1, company="Acme"))
    acme.sync()
    for path in ("link", "unlink", "match"):
        answer = acme.ask("POST", f"/companies/{path}", {"company": "name:acme", "account_id": "001"}
                          if path == "link" else {"company": "name:acme"})  # fmt: skip
        assert (answer.status_code, answer.json["error"]["code"]) == (409, "not_ready")


def test_captured_contacts_are_approved_by_id(companies: Caller, other: Caller) -> None:
    companies.ask("PUT", "/policies", {"review_inbox": True})
    companies.deliver("contacts", "contact.created", person(3, source="Leads Inbox"))
    companies.sync()
    assert companies.get("/contacts/c-3")["sync"]["missing_fields"] == ["approval"]
    assert other.ask("POST", "/contacts/approve", {"ids": ["c-3"]}).json == {"approved": 0}
    for wrong in ({}, {"ids": []}, {"ids": "c-3"}, {"ids": [7]}, {"ids": ["x"] * 1001}):
        assert companies.ask("POST", "/contacts/approve", wrong).status_code == 422, wrong
    assert companies.ask("POST", "/contacts/approve", {"ids": ["c-3", "nobody"]}).json == {"approved": 1}
    companies.sync()
    assert companies.get("/contacts/c-3")["sync"]["status"] == "synced"
