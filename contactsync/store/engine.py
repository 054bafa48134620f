"""Opening the database, its transactions and its migrations. SQLite and Postgres behave alike from here on."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from contactsync.domain.errors import Misconfigured

__all__ = [
    "Connection",
    "Engine",
    "committing",
    "execute_patiently",
    "migrations_pending",
    "open_engine",
    "overwrite_deleted",
    "reading",
    "trouble",
    "unavailable",
    "upgrade",
    "without_values",
    "writing",
]

_BEGIN = "contactsync_begin"  # execution option of a connection: the statement that begins a transaction on SQLite
_MIGRATIONS = "contactsync.store:migrations"  # a package and its folder: found wherever the package is installed
_UPGRADE_MILLISECONDS = 120_000  # how long SQLite's second upgrade waits for the first
_CHECKPOINT_ATTEMPTS = 20
_MIGRATION_LOCK = 4_721_016_201  # any number, the same for all versions: Postgres advisory lock of a running upgrade

# Heroku's routers and NATs drop idle connections silently; without these a worker would wait for two hours.
_POSTGRES_DEFAULTS: dict[str, Any] = {
    "application_name": "contactsync",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def open_engine(url: str) -> Engine:
    """An engine for a `DATABASE_URL`; it connects with the first transaction, not before.

    Accepted: `sqlite:///<path>`, `postgres://…` as Heroku writes it, `postgresql://…`. Raises Misconfigured for others.
    Exception texts never hold the values of a statement (invariant I8).
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed)
    defaults = {key: value for key, value in _POSTGRES_DEFAULTS.items() if key not in parsed.query}
    engine = sa.create_engine(parsed, hide_parameters=True, pool_pre_ping=True, connect_args=defaults)
    event.listen(engine, "handle_error", _hide_values)
    event.listen(engine, "connect", _prefer_indexes)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads. On SQLite it never waits for a writer; writing in it may fail there as locked."""
    with engine.begin() as conn:
        yield conn


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: committed at the end, rolled back by an exception.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE): one that began by reading could not wait for the lock,
    it would fail whenever somebody else wrote in between. Never open one inside another.
    """
    with engine.connect() as conn:
        if engine.dialect.name == "sqlite":
            conn.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with conn.begin():
            yield conn


@contextmanager
def committing(engine: Engine) -> Iterator[Connection]:
    """A connection on which each statement commits by itself: one round trip to Postgres instead of three."""
    with engine.connect() as conn:
        if engine.dialect.name == "sqlite":
            conn.execution_options(**{_BEGIN: ""})
        else:
            conn.execution_options(isolation_level="AUTOCOMMIT")
        yield conn


def unavailable(error: BaseException) -> bool:
    """Whether an exception means that the database cannot answer now (away, locked, full): the same may work later."""
    return isinstance(error, (OperationalError, InterfaceError, InternalError, PoolTimeout))


