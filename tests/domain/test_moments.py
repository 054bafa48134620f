"""When a meeting is: zones, clock changes, whole days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.crm import Mend, Problem
from contactsync.domain.moments import LONGEST, Moments, local_date, moments, utc_moment
from contactsync.domain.records import Meeting


def when(starts_at=None, ends_at=None, timezone=None, default_zone=None):
    said = {"starts_at": starts_at, "ends_at": ends_at, "timezone": timezone}
    return moments(Meeting("m1", {path: value for path, value in said.items() if value is not None}), default_zone)


def span(*said, **more):
    made = when(*said, **more)
    assert isinstance(made, Moments), made
    return made.starts_at, made.ends_at, made.all_day


TIMES = [
    # offsets are moments, whatever the zone says
    (("2026-11-24T10:00:00+01:00", "2026-11-24T11:00:00+01:00"), "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"),
    (("2026-11-24T09:00Z", "2026-11-24T10:00Z", "Asia/Tokyo"), "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"),
    (("2026-11-24T09:00:00.750Z", "2026-11-24T10:00:00.1Z"), "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"),
    # local times go by the zone, in winter and in summer
    (("2026-11-24T10:00", "2026-11-24T11:00", "Europe/Berlin"), "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"),
    (("2026-07-24T10:00:00", "2026-07-24T11:00", "Europe/Berlin"), "2026-07-24T08:00:00Z", "2026-07-24T09:00:00Z"),
    (("2026-11-24 10:00", "2026-11-24 11:00", "Asia/Kolkata"), "2026-11-24T04:30:00Z", "2026-11-24T05:30:00Z"),
    # over midnight, over a clock change, over the date line
    (("2026-11-24T23:00", "2026-11-25T01:00", "Europe/Berlin"), "2026-11-24T22:00:00Z", "2026-11-25T00:00:00Z"),
    (("2026-10-24T22:00", "2026-10-25T06:00", "Europe/Berlin"), "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
    (("2026-11-24T09:00", "2026-11-24T10:00", "Pacific/Kiritimati"), "2026-11-23T19:00:00Z", "2026-11-23T20:00:00Z"),
    # a skipped hour (02:00 to 03:00 on 29 March): as long after the change
    (("2026-03-29T02:30", "2026-03-29T03:30", "Europe/Berlin"), "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"),
    (("2026-03-29T02:15", "2026-03-29T03:00", "Europe/Berlin"), "2026-03-29T01:15:00Z", "2026-03-29T02:00:00Z"),
    # an hour that happens twice (02:00 to 03:00 on 25 October): the first, unless the meeting would end before it begins
    (("2026-10-25T02:30", "2026-10-25T04:00", "Europe/Berlin"), "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
    (("2026-10-25T02:45", "2026-10-25T02:15", "Europe/Berlin"), "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"),
    # one side with an offset, the other local
    (("2026-11-24T10:00+01:00", "2026-11-24T11:00", "Europe/Berlin"), "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"),
]


@pytest.mark.parametrize(("said", "starts_at", "ends_at"), TIMES)
def test_a_meetings_times_become_moments_in_utc(said, starts_at, ends_at):
    assert span(*said) == (starts_at, ends_at, False)


DAYS = [
    (("2026-11-24",), "2026-11-24", "2026-11-24"),
    (("2026-11-24", "2026-11-24"), "2026-11-24", "2026-11-24"),
    (("2026-11-24", "2026-11-26", "America/New_York"), "2026-11-24", "2026-11-26"),
    (("2026-11-24T00:00", "2026-11-25T00:00", "America/New_York"), "2026-11-24", "2026-11-24"),
    (("2026-11-24T00:00", "2026-11-27T00:00", "Europe/Berlin"), "2026-11-24", "2026-11-26"),
    (("2026-11-24T00:00:00+01:00", "2026-11-25T00:00:00+01:00"), "2026-11-24", "2026-11-24"),
    (("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"), "2026-11-24", "2026-11-24"),
    (("2026-11-23T23:00:00Z", "2026-11-24T23:00:00Z", "Europe/Berlin"), "2026-11-24", "2026-11-24"),
    (("2026-03-29T00:00", "2026-03-30T00:00", "Europe/Berlin"), "2026-03-29", "2026-03-29"),
    (("2026-11-24", "2026-11-25T00:00", "Europe/Berlin"), "2026-11-24", "2026-11-24"),
    (("2026-11-24T00:00", "2026-11-24", "Europe/Berlin"), "2026-11-24", "2026-11-24"),
]


@pytest.mark.parametrize(("said", "first", "last"), DAYS)
def test_dates_and_local_midnights_are_whole_days_whatever_the_zone(said, first, last):
    assert span(*said) == (f"{first}T00:00:00Z", f"{last}T00:00:00Z", True)


def test_midnight_to_midnight_in_another_zone_than_the_meetings_is_no_whole_day():
    made = span("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z", "Europe/Berlin")
    assert made == ("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z", False)


@pytest.mark.parametrize("ends_at", [None, "2026-11-24T10:00", "2026-11-24T09:00", "2026-11-23"])
def test_a_meeting_without_an_end_after_its_start_takes_half_an_hour_and_says_so(ends_at):
    made = when("2026-11-24T10:00", ends_at, "UTC")
    assert (made.starts_at, made.ends_at) == ("2026-11-24T10:00:00Z", "2026-11-24T10:30:00Z")
    assert "half an hour was taken" in made.why[0]


def test_a_last_day_before_the_first_is_one_day_and_said():
    made = when("2026-11-24", "2026-11-20")
    assert (made.ends_at, len(made.why)) == ("2026-11-24T00:00:00Z", 1)


def test_the_events_zone_stands_in_for_a_missing_one_and_not_for_a_given_one():
    assert span("2026-11-24T10:00", default_zone="Europe/Berlin")[0] == "2026-11-24T09:00:00Z"
    assert span("2026-11-24T10:00", timezone="UTC", default_zone="Europe/Berlin")[0] == "2026-11-24T10:00:00Z"


def test_fourteen_days_are_taken_and_no_minute_more():
    assert span("2026-11-10T10:00Z", "2026-11-24T10:00Z")[1] == "2026-11-24T10:00:00Z"
    assert span("2026-11-10", "2026-11-23") == ("2026-11-10T00:00:00Z", "2026-11-23T00:00:00Z", True)
    for ends_at in ("2026-11-24T10:01Z", "2026-12-24T10:00Z"):
        assert when("2026-11-10T10:00Z", ends_at).code == "meeting_too_long"
    assert when("2026-11-10", "2026-11-24").code == "meeting_too_long"


BAD = [
    ((None, "2026-11-24T10:00Z"), "meeting_without_start", ("starts_at",)),
    (("2026-11-24T10:00",), "meeting_without_zone", ("timezone",)),
    (("2026-11-24T10:00Z", "2026-11-24T11:00"), "meeting_without_zone", ("timezone",)),
    (("2026-11-24T10:00", None, "Middle/Earth"), "meeting_zone_unknown", ("timezone",)),
    (("2026-11-24T10:00", None, "../../etc/passwd"), "meeting_zone_unknown", ("timezone",)),
    (("2026-11-24T10:00", None, "Europe"), "meeting_zone_unknown", ("timezone",)),
    (("next tuesday",), "meeting_time_unreadable", ("starts_at",)),
    (("2026-02-30",), "meeting_time_unreadable", ("starts_at",)),
    (("0001-01-01T00:00:00+14:00",), "meeting_time_unreadable", ("starts_at",)),
    (("9999-12-31T23:59:59-12:00",), "meeting_time_unreadable", ("starts_at",)),
    (("0001-01-01", "9999-12-31"), "meeting_time_unreadable", ("starts_at",)),
    (("2026-11-24T10:00Z", "soon"), "meeting_time_unreadable", ("ends_at",)),
]


@pytest.mark.parametrize(("said", "code", "fields"), BAD)
def test_times_that_cannot_be_said_are_a_problem_of_the_event_team(said, code, fields):
    made = when(*said)
    assert isinstance(made, Problem), made
    assert (made.code, made.fields, made.mended_by, made.object) == (code, fields, (Mend.SOURCE,), "Activity")
    assert made.who == "event team"
    assert made.fix


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - local times are the subject
    st.timedeltas(timedelta(seconds=-7200), LONGEST),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
)
def test_whatever_the_times_a_meeting_ends_after_it_begins_and_within_fourteen_days(start, length, zone):
    made = when(start.isoformat(), (start + length).isoformat(), zone)
    if isinstance(made, Problem):
        assert made.code == "meeting_too_long"  # the clocks went back on the way
        return
    begins, ends = (datetime.fromisoformat(moment) for moment in (made.starts_at, made.ends_at))
    assert timedelta(0) < (ends - begins) + timedelta(days=made.all_day) <= LONGEST


def test_an_events_days_are_those_on_the_wall_where_it_happens():
    assert local_date("2026-11-24T23:30:00Z", "Europe/Berlin") == date(2026, 11, 25)
    assert local_date("2026-11-24T23:30:00Z", None) == date(2026, 11, 24)
    assert local_date("2026-11-26T00:00:00+01:00", "Europe/Berlin", is_end=True) == date(2026, 11, 25)
    assert local_date("2026-11-26", "Europe/Berlin", is_end=True) == date(2026, 11, 26)
    assert local_date("soon", "Europe/Berlin") is None
    assert local_date(None, None) is None


def test_an_events_time_is_no_moment_without_a_zone():
    assert utc_moment("2026-11-24T10:00", None) is None
    assert utc_moment("2026-11-24T10:00", "Europe/Berlin") == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert utc_moment("2026-11-24", "Europe/Berlin") == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert utc_moment("2026-11-24T10:00", "Middle/Earth") is None
