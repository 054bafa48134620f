"""What holds for every operation of the API, whichever it is: a new one is tested here by being there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from flask import Flask
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from contactsync.store import orgs
from contactsync.store.engine import writing
from tests.web.conftest import ODD, Caller, Clock

METHODS = ("get", "post", "put", "delete")


def document(app: Flask) -> Any:
    return app.test_client().get("/api/v1/openapi.json").json


def operations(app: Flask) -> Iterator[tuple[str, str, Any]]:
    """(method, path, operation) of all that the document names."""
    for path, item in document(app)["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def misfits(app: Flask, schema: Any, value: object) -> list[str]:
    """What in a value does not fit a schema of the document."""
    whole = {**schema, "components": document(app)["components"]}
    return [f"{error.json_path}: {error.message}" for error in OAS31Validator(whole).iter_errors(value)]


BODIES = {
    "/companies/link": {"company": "id:co-1", "account_id": "001"},
    "/companies/match": {"company": "id:co-1"},
    "/companies/merge": {"company": "name:nowhere", "into": "id:co-1"},
    "/companies/part": {"company": "name:nowhere"},
    "/companies/unlink": {"company": "id:co-1"},
    "/connection/sign-in": {"target": "jsonl", "settings": {}},
    "/contacts/approve": {"ids": [ODD]},
    "/contacts/search": {"email": "ada1@example.com"},
    "/deliveries/replay": {"status": "failed"},
    "/events/{event_id}/campaign": {"campaign_id": "701"},
    "/mapping/{kind}": {"rules": [{"source": "name", "target": "Name", "mode": "on_create"}]},
    "/people/allow": {"email": "ada2@example.com"},
    "/people/erase": {"email": "ada2@example.com"},
    "/people/export": {"email": "ada1@example.com"},
    "/policies": {"several_matches": "stop"},
    "/preview": {"all": True, "limit": 10},
    "/resync": {"event": ODD},
    "/runs/{run_id}/undo": {"dry_run": True},
}

NOT_AT_A_FILE = ("/api/v1/connection/sign-in",)
"""Operations that a CRM that is a file refuses: it has no sign-in. They have tests of their own."""


PARTING = ("delete", "/api/v1/connection")
LATE = (("post", "/api/v1/companies/merge"), ("post", "/api/v1/companies/part"), PARTING)
"""In this order after all others: merging lets the problem go that others look at, and parting leaves no CRM to ask."""


def call(caller: Caller, method: str, path: str, ids: dict[str, str]) -> Any:
    """One operation with good ids, parameters and body."""
    address = path.removeprefix("/api/v1")
    body = BODIES.get(address) if method in ("put", "post") else None
    for name, value in ids.items():
        address = address.replace(f"{{{name}}}", quote(value, safe=""))
    if address in ("/accounts", "/campaigns"):
        address += "?q=Exp"
    return caller.ask(method.upper(), address, body)


def test_the_document_is_valid_openapi(app: Flask) -> None:
    whole = document(app)
    validate(whole)
    assert whole["openapi"].startswith("3.1")


def test_every_route_of_the_api_is_in_the_document_and_every_operation_says_what_it_does(app: Flask) -> None:
    ruled = {
        (method.lower(), rule.rule.replace("<source_id:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not rule.rule.endswith(("/docs", "/openapi.json"))
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    documented = {(method, path) for method, path, _ in operations(app)}
    assert documented == ruled
    assert all(operation["summary"] for _, _, operation in operations(app))
    names = [operation["operationId"] for _, _, operation in operations(app)]
    assert len(set(names)) == len(names)


def test_every_operation_answers_what_the_document_promises(app: Flask, acme: Caller, filled: dict[str, str]) -> None:
    """With an id of slashes, blanks, percent signs and emoji."""
    for method, path, operation in sorted(
        operations(app), key=lambda one: LATE.index(one[:2]) if one[:2] in LATE else -1
    ):
        answer = call(acme, method, path, filled)
        promised = operation["responses"]
        assert str(answer.status_code) in promised, (method, path, answer.get_data(as_text=True))
        if path not in NOT_AT_A_FILE:
            assert answer.status_code < 300, (method, path, answer.get_data(as_text=True))
        schema = promised[str(answer.status_code)]["content"]["application/json"]["schema"]
        assert not misfits(app, schema, answer.json), (method, path)


def test_every_example_in_the_document_fits_its_schema(app: Flask) -> None:
    bodies = [
        operation["requestBody"]["content"]["application/json"]
        for _, _, operation in operations(app)
        if "requestBody" in operation
    ]
    assert len(bodies) == len(BODIES)
    for body in bodies:
        assert not misfits(app, body["schema"], body["example"])


NO_TOKENS = (
    None,
    "Bearer",
    "Bearer ",
    "Bearer cst_" + "A" * 43,
    "Basic YTpi",
    "cst_x",
    "Bearer ü",
    "Bearer " + "x" * 9999,
)


def test_no_operation_answers_without_a_valid_token(app: Flask, acme: Caller) -> None:
    for method, path, _ in operations(app):
        address = path.replace("{", "").replace("}", "")
        for header in NO_TOKENS if method == "get" else NO_TOKENS[:4]:
            headers = {} if header is None else {"Authorization": header}
            answer = app.test_client().open(address, method=method.upper(), headers=headers)
            assert answer.status_code == 401, (method, path, header)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
            assert answer.json["error"]["code"] == "unauthorized"


def test_a_revoked_and_an_expired_token_are_nobodys(acme: Caller, clock: Clock) -> None:
    with writing(acme.parts.engine) as db:
        _, expiring = orgs.add_token(db, acme.org.id, "soon", clock.at, clock.at + timedelta(hours=1))
        revoked_id, revoked = orgs.add_token(db, acme.org.id, "gone", clock.at)
    assert acme.ask("GET", "/status", headers={"Authorization": f"Bearer {revoked}"}).status_code == 200
    assert acme.ask("GET", "/status", headers={"Authorization": f"Bearer {expiring}"}).status_code == 200
    with writing(acme.parts.engine) as db:
        orgs.revoke_token(db, acme.org.id, revoked_id, clock.at)
    clock.pass_by(hours=2)
    assert acme.ask("GET", "/status", headers={"Authorization": f"Bearer {revoked}"}).status_code == 401
    assert acme.ask("GET", "/status", headers={"Authorization": f"Bearer {expiring}"}).status_code == 401


def test_another_orgs_token_reaches_nothing_and_changes_nothing(
    app: Flask, acme: Caller, other: Caller, filled: dict[str, str]
) -> None:
    """Every operation of the app is walked, with ids that are the first org's."""
    readings = [path for method, path, _ in operations(app) if method == "get" and not path.endswith("s?q=")]
    before = {path: call(acme, "get", path, filled).json for path in readings}
    for method, path, _ in operations(app):
        answer = call(other, method, path, filled)
        text = answer.get_data(as_text=True)
        assert "Lovelace" not in text
        assert "ada1@example.com" not in text
        assert filled["delivery_id"] not in text
        if path.endswith("/campaign") and method == "put":
            assert answer.json["contacts"]["synced"] == 0  # an event of its own, under the same id
        elif "_id}" in path and not path.endswith("/campaign") and "{event_id}" not in path:
            assert answer.status_code == 404, (method, path, text)
            assert answer.json["error"]["code"] == "not_found"
    after = {path: call(acme, "get", path, filled).json for path in readings}
    assert json.dumps(after, sort_keys=True) == json.dumps(before, sort_keys=True)


def test_events_of_another_org_are_not_found(acme: Caller, other: Caller, filled: dict[str, str]) -> None:
    event = quote(ODD, safe="")
    assert acme.ask("GET", f"/events/{event}").status_code == 200
    for method, path in (("GET", ""), ("GET", "/contacts"), ("DELETE", "/campaign")):
        assert other.ask(method, f"/events/{event}{path}").status_code == 404
