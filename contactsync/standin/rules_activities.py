"""What an event does of its own accord when it is written: its times, its duration, the people it may name.

Sources: the object reference of Event and EventRelation [DOC] and facts/salesforce.md, "Objects"; wordings are [MEM]
where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from contactsync.standin.errors import RefusedError
from contactsync.standin.store import Record
from contactsync.standin.values import wire_datetime

if TYPE_CHECKING:  # rules.py, which org.py calls, calls these
    from contactsync.standin.org import Org

DAY = timedelta(days=1)
LONGEST = timedelta(days=14)  # [MEM]
_TIMES = frozenset(
    {"StartDateTime", "EndDateTime", "ActivityDateTime", "ActivityDate", "DurationInMinutes", "IsAllDayEvent"}
)


def prepare_event(org: Org, record: Record, given: Mapping[str, object] | None = None) -> None:
    """Check the people of an event and derive its times; `given` is what an update carries. Raises RefusedError."""
    if given is not None and record.get("IsChild"):
        message = "A child event is changed through its parent"  # [MEM]
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, [])
    _check_people(org, record, given)
    if given is None or _TIMES & set(given):
        longest = LONGEST if org.options.multiday_events else DAY
        _derive_times(record, record if given is None else given, new=given is None, longest=longest)
    record["AccountId"] = _account_of(org, record)


def _check_people(org: Org, record: Record, given: Mapping[str, object] | None) -> None:
    """A lead that was converted is no Who, and a lead as Who stands alone."""
    who, what = record.get("WhoId"), record.get("WhatId")
    if given is None or "WhoId" in given:
        refuse_converted(org, who)
    if _is_lead(org, who) and what:
        # [MEM] wording; the code and the two fields are [SEEN] in a vendor's knowledge base.
        message = "Related To ID: an activity of a lead cannot be related to another record"
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, ["WhoId", "WhatId"])


def refuse_converted(org: Org, person: object) -> None:
    """A converted lead can be neither Who nor invitee."""
    lead = org.store.get("Lead", str(person)) if _is_lead(org, person) else None
    if lead is not None and lead.get("IsConverted"):
        raise RefusedError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])


def _is_lead(org: Org, person: object) -> bool:
    target = org.schema.of_id(str(person)) if person else None
    return target is not None and target.name == "Lead"


def _account_of(org: Org, record: Record) -> str | None:
    """The account of WhatId, else of a contact as WhoId [DOC]."""
    what = str(record.get("WhatId") or "")
    target = org.schema.of_id(what) if what else None
    if target is not None and target.name == "Account":
        return what
    contact = org.store.get("Contact", str(record.get("WhoId"))) or {}
    return contact.get("AccountId")


def _derive_times(record: Record, given: Mapping[str, object], *, new: bool, longest: timedelta) -> None:
    """Start, end and duration from whichever were given. Raises RefusedError."""
    all_day = bool(record.get("IsAllDayEvent"))
    start = _start(record, given, all_day=all_day)
    if all_day and (start.hour or start.minute or start.second):
        # The time of an all-day event must be midnight UTC [DOC].
        message = "The start time of an all-day event must be midnight UTC"
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, ["StartDateTime"])
    length = _length(record, given, start, all_day=all_day, new=new)
    if not timedelta(0) <= length <= longest:
        # [SEEN] for an org without multiday events; that the 14 days and an end before the start read so too is [MEM].
        message = f"Duration must be between 0 and {longest // timedelta(minutes=1)} minutes: Duration"
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, ["DurationInMinutes"])
    # The end of an all-day event is the midnight at which its last day begins: one day ends where it starts [MEM].
    end = start + length - (DAY if all_day else timedelta(0))
    record["StartDateTime"] = record["ActivityDateTime"] = wire_datetime(start)
    record["EndDateTime"] = wire_datetime(end)
    record["ActivityDate"], record["EndDate"] = start.date().isoformat(), end.date().isoformat()
    record["DurationInMinutes"] = int(length.total_seconds() // 60)


def _start(record: Record, given: Mapping[str, object], *, all_day: bool) -> datetime:
    """The start from the field that carries it; two that contradict each other are refused [DOC: must match]."""
    starts: dict[str, datetime] = {}
    for name in ("StartDateTime", "ActivityDateTime", "ActivityDate"):
        value = given.get(name)
        if value is not None and (name != "ActivityDate" or all_day or not starts):
            starts[name] = _moment(str(value))
    if not starts and record.get("StartDateTime") is not None and "StartDateTime" not in given:
        starts["StartDateTime"] = _moment(str(record["StartDateTime"]))
    if not starts or (not all_day and set(starts) == {"ActivityDate"}):
        name = "ActivityDate" if all_day else "ActivityDateTime"
        raise RefusedError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", [name])
    if len(set(starts.values())) > 1:
        names = sorted(starts)
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", f"{' and '.join(names)} must match, or one must be null", names)
    return next(iter(starts.values()))


def _length(record: Record, given: Mapping[str, object], start: datetime, *, all_day: bool, new: bool) -> timedelta:
    """How long it lasts; duration and end may both be given if they agree [DOC].

    An update of the start alone keeps the length and moves the end [MEM].
    """
    minutes, end = given.get("DurationInMinutes"), given.get("EndDateTime")
    spans = []
    if minutes is not None:
        spans.append(timedelta(minutes=int(str(minutes))))
    if end is not None:
        spans.append(_moment(str(end)) - start + (DAY if all_day else timedelta(0)))
    if len(set(spans)) > 1:
        message = "DurationInMinutes and EndDateTime must add up to the same amount of time"
        raise RefusedError("FIELD_INTEGRITY_EXCEPTION", message, ["DurationInMinutes"])
    if spans:
        return spans[0]
    cleared = "DurationInMinutes" in given or "EndDateTime" in given
    if not new and not cleared and record.get("DurationInMinutes") is not None:
        return timedelta(minutes=int(record["DurationInMinutes"]))
    if all_day:
        return DAY  # the default of an all-day event [DOC]
    name = "DurationInMinutes"
    raise RefusedError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", [name])


def _moment(text: str) -> datetime:
    """A stored date-time or date as a moment in UTC."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00.000+0000")
