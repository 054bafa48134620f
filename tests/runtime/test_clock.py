"""The clock: what it decides, and one turn of it on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from contactsync.bootstrap import build
from contactsync.settings import Settings
from contactsync.store.beats import WORKER, beats, let_go, take
from contactsync.store.engine import open_engine, reading, writing
from contactsync.sync.clock import DEAD_WORKER_KEPT, Tick, lease_seconds, news, pause, tick
from contactsync.sync.parts import Parts
from tests.runtime.conftest import Inbox

NOW = datetime(2026, 11, 24, 3, 53, tzinfo=UTC)


class Ears:
    """Hears bells. `deaf`: hears none, as without Redis."""

    def __init__(self, deaf: bool = False) -> None:
        self.heard: list[int] = []
        self.deaf = deaf

    def ring(self, org_id: int) -> bool:
        if not self.deaf:
            self.heard.append(org_id)
        return not self.deaf

    def answers(self) -> bool:
        return not self.deaf


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def make_parts(engine: Engine, ears: Ears) -> Callable[..., Parts]:
    settings = Settings.from_environment({"CONTACTSYNC_SECRET_KEYS": "a key for tests only"})
    built = build(settings)
    return lambda now=NOW, engine=engine: replace(built, engine=engine, bell=ears, now=lambda: now)


# ── decisions ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(every=st.floats(0.1, 300), took=st.floats(0, 1000))
def test_turns_begin_at_even_distances_but_never_at_once(every: float, took: float) -> None:
    waits = pause(every, took)
    assert waits > 0
    assert waits + took == pytest.approx(max(every, took + every / 10))


def test_a_clock_that_misses_two_turns_still_leads() -> None:
    assert lease_seconds(5) > 3 * 5


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (Tick(), Tick(), ()),
        (Tick(), Tick(leads=True), ("clock leads",)),
        (Tick(leads=True), Tick(), ("clock stands by",)),
        (Tick(leads=True), Tick(database=False), ("database lost",)),
        (Tick(database=False), Tick(database=False), ()),
        (Tick(database=False), Tick(leads=True), ("clock leads", "database back")),
        (Tick(leads=True), Tick(leads=True, bell=False), ("bell lost",)),
        (Tick(leads=True, bell=False), Tick(leads=True, rung=3), ("bell back",)),
        (Tick(leads=True, rung=3), Tick(leads=True, rung=5), ()),
    ],
)
def test_a_change_is_said_once(before: Tick, now: Tick, said: tuple[str, ...]) -> None:
    assert news(before, now) == said


# ── one turn ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_rings_for_each_org_that_has_something_to_absorb(
    engine: Engine, ears: Ears, make_parts: Callable[..., Parts]
) -> None:
    inboxes = [Inbox(engine, slug) for slug in ("acme", "globex", "initech")]
    inboxes[0].receive()
    inboxes[2].receive(2)
    assert tick(make_parts(), "one") == Tick(leads=True, rung=2)
    assert ears.heard == [inboxes[0].org_id, inboxes[2].org_id]


def test_it_rings_for_nobody_when_nothing_is_due(ears: Ears, make_parts: Callable[..., Parts], engine: Engine) -> None:
    Inbox(engine)
    assert tick(make_parts(), "one") == Tick(leads=True)
    assert ears.heard == []


def test_one_of_two_clocks_leads_until_it_is_not_heard_of(
    engine: Engine, ears: Ears, make_parts: Callable[..., Parts]
) -> None:
    Inbox(engine).receive()
    assert tick(make_parts(), "one").leads
    assert tick(make_parts(), "other") == Tick()
    assert len(ears.heard) == 1
    seconds = lease_seconds(5)
    assert tick(make_parts(now=NOW + timedelta(seconds=5)), "one").leads, "the leader prolongs its lease"
    assert not tick(make_parts(now=NOW + timedelta(seconds=seconds)), "other").leads
    assert tick(make_parts(now=NOW + timedelta(seconds=seconds + 5)), "other").leads
    assert not tick(make_parts(now=NOW + timedelta(seconds=seconds + 6)), "one").leads


def test_a_clock_that_lets_go_is_followed_at_once(engine: Engine, make_parts: Callable[..., Parts]) -> None:
    assert tick(make_parts(), "one").leads
    with writing(engine) as db:
        let_go(db, "clock", "one")
    assert tick(make_parts(), "other").leads


def test_without_a_bell_it_does_not_try_the_others_and_says_so(
    engine: Engine, ears: Ears, make_parts: Callable[..., Parts]
) -> None:
    Inbox(engine).receive()
    ears.deaf = True
    assert tick(make_parts(), "one") == Tick(leads=True, bell=False)


def test_a_database_that_is_away_is_no_reason_to_end(make_parts: Callable[..., Parts]) -> None:
    nobody_there = open_engine("postgresql://somebody@127.0.0.1:1/nothing")
    assert tick(make_parts(engine=nobody_there), "one") == Tick(database=False)


def test_workers_that_died_are_forgotten_after_a_while(engine: Engine, make_parts: Callable[..., Parts]) -> None:
    with writing(engine) as db:
        take(db, f"{WORKER}dead", "host:1", NOW, 30)
        take(db, f"{WORKER}alive", "host:2", NOW + DEAD_WORKER_KEPT, 60)
    assert tick(make_parts(now=NOW + timedelta(seconds=60)), "one").leads
    with reading(engine) as db:
        assert [(beat.name, beat.alive(NOW + timedelta(seconds=60))) for beat in beats(db)] == [
            ("clock", True),
            (f"{WORKER}alive", True),
            (f"{WORKER}dead", False),
        ]
    later = NOW + DEAD_WORKER_KEPT + timedelta(seconds=31)
    assert tick(make_parts(now=later), "one").leads
    with reading(engine) as db:
        assert [beat.name for beat in beats(db)] == ["clock", f"{WORKER}alive"]
