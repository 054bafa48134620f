"""Which Activity a meeting is already, if it is one: never a second one, even after an answer that was lost (I3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contactsync.domain.batch import ReadyMeeting
from contactsync.domain.crm import Found, FoundActivity, RecordKind, RecordRef
from contactsync.domain.mapping import FieldMapping
from contactsync.domain.meeting_text import holds_any_line, holds_our_line, subjects_of


@dataclass(frozen=True)
class ActivityMatch:
    """The Activity that a meeting became, or None: a new one. `why` says how that is known."""

    activity: FoundActivity | None = None
    why: tuple[str, ...] = ()


def match_activities(batch: Sequence[ReadyMeeting], found: Found, mapping: FieldMapping) -> dict[str, ActivityMatch]:
    """What each meeting is, by its id. `batch` in a settled order.

    by link     the Activity that an earlier sync tied it to
    by line     among those that begin when one may have been made: the one whose description holds our line
    by subject  and by start, when no rule writes the description; one that belongs to nobody else
    none        a new one
    """
    activities = {activity.ref: activity for activity in found.activities}
    oldest_first = sorted(activities.values(), key=lambda activity: activity.ref.id)
    writes_line = any(rule.source == "description" for rule in mapping.of(RecordKind.ACTIVITY))
    taken = {ready.link for ready in batch if ready.link is not None}
    matches: dict[str, ActivityMatch] = {}
    for ready in batch:
        match = _by_link(ready, activities)
        if match.activity is None:
            attempted = [one for one in oldest_first if one.ref not in taken and one.starts_at in ready.attempted]
            match = _by_attempt(ready, attempted, match.why, _who_targets(mapping), writes_line=writes_line)
        if match.activity is not None:
            taken.add(match.activity.ref)
        matches[ready.meeting.id] = match
    return matches


def _by_link(ready: ReadyMeeting, activities: dict[RecordRef, FoundActivity]) -> ActivityMatch:
    if ready.link is None:
        return ActivityMatch()
    activity = activities.get(ready.link)
    if activity is None:
        return ActivityMatch(why=("The calendar event that was linked is no longer in the CRM.",))
    return ActivityMatch(activity, ("Linked to this calendar event by an earlier sync.",))


def _by_attempt(
    ready: ReadyMeeting,
    attempted: Sequence[FoundActivity],
    why: tuple[str, ...],
    who_targets: Sequence[str],
    *,
    writes_line: bool,
) -> ActivityMatch:
    ours = next((one for one in attempted if holds_our_line(one.description, ready.meeting.id)), None)
    if ours is not None:
        told = "A calendar event holds the meeting's own line: it was made by a sync whose answer was lost."
        return ActivityMatch(ours, (*why, told))
    if not writes_line:
        subjects = subjects_of(ready.meeting)
        people = {person.ref.id for person in ready.people if person.ref is not None}
        for one in attempted:
            who = [value for target in who_targets if (value := one.fields.get(target))]
            is_theirs = all(value in people for value in who) and not holds_any_line(one.description)
            if is_theirs and (one.subject or "").strip().casefold() in subjects:
                told = "A calendar event begins at the same time with the same subject: it was made by an earlier sync."
                return ActivityMatch(one, (*why, told))
    return ActivityMatch(why=(*why, "The meeting is no calendar event yet."))


def _who_targets(mapping: FieldMapping) -> tuple[str, ...]:
    return tuple(rule.target for rule in mapping.of(RecordKind.ACTIVITY) if rule.source == "who")
