"""The real processes: what is asked of them by signals, by kills and by a Redis that forgets everything."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from redis import Redis

from contactsync.bell import Bell
from contactsync.redis_server import RemoteRedis
from contactsync.store.beats import Beat, beats
from contactsync.store.engine import open_engine, reading
from tests.fixtures.processes import Processes, Running, free_port
from tests.fixtures.redis import RedisForTests, everything_in
from tests.fixtures.waiting import wait_until
from tests.runtime.conftest import Inbox

PROGRAM = str(Path(__file__).with_name("answering_program.py"))
TICKS = {"CONTACTSYNC_SYNC_CLOCK_SECONDS": "0.2", "CONTACTSYNC_SYNC_LEASE_SECONDS": "2"}


@pytest.fixture
def running(processes: Processes, sqlite_url: str, redis_url: str) -> Processes:
    """Processes that share the test's database and Redis."""
    processes.environment |= {"DATABASE_URL": sqlite_url, "REDIS_URL": redis_url, **TICKS}
    return processes


def alive(url: str) -> list[Beat]:
    engine = open_engine(url)
    with reading(engine) as db:
        found = [beat for beat in beats(db) if beat.alive(datetime.now(UTC))]
    engine.dispose()
    return found


def answering(processes: Processes, url: str, how: str) -> Running:
    program = processes.start_python(PROGRAM, url, how, name=how)
    program.wait_for("waiting")
    return program


# ── the worker ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_that_waits_ends_at_once_when_asked(running: Processes, sqlite_url: str) -> None:
    worker = running.start("worker")
    started = worker.wait_for("worker started")
    assert {"contactsync", "python", "rq", "worker"} <= set(started)
    wait_until(lambda: [beat.name for beat in alive(sqlite_url)] == [started["worker"]], 10, "the worker beats")
    assert worker.stop(5) == 0
    assert alive(sqlite_url) == []
    assert worker.events("worker stopped")


def test_a_worker_that_works_finishes_its_batch_when_asked_and_rings_for_the_rest(
    processes: Processes, redis: Redis, redis_url: str
) -> None:
    worker = answering(processes, redis_url, "until-asked")
    Bell(RemoteRedis(redis_url)).ring(1)
    worker.wait_for("answering")
    assert worker.stop(10) == 0
    assert worker.events("batch finished")
    assert redis.llen("rq:queue:bell") == 1


def test_a_second_signal_ends_a_worker_that_does_not_come_back(processes: Processes, redis_url: str) -> None:
    worker = answering(processes, redis_url, "hangs")
    Bell(RemoteRedis(redis_url)).ring(1)
    worker.wait_for("answering")
    worker.send(signal.SIGTERM)

    def insisting() -> bool:
        worker.send(signal.SIGTERM)
        return worker.code is not None

    wait_until(insisting, 10, "the worker ends")


@pytest.mark.parametrize("working", [False, True])
def test_a_worker_ends_when_asked_though_redis_is_away(
    processes: Processes, own_redis: RedisForTests, working: bool
) -> None:
    worker = answering(processes, own_redis.url, "until-asked")
    if working:
        Bell(RemoteRedis(own_redis.url)).ring(1)
        worker.wait_for("answering")
    own_redis.stop()
    assert worker.stop(10) == 0
    assert len(worker.events("batch finished")) == int(working)


def test_what_a_job_raises_is_told_without_its_text(processes: Processes, redis: Redis, redis_url: str) -> None:
    worker = answering(processes, redis_url, "raises")
    Bell(RemoteRedis(redis_url)).ring(7)
    failed = worker.wait_for("bell not answered")
    assert (failed["error"], failed["org"]) == ("LookupError", 7)
    worker.stop()
    assert "ada" not in worker.said()


# ── losing things ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_rings_again_for_a_worker_that_was_killed_with_the_bell_in_its_hand(
    running: Processes, inbox: Inbox, redis: Redis, redis_url: str
) -> None:
    inbox.receive(3)
    killed = answering(running, redis_url, "hangs")
    Bell(RemoteRedis(redis_url)).ring(inbox.org_id)
    killed.wait_for("answering")
    killed.kill()
    assert redis.llen("rq:queue:bell") == 0, "the bell is gone with it"
    running.start("worker")
    running.start("clock")
    wait_until(inbox.absorbed, 30, "the deliveries are absorbed")


