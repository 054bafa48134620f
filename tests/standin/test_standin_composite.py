"""Composite: references, halting, limits, order, and what all-or-none takes back."""

from __future__ import annotations

import pytest

V = "/services/data/v66.0"


def sub(reference, method, path, body=None, **more):
    made = {"method": method, "url": f"{V}/{path}", "referenceId": reference, **more}
    return made if body is None else {**made, "body": body}


def create(reference, sobject="Lead", **values):
    base = {"Lead": {"LastName": "L", "Company": "C"}, "Contact": {"LastName": "L"}}.get(sobject, {})
    return sub(reference, "POST", f"sobjects/{sobject}", {**base, **values})


def query(reference, soql):
    return sub(reference, "GET", f"query?q={soql.replace(' ', '+')}")


@pytest.fixture
def run(wire):
    def call(*subs, **options):
        answer = wire.post("composite", {"compositeRequest": list(subs), "collateSubrequests": False, **options})
        assert answer.status_code == 200, answer.text
        return {entry["referenceId"]: entry for entry in answer.json()["compositeResponse"]}

    return call


def whole_refusal(answer):
    """The code that refuses a whole composite: in one answer that belongs to no subrequest, or as a parser error."""
    if answer.status_code == 400:
        return answer.json()[0]["errorCode"]
    (only,) = answer.json()["compositeResponse"]
    assert (answer.status_code, only["httpStatusCode"], only["referenceId"]) == (200, 400, None)
    return only["body"][0]["errorCode"]


def statuses(answers):
    return {reference: entry["httpStatusCode"] for reference, entry in answers.items()}


def test_a_later_subrequest_uses_an_earlier_answer(wire, run):
    campaign = wire.seed("Campaign", Name="C")
    answers = run(
        create("account", "Account", Name="Engines"),
        create("person", "Contact", AccountId="@{account.id}"),
        create("member", "CampaignMember", CampaignId=campaign, ContactId="@{person.id}"),
        sub("read", "GET", "sobjects/Contact/@{person.id}?fields=AccountId"),
        query("found", "SELECT Id, AccountId FROM Contact WHERE Id = '@{person.id}'"),
        sub("named", "PATCH", "sobjects/Account/@{found.records[0].AccountId}", {"Phone": "@{account.id} x"}),
    )
    assert statuses(answers) == {"account": 201, "person": 201, "member": 201, "read": 200, "found": 200, "named": 204}
    account = answers["account"]["body"]["id"]
    assert answers["read"]["body"]["AccountId"] == account
    assert wire.get_row("Account", account)["Phone"] == f"{account} x"
    assert answers["named"]["body"] is None


def test_answers_have_the_recorded_shape_and_headers(run):
    answers = run(create("good"), create("badContact", "Contact", Email="Not a real email address"))
    assert answers["good"]["httpHeaders"] == {"Location": f"{V}/sobjects/Lead/{answers['good']['body']['id']}"}
    assert answers["badContact"] == {
        "body": [
            {
                "message": "Email: invalid email address: Not a real email address",
                "errorCode": "INVALID_EMAIL_ADDRESS",
                "fields": ["Email"],
            }
        ],
        "httpHeaders": {},
        "httpStatusCode": 400,
        "referenceId": "badContact",
    }


def test_a_failed_subrequest_halts_only_those_that_need_it(wire, run):
    answers = run(
        create("bad", LastName=None),
        create("needs", "Contact", Title="@{bad.id}"),
        create("needsToo", "Contact", Title="see @{needs.id}"),
        create("free"),
    )
    assert statuses(answers) == {"bad": 400, "needs": 400, "needsToo": 400, "free": 201}
    assert answers["needs"]["body"] == [
        {
            "errorCode": "PROCESSING_HALTED",
            "message": (
                "Invalid reference specified. No value for bad.id found in bad. Provided referenceId ('bad.id') must "
                "start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."
            ),
        }
    ]
    assert wire.rows("SELECT Id FROM Contact") == []


@pytest.mark.parametrize(
    "reference",
    [
        "later.id",  # not run yet
        "nobody.id",
        "first.Id",  # a create answers with `id`
        "first.errors[0]",
        "first",
        "found.records[1].Id",
        "found.records.Id",
        "found.records[0].Nope",
        "found.records[0].Title",  # null in a query's row
        "rows[0].id",  # an index at the start was found documented nowhere
        "hello world",
        "",
    ],
)
def test_a_reference_without_a_value_halts_its_subrequest(run, reference):
    answers = run(
        create("first"),
        query("found", "SELECT Id, Title FROM Lead"),
        sub("rows", "POST", "composite/sobjects", {"records": [{"attributes": {"type": "Account"}, "Name": "A"}]}),
        create("user", "Contact", Title=f"@{{{reference}}}"),
        create("later"),
    )
    assert answers["user"]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert answers["later"]["httpStatusCode"] == 201


