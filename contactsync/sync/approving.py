"""The review of the Leads Inbox: somebody lets captured contacts go to the CRM."""

from __future__ import annotations

from collections.abc import Collection

from contactsync.store import approvals, queue
from contactsync.store.audit import Audited, note
from contactsync.store.engine import writing
from contactsync.sync.parts import Parts


def approve_contacts(parts: Parts, org_id: int, contact_ids: Collection[str]) -> int:
    """Let contacts go to the CRM, by the event platform's ids; answers how many of them had not been approved yet.

    An approval holds for good, also for what is changed of the contact later. What a contact still lacks it goes on
    lacking; those that are not there, or were deleted at the event platform, are left out.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        keys = approvals.approve(db, org_id, set(contact_ids), now)
        if keys:
            about = f"contact {keys[0]}" if len(keys) == 1 else ""
            note(db, org_id, parts.actor, Audited.CONTACTS_APPROVED, now, about=about, details={"contacts": len(keys)})
    if keys:
        parts.bell.ring(org_id)
    return len(keys)
