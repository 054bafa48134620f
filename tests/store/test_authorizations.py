"""A sign-in that a browser has begun is finished once, within ten minutes, by whoever brings its state."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.store import authorizations, tables
from contactsync.store.authorizations import LIFETIME, REMEMBERED, Progress, SignInBegun
from contactsync.store.engine import reading, writing
from contactsync.store.rotation import rotate
from contactsync.store.vault import Vault

STATE = "a state that nobody guesses"
BEGUN = SignInBegun({"client_id": "id"}, "https://c.example/back", {"client_secret": "hush-1"}, "hush-2")


@pytest.fixture
def begin(engine, vault, acme, now):
    def begin(state: str = STATE, **more) -> int:
        with writing(engine) as db:
            return authorizations.begin(
                db, vault, more.get("org_id", acme.id), "salesforce", state, BEGUN, more.get("at", now)
            )

    return begin


@pytest.fixture
def take(engine, vault, now):
    def take(state: str = STATE, target: str = "salesforce", **later):
        with writing(engine) as db:
            return authorizations.take(db, vault, target, state, now + timedelta(**later))

    return take


def rows(engine):
    with reading(engine) as db:
        return db.execute(sa.select(tables.authorization)).all()


def progress(engine, number, at) -> Progress:
    with reading(engine) as db:
        return authorizations.progress(db, number, at)


def test_what_was_begun_comes_back_whole_with_its_org(begin, take, acme):
    number = begin()
    taken = take()
    assert (taken.id, taken.org_id, taken.org_slug, taken.org_name) == (number, acme.id, "acme", "Acme Events")
    assert taken.begun == BEGUN


def test_neither_the_state_nor_a_secret_is_in_the_database(begin, engine):
    begin()
    assert STATE not in str(rows(engine))
    assert "hush" not in str(rows(engine))


def test_a_sign_in_shows_no_secret(begin, take):
    begin()
    assert "hush" not in repr(take())


def test_it_is_taken_once_and_its_secrets_are_forgotten_with_that(begin, take, engine):
    begin()
    assert take() is not None
    assert take() is None
    assert [row.sealed for row in rows(engine)] == [""]


def test_it_is_good_for_ten_minutes(begin, take):
    begin()
    assert take(minutes=10) is None
    assert take(minutes=9, seconds=59) is not None


@pytest.mark.parametrize(
    ("state", "target"), [("another", "salesforce"), ("", "salesforce"), (STATE, "jsonl"), ("\ud800\x00", "salesforce")]
)
def test_another_state_or_another_crm_takes_nothing(begin, take, state, target):
    begin()
    assert take(state, target) is None
    assert take() is not None


def test_each_state_leads_to_its_own_org(begin, take, acme, other):
    begin()
    begin("theirs", org_id=other.id)
    assert take("theirs").org_id == other.id
    assert take().org_id == acme.id


def test_of_many_at_once_one_takes_it(begin, engine, vault, now):
    begin()
    together, taken = threading.Barrier(6), []

    def work() -> None:
        together.wait(30)
        with writing(engine) as db:
            taken.append(authorizations.take(db, vault, "salesforce", STATE, now))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == 6
    assert sum(one is not None for one in taken) == 1


def test_its_progress_is_open_then_taken_and_gone_when_it_was_refused_or_ran_out(begin, take, engine, now):
    number = begin()
    assert progress(engine, number, now) is Progress.OPEN
    assert progress(engine, number, now + LIFETIME) is Progress.GONE
    take()
    assert progress(engine, number, now + LIFETIME) is Progress.TAKEN
    with writing(engine) as db:
        authorizations.forget(db, number)
    assert progress(engine, number, now) is Progress.GONE


def test_one_that_came_back_is_told_from_one_that_never_was(begin, take, engine, now):
    def standing(target: str, state: str, **later) -> Progress:
        with reading(engine) as db:
            return authorizations.standing(db, target, state, now + timedelta(**later))

    begin()
    assert standing("salesforce", STATE) is Progress.OPEN
    assert standing("salesforce", STATE, minutes=10) is Progress.GONE
    take()
    assert standing("salesforce", STATE) is Progress.TAKEN
    assert standing("jsonl", STATE) is Progress.GONE
    assert standing("salesforce", "another") is Progress.GONE


def test_what_is_long_over_is_cleared_away_by_the_next(begin, engine, now):
    begin()
    begin("second", at=now + LIFETIME + REMEMBERED)
    assert len(rows(engine)) == 2
    begin("third", at=now + LIFETIME + REMEMBERED + timedelta(seconds=1))
    assert len(rows(engine)) == 2


def test_sign_ins_under_way_survive_a_key_rotation(begin, engine, take, now):
    begin()
    begin("used")
    take("used")
    new = Vault(["another key that is long enough", "a key that is long enough"])
    rotated = rotate(engine, new, now, "a test")
    assert (rotated.resealed, rotated.unopened) == (1, ())
    with writing(engine) as db:
        taken = authorizations.take(db, Vault(["another key that is long enough"]), "salesforce", STATE, now)
    assert taken is not None
    assert taken.begun == BEGUN
