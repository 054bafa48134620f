"""Planned misbehaviour: answers lost, held, replaced."""

from __future__ import annotations

import threading

import pytest
import requests

LEAD = {"LastName": "L", "Company": "C"}


def leads(wire):
    return len(wire.rows("SELECT Id FROM Lead"))


def test_a_planned_status_is_answered_instead_of_the_work_as_often_as_planned(wire):
    wire.admin("faults", {"do": "status", "status": 503, "times": 2, "match": {"method": "POST"}})
    for _ in range(2):
        answer = wire.post("sobjects/Lead", LEAD)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (503, "SERVER_UNAVAILABLE")
    assert wire.post("sobjects/Lead", LEAD).status_code == 201
    assert leads(wire) == 1


def test_a_planned_status_may_have_its_own_body_and_headers(wire):
    body = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access to this record"}]
    wire.admin("faults", {"do": "status", "status": 500, "body": body, "headers": {"X-Why": "planned"}})
    answer = wire.get("limits")
    assert (answer.status_code, answer.json(), answer.headers["X-Why"]) == (500, body, "planned")


def test_known_statuses_have_the_recorded_bodies(wire):
    wire.admin("faults", [{"do": "status", "status": 401}, {"do": "status", "status": 403}])
    assert wire.error(wire.get("limits")) == (401, "INVALID_SESSION_ID", "Session expired or invalid")
    assert wire.error(wire.get("limits")) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def test_a_status_may_come_after_the_work_was_done(wire):
    wire.admin("faults", {"do": "status", "status": 502, "after": True})
    assert wire.post("sobjects/Lead", LEAD).status_code == 502
    assert leads(wire) == 1