def test_a_null_in_a_records_own_answer_is_a_value(run):
    answers = run(
        create("first"),
        sub("read", "GET", "sobjects/Lead/@{first.id}"),
        create("second", "Contact", Title="@{read.Title}"),
    )
    assert answers["second"]["httpStatusCode"] == 201


def test_a_persons_own_text_is_taken_for_a_reference(wire, run):
    answers = run(create("odd", LastName="Write to @{me}"), create("fine", LastName="me@{"))
    assert statuses(answers) == {"odd": 400, "fine": 201}


def test_a_reference_keeps_the_type_of_its_value(wire, run):
    lead = wire.lead(NumberOfEmployees=7)
    answers = run(
        sub("read", "GET", f"sobjects/Lead/{lead}"),
        create("copy", NumberOfEmployees="@{read.NumberOfEmployees}", Title="@{read.NumberOfEmployees} people"),
    )
    row = wire.get_row("Lead", answers["copy"]["body"]["id"])
    assert (row["NumberOfEmployees"], row["Title"]) == (7, "7 people")


def test_with_all_or_none_one_failure_takes_everything_back(wire, run):
    answers = run(create("one"), create("bad", Email="x"), create("three"), allOrNone=True)
    halted = [
        {
            "errorCode": "PROCESSING_HALTED",
            "message": "The transaction was rolled back since another operation in the same transaction failed.",
        }
    ]
    assert statuses(answers) == {"one": 400, "bad": 400, "three": 400}
    assert answers["one"]["body"] == answers["three"]["body"] == halted
    assert answers["bad"]["body"][0]["errorCode"] == "INVALID_EMAIL_ADDRESS"
    assert wire.rows("SELECT Id FROM Lead") == []


def test_the_outer_all_or_none_rules_over_a_collections_own(wire, run):
    """Even then the inner rows that were taken back say success."""
    records = [{"attributes": {"type": "Lead"}, "LastName": "L", "Company": company} for company in ("C", None)]
    answers = run(
        create("one"),
        sub("rows", "POST", "composite/sobjects", {"allOrNone": False, "records": records}),
        allOrNone=True,
    )
    assert [row["success"] for row in answers["rows"]["body"]] == [True, False]
    assert answers["one"]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert wire.rows("SELECT Id FROM Lead") == []


def test_without_all_or_none_good_rows_of_a_collection_stay(wire, run):
    records = [{"attributes": {"type": "Lead"}, "LastName": "L", "Company": company} for company in ("C", None)]
    answers = run(create("one"), sub("rows", "POST", "composite/sobjects", {"records": records}))
    assert statuses(answers) == {"one": 201, "rows": 200}
    assert len(wire.rows("SELECT Id FROM Lead")) == 2


def test_collated_reads_may_run_before_the_writes_they_stand_behind(run):
    subs = (create("one"), query("count", "SELECT COUNT() FROM Lead"))
    assert run(*subs, collateSubrequests=True)["count"]["body"]["totalSize"] == 0
    assert run(*subs, collateSubrequests=False)["count"]["body"]["totalSize"] == 2


def test_collation_is_the_default_and_never_breaks_a_reference(wire):
    subs = [
        create("one"),
        sub("read", "GET", "sobjects/Lead/@{one.id}"),
        sub("kept", "GET", "query?q=SELECT+COUNT()+FROM+Lead", httpHeaders={"Sforce-Query-Options": "batchSize=200"}),
    ]
    answer = wire.post("composite", {"compositeRequest": subs}).json()["compositeResponse"]
    assert [entry["referenceId"] for entry in answer] == ["one", "read", "kept"]
    assert [entry["httpStatusCode"] for entry in answer] == [201, 200, 200]
    assert answer[2]["body"]["totalSize"] == 1  # subrequests with headers are not collated


def test_headers_belong_into_the_subrequest(wire, standin):
    queue = wire.seed("Group", Name="Q")
    wire.admin("options", {"assignment_owner_id": queue})
    outer = {"compositeRequest": [create("one"), {**create("two"), "httpHeaders": {"Sforce-Auto-Assign": "FALSE"}}]}
    answers = wire.post("composite", outer, headers={"Sforce-Auto-Assign": "FALSE"}).json()["compositeResponse"]
    owners = [wire.get_row("Lead", entry["body"]["id"])["OwnerId"] for entry in answers]
    assert owners == [queue, standin.org.user_id]


@pytest.mark.parametrize("name", ["Authorization", "content-type", "Accept"])
def test_forbidden_headers_fail_their_subrequest_with_400(wire, run, name):
    answers = run({**create("one"), "httpHeaders": {name: "x"}}, create("two"))
    assert statuses(answers) == {"one": 400, "two": 201}


