"""Charts as plain numbers: which spans of time there are, what was counted in each, and where its bar stands. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from math import ceil, floor, log10
from zoneinfo import ZoneInfo

from contactsync.store.hourly import HourCount, Hourly, hour_of

RANGES: Mapping[str, str] = {"day": "24 hours", "week": "7 days", "month": "30 days"}
"""What people may choose to look back on; the first is usual."""

WIDTH, HEIGHT = 600, 160
"""Of a chart, in units of its own: it is stretched to the room that there is."""

_GAP = 0.28
"""The share of a column's room that stays free."""

_HALVES = (2, 4, 6, 8, 10)
"""What a scale may end with, times a power of ten: its half is a whole number too."""


@dataclass(frozen=True)
class Span:
    """A stretch of time, from `start` until before `end`, and how it is called."""

    start: datetime
    end: datetime
    label: str


@dataclass(frozen=True)
class Sums:
    """What was counted in a span, by what and label; and the seconds of it."""

    counts: Mapping[tuple[Hourly, str], int] = field(default_factory=dict)
    seconds: float = 0.0

    def of(self, name: Hourly, *labels: str) -> int:
        """How many of these labels; without any of all."""
        return sum(
            count for (said, label), count in self.counts.items() if said is name and label in (labels or (label,))
        )


@dataclass(frozen=True)
class Series:
    """One kind of what is stacked in a bar. `tone`: brand | good | warn | bad | info."""

    name: str
    tone: str


@dataclass(frozen=True)
class Bar:
    """A rectangle, in the chart's units."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True)
class Column:
    """One span's bars, from the bottom up, and what they say."""

    label: str
    values: tuple[str, ...]
    bars: tuple[Bar, ...]
    x: float
    width: float

    @property
    def words(self) -> str:
        """What is shown on hover."""
        return f"{self.label}: {', '.join(self.values)}"


@dataclass(frozen=True)
class Chart:
    """Everything that a template draws. `scale`: what stands beside it, from the top down; `marks`: what stands below it."""

    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    scale: tuple[str, str, str]
    marks: tuple[str, ...]
    empty: bool
    width: int = WIDTH
    height: int = HEIGHT


# ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def spans(chosen: str, now: datetime, zone: ZoneInfo) -> tuple[Span, ...]:
    """The spans of a range, the last one being under way: hours, quarters of days, or days, as they are in the zone."""
    if chosen == "day":
        last = hour_of(now)
        hours = [last - timedelta(hours=back) for back in range(23, -1, -1)]
        return tuple(Span(at, at + timedelta(hours=1), f"{at.astimezone(zone):%H:%M}") for at in hours)
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(6 if chosen == "week" else 29, -1, -1)]
    parts = (0, 6, 12, 18) if chosen == "week" else (0,)
    local = [datetime.combine(day, time(hour), zone) for day in days for hour in parts]
    end = datetime.combine(today + timedelta(days=1), time(0), zone)
    starts = [at.astimezone(UTC) for at in (*local, end)]
    return tuple(
        Span(start, starts[index + 1], _called(at, quarters=len(parts) > 1))
        for index, (start, at) in enumerate(zip(starts, local, strict=False))
        if start <= now
    )


def midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """When the day of `now` began in the zone."""
    return datetime.combine(now.astimezone(zone).date(), time(0), zone).astimezone(UTC)


def _called(at: datetime, *, quarters: bool) -> str:
    day = f"{at:%a} {at.day} {at:%b}"
    return f"{day}, {at:%H:%M}" if quarters else day


def summed(hours: Iterable[HourCount], within: Sequence[Span]) -> tuple[Sums, ...]:
    """What was counted in each span, which follow each other. An hour belongs to the span in which it begins."""
    starts = [span.start for span in within]
    counts: list[Counter[tuple[Hourly, str]]] = [Counter() for _ in within]
    seconds = [0.0 for _ in within]
    for one in hours:
        index = bisect_right(starts, one.hour) - 1
        if index >= 0 and one.hour < within[index].end:
            counts[index][one.name, one.label] += one.count
            seconds[index] += one.seconds
    return tuple(Sums(dict(count), took) for count, took in zip(counts, seconds, strict=True))


