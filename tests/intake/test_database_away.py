"""Whatever the database has against a webhook, it is answered 503 with Retry-After and never 202, and comes in later."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.engine import make_url

from contactsync.store.engine import open_engine, upgrade
from tests.fixtures.postgres_server import NoPostgresError, postgres_server
from tests.intake.conftest import ADA, kept, moved


def comes_later(answer) -> bool:
    assert answer.status_code == 503, answer.text
    assert answer.json["error"]["code"] == "unavailable"
    return answer.headers["Retry-After"].isdigit() and int(answer.headers["Retry-After"]) > 0


# ── SQLite ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def file(sqlite_url) -> str:
    return make_url(sqlite_url).database


def test_a_full_sqlite_database_keeps_nothing_until_there_is_room(make_sender, sqlite_url):
    engine = open_engine(sqlite_url)
    limit = {"pages": 4_000_000}

    @sa.event.listens_for(engine, "connect")
    def bound(connection, _record):
        connection.execute(f"PRAGMA max_page_count={limit['pages']}")

    sender = make_sender(engine)
    big = {**ADA, "custom": {f"f{n}": "y" * 9_000 for n in range(40)}}
    assert sender.send(ADA, webhook_id="first").status_code == 202
    engine.dispose()
    limit["pages"] = 1  # SQLite takes as many as there are
    assert comes_later(sender.send(big, webhook_id="big"))
    assert len(kept(engine)) == 1
    engine.dispose()
    limit["pages"] = 4_000_000
    assert sender.send(big, webhook_id="big").status_code == 202
    engine.dispose()


def test_a_sqlite_database_that_somebody_locks_keeps_nothing_until_it_is_free(make_sender, sqlite_url, file):
    engine = open_engine(f"{sqlite_url}?timeout=0.2")
    sender = make_sender(engine)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert comes_later(sender.send(ADA, webhook_id="locked"))
        other.execute("ROLLBACK")
    assert kept(engine) == []
    assert sender.send(ADA, webhook_id="locked").status_code == 202
    engine.dispose()


def test_a_sqlite_database_that_may_only_be_read_keeps_nothing(make_sender, sqlite_url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine = open_engine(sqlite_url)
    sender = make_sender(engine)
    assert sender.send(ADA, webhook_id="first").status_code == 202
    engine.dispose()
    reader = open_engine(f"{sqlite_url.replace('sqlite:///', 'sqlite:///file:')}?mode=ro&uri=true")
    assert comes_later(moved(sender, engine=reader).send(ADA, webhook_id="second"))
    reader.dispose()
    assert not (tmp_path / "file:").exists(), "a URI is no path: no folder is made of it"
    assert [row.webhook_id for row in kept(engine)] == ["first"]
    engine.dispose()


def test_a_sqlite_database_that_is_no_database_any_more_keeps_nothing(make_sender, sqlite_url, file):
    engine = open_engine(sqlite_url)
    sender = make_sender(engine)
    engine.dispose()
    Path(file).write_bytes(b"no database" * 1000)
    assert comes_later(sender.send(ADA))
    engine.dispose()


# ── Postgres ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.postgres
def test_a_postgres_database_that_may_only_be_read_keeps_nothing_until_it_may_be_written(make_sender, postgres_url):
    engine = open_engine(postgres_url)
    sender = make_sender(engine)
    name = sql.Identifier(make_url(postgres_url).database)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        engine.dispose()
        try:
            assert comes_later(sender.send(ADA, webhook_id="read-only"))
            assert kept(engine) == []
        finally:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
    engine.dispose()
    assert sender.send(ADA, webhook_id="read-only").status_code == 202
    engine.dispose()


@pytest.fixture
def own_postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Callable[[], None]]]:
    """A server that nobody else uses, and what stops it."""
    monkeypatch.delenv("POSTGRES_TEST_URL", raising=False)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_server())
        except NoPostgresError as error:
            pytest.skip(str(error))
        yield url, stack.close


@pytest.mark.postgres
def test_a_postgres_server_that_stopped_keeps_nothing(make_sender, own_postgres):
    url, stop = own_postgres
    engine = open_engine(url)
    upgrade(engine)
    sender = make_sender(engine)
    assert sender.send(ADA, webhook_id="first").status_code == 202
    stop()
    assert comes_later(sender.send(ADA, webhook_id="second"))
    assert comes_later(moved(sender).send(ADA, webhook_id="third"))  # doors that have not met this org yet
    engine.dispose()
