"""Connections: replaced or renewed, sealed, paused, counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contactsync.domain.connection import Token
from contactsync.domain.errors import SealBroken
from contactsync.store import connections, inbox, orgs, tables
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.vault import Vault

SETTINGS = {"instance_url": "https://acme.my.salesforce.com", "client_id": "an id"}
CREDENTIALS = {"client_secret": "hush-hush"}


@pytest.fixture
def connect(engine, vault, now, acme):
    """Connects acme; every argument has a usual value."""

    def connect(target="salesforce", settings=SETTINGS, credentials=CREDENTIALS, at=now, vault=vault) -> int:
        with writing(engine) as conn:
            return connections.connect(conn, vault, acme.id, target, settings, credentials, at)

    return connect


def present(engine, org) -> connections.ConnectionRow:
    with reading(engine) as conn:
        row = connections.present(conn, org.id)
    assert row is not None
    return row


def row_of(engine, connection_id: int) -> sa.Row[Any]:
    with reading(engine) as conn:
        return conn.execute(sa.select(tables.connection).where(tables.connection.c.id == connection_id)).one()


# ── connecting ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_is_not_connected_at_first(engine, acme):
    with reading(engine) as conn:
        assert connections.present(conn, acme.id) is None


def test_a_connection_opens_with_its_settings_and_credentials(engine, vault, acme, connect):
    connect()
    opened = connections.open_connection(engine, vault, present(engine, acme))
    assert (opened.settings, opened.credentials) == (SETTINGS, CREDENTIALS)
    assert opened.tokens.token(lambda: Token("fetched")).value == "fetched"


def test_connecting_to_the_same_place_again_renews_the_connection_and_forgets_its_token(engine, vault, acme, connect):
    first = connect()
    opened = connections.open_connection(engine, vault, present(engine, acme))
    opened.tokens.token(lambda: Token("of the old credentials"))
    moved = SETTINGS | {"instance_url": "https://ACME.my.salesforce.com/", "client_id": "another"}
    assert connect(settings=moved, credentials={"client_secret": "renewed"}) == first
    row = present(engine, acme)
    reopened = connections.open_connection(engine, vault, row)
    assert (row.settings, reopened.credentials) == (moved, {"client_secret": "renewed"})
    assert reopened.tokens.token(lambda: Token("of the new ones")).value == "of the new ones"


@pytest.mark.parametrize(
    "change", [{"target": "jsonlines"}, {"settings": {"instance_url": "https://elsewhere.example"}}]
)
def test_connecting_elsewhere_replaces_the_connection_and_forgets_its_secrets(
    engine, vault, acme, connect, now, change
):
    first = connect()
    connections.open_connection(engine, vault, present(engine, acme)).tokens.token(lambda: Token("kept"))
    second = connect(**change, at=now + timedelta(days=1))
    assert second != first
    assert present(engine, acme).id == second
    replaced = row_of(engine, first)
    assert (replaced.replaced_at, replaced.sealed_token) == (now + timedelta(days=1), None)
    assert vault.open(acme.id, connections.CREDENTIALS_PURPOSE, replaced.sealed_credentials) == "{}"


def test_connecting_ends_a_pause(engine, acme, connect, now):
    connection_id = connect()
    with writing(engine) as conn:
        conn.execute(sa.update(tables.connection).values(failures=3, problem={"code": "invalid_grant"}))
    assert present(engine, acme).paused(now)
    assert connect() == connection_id
    row = present(engine, acme)
    assert (row.failures, row.problem, row.paused(now)) == (0, None, False)


def test_a_pause_with_a_time_ends_by_itself(engine, acme, connect, now):
    connect()
    until = now + timedelta(minutes=5)
    with writing(engine) as conn:
        conn.execute(sa.update(tables.connection).values(paused_until=until, problem={"code": "limit_exceeded"}))
    row = present(engine, acme)
    assert [row.paused(at) for at in (now, until - timedelta(seconds=1), until)] == [True, True, False]


def test_each_org_has_its_own_connection(engine, acme, other, connect):
    connect()
    with reading(engine) as conn:
        assert connections.present(conn, other.id) is None


# ── secrets ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_secret_stands_in_any_column_in_clear(engine, vault, acme, connect, now):
    connect()
    row = present(engine, acme)
    opened = connections.open_connection(engine, vault, row)
    token = opened.tokens.token(lambda: Token("bearer-hush"))
    with writing(engine) as conn:
        _, webhook_secret = orgs.add_secret(conn, vault, acme.id, now)
        _, api_token = orgs.add_token(conn, acme.id, "label", now)
    with reading(engine) as conn:
        everything = str([conn.execute(sa.select(table)).all() for table in tables.metadata.sorted_tables])
    secrets = [
        "hush-hush",
        token.value,
        webhook_secret,
        webhook_secret.removeprefix("whsec_"),
        api_token,
        api_token[4:],
    ]
    assert [secret for secret in secrets if secret in everything] == []
    assert [secret for secret in secrets if secret in f"{row!r} {opened!r}"] == []
    assert "label" in everything  # the search would have found what stands there


def test_credentials_whose_key_is_gone_say_which_setting_to_mend(engine, acme, connect):
    connect()
    with pytest.raises(SealBroken, match="CONTACTSYNC_SECRET_KEYS: no key opens the CRM credentials of org"):
        connections.open_connection(engine, Vault(["another key altogether"]), present(engine, acme))


# ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_are_counted_in_memory_and_written_down_by_flush(engine, vault, acme, connect):
    connect()
    opened = connections.open_connection(engine, vault, present(engine, acme))
    for used in (41, 42, None):
        opened.count_call(used, 15_000 if used else None)
    assert present(engine, acme).calls == 0
    opened.flush()
    row = present(engine, acme)
    assert (row.calls, row.budget_used, row.budget_limit) == (3, 42, 15_000)
    opened.flush()
    assert present(engine, acme).calls == 3


def test_when_the_crm_last_said_its_count_is_known_and_stays_while_it_says_none(engine, vault, acme, connect, now):
    connect()
    times = iter([now, now + timedelta(minutes=1)])
    opened = connections.open_connection(engine, vault, present(engine, acme), now=lambda: next(times))
    for used in (41, 42, None):
        opened.count_call(used, None)
    opened.flush()
    opened.count_call(None, None)
    opened.flush()
    assert present(engine, acme).budget_at == now + timedelta(minutes=1)


def test_connecting_again_has_what_is_remembered_of_the_crm_forgotten(engine, acme, connect):
    connect()
    before = present(engine, acme).revision
    connect()
    assert present(engine, acme).revision == before + 1


def test_the_counts_of_several_workers_add_up(engine, vault, acme, connect):
    connect()
    opened = [connections.open_connection(engine, vault, present(engine, acme)) for _ in range(3)]
    for connection in opened:
        connection.count_call(None, None)
    for connection in opened:
        connection.flush()
    row = present(engine, acme)
    assert (row.calls, row.budget_used) == (3, None)


def test_calls_that_could_not_be_written_down_are_written_down_later(sqlite_url, vault, now):
    engine, holder = open_engine(f"{sqlite_url}?timeout=0.1"), open_engine(sqlite_url)
    with writing(engine) as conn:
        org = orgs.add_org(conn, "acme", "Acme", now)
        connections.connect(conn, vault, org.id, "salesforce", SETTINGS, CREDENTIALS, now)
    opened = connections.open_connection(engine, vault, present(engine, org))
    opened.count_call(1, 2)
    with writing(holder), pytest.raises(sa.exc.OperationalError):
        opened.flush()
    opened.flush()
    assert present(engine, org).calls == 1
    engine.dispose()
    holder.dispose()


def test_removing_an_org_removes_all_that_is_its_own(engine, acme, other, connect, vault, now):
    connect()
    with writing(engine) as conn:
        orgs.add_secret(conn, vault, acme.id, now)
        said = {"door": "contacts", "body": b"{}", "status": "accepted", "type": None, "errors": None, "now": now}
        inbox.keep(conn, org_id=acme.id, webhook_id="msg_1", **said)
        conn.execute(sa.delete(tables.org).where(tables.org.c.id == acme.id))
        left = {table.name: len(conn.execute(sa.select(table)).all()) for table in tables.metadata.sorted_tables}
    assert {name: count for name, count in left.items() if count} == {"org": 1}
