"""The bell, on a real Redis: rung once however often, heard once, and never in anybody's way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from contactsync.bell import ANSWER, FAILED_SECONDS, QUEUE, TOKEN_SECONDS, Bell, answer_bells, wake_token
from contactsync.domain.errors import Misconfigured
from contactsync.redis_server import RemoteRedis
from tests.fixtures.redis import RedisForTests, everything_in
from tests.fixtures.waiting import wait_until

JOBS = f"rq:queue:{QUEUE}"


@pytest.fixture
def bell(redis_url: str) -> Bell:
    return Bell(RemoteRedis(redis_url))


def answering(redis_url: str, answer: Callable[[int], bool]) -> list[int]:
    """Answer all bells that ring; the orgs in the order in which they were answered."""
    answered: list[int] = []
    place = RemoteRedis(redis_url)

    def one(org_id: int, stop: Callable[[], bool]) -> bool:
        answered.append(org_id)
        return answer(org_id)

    answer_bells(place, one, Bell(place).ring, burst=True)
    return answered


# ── ringing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_thousand_rings_are_one_job(bell: Bell, redis: Redis) -> None:
    assert all(bell.ring(7) for _ in range(1000))
    assert redis.llen(JOBS) == 1


def test_orgs_have_bells_of_their_own(bell: Bell, redis: Redis, redis_url: str) -> None:
    assert all(bell.ring(org_id) for org_id in (3, 1, 2, 3))
    assert answering(redis_url, lambda org_id: False) == [3, 1, 2]


def test_rings_from_many_at_once_are_one_job(redis_url: str, redis: Redis) -> None:
    threads = [threading.Thread(target=Bell(RemoteRedis(redis_url)).ring, args=(1,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert redis.llen(JOBS) == 1


def test_a_ring_after_the_first_costs_one_command(bell: Bell, redis: Redis) -> None:
    """The web's budget hangs on it: while a burst comes in, its bell has been rung."""
    bell.ring(1)
    before = redis.info("stats")["total_commands_processed"]
    bell.ring(1)
    assert redis.info("stats")["total_commands_processed"] - before == 2  # ours, and the INFO that asked before


def test_redis_holds_the_orgs_id_and_nothing_else_of_it(bell: Bell, redis: Redis, redis_url: str) -> None:
    bell.ring(42)
    (job,) = redis.keys("rq:job:*")
    with Redis.from_url(redis_url) as raw:
        held = Queue(QUEUE, connection=raw, serializer=JSONSerializer).fetch_job(job.removeprefix("rq:job:"))
    assert held is not None
    assert (held.func_name, list(held.args), held.kwargs, held.meta) == (ANSWER, [42], {}, {})
    assert held.description == QUEUE
    assert redis.get(wake_token(42)) == "1"
    assert 0 < redis.ttl(wake_token(42)) <= TOKEN_SECONDS


@pytest.mark.parametrize("state", ["ended", "hanging", "never there"])
def test_a_ring_fails_quickly_and_quietly_when_redis_is_away(own_redis: RedisForTests, state: str) -> None:
    bell = Bell(RemoteRedis(own_redis.url if state != "never there" else "redis://127.0.0.1:1/0"))
    if state != "never there":
        assert bell.ring(1)
    if state == "ended":
        own_redis.stop()
    elif state == "hanging":
        own_redis.pause()
    began = time.monotonic()
    assert bell.ring(2) is False
    assert time.monotonic() - began < 0.3


def test_after_a_ring_that_failed_the_next_ones_do_not_wait_for_redis(own_redis: RedisForTests) -> None:
    now = [0.0]
    bell = Bell(RemoteRedis(own_redis.url), clock=lambda: now[0])
    own_redis.pause()
    assert bell.ring(1) is False
    began = time.monotonic()
    assert [bell.ring(org_id) for org_id in range(100)] == [False] * 100
    assert time.monotonic() - began < 0.1
    own_redis.resume()
    now[0] += 1.1
    assert bell.ring(1)


def test_a_bell_rings_again_after_redis_was_restarted(own_redis: RedisForTests) -> None:
    now = [0.0]
    bell = Bell(RemoteRedis(own_redis.url), clock=lambda: now[0])
    bell.ring(1)
    own_redis.stop()
    assert bell.ring(1) is False
    own_redis.start()
    now[0] += 1.1
    assert bell.ring(1)
    with own_redis.client() as client:
        assert client.llen(JOBS) == 1


def test_a_ring_that_breaks_off_before_its_job_is_queued_silences_the_org_for_two_seconds_at_most(
    own_redis: RedisForTests,
) -> None:
    """Here the token may be set and the job may not be queued."""
    bell = Bell(RemoteRedis(own_redis.url))
    with own_redis.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-rpush")
        assert bell.ring(1) is False
        assert 0 < client.pttl(wake_token(1)) <= 2000


def test_a_token_whose_job_was_lost_silences_its_org_no_longer_than_it_lives(bell: Bell, redis: Redis) -> None:
    """A worker that dies between taking the job and deleting the token leaves exactly this."""
    bell.ring(1)
    redis.delete(JOBS)
    redis.pexpire(wake_token(1), 50)
    assert wait_until(lambda: bell.ring(1) and redis.llen(JOBS), 5, "the bell is in the queue again") == 1


