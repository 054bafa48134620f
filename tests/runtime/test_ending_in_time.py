"""Whatever hangs, each process ends within ten seconds of a SIGTERM; what may still take effect keeps its lease."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from contactsync.bootstrap import build
from contactsync.settings import Settings
from contactsync.standin import Options, RunningStandin, serve
from contactsync.store import tables as t
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.inbox import keep
from contactsync.store.orgs import add_org
from tests.fixtures.freezing import freezing
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.redis import RedisForTests
from tests.fixtures.salesforce import Salesforce
from tests.fixtures.waiting import wait_until

TEN_SECONDS = 10.0
CONTACT = {
    "id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "company": "Engines",
    "sync_as": "lead",
}  # fmt: skip


@pytest.fixture
def salesforce() -> Iterator[Salesforce]:
    with serve(options=Options(client_id="id", client_secret="secret")) as running:
        yield Salesforce(running)


@pytest.fixture
def running(processes: Processes, sqlite_url: str, redis_url: str) -> Processes:
    """Processes that share the test's database and Redis; the clock beats quickly, leases are as long as ever."""
    processes.environment |= {
        "DATABASE_URL": sqlite_url,
        "REDIS_URL": redis_url,
        "CONTACTSYNC_SECRET_KEYS": "a key that is long enough for tests",
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "0.2",
    }
    return processes


def org_with_work(processes: Processes, salesforce: RunningStandin) -> None:
    """An org that is connected, with one delivery that waits."""
    parts = build(Settings.from_environment(processes.environment))
    now = datetime.now(UTC)
    with writing(parts.engine) as db:
        org = add_org(db, "acme", "Acme Events", now)
    Salesforce(salesforce).connect(parts, org.id)
    body = json.dumps({"type": "contact.created", "timestamp": "2026-11-24T03:00:00Z", "data": CONTACT}).encode()
    with writing(parts.engine) as db:
        keep(
            db, org_id=org.id, webhook_id="msg_1", door="contacts", body=body, status="accepted",
            type="contact.created", errors=None, now=now,
        )  # fmt: skip
    parts.bell.ring(org.id)
    parts.engine.dispose()


def org_row(processes: Processes) -> Any:
    engine = open_engine(processes.environment["DATABASE_URL"])
    with reading(engine) as db:
        row = db.execute(sa.select(t.org)).one()
    engine.dispose()
    return row


def hangs_in(salesforce: Salesforce) -> bool:
    """Whether the fault that was planned has met a call."""
    faults = requests.get(f"{salesforce.running.url}/_standin/faults", timeout=10).json()
    return not faults or faults[0]["seen"] > 0


def ends_within_ten_seconds(*processes: Running) -> None:
    """SIGTERM to all at once, as Heroku sends it."""
    for each in processes:
        each.send(signal.SIGTERM)
    until = time.monotonic() + TEN_SECONDS
    for each in processes:
        each.wait(max(0.1, until - time.monotonic()))


# ── the worker and the CRM ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_whose_call_to_the_crm_hangs_ends_and_leaves_its_lease_to_run_out(
    running: Processes, salesforce: Salesforce
) -> None:
    org_with_work(running, salesforce.running)
    salesforce.does("faults", do="hang", ms=60_000, after=True, match={"writes": True})
    worker = running.start("worker")
    wait_until(lambda: salesforce.holds("Lead"), 20, "the CRM has done the call, and says nothing")
    ends_within_ten_seconds(worker)
    assert worker.code == 128 + signal.SIGTERM
    (said,) = worker.events("worker did not end in time")
    assert said["orgs"] == [org_row(running).id]
    left = org_row(running)
    assert left.lease_owner is not None
    assert left.lease_until > datetime.now(UTC), "nobody may write before it has run out"


def test_a_worker_whose_batch_ends_in_time_gives_its_lease_back(running: Processes, salesforce: Salesforce) -> None:
    org_with_work(running, salesforce.running)
    salesforce.does("faults", do="slow", ms=3000, match={"writes": True})
    worker = running.start("worker")
    wait_until(lambda: hangs_in(salesforce), 20, "the call is under way")
    ends_within_ten_seconds(worker)
    assert worker.code == 0
    assert not worker.events("worker did not end in time")
    assert org_row(running).lease_owner is None
    engine = open_engine(running.environment["DATABASE_URL"])
    with reading(engine) as db:
        assert db.execute(sa.select(t.contact.c.status)).scalar_one() == "synced"
    engine.dispose()
    assert len(salesforce.holds("Lead")) == 1


def test_a_second_signal_ends_a_worker_at_once_and_leaves_its_lease_to_run_out(
    running: Processes, salesforce: Salesforce
) -> None:
    org_with_work(running, salesforce.running)
    salesforce.does("faults", do="hang", ms=60_000, after=True, match={"writes": True})
    worker = running.start("worker")
    wait_until(lambda: salesforce.holds("Lead"), 20, "the CRM has done the call, and says nothing")
    worker.send(signal.SIGTERM)
    began = time.monotonic()

    def insisting() -> bool:
        worker.send(signal.SIGTERM)
        return worker.code is not None

    wait_until(insisting, 5, "the worker ends")
    assert time.monotonic() - began < 3
    assert org_row(running).lease_owner is not None


