"""Whose a record should be: the active, standard CRM user with the owner's e-mail address (rule 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contactsync.domain.batch import Ready
from contactsync.domain.found_index import FoundIndex


@dataclass(frozen=True)
class Owner:
    """The user's id, None when nobody was named or found; `why` says what people should know, never an address."""

    id: str | None = None
    why: tuple[str, ...] = ()


def owner_of(newest_first: Iterable[Ready], index: FoundIndex) -> Owner:
    """The owner that the newest contact names which the CRM knows."""
    named = False
    for ready in newest_first:
        if ready.owner_email is None:
            continue
        named = True
        users = index.owners.get(ready.owner_email, ())
        if len(users) > 1:
            return Owner(
                users[0].ref.id, (f"{len(users)} active users have the owner's e-mail address: the first was taken.",)
            )
        if users:
            return Owner(users[0].ref.id)
    if named:
        return Owner(why=("No active standard user has the owner's e-mail address: the owner was left to the CRM.",))
    return Owner()
