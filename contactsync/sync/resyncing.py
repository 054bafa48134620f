"""Records that go again because somebody says so: one now, or a filtered set bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

from contactsync.domain.errors import RefusedInput
from contactsync.store import due, queue, resyncs
from contactsync.store.audit import Audited, note
from contactsync.store.engine import reading, writing
from contactsync.store.resyncs import Resync, ResyncFilter
from contactsync.sync.parts import Parts

MOST_AT_ONCE = 1_000
"""So many contacts can be named at once."""


def sync_now(parts: Parts, org_id: int, contact_id: str) -> bool:
    """Put one contact into the queue, to be brought to the CRM even if nothing changed; False: no such contact."""
    with writing(parts.engine) as db:
        found = queue.mark_one_due(db, org_id, contact_id, parts.now())
    if found:
        parts.bell.ring(org_id)
    return found


def sync_many(parts: Parts, org_id: int, keys: Sequence[int]) -> int:
    """Put some contacts, by the keys of their rows, into the queue as `sync_now` does; answers how many: those that are not
    there, or were deleted at the event platform, are left out. Raises RefusedInput for more than MOST_AT_ONCE.
    """
    if len(keys) > MOST_AT_ONCE:
        raise RefusedInput(
            "that are too many at once", {"keys": f"at most {MOST_AT_ONCE:,}; for more, sync by a filter"}
        )
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        found = queue.mark_keys_due(db, org_id, set(keys), parts.now())
    if found:
        parts.bell.ring(org_id)
    return found


def sync_meeting_now(parts: Parts, org_id: int, meeting_id: str) -> bool:
    """Put one meeting into the queue, to be brought to the CRM even if nothing changed; False: none that may be synced."""
    with writing(parts.engine) as db:
        found = due.mark_one_meeting_due(db, org_id, meeting_id, parts.now())
    if found:
        parts.bell.ring(org_id)
    return found


def start_resync(parts: Parts, org_id: int, which: ResyncFilter, *, forced: bool) -> int:
    """Begin to bring a filtered set again; answers its number. `forced`: also what has not changed since its last sync.

    The worker feeds it into the queue, never more than one batch ahead of what arrives by itself, as the CRM's budget
    allows; a worker that dies leaves the rest to the next one.
    """
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        now = parts.now()
        resync_id = resyncs.start(db, org_id, which, forced, now)
        kept = which.as_json()
        told = {**kept, "ids": len(which.ids)} if which.ids else kept
        about, said = f"rsy_{resync_id}", {"filter": told, "forced": forced}
        note(db, org_id, parts.actor, Audited.RESYNC_STARTED, now, about=about, details=said)
    parts.bell.ring(org_id)
    return resync_id


def resync_progress(parts: Parts, org_id: int, resync_id: int) -> Resync | None:
    """How far a resync is; None: the org has none of that number."""
    with reading(parts.engine) as db:
        return resyncs.progress(db, org_id, resync_id)


def cancel_resync(parts: Parts, org_id: int, resync_id: int) -> bool:
    """Feed a resync no further; False when none of that number is under way."""
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        now = parts.now()
        cancelled = resyncs.cancel(db, org_id, resync_id, now)
        if cancelled:
            note(db, org_id, parts.actor, Audited.RESYNC_CANCELLED, now, about=f"rsy_{resync_id}")
    return cancelled
