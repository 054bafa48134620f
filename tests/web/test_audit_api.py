"""The audit log: every change by hand is in it, with who made it and what was, and no secret and nobody's data ever is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask

from contactsync.store.audit import Audited, note
from contactsync.store.engine import writing
from contactsync.sync import actions
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock, person
from tests.web.test_every_operation import BODIES, LATE, NOT_AT_A_FILE, call, operations
from tests.web.test_who_may_do_what import READS

CANARY = "canary"

GO_AGAIN = {
    ("post", "/api/v1/contacts/{contact_id}/sync"): "its run says it, and nothing is chosen otherwise",
    ("post", "/api/v1/meetings/{meeting_id}/sync"): "its run says it, and nothing is chosen otherwise",
}
"""What changes no choice and no record of ours, and is not written down."""

TOLD_ELSEWHERE = {("post", path): "a file has no sign-in: tested at Salesforce below" for path in NOT_AT_A_FILE}


def entries(caller: Caller) -> list[dict[str, Any]]:
    return caller.every_page("/audit", 200)


def test_every_operation_that_changes_anything_is_written_down_with_who_did_it(
    app: Flask, acme: Caller, filled: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BODIES, "/runs/{run_id}/undo", {"dry_run": False})
    monkeypatch.setitem(BODIES, "/deliveries/replay", {"status": "absorbed"})
    silent = set()
    for method, path, _ in sorted(operations(app), key=lambda one: LATE.index(one[:2]) if one[:2] in LATE else -1):
        before = len(entries(acme))
        answer = call(acme, method, path, filled)
        added = entries(acme)[: len(entries(acme)) - before]
        if not added:
            silent.add((method, path))
            continue
        assert answer.status_code < 300, (method, path)
        assert {one["actor"] for one in added} == {"token:1 tests"}, (method, path)
    reads = {(method, path) for method, path, _ in operations(app) if method == "get"} | READS
    assert silent == reads - {("post", "/api/v1/people/export")} | GO_AGAIN.keys() | TOLD_ELSEWHERE.keys()


def test_what_was_and_what_is_stands_with_each_change(acme: Caller) -> None:
    acme.ask("PUT", "/policies", {"several_matches": "stop", "status_map": {"attended": ["Came"]}})
    rules = acme.get("/mapping")["contact"]["rules"]
    title = next(rule for rule in rules if rule["source"] == "title")
    changed = [rule for rule in rules if rule is not title]
    acme.ask("PUT", "/mapping/contact", {"rules": [*changed, {**title, "mode": "if_empty", "default": CANARY}]})
    acme.ask("PUT", "/events/ev-1/campaign", {"campaign_id": "701A"})
    acme.ask("PUT", "/events/ev-1/campaign", {"campaign_id": "701B"})
    acme.ask("DELETE", "/events/ev-1/campaign")
    resync = acme.ask("POST", "/resync", {"contacts": ["c-1", "c-2"], "forced": False}).json["id"]
    acme.ask("DELETE", f"/resyncs/{resync}")
    found = [(one["action"], one["about"], one["details"]) for one in reversed(entries(acme))]
    assert [one[:2] for one in found] == [
        ("policies.changed", ""),
        ("mapping.changed", "contact"),
        ("event.connected", "ev-1"),
        ("event.connected", "ev-1"),
        ("event.disconnected", "ev-1"),
        ("resync.started", resync),
        ("resync.cancelled", resync),
    ]
    details = [one[2] for one in found]
    assert details[0]["several_matches"] == {"old": "first", "new": "stop"}
    assert details[0]["status_map"]["new"]["attended"] == ["Came"]
    assert details[0].keys() == {"several_matches", "status_map"}
    assert details[1] == {
        "taken_out": [{"source": "title", "target": "Title", "mode": "always", "also": []}],
        "put_in": [{"source": "title", "target": "Title", "mode": "if_empty", "also": ["default"]}],
    }
    assert [one["campaign_id"] for one in details[2:5]] == [
        {"old": None, "new": "701A"}, {"old": "701A", "new": "701B"}, {"old": "701B", "new": None},
    ]  # fmt: skip
    assert details[5] == {"filter": {"ids": 2}, "forced": False}


def test_what_changes_nothing_and_what_is_refused_leaves_no_entry(acme: Caller) -> None:
    policies = acme.get("/policies")
    acme.ask("PUT", "/policies", policies)
    acme.ask("PUT", "/policies", {"several_matches": "all"})
    acme.ask("PUT", "/mapping/contact", {"rules": [{"source": "nonsense"}]})
    acme.ask("PUT", "/mapping/contact", acme.get("/mapping")["contact"])
    acme.ask("POST", "/problems/0123456789abcdef/check")
    acme.ask("DELETE", "/resyncs/rsy_9")
    assert entries(acme) == []


def test_the_log_is_paged_newest_first_and_is_each_orgs_own(acme: Caller, other: Caller, clock: Clock) -> None:
    for number in range(7):
        clock.pass_by(minutes=1)
        acme.ask("PUT", f"/events/ev-{number}/campaign", {"campaign_id": "701"})
    with writing(acme.parts.engine) as db:
        note(db, None, "command line (root)", Audited.KEYS_ROTATED, clock.at)
    abouts = [one["about"] for one in acme.every_page("/audit", 3)]
    assert abouts == [f"ev-{number}" for number in reversed(range(7))]
    first = acme.get("/audit?limit=1")["items"][0]
    assert first["at"] == "2026-11-24T09:07:00.000000Z"
    assert other.get("/audit")["items"] == []
    assert acme.ask("GET", "/audit?cursor=abc").status_code == 422


def sign_in(acme: Caller, salesforce: Salesforce) -> dict[str, str]:
    """Begin over the API, allow it in the browser; what the browser is sent back with."""
    settings = {"client_id": "id", "login_url": salesforce.running.url}
    body = {"settings": settings, "credentials": {"client_secret": "secret"}}
    begun = acme.ask("POST", "/connection/sign-in", body)
    assert begun.status_code == 200, begun.get_data(as_text=True)
    allowed = requests.get(begun.json["url"], allow_redirects=False, timeout=10)
    return {name: values[0] for name, values in parse_qs(urlsplit(allowed.headers["Location"]).query).items()}


def test_a_sign_in_is_written_down_as_begun_and_as_finished_by_whoever_began_it(
    app: Flask, acme: Caller, salesforce: Salesforce
) -> None:
    back = sign_in(acme, salesforce)
    page = app.test_client().get("/connect/salesforce/callback", query_string=back)
    assert page.status_code == 200, page.get_data(as_text=True)
    made, begun = entries(acme)
    assert (begun["action"], begun["about"], begun["actor"]) == (
        "connection.sign_in_begun", "salesforce", "token:1 tests",
    )  # fmt: skip
    assert (made["action"], made["about"], made["actor"]) == ("connection.made", "salesforce", "token:1 tests")
    assert made["details"]["sign_in"] == begun["details"]["sign_in"]
    assert made["details"]["old"] is None
    shown = made["details"]["new"]
    assert (shown["target"], shown["instance_url"], shown["flow"]) == (
        "salesforce", salesforce.running.url, "web_server",
    )  # fmt: skip
    assert back["state"] not in json.dumps(entries(acme))


def test_no_entry_holds_a_secret_or_what_was_said_of_a_person(app: Flask, acme: Caller, filled: dict[str, str]) -> None:
    """Planted wherever somebody could write it, and then everything is done."""
    told = person(3, first_name=CANARY, email=f"{CANARY}@example.com", note=CANARY, title=CANARY)
    acme.deliver("contacts", "contact.created", told)
    acme.sync()
    secrets = {"client_secret": f"{CANARY}-secret", "private_key": f"{CANARY}-key"}
    settings = {
        "instance_url": "https://acme.my.salesforce.com",
        "client_id": f"{CANARY}-id",
        "flow": "client_credentials",
    }
    for method, path, _ in operations(app):
        call(acme, method, path, filled)
    acme.ask("POST", "/people/export", {"email": f"{CANARY}@example.com"})
    acme.ask("POST", "/people/erase", {"email": f"{CANARY}@example.com"})
    acme.ask("POST", "/resync", {"contacts": [CANARY]})
    rules = acme.get("/mapping")["lead"]["rules"]
    acme.ask("PUT", "/mapping/lead", {"rules": [*rules, {"source": "custom.x", "target": "Title", "default": CANARY}]})
    actions.connect(acme.parts, acme.org.id, "salesforce", settings, secrets)
    actions.connect(acme.parts, acme.org.id, "salesforce", settings, secrets)
    log = json.dumps(entries(acme))
    assert {"connection.made", "person.erased", "mapping.changed"} <= {one["action"] for one in entries(acme)}
    assert CANARY not in log
    assert acme.token not in log
    assert "Lovelace" not in log
    assert "@example.com" not in log
