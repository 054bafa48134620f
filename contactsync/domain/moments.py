"""When a meeting is: from what the event platform says to moments in UTC, zones and clock changes minded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from contactsync.domain.crm import Mend, Problem, RecordKind
from contactsync.domain.records import Meeting, Scalar

DEFAULT_LENGTH = timedelta(minutes=30)
"""How long a meeting is that does not say when it ends, or says an end that is not after its start."""

LONGEST = timedelta(days=14)
"""CRMs take no longer Activities (facts: Event)."""

_DAY = timedelta(days=1)
_MIDNIGHT = time()
_FIRST_YEAR, _LAST_YEAR = 1700, 4000
_WIRE = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Moments:
    """Start and end in UTC ("2026-11-24T09:00:00Z"); of an all-day meeting the midnights, in UTC, at which its first and
    its last day begin, whatever its zone: one day ends where it starts. `why`: what was made up for the event platform.
    """

    starts_at: str
    ends_at: str
    all_day: bool = False
    why: tuple[str, ...] = ()


class _Unreadable(Exception):
    """A time cannot be read; carries the problem that people see."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def moments(meeting: Meeting, default_zone: str | None = None) -> Moments | Problem:
    """When a meeting is, or why that cannot be said. `default_zone`: its event's, for times that bring no zone along.

    * A time with an offset is that moment. A time without one is the wall clock of `timezone`: one that happens twice
      (the clocks go back) is the first, unless the meeting would end before it starts; one that is skipped (they go
      forward) is as long after the change as it is after the skipped hour began (RFC 5545, 3.3.5).
    * All-day: dates without times (the last one belongs to the meeting), or from one local midnight to another.
    * No end, or none after the start: half an hour. More than 14 days: a problem.
    """
    try:
        zone = _zone(meeting.text("timezone") or default_zone)
        start = _read(meeting, "starts_at")
        end = _read(meeting, "ends_at")
        if start is None:
            raise _Unreadable(_problem("meeting_without_start", "The meeting has no start.", "starts_at"))
        if not isinstance(start, datetime):
            if end is None or not isinstance(end, datetime):
                return _days(start, end or start)
            start = datetime.combine(start, _MIDNIGHT)
        return _span(start, end, zone)
    except _Unreadable as unreadable:
        return unreadable.problem


def utc_moment(value: Scalar, zone_name: str | None) -> datetime | None:
    """One time of the event platform as a moment; a date is its local midnight. None when it cannot be said."""
    try:
        zone = _zone(zone_name)
        read = _parsed(str(value).strip()) if value is not None else None
        if read is None:
            return None
        return _moment(read if isinstance(read, datetime) else datetime.combine(read, _MIDNIGHT), zone)
    except (_Unreadable, ValueError):
        return None


def local_date(value: Scalar, zone_name: str | None, *, is_end: bool = False) -> date | None:
    """The day on which a time of the event platform is, on the wall where it happens; None when it cannot be said.
    An end at midnight belongs to the day before (`is_end`).
    """
    try:
        read = _parsed(str(value).strip()) if value is not None else None
        zone = _zone(zone_name)
    except (_Unreadable, ValueError):
        return None
    if not isinstance(read, datetime):
        return read
    wall = _wall(read, zone)
    return (wall - _DAY).date() if is_end and wall.time() == _MIDNIGHT else wall.date()


def _days(first: date, last: date) -> Moments:
    why: tuple[str, ...] = ()
    if last < first:
        last, why = first, ("The meeting's last day is before its first: it was taken for one day.",)
    if (last - first) + _DAY > LONGEST:
        raise _Unreadable(_too_long())
    begins, ends = (_wire(datetime.combine(day, _MIDNIGHT)) for day in (first, last))
    return Moments(begins, ends, all_day=True, why=why)


