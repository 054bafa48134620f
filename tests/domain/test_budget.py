"""The day's calls: a share is left to the org's other tools."""

from __future__ import annotations

import pytest

from contactsync.domain.budget import BUDGET_PAUSE, Budget, budget_problem, calls_left, has_room
from contactsync.domain.crm import Mend


@pytest.mark.parametrize(
    ("used", "limit", "reserve", "left"),
    [
        (0, 15_000, 10, 13_500),
        (13_499, 15_000, 10, 1),
        (13_500, 15_000, 10, 0),
        (20_000, 15_000, 10, 0),
        (0, 15_001, 10, 13_500),
        (0, 15_000, 0, 15_000),
        (0, 15_000, 100, 0),
        (0, 15_000, 250, 0),
        (None, 15_000, 10, None),
        (5, None, 10, None),
        (5, 0, 10, None),
    ],
)
def test_the_reserved_share_is_not_to_be_used(used, limit, reserve, left):
    assert calls_left(Budget(used, limit), reserve) == left


def test_there_is_room_for_calls_until_the_reserve_and_always_while_nobody_counts():
    assert has_room(Budget(13_498, 15_000), 10, calls=2)
    assert not has_room(Budget(13_499, 15_000), 10, calls=2)
    assert has_room(Budget(), 90, calls=1000)


def test_the_pause_is_told_in_numbers_and_ends_by_itself_or_by_policy():
    problem = budget_problem(Budget(13_600, 15_000), 10)
    assert problem.code == "budget_reserved"
    assert "13600 of the CRM's 15000 daily calls" in problem.cause
    assert "10 %" in problem.cause
    assert problem.mended_by[0] is Mend.POLICY
    assert BUDGET_PAUSE == 900
