"""What people change of a contact by hand, as a delivery like any other: its body, and the version that makes it hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contactsync.domain.changes import moment_text
from contactsync.domain.errors import RefusedInput
from contactsync.domain.merge import EVENTS, GROUPS, State
from contactsync.domain.records import Scalar

CONSOLE = "console"
"""Where edits come from, in the place of a webhook's door: none that anybody may post to."""

Said = Mapping[str, Any]
"""One company in full: {"id", "name", "domain", "account_id"}, as a webhook says it."""

Changed = Mapping[str, Scalar | Said]
"""Path → value: `title`, `address.city`, `custom.shoe_size`; `company` is its name, or a company in full. None or a blank
text clears the field.
"""

_NOT_BY_HAND = frozenset({"id", EVENTS, "updated_at", "deleted"})


class RefusedEdit(RefusedInput):
    """A typed value cannot be taken. `fields`: path (`email`) → what to do; `by_contact`: the same, by the contact's id."""

    def __init__(self, by_contact: Mapping[str, Mapping[str, str]]) -> None:
        fields = {path: words for errors in by_contact.values() for path, words in errors.items()}
        super().__init__(f"the change cannot be kept: {len(fields)} fields are wrong", fields)
        self.by_contact = {contact_id: dict(errors) for contact_id, errors in by_contact.items()}


def item_of(contact_id: str, changed: Changed, updated_at: str) -> dict[str, Any]:
    """One contact of a `contact.updated` that says these changes and nothing else. Raises RefusedEdit for paths that
    nobody may write.
    """
    item: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for path, value in changed.items():
        cleaned = None if isinstance(value, str) and not value.strip() else value
        group, dot, name = path.partition(".")
        if path in _NOT_BY_HAND:
            errors[path] = "This comes from the event platform: change it there."
        elif not dot:
            item[path] = cleaned
        elif group in GROUPS and name:
            held = item.setdefault(group, {})
            if held is not None:  # else the whole group is cleared
                held[name] = cleaned
        else:
            errors[path] = "There is no such field."
    if errors:
        raise RefusedEdit({contact_id: errors})
    return {"id": contact_id, **item, "updated_at": updated_at}


def body_of(items: Sequence[Mapping[str, Any]], sent_at: str, *, checked: bool = True) -> bytes:
    """The body of the delivery. What is not `checked` yet may hold what UTF-8 cannot write: it stands there as escapes."""
    envelope = {"type": "contact.updated", "timestamp": sent_at, "data": list(items)}
    return json.dumps(envelope, ensure_ascii=not checked, separators=(",", ":")).encode()


def edited_at(touched: Iterable[tuple[State, Iterable[str]]], now: datetime) -> str:
    """The time of an edit: now, or just after the newest version of what it changes, where that lies ahead of us.

    An event platform whose clock is fast may have said a value "in" the next minute. Who edits has seen that value and wants
    another one; the platform's next change is later still, and overwrites the edit.
    """
    newest = max((version for state, paths in touched for version in _versions(state, paths)), default="")
    at = moment_text(now)
    ahead = newest.partition("|")[0]
    return at if ahead < at else moment_text(_moment(ahead) + timedelta(microseconds=1))


def _versions(state: State, paths: Iterable[str]) -> Iterable[str]:
    """Those of the paths themselves, of the groups around them that were cleared, and of what is in a group that is."""
    for path in paths:
        around = path.partition(".")[0] if "." in path else None
        for held, stamped in state.items():
            if held in (path, around) or held.startswith(f"{path}."):
                yield stamped.version


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
