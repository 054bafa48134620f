"""What people type into the form of a contact: what of it is a change, and what has changed under their hands. Pure.

Beside each field `title` the form carries what stood there when the page was made, as `was:title`. So two people who edit
one contact at once each change what they typed and nothing else; where both typed into the same field, the second is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contactsync.domain.edits import Changed
from contactsync.domain.records import Scalar

WAS = "was:"

MEANWHILE = "Somebody changed this to “{}” while you were typing. Save again to put yours in its place."
CLEARED_MEANWHILE = "Somebody cleared this while you were typing. Save again to put yours in its place."


@dataclass(frozen=True)
class Typed:
    """A form as it came: `changed` by path, with None for what was emptied; `errors` by path, in plain words."""

    values: Mapping[str, str]
    changed: Changed
    errors: Mapping[str, str] = field(default_factory=dict)


def typed(sent: Mapping[str, str], paths: Iterable[str], present: Mapping[str, Scalar]) -> Typed:
    """What was changed by hand. `present`: the contact's values now, by path."""
    values: dict[str, str] = {}
    changed: dict[str, Scalar] = {}
    errors: dict[str, str] = {}
    for path in paths:
        if path not in sent:
            continue
        new, was, now = plain(sent[path]), plain(sent.get(f"{WAS}{path}", "")), plain(present.get(path))
        values[path] = new
        if new in (was, now):
            continue
        if now != was:
            errors[path] = MEANWHILE.format(now) if now else CLEARED_MEANWHILE
            continue
        changed[path] = new or None
    return Typed(values, changed, errors)


def plain(value: Scalar) -> str:
    """A value as its form field holds it: browsers send the ends of lines as they like."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n").strip()
