"""Meetings, their people and Activities for tests, with everything that a test does not speak about filled in."""

from __future__ import annotations

from contactsync.domain.batch import MeetingPerson, ReadyMeeting
from contactsync.domain.crm import (
    Found,
    FoundActivity,
    FoundAttendee,
    FoundOwner,
    FoundPerson,
    RecordKind,
    RecordRef,
    Step,
)
from contactsync.domain.meetings import plan_meetings
from contactsync.domain.policy import Policies
from contactsync.domain.records import Attendee, Event, Meeting
from tests.domain.made import MAPPING

ACTIVITY, ATTENDEE = RecordKind.ACTIVITY, RecordKind.ATTENDEE
START, END = "2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"


def invited(held=None, name="Ada Lovelace", response=None, attended=None, account=None, email=None):
    """An attendee; `held`: the record that it is (a FoundPerson or a ref), if it has one."""
    ref = held.ref if isinstance(held, FoundPerson) else held
    contact_id = f"of-{ref.id}" if ref is not None else None
    return MeetingPerson(Attendee(contact_id, email, response, attended), ref, name, account)


def meeting(meeting_id="m1", *people, event=None, link=None, attempted=(), deleted=False, **said) -> ReadyMeeting:
    """A meeting on 24 November, 9 to 10 UTC, called "Demo"."""
    fields = {"title": "Demo", "starts_at": START, "ends_at": END}
    fields.update(said)
    fields = {path: value for path, value in fields.items() if value is not ...}
    attendees = tuple(person.attendee for person in people)
    made = Meeting(meeting_id, fields, attendees, deleted)
    return ReadyMeeting(made, people, event, link, tuple(attempted))


def event(campaign_id="701A", **fields):
    return Event("e1", {"name": "Expo", **fields}, campaign_id)


def activity(number=1, *attendees, description=None, subject="Demo", starts_at=START, **fields) -> FoundActivity:
    """An Activity as the CRM holds it; its fields by their CRM names."""
    held = {"Subject": subject, "StartDateTime": starts_at, "EndDateTime": END, "IsAllDayEvent": False}
    held |= {"Description": description, **fields}
    return FoundActivity(RecordRef(ACTIVITY, f"00U{number}"), starts_at, subject, description, held, tuple(attendees))


def place(number, person: FoundPerson, status="New"):
    return FoundAttendee(RecordRef(ATTENDEE, f"0RE{number}"), person.ref, status)


def found_for(*records, can_add_attendees=True) -> Found:
    return Found(
        people=tuple(one for one in records if isinstance(one, FoundPerson)),
        owners=tuple(one for one in records if isinstance(one, FoundOwner)),
        activities=tuple(one for one in records if isinstance(one, FoundActivity)),
        can_add_attendees=can_add_attendees,
    )


def planned(batch, *records, mapping=MAPPING, written=None, **more):
    """The plan for meetings against records of the CRM."""
    batch = [batch] if isinstance(batch, ReadyMeeting) else batch
    return plan_meetings(batch, found_for(*records, **more), mapping, Policies(), written=written or {})


def main(made, meeting_id="m1") -> Step:
    return next(step for step in made.steps if step.id == made.plans[meeting_id].main)


def attendees(made) -> list[Step]:
    return [step for step in made.steps if step.kind is ATTENDEE]
