"""Meetings become Activities (rule 10): what must be read for a batch of them, and what should change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from contactsync.domain.batch import Catalogs, MeetingPerson, ReadyMeeting, RecordPlan, RecordsPlan, Written
from contactsync.domain.crm import (
    Action,
    FieldCatalog,
    FieldValue,
    Found,
    FoundActivity,
    Problem,
    RecordKind,
    Step,
    Wanted,
)
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldMapping, FieldRule, WriteMode
from contactsync.domain.mapping_json import rules_as_json
from contactsync.domain.meeting_match import match_activities
from contactsync.domain.meeting_people import NEW, Linked, People, people_of
from contactsync.domain.meeting_text import DESCRIPTION_LENGTH, description_of, status_of, subject_of
from contactsync.domain.meeting_who import Related, related
from contactsync.domain.moments import Moments, moments
from contactsync.domain.plan import NO_CATALOGS, NOTHING_WRITTEN
from contactsync.domain.policy import Policies
from contactsync.domain.writes import Writes, changed_record, created, new_record, written

VERSION = 1
"""Counts up when the decider would send something else for the same meeting."""

MOST_ATTENDEES = 1000
"""CRMs take no more people in one Activity (facts: EventRelation)."""

TIME_SOURCES = frozenset({"starts_at", "ends_at", "all_day"})


def meeting_wanted(batch: Sequence[ReadyMeeting], mapping: FieldMapping) -> Wanted:
    """Everything that `plan_meetings` needs to know of the CRM: five questions at the most.

    The attendees' records (deleted ones are not found, converted Leads bring their Contacts), the host's user, and the
    Activities: by link, and those that begin at a moment at which one may have been made whose id was never heard.
    """
    ids: dict[RecordKind, set[str]] = {}
    for ready in batch:
        refs = (*(person.ref for person in ready.people), ready.link)
        for ref in refs:
            if ref is not None:
                ids.setdefault(ref.kind, set()).add(ref.id)
    rules = mapping.of(RecordKind.ACTIVITY)
    hosts = (_host(ready) for ready in batch) if any(rule.source == "owner" for rule in rules) else iter(())
    return Wanted(
        ids={kind: frozenset(values) for kind, values in ids.items()},
        owner_emails=frozenset(host for host in hosts if host),
        activity_starts=frozenset(moment for ready in batch for moment in ready.attempted),
        fields={
            RecordKind.ACTIVITY: frozenset(rule.target for rule in rules),
            RecordKind.CONTACT: frozenset(_account_targets(mapping)),
        },
    )


def attempt_of(ready: ReadyMeeting) -> str | None:
    """The moment at which an Activity made for the meeting begins, to be written down before it is made."""
    when = _when(ready)
    return when.starts_at if isinstance(when, Moments) else None


def plan_meetings(
    batch: Sequence[ReadyMeeting],
    found: Found,
    mapping: FieldMapping,
    policies: Policies,  # noqa: ARG001 - asked for as `plan` is; no policy concerns meetings yet
    *,
    written: Written = NOTHING_WRITTEN,
    catalogs: Catalogs = NO_CATALOGS,
) -> RecordsPlan:
    """The steps that bring a batch of meetings to the CRM, by the event platform's id.

        when        its moments; or a problem that stops this meeting and no other
        match       by link, by our line in the description; never a second Activity for one meeting
        people      the first attendee that is a record stands for it, the others are added, the rest is named in the text
        steps       the Activity, then its attendees

    `found` is what `meeting_wanted(batch, mapping)` asked for. Step ids: `activity1` …, `attendee1_1` …, by meeting ids.
    A cancelled meeting that never became an Activity does not become one; a deleted one changes the subject alone.
    """
    ordered = sorted(batch, key=lambda ready: ready.meeting.id)
    index = FoundIndex.of(found)
    matches = match_activities(ordered, found, mapping)
    steps: list[Step] = []
    plans: dict[str, RecordPlan] = {}
    for number, ready in enumerate(ordered, start=1):
        match = matches[ready.meeting.id]
        making = _Making(
            number=number,
            ready=ready,
            activity=match.activity,
            why=match.why,
            index=index,
            can_add=found.can_add_attendees,
            rules=mapping.of(RecordKind.ACTIVITY),
            account_targets=_account_targets(mapping),
            marks=written.get(match.activity.ref, {}) if match.activity is not None else {},
            catalog=catalogs.get(RecordKind.ACTIVITY),
        )
        made = making.plan()
        steps.extend(made.steps)
        plans[ready.meeting.id] = made.plan
    return RecordsPlan(tuple(steps), plans)


def meeting_fingerprint(ready: ReadyMeeting, mapping: FieldMapping, policies: Policies) -> str:  # noqa: ARG001
    """The sha256, in hex, of what the plan for a meeting is made from: its fields that any rule uses, its attendees and the
    records that they are, its event's name, zone and campaign, the rules. What the CRM holds is no part of it.
    """
    rules = mapping.of(RecordKind.ACTIVITY)
    meeting, event = ready.meeting, ready.event
    sources = {rule.source for rule in rules} | {"title", "status", "starts_at", "ends_at", "timezone", "notes"}
    made_from = {
        "version": VERSION,
        "rules": rules_as_json(rules),
        "fields": {path: meeting.fields[path] for path in sorted(sources) if path in meeting.fields},
        "deleted": meeting.deleted,
        "host": _host(ready),
        "people": [_told(person) for person in ready.people],
        "event": event and [event.fields.get("name"), event.fields.get("timezone"), event.campaign_id],
    }
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _told(person: MeetingPerson) -> list[str | bool | None]:
    ref, account, attendee = person.ref, person.account, person.attendee
    told = [ref.kind.value, ref.id] if ref is not None else [None, person.name, attendee.email]
    return [*told, account.id if account is not None else None, attendee.response, attendee.attended]


@dataclass(frozen=True)
class _Made:
    plan: RecordPlan
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class _Sources:
    """What a meeting says, rule by rule: `worked_out` before the fields as they were sent."""

    ready: ReadyMeeting
    worked_out: Mapping[str, FieldValue]

    def said(self, rule: FieldRule) -> Iterator[FieldValue]:
        fields = self.ready.meeting.fields
        if rule.source in self.worked_out:
            yield self.worked_out[rule.source]
        elif rule.source in fields and rule.source not in _WORKED_OUT:
            yield fields[rule.source]


_WORKED_OUT = TIME_SOURCES | {"subject", "description", "event", "owner", "who", "what"}
"""Sources that the meeting's own fields never answer: what is not worked out is not said."""