# ── bars ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def of_counts(within: Sequence[Span], series: Sequence[Series], rows: Sequence[Sequence[int]]) -> Chart:
    """Bars of what was counted, stacked. `rows`: for each span a number of each series."""
    top = ceiling(max((sum(row) for row in rows), default=0))
    said = [tuple(f"{number:,} {one.name}" for number, one in zip(row, series, strict=True)) for row in rows]
    return _chart(within, series, rows, said, (f"{top:,}", f"{top // 2:,}", "0"), top)


def of_seconds(within: Sequence[Span], series: Series, rows: Sequence[float | None]) -> Chart:
    """Bars of how long something took; None: there was nothing in that span."""
    longest = max((row for row in rows if row is not None), default=0.0)
    unit = 3600 if longest > 5400 else 60 if longest > 90 else 1
    top = ceiling(ceil(longest / unit)) * unit
    said = [(duration(row) if row is not None else "nothing",) for row in rows]
    return _chart(
        within, (series,), [(row or 0.0,) for row in rows], said, (duration(top), duration(top / 2), "0"), top
    )


def _chart(
    within: Sequence[Span],
    series: Sequence[Series],
    rows: Sequence[Sequence[float]],
    said: Sequence[tuple[str, ...]],
    scale: tuple[str, str, str],
    top: float,
) -> Chart:
    room = WIDTH / max(1, len(within))
    columns = tuple(
        Column(span.label, words, _bars(row, series, index * room, room, top), round(index * room, 2), round(room, 2))
        for index, (span, row, words) in enumerate(zip(within, rows, said, strict=True))
    )
    return Chart(tuple(series), columns, scale, _marks(within), empty=not any(any(row) for row in rows))


def _bars(row: Sequence[float], series: Sequence[Series], left: float, room: float, top: float) -> tuple[Bar, ...]:
    """From the bottom up; what is there at all can be seen."""
    bars = []
    base = float(HEIGHT)
    for number, one in zip(row, series, strict=True):
        if number > 0:
            height = min(base, max(2.0, number / top * HEIGHT))
            base -= height
            bars.append(
                Bar(
                    round(left + room * _GAP / 2, 2),
                    round(base, 2),
                    round(room * (1 - _GAP), 2),
                    round(height, 2),
                    one.tone,
                )
            )
    return tuple(bars)


def _marks(within: Sequence[Span]) -> tuple[str, ...]:
    """Some labels at even distances: the first span, those between, and the last. Hours are short: there is room for five."""
    labels = [span.label.split(",")[0] for span in within]
    parts = 4 if max(map(len, labels), default=0) <= len("00:00") else 2
    places = dict.fromkeys(round(part * (len(labels) - 1) / parts) for part in range(parts + 1) if labels)
    return tuple(labels[place] for place in places)


def ceiling(most: int) -> int:
    """The least round number that is not below, and at least 2; its half is a whole number."""
    if most <= 2:
        return 2
    power = 10 ** floor(log10(most - 1)) if most > 10 else 1
    return int(next((step * power for step in _HALVES if step * power >= most), 20 * power))


# ── durations ──────────────────────────────────────────────────────────────────────────────────────────────────────


def duration(seconds: float) -> str:
    """As people say it: 0.4 s, 12 s, 3 min, 2 h, 5 days."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 5970:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def within(buckets: Mapping[str, int], share: float) -> float | None:
    """In how many seconds at the most this share of what the buckets count was done; None when it was more than the last
    bucket holds, or nothing was counted. `buckets`: upper bound in seconds, as text, or "+Inf" → how many.
    """
    total = sum(buckets.values())
    reached = 0
    for bound, count in sorted((float(label), count) for label, count in buckets.items()):
        reached += count
        if total and reached >= share * total:
            return None if bound == float("inf") else bound
    return None
