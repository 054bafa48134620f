from __future__ import annotations

import pytest


@pytest.fixture
def many(wire):
    """450 leads, the API's smallest page twice and a bit."""
    wire.admin("records", {"Lead": [{"LastName": f"L{number:03}", "Company": "C"} for number in range(450)]})
    return wire


SMALL = {"Sforce-Query-Options": "batchSize=200"}


def follow(wire, page, headers):
    while True:
        yield page
        if page["done"]:
            return
        page = wire.get(page["nextRecordsUrl"], headers=headers).json()


def test_pages_follow_next_records_url_until_done_and_hold_every_row_once(many):
    first = many.query("SELECT LastName FROM Lead ORDER BY LastName", headers=SMALL).json()
    pages = list(follow(many, first, SMALL))
    assert [len(page["records"]) for page in pages] == [200, 200, 50]
    assert {page["totalSize"] for page in pages} == {450}
    assert [page["done"] for page in pages] == [False, False, True]
    assert "nextRecordsUrl" not in pages[-1]
    assert [row["LastName"] for page in pages for row in page["records"]] == [f"L{number:03}" for number in range(450)]


def test_next_records_url_has_the_recorded_form(many):
    url = many.query("SELECT Id FROM Lead", headers=SMALL).json()["nextRecordsUrl"]
    assert url.startswith("/services/data/v66.0/query/0r8")
    assert url.endswith("-200")


def test_a_page_holds_2000_rows_unless_asked_for_fewer_and_never_under_200(wire):
    wire.admin("records", {"Lead": [{"LastName": "L", "Company": "C"}] * 2100})
    assert len(wire.query("SELECT Id FROM Lead").json()["records"]) == 2000
    for size, rows in ((1, 200), (300, 300), (9999, 2000)):
        headers = {"Sforce-Query-Options": f"batchSize={size}"}
        assert len(wire.query("SELECT Id FROM Lead", headers=headers).json()["records"]) == rows


def test_a_page_with_descriptions_holds_1000_rows(wire):
    wire.admin("records", {"Lead": [{"LastName": "L", "Company": "C"}] * 1100})
    assert len(wire.query("SELECT Id, Description FROM Lead").json()["records"]) == 1000


def test_a_cursor_keeps_what_it_found_while_records_change(many):
    first = many.query("SELECT LastName FROM Lead ORDER BY LastName", headers=SMALL).json()
    for row in many.rows("SELECT Id FROM Lead WHERE LastName = 'L300'"):
        many.delete(f"sobjects/Lead/{row['Id']}")
    second = many.get(first["nextRecordsUrl"], headers=SMALL).json()
    assert second["records"][100]["LastName"] == "L300"


@pytest.mark.parametrize("locator", ["0r8000000000000AAA-200", "nonsense", "0r8"])
def test_an_unknown_locator_is_refused(wire, locator):
    assert wire.error(wire.get(f"query/{locator}"))[1] == "INVALID_QUERY_LOCATOR"


def test_only_the_ten_newest_cursors_stay_open(many):
    urls = [many.query("SELECT Id FROM Lead", headers=SMALL).json()["nextRecordsUrl"] for _ in range(11)]
    assert many.get(urls[0]).status_code == 400
    assert many.get(urls[1]).status_code == 200


def test_a_page_can_be_fetched_inside_a_composite(many):
    url = many.query("SELECT Id FROM Lead", headers=SMALL).json()["nextRecordsUrl"]
    sub = {"method": "GET", "url": url, "referenceId": "more"}
    (answer,) = many.post("composite", {"compositeRequest": [sub]}).json()["compositeResponse"]
    assert answer["httpStatusCode"] == 200
    assert len(answer["body"]["records"]) == 250