def _sources(
    ready: ReadyMeeting,
    when: Moments | None = None,
    description: str | None = None,
    owner: str | None = None,
    relation: Related | None = None,
    held: str | None = None,
) -> _Sources:
    worked_out: dict[str, FieldValue] = {
        "id": ready.meeting.id,
        "subject": subject_of(ready.meeting, held),
        "status": status_of(ready.meeting),
    }
    if when is not None:
        worked_out |= {"starts_at": when.starts_at, "ends_at": when.ends_at, "all_day": when.all_day}
    if ready.event is not None:
        worked_out["event"] = ready.event.fields.get("name")
    if relation is not None:
        worked_out |= {"who": relation.who.id if relation.who is not None else None, "what": relation.what}
    worked_out |= {"description": description, "owner": owner}
    never_cleared = ("description", "owner", "who", "what", "event")
    for source in never_cleared:
        if worked_out.get(source) is None:
            worked_out.pop(source, None)
    return _Sources(ready, worked_out)


@dataclass(frozen=True)
class _Placed:
    """Attendees by where they stand."""

    others: tuple[Linked, ...]
    named: tuple[MeetingPerson, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class _Making:
    """One meeting on its way to its steps."""

    number: int
    ready: ReadyMeeting
    activity: FoundActivity | None
    why: tuple[str, ...]
    index: FoundIndex
    can_add: bool
    rules: Sequence[FieldRule]
    account_targets: Sequence[str]
    marks: Mapping[str, str]
    catalog: FieldCatalog | None

    def plan(self) -> _Made:
        status = status_of(self.ready.meeting)
        if self.activity is None and status == "cancelled":
            why = (*self.why, "The meeting was cancelled before it became a calendar event: none was made.")
            return self._without_steps(why)
        if self.ready.meeting.deleted and self.activity is not None:
            return self._deleted(self.activity)
        when = _when(self.ready)
        if isinstance(when, Problem):
            return _Made(RecordPlan(self.ready.meeting.id, why=self.why, problem=when))
        people = people_of(self.ready.people, self.index, self.account_targets)
        relation = related(people, self.ready.event, self.activity, self.rules, self.marks)
        placed = self._placed(people, relation)
        description = description_of(self.ready.meeting, placed.named, self._description_length())
        owner, owner_why = self._owner()
        sources = _sources(self.ready, when, description.text, owner, relation, self._held_subject)
        why = (
            *self.why,
            *_what_became(status),
            *relation.why,
            *people.why,
            *placed.why,
            *owner_why,
            *when.why,
            *description.why,
        )
        main = self._activity(sources, relation.clears, why)
        attendees = self._attendees(main, placed.others) if self.can_add else ()
        plan = RecordPlan(self.ready.meeting.id, main.id, tuple(step.id for step in attendees), main.why)
        return _Made(plan, (main, *attendees))

    def _without_steps(self, why: tuple[str, ...]) -> _Made:
        return _Made(RecordPlan(self.ready.meeting.id, why=why))

    def _deleted(self, activity: FoundActivity) -> _Made:
        rules = [rule for rule in self.rules if rule.source == "subject"]
        said = _sources(self.ready, held=self._held_subject).said
        writes = changed_record(rules, said, activity.fields, marks=self.marks, catalog=self.catalog)
        why = (*self.why, "The meeting was deleted at its source: its calendar event says so, and is left otherwise.")
        step = written(self._main_id, activity.ref, writes, why)
        return _Made(RecordPlan(self.ready.meeting.id, step.id, why=step.why), (step,))

    def _activity(self, sources: _Sources, clears: str | None, why: tuple[str, ...]) -> Step:
        if self.activity is None:
            writes = new_record(self.rules, sources.said, self.catalog)
            return created(self._main_id, RecordKind.ACTIVITY, writes, why)
        held = self.activity.fields
        writes = changed_record(self.rules, sources.said, held, marks=self.marks, catalog=self.catalog)
        self._times_together(writes, sources)
        if clears is not None:
            writes.fields[clears] = None
            writes.before[clears] = held.get(clears)
        return written(self._main_id, self.activity.ref, writes, why)

    def _times_together(self, writes: Writes, sources: _Sources) -> None:
        """A CRM that hears of a new start alone would keep the length and move the end: they go together."""
        times = [rule for rule in self.rules if rule.source in TIME_SOURCES and rule.mode is WriteMode.ALWAYS]
        if self.activity is None or not any(rule.target in writes.fields for rule in times):
            return
        for target, value in new_record(times, sources.said, self.catalog).fields.items():
            writes.fields.setdefault(target, value)
            writes.before.setdefault(target, self.activity.fields.get(target))

    def _placed(self, people: People, relation: Related) -> _Placed:
        """Who has a place in the Activity beside the one who stands for it, and who is only named in the description."""
        others = [linked for linked in people.linked if linked.ref != relation.stands]
        present = {held.person for held in self.activity.attendees} if self.activity is not None else set()
        room = MOST_ATTENDEES - len(present) if self.can_add else 0
        new = [linked for linked in others if linked.ref not in present]
        without_place = new[max(room, 0) :]
        left_out = {linked.ref for linked in without_place}
        kept = tuple(linked for linked in others if linked.ref not in left_out)
        named = {linked.person for linked in without_place} | set(people.unlinked)
        why: tuple[str, ...] = ()
        if without_place:
            told = (
                f"The calendar event takes {MOST_ATTENDEES} attendees at the most"
                if self.can_add
                else "The CRM does not let contactsync add attendees to a calendar event"
            )
            why = (f"{told}: {len(without_place)} of them stand in the description.",)
        return _Placed(kept, tuple(person for person in self.ready.people if person in named), why)

    def _attendees(self, main: Step, others: Sequence[Linked]) -> tuple[Step, ...]:
        present = {held.person: held for held in self.activity.attendees} if self.activity is not None else {}
        steps = []
        for number, linked in enumerate(others, start=1):
            held = present.get(linked.ref)
            step_id = f"attendee{self.number}_{number}"
            if held is None:
                fields: dict[str, FieldValue] = {"activity": main.record, "person": linked.ref, "status": linked.status}
                why = ("Takes part in the meeting.",)
                steps.append(Step(step_id, Action.CREATE, RecordKind.ATTENDEE, fields=fields, why=why))
            elif linked.status != NEW and (held.status or NEW).strip().lower() != linked.status:
                fields, before = {"status": linked.status}, {"status": held.status}
                why = ("The attendee's answer changed.",)
                steps.append(Step(step_id, Action.UPDATE, RecordKind.ATTENDEE, held.ref, fields, before, why))
        return tuple(steps)

    def _owner(self) -> tuple[str | None, tuple[str, ...]]:
        host = _host(self.ready)
        if host is None or not any(rule.source == "owner" for rule in self.rules):
            return None, ()
        users = self.index.owners.get(host, ())
        if not users:
            return None, ("No active standard user has the host's e-mail address: the owner was left to the CRM.",)
        if len(users) > 1:
            return users[0].ref.id, (f"{len(users)} active users have the host's e-mail address: the first was taken.",)
        return users[0].ref.id, ()

    def _description_length(self) -> int:
        targets = [rule.target for rule in self.rules if rule.source == "description"]
        known = [self.catalog.fields.get(target) for target in targets] if self.catalog is not None else []
        return min((held.length for held in known if held is not None and held.length), default=DESCRIPTION_LENGTH)

    @property
    def _held_subject(self) -> str | None:
        return self.activity.subject if self.activity is not None else None

    @property
    def _main_id(self) -> str:
        return f"activity{self.number}"


def _what_became(status: str) -> tuple[str, ...]:
    match status:
        case "cancelled":
            return ("The meeting was cancelled: the subject says so.",)
        case "no_show":
            return ("Nobody came to the meeting: the subject says so.",)
        case _:
            return ()


def _when(ready: ReadyMeeting) -> Moments | Problem:
    zone = ready.event.fields.get("timezone") if ready.event is not None else None
    return moments(ready.meeting, zone if isinstance(zone, str) else None)


def _host(ready: ReadyMeeting) -> str | None:
    host = ready.meeting.text("host_email")
    return host.lower() if host is not None else None


def _account_targets(mapping: FieldMapping) -> tuple[str, ...]:
    return tuple(rule.target for rule in mapping.of(RecordKind.CONTACT) if rule.source == "account")
