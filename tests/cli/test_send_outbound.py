"""`contactsync send` posts to one address and trusts nothing that comes back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from contactsync.cli import send
from contactsync.domain.errors import RefusedInput
from tests.salesforce.test_salesforce_transport import RawServer, Talk


@pytest.fixture
def servers() -> Iterator[list[RawServer]]:
    made: list[RawServer] = []
    yield made
    for server in made:
        server.close()


def serving(servers: list[RawServer], talk: Talk) -> str:
    servers.append(RawServer(talk))
    return servers[-1].url


def post(url: str, seconds: float = send.MOST_SECONDS) -> requests.Response:
    return send._post(url, b"{}", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "msg_1", 0, seconds)


def test_a_redirect_is_shown_and_not_followed(servers: list[RawServer]) -> None:
    other = serving(servers, lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode()
    url = serving(servers, lambda line: line.sendall(moved))
    assert post(url).status_code == 307
    assert servers[0].heard == []


def test_no_more_of_an_answer_is_read_than_belongs_there(servers: list[RawServer]) -> None:
    def pour(line: socket.socket) -> None:
        try:
            line.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (3 * send.MOST_ANSWER_BYTES))
        except OSError:
            return

    assert len(post(serving(servers, pour)).content) == send.MOST_ANSWER_BYTES


def test_an_answer_that_drips_is_given_up(servers: list[RawServer]) -> None:
    over = threading.Event()

    def drip(line: socket.socket) -> None:
        try:
            line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.02):
                line.sendall(b"y")
        except OSError:
            return

    with pytest.raises(RefusedInput, match="No whole answer"):
        post(serving(servers, drip), seconds=0.3)
    over.set()


def test_proxies_and_netrc_of_the_environment_have_no_say(
    servers: list[RawServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    url = serving(servers, lambda line: line.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"))
    assert (post(url).status_code, post(url).text) == (202, "{}")
    assert not any(b"authorization" in heard.lower() for heard in servers[0].heard)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:99999", "ftp://x", "x", "http://"])
def test_an_address_where_nothing_answers_says_what_to_do(url: str) -> None:
    with pytest.raises(RefusedInput, match="--url"):
        post(url)
