"""One batch of events: those that the CRM has to do with become campaigns, or fill the ones that they are connected to."""

from __future__ import annotations

from collections.abc import Sequence

from contactsync.domain.campaigns import event_fingerprint, event_needs_crm, names_to_attempt
from contactsync.store.engine import Connection as Db
from contactsync.store.ledger import leave_alone, note_attempts
from contactsync.store.queue_events import ClaimedEvent
from contactsync.sync.ahead import Attempt, to_write_ahead
from contactsync.sync.bringing import bring
from contactsync.sync.deciding import EVENTS, Decided
from contactsync.sync.entries import Applied
from contactsync.sync.record_batch import sync_records, wait_for_connection, with_fingerprints
from contactsync.sync.targets import Bound
from contactsync.sync.turn import Turn, holding


def sync_event_batch(turn: Turn, claimed: Sequence[ClaimedEvent]) -> bool:
    """Bring claimed events to the CRM; answers whether it can be used. Raises LeaseLost.

    The name under which a campaign may be made is written down before: were the answer lost, the next attempt finds it.
    """
    rules = turn.rules
    needed = {one.key for one in claimed if event_needs_crm(one.ready, rules.mapping, rules.policies)}
    left = {one.key: one.change for one in claimed if one.key not in needed}
    if left:
        with holding(turn) as db:
            leave_alone(db, "event", left)
    going = [one for one in claimed if one.key in needed]
    bound = turn.bound
    if bound is None:
        wait_for_connection(turn, going)
        return True
    marked = with_fingerprints(
        turn, bound, EVENTS.word, going, lambda one: event_fingerprint(one.ready, rules.mapping, rules.policies)
    )
    return sync_records(turn, bound, marked, lambda used, some: _bring(turn, used, some))


def _bring(turn: Turn, bound: Bound, going: Sequence[ClaimedEvent]) -> Applied:
    attempts = {
        one.ready.event.id: Attempt(one.key, one.ready.attempted, names_to_attempt(one.ready), one.ready.campaign)
        for one in going
    }

    def ahead(db: Db, decided: Decided) -> None:
        note_attempts(db, "event", to_write_ahead(decided, attempts))

    return bring(turn, bound, EVENTS, [one.ready for one in going], ahead)
