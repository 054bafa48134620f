"""A CRM that answers as none should: each answer is an error that people can read, never a wrong write, never a crash.

Whatever it says, nothing of it is logged, and no token goes to another host.
"""

from __future__ import annotations

import copy
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from contactsync_plugins.salesforce.limits import MOST_ANSWER_BYTES
from contactsync_plugins.salesforce.target import SalesforceTarget
from contactsync_plugins.salesforce.wire import MOST_PAGES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contactsync.api import Found, RecordRef, StepResult, TargetError, TargetUnavailable, Token, Wanted
from tests.salesforce.conftest import MemoryKeeper, Org
from tests.salesforce.test_salesforce_apply import CONTACT, LEAD, apply, create, update
from tests.salesforce.test_salesforce_transport import RawServer, answer

CANARY = "canary-of-the-answer"
TALKATIVE = ("urllib3", "requests", "simple_salesforce")
ASKED = Wanted(
    emails={LEAD: frozenset({"ada@x.example"}), CONTACT: frozenset({"ada@x.example"})},
    campaigns=frozenset({"701Ws0000000001AAA"}),
    member_emails=frozenset({"ada@x.example"}),
    owner_emails=frozenset({"olga@x.example"}),
    fields={LEAD: frozenset({"Title", "Description"})},
)


class Hostile:
    """A server that answers each call with bytes of the test's own, and what was sent to it."""

    def __init__(self) -> None:
        self.says: Callable[[bytes], bytes] = lambda _: answer(b"{}")
        self.server = RawServer(self._talk)

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the other side has heard enough
            connection.sendall(self.says(self.server.heard[-1]))

    def target(self, org: Org, **more: str) -> SalesforceTarget:
        org.keeper.kept = Token("the-token", self.server.url)
        return org.target(instance_url=self.server.url, **{"read_timeout": "5", **more})


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    made = Hostile()
    yield made
    made.server.close()


@pytest.fixture(autouse=True)
def _nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    caplog.set_level("DEBUG")
    for name in TALKATIVE:  # as the processes set them
        caplog.set_level("ERROR", logger=name)
    yield
    told = caplog.text + "".join(capfd.readouterr())
    assert CANARY not in told
    assert "the-token" not in told


def in_json(value: object, status: str = "200 OK") -> bytes:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def ends_well(target: SalesforceTarget) -> None:
    """A look up and a write come to an error of ours, or to rows that were not done."""
    with pytest.raises(TargetError) as caught:
        target.look_up(ASKED)
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
    failure = apply(target, create("p1", CONTACT))["p1"].failure
    assert failure
    assert failure.problem.code == "answer_lost"
    assert CANARY not in repr(failure)


def deep(opening: bytes, closing: bytes = b"", depth: int = 100_000) -> bytes:
    return opening * depth + closing * depth


