"""What must hold for every meeting, tried against a small CRM: one Activity, everybody in it, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contactsync.domain.crm import (
    Action,
    Found,
    FoundActivity,
    FoundAttendee,
    FoundPerson,
    RecordKind,
    RecordRef,
    StepRef,
)
from contactsync.domain.meetings import attempt_of, meeting_wanted, plan_meetings
from contactsync.domain.policy import Policies
from contactsync.domain.values import mark_of
from tests.domain.made import MAPPING, mapping_with, owner, rule
from tests.domain.made_meetings import ACTIVITY, ATTENDEE, event, invited, meeting

STARTS = ["2026-11-24T09:00:00Z", "2026-11-24T10:00", "2026-11-24", "2026-11-30T08:00:00+01:00"]
STATUSES = ["scheduled", "cancelled", "no_show", "completed"]
RESPONSES = [None, "accepted", "declined", "tentative"]
MAPPINGS = [
    MAPPING,
    *(
        mapping_with("meeting", rule(source, target, mode))
        for source, target, mode in (
            ("who", "WhoId", "if_empty"),
            ("who", "WhoId", "off"),
            ("description", "Description", "always"),
            ("what", "WhatId", "off"),
        )
    ),
]
PERSON_IDS = {RecordKind.CONTACT: "003", RecordKind.LEAD: "00Q"}


class Calendar:
    """A CRM's people and Activities, which refuses what a CRM would refuse."""

    def __init__(self, people, can_add):
        self.people = {person.ref: person for person in people}
        self.can_add = can_add
        self.activities: dict[RecordRef, dict] = {}
        self.places: dict[RecordRef, dict] = {}
        self.marks: dict[RecordRef, dict] = {}
        self.written = 0

    def __repr__(self):
        return f"Calendar({list(self.people.values())}, {self.activities}, {self.places}, can_add={self.can_add})"

    def look_up(self, wanted) -> Found:
        people = {ref: one for ref, one in self.people.items() if ref.id in wanted.ids.get(ref.kind, ())}
        for one in list(people.values()):
            if one.converted_to in self.people:
                people[one.converted_to] = self.people[one.converted_to]
        return Found(
            people=tuple(people.values()),
            owners=tuple(user for user in [owner(1, "host@acme.com")] if user.email in wanted.owner_emails),
            activities=tuple(
                self._activity(ref)
                for ref, fields in self.activities.items()
                if ref.id in wanted.ids.get(ACTIVITY, ()) or fields["StartDateTime"] in wanted.activity_starts
            ),
            can_add_attendees=self.can_add,
        )

    def _activity(self, ref):
        fields = self.activities[ref]
        return FoundActivity(
            ref,
            fields["StartDateTime"],
            fields.get("Subject"),
            fields.get("Description"),
            dict(fields),
            tuple(
                FoundAttendee(place, fields["person"], fields["status"].title())
                for place, fields in self.places.items()
                if fields["activity"] == ref
            ),
        )

    def apply(self, steps):
        done = {}
        for step in steps:
            fields = {
                name: done[value.step_id] if isinstance(value, StepRef) else value
                for name, value in step.fields.items()
            }
            if step.action is Action.CREATE:
                kept = self.activities if step.kind is ACTIVITY else self.places
                ref = RecordRef(step.kind, f"{step.kind}{len(kept)}")
                if step.kind is ATTENDEE:
                    assert self.can_add, "no attendees here"
                    held = [(place["activity"], place["person"]) for place in kept.values()]
                    assert (fields["activity"], fields["person"]) not in held, "takes part already"
                kept[ref] = fields
            else:
                ref = step.ref
                kept = self.activities if step.kind is ACTIVITY else self.places
                held = {name: kept[ref].get(name) for name in step.before}
                assert {name: str(value).lower() for name, value in held.items()} == {
                    name: str(value).lower() for name, value in step.before.items()
                }
                kept[ref] = {**kept[ref], **fields}
            done[step.id] = ref
            self.written += bool(fields)
            if step.kind is ACTIVITY:
                self._check(kept[ref])
                self.marks.setdefault(ref, {}).update({name: mark_of(value) for name, value in fields.items()})
        return done

    def _check(self, fields):
        who, what = fields.get("WhoId"), fields.get("WhatId")
        assert not (what and str(who).startswith("00Q")), "a Lead stands alone"
        assert fields["StartDateTime"]
        assert fields["EndDateTime"] >= fields["StartDateTime"]

    def people_of(self, ref):
        others = {fields["person"].id for fields in self.places.values() if fields["activity"] == ref}
        return others | {who for who in [self.activities[ref].get("WhoId")] if who}


@st.composite
def people(draw):
    """A few Contacts and Leads, some of them converted."""
    contacts = [
        FoundPerson(
            RecordRef(RecordKind.CONTACT, f"003{n}"), None, "2020", {"AccountId": draw(st.sampled_from([None, "001A"]))}
        )
        for n in range(draw(st.integers(0, 3)))
    ]
    leads = []
    for number in range(draw(st.integers(0, 3))):
        into = draw(st.sampled_from([None, *[one.ref for one in contacts]]))
        ref = RecordRef(RecordKind.LEAD, f"00Q{number}")
        leads.append(FoundPerson(ref, None, "2020", {}, into is not None, into))
    return [*contacts, *leads]


