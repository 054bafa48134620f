"""Duplicate rules: what an alert and a block do to creates, alone, in a composite and in collections."""

from __future__ import annotations

import pytest

V = "/services/data/v66.0"
RULE = {"object": "Lead", "fields": ["LastName", "Company"], "action": "alert"}
ALLOW = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
BODY = {"LastName": "lovelace", "Company": "ENGINES", "Email": "new@x.example"}


@pytest.fixture
def held(wire):
    """A lead that the rule finds, and the rule as an alert."""
    lead = wire.lead(Email="old@x.example")
    wire.admin("duplicate_rules", RULE)
    return lead


def block(wire, **changes):
    wire.admin("duplicate_rules", method="DELETE")
    wire.admin("duplicate_rules", {**RULE, "action": "block", **changes})


def test_a_duplicate_is_refused_with_the_recorded_body_and_its_misspelt_key(wire, held):
    answer = wire.post("sobjects/Lead", BODY)
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "message": "Use one of these records?",
            "errorCode": "DUPLICATES_DETECTED",
            "duplicateResut": {
                "allowSave": True,
                "duplicateRule": "Lead_Duplicate_Rule",
                "duplicateRuleEntityType": "Lead",
                "errorMessage": "Use one of these records?",
                "matchResults": [
                    {
                        "entityType": "Lead",
                        "errors": [],
                        "matchEngine": "ExactMatchEngine",
                        "matchRecords": [
                            {
                                "additionalInformation": [],
                                "fieldDiffs": [],
                                "matchConfidence": 100.0,
                                "record": {
                                    "attributes": {"type": "Lead", "url": f"{V}/sobjects/Lead/{held}"},
                                    "Id": held,
                                },
                            }
                        ],
                        "rule": "Lead_Match_Rule",
                        "size": 1,
                        "success": True,
                    }
                ],
            },
        }
    ]
    assert len(wire.rows("SELECT Id FROM Lead")) == 1


def test_the_key_may_be_spelt_the_other_way(wire, held):
    wire.admin("options", {"duplicate_result_key": "duplicateResult"})
    assert "duplicateResult" in wire.post("sobjects/Lead", BODY).json()[0]


def test_allow_save_passes_an_alert_and_not_a_block(wire, held):
    assert wire.post("sobjects/Lead", BODY, headers=ALLOW).status_code == 201
    block(wire)
    answer = wire.post("sobjects/Lead", BODY, headers=ALLOW)
    assert answer.json()[0]["duplicateResut"]["allowSave"] is False
    assert len(answer.json()[0]["duplicateResut"]["matchResults"][0]["matchRecords"]) == 2


def test_a_subrequest_is_let_through_by_its_own_header_and_not_by_the_outer_one(wire, held):
    sub = {"method": "POST", "url": f"{V}/sobjects/Lead", "referenceId": "a", "body": BODY}
    (answer,) = wire.post("composite", {"compositeRequest": [sub]}, headers=ALLOW).json()["compositeResponse"]
    assert answer["body"][0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["Id"] == held
    allowed = {**sub, "httpHeaders": ALLOW}
    (answer,) = wire.post("composite", {"compositeRequest": [allowed]}).json()["compositeResponse"]
    assert answer["httpStatusCode"] == 201


def test_in_a_collection_a_duplicate_says_no_match(wire, held):
    record = {"attributes": {"type": "Lead"}, **BODY}
    other = {**record, "Company": "Looms"}
    first, second = wire.post("composite/sobjects", {"records": [record, other]}).json()
    assert first == {
        "success": False,
        "errors": [{"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}],
    }
    assert second["success"]
    results = wire.post("composite/sobjects", {"records": [record]}, headers=ALLOW).json()
    assert results[0]["success"]


def test_a_match_may_be_of_another_object_with_or_without_its_ids(wire):
    contact = wire.contact(Email="a@x.example")
    block(wire, fields=["Email"], against=["Lead", "Contact"])
    body = {**BODY, "Email": "A@x.example"}
    results = wire.post("sobjects/Lead", body).json()[0]["duplicateResut"]["matchResults"]
    assert [(found["entityType"], found["size"]) for found in results] == [("Lead", 0), ("Contact", 1)]
    assert results[1]["matchRecords"][0]["record"]["Id"] == contact
    block(wire, fields=["Email"], against=["Contact"], details=False)
    assert wire.post("sobjects/Lead", body).json() == [
        {"message": "Use one of these records?", "errorCode": "DUPLICATES_DETECTED"}
    ]


def test_a_blank_field_and_a_converted_lead_match_nothing(wire, held):
    block(wire, fields=["LastName", "Title"])
    assert wire.post("sobjects/Lead", BODY).status_code == 201
    block(wire, fields=["Email"])
    wire.admin("convert", {"lead_id": held})
    assert wire.post("sobjects/Lead", {**BODY, "Email": "old@x.example"}).status_code == 201


def test_an_update_is_compared_only_where_the_rule_says_so_and_a_field_of_it_changes(wire, held):
    other = wire.lead(LastName="Byron")
    assert wire.patch(f"sobjects/Lead/{other}", {"LastName": "Lovelace"}).status_code == 204
    wire.patch(f"sobjects/Lead/{other}", {"LastName": "Byron"})
    block(wire, on=["create", "update"])
    assert wire.patch(f"sobjects/Lead/{other}", {"Title": "T"}).status_code == 204
    assert wire.error(wire.patch(f"sobjects/Lead/{other}", {"LastName": "Lovelace"}))[1] == "DUPLICATES_DETECTED"


def test_details_come_where_the_header_asks_for_them(wire, held):
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=false; includeRecordDetails=true"}
    found = wire.post("sobjects/Lead", BODY, headers=headers).json()[0]["duplicateResut"]
    assert found["matchResults"][0]["matchRecords"][0]["record"]["Company"] == "Engines"


@pytest.mark.parametrize(
    "rule",
    [
        {"object": "Lead"},
        {"object": "Nothing", "fields": ["LastName"]},
        {"object": "Lead", "fields": ["Nothing"]},
        {"object": "Lead", "fields": ["LastName"], "action": "shout"},
        {"object": "Lead", "fields": ["LastName"], "against": ["Nothing"]},
        {"object": "Lead", "fields": ["LastName"], "colour": "red"},
        7,
    ],
)
def test_a_wrong_rule_is_refused_with_what_is_wrong(wire, rule):
    answer = wire.post("/_standin/duplicate_rules", rule)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert wire.admin("duplicate_rules") == []


def test_a_reset_drops_the_rules(wire, held):
    wire.admin("reset", {})
    assert wire.admin("duplicate_rules") == []
