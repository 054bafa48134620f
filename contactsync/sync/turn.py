"""One worker's turn with an org, and what its batches share: writing down, pausing, telling."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from contactsync.domain.crm import Failure, Mend, Next, Problem, Step
from contactsync.domain.errors import ContactsyncError, TargetError, TargetRefused, TargetUnavailable
from contactsync.domain.records import SyncStatus
from contactsync.domain.run import FinishedRun
from contactsync.log import logger
from contactsync.store import hourly, orgs, releases, tally
from contactsync.store.companies import chosen_since
from contactsync.store.engine import Connection as Db
from contactsync.store.lease import HeldLease
from contactsync.store.ledger import Recorded, connection_fares_well, pause_connection, record
from contactsync.sync.entries import Applied, Rules
from contactsync.sync.parts import Parts
from contactsync.sync.tallying import Tallies
from contactsync.sync.targets import Bound

RECORDED_AT_ONCE = 500
"""Records written down per transaction: the web processes wait for the same write lock on SQLite."""

NOT_CONNECTED = Problem(
    code="not_connected",
    cause="The org is not connected to a CRM yet.",
    fix="Connect it (contactsync connect --help says how); everything that waits goes by itself then.",
    who="event team",
    mended_by=(Mend.CONNECTION,),
)

CRM_UNAVAILABLE = Problem(
    code="crm_unavailable",
    cause="The CRM did not answer.",
    fix="Nothing: it is tried again by itself.",
    who="nobody",
)

log = logger(__name__)


@dataclass(frozen=True)
class Turn:
    """One worker's turn with an org: what it goes by, the CRM if there is one, and its lease."""

    parts: Parts
    org_id: int
    rules: Rules
    bound: Bound | None
    lease: HeldLease
    tallies: Tallies = field(default_factory=Tallies)


class Overtaken(ContactsyncError):
    """Somebody changed what the turn goes by: nothing is sent by what holds no more, the turn begins anew."""


@contextmanager
def holding(turn: Turn, companies: Collection[str] | None = None) -> Iterator[Db]:
    """A transaction under the lease in which also holds what the turn goes by. Raises LeaseLost, Overtaken.

    `companies`: the keys of those it goes by, None for any: who links others meanwhile holds nobody up.
    """
    with turn.lease.writing() as db:
        now = orgs.chosen(db, turn.org_id)
        if not (
            _is_connected_so(turn, now) and _is_chosen_so(turn, now) and _companies_are_so(turn, now, companies, db)
        ):
            raise Overtaken("the org's connection, mapping, policies or companies were changed meanwhile")
        yield db


def _companies_are_so(turn: Turn, now: orgs.Chosen, companies: Collection[str] | None, db: Db) -> bool:
    before = turn.rules.chosen.company_choices
    if now.company_choices == before:
        return True
    return companies is not None and not chosen_since(db, turn.org_id, before, companies)


def _is_connected_so(turn: Turn, now: orgs.Chosen) -> bool:
    return now.connection_id == (turn.bound.row.id if turn.bound else None)


def _is_chosen_so(turn: Turn, now: orgs.Chosen) -> bool:
    then = turn.rules.chosen
    return (now.mappings, now.policies) == (then.mappings, then.policies)


def chance() -> float:
    """A number in [0, 1)."""
    return random.random()  # noqa: S311 - spreads retries, hides nothing


def failure_of(error: TargetError) -> Failure:
    """What a whole call that failed means for each record that waited for it."""
    if isinstance(error, TargetRefused):
        return Failure(Next.STOP, error.problem)
    problem = error.problem if isinstance(error, TargetUnavailable) else None
    retry_after = error.retry_after if isinstance(error, TargetUnavailable) else None
    return Failure(Next.RETRY, problem or CRM_UNAVAILABLE, retry_after, whole=True)


def pause(turn: Turn, bound: Bound, failure: Failure) -> bool:
    """False: somebody connected the org anew meanwhile; what failed is no word about that connection."""
    failures = bound.row.failures + 1
    wait = max(turn.rules.backoff.wait(failures, chance()), failure.retry_after or 0)
    stopped = failure.next is Next.STOP
    with turn.lease.writing() as db:
        paused = pause_connection(
            db,
            bound.row,
            failures=failures,
            until=None if stopped else turn.parts.now() + timedelta(seconds=wait),
            problem=failure.problem,
        )
    if paused:
        log.warning("connection paused", org=turn.rules.slug, problem=failure.problem.code, failures=failures)
    return paused


def fares_well(turn: Turn, bound: Bound) -> None:
    """The CRM answered: failures before this are forgotten."""
    with turn.lease.writing() as db:
        connection_fares_well(db, bound.row.id)


def write(turn: Turn, entries: Iterable[Recorded]) -> None:
    """Write outcomes down, some at a time. Raises LeaseLost.

    Those that are for a person, or that miss something, by what people changed meanwhile are looked at again: whoever
    changed it could not release what was not held yet. What came of another connection than the present one is no word
    about how a record stands: it stays due.
    """
    connection_id = turn.bound.row.id if turn.bound else None
    waiting = iter(entries)
    while some := list(islice(waiting, RECORDED_AT_ONCE)):
        with turn.lease.writing() as db:
            now = orgs.chosen(db, turn.org_id)
            stands = _is_connected_so(turn, now)
            done = sorted(some, key=lambda one: one.key)
            with turn.tallies.timing("record"):
                counted = turn.rules.chosen.company_choices
                record(db, turn.org_id, connection_id, done, turn.parts.now(), stands=stands, company_choices=counted)
            if stands and not _is_chosen_so(turn, now):
                again = [(one.subject, one.key) for one in done if one.outcome.status in _JUDGED]
                releases.look_again(db, turn.org_id, again, turn.parts.now())
            turn.tallies.recorded(some)
            tallied = turn.tallies.take()
            tally.add(db, turn.org_id, tallied)
            at = turn.parts.now()
            hourly.add(db, turn.org_id, hourly.of_outcomes(some, at) + hourly.of_arrivals(tallied, at))


_JUDGED = (SyncStatus.NEEDS_ATTENTION, SyncStatus.INCOMPLETE)


def tell(turn: Turn, done: Applied, entries: Sequence[Recorded]) -> None:
    """Tell the observing plugins of each run that ended."""
    for one in entries:
        steps: tuple[Step, ...] = done.steps_of(one.source_id)
        turn.parts.plugins.run_finished(
            FinishedRun(
                org=turn.rules.slug,
                contact_id=one.source_id if one.subject == "contact" else "",
                outcome=one.outcome.status,
                steps=steps,
                results=tuple(done.results[step.id] for step in steps if step.id in done.results),
                problem=one.outcome.problem,
                subject=one.subject,
                source_id=one.source_id,
            )
        )
