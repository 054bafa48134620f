"""Collections: a row's answer is its own, in order; only an unreadable or oversized call is refused as a whole."""

from __future__ import annotations

import pytest

from contactsync.standin.ids import make_id

ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}


def lead(**values):
    return {"attributes": {"type": "Lead"}, "LastName": "L", "Company": "C", **values}


def contact(**values):
    return {"attributes": {"type": "Contact"}, "LastName": "L", **values}


def codes(rows):
    return [row["errors"][0]["statusCode"] if row["errors"] else "ok" for row in rows]


@pytest.fixture
def send(wire):
    def call(method, path, records, **more):
        answer = wire.call(method, f"composite/sobjects{path}", json={"records": records, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


def test_good_rows_are_kept_and_a_bad_one_fails_alone_in_its_place(wire, send):
    rows = send("POST", "", [lead(), lead(LastName=None), lead(Nope="x"), contact()])
    assert rows[0] == {"id": rows[0]["id"], "success": True, "errors": []}
    assert rows[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [LastName]",
                "fields": ["LastName"],
            }
        ],
    }
    assert codes(rows) == ["ok", "REQUIRED_FIELD_MISSING", "INVALID_FIELD", "ok"]
    assert rows[3]["id"].startswith("003")
    assert len(wire.rows("SELECT Id FROM Lead")) == 1


def test_with_all_or_none_one_bad_row_takes_all_others_back(wire, send):
    rows = send("POST", "", [lead(), lead(Email="x"), lead()], allOrNone=True)
    assert rows[0] == rows[2] == {"success": False, "errors": [ROLLED_BACK]}
    assert codes(rows)[1] == "INVALID_EMAIL_ADDRESS"
    assert wire.rows("SELECT Id FROM Lead") == []


def test_an_update_takes_each_rows_id(wire, send):
    one, two = wire.lead(), wire.contact()
    rows = send("PATCH", "", [lead(id=one, Title="T"), contact(Id=two[:15], Title="T")])
    assert rows == [{"id": one, "success": True, "errors": []}, {"id": two, "success": True, "errors": []}]
    assert wire.get_row("Lead", one)["Title"] == wire.get_row("Contact", two)["Title"] == "T"


