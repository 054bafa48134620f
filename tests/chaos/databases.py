"""The database under chaos: a file that is locked now and then, or a Postgres server that is restarted and refuses."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psycopg

from tests.fixtures import postgres_server
from tests.fixtures.processes import free_port
from tests.fixtures.waiting import wait_until


class Database(Protocol):
    """A database, and what can happen to it. Each returns when it is over."""

    url: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can happen to it."""
        ...

    def do(self, kind: str, seconds: float) -> None:
        """Let one of `kinds` happen."""
        ...


class SqliteFile:
    """A file. An exclusive lock keeps everybody from writing; longer than SQLite's own patience it makes writers fail."""

    kinds: tuple[str, ...] = ("sqlite_lock_short", "sqlite_lock_long")

    def __init__(self, folder: Path) -> None:
        self._path = folder / "contactsync.db"
        self.url = f"sqlite:///{self._path}"

    def do(self, kind: str, seconds: float) -> None:
        """Hold the lock for so long."""
        with closing(sqlite3.connect(self._path, timeout=20, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")


# The server lives no longer than the pipe to its standard input: even when we are killed, nothing stays behind.
_LIVE_WITH_STDIN = '"$@" & cat >/dev/null; kill -INT $! 2>/dev/null; wait $!'

# Not fsync: the machine does not fail, only the server's processes do. But every commit is written before it is answered.
_OPTIONS = ("--max_connections=200", "--fsync=off", "--full_page_writes=off", "--synchronous_commit=on")


class PostgresServer:
    """A server of our own, which can be stopped and started."""

    kinds: tuple[str, ...] = (
        "postgres_restart_fast",
        "postgres_restart_immediate",
        "postgres_terminate",
        "postgres_refuse",
    )

    def __init__(self, folder: Path) -> None:
        self._binaries = postgres_server.binaries()
        self._as_postgres = postgres_server.as_postgres()
        self._folder = folder
        self._port = free_port()
        self._shell: subprocess.Popen[bytes] | None = None
        self._admin = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/chaos"
        if self._as_postgres:
            shutil.chown(folder, "postgres")
        initdb = [self._binaries / "initdb", "-D", folder / "cluster", "-U", "postgres", "--auth=trust", "--no-sync"]
        subprocess.run([*self._as_postgres, *initdb, "--encoding=UTF8"], check=True, capture_output=True, cwd=folder)
        self.start()
        self._tell("CREATE DATABASE chaos")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        listen = ["-D", self._folder / "cluster", "-p", str(self._port), "-k", self._folder, "-h", "127.0.0.1"]
        with (self._folder / "postgres.log").open("ab") as log:
            self._shell = subprocess.Popen(
                [*self._as_postgres, "sh", "-c", _LIVE_WITH_STDIN, "sh", self._binaries / "postgres", *listen, *_OPTIONS],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self._folder, start_new_session=True,
            )  # fmt: skip
        wait_until(self._answers, 60, "Postgres answers")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends what is under way, `immediate` is a crash."""
        assert self._shell is not None
        stop = [self._binaries / "pg_ctl", "-D", self._folder / "cluster", "-m", mode, "-w", "stop"]
        subprocess.run([*self._as_postgres, *stop], check=True, capture_output=True, cwd=self._folder)
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait(20)
        self._shell = None

    def do(self, kind: str, seconds: float) -> None:
        """Let it happen; `seconds`: for how long it is away."""
        if kind.startswith("postgres_restart_"):
            self.stop(kind.removeprefix("postgres_restart_"))
            time.sleep(seconds)
            self.start()
        elif kind == "postgres_terminate":
            self._tell(_TERMINATE)
        else:
            self._tell("ALTER DATABASE chaos ALLOW_CONNECTIONS false")
            self._tell(_TERMINATE)
            time.sleep(seconds)
            self._tell("ALTER DATABASE chaos ALLOW_CONNECTIONS true")

    def _tell(self, statement: str) -> None:
        with psycopg.connect(self._admin, autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement.encode())

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(self._admin, connect_timeout=5).close()
            return True
        return False


_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'chaos'"


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    """`sqlite` in the folder, or `postgres` in one of its own. Raises NoPostgresError."""
    if kind == "sqlite":
        yield SqliteFile(folder)
        return
    own = Path(tempfile.mkdtemp(prefix="contactsync-chaos-postgres-"))
    try:
        server = PostgresServer(own)
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(own, ignore_errors=True)