def test_redis_is_emptied_with_work_waiting_and_everything_is_done(
    running: Processes, inbox: Inbox, make_inbox: Callable[[str], Inbox], redis: Redis, redis_url: str
) -> None:
    other = make_inbox("globex")
    inbox.receive(500)
    other.receive(5)
    bell = Bell(RemoteRedis(redis_url))
    assert bell.ring(inbox.org_id)
    assert bell.ring(other.org_id)
    redis.flushall()
    running.start("clock")
    running.start("worker")
    wait_until(lambda: inbox.absorbed() and other.absorbed(), 30, "everything is absorbed")


def test_redis_is_away_for_a_while_and_both_go_on_when_it_is_back(
    running: Processes, inbox: Inbox, own_redis: RedisForTests
) -> None:
    running.environment["REDIS_URL"] = own_redis.url
    clock, worker = running.start("clock"), running.start("worker")
    clock.wait_for("clock leads")
    worker.wait_for("worker started")
    own_redis.stop()
    inbox.receive()
    clock.wait_for("bell lost")
    own_redis.start()
    wait_until(inbox.absorbed, 30, "the delivery is absorbed")
    assert (clock.code, worker.code) == (None, None)
    clock.wait_for("bell back")


def test_of_two_clocks_one_leads_and_the_other_takes_over_when_it_dies(running: Processes, sqlite_url: str) -> None:
    first, second = running.start("clock"), running.start("clock")
    clocks = {str(clock.wait_for("clock started")["pid"]): clock for clock in (first, second)}

    def leader() -> str | None:
        return next((beat.owner.split(":")[1] for beat in alive(sqlite_url)), None)

    led = wait_until(leader, 10, "one leads")
    leading = clocks.pop(led)
    (standing_by,) = clocks.values()
    assert not standing_by.events("clock leads")
    leading.kill()
    standing_by.wait_for("clock leads", 10)
    assert leader() == str(standing_by.pid)
    assert standing_by.stop(5) == 0
    assert alive(sqlite_url) == []


def test_nothing_personal_is_ever_in_redis(running: Processes, inbox: Inbox, redis_url: str) -> None:
    inbox.receive(20)
    Bell(RemoteRedis(redis_url)).ring(inbox.org_id)
    before = everything_in(redis_url)
    worker = running.start("worker", "--burst")
    assert worker.wait(30) == 0
    assert inbox.absorbed()
    held = before + everything_in(redis_url)
    assert "sync_org" in held
    assert "example.com" not in held
    assert "ada" not in held.lower()
    assert "example.com" not in worker.said()


# ── a Redis of our own ─────────────────────────────────────────────────────────────────────────────────────────────


def test_without_redis_url_the_processes_share_one_of_their_own_and_leave_none_behind(
    processes: Processes, inbox: Inbox, sqlite_url: str
) -> None:
    processes.environment |= {"DATABASE_URL": sqlite_url, **TICKS}
    inbox.receive()
    worker, clock = processes.start("worker"), processes.start("clock")
    wait_until(inbox.absorbed, 30, "the delivery is absorbed")
    sock = Path(processes.environment["CONTACTSYNC_VAR"]) / "redis" / "redis.sock"
    with Redis.from_url(f"unix://{sock}") as client:
        assert client.ping()
    worker.kill()
    assert sock.exists(), "the clock still uses it"
    assert clock.stop() == 0
    assert not sock.exists()


# ── the web ────────────────────────────────────────────────────────────────────────────────────────────────────────


HEADS = {
    "a long path": b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(100)) + b"\r\n",
}


def test_the_web_answers_until_it_is_asked_to_stop_and_keeps_no_log_of_who_asked_for_what(running: Processes) -> None:
    port = free_port()
    web = running.start("web", PORT=str(port))
    assert web.wait_for("web started", 30)["port"] == port
    here = f"http://127.0.0.1:{port}"
    assert requests.get(f"{here}/healthz?q=Lovelace", timeout=10).status_code == 200
    assert requests.get(f"{here}/readyz", timeout=10).status_code == 200
    for what, head in HEADS.items():
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(head)
            assert connection.recv(1000).split()[1].startswith(b"4"), what
    assert web.stop(15) == 0
    assert not web.left_behind()
    assert "Lovelace" not in web.said()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{here}/healthz", timeout=1)


def test_the_web_starts_without_redis_and_says_what_to_do(running: Processes) -> None:
    running.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    port = free_port()
    running.start("web", PORT=str(port)).wait_for("web started")
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200
    ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
    assert ready.status_code == 503
    assert "REDIS_URL" in ready.text
