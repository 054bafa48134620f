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


class MoveAccounts(StrEnum):
    """Whether an existing Contact may be moved from another Account to its company's."""

    NEVER = "never"
    IF_OURS = "if_ours"  # only from the Account that contactsync gave it
    ALWAYS = "always"


class DuplicateRules(StrEnum):
    """What a duplicate rule of the CRM that only warns does to a record that we make."""

    RESPECT = "respect"  # the record it resembles is used instead
    ALLOW = "allow"  # it is saved all the same; a rule that blocks still blocks


class RemovedAttendance(StrEnum):
    """What becomes of a membership whose attendance was removed."""

    KEEP = "keep"
    STATUS = "status"  # the member gets the status that the status map has for "removed"
    REMOVE = "remove"  # the member is taken out of the campaign


DEFAULT_STATUS_MAP: Mapping[str, tuple[str, ...]] = {
    "invited": ("Invited", "Sent"),
    "waitlisted": ("Waitlisted", "Sent"),
    "registered": ("Registered", "Sent"),
    "cancelled": ("Cancelled", "Sent"),
    "declined": ("Declined", "Sent"),
    "no_show": ("No Show", "Sent"),
    "attended": ("Attended", "Responded"),
    "removed": ("Removed", "Cancelled", "Sent"),
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
    """An org's choices; the defaults are the safe ones.

    `create_member_statuses`: a status that no label of the map stands for is added to the campaign where the CRM allows it.
    `create_campaigns`: an event without a campaign gets one. `review_inbox`: what was captured in the Leads Inbox waits until
    somebody has approved it. `reserve_percent`: the share of the CRM's daily calls that is
    left to the org's other tools. `keep_…_days`: for how long bodies of webhooks, deliveries altogether, and runs are kept.
    """

    sync_as_default: SyncAs | None = None
    several_matches: SeveralMatches = SeveralMatches.FIRST
    prefer_existing: bool = False
    create_accounts: bool = True
    move_accounts: MoveAccounts = MoveAccounts.NEVER
    duplicate_rules: DuplicateRules = DuplicateRules.RESPECT
    removed_attendance: RemovedAttendance = RemovedAttendance.KEEP
    create_member_statuses: bool = True
    create_campaigns: bool = False
    review_inbox: bool = False
    reserve_percent: int = 10
    keep_bodies_days: int = 30
    keep_deliveries_days: int = 400
    keep_runs_days: int = 400
    status_map: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_STATUS_MAP))
