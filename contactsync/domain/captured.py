"""Contacts that somebody captured in the Leads Inbox, and the review that an org may want before they go anywhere."""

from __future__ import annotations

import re
from collections.abc import Collection

from contactsync.domain.policy import Policies
from contactsync.domain.records import Contact

CAPTURED_SOURCES = frozenset(
    {
        "badgescan",
        "captured",
        "capturedlead",
        "inbox",
        "leadcapture",
        "leadinbox",
        "leadretrieval",
        "leadscan",
        "leadsinbox",
    }
)
"""What `source` says of a captured contact, letters and digits only: the words that the bundled plugin takes too."""

APPROVAL = "approval"
"""What a contact that waits for its review is missing, beside the required fields."""


def is_captured(contact: Contact) -> bool:
    """Whether the contact was captured in the Leads Inbox: "Leads-Inbox", "leads_inbox" and "LeadsInbox" are one source."""
    return re.sub(r"[\W_]+", "", (contact.text("source") or "").casefold()) in CAPTURED_SOURCES


def awaits_review(contact: Contact, policies: Policies, *, approved: bool) -> bool:
    """Whether nothing of the contact may be sent before somebody has looked at it. `approved`: somebody has, or it is in the
    CRM already: then a review comes too late, and its changes go on.
    """
    return policies.review_inbox and not approved and is_captured(contact)


def lacks_only_approval(missing: Collection[str]) -> bool:
    """Whether everything is there but the review."""
    return list(missing) == [APPROVAL]
