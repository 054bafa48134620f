"""Every error answer is JSON of one shape, says what to do, and shows nothing personal and nothing secret."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog
from flask import Flask
from structlog.testing import capture_logs

from contactsync.domain.errors import CannotKeep, Misconfigured
from contactsync.store.engine import open_engine
from contactsync.web.app import create_app
from tests.web.conftest import Caller

CANARY = "canary@example.com"


@pytest.fixture
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    with capture_logs() as logs:
        yield logs


def error_of(answer: object) -> dict[str, object]:
    """The error of an answer, whose shape is checked."""
    assert answer.content_type == "application/json"
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) in ({"code", "message"}, {"code", "message", "fields"})
    return answer.json["error"]


def test_unknown_addresses_are_not_found_in_json_everywhere(acme: Caller, app: Flask) -> None:
    for path in ("/nope", "/api", "/api/", "/api/v1", "/api/v1/nope", "/api/v1/contacts/", "/api/v2/contacts"):
        answer = app.test_client().get(path)
        assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found"), path


def test_a_wrong_method_is_told_which_ones_there_are(acme: Caller) -> None:
    answer = acme.ask("DELETE", "/contacts")
    assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(acme: Caller) -> None:
    answer = acme.ask("POST", "/contacts/search", data=b"x" * 1_048_577, headers={"Content-Type": "application/json"})
    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")


def test_a_body_that_is_not_json_by_its_kind_is_refused(acme: Caller) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = acme.ask("POST", "/contacts/search", data=b'{"email": "a@b.example"}', headers={"Content-Type": kind})
        assert (answer.status_code, error_of(answer)["code"]) == (415, "unsupported_media_type"), kind
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert acme.ask("POST", "/contacts/search", data=b"{}", headers=packed).status_code == 415


def test_a_body_that_is_not_json_by_its_content_is_refused(acme: Caller) -> None:
    bodies = [
        b"{",
        b"\xff",
        b'{"email": NaN}',
        b'{"email": "a", "email": "b"}',
        b"[" * 5000,
        b"{}" * 2,
        b"\xef\xbb\xbf{}",
    ]
    for body in bodies:
        answer = acme.ask("POST", "/contacts/search", data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, error_of(answer)["code"]) == (422, "invalid"), body[:20]
        assert error_of(answer)["fields"]


def test_text_that_a_database_cannot_keep_is_refused_wherever_it_stands(acme: Caller) -> None:
    for body in ('{"email": "a\\u0000b"}', '{"email": "\\ud800"}', '{"email": "a", "event": "\\u0000"}'):
        answer = acme.ask("POST", "/contacts/search", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, body
    assert acme.ask("GET", "/contacts?event=%00").status_code == 422
    assert acme.ask("GET", "/contacts?event=%ff").status_code == 200
    assert acme.ask("GET", "/contacts/a%00b").status_code == 404
    assert acme.ask("PUT", "/policies", data='{"status_map": {"a": ["\\u0000"]}}',
                    headers={"Content-Type": "application/json"}).status_code == 422  # fmt: skip


def test_an_empty_body_is_told_what_is_required(acme: Caller) -> None:
    answer = acme.ask("POST", "/contacts/search", data=b"", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert list(error_of(answer)["fields"]) == ["email"]


def test_unknown_and_doubled_parameters_are_refused_by_name(acme: Caller) -> None:
    fields = error_of(acme.ask("GET", "/contacts?limt=5&stauts=queued"))["fields"]
    assert set(fields) == {"limt", "stauts"}
    assert "cursor, event, limit, status" in fields["limt"]
    assert list(error_of(acme.ask("GET", "/contacts?limit=1&limit=2"))["fields"]) == ["limit"]


def test_what_breaks_unforeseen_is_500_and_neither_answer_nor_log_quotes_it(
    acme: Caller, logged: list[structlog.typing.EventDict]
) -> None:
    def broken() -> object:
        raise ValueError(f"could not read {CANARY}")

    app = create_app(acme.parts)
    app.add_url_rule("/broken", "broken", broken)
    answer = app.test_client().get("/broken")
    assert (answer.status_code, error_of(answer)["code"]) == (500, "internal_error")
    assert CANARY not in answer.get_data(as_text=True)
    [line] = [line for line in logged if line["event"] == "request failed"]
    assert (line["error"], line["log_level"]) == ("ValueError", "error")
    assert "broken" in str(line["at"])
    assert CANARY not in str(logged)


def test_no_error_answer_and_no_log_line_quotes_personal_data_that_was_sent(
    acme: Caller, logged: list[structlog.typing.EventDict]
) -> None:
    answers = [
        acme.ask("GET", f"/contacts/{CANARY}"),
        acme.ask("GET", f"/contacts?status={CANARY}"),
        acme.ask("GET", f"/contacts?cursor={CANARY}"),
        acme.ask("POST", "/contacts/search", {"email": CANARY, "limit": 0}),
        acme.ask("PUT", "/events/ev-1/campaign", {"campaign_id": f"{CANARY} "}),
        acme.ask("PUT", "/policies", {"several_matches": CANARY}),
        acme.ask("PUT", "/mapping/lead", {"rules": [{"source": "title", "target": "T", "mode": CANARY}]}),
        acme.ask("PUT", f"/mapping/{CANARY}", {"rules": []}),
        acme.ask("GET", "/status", headers={"Authorization": f"Bearer {CANARY}"}),
    ]
    for answer in answers:
        assert answer.status_code >= 400
        assert CANARY not in answer.get_data(as_text=True), answer.request.path
    assert CANARY not in str(logged)


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(acme: Caller) -> None:
    gone = open_engine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    app = create_app(replace(acme.parts, engine=gone))
    answer = app.test_client().get("/api/v1/status", headers={"Authorization": f"Bearer {acme.token}"})
    assert (answer.status_code, error_of(answer)["code"]) == (503, "database_unavailable")
    assert answer.headers["Retry-After"] == "5"
    gone.dispose()


def test_our_own_errors_have_their_answers(acme: Caller, logged: list[structlog.typing.EventDict]) -> None:
    def misconfigured() -> object:
        raise Misconfigured("the plugin x of the distribution y cannot be loaded")

    def busy() -> object:
        raise CannotKeep("the inbox is locked", retry_after=7)

    app = create_app(acme.parts)
    app.add_url_rule("/misconfigured", "misconfigured", misconfigured)
    app.add_url_rule("/busy", "busy", busy)
    answer = app.test_client().get("/misconfigured")
    assert (answer.status_code, error_of(answer)["code"]) == (503, "misconfigured")
    assert "distribution" not in answer.get_data(as_text=True)  # for the operator, who has the log
    assert any("distribution y" in str(line) for line in logged)
    answer = app.test_client().get("/busy")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