# ── the database and Redis ─────────────────────────────────────────────────────────────────────────────────────────


def all_three(running: Processes, port: int) -> tuple[Running, Running, Running]:
    """Web, worker and clock, all at work."""
    web, worker, clock = running.start("web", PORT=str(port)), running.start("worker"), running.start("clock")
    web.wait_for("web started", 30)
    worker.wait_for("worker started")
    clock.wait_for("clock leads")
    wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok, 20, "the web answers")
    return web, worker, clock


def ask(port: int, path: str) -> socket.socket:
    """A request that is under way."""
    asking = socket.create_connection(("127.0.0.1", port), 20)
    asking.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return asking


def test_all_end_though_a_lock_in_sqlite_is_held(running: Processes, sqlite_url: str) -> None:
    port = free_port()
    processes = all_three(running, port)
    engine = open_engine(sqlite_url)
    with writing(engine), closing(ask(port, "/readyz")):
        ends_within_ten_seconds(*processes)
    engine.dispose()


@pytest.mark.postgres
def test_all_end_though_a_lock_in_postgres_is_held(running: Processes, postgres_url: str) -> None:
    running.environment["DATABASE_URL"] = postgres_url
    port = free_port()
    processes = all_three(running, port)
    with psycopg.connect(postgres_url) as locking:
        locking.execute("LOCK TABLE lease, org IN ACCESS EXCLUSIVE MODE")
        with closing(ask(port, "/metrics")):
            wait_until(lambda: waiting_for_locks(postgres_url) >= 2, 20, "the clock and the web wait")
            ends_within_ten_seconds(*processes)


def waiting_for_locks(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as looking:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        row = looking.execute(waiting).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.postgres
def test_all_end_though_the_network_to_the_database_is_dead(running: Processes, postgres_url: str) -> None:
    url = make_url(postgres_url)
    port = free_port()
    with freezing(url.host or "127.0.0.1", url.port or 5432) as way:
        through = url.set(host="127.0.0.1", port=way.port).render_as_string(hide_password=False)
        running.environment["DATABASE_URL"] = through
        processes = all_three(running, port)
        way.freeze()
        with closing(ask(port, "/readyz")):
            ends_within_ten_seconds(*processes)


def test_all_end_though_redis_takes_connections_and_answers_nothing(
    running: Processes, own_redis: RedisForTests
) -> None:
    running.environment["REDIS_URL"] = own_redis.url
    port = free_port()
    processes = all_three(running, port)
    own_redis.pause()
    with closing(ask(port, "/readyz")):
        ends_within_ten_seconds(*processes)


# ── the web ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_web_answers_the_request_under_way_and_those_who_had_connected_before_it_ends(
    running: Processes, sqlite_url: str, number: signal.Signals
) -> None:
    """Ctrl-C reaches each process of the terminal, as Heroku's SIGTERM reaches each of the dyno."""
    port = free_port()
    web = running.start("web", PORT=str(port), WEB_CONCURRENCY="1")
    web.wait_for("web started", 30)
    wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok, 20, "the web answers")
    with ExitStack() as stack:
        under_way = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
        under_way.sendall(b"POST /webhooks/acme/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        connected = [stack.enter_context(ask(port, "/healthz")) for _ in range(5)]
        signal_all(web, number)
        with pytest.raises(AssertionError):
            web.wait(0.5)  # it waits for the one under way
        under_way.sendall(b'Content-Type: application/json\r\n\r\n{"a": 123}')
        assert status_of(under_way) == b"401"
        assert [status_of(each) for each in connected] == [b"200"] * 5
        assert web.wait(TEN_SECONDS) == 0
    assert not web.left_behind()


def test_the_web_ends_though_somebody_sends_a_body_that_never_ends(running: Processes) -> None:
    port = free_port()
    web = running.start("web", PORT=str(port), WEB_CONCURRENCY="1")
    web.wait_for("web started", 30)
    wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok, 20, "the web answers")
    with socket.create_connection(("127.0.0.1", port), 20) as slow:
        slow.sendall(b"POST /webhooks/acme/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        signal_all(web, signal.SIGTERM)
        web.wait(TEN_SECONDS)
    assert not web.left_behind()


def signal_all(web: Running, number: signal.Signals) -> None:
    """To the process and its children, at once."""
    os.killpg(web.pid, number)


def status_of(connection: socket.socket) -> bytes:
    """The status of the answer, b"" when there is none; the connection is closed then, as clients do."""
    with connection, connection.makefile("rb") as answer:
        words = answer.readline().split()
    return words[1] if len(words) > 1 else b""
