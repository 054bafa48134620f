"""Charts are right numbers first: spans of the viewer's days, sums, scales and bars."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.store.hourly import HourCount, Hourly
from contactsync.web.console import charts
from contactsync.web.console.charts import Series, Span

NOW = datetime(2026, 11, 24, 9, 42, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SERIES = (Series("good", "good"), Series("bad", "bad"))


@pytest.mark.parametrize("chosen", charts.RANGES)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_spans_follow_each_other_without_a_gap_and_the_last_is_under_way(chosen: str, zone: str) -> None:
    spans = charts.spans(chosen, NOW, ZoneInfo(zone))
    assert all(one.end == following.start for one, following in itertools.pairwise(spans))
    assert spans[-1].start <= NOW < spans[-1].end


def test_days_begin_at_the_viewers_midnight_also_where_a_day_has_25_hours() -> None:
    after = datetime(2026, 10, 27, 12, tzinfo=UTC)  # clocks went back on the 25th
    days = {span.label: span for span in charts.spans("month", after, BERLIN)}
    long = days["Sun 25 Oct"]
    assert long.start.astimezone(BERLIN).hour == 0
    assert long.end - long.start == timedelta(hours=25)


def test_today_begins_at_the_viewers_midnight() -> None:
    assert charts.midnight(NOW, BERLIN) == datetime(2026, 11, 23, 23, tzinfo=UTC)


def test_every_hour_is_counted_in_exactly_one_span() -> None:
    spans = charts.spans("week", NOW, BERLIN)
    hours = [HourCount(charts.hour_of(NOW) - timedelta(hours=back), Hourly.SYNCED, "contact", 1) for back in range(400)]
    within = [one for one in hours if one.hour >= spans[0].start]
    assert sum(one.of(Hourly.SYNCED) for one in charts.summed(hours, spans)) == len(within)


def test_sums_tell_labels_apart_and_add_seconds() -> None:
    span = Span(NOW, NOW + timedelta(hours=1), "now")
    counts = [
        HourCount(NOW, Hourly.DELIVERIES, "absorbed", 4),
        HourCount(NOW, Hourly.DELIVERIES, "failed", 1),
        HourCount(NOW, Hourly.ARRIVALS, "2.5", 2, 3.5),
    ]
    (sums,) = charts.summed(counts, [span])
    assert (sums.of(Hourly.DELIVERIES), sums.of(Hourly.DELIVERIES, "failed"), sums.seconds) == (5, 1, 3.5)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=40))
def test_bars_stand_inside_the_chart_one_on_the_other_and_the_highest_fits(rows: list[tuple[int, int]]) -> None:
    spans = [Span(NOW, NOW, str(index)) for index in range(len(rows))]
    made = charts.of_counts(spans, SERIES, rows)
    for column, row in zip(made.columns, rows, strict=True):
        assert len(column.bars) == sum(number > 0 for number in row)
        base = made.height
        for bar in column.bars:
            assert bar.x >= 0
            assert bar.x + bar.width <= made.width + 0.01
            assert bar.y >= -0.01
            assert bar.y + bar.height == pytest.approx(base, abs=0.02)
            base = bar.y
    assert made.empty == (not any(any(row) for row in rows))


@given(st.integers(0, 10**9))
def test_a_scale_ends_with_a_round_number_that_is_not_below_and_whose_half_is_whole(most: int) -> None:
    top = charts.ceiling(most)
    assert top >= most
    assert top % 2 == 0
    assert top <= max(2, 2 * most)
    assert len(str(top).rstrip("0")) <= 1


def test_what_is_counted_is_said_with_each_bar() -> None:
    made = charts.of_counts([Span(NOW, NOW, "09:00")], SERIES, [(1200, 3)])
    assert made.columns[0].words == "09:00: 1,200 good, 3 bad"
    assert made.scale == ("2,000", "1,000", "0")


def test_a_time_of_nothing_is_no_time_of_zero() -> None:
    made = charts.of_seconds([Span(NOW, NOW, "a"), Span(NOW, NOW, "b")], Series("on average", "brand"), [None, 0.4])
    assert [column.words for column in made.columns] == ["a: nothing", "b: 0.4 s"]
    assert made.columns[0].bars == ()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (59, "59 s"), (150, "2 min"), (7200, "2 h"), (259_200, "3 days")],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert charts.duration(seconds) == said


@pytest.mark.parametrize(
    ("buckets", "share", "seconds"),
    [({"1": 9, "60": 1}, 0.5, 1.0), ({"1": 9, "60": 1}, 0.95, 60.0), ({"+Inf": 1}, 0.5, None), ({}, 0.5, None)],
)
def test_how_fast_most_were_is_read_off_the_buckets(
    buckets: dict[str, int], share: float, seconds: float | None
) -> None:
    assert charts.within(buckets, share) == seconds
