"""The administration and look door, and the options behind it."""

from __future__ import annotations

import pytest
import requests

from contactsync.standin import Options, Org, serve

LEAD = {"LastName": "L", "Company": "C"}


def test_the_page_says_it_is_a_development_tool_and_shows_records_and_calls(wire):
    wire.lead(LastName="Lovelace")
    answer = requests.get(f"{wire.url}/_standin/", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "development tool" in answer.text
    assert "Lovelace" in answer.text
    assert "POST /services/data/v66.0/sobjects/Lead" in answer.text


def test_the_page_escapes_what_records_and_calls_hold(wire):
    wire.lead(LastName="<script>alert(1)</script>", Company='"><img src=x onerror=y>')
    wire.get("sobjects/<b>bold</b>")
    text = requests.get(f"{wire.url}/_standin/", timeout=10).text
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text


def test_records_can_be_looked_at_per_object(wire):
    lead = wire.lead()
    assert [row["Id"] for row in wire.admin("records")["Lead"]] == [lead]
    assert list(wire.call("GET", "/_standin/records?object=Lead").json()) == ["Lead"]


def test_seeded_records_pass_the_permissions_but_not_the_checks(wire):
    lead = wire.seed("Lead", **LEAD, CreatedDate="2020-01-01T00:00:00Z", IsConverted=True)
    row = wire.get_row("Lead", lead)
    assert (row["CreatedDate"], row["IsConverted"]) == ("2020-01-01T00:00:00.000+0000", True)
    for records in (
        {"Lead": [{"LastName": "L"}]},
        {"Lead": [{**LEAD, "Email": "x"}]},
        {"Lead": [{**LEAD, "Nope": 1}]},
        {"Nope": [{}]},
        {"Lead": [LEAD, {}]},
    ):
        assert wire.post("/_standin/records", records).status_code == 400
    assert len(wire.admin("records")["Lead"]) == 1


def test_a_seed_with_a_known_id_changes_that_record(wire):
    lead = wire.lead()
    assert wire.seed("Lead", Id=lead, Title="T") == lead
    assert wire.get_row("Lead", lead)["Title"] == "T"


def test_every_call_is_in_the_log_with_path_status_rows_and_time(wire):
    wire.lead()
    wire.query("SELECT Id FROM Lead WHERE LastName = 'a b'")
    wire.get("nope")
    calls = wire.call("GET", "/_standin/calls?bodies=true").json()
    assert calls["count"] == 3
    first, second, third = calls["calls"]
    assert (first["n"], first["method"], first["path"]) == (1, "POST", "/services/data/v66.0/sobjects/Lead")
    assert (first["status"], first["rows"], first["body"]["Company"]) == (201, 1, "Engines")
    assert second["path"].endswith("query?q=SELECT Id FROM Lead WHERE LastName = 'a b'")
    assert (third["status"], third["rows"]) == (404, 0)
    assert first["at"] < third["at"]
    assert first["duration_ms"] > 0


def test_bodies_come_only_on_demand_and_old_calls_can_be_left_out(wire):
    wire.lead()
    wire.get("limits")
    later = wire.call("GET", "/_standin/calls?since=1").json()
    assert [call["n"] for call in later["calls"]] == [2]
    assert later["count"] == 2
    assert "body" not in wire.admin("calls")["calls"][0]


def test_the_log_keeps_the_salesforce_headers_of_a_call_and_no_others(wire):
    wire.post("sobjects/Lead", LEAD, headers={"Sforce-Auto-Assign": "FALSE", "X-Other": "1"})
    assert wire.admin("calls")["calls"][0]["headers"] == {"sforce-auto-assign": "FALSE"}


def test_the_counters_begin_anew_when_the_log_is_emptied(wire):
    wire.lead()
    wire.admin("calls", method="DELETE")
    assert wire.admin("calls") == {"count": 0, "token_count": 0, "grant_types": {}, "rows": 0, "calls": []}


def test_looking_is_no_call(wire):
    wire.admin("calls")
    wire.admin("records")
    assert wire.admin("calls")["count"] == 0


def test_a_reset_empties_everything_but_the_users_and_keeps_tokens(wire):
    wire.lead()
    wire.admin("fields", {"object": "Lead", "fields": [{"name": "Score__c"}]})
    wire.admin("faults", {"do": "status"})
    wire.admin("reset", {})
    assert wire.rows("SELECT Id FROM Lead") == []
    assert wire.query("SELECT Score__c FROM Lead").status_code == 400
    assert [row["Username"] for row in wire.rows("SELECT Username FROM User ORDER BY Username")] == [
        "admin@standin.example",
        "contactsync@standin.example",
    ]


def test_limits_and_headers_count_the_calls_of_the_day(wire):
    answer = wire.get("limits/")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert answer.json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_999}
    assert wire.get("sobjects/Nope").headers["Sforce-Limit-Info"] == "api-usage=2/100000"


