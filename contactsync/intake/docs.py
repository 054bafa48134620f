"""The tables of docs/webhooks.md, made from the schemas and the answers, so that they cannot drift.

python -m contactsync.intake.docs docs/webhooks.md           # writes them anew between their marks
python -m contactsync.intake.docs --check docs/webhooks.md   # ends with 1 when they differ
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from contactsync.intake.answers import KINDS
from contactsync.intake.fields import OnNull, Text, Value
from contactsync.intake.schemas import (
    CONTACT,
    DELETED_CONTACT,
    DELETED_EVENT,
    DELETED_MEETING,
    DOORS,
    EVENT,
    MEETING,
    ROSTER,
)
from contactsync.intake.shape import Part, Rows, Shape

NULL_SAYS = {
    OnNull.CLEARS: "clears it",
    OnNull.ABSENT: "as if absent",
    OnNull.REFUSED: "refused",
}

_MARKED = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- /made -->)", re.DOTALL)


def made_anew(text: str) -> str:
    """The page with everything between `<!-- made: name -->` and `<!-- /made -->` written anew."""
    return _MARKED.sub(lambda match: f"{match[1]}\n{_SECTIONS[match[2]]()}\n{match[3]}", text)


def _types() -> str:
    rows = [
        [f"`/webhooks/<org>/{door}`", f"`{type_}`", _SAID[type_]] for door, types in DOORS.items() for type_ in types
    ]
    return _table(["door", "type", "says"], rows)


def _fields(shape: Shape) -> str:
    rows = [
        [
            f"`{path}`",
            _kind(value),
            NULL_SAYS[value.on_null],
            f"{'**Required.** ' if value.required else ''}{value.meaning}",
        ]
        for path, value in _values(shape, "")
    ]
    return _table(["field", "value", "null", "meaning"], rows)


def _values(shape: Shape, parent: str) -> Iterator[tuple[str, Value]]:
    for name, value in shape.fields.items():
        if not isinstance(value, Value):
            continue
        yield f"{parent}{name}", value
        if isinstance(value, Part):
            yield from _values(value.shape, f"{parent}{name}{'[]' if isinstance(value, Rows) else ''}.")


def _kind(value: Value) -> str:
    if isinstance(value, Text) and value.any_text:
        return f"{value.shown}, up to {value.most:,} characters"
    return value.shown


def _answers() -> str:
    return _table(
        ["answer", "body", "when", "what to do"],
        [[f"**{kind.status}**", f"`{kind.example}`", kind.when, kind.do] for kind in KINDS],
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_SAID = {
    "contact.created": "A contact is new.",
    "contact.updated": "Something about it changed. Send what changed, or all of it.",
    "contact.deleted": "It is gone. Nothing more is synced for it; the CRM's record stays as it is.",
    "event.created": "An event is new.",
    "event.updated": "Something about it changed.",
    "event.cancelled": "It will not take place; its `status` becomes `cancelled`.",
    "event.deleted": "It is gone. The CRM's campaign stays as it is.",
    "event.contacts_added": "Contacts joined an event, or their status changed.",
    "event.contacts_removed": "Contacts left an event.",
    "meeting.created": "A meeting is new.",
    "meeting.updated": "Something about it changed: a new time, who takes part, that it took place.",
    "meeting.cancelled": "It will not take place; its `status` becomes `cancelled`.",
    "meeting.deleted": "It is gone. The CRM's Activity stays, marked as cancelled.",
}

_SECTIONS = {
    "types": _types,
    "contact": lambda: _fields(CONTACT),
    "contact_deleted": lambda: _fields(DELETED_CONTACT),
    "event": lambda: _fields(EVENT),
    "event_deleted": lambda: _fields(DELETED_EVENT),
    "meeting": lambda: _fields(MEETING),
    "meeting_deleted": lambda: _fields(DELETED_MEETING),
    "roster": lambda: _fields(ROSTER),
    "answers": _answers,
}


def main(arguments: Sequence[str]) -> int:
    """Write the page anew, or with --check say whether it is as it should be."""
    page = Path(arguments[-1])
    text = page.read_text("utf-8")
    anew = made_anew(text)
    if "--check" not in arguments:
        page.write_text(anew, "utf-8")
    return int(anew != text and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
