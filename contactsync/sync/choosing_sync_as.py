"""What contacts become in the CRM, changed by hand for several at once."""

from __future__ import annotations

from collections.abc import Sequence

from contactsync.domain.records import SyncAs
from contactsync.store.engine import reading
from contactsync.store.pages_contacts import ids_of
from contactsync.sync.editing import Edited, edit_contacts
from contactsync.sync.parts import Parts


def set_sync_as(parts: Parts, org_id: int, keys: Sequence[int], sync_as: SyncAs) -> Edited:
    """Have these contacts, by the keys of their rows, become Leads or Contacts. Raises what `edit_contacts` raises."""
    with reading(parts.engine) as db:
        ids = ids_of(db, org_id, keys)
    return edit_contacts(parts, org_id, {contact_id: {"sync_as": sync_as.value} for contact_id in ids})
