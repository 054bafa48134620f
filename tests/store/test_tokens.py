"""A token is fetched by one process at a time and shared by all, whatever happens to the one that fetches."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contactsync.domain.connection import Token
from contactsync.domain.errors import TargetUnavailable
from contactsync.store import connections, tables
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.tokens import DatabaseTokenKeeper
from contactsync.store.vault import Vault

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = "a key that is long enough"


class Clock:
    """A clock that goes on only while somebody waits."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def pause(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Fetch:
    """Hands out token-1, token-2, …"""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Token:
        self.calls += 1
        return Token(f"token-{self.calls}", "https://acme.example.com")


@pytest.fixture
def connection_id(engine, vault, acme) -> int:
    with writing(engine) as conn:
        return connections.connect(conn, vault, acme.id, "salesforce", {}, {"secret": "hush"}, NOW)


@pytest.fixture
def keeper(engine, vault, acme, connection_id):
    """Makes keepers, as each process has one of its own."""

    def make(clock: Clock | None = None, **other) -> DatabaseTokenKeeper:
        clock = clock or Clock()
        return DatabaseTokenKeeper(
            engine, other.pop("vault", vault), acme.id, connection_id, now=clock.now, pause=clock.pause, **other
        )

    return make


def never() -> Token:
    raise AssertionError("there was no need to fetch")


def held(engine) -> tuple[str | None, datetime | None]:
    columns = tables.connection.c
    with reading(engine) as conn:
        return tuple(conn.execute(sa.select(columns.token_lease_owner, columns.token_lease_until)).one())


# ── one caller after the other ─────────────────────────────────────────────────────────────────────────────────────


def test_the_first_caller_fetches_and_the_next_ones_share(keeper, engine):
    fetch = Fetch()
    assert keeper().token(fetch) == Token("token-1", "https://acme.example.com")
    assert keeper().token(never) == Token("token-1", "https://acme.example.com")
    assert held(engine) == (None, None)


def test_a_stale_token_is_replaced(keeper):
    fetch = Fetch()
    first = keeper().token(fetch)
    second = keeper().token(fetch, stale=first.value)
    assert (second.value, fetch.calls) == ("token-2", 2)
    assert keeper().token(never) == second


def test_a_token_that_somebody_replaced_meanwhile_is_taken_without_a_fetch(keeper):
    fetch = Fetch()
    first = keeper().token(fetch)
    second = keeper().token(fetch, stale=first.value)
    assert keeper().token(never, stale=first.value) == second


def test_a_fetch_that_fails_lets_its_error_through_and_others_try_at_once(keeper, engine):
    def refused() -> Token:
        raise TargetUnavailable("the CRM is away")

    with pytest.raises(TargetUnavailable, match="the CRM is away"):
        keeper().token(refused)
    assert held(engine) == (None, None)
    clock = Clock()
    assert keeper(clock).token(Fetch()).value == "token-1"
    assert clock.time == NOW


def test_an_interrupted_fetch_lets_go_too(keeper, engine):
    def interrupted() -> Token:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keeper().token(interrupted)
    assert held(engine) == (None, None)


def test_a_token_sealed_with_a_key_that_is_gone_is_fetched_anew(keeper):
    fetch = Fetch()
    keeper(vault=Vault(["a key that is gone by now"])).token(fetch)
    assert keeper().token(fetch).value == "token-2"


def test_a_token_is_nowhere_in_clear(keeper, engine):
    token = keeper().token(Fetch())
    with reading(engine) as conn:
        assert token.value not in str(conn.execute(sa.select(tables.connection)).mappings().one())
    assert token.value not in repr(token)


# ── somebody else is fetching ──────────────────────────────────────────────────────────────────────────────────────


def test_one_who_waits_takes_the_token_as_soon_as_it_is_there(keeper, engine, vault, acme, connection_id):
    waits, waited = threading.Event(), []

    def pause(_seconds: float) -> None:
        waits.set()

    def wait() -> None:
        own = DatabaseTokenKeeper(engine, vault, acme.id, connection_id, now=Clock().now, pause=pause)
        waited.append(own.token(never).value)

    waiter = threading.Thread(target=wait)

    def slowly() -> Token:
        waiter.start()
        assert waits.wait(30)
        return Token("token-1")

    keeper().token(slowly)
    waiter.join(30)
    assert waited == ["token-1"]


