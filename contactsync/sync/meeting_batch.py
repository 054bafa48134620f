"""One batch of meetings: each becomes an Activity, once, whatever becomes of the answer that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contactsync.domain.captured import without_unreviewed
from contactsync.domain.meetings import attempt_of, meeting_fingerprint
from contactsync.store.engine import Connection as Db
from contactsync.store.ledger import note_attempts
from contactsync.store.queue_meetings import ClaimedMeeting
from contactsync.sync.ahead import Attempt, to_write_ahead
from contactsync.sync.bringing import bring
from contactsync.sync.deciding import MEETINGS, Decided
from contactsync.sync.entries import Applied
from contactsync.sync.record_batch import sync_records, wait_for_connection, with_fingerprints
from contactsync.sync.targets import Bound
from contactsync.sync.turn import Turn


def sync_meeting_batch(turn: Turn, claimed: Sequence[ClaimedMeeting]) -> bool:
    """Bring claimed meetings to the CRM; answers whether it can be used. Raises LeaseLost.

    The moment at which an Activity may be made to start, or be moved to, is written down before it is sent: were the answer
    lost, the next attempt looks there first, also when the meeting was put off meanwhile (I3).
    """
    bound, rules = turn.bound, turn.rules
    if bound is None:
        wait_for_connection(turn, claimed)
        return True
    claimed = [replace(one, ready=without_unreviewed(one.ready, rules.policies)) for one in claimed]
    marked = with_fingerprints(
        turn, bound, MEETINGS.word, claimed, lambda one: meeting_fingerprint(one.ready, rules.mapping, rules.policies)
    )
    return sync_records(turn, bound, marked, lambda used, some: _bring(turn, used, some))


def _bring(turn: Turn, bound: Bound, going: Sequence[ClaimedMeeting]) -> Applied:
    attempts = {
        one.ready.meeting.id: Attempt(one.key, one.ready.attempted, attempt_of(one.ready), one.ready.link)
        for one in going
    }

    def ahead(db: Db, decided: Decided) -> None:
        note_attempts(db, "meeting", to_write_ahead(decided, attempts))

    return bring(turn, bound, MEETINGS, [one.ready for one in going], ahead)
