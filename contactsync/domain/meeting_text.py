"""The words of an Activity: its subject, and a description that says whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contactsync.domain.batch import MeetingPerson
from contactsync.domain.person import ERASED
from contactsync.domain.records import Meeting

SUBJECT_LENGTH = 255
DESCRIPTION_LENGTH = 32_000
"""What an Activity's fields hold when the CRM's catalogue was not asked (facts: Event)."""

NOTES_LENGTH = 31_000
_LIST_LENGTH = 4_000
_UNTITLED = "Meeting"
_PREFIXES = {"cancelled": "Cancelled: ", "no_show": "No show: "}
_SPELLINGS = {"canceled": "cancelled", "noshow": "no_show"}


@dataclass(frozen=True)
class Description:
    """What stands in the Activity. `why`: what had to be left out."""

    text: str
    why: tuple[str, ...] = ()


def status_of(meeting: Meeting) -> str:
    """The meeting's status: scheduled, completed, cancelled, no_show, or the platform's own word; deleted is cancelled."""
    if meeting.deleted:
        return "cancelled"
    said = (meeting.text("status") or "scheduled").lower().replace("-", "_").replace(" ", "_")
    return _SPELLINGS.get(said, said)


def subject_of(meeting: Meeting, held: str | None = None) -> str:
    """The title, with what became of the meeting before it. Only for that prefix is a title cut. `held`: what its Activity is
    called now, which stands for a title from which an erasure took a person.
    """
    title = meeting.text("title") or _UNTITLED
    if ERASED in title and held and held.strip():
        title = _bare(held.strip())
    prefix = _PREFIXES.get(status_of(meeting), "")
    if not prefix or title.lower().startswith(prefix.strip().lower()):
        return title
    if len(title) > SUBJECT_LENGTH:
        return prefix + title  # too long of itself: the rule says what happens then
    return (prefix + title)[:SUBJECT_LENGTH].rstrip()


def subjects_of(meeting: Meeting) -> frozenset[str]:
    """Every subject that the meeting's Activity may have had, case folded."""
    title = meeting.text("title") or _UNTITLED
    listed = (title, subject_of(meeting), *(f"{prefix}{title}"[:SUBJECT_LENGTH] for prefix in _PREFIXES.values()))
    return frozenset(subject.strip().casefold() for subject in listed)


def _bare(subject: str) -> str:
    """A subject without what became of the meeting."""
    found = [prefix for prefix in _PREFIXES.values() if subject.lower().startswith(prefix.lower())]
    return subject[len(found[0]) :] if found else subject


def our_line(meeting_id: str) -> str:
    """The line of a description by which an Activity is known again as a meeting's."""
    return f"contactsync meeting {' '.join(meeting_id.split())}"


def holds_our_line(description: str | None, meeting_id: str) -> bool:
    """Whether a description is that of this meeting's Activity."""
    line = our_line(meeting_id)
    return any(held.strip() == line for held in (description or "").splitlines())


def holds_any_line(description: str | None) -> bool:
    """Whether a description is that of some meeting's Activity."""
    return any(held.strip().startswith(our_line("")) for held in (description or "").splitlines())


def description_of(
    meeting: Meeting, unlinked: Sequence[MeetingPerson], length: int = DESCRIPTION_LENGTH
) -> Description:
    """The notes, the attendees that are no records of the Activity, and our own line, which always has its place.

    Notes are cut at 31,000 characters, the list at 4,000, both earlier where the CRM's field (`length`) is shorter.
    """
    line = our_line(meeting.id)
    room = length - _size(line)
    why: list[str] = []
    listed = _listed(unlinked, min(_LIST_LENGTH, room // 2))
    notes = (meeting.text("notes") or "").replace("\r\n", "\n").replace("\r", "\n")
    most = min(NOTES_LENGTH, room - _size(listed) - 2 * _size("\n\n"))
    kept = _cut(notes, most)
    if kept != notes:
        why.append(
            f"The notes are longer than the calendar event's description can hold: {len(kept)} characters were kept."
        )
    return Description("\n\n".join(part for part in (kept, listed, line) if part), tuple(why))


def _listed(unlinked: Sequence[MeetingPerson], room: int) -> str:
    """The attendees, a line each, as many as there is room for."""
    if not unlinked:
        return ""
    lines = ["Attendees without a record here:"]
    left = room - _size(lines[0]) - _size("\n- and 10000 more")
    for number, person in enumerate(unlinked):
        line = f"- {_named(person)}"
        left -= _size(line) + _size("\n")
        if left < 0:
            lines.append(f"- and {len(unlinked) - number} more")
            break
        lines.append(line)
    return "\n".join(lines)


def _named(person: MeetingPerson) -> str:
    name = " ".join(person.name.split()) or person.attendee.email or "somebody whose name is not known"
    said = [word for word in (person.attendee.response, "was there" if person.attendee.attended else None) if word]
    return f"{name} ({', '.join(said)})" if said else name


def _cut(text: str, most: int) -> str:
    text = text.strip()
    if _size(text) <= most:
        return text
    cut = text[: max(most - 1, 0)]
    while cut and _size(cut) > most - 1:
        cut = cut[: len(cut) - max(1, (_size(cut) - most + 1) // 2)]
    return f"{cut.rstrip()}…"


def _size(text: str) -> int:
    """How much of a field a text may take: CRMs count UTF-16 units, and some count a line's end as two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 + text.count("\n")
