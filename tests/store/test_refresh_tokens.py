"""A refresh token that came with a token is kept with it, sealed, whatever happens to the one that fetched it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.connection import Token
from contactsync.domain.crm import Problem
from contactsync.domain.errors import TargetRefused, TargetUnavailable
from contactsync.store import connections, tables
from contactsync.store.connections import open_connection, present
from contactsync.store.engine import reading, writing
from contactsync.store.rotation import rotate
from contactsync.store.tokens import DatabaseTokenKeeper
from contactsync.store.vault import Vault

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OLD, NEW = "a key that is long enough", "another key that is long enough"
SETTINGS = {"instance_url": "https://acme.my.salesforce.com"}
EXPIRED = TargetRefused(Problem("sign_in_expired", "It is over.", "Sign in again."))


class Clock:
    """A clock that goes on only while somebody waits."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def pause(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def connect(engine, vault, acme):
    def connect(refresh_token: str, **settings: str) -> int:
        with writing(engine) as conn:
            credentials = {"refresh_token": refresh_token}
            return connections.connect(conn, vault, acme.id, "salesforce", SETTINGS | settings, credentials, NOW)

    return connect


@pytest.fixture
def keeper(engine, vault, acme, connect):
    """Makes keepers for the credentials that the connection has at that moment, as each process does."""
    connect("grant-1")

    def make(clock: Clock | None = None, with_vault: Vault | None = None) -> DatabaseTokenKeeper:
        clock = clock or Clock()
        with reading(engine) as conn:
            row = present(conn, acme.id)
        return DatabaseTokenKeeper(
            engine,
            with_vault or vault,
            acme.id,
            row.id,
            sealed_credentials=row.sealed_credentials,
            now=clock.now,
            pause=clock.pause,
        )

    return make


def never() -> Token:
    raise AssertionError("there was no need to fetch")


def last(keeper: DatabaseTokenKeeper) -> tuple[str, str]:
    kept = keeper.last()
    assert kept is not None
    return kept.value, kept.refresh_token


def test_before_the_first_token_there_is_no_last_one(keeper):
    assert keeper().last() is None


def test_a_new_refresh_token_is_kept_before_the_token_is_handed_out(keeper):
    keeper().token(lambda: Token("t-1", "", "r-1"))
    assert last(keeper()) == ("t-1", "r-1")


def test_a_token_that_brings_no_refresh_token_keeps_the_one_before(keeper):
    keeper().token(lambda: Token("t-1", "", "r-1"))
    made = keeper().token(lambda: Token("t-2"), stale="t-1")
    assert made.refresh_token == "r-1"
    assert last(keeper()) == ("t-2", "r-1")


def test_inside_a_fetch_the_last_token_is_the_refused_one_with_its_refresh_token(keeper):
    keeper().token(lambda: Token("t-1", "", "r-1"))
    own = keeper()

    def fetch() -> Token:
        assert last(own) == ("t-1", "r-1")
        return Token("t-2", "", "r-2")

    assert own.token(fetch, stale="t-1").value == "t-2"


def test_a_fetch_that_fails_leaves_the_refresh_token_as_it_was(keeper):
    keeper().token(lambda: Token("t-1", "", "r-1"))

    def fails() -> Token:
        raise TargetUnavailable("later")

    with pytest.raises(TargetUnavailable):
        keeper().token(fails, stale="t-1")
    assert last(keeper()) == ("t-1", "r-1")


def test_no_refresh_token_stands_in_the_database_in_clear(keeper, engine):
    keeper().token(lambda: Token("t-hush", "", "r-hush"))
    with reading(engine) as conn:
        row = conn.execute(sa.select(tables.connection)).one()
    assert "hush" not in str(row)


def test_a_slow_worker_whose_successor_is_refused_still_keeps_the_only_refresh_token_that_is_good(keeper):
    """With rotation the second of two refreshes is refused: what the first one brought must not be lost."""
    clock = Clock()
    keeper(clock).token(lambda: Token("t-1", "", "r-1"))

    def refused() -> Token:
        raise EXPIRED

    def slow() -> Token:
        clock.pause(31)  # longer than the lease: another worker takes over, and comes second at the CRM
        with pytest.raises(TargetRefused):
            keeper(clock).token(refused, stale="t-1")
        return Token("t-2", "", "r-2")

    assert keeper(clock).token(slow, stale="t-1").value == "t-2"
    assert last(keeper(clock)) == ("t-2", "r-2")


