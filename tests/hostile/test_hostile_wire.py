"""What only the wire shows: framing that lies, headers that are many, and senders who take their time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from contactsync.web.arrivals import MOST_BYTES, MOST_CONNECTIONS
from tests.fixtures.processes import Processes
from tests.hostile.doors import Figures
from tests.hostile.heads import wrongs
from tests.hostile.wire import BODY, SECONDS, Web, heard, knock, web

HANGS = 8.0
"""Seconds; a machine that is busy takes its time too."""

REFUSED = {400, 401, 404, 405, 408, 413, 414, 415, 417, 431}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Web]:
    """One web process with two workers for all tests here."""
    folder = tmp_path_factory.mktemp("wire")
    database = folder / "contactsync.db"
    database.write_bytes(sqlite_template.read_bytes())
    processes = Processes(folder)
    try:
        with web(processes, f"sqlite:///{database}") as running:
            yield running
    finally:
        assert not processes.end_all()


@pytest.fixture(autouse=True)
def still_there(there: Web) -> Iterator[None]:
    """After each test the web takes a webhook, at once, and has said nothing of an error."""
    yield
    assert there.say(there.good()).status == 202
    assert '"level": "error"' not in there.running.said(), there.running.said()
    assert "Traceback" not in there.running.said(), there.running.said()


def chunked(body: bytes, size: int = 7) -> bytes:
    """A body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_body_in_chunks_is_kept_as_one(there: Web) -> None:
    headers = there.signed()
    assert there.say(there.head(headers, "Transfer-Encoding: chunked"), chunked(BODY)).status == 202
    with_trailer = chunked(BODY)[:-2] + b"X-Trailer: 1\r\n\r\n"
    assert there.say(there.head(there.signed(), "Transfer-Encoding: chunked") + with_trailer).status == 202
    assert {row.body for row in there.kept()} == {BODY}


def test_a_webhook_in_pieces_is_kept_whole(there: Web) -> None:
    good = there.good()
    assert there.say(*(good[at : at + 40] for at in range(0, len(good), 40))).status == 202


def test_who_waits_for_the_go_ahead_is_told_to_go_ahead(there: Web) -> None:
    head = there.head(there.signed(), f"Content-Length: {len(BODY)}", "Expect: 100-continue")
    with there.connect() as client:
        client.sendall(head)
        assert client.recv(1_000).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(BODY)
        assert b"HTTP/1.1 202 " in heard(client)


