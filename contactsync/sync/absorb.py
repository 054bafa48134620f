"""Deliveries become source records, in order, a handful per transaction."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from contactsync.domain.changes import Changes, changes_of
from contactsync.domain.edits import CONSOLE
from contactsync.domain.errors import RefusedInput
from contactsync.intake.decode import decode
from contactsync.log import described, logger
from contactsync.store import absorption, hourly, tally
from contactsync.store.absorption import POISON, Waiting
from contactsync.store.engine import reading
from contactsync.store.hourly import HourCount
from contactsync.store.lease import HeldLease
from contactsync.store.replays import mark_named_due
from contactsync.store.tombstones import Tombstones
from contactsync.sync.leaving_out import LeftOut, leave_out, write_left_out
from contactsync.sync.parts import Parts
from contactsync.sync.tallying import Tallies

DELIVERIES = 100
"""At most so many deliveries in one transaction: the web processes wait for the same write lock on SQLite."""

BYTES = 2_000_000
"""And at most so many bytes of them, so that memory does not grow with what waits."""

log = logger(__name__)


Errors = list[dict[str, str]]


def absorb(parts: Parts, org_id: int, lease: HeldLease) -> int:
    """Bring some waiting deliveries into the source records; answers how many it took. Raises LeaseLost.

    A delivery that cannot be read any more (it was accepted by another version, say), or that the database refuses, is set
    aside as `failed`, with its reason, and stops nobody. Whoever was erased is left out first.
    """
    with reading(parts.engine) as db:
        waiting = absorption.waiting(db, org_id, DELIVERIES, BYTES)
        if not waiting:
            return 0
        left = leave_out(db, Tombstones.of(db, parts.vault, org_id), waiting)
    said: dict[int, Changes] = {}
    failed: dict[int, Errors] = {}
    for delivery in left.waiting:
        try:
            said[delivery.id] = Changes() if left.emptied(delivery) else _read(delivery)
        except RefusedInput as error:
            failed[delivery.id] = [{"path": path, "message": str(message)} for path, message in error.fields.items()]
        except POISON as error:
            failed[delivery.id] = _reason(org_id, delivery.id, error)
    try:
        _write(parts, org_id, lease, left, said, failed)
    except POISON:
        _write_one_by_one(parts, org_id, lease, left, said, failed)
    log.info("deliveries absorbed", org=org_id, deliveries=len(waiting) - len(failed), failed=len(failed))
    return len(waiting)


def _read(delivery: Waiting) -> Changes:
    payload = decode(delivery.door, delivery.body)
    by_hand = delivery.door == CONSOLE
    changes = changes_of(
        payload.type, payload.timestamp, payload.items, delivery.id, delivery.received_at, by_hand=by_hand
    )
    return replace(changes, unknown_keys=payload.unknown_keys)


def _write(
    parts: Parts,
    org_id: int,
    lease: HeldLease,
    left: LeftOut,
    said: Mapping[int, Changes],
    failed: Mapping[int, Errors],
) -> None:
    now = parts.now()
    tallies = Tallies()
    with lease.writing() as db:
        with tallies.timing("absorb"):
            absorption.write_changes(db, org_id, said.values(), now, _came(left.waiting, said))
        again = [said[delivery.id] for delivery in left.waiting if delivery.replayed and delivery.id in said]
        if again:
            mark_named_due(db, org_id, again, now)
        absorption.mark_absorbed(db, list(said), now)
        for delivery_id, changes in said.items():
            absorption.log_findings(db, delivery_id, changes)
        for delivery_id, errors in failed.items():
            absorption.mark_failed(db, delivery_id, errors, now)
        write_left_out(db, left, [*said, *failed], now)
        tallies.absorbed(len(said), len(failed))
        tally.add(db, org_id, tallies.take())
        hourly.add(db, org_id, _hours(left.waiting, said, "absorbed") + _hours(left.waiting, failed, "failed"))


def _hours(waiting: Sequence[Waiting], which: Container[int], label: str) -> list[HourCount]:
    """In which hours these webhooks came. One that is replayed was counted when it came; what people type in is no webhook."""
    came = (one.received_at for one in waiting if one.id in which and not one.replayed and one.door != CONSOLE)
    return hourly.of_deliveries(came, label)


def _came(waiting: Sequence[Waiting], said: Mapping[int, Changes]) -> dict[str, datetime]:
    """When the webhook came that spoke of a contact last, by the contact's id: it is due since then. Not one that is replayed,
    which is of long ago.
    """
    came = {one.id: one.received_at for one in waiting if not one.replayed}
    return {change.id: came[key] for key, changes in said.items() if key in came for change in changes.contacts}


def _write_one_by_one(
    parts: Parts, org_id: int, lease: HeldLease, left: LeftOut, said: Mapping[int, Changes], failed: dict[int, Errors]
) -> None:
    """Find the delivery that spoils the transaction of all: each in one of its own, in their order."""
    _write(parts, org_id, lease, left, {}, failed)
    for delivery_id, changes in said.items():
        try:
            _write(parts, org_id, lease, left, {delivery_id: changes}, {})
        except POISON as error:
            failed[delivery_id] = _reason(org_id, delivery_id, error)
            _write(parts, org_id, lease, left, {}, {delivery_id: failed[delivery_id]})


def _reason(org_id: int, delivery_id: int, error: Exception) -> Errors:
    """What people are told: the error's kind, not its text, which may quote a person."""
    log.error("delivery set aside", org=org_id, delivery=delivery_id, **described(error))
    message = (
        f"It cannot be brought in ({type(error).__name__}). The worker's log says where; report it to the developers."
    )
    return [{"path": "", "message": message}]
