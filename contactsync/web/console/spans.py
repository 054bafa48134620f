"""When an event or a meeting is, in words: by the clock on the wall where it happens. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contactsync.domain.moments import local_date, utc_moment
from contactsync.domain.records import Scalar

_DATE_LENGTH = len("2026-12-01")


@dataclass(frozen=True)
class Span:
    """`starts`: the moment, None for whole days and for times that nobody can place. `clock`: when it is, "": nothing is said.
    `zone`: whose clock that is, "": the viewer's own, or none.
    """

    starts: datetime | None
    clock: str
    zone: str = ""

    @property
    def words(self) -> str:
        """When it is, with the zone where it is not the viewer's."""
        return f"{self.clock} ({self.zone})" if self.zone else self.clock


def span_of(fields: Mapping[str, Scalar], viewer: ZoneInfo, default_zone: str | None = None) -> Span:
    """From `starts_at`, `ends_at` and `timezone` (else `default_zone`, else the viewer's own).

    "Tue 1 Dec 2026, 09:00 – 17:00 (Europe/Berlin)", "1 – 3 Dec 2026"; the zone is said where it is not the viewer's.
    """
    said = fields.get("timezone") or default_zone
    zone = said if isinstance(said, str) else None
    starts, ends = (_moment(fields.get(name), zone) for name in ("starts_at", "ends_at"))
    if starts is None:
        first = local_date(fields.get("starts_at"), zone)
        last = local_date(fields.get("ends_at"), zone, is_end=True)
        return Span(None, _days(first, last) if first is not None else "")
    place = _zone(zone) or viewer
    begins = starts.astimezone(place)
    words = f"{begins:%a} {_day(begins)}, {begins:%H:%M}"
    if ends is not None and ends > starts:
        over = ends.astimezone(place)
        words += f" – {over:%H:%M}" if over.date() == begins.date() else f" – {over:%a} {_day(over)}, {over:%H:%M}"
    return Span(starts, words, "" if place.key == viewer.key else place.key)


def shared_zone(spans: Iterable[Span]) -> str:
    """The zone of all of them, to be said once above them; "": it is the viewer's, or each has to say its own."""
    zones = {span.zone for span in spans if span.starts is not None}
    return zones.pop() if len(zones) == 1 else ""


def _moment(value: Scalar, zone: str | None) -> datetime | None:
    """None for a whole day."""
    return None if value is None or len(str(value).strip()) <= _DATE_LENGTH else utc_moment(value, zone)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _days(first: date, last: date | None) -> str:
    if last is None or last <= first:
        return _day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} – {_day(last)}"
    return f"{_day(first)} – {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
