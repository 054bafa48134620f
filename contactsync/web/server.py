"""The web process: gunicorn with our app. What it is told stands in `server_options`; config/gunicorn.py tells it the same.

Sync workers: a webhook is one short transaction, and measured faster than threads (one process each, no shared
connections). Every worker builds parts of its own after the fork, so that no connection is ever shared by two.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from contactsync.bootstrap import build
from contactsync.domain.errors import Misconfigured
from contactsync.log import described, logger
from contactsync.redis_server import find_redis
from contactsync.settings import Settings
from contactsync.stopping import GRACE_SECONDS, INSIST_SECONDS, SIGNALS
from contactsync.sync.parts import Parts
from contactsync.web.app import create_app
from contactsync.web.arrivals import Limits, ServedWhole

DEFAULT_WORKERS = 2
ANSWER_SECONDS = GRACE_SECONDS - 1
"""How long requests under way may take to end when web is asked to stop; to end the processes then takes a moment."""

log = logger(__name__)


def run_web(parts: Parts) -> None:
    """Serve on PORT until SIGTERM or SIGINT; requests under way, and those that had connected, have ANSWER_SECONDS to get
    their answers. A second signal ends it at once. Redis may be away.
    """
    parts.engine.dispose()
    try:
        find_redis(parts.settings.redis_url, parts.settings.var).url()  # one of our own lives at least as long as we
    except Misconfigured as error:
        log.warning("redis not started", **described(error))
    _Server(parts.settings).run()


def server_options(settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    """gunicorn's settings, by its own names.

    * The limits hold for head and headers; the body's is the app's (`intake.max_bytes`).
    * No access log: Heroku's router keeps one, and query strings may hold what a log must not (`?q=`).
    * On Heroku every request comes through its router, so X-Forwarded-Proto is believed there, and nowhere else.
    * The heartbeat file lies in memory: on a slow disk workers would be killed for being slow.
    """
    shm = Path("/dev/shm")  # noqa: S108 - gunicorn makes an unlinked file there
    return {
        "bind": f"0.0.0.0:{settings.port}",
        "workers": settings.web_concurrency or DEFAULT_WORKERS,
        "worker_class": EveryoneAnswered,
        "preload_app": False,
        "timeout": 30,
        "graceful_timeout": int(ANSWER_SECONDS),
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        "accesslog": None,
        "logger_class": ServerLog,
        "forwarded_allow_ips": "*" if "DYNO" in environ else "127.0.0.1,::1",
        "worker_tmp_dir": str(shm) if os.access(shm, os.W_OK) else None,
        "control_socket_disable": True,
        "proc_name": "contactsync web",
        "when_ready": _say_started,
        "post_fork": _limits(settings),
    }


class ServerLog(Logger):  # type: ignore[misc]
    """gunicorn's notes, sent the way of all others: no handlers, no format of their own."""

    def setup(self, cfg: Any) -> None:
        """Nothing but the level: `contactsync.log` does the rest."""
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        self.error_log.setLevel("WARNING")


def _say_started(server: Any) -> None:
    log.info("web started", pid=server.pid, workers=server.num_workers, port=server.address[0][1])


def _limits(settings: Settings) -> Callable[[Any, Any], None]:
    limits = Limits(settings.config.intake.request_seconds, settings.config.intake.max_bytes)

    def tell(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn looks at their number
        worker.limits = limits

    return tell


class EveryoneAnswered(ServedWhole):
    """A worker that also answers those who had connected when it was asked to stop: they would see their
    connection reset. Not for long, because a router that has not heard of it sends more.
    """

    def init_signals(self) -> None:
        """Ctrl-C asks as SIGTERM does: gunicorn's own would drop the request under way."""
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)
        signal.siginterrupt(signal.SIGINT, False)  # noqa: FBT003 - it takes no names

    def run(self) -> None:
        """Serve until asked to stop, then those who wait; the arbiter sees to it that a request comes to an end."""
        super().run()
        until = time.monotonic() + ANSWER_SECONDS / 2
        try:
            while time.monotonic() < until:
                self.accept(self.sockets[0])
        except OSError:
            log.debug("nobody waits")
        self.finish(until)


class _Asked(Arbiter):  # type: ignore[misc]
    """gunicorn's arbiter, which takes SIGINT for SIGTERM, and a second one of either to mean: at once."""

    _first: float | None = None

    def manage_workers(self) -> None:
        """None is started any more for one that was quicker to end: Heroku's signal reaches all of them at once."""
        if self._first is None:
            super().manage_workers()

    def signal(self, sig: int, frame: FrameType | None) -> None:
        if sig in SIGNALS:
            if self._first is None:
                self._first, sig = time.monotonic(), signal.SIGTERM
            elif time.monotonic() - self._first > INSIST_SECONDS:
                sig = signal.SIGQUIT
            else:
                return
        super().signal(sig, frame)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def run(self) -> None:
        _Asked(self).run()

    def load_config(self) -> None:
        for name, value in server_options(self._settings, os.environ).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In each worker, after the fork."""
        parts = build(self._settings)
        parts.bell.answers()  # the first webhook need not wait for a connection
        return create_app(parts)
