"""Meetings, and runs of all kinds: what is shown, what a sync would do, and what an undo puts back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.salesforce import Salesforce
from tests.web.conftest import Caller, HandBell, person

TIMES = {"starts_at": "2026-12-01T09:00:00+01:00", "ends_at": "2026-12-01T10:00:00+01:00"}


def meeting(**more: Any) -> dict[str, Any]:
    attendees = [{"contact_id": "c-1", "response": "accepted"}, {"email": "who@else.example"}]
    return {"id": "m-7", "title": "Demo", "location": "Booth 4", "attendees": attendees, **TIMES, **more}


@pytest.fixture
def met(at_salesforce: Caller) -> Caller:
    """A contact and a meeting in Salesforce."""
    at_salesforce.deliver("contacts", "contact.created", person(1, title="CTO"))
    at_salesforce.deliver("meetings", "meeting.created", meeting())
    at_salesforce.sync()
    return at_salesforce


# ── meetings ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_meeting_is_shown_with_its_attendees_its_activity_and_a_link(met: Caller, salesforce: Salesforce) -> None:
    shown = met.get("/meetings/m-7")
    (activity,) = salesforce.holds("Event")
    assert (shown["title"], shown["location"], shown["deleted"]) == ("Demo", "Booth 4", False)
    first, second = shown["attendees"]
    assert (first["contact_id"], first["response"]) == ("c-1", "accepted")
    assert (second["contact_id"], second["email"]) == (None, "who@else.example")
    sync = shown["sync"]
    assert (sync["status"], sync["crm_object"], sync["crm_id"]) == ("synced", "Activity", activity["Id"])
    assert activity["Id"] in sync["crm_url"]
    assert sync["why"]
    assert sync["problem"] is None


def test_meetings_are_listed_by_status_and_by_event(met: Caller) -> None:
    met.deliver("meetings", "meeting.created", meeting(id="m-8", event_id="ev-9", starts_at="2026-01-01T00:00:00Z"))
    met.sync()
    assert [one["id"] for one in met.every_page("/meetings", 1)] == ["m-8", "m-7"]
    assert [one["id"] for one in met.get("/meetings?event=ev-9")["items"]] == ["m-8"]
    assert [one["id"] for one in met.get("/meetings?status=synced&event=ev-9")["items"]] == []
    assert [one["id"] for one in met.get("/meetings?status=needs_attention")["items"]] == ["m-8"]  # longer than 14 days
    problem = met.get("/meetings/m-8")["sync"]["problem"]
    assert problem["code"] == "meeting_too_long"
    assert problem["mended_by"] == ["a correction at the event platform"]
    assert met.get("/status")["meetings"]["needs_attention"] == 1


def test_a_preview_of_a_meeting_shows_what_would_change_and_writes_nothing(met: Caller, salesforce: Salesforce) -> None:
    met.deliver("meetings", "meeting.updated", {"id": "m-7", "title": "Second demo"})
    met.absorb()
    before = salesforce.holds("Event")
    shown = met.ask("POST", "/meetings/m-7/preview").json
    step = next(step for step in shown["steps"] if step["object"] == "Activity")
    assert step["action"] == "update"
    assert (step["fields"]["Subject"]["old"], step["fields"]["Subject"]["new"]) == ("Demo", "Second demo")
    assert shown["problem"] is None
    assert salesforce.holds("Event") == before


def test_a_meeting_is_synced_now_when_asked_for(met: Caller, bell: HandBell) -> None:
    bell.rung.clear()
    answer = met.ask("POST", "/meetings/m-7/sync")
    assert (answer.status_code, answer.json["sync"]["status"]) == (202, "queued")
    assert bell.rung == [met.org.id]
    met.sync()
    assert met.get("/meetings/m-7")["sync"]["status"] == "synced"
    assert len(met.get("/meetings/m-7/runs")["items"]) == 2


def test_a_meeting_that_is_not_there_is_not_found(met: Caller, other: Caller) -> None:
    for caller, name in ((met, "m-none"), (other, "m-7")):
        for method, path in (("GET", ""), ("GET", "/runs"), ("POST", "/sync"), ("POST", "/preview")):
            assert caller.ask(method, f"/meetings/{name}{path}").status_code == 404, (method, path)


# ── runs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_runs_say_what_they_brought(met: Caller) -> None:
    newest, before = met.get("/runs")["items"]
    assert (newest["subject"], newest["source_id"], newest["contact_id"]) == ("meeting", "m-7", None)
    assert (before["subject"], before["source_id"], before["contact_id"]) == ("contact", "c-1", "c-1")
    assert met.get(f"/runs/{before['id']}") == before
    assert met.get("/meetings/m-7/runs")["items"] == [newest]


def test_a_run_says_of_each_field_that_was_left_why(met: Caller) -> None:
    rules = [rule for rule in met.get("/mapping")["lead"]["rules"] if rule["source"] != "title"]
    rules.append({"source": "title", "target": "Title", "mode": "if_empty"})
    assert met.ask("PUT", "/mapping/lead", {"rules": rules}).status_code == 200
    met.deliver("contacts", "contact.updated", {"id": "c-1", "title": "CEO", "phone": "+49 30 1"})
    met.sync()
    (run, *_) = met.get("/contacts/c-1/runs")["items"]
    step = next(step for step in run["steps"] if step["object"] == "Lead")
    assert step["fields"]["Phone"] == {"old": None, "new": "+49 30 1"}
    assert "Title" not in step["fields"]
    assert step["left"]["Title"]


def test_an_undo_without_a_body_puts_back_and_with_dry_run_only_shows(met: Caller, salesforce: Salesforce) -> None:
    met.deliver("contacts", "contact.updated", {"id": "c-1", "title": "CEO"})
    met.sync()
    (run, *_) = met.get("/contacts/c-1/runs")["items"]
    shown = met.ask("POST", f"/runs/{run['id']}/undo", {"dry_run": True}).json
    assert shown["dry_run"]
    assert shown["steps"][0]["fields"]["Title"]["new"] == "CTO"
    (lead,) = salesforce.holds("Lead")
    assert lead["Title"] == "CEO"
    done = met.ask("POST", f"/runs/{run['id']}/undo")
    assert (done.status_code, done.json["dry_run"]) == (200, False)
    assert done.json["steps"] == shown["steps"]
    (lead,) = salesforce.holds("Lead")
    assert lead["Title"] == "CTO"
    (newest, *_) = met.get("/contacts/c-1/runs")["items"]
    assert newest["undoes"] == run["id"]


@pytest.mark.parametrize("body", [{"dry_run": "perhaps"}, {"dry": True}, []])
def test_an_undo_of_nonsense_is_refused_and_writes_nothing(met: Caller, body: Any) -> None:
    (run, *_) = met.get("/contacts/c-1/runs")["items"]
    assert met.ask("POST", f"/runs/{run['id']}/undo", body).status_code == 422
    assert len(met.get("/contacts/c-1/runs")["items"]) == 1


def test_a_run_of_another_crm_cannot_be_undone_and_says_why(met: Caller, tmp_path: Any) -> None:
    (run, *_) = met.get("/contacts/c-1/runs")["items"]
    met.connect_file(tmp_path)
    answer = met.ask("POST", f"/runs/{run['id']}/undo", {})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "not_ready")
    assert "another CRM" in answer.json["error"]["message"]


def test_a_run_that_is_not_there_is_not_found(met: Caller, other: Caller) -> None:
    (run, *_) = met.get("/runs")["items"]
    for caller, name in ((met, "run_999"), (met, "1"), (met, "run_01"), (other, run["id"])):
        assert caller.ask("GET", f"/runs/{name}").status_code == 404, name
        assert caller.ask("POST", f"/runs/{name}/undo", {}).status_code == 404, name
