"""An org's bucket of tokens: a second's worth at once, then at its rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.intake.throttle import Bucket, Throttle, take


def test_a_seconds_worth_goes_at_once_and_then_one_waits():
    throttle = Throttle(3)
    assert [throttle.wait(1, 100.0) for _ in range(4)] == [0, 0, 0, 1]


def test_tokens_come_back_with_time():
    throttle = Throttle(2)
    assert [throttle.wait(1, at) for at in (0.0, 0.0, 0.0, 0.5, 0.5, 1.0)] == [0, 0, 1, 0, 1, 0]


def test_a_rate_below_one_a_second_lets_one_through_and_says_how_long_to_wait():
    throttle = Throttle(0.1)
    assert throttle.wait(1, 0.0) == 0
    assert throttle.wait(1, 0.0) == 10
    assert throttle.wait(1, 4.5) == 6
    assert throttle.wait(1, 10.0) == 0


def test_one_org_does_not_use_up_anothers_tokens():
    throttle = Throttle(1)
    assert [throttle.wait(1, 0.0), throttle.wait(1, 0.0), throttle.wait(2, 0.0)] == [0, 1, 0]


def test_without_a_limit_nobody_waits_and_nothing_is_remembered():
    throttle = Throttle(0)
    assert [throttle.wait(1, 0.0) for _ in range(1000)] == [0] * 1000
    assert throttle.buckets == {}


def test_a_clock_that_goes_back_gives_nothing_away_and_takes_nothing():
    bucket, wait = take(Bucket(0.5, 100.0), 1, 90.0)
    assert (bucket, wait) == (Bucket(0.5, 90.0), 1)


@given(st.floats(0.01, 1000), st.lists(st.floats(0, 10), max_size=200))
def test_never_more_than_the_rate_and_a_burst(rate, pauses):
    bucket, now, taken = None, 0.0, 0
    for pause in pauses:
        now += pause
        bucket, wait = take(bucket, rate, now)
        taken += wait == 0
        assert wait >= 0
    assert taken <= max(1.0, rate) + now * rate + 1e-6


@pytest.mark.parametrize("rate", [0.3, 1, 7])
def test_who_waits_as_long_as_told_gets_in(rate):
    bucket, now = None, 0.0
    for _ in range(50):
        bucket, wait = take(bucket, rate, now)
        if wait:
            now += wait
            bucket, wait = take(bucket, rate, now)
            assert wait == 0