def test_html_instead_of_json(wire):
    wire.admin("faults", {"do": "html"})
    answer = wire.get("limits")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(("kind", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_call_gets_no_answer_and_its_work_is_done_or_not(wire, kind, kept):
    wire.admin("faults", {"do": kind})
    with pytest.raises(requests.ConnectionError):
        wire.post("sobjects/Lead", LEAD)
    assert leads(wire) == kept
    entry = wire.admin("calls")["calls"][0]
    assert (entry["status"], entry["fault"]) == (None, kind)


def hold(wire, kind):
    """Send a create that is held, and wait until it is."""
    wire.admin("faults", {"do": kind, "match": {"writes": True}})
    answers = []

    def send():
        headers = {"Authorization": wire.session.headers["Authorization"]}
        url = f"{wire.url}/services/data/v66.0/sobjects/Lead"
        try:
            answers.append(requests.post(url, json=LEAD, headers=headers, timeout=10).status_code)
        except requests.ConnectionError:
            answers.append(None)

    thread = threading.Thread(target=send)
    with wire.standin.site.held_changed:
        thread.start()
        assert wire.standin.site.held_changed.wait_for(lambda: wire.standin.site.held, timeout=10)
    return thread, answers


@pytest.mark.parametrize(("kind", "kept"), [("hold_before", 0), ("hold_after", 1)])
def test_a_held_call_waits_for_its_release_while_others_are_served(wire, kind, kept):
    thread, answers = hold(wire, kind)
    assert wire.admin("held")["held"] == 1
    assert leads(wire) == kept
    assert wire.admin("release", {}) == {"released": 1}
    thread.join(10)
    assert answers == [201]
    assert (leads(wire), wire.admin("held")["held"]) == (1, 0)


def test_a_held_answer_can_be_thrown_away(wire):
    thread, answers = hold(wire, "hold_after")
    wire.admin("release", {"drop": True})
    thread.join(10)
    assert answers == [None]
    assert leads(wire) == 1
    thread, answers = hold(wire, "hold_after")  # the next one is not thrown away
    wire.admin("release", {})
    thread.join(10)
    assert answers == [201]


def test_a_plan_fires_only_where_it_matches(wire):
    wire.admin("faults", {"do": "status", "match": {"path": "composite", "contains": "ada@", "writes": True}})
    record = {"attributes": {"type": "Lead"}, **LEAD}
    assert wire.post("sobjects/Lead", {**LEAD, "Email": "ada@x.example"}).status_code == 201
    assert wire.post("composite/sobjects", {"records": [record]}).status_code == 200
    answer = wire.post("composite/sobjects", {"records": [{**record, "Email": "ada@x.example"}]})
    assert answer.status_code == 503


def test_a_plan_may_wait_for_the_nth_matching_call(wire):
    wire.admin("faults", {"do": "status", "times": 1, "match": {"method": "POST", "nth": 3}})
    assert [wire.post("sobjects/Lead", LEAD).status_code for _ in range(4)] == [201, 201, 503, 201]


def test_a_composite_of_reads_is_no_write(wire):
    wire.admin("faults", {"do": "status", "match": {"writes": True}})
    query = {"method": "GET", "url": "/services/data/v66.0/query?q=SELECT+Id+FROM+Lead", "referenceId": "q"}
    create = {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "referenceId": "c", "body": LEAD}
    assert wire.post("composite", {"compositeRequest": [query]}).status_code == 200
    assert wire.post("composite/sobjects/Lead", {"ids": ["x"], "fields": ["Id"]}).status_code == 200
    assert wire.post("composite", {"compositeRequest": [query, create]}).status_code == 503


def test_the_token_endpoint_misbehaves_only_when_it_is_named(wire):
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    url = f"{wire.url}/services/oauth2/token"
    wire.admin("faults", {"do": "status"})
    assert requests.post(url, data=form, timeout=10).status_code == 200
    assert wire.get("limits").status_code == 503
    wire.admin("faults", {"do": "status", "match": {"path": "oauth2"}})
    assert requests.post(url, data=form, timeout=10).status_code == 503


def test_a_slow_call_takes_at_least_as_long_as_planned(wire):
    wire.admin("faults", {"do": "slow", "ms": 30})
    wire.get("limits")
    assert wire.admin("calls")["calls"][0]["duration_ms"] >= 30


@pytest.mark.parametrize(
    "plan", [{"do": "explode"}, {}, {"do": "status", "when": 1}, {"do": "status", "match": {"x": 1}}, 5]
)
def test_a_wrong_plan_is_refused_with_what_is_wrong(wire, plan):
    answer = wire.post("/_standin/faults", plan)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert wire.admin("faults") == []


def test_plans_can_be_looked_at_and_dropped(wire):
    wire.admin("faults", {"do": "status", "times": 3})
    wire.get("limits")
    assert wire.admin("faults")[0]["times"] == 2
    wire.admin("faults", method="DELETE")
    assert wire.get("limits").status_code == 200


def test_planned_row_faults_count_down_row_by_row(wire):
    wire.admin("faults", {"do": "row", "where": {"object": "Lead"}})
    assert wire.error(wire.post("sobjects/Lead", LEAD))[1] == "UNABLE_TO_LOCK_ROW"
    assert wire.post("sobjects/Lead", LEAD).status_code == 201


@pytest.mark.parametrize(
    ("plan", "status", "code", "message"),
    [
        ({"do": "daily_limit"}, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        (
            {"do": "concurrent_limit"},
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        (
            {"do": "lock_call"},
            400,
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records",
        ),
        (
            {"do": "lock_call", "status": 500},
            500,
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records",
        ),
    ],
)
def test_limits_and_locks_have_words_of_their_own_at_the_nth_call(wire, plan, status, code, message):
    wire.admin("faults", {**plan, "match": {"nth": 2}})
    assert wire.post("sobjects/Lead", LEAD).status_code == 201
    assert wire.error(wire.post("sobjects/Lead", LEAD)) == (status, code, message)
    assert wire.post("sobjects/Lead", LEAD).status_code == 201
    assert leads(wire) == 2


def test_an_unknown_error_has_its_own_code(wire):
    wire.admin("faults", {"do": "status", "status": 500})
    assert wire.error(wire.get("limits"))[:2] == (500, "UNKNOWN_EXCEPTION")


@pytest.mark.parametrize("kind", ["daily_limit", "concurrent_limit"])
def test_a_limit_at_the_token_endpoint_is_an_array_too(wire, kind):
    wire.admin("faults", {"do": kind, "match": {"path": "oauth2/token"}})
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    answer = requests.post(f"{wire.url}/services/oauth2/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert requests.post(f"{wire.url}/services/oauth2/token", data=form, timeout=10).status_code == 200


@pytest.mark.parametrize(("after", "kept"), [(False, 0), (True, 1)])
def test_garbage_is_a_200_whose_json_ends_in_the_middle(wire, after, kept):
    wire.admin("faults", {"do": "garbage", "after": after})
    answer = wire.post("sobjects/Lead", LEAD)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json;charset=UTF-8")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert leads(wire) == kept


def test_an_answer_may_be_cut_off_after_the_work_was_done(wire):
    wire.admin("faults", {"do": "cut"})
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        wire.post("sobjects/Lead", LEAD)
    assert leads(wire) == 1


@pytest.mark.parametrize(("after", "kept"), [(False, 0), (True, 1)])
def test_a_call_may_hang_until_its_time_is_over_and_gets_no_answer(wire, after, kept):
    wire.admin("faults", {"do": "hang", "ms": 20, "after": after})
    with pytest.raises(requests.ConnectionError):
        wire.post("sobjects/Lead", LEAD)
    assert leads(wire) == kept
    assert wire.admin("held")["held"] == 0


def test_a_hanging_call_ends_with_a_release_and_still_gets_no_answer(wire):
    thread, answers = hold(wire, "hang")
    wire.admin("release", {})
    thread.join(10)
    assert (answers, leads(wire)) == ([None], 0)


def test_an_expired_token_is_expired_for_good(wire, standin):
    wire.admin("faults", {"do": "expired_token", "match": {"nth": 2}})
    assert wire.get("limits").status_code == 200
    for _ in range(2):
        assert wire.error(wire.get("limits")) == (401, "INVALID_SESSION_ID", "Session expired or invalid")
    fresh = {"Authorization": f"Bearer {standin.token()}"}
    assert wire.get("limits", headers=fresh).status_code == 200


def test_every_row_of_one_call_may_be_locked(wire):
    wire.admin("faults", {"do": "rows", "match": {"writes": True, "nth": 2}, "where": {"object": "Lead"}})
    rows = {"records": [{"attributes": {"type": "Lead"}, **LEAD}, {"attributes": {"type": "Account"}, "Name": "A"}]}
    codes = []
    for _ in range(3):
        found = wire.post("composite/sobjects", rows).json()
        codes.append([row["errors"][0]["statusCode"] if row["errors"] else None for row in found])
    assert codes == [[None, None], ["UNABLE_TO_LOCK_ROW", None], [None, None]]


def test_a_locked_row_may_come_as_http_500(wire):
    wire.admin("faults", {"do": "row", "error": {"status": 500}})
    status, code, message = wire.error(wire.post("sobjects/Lead", LEAD))
    assert (status, code) == (500, "UNABLE_TO_LOCK_ROW")
    assert "1 records: 00Q" in message


def test_collections_that_are_too_much_for_the_org_fail_row_by_row(wire):
    wire.admin("options", {"governor_rows": 2})
    record = {"attributes": {"type": "Lead"}, **LEAD}
    rows = wire.post("composite/sobjects", {"records": [record] * 3}).json()
    assert ["Apex CPU time limit" in row["errors"][0]["message"] for row in rows] == [True] * 3
    assert [row["success"] for row in wire.post("composite/sobjects", {"records": [record] * 2}).json()] == [True] * 2
    assert leads(wire) == 2


def test_the_used_calls_agree_everywhere(wire):
    wire.admin("options", {"daily_limit": 100, "calls_used": 97})
    answer = wire.get("limits")
    assert answer.json()["DailyApiRequests"] == {"Max": 100, "Remaining": 2}
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=98/100"
    assert wire.get("limits").headers["Sforce-Limit-Info"] == "api-usage=99/100"
    assert wire.get("limits").status_code == 200
    assert wire.error(wire.get("limits"))[:2] == (403, "REQUEST_LIMIT_EXCEEDED")
    wire.admin("options", {"calls_used": 0})
    assert wire.get("limits").status_code == 200