def test_over_the_daily_limit_every_call_is_refused_until_there_is_room(wire):
    wire.admin("options", {"daily_limit": 2})
    assert [wire.get("limits").status_code for _ in range(3)] == [200, 200, 403]
    answer = wire.post("sobjects/Lead", LEAD)
    assert wire.error(answer) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=2/2"
    wire.admin("options", {"calls_used": 0})
    assert wire.post("sobjects/Lead", LEAD).status_code == 201


def test_latency_is_kept_per_call_and_per_row_also_of_a_composite(wire):
    wire.admin("options", {"latency_ms": 10, "latency_ms_per_row": 2})
    create = {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "body": LEAD}
    wire.get("limits")
    wire.post("composite", {"compositeRequest": [{**create, "referenceId": f"r{n}"} for n in range(10)]})
    one, many = wire.admin("calls")["calls"]
    assert one["duration_ms"] >= 10
    assert many["duration_ms"] >= 30


def test_options_show_no_secret_and_refuse_unknown_names(wire):
    wire.standin.org.options.client_secret = "hush"
    assert "hush" not in str(wire.admin("options"))
    answer = wire.post("/_standin/options", {"latency_ms": 5, "lag": 1})
    assert answer.status_code == 400
    assert "lag" in answer.json()["error"]
    assert wire.post("/_standin/options", {"latency_ms": "5"}).status_code == 400
    assert wire.post("/_standin/options", {"converted_editable": 1}).status_code == 400
    assert wire.post("/_standin/options", {"hidden_objects": "Lead"}).status_code == 400
    assert wire.admin("options")["latency_ms"] == 0


def test_an_unknown_admin_path_lists_the_known_ones(wire):
    answer = wire.get("/_standin/nope")
    assert answer.status_code == 404
    assert "POST /_standin/faults" in answer.json()["known"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("fields", {"object": "Nope", "fields": [{"name": "A__c"}]}),
        ("fields", {"object": "Lead", "fields": [{"name": "NoSuffix"}]}),
        ("fields", {"object": "Lead", "fields": [{"name": "A__c", "colour": "red"}]}),
        ("fields", {"object": "Lead", "remove": ["Nope"]}),
        ("convert", {}),
        ("convert", {"lead_id": "nonsense"}),
        ("merge", {"object": "Nope", "master_id": "x", "loser_ids": []}),
        ("records", []),
    ],
)
def test_a_wrong_admin_call_is_refused_with_what_is_wrong(wire, path, body):
    answer = wire.post(f"/_standin/{path}", body)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


def test_a_custom_lookup_field_can_be_walked(wire):
    field = {"name": "Partner__c", "type": "reference", "referenceTo": ["Account"]}
    wire.admin("fields", {"object": "Lead", "fields": [field]})
    wire.lead(Partner__c=wire.seed("Account", Name="P"))
    (row,) = wire.query("SELECT Partner__r.Name FROM Lead").json()["records"]
    assert row["Partner__r"]["Name"] == "P"


def test_options_at_start_give_seed_and_custom_fields():
    options = Options(
        custom_fields={"Lead": [{"name": "Score__c", "type": "double"}]},
        seed={"Campaign": [{"Name": "Fair"}], "Lead": [{**LEAD, "Score__c": 1.0}]},
        username="api@org.example",
    )
    org = Org(options)
    assert [row["Name"] for row in org.store.all("Campaign")] == ["Fair"]
    assert [row["Username"] for row in org.store.all("User")] == ["api@org.example", "admin@org.example"]


def test_only_a_loopback_address_is_listened_on():
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        serve(host="0.0.0.0")


def test_a_stopped_stand_in_ends_open_connections_and_frees_its_port():
    with serve() as standin, requests.Session() as session:
        port = int(standin.url.rpartition(":")[2])
        assert session.get(f"{standin.url}/services/data/", timeout=10).status_code == 200
        standin.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(f"{standin.url}/services/data/", timeout=10)
        with serve(port=port) as again:
            assert requests.get(f"{again.url}/services/data/", timeout=10).status_code == 200