def test_a_redis_that_cannot_be_had_is_no_reason_to_fail() -> None:
    class Nowhere:
        def url(self, patience: float = 10) -> str:
            raise Misconfigured("there is none")

        def leave(self) -> None: ...

    assert Bell(Nowhere()).ring(1) is False
    assert Bell(Nowhere()).answers() is False


# ── answering ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_bell_can_be_rung_again_while_it_is_being_answered(redis_url: str, redis: Redis) -> None:
    """A webhook that comes in during the sync is heard: the token goes before the work begins."""
    bell = Bell(RemoteRedis(redis_url))
    bell.ring(1)
    times = []

    def answer(org_id: int) -> bool:
        times.append(redis.exists(wake_token(1)))
        return len(times) == 1 and not bell.ring(1)

    assert answering(redis_url, answer) == [1, 1]
    assert times == [0, 0]


def test_an_org_with_more_work_waits_for_its_next_turn_behind_the_others(bell: Bell, redis_url: str) -> None:
    bell.ring(1)
    bell.ring(2)
    more = [True, True, False]
    assert answering(redis_url, lambda org_id: org_id == 1 and more.pop(0)) == [1, 2, 1, 1]


def test_nothing_is_left_in_redis_when_a_bell_was_answered(bell: Bell, redis: Redis, redis_url: str) -> None:
    bell.ring(1)
    answering(redis_url, lambda org_id: False)
    left = {key for key in redis.keys("*") if not key.startswith(("rq:worker:", "rq:clean", "rq:queues"))}
    assert left == set()


def test_what_an_answer_raises_leaves_no_text_in_redis_or_the_log(
    bell: Bell, redis: Redis, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(org_id: int) -> bool:
        raise LookupError("ada@example.com is unknown")

    bell.ring(1)
    assert answering(redis_url, answer) == [1]
    held = everything_in(redis_url)
    assert ANSWER in held  # it reads what RQ compresses, too
    assert "example.com" not in held
    assert "Traceback" not in held
    said = capsys.readouterr()
    assert "LookupError" in said.out + said.err
    assert "example.com" not in said.out + said.err


def test_an_answer_that_raises_is_not_tried_again_by_rq_and_the_bell_can_be_rung(
    bell: Bell, redis: Redis, redis_url: str
) -> None:
    def answer(org_id: int) -> bool:
        raise LookupError

    bell.ring(1)
    assert answering(redis_url, answer) == [1]
    assert bell.ring(1)
    assert redis.llen(JOBS) == 1
    assert all(0 < redis.ttl(key) <= FAILED_SECONDS for key in redis.keys("rq:results:*"))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("os.system", ["echo owned > {file}"]),
        ("builtins.open", ["{file}", "w"]),
        (ANSWER, ["1"]),
        (ANSWER, [1, 2]),
        (ANSWER, [True]),
        (ANSWER, []),
    ],
)
def test_a_job_that_is_none_of_ours_is_refused_and_never_run(
    redis: Redis, redis_server: RedisForTests, redis_url: str, tmp_path: Path, function: str, arguments: list[object]
) -> None:
    written = tmp_path / "owned"
    spelt = [part.format(file=written) if isinstance(part, str) else part for part in arguments]
    with Redis.from_url(redis_url) as raw:
        queue = Queue(QUEUE, connection=raw, serializer=JSONSerializer)
        job = queue.enqueue_call(function, args=spelt)
        assert answering(redis_url, lambda org_id: False) == []
        assert not written.exists()
        assert job.get_status() == "failed"
        assert 0 < redis.ttl(job.key) <= FAILED_SECONDS


def test_a_pickled_job_is_refused_unread(redis_url: str, tmp_path: Path) -> None:
    """Pickles run code when they are read; a job that somebody smuggles in as one is not."""
    written = tmp_path / "owned"
    with Redis.from_url(redis_url) as raw:
        job = Queue(QUEUE, connection=raw).enqueue_call(os.mkdir, args=(str(written),))
        assert answering(redis_url, lambda org_id: False) == []
        assert not written.exists()
        assert job.get_status() == "failed"


def test_a_jobs_callbacks_are_never_run(redis_url: str, bell: Bell, redis: Redis) -> None:
    bell.ring(1)
    (key,) = redis.keys("rq:job:*")
    redis.hset(key, mapping={"success_callback_name": "os.abort", "failure_callback_name": "os.abort"})
    assert answering(redis_url, lambda org_id: False) == [1]


# ── losing Redis ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_outlives_any_outage_of_redis_and_goes_on(own_redis: RedisForTests) -> None:
    """Longer than its connection tries again: RQ's own worker would end."""
    place = RemoteRedis(own_redis.url)
    bell = Bell(place, clock=iter(range(0, 10_000, 10)).__next__)
    bell.ring(1)
    done = threading.Event()

    def answer(org_id: int, stop: Callable[[], bool]) -> bool:
        if org_id == 1:
            own_redis.stop()
            threading.Timer(1.0, come_back).start()
        else:
            done.set()
            os.kill(os.getpid(), signal.SIGTERM)
        return False

    def come_back() -> None:
        own_redis.start()
        wait_until(lambda: bell.ring(2), 10, "the bell rings again")

    answer_bells(place, answer, bell.ring, retries=0, pause=0.1)
    assert done.is_set()
