"""Before a batch uses the CRM: is there anything left of the day's calls beside what the org reserves for its other tools?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from contactsync.domain.budget import BUDGET_PAUSE, BUDGET_RESERVED, Budget, budget_problem, calls_left
from contactsync.domain.errors import TargetError
from contactsync.log import logger
from contactsync.store.connections import ConnectionRow, present, resume
from contactsync.store.engine import reading
from contactsync.store.ledger import pause_connection
from contactsync.sync.targets import Bound, asking
from contactsync.sync.turn import Turn, failure_of, pause

CALLS_OF_A_BATCH = 2
"""What a batch costs before its rows count: one look up, one write."""

ROWS_PER_CALL = 200
"""How many rows a call more brings, about."""

PAUSE = timedelta(seconds=BUDGET_PAUSE)

log = logger(__name__)


def may_use(turn: Turn, bound: Bound) -> bool:
    """Whether a batch may use the CRM now. If not, the connection pauses and says so, and goes on by itself.

    What the CRM last said counts while it is fresh; after a pause it is asked once how it stands. Raises LeaseLost.
    """
    reserve = turn.rules.policies.reserve_percent
    with reading(turn.parts.engine) as db:
        row = present(db, turn.org_id)
    if row is None or row.id != bound.row.id:
        return True  # connected anew meanwhile: what follows is of the old connection, and finds out by itself
    if not _within(row, reserve) and _stale(row, turn.parts.now()):
        try:
            row = _asked(bound, row)
        except TargetError as error:
            pause(turn, bound, failure_of(error))
            return False
    if _within(row, reserve):
        if row.problem is not None and row.problem["code"] == BUDGET_RESERVED:
            with turn.lease.writing() as db:
                resume(db, row.id)
        return True
    problem = budget_problem(_budget(row), reserve)
    with turn.lease.writing() as db:
        until = turn.parts.now() + PAUSE
        pause_connection(db, row, failures=row.failures, until=until, problem=problem)
    log.warning("connection paused", org=turn.rules.slug, problem=problem.code, used=row.budget_used)
    return False


def rows_within(row: ConnectionRow | None, reserve_percent: int, most: int) -> int:
    """How many records may go in one batch, so that it does not run far into the reserve; never less than one call's."""
    left = calls_left(_budget(row), reserve_percent) if row is not None else None
    if left is None:
        return most
    return min(most, max(1, left - CALLS_OF_A_BATCH) * ROWS_PER_CALL)


def _budget(row: ConnectionRow) -> Budget:
    return Budget(row.budget_used, row.budget_limit)


def _within(row: ConnectionRow, reserve_percent: int) -> bool:
    left = calls_left(_budget(row), reserve_percent)
    return left is None or left > 0


def _stale(row: ConnectionRow, now: datetime) -> bool:
    return row.budget_at is None or row.budget_at + PAUSE <= now


def _asked(bound: Bound, row: ConnectionRow) -> ConnectionRow:
    """The row with the present count; one that knows no count when the CRM does not say."""
    try:
        with asking(bound):
            health = bound.target.check()
    finally:
        bound.connection.flush()
    return replace(row, budget_used=health.calls_used, budget_limit=health.calls_limit)