def test_25_subrequests_are_allowed_and_26_are_not(wire, run):
    assert set(statuses(run(*(create(f"r{n}") for n in range(25)))).values()) == {201}
    answer = wire.post("composite", {"compositeRequest": [create(f"r{n}") for n in range(26)]})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "compositeResponse": [
                {
                    "body": [
                        {
                            "errorCode": "LIMIT_EXCEEDED",
                            "message": "The request can’t contain more than 25 operations.",
                        }
                    ],
                    "httpHeaders": {},
                    "httpStatusCode": 400,
                    "referenceId": None,
                }
            ]
        },
    )
    assert len(wire.rows("SELECT Id FROM Lead")) == 25


def test_at_most_five_queries_and_collections_together(wire, run):
    records = {"records": [{"attributes": {"type": "Lead"}, "LastName": "L", "Company": "C"}]}
    heavy = [query(f"q{n}", "SELECT Id FROM Lead") for n in range(3)]
    heavy += [sub(f"c{n}", "POST", "composite/sobjects", records) for n in range(2)]
    assert set(statuses(run(*heavy, create("x"))).values()) == {200, 201}
    answer = wire.post("composite", {"compositeRequest": [*heavy, query("q9", "SELECT Id FROM Lead")]})
    assert whole_refusal(answer) == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "change",
    [
        {"referenceId": "a-b"},
        {"referenceId": "a b"},
        {"referenceId": ""},
        {"referenceId": "ä"},
        {"method": "post"},
        {"method": "FETCH"},
        {"url": ""},
        {"surprise": 1},
        {"httpHeaders": "x"},
    ],
    ids=str,
)
def test_one_unsound_subrequest_refuses_the_whole_call(wire, change):
    answer = wire.post("composite", {"compositeRequest": [create("fine"), {**create("odd"), **change}]})
    assert whole_refusal(answer)
    assert wire.rows("SELECT Id FROM Lead") == []


@pytest.mark.parametrize(
    "body", [{}, {"compositeRequest": []}, {"compositeRequest": {}}, {"compositeRequest": ["x"]}, []]
)
def test_a_body_without_subrequests_is_refused(wire, body):
    assert wire.error(wire.post("composite", body))[0] == 400


def test_one_reference_id_twice_refuses_the_whole_call(wire):
    assert whole_refusal(wire.post("composite", {"compositeRequest": [create("one"), create("one")]}))


@pytest.mark.parametrize(
    "path", [f"{V}/limits", f"{V}/composite", "/sobjects/Lead", "/services/data/v12.0/sobjects/Lead", f"{V}/nope"]
)
def test_a_url_that_does_not_work_inside_is_that_subrequests_404(run, path):
    answers = run({"method": "GET", "url": path, "referenceId": "odd"}, create("fine"))
    assert statuses(answers) == {"odd": 404, "fine": 201}


def test_a_composite_is_one_call_in_the_limits_and_in_the_log(wire, run):
    run(*(create(f"r{n}") for n in range(10)), query("q", "SELECT Id FROM Lead"))
    calls = wire.admin("calls")
    assert calls["count"] == 1
    (call,) = calls["calls"]
    assert len(call["subrequests"]) == 11
    assert call["subrequests"][0] == {"method": "POST", "url": f"{V}/sobjects/Lead", "referenceId": "r0", "status": 201}
    assert call["rows"] == 20
    assert wire.get("limits").headers["Sforce-Limit-Info"].startswith("api-usage=2/")


def test_an_upsert_and_a_delete_work_inside(run):
    answers = run(
        sub("up", "PATCH", "sobjects/Lead/Email/a%40x.example", {"LastName": "L", "Company": "C"}),
        sub("again", "PATCH", "sobjects/Lead/Email/a%40x.example", {"Title": "T"}),
        sub("gone", "DELETE", "sobjects/Lead/@{up.id}"),
        sub("read", "GET", "sobjects/Lead/@{up.id}"),
    )
    assert statuses(answers) == {"up": 201, "again": 200, "gone": 204, "read": 404}


def test_a_row_of_another_type_in_text_does_not_stop_the_rest(run):
    assert statuses(run(create("odd", Title=5), create("fine"))) == {"odd": 400, "fine": 201}


# Batch


def test_a_batch_runs_independent_subrequests_and_tells_whether_any_failed(wire):
    body = {
        "batchRequests": [
            {"method": "POST", "url": "v66.0/sobjects/Lead", "richInput": {"LastName": "L", "Company": "C"}},
            {"method": "GET", "url": "v66.0/sobjects/Lead/nonsense"},
        ]
    }
    answer = wire.post("composite/batch", body).json()
    assert answer["hasErrors"] is True
    assert [result["statusCode"] for result in answer["results"]] == [201, 404]
    assert wire.post("composite/batch", {"batchRequests": []}).status_code == 400
    assert wire.post("composite/batch", {"batchRequests": [{}]}).status_code == 400


@pytest.mark.parametrize("path", ["composite/tree/Lead", "composite/graph"])
def test_trees_and_graphs_are_said_not_to_be_spoken(wire, path):
    assert wire.post(path, {}).status_code == 501
