"""Each kind of fault at each call of a whole sync: afterwards everything is in the CRM once, and nothing is lost.

The story is the same each time: an event that becomes a Campaign, a Contact with its Account, owner and membership, a Lead,
and a meeting of both. What the
fault hits is counted out by the number of the call, so that no call is left out that a later version may make.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import requests

from contactsync.domain.records import SyncStatus
from contactsync.store import tables as t
from contactsync.store import views
from contactsync.store.engine import reading
from contactsync.sync import actions
from tests.sync.conftest import World, ada

READ_TIMEOUT = "0.5"
MOST_ROUNDS = 12


def _refused(code: str, message: str, status: int) -> dict[str, Any]:
    return {"do": "status", "status": status, "body": [{"errorCode": code, "message": message}]}


LOCK = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 001000000000001AAA")
CONCURRENT = "ConcurrentPerOrgLongTxn Limit exceeded."

FAULTS: Mapping[str, dict[str, Any]] = {
    "500": {
        "do": "status",
        "status": 500,
        "body": [{"errorCode": "UNKNOWN_EXCEPTION", "message": "An error occurred"}],
    },
    "502 with an HTML page": {"do": "html", "status": 502},
    "503": {"do": "status", "status": 503},
    "hangs before": {"do": "hold_before"},
    "hangs after": {"do": "hold_after"},
    "closed before": {"do": "drop_before"},
    "closed after the commit": {"do": "drop_after"},
    "garbage": {"do": "garbage"},
    "expired token": {"do": "status", "status": 401},
    "row locked, call refused with 400": _refused(*LOCK, 400),
    "row locked, call refused with 500": _refused(*LOCK, 500),
    "daily limit": _refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403),
    "concurrency limit": _refused("REQUEST_LIMIT_EXCEEDED", CONCURRENT, 403),
}


def story(world: World) -> None:
    """What the event platform says."""
    world.seed(User=[{"LastName": "Host", "Email": "host@acme.example", "Username": "host@acme.example"}])
    actions.set_policies(world.parts, world.org_id, {"create_campaigns": True})
    world.deliver("events", "event.created", {"id": "e-1", "name": "Summit", "starts_at": "2026-11-25T08:00:00Z"})
    world.contact(
        ada(
            id="c-1", sync_as="contact", owner_email="host@acme.example", events=[{"id": "e-1", "status": "registered"}]
        ),
        ada(id="c-2", email="grace@navy.example", company="Navy"),
    )
    meeting = {
        "id": "m-1",
        "title": "Demo",
        "starts_at": "2026-11-25T09:00:00Z",
        "ends_at": "2026-11-25T09:30:00Z",
        "event_id": "e-1",
        "host_email": "host@acme.example",
        "attendees": [{"contact_id": "c-1", "response": "accepted"}, {"contact_id": "c-2"}],
    }
    world.deliver("meetings", "meeting.created", meeting)


def reconnect(world: World) -> None:
    """The same connection, which does not wait long for an answer."""
    assert world.standin is not None
    settings = {
        "instance_url": world.standin.url,
        "client_id": "id",
        "flow": "client_credentials",
        "read_timeout": READ_TIMEOUT,
    }
    actions.connect(world.parts, world.org_id, "salesforce", settings, {"client_secret": "secret"})


def settle(world: World) -> None:
    """Let the clock run until nothing is left to do."""
    for _ in range(MOST_ROUNDS):
        world.sync()
        if not waiting(world):
            return
        world.admin("release", {})
        world.clock.forward(hours=1)


def waiting(world: World) -> list[Any]:
    """What has a time at which it goes on by itself, or waits for the connection."""
    return [row for table in (t.contact, t.event, t.meeting) for row in world.rows(table) if row.due_at is not None]


def outcome(world: World) -> dict[str, Any]:
    """What is in the CRM in the end, and what people see."""
    return {
        **{
            kind: len(world.crm(kind)) for kind in ("Campaign", "Contact", "Lead", "Account", "CampaignMember", "Event")
        },
        "EventRelation": len(world.crm("EventRelation")),
        "contacts": [row.status for row in world.rows(t.contact)],
        "meetings": [row.sync_status for row in world.rows(t.meeting)],
    }


WHOLE = {
    "Campaign": 1,
    "Contact": 1,
    "Lead": 1,
    "Account": 1,
    "CampaignMember": 1,
    "Event": 1,
    "EventRelation": 1,
    "contacts": [SyncStatus.SYNCED, SyncStatus.SYNCED],
    "meetings": [SyncStatus.SYNCED],
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_story_without_any_fault_takes_as_many_calls_as_the_matrix_goes_through(connected: World) -> None:
    reconnect(connected)
    story(connected)
    connected.calls()
    settle(connected)
    assert outcome(connected) == WHOLE

    assert connected.calls() == CALLS


CALLS = 9


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("call", range(1, CALLS + 1))
@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_everything_is_there_once(connected: World, fault: str, call: int) -> None:
    reconnect(connected)
    story(connected)
    planned = FAULTS[fault]
    where = (
        {"where": {"object": ("Contact", "Lead", "CampaignMember", "Event")[call - 1]}} if fault == "row locked" else {}
    )
    match = {} if where else {"match": {"nth": call}}
    connected.fault(times=1, **planned, **where, **match)
    settle(connected)
    assert outcome(connected) == WHOLE
    assert planned_faults(connected)[0]["times"] == 0, "the fault never happened: the matrix no longer covers this call"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["Campaign", "Contact", "Lead", "Account", "CampaignMember", "Event", "EventRelation"])
def test_after_a_locked_row_everything_is_there_once(connected: World, kind: str) -> None:
    reconnect(connected)
    story(connected)
    connected.fault(times=1, do="row", where={"object": kind})
    settle(connected)
    assert outcome(connected) == WHOLE
    assert planned_faults(connected)[0]["times"] == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", ["500", "garbage", "closed after the commit", "expired token", "daily limit"])
def test_after_a_fault_at_the_sign_in_everything_is_there_once(connected: World, fault: str) -> None:
    reconnect(connected)
    story(connected)
    connected.fault(times=1, **FAULTS[fault], match={"path": "services/oauth2/token"})
    settle(connected)
    if fault == "expired token":  # a 401 at the token endpoint is no expiry: the sign-in itself is refused
        with reading(connected.parts.engine) as db:
            stands = views.org_status(db, connected.org_id, connected.clock())
        assert stands["crm"]["state"] == "stopped"
        assert stands["crm"]["problem"]["fix"]
        reconnect(connected)
        settle(connected)
    assert outcome(connected) == WHOLE
    assert planned_faults(connected)[0]["times"] == 0


def planned_faults(world: World) -> list[dict[str, Any]]:
    """The faults planned, and how often each is still to come."""
    assert world.standin is not None
    found: list[dict[str, Any]] = requests.get(f"{world.standin.url}/_standin/faults", timeout=10).json()
    return found