def test_a_holder_that_is_slower_than_its_lease_is_overtaken_and_its_own_token_still_serves_it(keeper):
    clock = Clock()

    def overtaken() -> Token:
        clock.pause(31)
        assert keeper(clock).token(lambda: Token("quick")).value == "quick"
        return Token("slow")

    assert keeper(clock).token(overtaken).value == "slow"
    assert keeper(clock).token(never).value == "quick"


def test_a_holder_that_died_while_its_clock_was_hours_ahead_keeps_nobody_waiting(keeper, engine):
    clock = Clock()
    with writing(engine) as conn:
        until = clock.time + timedelta(hours=11)
        conn.execute(sa.update(tables.connection).values(token_lease_owner="dead", token_lease_until=until))
    began = clock.time
    assert keeper(clock).token(lambda: Token("fresh")).value == "fresh"
    assert clock.time == began


def test_nobody_waits_longer_because_the_clock_is_set_back_meanwhile(keeper, engine):
    class SetBack(Clock):
        """Whenever it waits, the clock is an hour earlier, and somebody has the lease by it."""

        waited = 0.0

        def pause(self, seconds: float) -> None:
            self.waited += seconds
            assert self.waited < 120
            self.time -= timedelta(hours=1)
            with writing(engine) as conn:
                until = self.time + timedelta(seconds=30)
                conn.execute(sa.update(tables.connection).values(token_lease_owner="x", token_lease_until=until))

    clock = SetBack()
    clock.pause(0)
    with pytest.raises(TargetUnavailable, match="for too long"):
        keeper(clock).token(never)
    assert clock.waited >= 60


def test_nobody_waits_for_ever(keeper, engine):
    class Unlucky(Clock):
        """Whenever it waits, somebody else takes the lease anew."""

        def pause(self, seconds: float) -> None:
            super().pause(seconds)
            with writing(engine) as conn:
                until = self.time + timedelta(seconds=3)
                conn.execute(sa.update(tables.connection).values(token_lease_owner="x", token_lease_until=until))

    clock = Unlucky()
    clock.pause(0)
    with pytest.raises(TargetUnavailable, match="for too long"):
        keeper(clock, lease_seconds=3).token(never)
    assert clock.time - NOW < timedelta(seconds=7)


# ── real processes ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_many_threads_at_once_one_fetches(engine, vault, acme, connection_id):
    together = threading.Barrier(8)
    fetch, tokens = Fetch(), []

    def work() -> None:
        own = DatabaseTokenKeeper(engine, vault, acme.id, connection_id)
        together.wait(30)
        tokens.append(own.token(fetch).value)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetch.calls == 1
    assert tokens == 8 * ["token-1"]


def test_of_several_processes_at_once_one_fetches(database_url, acme, connection_id, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(3)
    fetched = tmp_path / "fetched"
    processes = [
        spawn.Process(target=_fetch_elsewhere, args=(database_url, acme.id, connection_id, together, fetched))
        for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(fetched.read_text().split()) == 1


def test_a_process_that_dies_while_it_fetches_holds_the_others_up_no_longer_than_its_lease(
    keeper, engine, database_url, acme, connection_id
):
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_die_while_fetching, args=(database_url, acme.id, connection_id))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    _, until = held(engine)
    assert until is not None
    clock = Clock(until - timedelta(seconds=30))
    assert keeper(clock).token(Fetch()).value == "token-1"
    assert until <= clock.time < until + timedelta(seconds=1)


def _fetch_elsewhere(url: str, org_id: int, connection_id: int, together, fetched: Path) -> None:
    engine = open_engine(url)

    def fetch() -> Token:
        with fetched.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return Token(str(os.getpid()))

    together.wait(60)
    token = DatabaseTokenKeeper(engine, Vault([KEY]), org_id, connection_id).token(fetch)
    assert token.value == fetched.read_text().strip()
    engine.dispose()


def _die_while_fetching(url: str, org_id: int, connection_id: int) -> None:
    def die() -> Token:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")

    DatabaseTokenKeeper(open_engine(url), Vault([KEY]), org_id, connection_id).token(die)
