"""The bell: the RQ job that says "this org has work". The only file that knows RQ.

    ring     SET wake:<org> NX → somebody rang already: done. Else put a job into the queue; the token then lives 30 s.
    answer   a worker takes the job, deletes the token (who rings from now on is heard), brings the org's work to the
             CRM, and rings again when there is more: orgs take turns in the queue.

Redis may lose any of it at any time: the database is the queue, and the clock rings again whatever was lost. So a bell
carries the org's id and nothing else, ringing never raises, and RQ's own recovery, which can take minutes or fail
(facts: RQ 3.0), is not relied on.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import redis.exceptions
import structlog
from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry as Reconnect
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job, Retry
from rq.serializers import JSONSerializer
from rq.version import VERSION as RQ_VERSION
from rq.worker import WorkerStatus

from contactsync.domain.errors import Misconfigured, RefusedInput
from contactsync.log import described, logger
from contactsync.redis_server import RedisPlace, connection_options
from contactsync.stopping import leave_at_once, stop_on_signal

QUEUE = "bell"
ANSWER = "sync_org"
"""The one function that a job may name."""

TOKEN_SECONDS = 30
UNQUEUED_SECONDS = 2
"""How long a token lives whose job is not in the queue yet: a ring that broke off must not silence the org for long."""

JOB_SECONDS = 900
"""A job that takes longer is stuck, and broken off. By itself it gives way after its slice and the batch under way."""

FAILED_SECONDS = 60
DEAD_WORKER_RETRIES = 2
QUIET_SECONDS = 1.0
"""After a ring that failed, the next ones fail at once for this long: a webhook must not wait for a dead Redis."""

_QUICK_SECONDS = 0.2
_QUICK = {
    "socket_connect_timeout": _QUICK_SECONDS,
    "socket_timeout": _QUICK_SECONDS,
    "retry": Reconnect(NoBackoff(), 0),
}
WORKER_RETRIES = 10
"""How often a worker's connection is made again before RQ hears of it: about 7 s. Then a new RQ worker is started."""

log = logger(__name__)


def wake_token(org_id: int) -> str:
    """The key that says: this org's bell has been rung and not yet been heard."""
    return f"wake:{org_id}"


class Bell:
    """Rings for an org. Connects with the first ring; one per process, safe to use after a fork."""

    def __init__(self, place: RedisPlace, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._clock = clock
        self._queue: Queue | None = None
        self._quiet_until = float("-inf")

    def ring(self, org_id: int) -> bool:
        """Tell a worker that this org has work. False: Redis is away, the clock will ring. Never raises for that."""
        return self._try(lambda queue: _ring(queue, org_id))

    def answers(self) -> bool:
        """Whether Redis is there, for /readyz."""
        return self._try(lambda queue: bool(queue.connection.ping()))

    def close(self) -> None:
        """Let go of Redis; the next ring comes back to it."""
        self._disconnect()
        self._place.leave()

    def _try(self, do: Callable[[Queue], bool]) -> bool:
        if self._clock() < self._quiet_until:
            return False
        try:
            if self._queue is None:
                self._queue = _queue(_connect(self._place.url(_QUICK_SECONDS), _QUICK))
            return do(self._queue)
        except (redis.exceptions.RedisError, Misconfigured) as error:
            log.warning("bell not rung", **described(error))
            self._disconnect()  # the next one asks anew where Redis is: one of our own is started again
            self._quiet_until = self._clock() + QUIET_SECONDS
            return False

    def _disconnect(self) -> None:
        if self._queue is not None:
            self._queue.connection.close()
        self._queue = None


def _ring(queue: Queue, org_id: int) -> bool:
    token = wake_token(org_id)
    if not queue.connection.set(token, 1, nx=True, ex=UNQUEUED_SECONDS):
        return True
    with queue.connection.pipeline() as together:
        queue.enqueue_call(
            ANSWER,
            args=(org_id,),
            timeout=JOB_SECONDS,
            result_ttl=0,
            failure_ttl=FAILED_SECONDS,
            description=QUEUE,  # RQ's own would spell the arguments out
            retry=Retry(max=DEAD_WORKER_RETRIES),
            pipeline=together,
        )
        together.expire(token, TOKEN_SECONDS)
        together.execute()
    return True


def _connect(url: str, options: Mapping[str, Any]) -> Redis:
    return Redis.from_url(url, **options, **connection_options(url))


def _queue(connection: Redis, job_class: type[Job] = Job) -> Queue:
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=job_class)


# ── the worker's side ──────────────────────────────────────────────────────────────────────────────────────────────

Answer = Callable[[int, Callable[[], bool]], bool]
"""Does an org's work: (org id, whether to stop after the batch under way) → whether there is more."""


