"""What an administrator changes overnight, and what a write then gets."""

from __future__ import annotations

import pytest

LEAD = {"LastName": "L", "Company": "C"}


def refused(answer):
    (body,) = answer.json()
    return body["errorCode"], body.get("fields")


def test_a_field_that_became_required_is_missed_by_creates_and_updates(wire):
    lead = wire.lead()
    wire.admin("fields", {"object": "Lead", "fields": [{"name": "Title", "required": True}]})
    assert refused(wire.post("sobjects/Lead", LEAD)) == ("REQUIRED_FIELD_MISSING", ["Title"])
    assert refused(wire.patch(f"sobjects/Lead/{lead}", {"City": "London"})) == ("REQUIRED_FIELD_MISSING", ["Title"])
    assert wire.patch(f"sobjects/Lead/{lead}", {"Title": "T"}).status_code == 204


def test_a_hidden_field_is_no_column_until_it_is_shown_again_with_its_values(wire):
    lead = wire.lead(Title="T")
    wire.admin("fields", {"object": "Lead", "remove": ["Title"]})
    assert refused(wire.patch(f"sobjects/Lead/{lead}", {"Title": "U"}))[0] == "INVALID_FIELD"
    assert wire.error(wire.query("SELECT Title FROM Lead"))[1] == "INVALID_FIELD"
    wire.admin("fields", {"object": "Lead", "fields": [{"name": "Title"}]})
    assert wire.rows("SELECT Title FROM Lead") == [{"Title": "T"}]


def test_a_field_may_become_read_only_or_shorter(wire):
    fields = [{"name": "Title", "createable": False, "updateable": False}, {"name": "City", "length": 3}]
    wire.admin("fields", {"object": "Lead", "fields": fields})
    assert refused(wire.post("sobjects/Lead", {**LEAD, "Title": "T"})) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Title"])
    assert refused(wire.post("sobjects/Lead", {**LEAD, "City": "London"})) == ("STRING_TOO_LONG", ["City"])


def test_a_value_that_left_a_restricted_picklist_is_refused_and_kept_where_it_stands(wire):
    lead = wire.lead(LeadSource="Web")
    change = {"object": "Lead", "field": "LeadSource", "add": ["Fair"], "remove": ["Web"], "restricted": True}
    shown = wire.admin("picklists", change)["field"]
    values = [value["value"] for value in shown["picklistValues"]]
    assert ("Fair" in values, "Web" in values, shown["restrictedPicklist"]) == (True, False, True)
    answer = wire.post("sobjects/Lead", {**LEAD, "LeadSource": "Web"})
    assert refused(answer) == ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["LeadSource"])
    assert wire.post("sobjects/Lead", {**LEAD, "LeadSource": "fair"}).status_code == 201
    assert wire.patch(f"sobjects/Lead/{lead}", {"Title": "T"}).status_code == 204
    assert wire.get_row("Lead", lead)["LeadSource"] == "Web"


def test_a_validation_rule_speaks_in_its_own_words_at_its_field_or_at_the_top(wire):
    wire.admin("validation_rules", {"object": "Lead", "field": "Phone", "message": "Phone, please"})
    answer = wire.post("sobjects/Lead", LEAD)
    assert answer.json() == [
        {"message": "Phone, please", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Phone"]}
    ]
    wire.admin("validation_rules", method="DELETE")
    digits = {"wrong_when": "not_matches", "value": r"\+\d+", "message": "Digits", "at_field": False}
    wire.admin("validation_rules", [{"object": "Lead", "field": "Phone", **digits}])
    record = {"attributes": {"type": "Lead"}, **LEAD}
    rows = wire.post(
        "composite/sobjects", {"records": [{**record, "Phone": "call me"}, {**record, "Phone": "+44"}]}
    ).json()
    assert [row["success"] for row in rows] == [False, True]
    assert rows[0]["errors"] == [{"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Digits", "fields": []}]


@pytest.mark.parametrize(
    "rule",
    [
        {"object": "Lead", "message": "m"},
        {"object": "Lead", "field": "Nothing", "message": "m"},
        {"object": "Lead", "field": "Phone", "message": "m", "wrong_when": "odd"},
        {"object": "Lead", "field": "Phone", "message": "m", "wrong_when": "matches", "value": "("},
    ],
)
def test_a_wrong_validation_rule_is_refused(wire, rule):
    assert wire.post("/_standin/validation_rules", rule).status_code == 400
    assert wire.admin("validation_rules") == []


def test_a_user_who_left_owns_nothing_new(wire):
    user = wire.seed("User", LastName="Rep", Email="rep@x.example", Username="rep@x.example")
    lead = wire.lead(OwnerId=user)
    wire.admin("users", {"email": "rep@x.example", "active": False})
    answer = wire.post("sobjects/Lead", {**LEAD, "OwnerId": user})
    assert refused(answer)[0] == "INACTIVE_OWNER_OR_USER"
    assert wire.patch(f"sobjects/Lead/{lead}", {"Title": "T"}).status_code == 204
    wire.admin("options", {"inactive_owners_editable": False})
    assert refused(wire.patch(f"sobjects/Lead/{lead}", {"Title": "U"}))[0] == "INACTIVE_OWNER_OR_USER"
    wire.admin("users", {"username": "rep@x.example", "active": True})
    assert wire.patch(f"sobjects/Lead/{lead}", {"Title": "U"}).status_code == 204


@pytest.mark.parametrize("body", [{}, {"email": "nobody@x.example", "active": False}, {"email": "a@b.example"}])
def test_only_a_user_who_is_there_can_be_switched(wire, body):
    assert wire.post("/_standin/users", body).status_code == 400


def test_each_right_on_an_object_can_be_taken_and_given_back(wire):
    lead = wire.lead()
    wire.admin("permissions", {"object": "Lead", "create": False, "delete": False})
    described = wire.get("sobjects/Lead/describe").json()
    assert (described["createable"], described["updateable"], described["deletable"]) == (False, True, False)
    assert refused(wire.post("sobjects/Lead", LEAD))[0] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert refused(wire.delete(f"sobjects/Lead/{lead}"))[0] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert wire.patch(f"sobjects/Lead/{lead}", {"Title": "T"}).status_code == 204
    wire.admin("permissions", {"object": "Lead", "read": False})
    assert wire.error(wire.query("SELECT Id FROM Lead"))[1] == "INVALID_TYPE"
    wire.admin("permissions", {"object": "Lead", "read": True, "create": True, "delete": True})
    assert wire.post("sobjects/Lead", LEAD).status_code == 201


def test_rights_are_those_that_exist(wire):
    assert wire.post("/_standin/permissions", {"object": "Lead", "fly": True}).status_code == 400
    assert wire.post("/_standin/permissions", {"object": "Nothing", "read": True}).status_code == 400


def test_sharing_may_leave_a_record_to_be_read_only(wire):
    lead = wire.lead()
    wire.admin("options", {"read_only_records": [lead]})
    answer = wire.patch(f"sobjects/Lead/{lead}", {"Title": "T"})
    assert wire.error(answer) == (403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    assert wire.get_row("Lead", lead)["Title"] is None
