"""SOQL: what it finds, and what it refuses as Salesforce would."""

from __future__ import annotations

import pytest

from contactsync.standin.ids import make_id
from contactsync.standin.soql_run import like_pattern


@pytest.fixture
def people(wire):
    """Three leads: one without an e-mail address, one with a quote in the name."""
    ada = {"FirstName": "Ada", "LastName": "Lovelace", "Email": "Ada@X.example", "Title": "Countess"}
    pat = {"FirstName": "Pat", "LastName": "O'Brien", "Email": "o'brien@x.example", "NumberOfEmployees": 50}
    records = {
        "Lead": [
            {**ada, "Company": "Engines", "NumberOfEmployees": 5, "DoNotCall": True},
            {**pat, "Company": "B 50% off"},
            {"LastName": "Zuse", "Company": "K_ohlen"},
        ],
        "Account": [{"Name": "Engines", "Id": make_id("001", 99), "Website": "https://engines.example"}],
        "Contact": [{"FirstName": "Grace", "LastName": "Hopper", "AccountId": make_id("001", 99)}],
    }
    wire.standin.org.seed(records)
    return wire


def names(wire, where):
    return sorted(row["LastName"] for row in wire.rows(f"SELECT LastName FROM Lead WHERE {where}"))


ALL = ["Lovelace", "O'Brien", "Zuse"]
FOUND = [
    ("Email = 'ada@x.example'", ["Lovelace"]),
    ("email = 'ADA@X.EXAMPLE'", ["Lovelace"]),
    ("Email != 'ada@x.example'", ["O'Brien", "Zuse"]),
    ("Email <> 'ada@x.example'", ["O'Brien", "Zuse"]),
    ("Email = null", ["Zuse"]),
    ("Email = ''", ["Zuse"]),
    ("Email != NULL", ["Lovelace", "O'Brien"]),
    ("Email IN ('ada@x.example', 'nobody@x.example')", ["Lovelace"]),
    ("Email in ('ada@x.example','o\\'brien@x.example')", ["Lovelace", "O'Brien"]),
    ("Email NOT IN ('ada@x.example')", ["O'Brien", "Zuse"]),
    ("Email IN (null, 'ada@x.example')", ["Lovelace", "Zuse"]),
    ("LastName = 'O\\'Brien'", ["O'Brien"]),
    ("LastName = 'O\\u0027Brien'", ["O'Brien"]),
    ("LastName LIKE 'o%'", ["O'Brien"]),
    ("LastName LIKE '_use'", ["Zuse"]),
    ("Company LIKE '%50\\% off'", ["O'Brien"]),
    ("Company LIKE '%5_\\% off'", ["O'Brien"]),
    ("Company LIKE 'k\\_%'", ["Zuse"]),
    ("Company LIKE 'b\\_%'", []),
    ("(NOT LastName LIKE 'o%')", ["Lovelace", "Zuse"]),
    ("NOT LastName = 'Zuse'", ["Lovelace", "O'Brien"]),
    ("Email != null AND (NOT LastName = 'Lovelace')", ["O'Brien"]),
    ("LastName = 'Zuse' OR Title = 'Countess'", ["Lovelace", "Zuse"]),
    ("LastName = 'Zuse' AND Title = 'Countess'", []),
    ("(LastName = 'Zuse' OR Title = 'Countess') AND DoNotCall = true", ["Lovelace"]),
    ("(Email = 'ada@x.example' OR Email = 'o\\'brien@x.example') AND NumberOfEmployees > 10", ["O'Brien"]),
    ("((LastName = 'Zuse'))", ["Zuse"]),
    ("NumberOfEmployees >= 5 AND NumberOfEmployees < 50", ["Lovelace"]),
    ("NumberOfEmployees <= 50", ["Lovelace", "O'Brien"]),
    ("NumberOfEmployees > -1.5", ["Lovelace", "O'Brien"]),
    ("LastName > 'm'", ["O'Brien", "Zuse"]),
    ("LastName <= 'LOVELACE'", ["Lovelace"]),
    ("DoNotCall = TRUE", ["Lovelace"]),
    ("CreatedDate > 2020-01-01T00:00:00Z", ALL),
    ("CreatedDate < 2020-01-01T00:00:00+01:00", []),
    ("CreatedDate >= LAST_N_DAYS:2", ALL),
    ("CreatedDate < TODAY", []),
    ("CreatedDate >= TOMORROW", []),
    ("Owner.Email = 'contactsync@standin.example'", ALL),
    ("Lead.LastName = 'Zuse'", ["Zuse"]),
    ("Id IN (SELECT LeadId FROM CampaignMember)", []),
    ("Id NOT IN (SELECT LeadId FROM CampaignMember WHERE Status = 'Sent')", ALL),
    ("LastName='Zuse'AND Email=null", ["Zuse"]),
    ("Name = 'ada LOVELACE'", ["Lovelace"]),
]


