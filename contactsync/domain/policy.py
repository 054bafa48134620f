"""What an org may choose about its sync, apart from the mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from contactsync.domain.records import SyncAs


class SeveralMatches(StrEnum):
    """Which record is taken when an e-mail address is on several."""

    FIRST = "first"  # oldest creation date
    MOST_RECENT = "most_recent"
    STOP = "stop"  # ask a person


DEFAULT_STATUS_MAP: Mapping[str, tuple[str, ...]] = {
    "invited": ("Invited", "Sent"),
    "waitlisted": ("Waitlisted", "Sent"),
    "registered": ("Registered", "Sent"),
    "cancelled": ("Cancelled", "Sent"),
    "declined": ("Declined", "Sent"),
    "no_show": ("No Show", "Sent"),
    "attended": ("Attended", "Responded"),
}
"""Attendance status → labels of the campaign's member statuses, best first: the first one that the campaign has is taken.
Every campaign has Sent and Responded unless an admin changed them (facts: CampaignMemberStatus)."""

STATUS_LADDER: tuple[frozenset[str], ...] = (
    frozenset({"invited"}),
    frozenset({"waitlisted"}),
    frozenset({"registered", "cancelled", "declined"}),
    frozenset({"no_show"}),
    frozenset({"attended"}),
)
"""Attendance statuses from the bottom up: a member's status never goes down it (rule 9). One the ladder does not name
stands on the step of `registered`."""


@dataclass(frozen=True)
class Policies:
    """An org's choices; the defaults are the safe ones."""

    sync_as_default: SyncAs | None = None
    several_matches: SeveralMatches = SeveralMatches.FIRST
    create_accounts: bool = True
    status_map: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_STATUS_MAP))