def test_an_update_of_what_is_not_there_fails_with_the_recorded_rows(wire, send):
    gone = wire.lead()
    wire.delete(f"sobjects/Lead/{gone}")
    rows = send(
        "PATCH",
        "",
        [
            lead(),
            lead(id="nonsense"),
            lead(id=make_id("00Q", 999)),
            lead(id=gone),
            lead(id=make_id("003", 1)),
        ],
    )
    assert rows[0]["errors"] == [
        {"statusCode": "MISSING_ARGUMENT", "message": "Id not specified in an update call", "fields": []}
    ]
    assert rows[2]["errors"] == [
        {"statusCode": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id", "fields": []}
    ]
    assert codes(rows)[1:] == [
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "ENTITY_IS_DELETED",
        "FIELD_INTEGRITY_EXCEPTION",
    ]
    assert all("id" not in row for row in rows)


def test_one_id_twice_in_an_update_fails_every_row_with_it(wire, send):
    one, two = wire.lead(), wire.lead()
    rows = send("PATCH", "", [lead(id=one, Title="a"), lead(id=two, Title="b"), lead(id=one[:15], Title="c")])
    assert codes(rows) == ["DUPLICATE_VALUE", "ok", "DUPLICATE_VALUE"]
    assert wire.get_row("Lead", one)["Title"] is None


def test_an_upsert_by_email_creates_and_updates_row_by_row(wire, send):
    known = wire.lead(Email="a@x.example")
    rows = send("PATCH", "/Lead/Email", [lead(Email="A@X.example", Title="T"), lead(Email="b@x.example")])
    assert rows[0] == {"id": known, "success": True, "errors": [], "created": False}
    assert (rows[1]["success"], rows[1]["created"]) == (True, True)


def test_one_key_twice_in_an_upsert_fails_every_row_that_carries_it(wire, send):
    rows = send("PATCH", "/Lead/Email", [lead(Email=found) for found in ("a@x.example", "b@x.example", "A@x.example")])
    assert codes(rows) == ["DUPLICATE_VALUE", "ok", "DUPLICATE_VALUE"]
    assert rows[0]["errors"][0]["message"] == "Duplicate external id specified: a@x.example"
    assert len(wire.rows("SELECT Id FROM Lead")) == 1


def test_an_upsert_that_matches_several_names_them(wire, send):
    ids = [wire.lead(Email="a@x.example"), wire.lead(Email="a@x.example")]
    (row,) = send("PATCH", "/Lead/Email", [lead(Email="a@x.example")])
    assert row["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    assert row["errors"][0]["message"] == (
        f"Email: more than one record found for external id field: [{ids[0]}, {ids[1]}]"
    )


def test_an_upsert_row_without_its_key_or_of_another_type_fails(wire, send):
    rows = send("PATCH", "/Lead/Email", [lead(), contact(Email="a@x.example"), lead(Email="x")])
    assert codes(rows) == ["MISSING_ARGUMENT", "INVALID_TYPE", "INVALID_EMAIL_ADDRESS"]


def test_an_upsert_by_id_updates_and_creates(wire, send):
    known = wire.lead()
    rows = send("PATCH", "/Lead/Id", [lead(Id=known, Title="T"), lead()])
    assert [row["created"] for row in rows] == [False, True]


def test_an_upsert_by_a_field_that_is_no_key_is_404(wire):
    answer = wire.patch("composite/sobjects/Account/Name", {"records": [{"attributes": {"type": "Account"}}]})
    assert wire.error(answer)[:2] == (404, "NOT_FOUND")


def test_records_are_retrieved_in_order_with_null_for_what_is_not_there(wire):
    one, two = wire.lead(Title="1"), wire.lead(Title="2")
    missing = make_id("00Q", 999)
    for answer in (
        wire.get(f"composite/sobjects/Lead?ids={two},{missing},{one}&fields=Id,Title"),
        wire.post("composite/sobjects/Lead", {"ids": [two, missing, one], "fields": ["Id", "Title"]}),
    ):
        rows = answer.json()
        assert [row and row["Title"] for row in rows] == ["2", None, "1"]
        assert rows[0]["attributes"]["type"] == "Lead"
    assert wire.get(f"composite/sobjects/Lead?ids={one}").status_code == 400


def test_records_are_deleted_by_id_row_by_row(wire):
    one, two = wire.lead(), wire.contact()
    rows = wire.delete(f"composite/sobjects?ids={one},nonsense,{two}").json()
    assert codes(rows) == ["ok", "MALFORMED_ID", "ok"]
    kept = wire.lead()
    rows = wire.delete(f"composite/sobjects?ids={kept},{one}&allOrNone=true").json()
    assert codes(rows) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "ENTITY_IS_DELETED"]
    assert wire.get(f"sobjects/Lead/{kept}").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"records": []}, 400, "REQUIRED_FIELD_MISSING"),
        ({}, 400, "REQUIRED_FIELD_MISSING"),
        ({"records": [lead()] * 201}, 400, "EXCEEDED_ID_LIMIT"),
        ({"records": [lead(), contact()] * 6}, 400, "LIMIT_EXCEEDED"),
        ({"records": [{"LastName": "L"}]}, 400, "INVALID_INPUT"),
        ({"records": [{"attributes": {"type": "Nope"}}]}, 400, "INVALID_TYPE"),
        ({"records": ["x"]}, 400, "JSON_PARSER_ERROR"),
        ({"records": [lead(), lead(Title=5)]}, 400, "JSON_PARSER_ERROR"),
        ([], 400, "JSON_PARSER_ERROR"),
    ],
    ids=["empty", "none", "201", "12-chunks", "untyped", "unknown-type", "no-object", "wrong-json-type", "array"],
)
def test_a_call_that_is_wrong_as_a_whole_does_nothing(wire, body, status, code):
    assert wire.error(wire.post("composite/sobjects", body))[:2] == (status, code)
    assert wire.rows("SELECT Id FROM Lead") == []


def test_an_empty_list_gets_the_recorded_message(wire):
    assert wire.error(wire.post("composite/sobjects", {"records": []}))[2] == "At least 1 record is required"


def test_ten_changes_of_type_are_allowed(send):
    assert codes(send("POST", "", [lead(), contact()] * 5)) == ["ok"] * 10


def test_200_rows_are_one_call(wire, send):
    assert codes(send("POST", "", [lead(Email=f"a{n}@x.example") for n in range(200)])) == ["ok"] * 200
    calls = wire.admin("calls")
    assert (calls["count"], calls["calls"][-1]["rows"]) == (1, 200)


def test_a_create_row_must_not_carry_an_id(send):
    assert codes(send("POST", "", [lead(Id=make_id("00Q", 1))])) == ["INVALID_FIELD_FOR_INSERT_UPDATE"]


def test_one_row_can_be_planned_to_be_locked(wire, send):
    plan = {"do": "row", "times": 2, "where": {"object": "Lead", "field": "Email", "value": "B@x.example"}}
    wire.admin("faults", plan)
    records = [lead(Email="a@x.example"), lead(Email="b@x.example")]
    rows = send("POST", "", records)
    assert codes(rows) == ["ok", "UNABLE_TO_LOCK_ROW"]
    assert "unable to obtain exclusive access to this record" in rows[1]["errors"][0]["message"]
    assert codes(send("POST", "", records[1:])) == ["UNABLE_TO_LOCK_ROW"]
    assert codes(send("POST", "", records[1:])) == ["ok"]


def test_an_administrators_own_rule_can_be_planned(wire, send):
    failure = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No Fridays.", "fields": ["Title"]}
    wire.admin("faults", {"do": "row", "times": 99, "where": {"object": "Lead"}, "error": failure})
    rows = send("POST", "", [lead(), contact()])
    assert rows[0]["errors"] == [failure]
    assert codes(rows)[1] == "ok"
