"""Who stands for an Activity and what it is about: the fields that relate it to other records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contactsync.domain.crm import FoundActivity, RecordKind, RecordRef
from contactsync.domain.mapping import FieldRule, WriteMode
from contactsync.domain.meeting_people import Linked, People
from contactsync.domain.records import Event, Scalar
from contactsync.domain.values import is_blank, mark_of
from contactsync.domain.writes import would_write


@dataclass(frozen=True)
class Related:
    """`who` and `what`: to be written, None to leave them; `stands`: who will stand for the Activity, if it is one of the
    attendees; `clears`: a field that must be emptied, because a Lead stands alone.
    """

    who: RecordRef | None = None
    what: str | None = None
    stands: RecordRef | None = None
    clears: str | None = None
    why: tuple[str, ...] = ()


def related(
    people: People,
    event: Event | None,
    activity: FoundActivity | None,
    rules: Sequence[FieldRule],
    marks: Mapping[str, str],
) -> Related:
    """The first attendee that is a record stands for the Activity, unless another one of them does already; it is about the
    event's campaign, else about the Account of the first attendee that is a Contact. A Lead stands alone: CRMs refuse one
    beside anything that the Activity is about, so what somebody else put there keeps Leads away, and somebody else who
    stands there keeps contactsync from saying what the Activity is about.
    """
    what = _about(people, event)
    who_rule, what_rule = _rule(rules, "who"), _rule(rules, "what")
    held_who, held_what = _held(activity, who_rule), _held(activity, what_rule)
    foreign = not is_blank(held_what) and not _ours(held_what, what, what_rule, marks)
    who = _who(people, held_who, who_rule, marks, is_new=activity is None, contacts_only=foreign)
    if who is None:
        why = _nobody(people, who_rule, foreign=foreign)
        # Whoever else stands there may be a Lead: nothing is put beside somebody whom nobody knows.
        return Related(what=what if is_blank(held_who) else None, why=why)
    writes_who = who.ref if who.ref.id != held_who else None
    if who.ref.kind is not RecordKind.LEAD:
        return Related(writes_who, what, who.ref)
    clears = what_rule.target if what_rule is not None and not is_blank(held_what) else None
    told = ("A Lead stands for the calendar event: it is about no other record.",) if what is not None else ()
    return Related(writes_who, None, who.ref, clears, told)


def _who(
    people: People,
    held: Scalar,
    rule: FieldRule | None,
    marks: Mapping[str, str],
    *,
    is_new: bool,
    contacts_only: bool,
) -> Linked | None:
    """The attendee that will stand for the Activity; None: nobody, or somebody who is not one of them."""
    if rule is None:
        return None
    present = next((linked for linked in people.linked if linked.ref.id == held), None)
    if present is not None:
        return present
    if not is_new and not would_write(rule.mode, held, marks.get(rule.target)):
        return None
    if rule.mode is WriteMode.APPEND and not is_blank(held):
        return None
    fitting = (one for one in people.linked if not contacts_only or one.ref.kind is RecordKind.CONTACT)
    return next(fitting, None)


def _nobody(people: People, rule: FieldRule | None, *, foreign: bool) -> tuple[str, ...]:
    if rule is None:
        return ()
    if not people.linked:
        return ("No attendee is a record yet: nobody stands for the calendar event.",)
    if foreign:
        return ("The calendar event is about a record that somebody chose, which no Lead may stand beside.",)
    return ("Somebody stands for the calendar event already who is no attendee: that stays.",)


def _about(people: People, event: Event | None) -> str | None:
    if event is not None and event.campaign_id:
        return event.campaign_id
    contacts = (linked for linked in people.linked if linked.ref.kind is RecordKind.CONTACT)
    return next((linked.account for linked in contacts if linked.account), None)


def _ours(held: Scalar, what: str | None, rule: FieldRule | None, marks: Mapping[str, str]) -> bool:
    """Whether contactsync may empty what the Activity is about: it put that there."""
    if rule is None:
        return False
    return held == what or marks.get(rule.target) == mark_of(held)


def _rule(rules: Sequence[FieldRule], source: str) -> FieldRule | None:
    return next((rule for rule in rules if rule.source == source), None)


def _held(activity: FoundActivity | None, rule: FieldRule | None) -> Scalar:
    return activity.fields.get(rule.target) if activity is not None and rule is not None else None