def test_one_who_is_refused_for_coming_second_takes_what_the_first_one_brought_late(keeper):
    clock = Clock()
    keeper(clock).token(lambda: Token("t-1", "", "r-1"))
    in_first, in_second, first_done = threading.Event(), threading.Event(), threading.Event()
    seen: dict[str, str] = {}

    def first() -> Token:
        in_first.set()
        assert in_second.wait(30)
        return Token("t-2", "", "r-2")

    def second() -> Token:
        in_second.set()
        assert first_done.wait(30)
        raise EXPIRED

    def run_first() -> None:
        seen["first"] = keeper(clock).token(first, stale="t-1").value
        first_done.set()

    thread = threading.Thread(target=run_first)
    thread.start()
    assert in_first.wait(30)
    clock.pause(31)
    seen["second"] = keeper(clock).token(second, stale="t-1").value
    thread.join(30)
    assert seen == {"first": "t-2", "second": "t-2"}
    assert last(keeper(clock)) == ("t-2", "r-2")


def test_one_who_was_overtaken_does_not_overwrite_what_the_other_kept(keeper):
    clock = Clock()
    keeper(clock).token(lambda: Token("t-1", "", "r-1"))

    def overtaken() -> Token:
        clock.pause(31)
        keeper(clock).token(lambda: Token("t-2", "", "r-2"), stale="t-1")
        return Token("t-3", "", "r-3")

    assert keeper(clock).token(overtaken, stale="t-1").value == "t-3"
    assert last(keeper(clock)) == ("t-2", "r-2")


def test_a_refusal_without_anybody_else_comes_through(keeper):
    def refused() -> Token:
        raise EXPIRED

    with pytest.raises(TargetRefused):
        keeper().token(refused)


def test_a_sign_in_during_a_refresh_is_not_overwritten_by_the_old_grants_token(keeper, connect):
    def meanwhile() -> Token:
        connect("grant-2")
        return Token("old", "", "old-r")

    assert keeper().token(meanwhile).value == "old"
    assert keeper().last() is None
    assert keeper().token(lambda: Token("new", "", "new-r")).value == "new"


def test_a_worker_with_the_old_grant_does_not_sign_in_for_the_new_one(keeper, connect):
    old = keeper()
    connect("grant-2")
    with pytest.raises(TargetUnavailable, match="connected anew"):
        old.token(never)
    keeper().token(lambda: Token("new", "", "new-r"))
    with pytest.raises(TargetUnavailable, match="connected anew"):
        old.token(never, stale="new")
    assert last(keeper()) == ("new", "new-r")


def test_a_worker_of_a_replaced_connection_does_not_sign_in_any_more(keeper, connect):
    old = keeper()
    connect("grant-2", instance_url="https://other.my.salesforce.com")
    with pytest.raises(TargetUnavailable, match="connected anew"):
        old.token(never)


def test_a_key_rotation_under_a_running_worker_changes_nothing_for_it(keeper, engine):
    both = Vault([NEW, OLD])
    own = keeper(with_vault=both)
    keeper().token(lambda: Token("t-1", "", "r-1"))
    assert rotate(engine, both, NOW, "a test").resealed == 2
    assert own.token(lambda: Token("t-2"), stale="t-1").refresh_token == "r-1"
    assert last(keeper(with_vault=Vault([NEW]))) == ("t-2", "r-1")


def test_a_key_rotation_during_a_refresh_keeps_the_new_refresh_token(keeper, engine):
    both = Vault([NEW, OLD])
    own = keeper(with_vault=both)
    keeper().token(lambda: Token("t-1", "", "r-1"))

    def meanwhile() -> Token:
        assert rotate(engine, both, NOW, "a test").resealed == 2
        return Token("t-2", "", "r-2")

    own.token(meanwhile, stale="t-1")
    assert last(own) == ("t-2", "r-2")


def test_a_key_rotation_during_a_refresh_that_outlived_its_lease_keeps_the_new_refresh_token(keeper, engine):
    both = Vault([NEW, OLD])
    own = keeper(with_vault=both)
    keeper().token(lambda: Token("t-1", "", "r-1"))

    def meanwhile() -> Token:
        with writing(engine) as conn:
            conn.execute(sa.update(tables.connection).values(token_lease_owner=None, token_lease_until=None))
        assert rotate(engine, both, NOW, "a test").resealed == 2
        return Token("t-2", "", "r-2")

    own.token(meanwhile, stale="t-1")
    assert last(own) == ("t-2", "r-2")


def test_an_open_connection_keeps_tokens_for_its_own_credentials_only(engine, vault, acme, connect):
    connect("grant-1")
    with reading(engine) as conn:
        opened = open_connection(engine, vault, present(conn, acme.id))
    connect("grant-2")
    with pytest.raises(TargetUnavailable, match="connected anew"):
        opened.tokens.token(never)