def trouble(error: BaseException) -> str | None:
    """What to tell the operator of an exception by which the database says that it cannot be used; None for any other.

    No password and no row stands in it.
    """
    if isinstance(error, PoolTimeout):
        return "DATABASE_URL: the database has no connection free now."
    if not isinstance(error, DBAPIError) or not (unavailable(error) or type(error) is DatabaseError):
        return None
    said = str(error.orig).strip().splitlines() or [type(error).__name__]
    return f"DATABASE_URL: the database cannot be used now. It says: {said[0]}"


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest schema. Several processes may do so at once: one works, the others wait for it.

    On Postgres a database that is in use goes revision by revision, each in a transaction of its own: one that kept the
    contacts locked until it wanted the orgs as well would be in the way of a worker that has an org and wants its contacts.
    Raises Misconfigured when a newer contactsync has migrated the database already.
    """
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    newest = _revisions()[0]
    while True:
        with _migrating(engine) as conn:
            present = MigrationContext.configure(conn).get_current_revision()
            if present == newest:
                return
            config.attributes["connection"] = conn
            in_use = present is not None and engine.dialect.name != "sqlite"
            try:
                command.upgrade(config, "+1" if in_use else "head")
            except CommandError as error:
                if _is_newer(conn):
                    raise Misconfigured(
                        "DATABASE_URL: a newer contactsync migrated this database: run that version, or restore a backup"
                    ) from error
                raise
            if not in_use:
                return


def migrations_pending(engine: Engine) -> bool:
    """Whether `upgrade` has something to do.

    A database that a newer version has migrated is not pending: it stays in use while old processes are replaced.
    """
    with reading(engine) as conn:
        revision = MigrationContext.configure(conn).get_current_revision()
    return revision in (None, *_revisions()[1:])


def _revisions() -> list[str | None]:
    """All that this version knows, newest first."""
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _is_newer(conn: Connection) -> bool:
    revision = MigrationContext.configure(conn).get_current_revision()
    return revision is not None and revision not in _revisions()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Misconfigured(f"DATABASE_URL is not a database URL: {_ACCEPTED}") from error
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if parsed.database in (None, "", ":memory:"):
            raise Misconfigured(f"DATABASE_URL names no file, which web and worker could share: {_ACCEPTED}")
        return parsed
    raise Misconfigured(f"DATABASE_URL names a database that contactsync does not know: {_ACCEPTED}")


_ACCEPTED = "write sqlite:////path/to/contactsync.db or postgresql://user:password@host/name"


# ── SQLite ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _open_sqlite(url: URL) -> Engine:
    # "?timeout=" in the URL, in seconds, says how long to wait for the write lock; the driver's usual 5 s are ours too.
    engine = sa.create_engine(url, hide_parameters=True)
    event.listen(engine, "do_connect", _make_folder)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _make_folder(_dialect: Dialect, _record: ConnectionPoolEntry, args: Any, _kwargs: Any) -> None:
    if args[0].startswith("file:"):
        return  # a URI, whose options may say that nothing is to be made
    folder = Path(args[0]).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"DATABASE_URL: the folder of the SQLite file cannot be made: {error.strerror}") from error


def _set_up(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # Python's sqlite3 begins nothing by itself: `_begin` does
    # On a new file several processes may want this at once, and SQLite does not wait by itself here.
    execute_patiently(connection, "PRAGMA journal_mode=WAL")
    # In WAL mode NORMAL syncs at checkpoints only: a power cut could take back what was answered 202 (invariant I1). FULL
    # is one fsync per commit: 0.2 ms instead of 0.02 ms on a quiet virtual disk. Two processes that did nothing else kept
    # 2,400 deliveries a second with it and 3,600 with NORMAL, both more than a web process verifies and validates.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # What is deleted is overwritten with zeros: an erased person must not stay in the file's free pages. An UPDATE or
    # DELETE writes the pages that it frees once more; keeping a delivery frees none.
    connection.execute("PRAGMA secure_delete=ON")


def overwrite_deleted(engine: Engine) -> None:
    """On SQLite, bring what was changed into the file and cut the write-ahead log, which holds pages as they were before.

    A reader in between leaves the log as it is: it is overwritten as the next writers fill it. It is tried again some times
    rather than waited for, which would keep the webhooks waiting as well. Postgres does the like with its autovacuum.
    """
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as conn:
        usual = _outside_transaction(conn, "PRAGMA busy_timeout")
        _outside_transaction(conn, "PRAGMA busy_timeout=0")
        try:
            for _ in range(_CHECKPOINT_ATTEMPTS):
                with suppress(OperationalError):
                    if _outside_transaction(conn, "PRAGMA wal_checkpoint(TRUNCATE)") == 0:
                        return
                time.sleep(0.05)
        finally:
            _outside_transaction(conn, f"PRAGMA busy_timeout={usual}")


def _begin(conn: Connection) -> None:
    statement = conn.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        try:
            execute_patiently(cast("sqlite3.Connection", conn.connection.driver_connection), statement)
        except sqlite3.Error as error:
            raise OperationalError(statement, None, error) from error


def execute_patiently(connection: sqlite3.Connection, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
    """Execute what may have to wait for SQLite's one write lock, on the driver's own connection.

    SQLite's own way of waiting sleeps up to 100 ms a time. Two processes that write all the time kept 1,800 deliveries a
    second with it, the slowest in 130 ms; 2,450 with pauses from 50 µs to 2 ms, the slowest in 10 ms.
    """
    (milliseconds,) = connection.execute("PRAGMA busy_timeout").fetchone()
    give_up = time.monotonic() + milliseconds / 1000
    pause = 0.00005
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                return connection.execute(statement, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 0.002)
    finally:
        connection.execute(f"PRAGMA busy_timeout={milliseconds}")


# ── Postgres ───────────────────────────────────────────────────────────────────────────────────────────────────────


def without_values(error: psycopg.Error) -> str:
    """What Postgres says, without the values it quotes: its DETAIL shows whole rows, its data errors the wrong text."""
    said = error.diag.message_primary or type(error).__name__
    return said.split(":")[0] if (error.sqlstate or "").startswith("22") else said


def _prefer_indexes(connection: psycopg.Connection[Any], _record: ConnectionPoolEntry) -> None:
    """Unless somebody chose otherwise, take a row found by an index to cost no more than one that is read in passing.

    Postgres' own 4 is that of a disk whose arm moves. By it a claim's thousand keys are not looked up: whole tables of a
    hundred thousand rows are read instead, the slower the more there is.
    """
    connection.execute(
        "SELECT set_config('random_page_cost', '1.1', false) WHERE current_setting('random_page_cost') = '4'"
    )
    connection.commit()


def _hide_values(context: ExceptionContext) -> None:
    original, ours = context.original_exception, context.sqlalchemy_exception
    if isinstance(original, psycopg.Error) and original.sqlstate:
        original.args = (without_values(original),)
        if ours is not None:
            ours.args = (f"({type(original).__name__}) {original}",)


# ── migrations ─────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction that only one process at a time is in."""
    if engine.dialect.name != "sqlite":
        with writing(engine) as conn:
            conn.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            yield conn
        return
    # A table that is rebuilt (all that SQLite can do to a column) would take its dependents along by ON DELETE CASCADE;
    # the pragma does nothing inside a transaction, so it comes before.
    with engine.connect() as conn:
        _outside_transaction(conn, "PRAGMA foreign_keys=OFF")
        # A process that comes second waits for the first one's whole upgrade, not just for a webhook's moment.
        usual = _outside_transaction(conn, "PRAGMA busy_timeout")
        _outside_transaction(conn, f"PRAGMA busy_timeout={_UPGRADE_MILLISECONDS}")
        try:
            conn.execution_options(**{_BEGIN: "BEGIN EXCLUSIVE"})
            with conn.begin():
                yield conn
                if conn.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise RuntimeError("the migration left rows that refer to nothing; nothing was changed")
        finally:
            _outside_transaction(conn, "PRAGMA foreign_keys=ON")
            _outside_transaction(conn, f"PRAGMA busy_timeout={usual}")


def _outside_transaction(conn: Connection, statement: str) -> Any:
    """Execute a pragma; what it says, if anything."""
    conn.execution_options(**{_BEGIN: ""})
    result = conn.exec_driver_sql(statement)
    said = result.scalar() if result.returns_rows else None
    conn.commit()
    return said