LIES = {
    "no length": (("X: 1",), BODY),
    "too short a length": ((f"Content-Length: {len(BODY) - 1}",), BODY),
    "two lengths": ((f"Content-Length: {len(BODY)}", "Content-Length: 3"), BODY),
    "the same length twice": ((f"Content-Length: {len(BODY)}", f"Content-Length: {len(BODY)}"), BODY),
    "a list of lengths": ((f"Content-Length: {len(BODY)}, {len(BODY)}",), BODY),
    "a negative length": (("Content-Length: -1",), BODY),
    "a length with a sign": ((f"Content-Length: +{len(BODY)}",), BODY),
    "a length with underscores": (("Content-Length: 8_1",), BODY),
    "a length of thousands of digits": ((f"Content-Length: {'9' * 6_000}",), BODY),
    "a length of nineteen digits": ((f"Content-Length: {'9' * 19}",), BODY),
    "a superscript length": (("Content-Length: \u00b2",), BODY),
    "length and chunks": ((f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"), chunked(BODY)),
    "a space before the colon": ((f"Content-Length: {len(BODY)}", "Transfer-Encoding : chunked"), chunked(BODY)),
    "chunked twice": (("Transfer-Encoding: chunked, chunked",), chunked(BODY)),
    "an unknown coding": (("Transfer-Encoding: quantum",), BODY),
    "chunks that end in another coding": (("Transfer-Encoding: chunked, gzip",), chunked(BODY)),
    "a coding behind a tab": (("Transfer-Encoding:\tchunked",), b"zz\r\n"),
    "a size that is none": (("Transfer-Encoding: chunked",), b"xyz\r\n" + BODY),
    "a negative size": (("Transfer-Encoding: chunked",), b"-1\r\n" + BODY),
    "a size with an underscore": (("Transfer-Encoding: chunked",), b"1_0\r\n" + BODY),
    "a size of many digits": (("Transfer-Encoding: chunked",), b"f" * 40 + b"\r\n" + BODY),
    "a chunk longer than its size": (("Transfer-Encoding: chunked",), b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a trailer that is none": (("Transfer-Encoding: chunked",), chunked(BODY)[:-2] + b"no trailer\r\n\r\n"),
    "a trailer of the frame": (("Transfer-Encoding: chunked",), chunked(BODY)[:-2] + b"Bad Name: 3\r\n\r\n"),
    "a folded header": ((f"Content-Length: {len(BODY)}", " folded"), BODY),
    "a header without a colon": ((f"Content-Length: {len(BODY)}", "nonsense"), BODY),
    "a NUL in a header": ((f"Content-Length: {len(BODY)}", "X: a\x00b"), BODY),
    "a bare return in a header": ((f"Content-Length: {len(BODY)}", "X: a\rwebhook-id: evil"), BODY),
    "an absurd expectation": ((f"Content-Length: {len(BODY)}", "Expect: miracles"), BODY),
    "a giant header": ((f"Content-Length: {len(BODY)}", f"X: {'a' * 9_000}"), BODY),
    "a giant head": ((f"Content-Length: {len(BODY)}", *(f"X-{n}: {'a' * 8_000}" for n in range(20))), BODY),
    "many headers": ((f"Content-Length: {len(BODY)}", *(f"X-{n}: a" for n in range(100))), BODY),
    "a second id": ((f"Content-Length: {len(BODY)}", "webhook-id: other"), BODY),
    "a second timestamp": ((f"Content-Length: {len(BODY)}", "webhook-timestamp: 1"), BODY),
    "a second signature": ((f"Content-Length: {len(BODY)}", "webhook-signature: v1,AAAA"), BODY),
}


@pytest.mark.parametrize("what", LIES)
def test_framing_and_headers_that_lie_are_refused_and_keep_nothing(there: Web, what: str) -> None:
    lines, body = LIES[what]
    before = there.kept()
    said = there.say(there.head(there.signed(), *lines), body)
    assert said.status in REFUSED, said.raw
    assert said.seconds < HANGS
    assert there.kept() == before


SMUGGLED = {
    "an underscored id": "webhook_id: evil",
    "an underscored signature": "webhook_signature: v1,AAAA",
    "the other family, not whole": "svix-id: evil",
    "the other family, whole": "svix-id: evil\r\nsvix-timestamp: 1\r\nsvix-signature: v1,AAAA",
    "an underscored length": "Content_Length: 3",
    "non-ASCII bytes": "X-Name: \xff\xfe",
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_headers_that_only_look_like_ours_change_nothing(there: Web, what: str) -> None:
    headers = there.signed()
    said = there.say(there.head(headers, f"Content-Length: {len(BODY)}", SMUGGLED[what]), BODY)
    assert said.status == 202
    assert there.kept()[-1].webhook_id == headers["webhook-id"]


@pytest.mark.parametrize("timestamp", ["1_700_000_000", " 1 7", "+1", "1e9", "0x1", "\u00b9", "1.0", ""])
def test_a_timestamp_is_digits_and_nothing_else(there: Web, timestamp: str) -> None:
    headers = {**there.signed(), "webhook-timestamp": timestamp}
    assert there.say(there.head(headers, f"Content-Length: {len(BODY)}"), BODY).status == 401


def test_of_two_requests_on_one_connection_the_first_is_answered_and_the_second_is_none(there: Web) -> None:
    before = len(there.kept())
    said = there.say(there.good() + there.good())
    assert said.raw.count(b"HTTP/1.1 ") == 1
    assert said.status == 202
    assert len(there.kept()) == before + 1


def test_a_body_that_breaks_off_is_not_kept_and_nobody_waits_for_the_rest(there: Web) -> None:
    before = there.kept()
    assert there.say(there.good()[:-5], then_close=True).status == 0
    assert there.say(there.head(there.signed(), "Transfer-Encoding: chunked") + b"5\r\nab", then_close=True).status == 0
    assert there.kept() == before


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_body_that_is_too_large_is_refused_and_the_answer_reaches_who_still_sends(there: Web, framing: str) -> None:
    body = b"x" * 3_000_000
    line = f"Content-Length: {len(body)}" if framing == "length" else "Transfer-Encoding: chunked"
    sent = body if framing == "length" else chunked(body, 50_000)
    said = there.say(there.head(there.signed(body), line), sent)
    assert said.status == 413, said.raw


def test_a_body_of_tiny_chunks_is_refused_once_they_weigh_more_than_a_body_may(there: Web) -> None:
    said = there.say(there.head(there.signed(), "Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 700_000)
    assert said.status in REFUSED


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(wrong=wrongs())
def test_whatever_is_wrong_with_a_request_the_answer_is_a_documented_one(there: Web, wrong) -> None:
    knock(there, wrong, Figures())


# ── those who take their time ──────────────────────────────────────────────────────────────────────────────────────


def test_a_request_that_is_not_there_in_time_is_answered_408(there: Web) -> None:
    for part in (
        b"POST /webhooks/hostile/contacts HT",
        there.good()[:-5],
        there.head({"Host": "x"}, "Content-Length: 9"),
    ):
        said = there.say(part)
        assert said.status == 408, said.raw
        assert SECONDS * 0.5 < said.seconds < HANGS
    assert there.say(b"").raw == b"", "who said nothing is told nothing"


def test_however_many_send_slowly_nobody_else_waits(there: Web) -> None:
    """Slow heads, slow bodies, slow chunks, silence, answers that nobody reads, and connections that nobody closes."""
    good = there.good()
    starts = [good[:30], good[:-1], there.head(there.signed(), "Transfer-Encoding: chunked") + b"5\r\nab", b"",
              good[:-1] + b"!", b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n"]  # fmt: skip
    with ExitStack() as held:
        slow = [held.enter_context(there.connect()) for _ in range(10 * len(starts))]
        for number, client in enumerate(slow):
            client.sendall(starts[number % len(starts)])
        until = time.monotonic() + SECONDS
        took = []
        while time.monotonic() < until:
            for client in slow[:10]:
                dribble(client)
            said = there.say(there.good())
            assert said.status == 202
            took.append(said.seconds)
        assert max(took) < HANGS, took  # one after the other they would have held the workers for 35 seconds


def test_an_answer_that_is_not_taken_keeps_nobody_waiting(there: Web) -> None:
    """The sockets of these have no room for the whole document."""
    with ExitStack() as held:
        for _ in range(20):
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.connect(("127.0.0.1", there.port))
            client.sendall(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        took = [there.say(there.good()).seconds for _ in range(5)]
        assert max(took) < HANGS, took


def dribble(client: socket.socket) -> None:
    """One more byte, if it is still wanted."""
    with suppress(OSError):
        client.send(b"a")


def test_slow_senders_are_all_parted_with_when_their_time_is_up(there: Web) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(there.connect()) for _ in range(40)]
        for client in slow:
            client.sendall(b"POST /")
        started = time.monotonic()
        assert {heard(client)[:13] for client in slow} == {b"HTTP/1.1 408 "}
        assert time.monotonic() - started < HANGS


def test_too_many_that_wait_and_too_much_that_they_sent_push_out_the_oldest(
    processes: Processes, sqlite_url: str
) -> None:
    with web(processes, sqlite_url, workers=1, CONTACTSYNC_INTAKE_REQUEST_SECONDS="60") as patient, ExitStack() as held:
        first = held.enter_context(patient.connect())
        first.sendall(b"POST /")
        for _ in range(MOST_CONNECTIONS):
            held.enter_context(patient.connect())
        assert heard(first) == b""
        body = b"x" * 1_000_000
        head = patient.head(patient.signed(body), "Content-Length: 1000001")
        heavy = [held.enter_context(patient.connect()) for _ in range(MOST_BYTES // len(body) + 2)]
        for client in heavy:
            client.sendall(head + body)
        assert heard(heavy[0]) == b""
        assert patient.say(patient.good()).status == 202


def test_a_log_line_of_what_cannot_be_read_quotes_nothing_of_it(there: Web) -> None:
    canary = "ada@canary.example"
    there.say(f"GET /?q={canary} HTTP/1.1\r\nAuthorization : Bearer {canary}\r\n\r\n".encode())
    there.say(f"{canary} nonsense\r\n\r\n".encode())
    answer = there.say(f"GET / HTTP/1.1\r\n<script>{canary}: 1\r\n\r\n".encode())
    assert answer.status == 400
    assert canary.encode() not in answer.raw
    assert canary not in there.running.said()
    assert "127.0.0.1" not in there.running.said().partition("web started")[2]
