"""Migrations make exactly the tables that the code speaks of, once, whoever runs them."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from contactsync.domain.crm import Problem
from contactsync.domain.errors import Misconfigured
from contactsync.store import tables
from contactsync.store.engine import migrations_pending, open_engine, reading, upgrade, writing
from tests.fixtures.waiting import wait_until

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def empty(empty_database_url):
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


def indexes(conn) -> set[str]:
    """Every index and constraint as the database itself writes it down."""
    if conn.dialect.name == "sqlite":
        written = "SELECT sql FROM sqlite_master WHERE sql LIKE 'CREATE%INDEX%'"
    else:
        written = (
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            " UNION SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid <> 0 AND conrelid <> 'alembic_version'::regclass"
        )
    return {row.replace("\n", "") for row in conn.exec_driver_sql(written).scalars()}


def columns(conn) -> dict[str, list[tuple[str, str, bool]]]:
    inspector = sa.inspect(conn)
    return {
        table: [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)]
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_alembic_sees_no_difference_between_the_migrated_database_and_the_tables(engine):
    with reading(engine) as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_columns_indexes_and_constraints_are_those_that_the_tables_would_make(empty):
    upgrade(empty)
    with reading(empty) as conn:
        migrated = columns(conn), indexes(conn)
    with writing(empty) as conn:
        conn.exec_driver_sql("DROP TABLE alembic_version")
        tables.metadata.drop_all(conn)
        tables.metadata.create_all(conn)
        conn.exec_driver_sql("CREATE TABLE alembic_version (version_num text)")
    with reading(empty) as conn:
        assert (columns(conn), indexes(conn)) == migrated


def test_a_new_database_is_pending_until_it_is_upgraded(empty):
    assert migrations_pending(empty)
    upgrade(empty)
    assert not migrations_pending(empty)


def test_upgrading_again_does_nothing(engine):
    with reading(engine) as conn:
        before = columns(conn)
    upgrade(engine)
    with reading(engine) as conn:
        assert columns(conn) == before


def test_references_hold_after_an_upgrade_on_the_same_engine(empty):
    upgrade(empty)
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), writing(empty) as conn:
        conn.execute(sa.insert(tables.webhook_secret).values(org_id=404, sealed="", created_at=NOW))


def test_a_migration_that_fails_leaves_nothing_behind(empty):
    with writing(empty) as conn:
        conn.exec_driver_sql("CREATE TABLE lease (name text)")  # the last table that the migrations make
    with pytest.raises(DBAPIError, match="already exists"):
        upgrade(empty)
    with reading(empty) as conn:
        assert set(sa.inspect(conn).get_table_names()) == {"lease"}


def test_a_worker_that_has_an_org_and_wants_its_contacts_is_not_in_the_way_of_an_upgrade(postgres_databases):
    config = Config()
    config.set_main_option("script_location", "contactsync.store:migrations")
    with postgres_databases() as url, ThreadPoolExecutor(1) as beside:
        engine = open_engine(url)
        with writing(engine) as conn:
            config.attributes["connection"] = conn
            command.upgrade(config, "0005")
            org = {"slug": "acme", "name": "Acme", "at": NOW}
            said = (
                "INSERT INTO org (slug, name, created_at, policies, mappings, knocked)"
                " VALUES (:slug, :name, :at, '{}', '{}', false)"
            )
            conn.execute(sa.text(said), org)
        with writing(engine) as worker:
            worker.exec_driver_sql("SELECT id FROM org FOR UPDATE")
            upgrading = beside.submit(upgrade, engine)
            waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'org'::regclass")
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
                wait_until(lambda: watching.execute(waits).scalar_one(), 20, "the upgrade wants the orgs")
            worker.exec_driver_sql("UPDATE contact SET change = change + 1")
        upgrading.result(20)
        assert not migrations_pending(engine)
        engine.dispose()


def test_problems_from_before_get_the_key_that_they_are_grouped_by(empty):
    problem = Problem(
        "required_field_missing", "A field is missing.", "Fill it.", fields=("Industry__c", "AnnualRevenue")
    )
    said = {
        "code": problem.code,
        "cause": problem.cause,
        "fix": problem.fix,
        "who": problem.who,
        "fields": list(problem.fields),
    }
    config = Config()
    config.set_main_option("script_location", "contactsync.store:migrations")
    with writing(empty) as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0002")
        org = {"slug": "acme", "name": "Acme", "created_at": NOW, "policies": {}, "mappings": {}, "knocked": False}
        conn.execute(sa.insert(tables.org).values(**org))
        row = {
            "org_id": 1,
            "fields": {"versions": [], "fields": {}},
            "deleted": False,
            "created_at": NOW,
            "updated_at": NOW,
        }
        row |= {"change": 1, "attempts": 0, "forced": False}
        for name, status, problem_then in (
            ("c-1", "needs_attention", said),
            ("c-2", "queued", said),
            ("c-3", "synced", None),
        ):
            held = {"status": status, "problem": problem_then, "due_at": NOW if status == "queued" else None}
            conn.execute(sa.insert(tables.contact).values(**row, **held, source_id=name))
    upgrade(empty)
    with reading(empty) as conn:
        keys = dict(conn.execute(sa.select(tables.contact.c.source_id, tables.contact.c.problem_key)).all())
    assert keys == {"c-1": problem.key, "c-2": None, "c-3": None}


def test_records_from_before_are_found_by_their_names(empty):
    config = Config()
    config.set_main_option("script_location", "contactsync.store:migrations")
    with writing(empty) as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0005")
        org = {"slug": "acme", "name": "Acme", "created_at": NOW, "policies": {}, "mappings": {}, "knocked": False}
        conn.execute(sa.insert(tables.org).values(**org))
        row = {"org_id": 1, "deleted": False, "created_at": NOW, "updated_at": NOW, "status": "synced"}
        row |= {"change": 1, "attempts": 0, "forced": False}
        said = {"first_name": ["Zoë", 0], "last_name": ["Ångström", 0], "title": [None, 0]}
        people = [said, {}, *({"last_name": [f"No {n}", 0]} for n in range(2_500))]
        stored = [{"versions": ["v"], "fields": fields} for fields in people]
        contacts = [{**row, "fields": one, "source_id": f"c-{number}"} for number, one in enumerate(stored)]
        conn.execute(sa.insert(tables.contact), contacts)
        company = {"org_id": 1, "key": "name:acme", "fields": {"versions": ["v"], "fields": {"name": ["Acmé", 0]}}}
        conn.execute(sa.insert(tables.company).values(**company, name="Acmé"))
    upgrade(empty)
    with reading(empty) as conn:
        c = tables.contact.c
        keys = {row[0]: tuple(row[1:]) for row in conn.execute(sa.select(c.source_id, c.sort_name, c.first_name_key))}
        assert conn.execute(sa.select(tables.company.c.sort_name)).scalar_one() == "acme"
    assert keys["c-0"] == ("angstrom zoe", "zoe")
    assert keys["c-1"] == ("", "")
    assert keys["c-2501"] == ("no 2499", "")


def test_a_database_that_a_newer_version_migrated_is_used_but_not_upgraded(empty):
    upgrade(empty)
    with writing(empty) as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = 'of-tomorrow'")
    assert not migrations_pending(empty)
    with pytest.raises(Misconfigured, match="a newer contactsync migrated this database"):
        upgrade(empty)


def test_several_processes_that_upgrade_at_once_all_end_well(empty, empty_database_url):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(3)
    processes = [spawn.Process(target=_upgrade_elsewhere, args=(empty_database_url, ready)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert not migrations_pending(empty)


def _upgrade_elsewhere(url: str, ready) -> None:
    os.chdir(Path("/"))  # nothing may depend on where the process stands
    engine = open_engine(url)
    ready.wait(60)
    upgrade(engine)
    engine.dispose()