@st.composite
def said(draw, held, meeting_id="m1"):
    """One version of a meeting, whose attendees are records, records that are gone, or nobody's yet."""
    refs = [None, RecordRef(RecordKind.CONTACT, "003gone"), *[one.ref for one in held]]
    invitations = [
        invited(draw(st.sampled_from(refs)), f"Person {number}", draw(st.sampled_from(RESPONSES)))
        for number in range(draw(st.integers(0, 4)))
    ]
    return meeting(
        meeting_id,
        *invitations,
        event=draw(st.sampled_from([None, event(), event(None)])),
        starts_at=draw(st.sampled_from(STARTS)),
        ends_at=draw(st.sampled_from([..., "2026-12-01"])),
        timezone="Europe/Berlin",
        status=draw(st.sampled_from(STATUSES)),
        notes=draw(st.sampled_from([None, "Notes", "contactsync meeting m2"])),
        host_email=draw(st.sampled_from([None, "host@acme.com", "nobody@acme.com"])),
        title=draw(st.sampled_from(["Demo", "Lunch"])),
    )


def synced(calendar, one, mapping, link=None, attempted=()):
    """The meeting brought to the CRM; answers its steps and the Activity that it is now."""
    ready = replace(one, link=link, attempted=tuple(attempted))
    found = calendar.look_up(meeting_wanted([ready], mapping))
    made = plan_meetings([ready], found, mapping, Policies(), written=calendar.marks)
    done = calendar.apply(made.steps)
    mine = made.plans[one.meeting.id]
    return made, done.get(mine.main, link)


@given(st.data(), people(), st.booleans(), st.sampled_from(MAPPINGS))
@settings(deadline=None, max_examples=40)
def test_planning_a_meeting_twice_changes_nothing_the_second_time(data, held, can_add, mapping):
    calendar = Calendar(held, can_add)
    link = None
    for _ in range(data.draw(st.integers(1, 3))):
        one = data.draw(said(held))
        _, link = synced(calendar, one, mapping, link)
    written, count = calendar.written, len(calendar.activities)
    again, link_again = synced(calendar, one, mapping, link)
    assert [step.action for step in again.steps if step.action is not Action.LEAVE] == []
    assert (calendar.written, len(calendar.activities), link_again) == (written, count, link)


@given(st.data(), people(), st.booleans(), st.sampled_from(MAPPINGS))
@settings(deadline=None, max_examples=40)
def test_whatever_answers_are_lost_one_meeting_is_one_activity(data, held, can_add, mapping):
    assume(any(one.source == "description" for one in mapping.of(ACTIVITY)))
    calendar = Calendar(held, can_add)
    attempted: set[str] = set()
    link = None
    for _ in range(data.draw(st.integers(1, 4))):
        one = data.draw(said(held))
        if link is None:
            attempted.add(attempt_of(one))
        _, made = synced(calendar, one, mapping, link, sorted(attempted))
        if not data.draw(st.booleans()):  # the answer came
            link = made
    assert len(calendar.activities) <= 1


@given(st.data(), people(), st.sampled_from(MAPPINGS))
@settings(deadline=None, max_examples=40)
def test_in_whatever_order_attendees_are_synced_all_of_them_end_in_one_activity(data, held, mapping):
    calendar = Calendar(held, can_add=True)
    whole = data.draw(said(held))
    assume(whole.meeting.fields["status"] != "cancelled")
    order = data.draw(st.permutations(range(len(whole.people))))
    link = None
    for known in range(len(order) + 1):
        there = set(order[:known])
        seen = tuple(
            person if number in there else replace(person, ref=None) for number, person in enumerate(whole.people)
        )
        _, link = synced(calendar, replace(whole, people=seen), mapping, link)
    records = (calendar.people.get(person.ref) for person in whole.people)
    expected = {(one.converted_to or one.ref).id for one in records if one is not None}
    assert len(calendar.activities) == 1
    assert calendar.people_of(link) >= expected
    # Whoever stood for it first still takes part, and nobody takes part who was never invited.
    assert calendar.people_of(link) <= expected


@given(st.data(), people(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_batch_and_of_what_was_found_does_not_matter(data, held, chance):
    calendar = Calendar(held, can_add=True)
    batch = [data.draw(said(held, f"m{number}")) for number in range(4)]
    for one in batch[:2]:
        synced(calendar, one, MAPPING)
    batch = [replace(one, attempted=(attempt_of(one),)) for one in batch]
    found = calendar.look_up(meeting_wanted(batch, MAPPING))
    first = plan_meetings(batch, found, MAPPING, Policies())

    def shuffled(items):
        return tuple(chance.sample(items, len(items)))

    mixed = replace(found, people=shuffled(found.people), activities=shuffled(found.activities))
    assert plan_meetings(shuffled(batch), mixed, MAPPING, Policies()) == first
    used = [step_id for mine in first.plans.values() for step_id in mine.step_ids]
    assert used == [step.id for step in first.steps]
    assert len(used) == len(set(used))
