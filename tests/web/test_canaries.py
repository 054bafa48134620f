"""Personal data and secrets of meetings and sign-ins stay where they belong: never in a log line, a problem, an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from contactsync.standin import Options, RunningStandin, serve
from contactsync.sync.signing_in import begin_sign_in
from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, Clock, person

CANARY = "canary"
LOST = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": f"Not so, {CANARY}@example.com", "fields": []}


@pytest.fixture
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    with capture_logs() as logs:
        yield logs


def meeting(**more: Any) -> dict[str, Any]:
    """A meeting whose every personal datum sings."""
    return {
        "id": "m-1",
        "title": f"Talk with {CANARY}",
        "notes": f"{CANARY} wants a discount",
        "location": f"{CANARY}'s office",
        "host_email": f"host-{CANARY}@example.com",
        "host_name": f"Host {CANARY}",
        "starts_at": "2026-11-24T10:00:00Z",
        "ends_at": "2026-11-24T11:00:00Z",
        "attendees": [{"contact_id": "c-1"}, {"email": f"{CANARY}@example.com", "name": f"Ada {CANARY}"}],
        **more,
    }


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "html", "times": 3},
        {"do": "garbage", "times": 3},
        {"do": "cut", "times": 1},
        {"do": "drop_after", "times": 1},
        {"do": "lock_call", "times": 1},
        {"do": "row", "times": 3, "where": {"object": "Event"}, "error": LOST},
        {"do": "row", "times": 3, "where": {"object": "EventRelation"}, "error": LOST},
    ],
    ids=lambda fault: f"{fault['do']}-{fault.get('where', {}).get('object', 'call')}",
)
def test_a_meeting_that_fails_is_told_without_who_took_part_or_what_was_said(
    at_salesforce: Caller,
    salesforce: Salesforce,
    clock: Clock,
    logged: list[structlog.typing.EventDict],
    fault: dict[str, Any],
) -> None:
    at_salesforce.deliver("contacts", "contact.created", person(1))
    at_salesforce.sync()
    salesforce.does("faults", **fault)
    at_salesforce.deliver("meetings", "meeting.created", meeting())
    for _ in range(3):
        at_salesforce.sync()
        clock.pass_by(hours=1)
    assert any("meeting" in str(line) for line in logged)
    assert CANARY not in str(logged)
    for path in ("/problems", "/status", "/connection"):
        assert CANARY not in at_salesforce.ask("GET", path).get_data(as_text=True), path
    for run in at_salesforce.get("/meetings/m-1/runs")["items"]:
        assert CANARY not in str(run["problem"])


def test_no_error_of_the_meetings_and_problems_doors_quotes_what_was_sent(
    acme: Caller, logged: list[structlog.typing.EventDict]
) -> None:
    answers = [
        acme.ask("GET", f"/meetings/{CANARY}"),
        acme.ask("POST", f"/meetings/{CANARY}/preview"),
        acme.ask("GET", f"/meetings?status={CANARY}"),
        acme.ask("GET", f"/runs/{CANARY}"),
        acme.ask("POST", f"/runs/{CANARY}/undo", {"dry_run": True}),
        acme.ask("POST", "/runs/run_1/undo", {"dry_run": CANARY}),
        acme.ask("GET", f"/problems/{CANARY}/records"),
        acme.ask("POST", f"/problems/{CANARY}/check"),
        acme.ask("GET", f"/resyncs/{CANARY}"),
        acme.ask("POST", "/resync", {"contacts": [[CANARY]]}),
        acme.ask("POST", "/preview", {"since": CANARY}),
        acme.ask("POST", "/connection/sign-in", {"target": CANARY}),
        acme.ask("POST", "/connection/sign-in", {"settings": {}, "credentials": {"client_secret": CANARY}}),
    ]
    for answer in answers:
        assert answer.status_code >= 400
        assert CANARY not in answer.get_data(as_text=True), answer.request.path
    assert CANARY not in str(logged)


@pytest.fixture
def standin() -> Iterator[RunningStandin]:
    with serve(options=Options(client_id="id", client_secret="another")) as running:
        yield running


def test_neither_code_nor_state_nor_secret_of_a_refused_sign_in_is_said_or_logged(
    acme: Caller, standin: RunningStandin, logged: list[structlog.typing.EventDict]
) -> None:
    settings = {"client_id": "id", "login_url": standin.url}
    secret = {"client_secret": f"{CANARY}-secret"}
    url = begin_sign_in(acme.parts, acme.org.id, "salesforce", settings, secret, "https://contactsync.example.com").url
    state = url.partition("state=")[2].partition("&")[0]
    page = acme.app.test_client().get(
        "/connect/salesforce/callback", query_string={"state": state, "code": f"{CANARY}-code"}
    )
    unknown = acme.app.test_client().get(
        "/connect/salesforce/callback", query_string={"state": f"{CANARY}-state", "code": "x"}
    )
    assert (page.status_code, unknown.status_code) == (400, 400)
    said = page.get_data(as_text=True) + unknown.get_data(as_text=True) + str(logged)
    assert CANARY not in said
    assert state not in said
