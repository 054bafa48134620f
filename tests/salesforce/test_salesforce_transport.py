"""The session under simple-salesforce: limits, pooling, and nothing from the environment that was not meant."""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from contactsync_plugins.salesforce.settings import read_access
from contactsync_plugins.salesforce.target import SalesforceTarget
from contactsync_plugins.salesforce.transport import MOST_ANSWER_BYTES, Session

from contactsync.api import TargetUnavailable, Token, Wanted
from tests.salesforce.conftest import Org
from tests.salesforce.test_salesforce_apply import CONTACT, apply, create

ASKED = Wanted(owner_emails=frozenset({"ada@x.example"}))
Talk = Callable[[socket.socket], None]


class RawServer:
    """A server on a loopback port that answers every connection with what the test says."""

    def __init__(self, talk: Talk) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.heard: list[bytes] = []
        self._talk = talk
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                self.heard.append(_request_of(connection))
                self._talk(connection)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def _request_of(connection: socket.socket) -> bytes:
    """One whole request: closing on unread bytes would cut our answer off."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += connection.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + body


@pytest.fixture
def serving() -> Iterator[Callable[[Talk], RawServer]]:
    servers: list[RawServer] = []

    def start(talk: Talk) -> RawServer:
        servers.append(RawServer(talk))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def target_on(org: Org, server: RawServer, **settings: str) -> SalesforceTarget:
    org.keeper.kept = Token("kept", server.url)
    return org.target(instance_url=server.url, **settings)


def answer(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_an_answer_that_swells_beyond_all_bounds_is_left_unread(org: Org, serving: Callable[[Talk], RawServer]) -> None:
    bomb = answer(gzip.compress(b" " * (MOST_ANSWER_BYTES + 1), 1), "Content-Encoding: gzip")
    target = target_on(org, serving(lambda connection: connection.sendall(bomb)))
    with pytest.raises(TargetUnavailable) as caught:
        target.look_up(ASKED)
    assert caught.value.problem
    assert caught.value.problem.code == "salesforce_unavailable"


def test_an_answer_cut_short_is_a_lost_one(org: Org, serving: Callable[[Talk], RawServer]) -> None:
    cut = answer(b'{"compositeResponse": []}')[:-5]
    target = target_on(org, serving(lambda connection: connection.sendall(cut)))
    failure = apply(target, create("p1", CONTACT))["p1"].failure
    assert failure
    assert failure.problem.code == "answer_lost"
    assert org.counted == [(None, None)]


def test_an_answer_that_only_drips_ends_at_its_limit(org: Org, serving: Callable[[Talk], RawServer]) -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while not stop.wait(0.05):
                connection.sendall(b" " * 400_000)
        except OSError:
            pass

    target = target_on(org, serving(drip), read_timeout="0.05")
    with pytest.raises(TargetUnavailable):
        target.look_up(ASKED)
    stop.set()


def test_calls_share_one_connection(org: Org, target: SalesforceTarget) -> None:
    before = len(org.standin._server.connections)
    for _ in range(5):
        target.look_up(ASKED)
        apply(target, create("p1", CONTACT))
    assert len(org.standin._server.connections) - before <= 1


def test_a_netrc_entry_does_not_replace_the_token(
    org: Org, target: SalesforceTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    target.look_up(ASKED)
    assert [call["status"] for call in org.calls()] == [200]


def test_the_operators_proxy_and_ca_bundle_are_taken_for_salesforce_and_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ca.pem")
    secret = {"client_secret": "s"}
    real = Session(read_access({"instance_url": "https://acme.my.salesforce.com", "client_id": "i"}, secret), print)
    local = Session(read_access({"instance_url": "http://127.0.0.1:9", "client_id": "i"}, secret), print)
    assert real.proxies["https"] == "http://proxy.example:3128"
    assert real.verify == "/etc/ca.pem"
    assert not local.proxies


def test_this_machine_may_be_written_by_another_name_than_the_sign_in_answers_with(org: Org) -> None:
    target = org.target(instance_url=org.standin.url.replace("127.0.0.1", "localhost"))
    assert target.look_up(ASKED).owners == ()
    assert org.keeper.kept
    assert org.keeper.kept.instance_url == org.standin.url


def test_plain_http_is_spoken_to_this_machine_alone(org: Org) -> None:
    access = read_access({"instance_url": org.standin.url, "client_id": "i"}, {"client_secret": "s"})
    session = Session(access, print)
    for url in ("http://127.0.0.1:1/", "http://example.com/", org.standin.url):
        with pytest.raises(requests.exceptions.InvalidSchema):
            session.get(url)


def test_answers_are_asked_for_compressed_and_without_indentation(
    org: Org, serving: Callable[[Talk], RawServer]
) -> None:
    server = serving(lambda connection: connection.sendall(answer(b'{"records": [], "done": true}')))
    assert target_on(org, server).search(CONTACT, "x") == []
    (heard,) = server.heard
    assert b"x-prettyprint: 0" in heard.lower()
    assert b"gzip" in heard.lower()