def _span(start: datetime, end: date | None, zone: tzinfo | None) -> Moments:
    if end is not None and not isinstance(end, datetime):
        end = datetime.combine(end + _DAY, _MIDNIGHT)  # until the end of that day
    if end is not None and _whole_days(start, end, zone):
        return _days(_wall(start, zone).date(), (_wall(end, zone) - _DAY).date())
    begins = _moment(start, zone)
    ends = _end(start, begins, end, zone)
    why: tuple[str, ...] = ()
    if ends is None:
        ends = begins + DEFAULT_LENGTH
        why = (
            "The meeting does not say when it ends: half an hour was taken."
            if end is None
            else "The meeting's end is not after its start: half an hour was taken.",
        )
    if ends - begins > LONGEST:
        raise _Unreadable(_too_long())
    return Moments(_wire(begins), _wire(ends), why=why)


def _end(start: datetime, begins: datetime, end: datetime | None, zone: tzinfo | None) -> datetime | None:
    """The moment of the end; None when there is none after the start."""
    if end is None:
        return None
    ends = _moment(end, zone)
    if ends > begins:
        return ends
    if start.tzinfo is None and end.tzinfo is None and end > start:
        return begins + (end - start)  # the start was moved out of a skipped hour: the meeting keeps its length
    second = _moment(end.replace(fold=1), zone)
    return second if second > begins else None


def _whole_days(start: datetime, end: datetime, zone: tzinfo | None) -> bool:
    first, last = _wall(start, zone), _wall(end, zone)
    return first.time() == last.time() == _MIDNIGHT and last.date() > first.date()


def _wall(read: datetime, zone: tzinfo | None) -> datetime:
    """What the clock on the wall shows: of the zone when there is one, else as it was written."""
    if read.tzinfo is not None and zone is not None:
        read = read.astimezone(zone)
    return read.replace(tzinfo=None, fold=0)


def _moment(read: datetime, zone: tzinfo | None) -> datetime:
    if read.tzinfo is None:
        if zone is None:
            cause = "The meeting's times have no zone: neither an offset nor a timezone was sent."
            raise _Unreadable(_problem("meeting_without_zone", cause, "timezone"))
        read = read.replace(tzinfo=zone)
    return read.astimezone(UTC)


def _zone(name: str | None) -> tzinfo | None:
    if name is None or not name.strip():
        return None
    try:
        return ZoneInfo(name.strip())
    except (ValueError, OSError, LookupError):
        cause = "The meeting's time zone is none that is known."
        fix = "Send the IANA name of the zone, such as Europe/Berlin, as timezone."
        raise _Unreadable(_problem("meeting_zone_unknown", cause, "timezone", fix)) from None


def _read(meeting: Meeting, path: str) -> date | None:
    text = meeting.text(path)
    if text is None:
        return None
    try:
        return _parsed(text)
    except ValueError:
        cause = f"The meeting's {path} is neither a date nor a time."
        raise _Unreadable(_problem("meeting_time_unreadable", cause, path)) from None


def _parsed(text: str) -> date:
    """A date ("2026-11-24") or a datetime, aware or not; whole seconds. Raises ValueError for anything else."""
    is_date = len(text) == len("2026-11-24")
    read = date.fromisoformat(text) if is_date else datetime.fromisoformat(text).replace(microsecond=0)
    if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
        raise ValueError(text)  # no CRM knows such days, and zones could push them out of the calendar
    return read


def _wire(moment: datetime) -> str:
    return moment.strftime(_WIRE)


def _too_long() -> Problem:
    cause = f"The meeting is longer than {LONGEST.days} days, and the CRM takes no longer ones."
    fix = "Shorten the meeting at the event platform, or split it into several."
    return _problem("meeting_too_long", cause, "ends_at", fix)


def _problem(code: str, cause: str, path: str, fix: str | None = None) -> Problem:
    return Problem(
        code=code,
        cause=cause,
        fix=fix or f"Send {path} of the meeting again, as an RFC 3339 time, a date, or a local time with timezone.",
        who="event team",
        fields=(path,),
        object=RecordKind.ACTIVITY.value,
        mended_by=(Mend.SOURCE,),
    )
