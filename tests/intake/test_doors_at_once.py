"""Many senders at once, on a real web process with two workers."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from sqlalchemy.engine import Engine

from contactsync.intake.signature import sign
from tests.fixtures.processes import Processes, free_port
from tests.fixtures.waiting import wait_until
from tests.intake.conftest import ADA, KEYS, kept, new_org, written


class Web:
    """A running `contactsync web`, an org and its secret."""

    def __init__(self, port: int, secret: str) -> None:
        self.port = port
        self.secret = secret

    def post(self, body: bytes, webhook_id: str = "msg_1") -> tuple[int, Any]:
        """Sign and post; the answer."""
        at = int(datetime.now(UTC).timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(at),
            "webhook-signature": sign(self.secret, webhook_id, at, body),
        }
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/webhooks/acme/contacts", body, headers=headers, timeout=30
        )
        return answer.status_code, answer.json()


StartWeb = Callable[[Engine], Web]


@pytest.fixture
def start_web(processes: Processes, redis_url: str) -> Iterator[StartWeb]:
    """Starts a web process on a database that has an org. It is killed in the end: how it stops is tested elsewhere."""
    started = []

    def start(engine: Engine) -> Web:
        port = free_port()
        processes.environment |= {
            "DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "REDIS_URL": redis_url,
            "CONTACTSYNC_SECRET_KEYS": KEYS[0],
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
        }
        _, secret = new_org(engine, "acme", datetime.now(UTC))
        running = processes.start("web")
        started.append(running)

        def answers() -> bool:
            assert running.code is None, running.said()
            try:
                return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
            except requests.ConnectionError:
                return False

        wait_until(answers, 30, "the web process answers")
        return Web(port, secret)

    yield start
    for running in started:
        running.kill()
        wait_until(lambda each=running: not each.left_behind(), 10, "its workers are gone")


def test_fifty_identical_webhooks_at_once_are_one_delivery_and_all_learn_its_id(start_web, engine):
    web = start_web(engine)
    with ThreadPoolExecutor(50) as senders:
        same = list(senders.map(lambda _: web.post(written(ADA)), range(50)))
        others = list(senders.map(lambda number: web.post(written(ADA), f"msg_other_{number}"), range(50)))
    assert Counter(status for status, _ in same) == {202: 1, 200: 49}
    assert Counter(answer["status"] for _, answer in same) == {"accepted": 1, "duplicate": 49}
    first, *rest = kept(engine)
    assert {answer["delivery_id"] for _, answer in same} == {f"dlv_{first.id}"}
    assert first.log["duplicates"] == 49
    assert [status for status, _ in others] == [202] * 50, "and fifty different ones are fifty"
    assert {answer["delivery_id"] for _, answer in others} == {f"dlv_{row.id}" for row in rest}


def test_a_body_over_the_limit_is_answered_413_also_when_sent_whole_or_in_chunks(start_web, sqlite_engine):
    web = start_web(sqlite_engine)

    def exchange(chunks: int) -> bytes:
        with socket.create_connection(("127.0.0.1", web.port), timeout=30) as link:
            link.sendall(
                b"POST /webhooks/acme/contacts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for _ in range(chunks):
                link.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            link.sendall(b"0\r\n\r\n")
            return link.makefile("rb").readline()

    status, answer = web.post(b"x" * 3_000_000)
    assert (status, answer["error"]["code"]) == (413, "too_large")
    assert b"401" in exchange(16), "1 MiB exactly"
    assert b"413" in exchange(17)
    assert kept(sqlite_engine) == []