def test_text_that_breaks_out_of_its_quotes_changes_the_query_so_a_careless_caller_is_caught(people):
    surname = "x' OR Id != '"
    assert names(people, f"LastName = '{surname}'") == ALL
    escaped = surname.replace("'", "\\'")
    assert names(people, f"LastName = '{escaped}'") == []


@pytest.mark.parametrize(("where", "expected"), FOUND, ids=[case[0] for case in FOUND])
def test_a_condition_finds_exactly_what_meets_it(people, where, expected):
    assert names(people, where) == expected


REFUSED = [
    ("LastName = 'o'brien'", "MALFORMED_QUERY", "mismatched character"),
    ("LastName = 'o'brien' AND Email = 'x'", "MALFORMED_QUERY", "mismatched character"),
    ("LastName = 'o'brien''", "MALFORMED_QUERY", "unexpected token: 'brien'"),
    ("LastName = 'x\\'", "MALFORMED_QUERY", "mismatched character"),
    ("LastName = 'x\\q'", "MALFORMED_QUERY", "Illegal character sequence '\\q' in string literal"),
    ("LastName = 'x\\%'", "MALFORMED_QUERY", "Illegal character sequence '\\%'"),
    ('LastName = "x"', "MALFORMED_QUERY", "no viable alternative at character '\"'"),
    ("LastName = x", "MALFORMED_QUERY", "unexpected token: 'x'"),
    ("LastName == 'x'", "MALFORMED_QUERY", "unexpected token: '='"),
    ("LastName IS NULL", "MALFORMED_QUERY", "unexpected token: 'IS'"),
    ("LastName", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ("LastName = 'x';", "MALFORMED_QUERY", "no viable alternative at character ';'"),
    ("LastName = 'x' -- comment", "MALFORMED_QUERY", None),
    ("Email IN ()", "MALFORMED_QUERY", "unexpected token: ')'"),
    ("Email IN ('a',)", "MALFORMED_QUERY", "unexpected token: ')'"),
    ("Email IN 'a'", "MALFORMED_QUERY", "unexpected token"),
    ("Email NOT LIKE 'a%'", "MALFORMED_QUERY", "unexpected token: 'LIKE'"),
    ("Email LIKE 5", "MALFORMED_QUERY", "unexpected token: '5'"),
    ("(Email = 'a'", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
    ("Email = 'a')", "MALFORMED_QUERY", "unexpected token: ')'"),
    ("Email = 'a' AND NOT Title = 'b'", "MALFORMED_QUERY", "unexpected token: 'NOT'"),
    ("NOT Email = 'a' AND Title = 'b'", "MALFORMED_QUERY", "unexpected token: 'AND'"),
    ("Email = 'a' AND Title = 'b' OR Title = 'c'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
    ("Email = 'a' OR Title = 'b' AND Title = 'c'", "MALFORMED_QUERY", "unexpected token: 'AND'"),
    ("Email = 'a' Title = 'b'", "MALFORMED_QUERY", "unexpected token: 'Title'"),
    ("Email = :email", "MALFORMED_QUERY", "no viable alternative at character ':'"),
    ("Nope = 'x'", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"),
    ("Owner.Nope = 'x'", "INVALID_FIELD", "No such column 'Nope' on entity 'Name'"),
    ("Owner.UserType = 'Standard'", "INVALID_FIELD", "No such column 'UserType' on entity 'Name'"),
    ("Nope__r.Name = 'x'", "INVALID_FIELD", "Didn't understand relationship 'Nope__r' in field path"),
    ("Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered in a query call"),
    ("LastName = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
    ("LastName = true", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
    ("DoNotCall = 'true'", "INVALID_FIELD", "must be of type boolean and should not be enclosed in quotes"),
    ("NumberOfEmployees = '5'", "INVALID_FIELD", "must be of type int and should not be enclosed in quotes"),
    ("CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD", "must be of type dateTime and should not be enclosed"),
    ("CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
    ("CreatedDate > 2026-01-01T00:00:00", "MALFORMED_QUERY", None),
    ("CreatedDate > 2026-13-01T00:00:00Z", "INVALID_FIELD", None),
    ("Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: nonsense"),
    ("OwnerId IN ('005')", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 005"),
    ("Id LIKE '00Q%'", "INVALID_QUERY_FILTER_OPERATOR", None),
    ("OwnerId > '005000000000000AAA'", "INVALID_QUERY_FILTER_OPERATOR", None),
    (f"LastName = '{'x' * 4001}'", "MALFORMED_QUERY", "longer than 4000"),
    ("Id IN (SELECT LeadId, ContactId FROM CampaignMember)", "MALFORMED_QUERY", None),
    ("Id IN (SELECT LeadId FROM Nope)", "INVALID_TYPE", None),
]


@pytest.mark.parametrize(("where", "code", "part"), REFUSED, ids=[case[0][:60] for case in REFUSED])
def test_a_condition_salesforce_refuses_is_refused(people, where, code, part):
    status, found, message = people.error(people.query(f"SELECT Id FROM Lead WHERE {where}"))
    assert (status, found) == (400, code)
    assert part is None or part in message


@pytest.mark.parametrize(
    ("soql", "code", "part"),
    [
        ("", "MALFORMED_QUERY", "A query string has to be specified"),
        ("FROM Lead", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT FROM Lead", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT * FROM Lead", "MALFORMED_QUERY", "'*'"),
        ("SELECT Id, FROM Lead", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id Name FROM Lead", "MALFORMED_QUERY", "unexpected token: 'Name'"),
        ("SELECT Id", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported."),
        ("SELECT Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"),
        ("SELECT Account.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Account'"),
        ("SELECT Id, id FROM Lead", "MALFORMED_QUERY", "duplicate field selected: id"),
        ("SELECT Id FROM Lead ORDER BY Description", "MALFORMED_QUERY", "can not be sorted"),
        ("SELECT Id FROM Lead ORDER Id", "MALFORMED_QUERY", "unexpected token: 'Id'"),
        ("SELECT Id FROM Lead ORDER BY Nope", "INVALID_FIELD", "No such column"),
        ("SELECT Id FROM Lead LIMIT x", "MALFORMED_QUERY", "unexpected token: 'x'"),
        ("SELECT Id FROM Lead LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT Id FROM Lead LIMIT 1 WHERE Id = null", "MALFORMED_QUERY", "unexpected token: 'WHERE'"),
        ("SELECT Id FROM Lead; DELETE FROM Lead", "MALFORMED_QUERY", None),
        ("DELETE FROM Lead", "MALFORMED_QUERY", "unexpected token: 'DELETE'"),
    ],
)
def test_a_statement_salesforce_refuses_is_refused(people, soql, code, part):
    status, found, message = people.error(people.query(soql))
    assert (status, found) == (400, code)
    assert part is None or part in message


def test_the_refusal_points_at_the_place_in_the_statement(people):
    assert people.error(people.query("SELECT Id, Nope FROM Lead"))[2].startswith(
        "\nSELECT Id, Nope FROM Lead\n           ^\nERROR at Row:1:Column:12\nNo such column 'Nope' on entity 'Lead'."
    )
    assert "ERROR at Row:2:Column:6" in people.error(people.query("SELECT Id\nFROM Nope"))[2]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT COUNT(Id) FROM Lead",
        "SELECT MAX(CreatedDate) FROM Lead",
        "SELECT Company FROM Lead GROUP BY Company",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT FIELDS(ALL) FROM Lead LIMIT 200",
        "SELECT TYPEOF Owner WHEN User THEN Id END FROM Lead",
        "SELECT Id FROM Lead WHERE CreatedDate = LAST_MONTH",
        "SELECT Id FROM Lead WHERE CreatedDate = TODAY",
        "SELECT Id FROM Lead FOR UPDATE",
        "SELECT Id FROM Lead WITH SECURITY_ENFORCED",
    ],
)
def test_what_salesforce_has_and_the_stand_in_has_not_is_501_and_never_a_refusal(people, soql):
    answer = people.query(soql)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (501, "STANDIN_UNSUPPORTED")


def test_a_statement_of_more_than_100000_characters_is_refused_and_a_shorter_one_is_not(wire):
    def ask(length):
        soql = f"SELECT Id FROM Lead WHERE Email IN ('{'a' * 50}'"
        soql += ",'b'" * ((length - len(soql) - 1) // 4)
        soql += " " * (length - len(soql) - 1) + ")"
        sub = {"method": "GET", "url": f"/services/data/v66.0/query?q={soql.replace(' ', '+')}", "referenceId": "q"}
        return wire.post("composite", {"compositeRequest": [sub]}).json()["compositeResponse"][0]

    assert ask(100_000)["httpStatusCode"] == 200
    refused = ask(100_001)
    assert (refused["httpStatusCode"], refused["body"][0]["errorCode"]) == (400, "MALFORMED_QUERY")


def test_the_rows_have_the_fields_own_names_in_the_order_asked_for(people):
    (row,) = people.query("select LASTNAME, id, email from lead where lastname = 'zuse'").json()["records"]
    assert list(row) == ["attributes", "LastName", "Id", "Email"]
    assert row["attributes"] == {"type": "Lead", "url": f"/services/data/v66.0/sobjects/Lead/{row['Id']}"}
    assert row["Email"] is None


def test_parents_come_nested_and_null_when_there_is_none(people):
    people.contact(LastName="Nobody")
    records = people.query("SELECT Id, Account.Name, Account.Owner.Email, Owner.Name FROM Contact ORDER BY Name").json()
    hopper, nobody = records["records"]
    assert hopper["Account"]["Name"] == "Engines"
    assert hopper["Account"]["attributes"]["type"] == "Account"
    assert hopper["Account"]["Owner"]["Email"] == "contactsync@standin.example"
    assert hopper["Owner"]["attributes"]["type"] == "User"
    assert nobody["Account"] is None


def test_an_alias_of_the_object_may_stand_before_its_fields(people):
    assert people.rows("SELECT l.LastName FROM Lead l WHERE l.Email = null") == [{"LastName": "Zuse"}]


def test_order_by_sorts_without_case_and_puts_nulls_first_unless_told_otherwise(people):
    def ordered(by):
        return [row["Email"] for row in people.rows(f"SELECT Email FROM Lead ORDER BY {by}")]

    assert ordered("Email") == [None, "Ada@X.example", "o'brien@x.example"]
    assert ordered("Email DESC") == [None, "o'brien@x.example", "Ada@X.example"]
    assert ordered("Email ASC NULLS LAST") == ["Ada@X.example", "o'brien@x.example", None]
    assert ordered("Email DESC NULLS LAST, Id") == ["o'brien@x.example", "Ada@X.example", None]
    assert ordered("CreatedById, Email DESC NULLS FIRST") == [None, "o'brien@x.example", "Ada@X.example"]


def test_without_order_by_the_oldest_does_not_come_first(people):
    """Salesforce promises no order; a caller who leans on one should notice here."""
    assert [row["LastName"] for row in people.rows("SELECT LastName FROM Lead")] == ["Zuse", "O'Brien", "Lovelace"]


def test_limit_and_offset_cut_the_ordered_rows(people):
    assert people.rows("SELECT LastName FROM Lead ORDER BY LastName LIMIT 1 OFFSET 1") == [{"LastName": "O'Brien"}]
    assert people.rows("SELECT LastName FROM Lead LIMIT 0") == []


def test_count_answers_the_total_without_records(people):
    assert people.query("SELECT COUNT() FROM Lead WHERE Email != null").json() == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_only_query_all_finds_deleted_records(people):
    (row,) = people.rows("SELECT Id FROM Lead WHERE LastName = 'Zuse'")
    people.delete(f"sobjects/Lead/{row['Id']}")
    assert names(people, "LastName = 'Zuse'") == []
    soql = "SELECT Id, IsDeleted FROM Lead WHERE LastName = 'Zuse'"
    (found,) = people.get("queryAll", params={"q": soql}).json()["records"]
    assert (found["Id"], found["IsDeleted"]) == (row["Id"], True)


def test_the_index_follows_updates_and_deletions(wire):
    lead = wire.lead(Email="a@x.example")
    assert len(wire.rows("SELECT Id FROM Lead WHERE Email = 'a@x.example'")) == 1
    wire.patch(f"sobjects/Lead/{lead}", {"Email": "b@x.example"})
    assert wire.rows("SELECT Id FROM Lead WHERE Email = 'a@x.example'") == []
    assert len(wire.rows("SELECT Id FROM Lead WHERE Email IN ('b@x.example')")) == 1
    wire.delete(f"sobjects/Lead/{lead}")
    assert wire.rows("SELECT Id FROM Lead WHERE Email = 'b@x.example'") == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a%", "ABC", True),
        ("a.c", "abc", False),
        ("a_c", "a\nc", True),
        ("100\\%", "100%", True),
        ("100\\%", "1000", False),
        ("\\\\x", "\\x", True),
        ("%", "", True),
    ],
)
def test_a_like_pattern_knows_only_its_two_wildcards(pattern, text, expected):
    assert (like_pattern(pattern).fullmatch(text) is not None) is expected