def answer_bells(
    place: RedisPlace,
    answer: Answer,
    ring: Callable[[int], bool],
    *,
    burst: bool = False,
    retries: int = WORKER_RETRIES,
    pause: float = 1.0,
) -> None:
    """Answer bells until SIGTERM or SIGINT; with `burst`, until none is left.

        until asked to stop:
            find Redis (start our own if nobody runs one), connect
            answer bells, one at a time, until Redis is away for longer than the connection's retries
            wait a moment

    A signal ends a worker that waits at once, one that works after the batch under way; a second signal at once, without
    clearing up: what is under way in the CRM may still take effect, so its lease is left to run out.
    `retries`: of its connection; `pause`: seconds between two RQ workers. Raises Misconfigured when a Redis of our own
    cannot be started.
    """
    place.url()
    working: list[_BellWorker] = []

    def first_signal() -> None:
        if not working:
            raise StopRequested
        working[0].ask_to_stop()

    with suppress(StopRequested), stop_on_signal(first_signal, leave_at_once) as stop:
        functions = {ANSWER: _answering(answer, ring, stop.asked)}
        job_class = type("BellJob", (_BellJob,), {"functions": functions})
        patience = {"socket_connect_timeout": 5, "retry": Reconnect(_Patience(stop.asked), retries)}
        while not stop.asked():
            try:
                working[:] = [_worker(_queue(_connect(place.url(), patience), job_class))]
                working[0].work(burst=burst)
            except (redis.exceptions.RedisError, Misconfigured) as error:
                if burst:
                    raise
                log.warning("redis lost", **described(error))
            finally:
                working.clear()
            if burst:
                return
            stop.wait(pause)


def _worker(queue: Queue) -> _BellWorker:
    return _BellWorker(
        [queue],  # one queue: only then does RQ keep what it took until it is started
        connection=queue.connection,
        job_class=queue.job_class,
        serializer=JSONSerializer,
        worker_ttl=30,
        maintenance_interval=10,
        job_monitoring_interval=5,
        log_job_description=False,
    )


def _answering(answer: Answer, ring: Callable[[int], bool], stop: Callable[[], bool]) -> Callable[[int], None]:
    def sync_org(org_id: int) -> None:
        if answer(org_id, stop):
            ring(org_id)

    return sync_org


class _BellJob(Job):
    """A job that may name our function only: whoever can write to Redis still cannot run code here."""

    functions: ClassVar[Mapping[str, Callable[[int], None]]] = {}

    @property
    def func(self) -> Callable[..., None]:
        function = self.functions.get(self.func_name or "")
        if function is None or self.instance is not None or self.kwargs or not _is_org_id(self.args):
            raise RefusedInput("a job in the queue is none of ours: it was refused; see who can write to this Redis")
        token = wake_token(self.args[0])

        def answered(org_id: int) -> None:
            self.connection.delete(token)  # first: whatever comes from now on rings again
            function(org_id)

        return answered

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, *_args: object, **_options: object) -> None:
        """None: a job cannot make us call somebody."""


def _is_org_id(args: object) -> bool:
    return isinstance(args, list | tuple) and len(args) == 1 and type(args[0]) is int


class _Patience(ExponentialBackoff):
    """How long to wait before a connection is made again; no longer at all when this process was asked to stop."""

    def __init__(self, asked_to_stop: Callable[[], bool]) -> None:
        super().__init__(cap=1, base=0.1)
        self._asked_to_stop = asked_to_stop

    def compute(self, failures: int) -> float:
        """Seconds. Raises StopRequested."""
        if self._asked_to_stop():
            raise StopRequested
        return float(super().compute(failures))

    def __deepcopy__(self, _memo: object) -> _Patience:
        """redis-py copies it for each connection; whether we were asked to stop is one question for all."""
        return self


class _BellWorker(SimpleWorker):
    """RQ's worker that does its job in its own process: a slice ends well inside the grace that a SIGTERM leaves.

    It listens to no commands (RQ's pub/sub would cost a connection, and let anybody in Redis end it), and what a job
    raises leaves neither a text nor a traceback in Redis or in the logs: they could hold personal data.
    """

    max_connection_wait_time = 2.0

    def ask_to_stop(self) -> None:
        """Stop after the job under way; at once, by StopRequested, when there is none."""
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested
        self._stop_requested = True

    def _install_signal_handlers(self) -> None:
        """Ours are installed for longer than one worker lives."""

    def subscribe(self) -> None:
        """To nothing."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Told once for each job that raised. RQ does not try it again: the clock will ring."""
        job.retries_left = 0
        job.failure_ttl = FAILED_SECONDS
        with suppress(Exception):  # a job that cannot be read names no org
            structlog.contextvars.bind_contextvars(org=job.args[0])
        if isinstance(exc_info[1], redis.exceptions.RedisError):  # the work may be done; RQ could not say so
            log.warning("redis lost under a bell", **described(exc_info[1]))
        else:
            log.error("bell not answered", **described(exc_info[1]))
        structlog.contextvars.unbind_contextvars("org")

    def handle_job_failure(self, job: Job, queue: Queue, *args: Any, **options: Any) -> None:
        """RQ's, without the traceback that it would keep in Redis."""
        super().handle_job_failure(job, queue, *args, **{**options, "exc_string": "see the worker's log"})

    def teardown(self) -> None:
        """Say goodbye if Redis is there; else it forgets us by itself."""
        self.connection.set_retry(Reconnect(NoBackoff(), 0))
        with suppress(redis.exceptions.RedisError):
            super().teardown()  # type: ignore[no-untyped-call]


def versions() -> dict[str, str]:
    """Of what answers bells, for the log line of a start."""
    return {"python": platform.python_version(), "rq": RQ_VERSION, "redis_client": redis.__version__}