BODIES: dict[str, bytes] = {
    "an HTML page": f"<html>{CANARY}</html>".encode(),
    "no JSON": b"{" + CANARY.encode(),
    "nothing": b"",
    "a text": b'"' + CANARY.encode() + b'"',
    "a number": b"42",
    "null": b"null",
    "a list": b"[]",
    "a list of lists": b"[[[]]]",
    "a text where a list belongs": b'{"compositeResponse": "canary-of-the-answer"}',
    "an object where a list belongs": b'{"compositeResponse": {"body": []}}',
    "references that are lists": b'{"compositeResponse": [{"referenceId": ["x"], "httpStatusCode": 200, "body": {}}]}',
    "a status that is a text": b'{"compositeResponse": [{"referenceId": "x", "httpStatusCode": "200", "body": {}}]}',
    "deep lists": deep(b"[", b"]"),
    "deep objects": deep(b'{"a":', b"}"),
    "an endless list": deep(b"["),
    "NaN": b'{"compositeResponse": NaN}',
    "beyond all numbers": b'{"compositeResponse": [1e999]}',
    "a number of many digits": b'{"compositeResponse": ' + b"9" * 100_000 + b"}",
    "a name said twice": b'{"compositeResponse": [], "compositeResponse": []}',
    "no UTF-8": b'{"compositeResponse": "\xff\xfe"}',
    "UTF-16": json.dumps({"compositeResponse": []}).encode("utf-16"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_answer_is_an_error_for_people(org: Org, hostile: Hostile, body: bytes) -> None:
    hostile.says = lambda _: in_json(body)
    ends_well(hostile.target(org))


def gzipped(body: bytes, head: str = "Content-Encoding: gzip") -> bytes:
    return answer(body, head)


NO_MORE = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
WIRE: dict[str, bytes] = {
    "a redirect to another host": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n" + NO_MORE,
    "a permanent redirect": b"HTTP/1.1 308 Moved\r\nLocation: https://evil.example/\r\n" + NO_MORE,
    "no HTTP": CANARY.encode() + b"\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "a length below nothing": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk line without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 3_000_000,
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n{}",
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3_000_000,
    "headers that are none": b"HTTP/1.1 200 OK\r\n" + CANARY.encode() + b"\r\nContent-Length: 2\r\n\r\n{}",
    "100 after 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
    "closed at once": b"",
    "packed, and is not": gzipped(b"{}"),
    "packed, and cut short": gzipped(gzip.compress(b"{}" * 1000)[:-20]),
    "packed in an unknown way": gzipped(b"{}", "Content-Encoding: br"),
    "packed by another method": gzipped(zlib.compress(b"{}"), "Content-Encoding: deflate"),
    "packed many times": gzipped(b"{}", f"Content-Encoding: {', '.join(['gzip'] * 50)}"),
}


@pytest.mark.parametrize("said", WIRE.values(), ids=WIRE)
def test_an_answer_that_is_hardly_http_is_an_error_for_people(org: Org, hostile: Hostile, said: bytes) -> None:
    hostile.says = lambda _: said
    target = hostile.target(org, read_timeout="3")
    with pytest.raises(TargetError) as caught:
        target.look_up(ASKED)
    assert CANARY not in repr(caught.value)
    try:
        failure = apply(target, create("p1", CONTACT))["p1"].failure
    except TargetError:
        failure = None  # refused for certain: a redirect does nothing
        assert b"30" in said[:12]
    else:
        assert failure
        assert failure.problem.code == "answer_lost"


def test_a_bomb_is_not_unpacked(org: Org, hostile: Hostile) -> None:
    bomb = gzip.compress(b"\0" * (MOST_ANSWER_BYTES + 2**20), 1)
    assert len(bomb) < MOST_ANSWER_BYTES / 100
    hostile.says = lambda _: gzipped(bomb)
    ends_well(hostile.target(org))


def test_more_than_may_come_is_not_read_to_its_end(org: Org, hostile: Hostile) -> None:
    sent = [0]

    def pour(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(4 * MOST_ANSWER_BYTES // 2**20):
                connection.sendall(b" " * 2**20)
                sent[0] += 2**20
        except OSError:
            pass

    server = RawServer(pour)
    org.keeper.kept = Token("the-token", server.url)
    with pytest.raises(TargetUnavailable):
        org.target(instance_url=server.url).look_up(ASKED)
    server.close()
    assert sent[0] < 2 * MOST_ANSWER_BYTES


HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS: dict[str, Callable[[int], bytes]] = {
    "headers": lambda n: b"X-%d: y\r\n" % n if n < 90 else b"y",
    "one header": lambda _: b"y",
    "100 after 100": lambda _: b"HTTP/1.1 100 Continue\r\n\r\n",
    "a body": lambda n: b"Content-Length: 100000\r\n\r\n" if n == 0 else b" ",
    "chunks": lambda n: b"Transfer-Encoding: chunked\r\n\r\n" if n == 0 else b"1\r\n \r\n",
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_whatever_only_drips_ends_when_the_call_has_taken_too_long(org: Org, drip: Callable[[int], bytes]) -> None:
    over = threading.Event()

    def slowly(connection: socket.socket) -> None:
        try:
            connection.sendall(HEAD)
            number = 0
            while not over.wait(0.02):
                connection.sendall(drip(number))
                number += 1
        except OSError:
            pass

    server = RawServer(slowly)
    org.keeper.kept = Token("the-token", server.url)
    began = time.monotonic()
    with pytest.raises(TargetUnavailable):
        org.target(instance_url=server.url, read_timeout="0.2").look_up(ASKED)
    assert time.monotonic() - began < 5, "each byte was in time, all of them were not"
    over.set()
    server.close()


def test_a_host_that_does_not_read_what_is_sent_does_not_hold_us(org: Org) -> None:
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    org.keeper.kept = Token("the-token", url)
    big = [create(f"p{n}", CONTACT, Description="d" * 30_000, Title="@{") for n in range(200)]
    target = org.target(instance_url=url, connect_timeout="0.3", read_timeout="0.3")
    results = apply(target, *big)
    assert {result.failure.problem.code for result in results.values() if result.failure} <= {
        "answer_lost",
        "server_unavailable",
    }
    assert not any(result.ok for result in results.values())
    over.set()
    listening.close()


# ── where the token goes ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed_and_no_token_goes_with_it(org: Org, hostile: Hostile, status: str) -> None:
    other = Hostile()
    where = f"HTTP/1.1 {status}\r\nLocation: {other.server.url}/services/data\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    hostile.says = lambda _: where.encode()
    target = hostile.target(org)
    with pytest.raises(TargetError):
        target.look_up(ASKED)
    with pytest.raises(TargetError):
        apply(target, create("p1", CONTACT))
    with pytest.raises(TargetError):
        org.target(instance_url=hostile.server.url, keeper=MemoryKeeper()).look_up(ASKED)
    assert len(hostile.server.heard) == 3
    assert other.server.heard == []
    other.server.close()


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example",
        "https://my.salesforce.com.evil.example",
        "https://acme.my.salesforce.com@evil.example",
        "http://acme.my.salesforce.com",
        "http://169.254.169.254",
        "https://169.254.169.254",
        "https://10.0.0.1",
        "https://[::1]",
        "https://localhost.evil.example",
        "https://acme.my.salesforce.com:8443",
        "https://acme.my.salesforce.com/x",
        "https://acme.my.salesforce.com\\@evil.example",
        "file:///etc/passwd",
        "https://login.salesforce.com",
        "",
        7,
        ["https://acme.my.salesforce.com"],
    ],
)
def test_a_sign_in_that_sends_us_elsewhere_is_refused(org: Org, hostile: Hostile, place: object) -> None:
    hostile.says = lambda _: in_json({"access_token": "the-token", "instance_url": place, "token_type": "Bearer"})
    target = org.target(instance_url=hostile.server.url, keeper=MemoryKeeper())
    if isinstance(place, str):
        with pytest.raises(TargetError):
            target.look_up(ASKED)
        assert len(hostile.server.heard) == 1
    else:  # it names no place: then it is where we asked
        with pytest.raises(TargetUnavailable):
            target.look_up(ASKED)
        assert all(b"Host: 127.0.0.1" in heard for heard in hostile.server.heard)


@pytest.mark.parametrize("place", ["https://evil.example", "https://10.0.0.1", "https://acme.my.salesforce.com"])
def test_a_kept_token_that_names_another_host_is_sent_nowhere(org: Org, place: str) -> None:
    keeper = MemoryKeeper()
    keeper.kept = Token("the-token", place)
    target = org.target(keeper=keeper)
    with pytest.raises(TargetUnavailable):
        target.look_up(ASKED)
    with pytest.raises(TargetUnavailable):
        apply(target, create("p1", CONTACT))
    assert org.calls() == []
    assert org.counted == []


def test_cookies_are_not_kept(org: Org, hostile: Hostile) -> None:
    hostile.says = lambda _: answer(
        b'{"records": [], "done": true}', "Set-Cookie: a=canary-of-the-answer; Path=/", "Connection: close"
    )
    target = hostile.target(org)
    target.search(CONTACT, "x")
    target.search(CONTACT, "x")
    assert len(hostile.server.heard) == 2
    assert not any(b"cookie" in heard.lower() for heard in hostile.server.heard)


# ── JSON of another shape ──────────────────────────────────────────────────────────────────────────────────────────


def parts_of(heard: bytes) -> list[dict[str, Any]]:
    """What a composite asked for."""
    asked: list[dict[str, Any]] = json.loads(heard[heard.index(b'{"allOrNone"') :])["compositeRequest"]
    return asked


def composite(heard: bytes, bodies: Callable[[dict[str, Any], int], Any]) -> bytes:
    """An answer to each part of a composite."""
    parts = parts_of(heard)
    listed = [
        {"referenceId": part["referenceId"], "httpStatusCode": 200, "httpHeaders": {}, "body": bodies(part, number)}
        for number, part in enumerate(parts)
    ]
    return in_json({"compositeResponse": listed})


def page(*rows: Any) -> dict[str, Any]:
    return {"records": list(rows), "done": True, "totalSize": len(rows)}


LEAD_ROW = {"Id": "00QWs0000000001AAA", "Email": "ada@x.example", "CreatedDate": "2026-01-01T00:00:00.000+0000"}
WRONG_ROWS: dict[str, Any] = {
    "no id": {"Email": "ada@x.example"},
    "an id that is none": {**LEAD_ROW, "Id": "x' OR Id != '"},
    "an id that is a list": {**LEAD_ROW, "Id": ["00QWs0000000001AAA"]},
    "the id of another object": {**LEAD_ROW, "Id": "001Ws0000000001AAA"},
    "an address that is a list": {**LEAD_ROW, "Email": ["ada@x.example"]},
    "an address that is a number": {**LEAD_ROW, "Email": 5},
    "a moment that is an object": {**LEAD_ROW, "CreatedDate": {}},
    "a converted contact that is a text": {**LEAD_ROW, "ConvertedContact": "x"},
    "a converted contact of another object": {**LEAD_ROW, "IsConverted": True, "ConvertedContactId": LEAD_ROW["Id"]},
    "a row that is a text": "row",
    "a row that is a list": [],
    "a row that is null": None,
}


@pytest.mark.parametrize("row", WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_row_of_another_shape_is_not_believed(org: Org, hostile: Hostile, row: Any) -> None:
    hostile.says = lambda heard: composite(heard, lambda part, _: page(row) if "FROM%20Lead" in part["url"] else page())
    with pytest.raises(TargetUnavailable) as caught:
        hostile.target(org).look_up(ASKED)
    assert caught.value.problem
    assert caught.value.problem.code == "salesforce_unavailable"


@pytest.mark.parametrize(
    "told",
    [
        {"records": [], "done": False},
        {"records": [], "done": False, "nextRecordsUrl": "https://evil.example/services/data/v66.0/query/x"},
        {"records": [], "done": False, "nextRecordsUrl": "/services/data/v66.0/query/../../x"},
        {"records": [], "done": "yes"},
        {"records": "none", "done": True},
        {"records": {}, "done": True},
        {"done": True},
        [],
        "page",
        None,
    ],
)
def test_a_page_of_another_shape_is_not_believed(org: Org, hostile: Hostile, told: Any) -> None:
    hostile.says = lambda heard: composite(heard, lambda *_: told)
    with pytest.raises(TargetUnavailable):
        hostile.target(org).look_up(ASKED)
    assert len(hostile.server.heard) == 1


def test_pages_without_end_end(org: Org, hostile: Hostile) -> None:
    leading_on = {"records": [LEAD_ROW], "done": False, "nextRecordsUrl": "/services/data/v66.0/query/01g-2000"}

    def says(heard: bytes) -> bytes:
        return composite(heard, lambda *_: leading_on) if b"composite" in heard[:60] else in_json(leading_on)

    hostile.says = says
    with pytest.raises(TargetUnavailable):
        hostile.target(org).look_up(ASKED)
    assert len(hostile.server.heard) == MOST_PAGES + 1


def test_characters_that_no_database_keeps_are_replaced(org: Org, hostile: Hostile) -> None:
    row = {**LEAD_ROW, "Title": "a\0b\ud800c\U0001f600"}
    hostile.says = lambda heard: composite(heard, lambda part, _: page(row) if "FROM%20Lead" in part["url"] else page())
    (person,) = hostile.target(org).look_up(ASKED).people
    assert person.fields["Title"] == "a\ufffdb\ufffdc\U0001f600"


CREATED = ["003Ws0000000001AAA", "003Ws0000000002AAA"]
WRONG_ANSWERS: dict[str, Callable[[list[Any]], Any]] = {
    "fewer": lambda told: told[:-1],
    "more": lambda told: [*told, told[0]],
    "none": lambda _: [],
    "a reference twice": lambda told: [told[0], told[0]],
    "another reference": lambda told: [told[0], {**told[1], "referenceId": "elsewhere"}],
    "the id of another object": lambda told: [
        {**one, "body": {"id": "00QWs0000000001AAA", "success": True}} for one in told
    ],
    "one id for both": lambda told: [{**one, "body": {"id": CREATED[0], "success": True}} for one in told],
    "an id that is none": lambda told: [{**one, "body": {"id": "../x", "success": True}} for one in told],
    "no success": lambda told: [{**one, "body": {**one["body"], "success": False}} for one in told],
    "success that is a text": lambda told: [{**one, "body": {**one["body"], "success": "true"}} for one in told],
    "refusals with 200": lambda told: [{**one, "body": [{"errorCode": "X", "message": CANARY}]} for one in told],
    "a text": lambda told: [{**one, "body": CANARY} for one in told],
}


@pytest.mark.parametrize("spoil", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_answers_to_other_records_than_were_sent_are_lost_ones(
    org: Org, hostile: Hostile, spoil: Callable[[list[Any]], Any]
) -> None:
    def says(heard: bytes) -> bytes:
        told = json.loads(
            composite(heard, lambda _, n: {"id": CREATED[n], "success": True, "errors": []}).partition(b"\r\n\r\n")[2]
        )
        return in_json({"compositeResponse": spoil(told["compositeResponse"])})

    hostile.says = says
    results = apply(hostile.target(org), create("p1", CONTACT), create("p2", CONTACT))
    assert {result.failure.problem.code for result in results.values() if result.failure} == {"answer_lost"}
    assert not any(result.ok for result in results.values())


def test_answers_in_another_order_are_told_apart_by_their_references(org: Org, hostile: Hostile) -> None:
    def says(heard: bytes) -> bytes:
        told = json.loads(
            composite(heard, lambda _, n: {"id": CREATED[n], "success": True, "errors": []}).partition(b"\r\n\r\n")[2]
        )
        return in_json({"compositeResponse": told["compositeResponse"][::-1]})

    hostile.says = says
    results = apply(hostile.target(org), create("p1", CONTACT), create("p2", CONTACT))
    assert [results[name].ref for name in ("p1", "p2")] == [RecordRef(CONTACT, one) for one in CREATED]


def test_a_change_that_is_answered_with_another_records_id_is_a_lost_one(org: Org, hostile: Hostile) -> None:
    steps = [update(f"p{n}", CONTACT, f"003Ws00000000{n:02}AAA", Title="T") for n in range(30)]
    rows = [{"id": step.ref.id, "success": True, "errors": []} for step in steps if step.ref]
    swapped = [rows[1], rows[0], *rows[2:]]
    hostile.says = lambda heard: composite(heard, lambda *_: swapped)
    results = apply(hostile.target(org), *steps)
    assert [name for name, result in results.items() if not result.ok] == ["p0", "p1"]


# ── anything at all ────────────────────────────────────────────────────────────────────────────────────────────────

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SPOILING = st.tuples(st.integers(0, 10_000), ANYTHING)
"""Which place of an answer, and what stands there instead."""
ROWS: dict[str, dict[str, Any]] = {
    "Lead": {**LEAD_ROW, "IsConverted": True, "ConvertedContactId": CREATED[0], "ConvertedContact": {"Email": "b@x.y"}},
    "Contact": {"Id": CREATED[0], "Email": "ada@x.example", "CreatedDate": "2026-01-01T00:00:00.000+0000"},
    "User": {"Id": "005Ws0000000001AAA", "Email": "olga@x.example", "Name": "Olga"},
    "CampaignMember": {
        "Id": "00vWs0000000001AAA",
        "CampaignId": "701Ws0000000001AAA",
        "ContactId": CREATED[0],
        "Status": "Sent",
        "Email": "ada@x.example",
    },
    "CampaignMemberStatus": {
        "CampaignId": "701Ws0000000001AAA",
        "Label": "Sent",
        "IsDefault": True,
        "HasResponded": False,
        "SortOrder": 1,
    },
}


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*here, key))


def with_other(value: Any, where: tuple[Any, ...], other: Any) -> Any:
    if not where:
        return other
    made = copy.copy(value)
    made[where[0]] = with_other(made[where[0]], where[1:], other)
    return made


def spoilt_by(whole: Any, spoil: tuple[int, Any]) -> Any:
    listed = list(places(whole))
    return with_other(whole, listed[spoil[0] % len(listed)], spoil[1])


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(spoil=SPOILING)
def test_a_look_up_with_anything_anywhere_is_found_or_an_error_for_people(
    org: Org, hostile: Hostile, spoil: tuple[int, Any]
) -> None:
    def says(heard: bytes) -> bytes:
        if b"composite" not in heard[:60]:
            return in_json(spoil[1])
        parts = parts_of(heard)
        whole = {
            "compositeResponse": [
                {
                    "referenceId": part["referenceId"],
                    "httpStatusCode": 200,
                    "body": page(*(row for kind, row in ROWS.items() if f"FROM%20{kind}%20" in part["url"])),
                }
                for part in parts
            ]
        }
        return in_json(spoilt_by(whole, spoil))

    hostile.says = says
    try:
        found = hostile.target(org).look_up(ASKED)
    except TargetError:
        return
    assert isinstance(found, Found)
    json.dumps([person.fields for person in found.people], allow_nan=False)
    assert all(isinstance(person.email, str | None) for person in found.people)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(spoil=SPOILING, many=st.booleans())
def test_a_write_with_anything_in_the_answer_is_done_lost_or_refused(
    org: Org, hostile: Hostile, spoil: tuple[int, Any], many: bool
) -> None:
    rows = [{"id": f"003Ws00000000{n:02}AAA", "success": True, "errors": []} for n in range(30 if many else 2)]

    def says(heard: bytes) -> bytes:
        if b"composite" not in heard[:60]:
            return in_json(spoil[1])
        parts = parts_of(heard)
        whole = {
            "compositeResponse": [
                {"referenceId": part["referenceId"], "httpStatusCode": 201, "body": rows if many else rows[number]}
                for number, part in enumerate(parts)
            ]
        }
        return in_json(spoilt_by(whole, spoil))

    hostile.says = says
    try:
        results = list(hostile.target(org).apply([create(f"p{n}", CONTACT) for n in range(len(rows))]))
    except TargetError:
        return
    assert all(isinstance(result, StepResult) for result in results)
    ids = [result.ref.id for result in results if result.ref]
    assert set(ids) <= {row["id"] for row in rows} or len(set(ids)) == len(ids)
    assert len(set(ids)) == len(ids)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(spoil=SPOILING)
def test_descriptions_checks_and_searches_with_anything_in_the_answer_are_errors_for_people(
    org: Org, hostile: Hostile, spoil: tuple[int, Any]
) -> None:
    field = {
        "name": "Title",
        "label": "Title",
        "type": "string",
        "length": 80,
        "picklistValues": [{"value": "a", "active": True}],
    }
    whole = {
        "fields": [field],
        "createable": True,
        "sobjects": [{"name": "Lead", "queryable": True}],
        "DailyApiRequests": {"Max": 5, "Remaining": 4},
        "records": [LEAD_ROW],
        "done": True,
    }
    hostile.says = lambda _: in_json(spoilt_by(whole, spoil))
    target = hostile.target(org)
    for ask in (lambda: target.describe(LEAD), lambda: target.search(LEAD, "x")):
        with suppress(TargetError):
            ask()
    health = target.check()
    assert health.calls_limit is None or 0 <= health.calls_limit < 10**15


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    said=ANYTHING,
    name=st.sampled_from(["access_token", "instance_url", "refresh_token", "error", "", "0"]),
    ok=st.booleans(),
)
def test_a_sign_in_with_anything_in_the_answer_is_an_error_for_people(
    org: Org, hostile: Hostile, said: Any, name: str, ok: bool
) -> None:
    whole: Any = {"access_token": "the-token", "instance_url": hostile.server.url, "error": "invalid_grant"}
    whole = said if not name else [{"errorCode": said, "message": said}] if name == "0" else {**whole, name: said}
    status = "200 OK" if ok else "400 Bad Request"
    hostile.says = lambda heard: in_json(whole, status) if b"oauth2" in heard[:80] else in_json([], "404 Not Found")
    with pytest.raises(TargetError):
        org.target(instance_url=hostile.server.url, keeper=MemoryKeeper()).search(LEAD, "x")
