"""Batches shrink when Salesforce is slow and grow back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contactsync_plugins.salesforce.pace import LEAST_ROWS, Pace, Speed, after_call, faster, lighter, slower
from contactsync_plugins.salesforce.target import SalesforceTarget

from contactsync.api import Connection, Step, TargetUnavailable, Wanted
from tests.salesforce.conftest import Org
from tests.salesforce.test_salesforce_apply import CONTACT, apply, create

FULL = Speed()


def test_a_slow_call_halves_the_next_one_and_a_quick_one_that_was_full_grows_it() -> None:
    assert after_call(FULL, 1000, 10.5) == Speed(200, 2)
    assert after_call(Speed(200, 1), 200, 10.5) == Speed(100, 1)
    assert after_call(Speed(100, 1), 100, 3) == Speed(200, 1)
    assert after_call(Speed(200, 1), 200, 3) == Speed(200, 2)


def test_a_call_of_middling_length_or_one_far_from_full_changes_nothing() -> None:
    assert after_call(Speed(100, 1), 100, 7) == Speed(100, 1)
    assert after_call(Speed(100, 1), 30, 0.1) == Speed(100, 1)


def test_it_never_falls_to_nothing_and_never_grows_over_what_salesforce_takes() -> None:
    speed = FULL
    for _ in range(50):
        speed = slower(speed)
    assert speed == Speed(LEAST_ROWS, 1)
    assert lighter(speed) == speed
    for _ in range(50):
        speed = faster(speed)
    assert speed == FULL


def test_a_call_that_timed_out_makes_the_next_one_a_quarter() -> None:
    pace = Pace()
    pace.timed_out()
    assert pace.speed == Speed(200, 1)
    pace.timed_out()
    assert pace.speed == Speed(50, 1)


def ticking(org: Org, seconds: float) -> tuple[SalesforceTarget, list[float]]:
    """A target whose every call takes so long; the time can be changed."""
    length = [seconds]

    def ticks() -> Iterator[float]:
        moment = 0.0
        while True:
            yield moment
            moment += length[0]
            yield moment

    clock = ticks()
    settings = {"instance_url": org.standin.url, "client_id": "id"}
    connection = Connection(settings, {"client_secret": "secret"}, org.keeper)
    return SalesforceTarget(connection, lambda: org.clock, lambda: next(clock)), length


def sizes(org: Org) -> list[int]:
    """Rows of each call so far."""
    made = [call["rows"] for call in org.calls()]
    org.forget_calls()
    return made


def people(first: int, count: int) -> list[Step]:
    return [create(f"p{n}", CONTACT, Email=f"p{n}@x.example") for n in range(first, first + count)]


def test_writes_shrink_while_salesforce_is_slow_and_grow_back_when_it_is_quick_again(org: Org) -> None:
    target, length = ticking(org, 12.0)
    assert all(result.ok for result in apply(target, *people(0, 1600)).values())
    assert sizes(org) == [1000, 400, 200]
    length[0] = 1.0
    apply(target, *people(2000, 1000))
    assert sizes(org) == [100, 100, 400, 400]
    apply(target, *people(4000, 1800))
    assert sizes(org) == [800, 1000]
    assert len(org.rows("Contact")) == 1600 + 1000 + 1800


def test_few_rows_go_in_parts_too_when_salesforce_can_hardly_bear_them(org: Org) -> None:
    target, _ = ticking(org, 12.0)
    for start in range(0, 9000, 1000):
        apply(target, *people(start, 220))
    org.forget_calls()
    assert all(result.ok for result in apply(target, *people(20_000, 25)).values())
    assert sizes(org) == [10, 10, 5]


def test_automation_that_runs_out_of_limits_makes_collections_smaller(org: Org, target: SalesforceTarget) -> None:
    org.admin("options", {"governor_rows": 120})
    assert all(result.ok for result in apply(target, *people(0, 200)).values())
    org.forget_calls()
    assert all(result.ok for result in apply(target, *people(1000, 200)).values())
    assert len(org.calls()) == 1  # in two collections of a hundred, at once


def test_a_search_that_salesforce_gives_up_is_asked_in_smaller_parts_and_grows_back(
    org: Org, target: SalesforceTarget
) -> None:
    wanted = Wanted(emails={CONTACT: frozenset(f"p{n}@x.example" for n in range(1500))})
    timeout = {"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}
    whole = {"referenceId": "ask_0", "httpStatusCode": 400, "httpHeaders": {}, "body": [timeout]}
    org.fault(do="status", status=200, body={"compositeResponse": [whole]})
    with pytest.raises(TargetUnavailable) as caught:
        target.look_up(wanted)
    assert caught.value.problem
    assert caught.value.problem.code == "query_timeout"
    for parts in (3, 2, 1):
        org.forget_calls()
        target.look_up(wanted)
        (call,) = org.calls()
        assert len(call["subrequests"]) == parts


def test_calls_get_shorter_after_too_many_long_ones_ran_at_once(org: Org, target: SalesforceTarget) -> None:
    org.fault(do="concurrent_limit")
    with pytest.raises(TargetUnavailable):
        apply(target, *people(0, 1000))
    org.forget_calls()
    apply(target, *people(0, 1000))
    assert sizes(org) == [400, 600]  # quick and full, so the next one is larger again
