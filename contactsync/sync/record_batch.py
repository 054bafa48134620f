"""What the batches of events and of meetings have in common: of each the CRM gets one record, and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from contactsync.domain.crm import Failure, Next
from contactsync.domain.errors import TargetError
from contactsync.domain.outcome import Outcome
from contactsync.domain.records import SyncStatus
from contactsync.log import described, logger
from contactsync.store.ledger import Recorded
from contactsync.store.queue_events import ClaimedEvent
from contactsync.store.queue_meetings import ClaimedMeeting
from contactsync.sync.batch import connection_fingerprint
from contactsync.sync.budget_gate import may_use
from contactsync.sync.deciding import cannot_be_planned
from contactsync.sync.entries import Applied, Moment, failed_record, record_entry, settled_record
from contactsync.sync.targets import Bound
from contactsync.sync.turn import NOT_CONNECTED, Turn, chance, failure_of, fares_well, pause, tell, write

log = logger(__name__)

Claimed = TypeVar("Claimed", ClaimedEvent, ClaimedMeeting)
Bring = Callable[[Bound, Sequence[Claimed]], Applied]


def wait_for_connection(turn: Turn, claimed: Sequence[Claimed]) -> None:
    """Say of records that are claimed while there is no CRM that they wait for one."""
    waiting = Outcome(SyncStatus.QUEUED, problem=NOT_CONNECTED)
    now = turn.parts.now()
    write(turn, (settled_record(one, waiting, now) for one in claimed))


def with_fingerprints(
    turn: Turn, bound: Bound, word: str, claimed: Sequence[Claimed], of: Callable[[Claimed], str]
) -> list[tuple[Claimed, str]]:
    """Each record with its fingerprint; one at which that breaks is set aside with a problem, and stops no other."""
    made: list[tuple[Claimed, str]] = []
    broken: list[Recorded] = []
    for one in claimed:
        try:
            made.append((one, connection_fingerprint(bound, of(one))))
        except Exception as error:  # noqa: BLE001 - it becomes a problem that people see
            log.error("record cannot be looked at", org=turn.rules.slug, what=word, record=one.key, **described(error))
            stopped = Outcome(SyncStatus.NEEDS_ATTENTION, problem=cannot_be_planned(word, error))
            broken.append(settled_record(one, stopped, turn.parts.now()))
    write(turn, broken)
    return made


def sync_records(turn: Turn, bound: Bound, claimed: Sequence[tuple[Claimed, str]], bring: Bring[Claimed]) -> bool:
    """Bring claimed records, each with its fingerprint, to the CRM; answers whether it can be used. Raises LeaseLost.

    unchanged since its last good sync   nothing to ask
    all the others                       look up → plan → write ahead → apply → what came of each → record
    """
    now = turn.parts.now()
    same = [(one, mark) for one, mark in claimed if mark == one.fingerprint and not one.forced]
    write(turn, (settled_record(one, Outcome(SyncStatus.SYNCED), now, mark) for one, mark in same))
    going = [(one, mark) for one, mark in claimed if mark != one.fingerprint or one.forced]
    if not going:
        return True
    if not may_use(turn, bound):
        return False
    backoff, started = turn.rules.backoff, turn.parts.now()
    try:
        done = bring(bound, [one for one, _ in going])
    except TargetError as error:
        failure = failure_of(error)
        if not pause(turn, bound, failure):
            failure = Failure(Next.RETRY, failure.problem, whole=True)
        write(turn, (failed_record(one, failure, backoff, started, chance()) for one, _ in going))
        return False
    moment = Moment(started, turn.parts.now(), chance())
    entries = [record_entry(one, mark, done, turn.rules, replace(moment, chance=chance())) for one, mark in going]
    write(turn, entries)
    fares_well(turn, bound)
    tell(turn, done, entries)
    return True
