"""When an event is, in words."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from contactsync.web.console.spans import shared_zone, span_of

BERLIN = ZoneInfo("Europe/Berlin")
DAY = {"starts_at": "2026-12-01T09:00:00+01:00", "ends_at": "2026-12-01T17:30:00+01:00"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (DAY | {"timezone": "Europe/Berlin"}, "Tue 1 Dec 2026, 09:00 – 17:30"),
        (DAY, "Tue 1 Dec 2026, 09:00 – 17:30"),
        (DAY | {"timezone": "America/New_York"}, "Tue 1 Dec 2026, 03:00 – 11:30 (America/New_York)"),
        (DAY | {"ends_at": "2026-12-02T12:00:00+01:00"}, "Tue 1 Dec 2026, 09:00 – Wed 2 Dec 2026, 12:00"),
        (DAY | {"ends_at": "2026-11-30T12:00:00Z"}, "Tue 1 Dec 2026, 09:00"),
        (DAY | {"timezone": "Nowhere/Land"}, ""),
        ({"starts_at": "2026-12-01"}, "1 Dec 2026"),
        ({"starts_at": "2026-12-01", "ends_at": "2026-12-03"}, "1 – 3 Dec 2026"),
        ({"starts_at": "2026-12-30", "ends_at": "2027-01-02"}, "30 Dec 2026 – 2 Jan 2027"),
        ({"starts_at": "2026-12-01T09:00:00"}, "1 Dec 2026"),
        ({"starts_at": "soon"}, ""),
        ({"starts_at": None}, ""),
        ({}, ""),
    ],
)
def test_a_span_is_told_by_the_clock_where_it_happens(said: dict[str, str | None], words: str) -> None:
    assert span_of(said, BERLIN).words == words


def test_times_without_a_zone_are_those_of_the_event_they_belong_to() -> None:
    span = span_of({"starts_at": "2026-12-01T09:00:00"}, BERLIN, "Asia/Tokyo")
    assert span.words == "Tue 1 Dec 2026, 09:00 (Asia/Tokyo)"
    assert span.starts is not None
    assert span.starts.isoformat() == "2026-12-01T00:00:00+00:00"


def test_one_zone_of_several_times_is_said_once_and_two_at_each() -> None:
    here, there = span_of(DAY, BERLIN), span_of(DAY | {"timezone": "Asia/Tokyo"}, BERLIN)
    day = span_of({"starts_at": "2026-12-01"}, BERLIN)
    assert shared_zone([there, there, day]) == "Asia/Tokyo"
    assert (shared_zone([there, here]), shared_zone([here, here]), shared_zone([day]), shared_zone([])) == ("",) * 4
