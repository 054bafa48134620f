"""What holds for any text and any body: nothing breaks the stand-in, and escaped text comes through unchanged."""

from __future__ import annotations

import contextlib
import functools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simple_salesforce.format import format_soql

from contactsync.standin import Org
from contactsync.standin.api import Api
from contactsync.standin.errors import CallRefusedError, UnsupportedError
from contactsync.standin.soql_parse import parse
from contactsync.standin.soql_run import like_pattern
from contactsync.standin.wire import make_request

BASE = "/services/data/v66.0"
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)

plain = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
spiteful = st.text(alphabet="'\"\\%_@{}.() \n\tabnru05", max_size=40)
statement = (
    "SELECT FROM WHERE AND OR NOT IN LIKE ORDER BY LIMIT NULL Id Email Lead Owner.Email = != < ( ) , 'x' 'o\\'b' 5 true"
)
words = st.sampled_from(statement.split(" "))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | spiteful,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(spiteful, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["LastName", "Company", "Email", "OwnerId", "Owner", "attributes", "IsConverted", "Id", "Nope"])
bodies = st.dictionaries(names, values, max_size=5)


@quick
@given(plain | spiteful)
def test_any_text_escaped_by_simple_salesforce_is_read_back_unchanged(text):
    query = parse(format_soql("SELECT Id FROM Lead WHERE LastName = {} AND Email IN {}", text, [text, text]))
    equal, among = query.where.parts
    assert [literal.text for literal in (*equal.values, *among.values)] == [text] * 3


@quick
@given(plain | spiteful, plain | spiteful)
def test_any_text_escaped_for_like_matches_itself_and_only_as_a_part(text, other):
    query = parse(format_soql("SELECT Id FROM Lead WHERE LastName LIKE '%{:like}%'", text))
    pattern = like_pattern(query.where.values[0].text)
    assert pattern.fullmatch(f"<{text}>")
    if text.lower() not in other.lower() and text.isascii() and other.isascii():
        assert not pattern.fullmatch(other)


@quick
@given(st.lists(words, max_size=14).map(" ".join) | plain)
def test_any_statement_is_answered_or_refused(text):
    with contextlib.suppress(CallRefusedError, UnsupportedError):
        parse(text)


@pytest.mark.parametrize(
    ("method", "path", "wrap"),
    [
        ("POST", "sobjects/Lead", lambda body: body),
        ("PATCH", "sobjects/Lead/Email/a%40x.example", lambda body: body),
        ("POST", "composite/sobjects", lambda body: {"records": [body, {"attributes": {"type": "Lead"}, **body}]}),
        ("PATCH", "composite/sobjects", lambda body: {"records": [{**body, "attributes": {"type": "Contact"}}]}),
        (
            "PATCH",
            "composite/sobjects/Lead/Email",
            lambda body: {"records": [{**body, "attributes": {"type": "Lead"}}]},
        ),
        ("POST", "composite/sobjects/Lead", lambda body: {"ids": list(body.values()), "fields": list(body)}),
        ("POST", "composite", lambda body: {"compositeRequest": [body]}),
        (
            "POST",
            "composite",
            lambda body: {"compositeRequest": [sub(body), sub(body, "b", "@{a.id}")], "allOrNone": True},
        ),
        (
            "POST",
            "composite/batch",
            lambda body: {"batchRequests": [{"method": "POST", "url": "x", "richInput": body}]},
        ),
    ],
)
@quick
@given(body=bodies)
def test_any_body_is_answered_or_refused_and_never_breaks_anything(method, path, wrap, body):
    answer = shared_api().answer(make_request(method, f"{BASE}/{path}", {}, wrap(body)))
    assert answer.status in {200, 201, 204, 300, 400, 404}


moments = st.datetimes(timezones=st.just(UTC)).map(lambda found: found.isoformat(timespec="seconds")) | st.sampled_from(
    [
        "2026-11-24T00:00:00Z",
        "2026-11-24T10:00:00+14:00",
        "2026-12-08T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-11-24",
    ]
)
timings = st.fixed_dictionaries(
    {},
    optional={
        "StartDateTime": moments | st.none(),
        "EndDateTime": moments | st.none(),
        "ActivityDate": st.sampled_from(["2026-11-24", "9999-12-31"]),
        "ActivityDateTime": moments,
        "DurationInMinutes": st.integers(-5, 20_200) | st.sampled_from([10**15, 1440]),
        "IsAllDayEvent": st.booleans(),
    },
)


@quick
@given(timings, timings)
def test_an_event_that_is_taken_lasts_as_long_as_it_says_whatever_was_given_and_changed(first, second):
    org = Org()
    made = Api(org).answer(make_request("POST", f"{BASE}/sobjects/Event", {}, first))
    assert made.status in {201, 400}
    for event in list(org.store.all("Event")):
        changed = Api(org).answer(make_request("PATCH", f"{BASE}/sobjects/Event/{event['Id']}", {}, second))
        assert changed.status in {204, 400}
    for event in org.store.all("Event"):
        start, end = (datetime.fromisoformat(event[name]) for name in ("StartDateTime", "EndDateTime"))
        length = end - start + timedelta(days=1 if event["IsAllDayEvent"] else 0)
        assert timedelta(0) <= length <= timedelta(days=14)
        assert length == timedelta(minutes=event["DurationInMinutes"])
        assert (event["ActivityDate"], event["EndDate"]) == (start.date().isoformat(), end.date().isoformat())


@functools.cache
def shared_api():
    return Api(Org())


def sub(body, reference="a", title="x"):
    return {
        "method": "POST",
        "url": f"{BASE}/sobjects/Lead",
        "referenceId": reference,
        "body": {**body, "Title": title},
    }
