"""The kinds of value that say when a meeting is: local times and dates stay as they are, for the sync knows their zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

from contactsync.intake.fields import OnNull, Text, Value

_FIRST, _LAST = date(1900, 1, 1), date(3999, 12, 31)


_NO_PLACE = ("localtime", "posix", "right/")
"""What lies beside the zones on some machines: the machine's own zone, and zones that count leap seconds."""


class LocalMoment(Text):
    """A time with its offset, a local time without one, or a date for a whole day."""

    shown = "time (RFC 3339), local time, or date"
    _DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    _TIME = re.compile(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.[0-9]{1,9})?(Z|z|[+-][0-9]{2}:[0-9]{2})?"
    )

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, most=64)

    def checked(self, value: str) -> str:
        """`2026-11-24 11:00` → `2026-11-24T11:00:00`; an offset stays what it is, `Z` is one of none; fractions go."""
        form = self._TIME.fullmatch(value)
        if form is None and not self._DATE.fullmatch(value):
            raise ValidationError(
                "Not a time such as 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00 (RFC 3339), "
                "a local time such as 2026-11-24T11:00:00 with timezone, or a date such as 2026-11-24."
            )
        try:
            if form is None:
                kept, day = value, date.fromisoformat(value)
            else:
                offset = form[4].upper().replace("Z", "+00:00") if form[4] else ""
                moment = datetime.fromisoformat(f"{form[1]}T{form[2]}{form[3] or ':00'}{offset}")
                if moment.tzinfo is not None:
                    moment.astimezone(UTC)
                kept, day = moment.isoformat(), moment.date()
        except (ValueError, OverflowError):
            raise ValidationError("No such time: check day, hour and offset.") from None
        if not _FIRST <= day <= _LAST:
            raise ValidationError("Too far from now: the year must be 1900 to 3999.")
        return kept


class Zone(Text):
    """A time zone by its IANA name."""

    shown = "time zone"
    _FORM = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, most=64)

    def checked(self, value: str) -> str:
        """One that is known; abbreviations and Windows' own names are not."""
        if not self._FORM.fullmatch(value) or not _known(value):
            raise ValidationError("Not the IANA name of a time zone, such as Europe/Berlin.")
        return value


@cache
def _zones_are_here() -> bool:
    return _loads("Europe/Berlin")


def _known(name: str) -> bool:
    """Whether the zone can be loaded; on a machine without any zones what has the form of one counts."""
    return _loads(name) or not _zones_are_here()


@lru_cache(maxsize=1024)
def _loads(name: str) -> bool:
    if name.startswith(_NO_PLACE):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


class Truth(Value):
    """True or false."""

    shown = "true or false"

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, on_null=OnNull.ABSENT)

    def read(self, value: object) -> object:
        """The JSON words alone."""
        if type(value) is bool:
            return value
        if value is None or value == "":
            return self.null()
        raise ValidationError("Must be true or false, without quotes.")
