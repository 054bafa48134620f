"""Deliveries become source records, in order, a handful per transaction."""

from __future__ import annotations

from contactsync.domain.changes import Changes, changes_of
from contactsync.domain.errors import RefusedInput
from contactsync.intake.decode import decode
from contactsync.log import logger
from contactsync.store import absorption
from contactsync.store.absorption import Waiting
from contactsync.store.engine import reading
from contactsync.store.lease import HeldLease
from contactsync.sync.parts import Parts

DELIVERIES = 100
"""At most so many deliveries in one transaction: the web processes wait for the same write lock on SQLite."""

BYTES = 2_000_000
"""And at most so many bytes of them, so that memory does not grow with what waits."""

log = logger(__name__)


def absorb(parts: Parts, org_id: int, lease: HeldLease) -> int:
    """Bring some waiting deliveries into the source records; answers how many it took. Raises LeaseLost.

    A delivery that cannot be read any more (it was accepted by another version, say) is set aside as `failed`, with its
    reason, and stops nobody.
    """
    with reading(parts.engine) as db:
        waiting = absorption.waiting(db, org_id, DELIVERIES, BYTES)
    if not waiting:
        return 0
    now = parts.now()
    said: dict[int, Changes] = {}
    failed: dict[int, list[dict[str, str]]] = {}
    for delivery in waiting:
        try:
            said[delivery.id] = _read(delivery)
        except RefusedInput as error:
            failed[delivery.id] = [{"path": path, "message": str(message)} for path, message in error.fields.items()]
    with lease.writing() as db:
        absorption.write_changes(db, org_id, said.values(), now)
        absorption.mark_absorbed(db, list(said), now)
        for delivery_id, errors in failed.items():
            absorption.mark_failed(db, delivery_id, errors, now)
    log.info("deliveries absorbed", org=org_id, deliveries=len(said), failed=len(failed))
    return len(waiting)


def _read(delivery: Waiting) -> Changes:
    payload = decode(delivery.door, delivery.body)
    return changes_of(payload.type, payload.timestamp, payload.items, delivery.id)
