"""Whatever somebody signs: a documented answer in time, kept byte for byte or not at all, and nothing that breaks later."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.hostile.doors import Doors
from tests.hostile.payloads import all_bodies, worst_cases

fuzzing = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@fuzzing
@given(case=all_bodies())
def test_whatever_is_signed_is_kept_whole_and_what_was_accepted_can_be_brought_in(doors: Doors, case) -> None:
    if doors.knock(*case) == 202:
        doors.absorbs()


@pytest.mark.parametrize("name", worst_cases())
def test_a_megabyte_of_the_worst_is_answered_and_brought_in_within_seconds(doors: Doors, name: str) -> None:
    if doors.knock(*worst_cases()[name]) == 202:
        doors.absorbs()
