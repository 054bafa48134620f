"""Opening a database and writing to it."""

from __future__ import annotations

import threading
import traceback
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from contactsync.domain.errors import Misconfigured
from contactsync.store import orgs, tables
from contactsync.store.engine import committing, open_engine, reading, unavailable, writing

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CANARY = "canary@example.com"
NOBODY_LISTENS = "postgresql://somebody:hush@127.0.0.1:1/nothing"


def names(conn) -> set[str]:
    return {org.slug for org in orgs.list_orgs(conn)}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_a_postgres_url_leads_to_one_driver(scheme):
    engine = open_engine(f"{scheme}://user:hush@db.example.com:5432/name?sslmode=require")
    assert engine.url.drivername == "postgresql+psycopg"
    assert engine.url.query == {"sslmode": "require"}


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://user:hush@host/name", "sqlite://", "sqlite:///:memory:", "postgresql+pg8000://host/x"],
)
def test_a_url_that_cannot_serve_is_refused_with_what_to_write(url):
    with pytest.raises(Misconfigured, match=r"^DATABASE_URL .*write sqlite:////path.* or postgresql://") as refused:
        open_engine(url)
    assert "hush" not in str(refused.value)


def test_opening_does_not_connect(tmp_path):
    open_engine(f"sqlite:///{tmp_path}/later/contactsync.db")
    open_engine(NOBODY_LISTENS)
    assert not (tmp_path / "later").exists()


def test_the_folder_of_a_sqlite_file_is_made_at_the_first_connection(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/not/there/contactsync.db")
    with reading(engine) as conn:
        conn.exec_driver_sql("SELECT 1")
    engine.dispose()
    assert (tmp_path / "not" / "there" / "contactsync.db").exists()


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path):
    (tmp_path / "file").touch()
    engine = open_engine(f"sqlite:///{tmp_path}/file/below/contactsync.db")
    with pytest.raises(Misconfigured, match="DATABASE_URL: the folder"), reading(engine):
        pass


def test_sqlite_is_set_up_so_that_a_commit_survives_a_power_cut_and_references_hold(sqlite_url):
    engine = open_engine(sqlite_url)
    with reading(engine) as conn:
        found = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2}  # 2: FULL


def test_writing_commits_at_its_end(engine):
    with writing(engine) as conn:
        orgs.add_org(conn, "acme", "Acme", NOW)
    with reading(engine) as conn:
        assert names(conn) == {"acme"}


def test_an_exception_takes_back_all_that_was_written(engine):
    with pytest.raises(ZeroDivisionError), writing(engine) as conn:
        orgs.add_org(conn, "acme", "Acme", NOW)
        raise ZeroDivisionError
    with reading(engine) as conn:
        assert names(conn) == set()


def test_committing_makes_each_statement_last_at_once(engine):
    with committing(engine) as conn:
        orgs.add_org(conn, "acme", "Acme", NOW)
        with reading(engine) as other:
            assert names(other) == {"acme"}


def test_a_connection_that_committed_each_statement_goes_back_to_transactions(engine):
    with committing(engine) as conn:
        orgs.add_org(conn, "first", "First", NOW)
    with pytest.raises(ZeroDivisionError), writing(engine) as conn:
        orgs.add_org(conn, "second", "Second", NOW)
        raise ZeroDivisionError
    with reading(engine) as conn:
        assert names(conn) == {"first"}


def test_writers_that_read_before_they_write_never_lose_each_others_changes_on_sqlite(sqlite_url):
    engine = open_engine(sqlite_url)
    with writing(engine) as conn:
        org = orgs.add_org(conn, "acme", "Acme", NOW)

    def change(name: str) -> None:
        for number in range(10):
            with writing(engine) as conn:
                orgs.set_mapping_json(conn, org.id, f"{name}{number}", {"rules": []})

    threads = [threading.Thread(target=change, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as conn:
        assert len(orgs.mapping_json(conn, org.id)) == 40
    engine.dispose()


def test_a_write_lock_that_does_not_come_free_in_time_is_an_error_that_may_pass(sqlite_url):
    holder, waiter = open_engine(sqlite_url), open_engine(f"{sqlite_url}?timeout=0.1")
    with writing(holder), pytest.raises(OperationalError, match="locked") as late, writing(waiter):
        pass
    assert unavailable(late.value)
    with writing(waiter) as conn:  # and it goes again by itself
        orgs.add_org(conn, "acme", "Acme", NOW)
    holder.dispose()
    waiter.dispose()


def test_reading_goes_on_while_somebody_writes(engine):
    with writing(engine) as conn:
        orgs.add_org(conn, "acme", "Acme", NOW)
        with reading(engine) as other:
            assert names(other) == set()


def test_a_database_that_is_away_is_told_apart_from_a_mistake(engine):
    with pytest.raises(DBAPIError) as away, reading(open_engine(NOBODY_LISTENS)):
        pass
    with pytest.raises(IntegrityError) as mistake, writing(engine) as conn:
        conn.execute(sa.insert(tables.webhook_secret).values(org_id=404, sealed="", created_at=NOW))
    assert unavailable(away.value)
    assert not unavailable(mistake.value)
    assert "hush" not in "".join(traceback.format_exception(away.value))


def test_what_was_being_written_is_in_no_exception(engine):
    row = {"org_id": 404, "source_id": CANARY, "fields": {"email": CANARY}, "email": CANARY, "status": "queued"}
    with pytest.raises(IntegrityError) as refused, writing(engine) as conn:
        conn.execute(sa.insert(tables.contact).values(**row, created_at=NOW, updated_at=None))
    told = "".join(traceback.format_exception(refused.value))
    assert "updated_at" in told  # the column that is at fault is named
    assert CANARY not in told


@pytest.mark.postgres
def test_a_value_that_postgres_cannot_read_is_not_quoted(postgres_url):
    engine = open_engine(postgres_url)
    wrong = {"text": "kim." + CANARY}
    with pytest.raises(DBAPIError) as refused, reading(engine) as conn:
        conn.execute(sa.text("SELECT CAST(:text AS integer)"), wrong)
    told = "".join(traceback.format_exception(refused.value))
    assert "invalid input syntax for type integer" in told
    assert CANARY not in told
    engine.dispose()


@pytest.mark.postgres
def test_a_connection_that_postgres_dropped_is_replaced_before_it_is_used(postgres_url):
    engine, other = open_engine(postgres_url), open_engine(postgres_url)
    with reading(engine) as conn:
        ours = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    with committing(other) as conn:
        conn.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ours})
    with reading(engine) as conn:
        assert conn.exec_driver_sql("SELECT pg_backend_pid()").scalar() != ours
    engine.dispose()
    other.dispose()


def test_many_that_open_one_new_sqlite_file_at_once_all_can(tmp_path):
    """Switching a new file to write-ahead logging is where SQLite itself would not wait."""
    failed = []

    def look(url: str, together: threading.Barrier) -> None:
        engine = open_engine(url)
        together.wait(30)
        try:
            with reading(engine) as conn:
                conn.exec_driver_sql("SELECT 1")
        except DBAPIError as error:
            failed.append(error)
        finally:
            engine.dispose()

    for number in range(20):
        together = threading.Barrier(6)
        url = f"sqlite:///{tmp_path}/{number}.db"
        threads = [threading.Thread(target=look, args=(url, together)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
