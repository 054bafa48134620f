"""Field by field, the newest version wins, in whatever order deliveries come (invariant I4).

A record's state is a dictionary path → (value, version). A version is text that sorts: `updated_at|envelope's
timestamp|arrival`, each of fixed width, so that the tie rules of I4 are plain string comparison. Clearing a whole group
(`"address": null`) leaves a floor under its paths: an older `address.city` that comes late stays cleared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from contactsync.domain.records import Scalar

GROUPS = ("address", "social", "custom")
EVENTS = "events"
FLOORS = (*GROUPS, EVENTS)
"""What a sender may clear whole. The events themselves are no fields: the state holds only when they were cleared."""

DELETED = "deleted"
ATTENDEES = "attendees"
"""A meeting's attendees are one field: their whole list as JSON text (domain/changes.py makes it)."""

_COLUMNS = frozenset({"email", "company"})
"""Fields that a contact's row holds once more, for its indexes."""

Version = str


class Stamped(NamedTuple):
    """A value and the version that said it."""

    value: Scalar
    version: Version


State = Mapping[str, Stamped]


def version_of(updated_at: str | None, sent_at: str, arrival: int) -> Version:
    """The version of one item; times are UTC text of fixed width, `arrival` counts up with every delivery."""
    return f"{updated_at or sent_at}|{sent_at}|{arrival:016d}"


def merge(state: State, changes: Mapping[str, Scalar], version: Version) -> dict[str, Stamped]:
    """The state after `changes`, which may hold a group's own name with None. The order of merges does not matter."""
    merged = dict(state)
    for path, value in changes.items():
        if path in FLOORS:
            _clear_group(merged, path, version)
            continue
        floor = merged.get(path.partition(".")[0]) if "." in path else None
        stamped = Stamped(value, version)
        if floor is not None and floor.version > version:
            stamped = Stamped(None, floor.version)
        held = merged.get(path)
        if held is None or stamped.version > held.version:
            merged[path] = stamped
    return merged


def _clear_group(merged: dict[str, Stamped], group: str, version: Version) -> None:
    held = merged.get(group)
    if held is not None and held.version >= version:
        return
    merged[group] = Stamped(None, version)
    for path, stamped in list(merged.items()):
        if path.startswith(f"{group}.") and stamped.version < version:
            merged[path] = Stamped(None, version)


def emptied(state: State) -> dict[str, Stamped]:
    """The state without what was said, but for whether it was deleted, each path still as new as it was: whatever is older
    stays out, and a newer value comes in as ever.

    The values are "", not None: nobody cleared them at the source, so that they clear nothing in a CRM either. Those that
    other columns are made of are None.
    """
    bare = {path: Stamped(None if path in _COLUMNS else "", stamped.version) for path, stamped in state.items()}
    kept = {path: stamped for path, stamped in state.items() if path == DELETED or stamped.value is None}
    return {**bare, **kept}


def values(state: State) -> dict[str, Scalar]:
    """The fields as they stand, without the floors of cleared groups."""
    return {path: stamped.value for path, stamped in state.items() if path not in FLOORS}


def newest(state: State) -> Version:
    """The newest version of any field; empty when nothing was ever said."""
    return max((stamped.version for stamped in state.values()), default="")


# ── as JSON: the versions once, the fields pointing at them (a contact has 26 fields and few versions) ───────────────


def as_json(state: State) -> dict[str, Any]:
    """The state for the database: {"versions": […], "fields": {path: [value, index]}}."""
    versions: dict[Version, int] = {}
    fields = {
        path: [stamped.value, versions.setdefault(stamped.version, len(versions))] for path, stamped in state.items()
    }
    return {"versions": list(versions), "fields": fields}


def from_json(stored: Mapping[str, Any]) -> dict[str, Stamped]:
    """The state out of the database."""
    versions = stored["versions"]
    return {path: Stamped(value, versions[index]) for path, (value, index) in stored["fields"].items()}
