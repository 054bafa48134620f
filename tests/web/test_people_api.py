"""One person's rights over the API: export, erasure, letting in again; the address never in an answer or an address."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from contactsync.store import tables as t
from contactsync.store.engine import reading
from contactsync.store.lease import org_lease
from contactsync.store.queue import OrgLease
from contactsync.web.api import people
from tests.web.conftest import Caller, person

ADA = {"email": "Ada1@Example.com"}


@pytest.fixture
def with_ada(at_salesforce: Caller) -> Caller:
    caller = at_salesforce
    caller.deliver("contacts", "contact.created", [person(1, phone="+44 1"), person(2)])
    caller.deliver("events", "event.contacts_added", {"event_id": "e-1", "contacts": [{"id": "c-1"}, {"id": "c-2"}]})
    times = {"starts_at": "2026-11-24T09:00:00Z", "ends_at": "2026-11-24T10:00:00Z"}
    attendees = [{"contact_id": "c-1", "response": "accepted"}, {"contact_id": "c-2"}]
    caller.deliver(
        "meetings", "meeting.created", {"id": "m-1", "title": "Talk", "notes": "x", "attendees": attendees, **times}
    )
    caller.sync()
    return caller


def test_an_export_holds_all_of_the_person_and_nobody_else(with_ada: Caller) -> None:
    answer = with_ada.ask("POST", "/people/export", ADA)
    said = answer.json
    assert answer.status_code == 200
    (contact,) = said["contacts"]
    assert (contact["id"], contact["phone"], contact["sync"]["status"]) == ("c-1", "+44 1", "synced")
    assert contact["said_at"]["phone"].startswith("2026-")
    assert said["attendances"] == [{"event_id": "e-1", "who": "id:c-1", "status": "registered", "removed": False}]
    (meeting,) = said["meetings"]
    assert (meeting["id"], meeting["title"], [one["contact_id"] for one in meeting["attendees"]]) == (
        "m-1",
        "Talk",
        ["c-1"],
    )
    assert "notes" not in meeting
    assert [run["source_id"] for run in said["runs"]] == ["c-1"]
    assert [delivery["said"] for delivery in said["deliveries"]] == [
        [person(1, phone="+44 1")],
        [{"event_id": "e-1", "contacts": [{"id": "c-1"}]}],
        [{"id": "m-1", "title": "Talk", "starts_at": "2026-11-24T09:00:00Z", "ends_at": "2026-11-24T10:00:00Z",
          "attendees": [{"contact_id": "c-1", "response": "accepted"}]}],
    ]  # fmt: skip
    assert {record["object"] for record in said["crm_records"]} == {"Lead"}
    text = answer.get_data(as_text=True)
    assert "ada2@" not in text
    assert "c-2" not in text
    assert "Lovelace 2" not in text


def test_an_export_is_written_down_without_the_person(with_ada: Caller) -> None:
    with_ada.ask("POST", "/people/export", ADA)
    with reading(with_ada.parts.engine) as db:
        entries = db.execute(sa.select(t.audit_entry).where(t.audit_entry.c.action == "person.exported")).all()
    (entry,) = entries
    assert entry.details == {
        "contacts": 1, "attendances": 1, "meetings": 1, "runs": 1, "deliveries": 3, "crm_records": 1
    }  # fmt: skip
    assert "ada" not in str(entry).lower()


def test_an_erasure_answers_what_the_crm_still_holds_and_leaves_a_proof(with_ada: Caller) -> None:
    answer = with_ada.ask("POST", "/people/erase", ADA)
    assert answer.status_code == 200, answer.json
    done = answer.json
    assert done["removed"]["contacts"] == 1
    assert {record["object"]: record["shared"] for record in done["crm_records"]} == {"Lead": False, "Activity": True}
    assert all(record["url"].startswith("http") for record in done["crm_records"])
    (proof,) = with_ada.get("/erasures")["items"]
    assert proof["id"] == done["id"]
    assert proof["removed"] == done["removed"]
    assert proof["finished_at"]
    assert proof["lifted_at"] is None
    assert with_ada.ask("GET", "/contacts/c-1").status_code == 404
    assert with_ada.get("/contacts/c-2")["sync"]["status"] == "synced"
    assert with_ada.ask("POST", "/people/export", ADA).json["contacts"] == []
    assert with_ada.ask("POST", "/people/erase", ADA).json["crm_records"] == [], "told once, kept nowhere"


def test_who_was_erased_shows_in_the_log_of_a_later_delivery_as_a_number(with_ada: Caller) -> None:
    with_ada.ask("POST", "/people/erase", ADA)
    number = with_ada.deliver("contacts", "contact.updated", person(1))
    with_ada.sync()
    assert with_ada.get(f"/deliveries/dlv_{number}")["log"]["erased"] == 1
    assert with_ada.ask("GET", "/contacts/c-1").status_code == 404


def test_allowing_lets_in_again_and_is_refused_for_somebody_who_was_never_erased(with_ada: Caller) -> None:
    refused = with_ada.ask("POST", "/people/allow", ADA)
    assert (refused.status_code, refused.json["error"]["code"]) == (404, "not_found")
    done = with_ada.ask("POST", "/people/erase", ADA).json
    assert with_ada.ask("POST", "/people/allow", ADA).json == {"id": done["id"]}
    with_ada.deliver("contacts", "contact.updated", person(1))
    with_ada.sync()
    assert with_ada.get("/contacts/c-1")["sync"]["status"] == "synced"
    assert with_ada.get("/erasures")["items"][0]["lifted_at"]


@pytest.mark.parametrize("path", ["/people/erase", "/people/export", "/people/allow"])
@pytest.mark.parametrize(
    "body", [{}, {"email": "ada"}, {"email": None}, {"email": ["a@b.c"]}, {"email": "a@b.c", "x": 1}]
)
def test_what_names_nobody_is_422_with_what_to_send(acme: Caller, path: str, body: dict[str, object]) -> None:
    answer = acme.ask("POST", path, body)
    assert answer.status_code == 422
    assert answer.json["error"]["fields"]
    assert "a@b.c" not in answer.get_data(as_text=True)


def test_an_export_that_would_take_longer_than_a_request_may_says_what_has_no_limit(
    with_ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "EXPORT_SECONDS", 0.0)
    answer = with_ada.ask("POST", "/people/export", ADA)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "too_much")
    assert f"contactsync person export {with_ada.org.slug} --email -" in answer.json["error"]["message"]
    assert with_ada.get("/audit")["items"][0]["action"] != "person.exported"


def test_an_erasure_that_a_worker_stands_in_the_way_of_is_503_with_when_to_come_back(
    acme: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PATIENCE", 0.05)
    with org_lease(acme.parts.engine, OrgLease(acme.org.id, "a worker", 60), acme.parts.now) as held:
        assert held is not None
        answer = acme.ask("POST", "/people/erase", ADA)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "not_finished")
    assert answer.headers["Retry-After"] == "5"
    assert acme.get("/erasures")["items"] == []


def test_an_erasure_that_takes_longer_than_a_request_may_goes_on_with_the_next(
    with_ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "SECONDS", 0.0)
    answers = [with_ada.ask("POST", "/people/erase", ADA)]
    assert (answers[0].status_code, answers[0].headers["Retry-After"]) == (503, "1")
    (proof,) = with_ada.get("/erasures")["items"]
    assert proof["finished_at"] is None
    while answers[-1].status_code == 503:
        answers.append(with_ada.ask("POST", "/people/erase", ADA))
    assert 5 < len(answers) < 40
    assert answers[-1].json["id"] == proof["id"]
    assert answers[-1].json["removed"]["contacts"] == 1
    assert with_ada.ask("GET", "/contacts/c-1").status_code == 404


def test_no_log_line_no_error_and_no_list_tells_who_was_asked_about(with_ada: Caller) -> None:
    with capture_logs() as logs:
        for path in ("/people/export", "/people/erase", "/people/allow"):
            with_ada.ask("POST", path, ADA)
        with_ada.deliver("contacts", "contact.updated", person(1))
        with_ada.ask("POST", "/people/erase", ADA)
        with_ada.sync()
        texts = [with_ada.ask("POST", "/people/erase", {"email": f"{ADA['email']} x"}).get_data(as_text=True)]
        texts += [with_ada.ask("GET", path).get_data(as_text=True) for path in ("/erasures", "/deliveries", "/audit")]
    assert any(line["event"] == "person erased" for line in logs)
    for text in (str(logs), *texts):
        assert "ada1@" not in text.lower()
        assert "c-1" not in text
