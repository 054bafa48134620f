"""Contacts that somebody captured in the Leads Inbox, and the review that an org may want before they go anywhere."""

from __future__ import annotations

import re
from dataclasses import replace

from contactsync.domain.batch import ReadyMeeting
from contactsync.domain.policy import Policies
from contactsync.domain.records import Contact, Scalar

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


def is_captured(source: Scalar) -> bool:
    """Whether a contact of this `source` was captured in the Leads Inbox: "Leads-Inbox", "leads_inbox" and "LeadsInbox" are
    one source.
    """
    return isinstance(source, str) and re.sub(r"[\W_]+", "", source.casefold()) in CAPTURED_SOURCES


def awaits_review(contact: Contact, policies: Policies, *, approved: bool) -> bool:
    """Whether nothing of the contact may be sent before somebody has looked at it. `approved`: somebody has, or it is in the
    CRM already: then a review comes too late, and its changes go on.
    """
    return policies.review_inbox and not approved and is_captured(contact.fields.get("source"))


def without_unreviewed(ready: ReadyMeeting, policies: Policies) -> ReadyMeeting:
    """The meeting without attendees of whom nothing may be sent yet: they join it once they are approved and synced."""
    if not policies.review_inbox:
        return ready
    return replace(ready, people=tuple(person for person in ready.people if not person.unreviewed))
