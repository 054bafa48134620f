"""Deliveries in the words of the console. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from contactsync.domain.edits import CONSOLE
from contactsync.domain.masking import masked_path
from contactsync.store.pages_deliveries import DeliveryRow
from contactsync.sync.actions import Replayed

STATUSES: Mapping[str, tuple[str, str]] = {
    "accepted": ("Waiting", "info"),
    "absorbed": ("Taken in", "good"),
    "rejected": ("Refused", "bad"),
    "failed": ("Not usable", "bad"),
}
"""Status → what people read, and its tone."""

MEANINGS: Mapping[str, str] = {
    "accepted": "It is kept, and taken in as soon as a worker comes to it: usually within a second.",
    "absorbed": "What it said is in your contacts, events and meetings; what became of each stands on its own page.",
    "rejected": "It was signed rightly, but could not be read, and its sender was told so. Nothing of it was taken in. "
    "Have what is named below put right at the event platform, and sent again.",
    "failed": "It was accepted, but could not be taken in. Whoever runs contactsync finds more in the log. "
    "Once that is mended, replay it.",
}

DOORS: Mapping[str, str] = {
    "contacts": "Contacts",
    "events": "Events",
    "meetings": "Meetings",
    CONSOLE: "None: by hand, in this console",
}
"""The endpoint where it arrived → what people read; sources of plugins are called by their names."""

ANYWHERE = ("", "All endpoints")
"""The choice of all doors."""

_TYPES: Mapping[str, str] = {
    "event.contacts_added": "Contacts added to an event",
    "event.contacts_removed": "Contacts removed from an event",
}
"""What a delivery says, where its type's own words do not say it well."""

_REMOVED: Mapping[str, str] = {
    "retention": "It was removed because it was old enough: how long bodies are kept is set by whoever runs contactsync.",
    "erasure": "It was removed, or shortened, because a person in it was erased.",
}


_BETWEEN = re.compile(r"[._\s-]+")


@dataclass(frozen=True)
class Fault:
    """One thing that was wrong: where, with whatever might be somebody's data masked, and what to do about it."""

    path: str
    message: str


def endpoint(door: str) -> str:
    """The endpoint where a delivery came in."""
    if door in DOORS:
        return DOORS[door]
    return door.removeprefix("from:").replace("_", " ").replace("-", " ").capitalize()


def type_words(kind: str) -> str:
    """What a delivery says: "Contact created" for `contact.created`."""
    return _TYPES.get(kind) or _BETWEEN.sub(" ", kind).strip().capitalize() or kind


def replayed_times(replays: int) -> str:
    """How often it went through once more."""
    return "replayed once" if replays == 1 else f"replayed {replays:,} times"


def faults(row: DeliveryRow) -> list[Fault]:
    """Why it was refused, or could not be taken in."""
    return [Fault(masked_path(one.get("path", "")), one.get("message", "")) for one in row.errors]


def unknown_keys(row: DeliveryRow) -> list[tuple[str, int]]:
    """Fields that it sent and nobody asked for, and how often."""
    found = row.log.get("unknown_keys")
    said = found if isinstance(found, Mapping) else {}
    return sorted((masked_path(str(path)), int(count)) for path, count in said.items())


def removed_words(row: DeliveryRow) -> str:
    """Why its body is not there any more, or not whole; "" while it is."""
    if row.body_removed_at is None:
        return ""
    return _REMOVED.get(row.body_removed_for or "", "It was removed.")


def size_words(size: int) -> str:
    """So many bytes, as people say it."""
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1_000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.2f} MB"


def replayed_words(done: Replayed) -> tuple[str, str]:
    """What came of a replay, in a sentence, and its tone."""
    parts = [
        (done.replayed, "goes through once more", "go through once more"),
        (done.waiting, "waited already", "waited already"),
        (done.gone, "has no body any more", "have no bodies any more"),
        (done.unreadable, "cannot be read now either", "cannot be read now either"),
    ]
    said = [f"{count:,} {one if count == 1 else many}" for count, one, many in parts if count]
    tone = "good" if done.replayed else "warn"
    return (f"Of the deliveries, {', '.join(said)}." if said else "There is no such delivery."), tone


def one_replayed(done: Replayed) -> tuple[str, str]:
    """What came of replaying a single delivery, and its tone."""
    if done.replayed:
        return "It goes through once more. Nothing newer is overwritten.", "good"
    if done.waiting:
        return "It waits already: nothing was done.", "info"
    if done.gone:
        return "Its body was removed, so there is nothing to replay. Have the event platform send it again.", "warn"
    if done.unreadable:
        return (
            "It cannot be read now either: below is why. Have the event platform send it rightly, as a new one.",
            "bad",
        )
    return "It is not there any more.", "warn"
