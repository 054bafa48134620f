"""Companies, deliveries and the status of an org."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Engine

from contactsync.domain.crm import Problem
from contactsync.store import connections
from contactsync.store.engine import writing
from contactsync.store.inbox import public_id
from contactsync.store.ledger import pause_connection
from tests.web.conftest import Caller, Clock, person


def test_companies_are_shown_with_their_own_ids_or_none(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", [person(1), person(2, company="Globex Ltd")])
    acme.sync()
    listed = acme.get("/companies")["items"]
    assert {(company["id"], company["name"], company["domain"]) for company in listed} == {
        ("co-1", "Engines 1", "engines1.example"),
        (None, "Globex Ltd", None),
    }


def test_an_account_picked_at_the_event_platform_shows_before_anything_is_linked(acme: Caller) -> None:
    acme.deliver("contacts", "contact.created", person(1, company={"id": "co-1", "name": "X", "account_id": "001A"}))
    acme.sync()
    [company] = acme.get("/companies")["items"]
    assert (company["linked"], company["account_id"]) == (False, "001A")


def test_deliveries_show_what_became_of_them_and_never_their_bodies(acme: Caller) -> None:
    waiting = acme.deliver("contacts", "contact.created", person(1))
    errors = [{"path": "data.email", "message": "Not an e-mail address."}]
    rejected = acme.deliver("contacts", "contact.created", {"secret": "in the body"}, "rejected", errors=errors)
    listed = acme.ask("GET", "/deliveries")
    assert [delivery["id"] for delivery in listed.json["items"]] == [public_id(rejected), public_id(waiting)]
    assert "Lovelace" not in listed.get_data(as_text=True)
    assert "in the body" not in listed.get_data(as_text=True)
    shown = acme.get(f"/deliveries/{public_id(rejected)}")
    assert shown == listed.json["items"][0]
    assert (shown["status"], shown["errors"], shown["type"]) == ("rejected", errors, "contact.created")
    acme.sync()
    shown = acme.get(f"/deliveries/{public_id(waiting)}")
    assert (shown["status"], shown["absorbed_at"]) == ("absorbed", "2026-11-24T09:00:00.000000Z")


def test_deliveries_are_filtered_by_status(acme: Caller) -> None:
    first = acme.deliver("contacts", "contact.created", person(1))
    acme.deliver("contacts", "contact.created", person(1), "rejected")
    assert [one["id"] for one in acme.get("/deliveries?status=accepted")["items"]] == [public_id(first)]
    answer = acme.ask("GET", "/deliveries?status=lost")
    assert answer.status_code == 422
    assert "accepted, absorbed, rejected, failed" in answer.json["error"]["fields"]["status"]


def test_what_is_no_delivery_id_is_not_found(acme: Caller) -> None:
    delivery = acme.deliver("contacts", "contact.created", person(1))
    for name in (str(delivery), "dlv_0", "dlv_x", f"dlv_{delivery + 1}", f"DLV_{delivery}", "dlv_" + "9" * 30):
        assert acme.ask("GET", f"/deliveries/{name}").status_code == 404


def test_status_counts_what_is_there_and_says_for_how_long_it_has_waited(acme: Caller, clock: Clock) -> None:
    acme.deliver("contacts", "contact.created", [person(1), {"id": "c-2"}])
    acme.sync()
    acme.deliver("contacts", "contact.created", person(3))
    acme.deliver("contacts", "contact.created", person(4), "rejected")
    clock.pass_by(seconds=90)
    status = acme.get("/status")
    assert (status["org"], status["name"]) == ("acme", "Acme")
    assert (status["contacts"]["queued"], status["contacts"]["incomplete"]) == (1, 1)
    assert status["deliveries"] == {"waiting": 1, "rejected": 1, "failed": 0}
    assert status["oldest_waiting_seconds"] == 90
    assert (status["inbox"]["waiting"], status["inbox"]["most_waiting"], status["inbox"]["full"]) == (1, 100_000, False)
    assert status["crm"] == {
        "state": "none",
        "target": None,
        "calls": 0,
        "budget_used": None,
        "budget_limit": None,
        "paused_until": None,
        "problem": None,
        "budget_at": None,
        "reserve_percent": 10,
    }


def test_status_says_since_when_a_contact_is_due(acme: Caller, clock: Clock) -> None:
    acme.deliver("contacts", "contact.created", person(1))
    acme.absorb()
    assert acme.get("/status")["oldest_due_seconds"] == 0
    clock.pass_by(minutes=2)
    assert acme.get("/status")["oldest_due_seconds"] == 120


def test_status_tells_a_connection_that_pauses_from_one_that_somebody_must_mend(
    acme: Caller, engine: Engine, clock: Clock, tmp_path: Path
) -> None:
    acme.connect_file(tmp_path)
    assert acme.get("/status")["crm"]["state"] == "ready"
    problem = Problem("sign_in_refused", "The secret is wrong.", "Connect again.", "Salesforce admin")
    with writing(engine) as db:
        connection = connections.present(db, acme.org.id)
        pause_connection(db, connection, failures=1, until=clock.at.replace(hour=10), problem=None)
    crm = acme.get("/status")["crm"]
    assert (crm["state"], crm["paused_until"], crm["target"]) == ("paused", "2026-11-24T10:00:00Z", "jsonl")
    clock.pass_by(hours=2)
    assert acme.get("/status")["crm"]["state"] == "ready"
    with writing(engine) as db:
        pause_connection(db, connection, failures=1, until=None, problem=problem)
    crm = acme.get("/status")["crm"]
    assert (crm["state"], crm["problem"]["code"]) == ("stopped", "sign_in_refused")
    assert crm["problem"]["fix"] == "Connect again."
