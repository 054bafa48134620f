"""One batch: claimed contacts are made ready, looked up, planned, applied and recorded."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from contactsync.domain.batch import Incomplete, Ready
from contactsync.domain.crm import Failure, Next, Problem
from contactsync.domain.errors import PluginBroken, TargetError, TargetRefused, TargetUnavailable
from contactsync.domain.outcome import Outcome
from contactsync.domain.plan import plan
from contactsync.domain.prepare import prepare
from contactsync.domain.records import SyncStatus
from contactsync.domain.run import FinishedRun
from contactsync.domain.wanted import wanted
from contactsync.log import logger
from contactsync.store import queue
from contactsync.store.engine import reading
from contactsync.store.lease import HeldLease
from contactsync.store.ledger import Recorded, connection_fares_well, pause_connection, record
from contactsync.store.queue import Claimed
from contactsync.sync.entries import Applied, Moment, Prepared, Rules, applied, entry, failed_entry, settled
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Bound, asking

RECORDED_AT_ONCE = 500
"""Contacts written down per transaction: the web processes wait for the same write lock on SQLite."""

NOT_CONNECTED = Problem(
    code="not_connected",
    cause="The org is not connected to a CRM yet.",
    fix="Connect it (contactsync connect --help says how); everything that waits goes by itself then.",
    who="event team",
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


def sync_batch(turn: Turn, claimed: Sequence[Claimed]) -> bool:
    """Bring claimed contacts to the CRM; answers whether it can be used. Raises LeaseLost.

    for each contact    incomplete → say what is missing; unchanged since its last good sync → nothing to ask
    all the others      look up → plan → apply → what came of each → record
    the CRM is away     they come back later, and the connection pauses
    """
    looked = [_look_first(turn, one) for one in claimed]
    going = [one for one in looked if isinstance(one, Prepared)]
    _write(turn, (one for one in looked if isinstance(one, Recorded)))
    if not going or turn.bound is None:
        return True
    started = turn.parts.now()
    try:
        done = _bring(turn.bound, turn, going)
    except TargetError as error:
        failure = _failure(error)
        if not _pause(turn, turn.bound, failure):
            failure = Failure(Next.RETRY, failure.problem)
        _write(turn, (failed_entry(one, failure, turn.rules.backoff, started, _chance()) for one in going))
        return False
    moment = Moment(started, turn.parts.now(), _chance())
    entries = [entry(one, done, turn.rules.backoff, replace(moment, chance=_chance())) for one in going]
    _write(turn, entries)
    with turn.lease.writing() as db:
        connection_fares_well(db, turn.bound.row.id)
    _tell(turn, going, done, entries)
    return True


def _chance() -> float:
    return random.random()  # noqa: S311 - spreads retries, hides nothing


def _look_first(turn: Turn, one: Claimed) -> Prepared | Recorded:
    now = turn.parts.now()
    if one.contact.deleted:
        return settled(one, Outcome(SyncStatus.EXCLUDED), now)
    made = make_ready(turn.parts, turn.rules, one)
    if isinstance(made, Problem):
        return settled(one, Outcome(SyncStatus.NEEDS_ATTENTION, problem=made), now)
    if isinstance(made, Incomplete):
        return settled(one, Outcome(SyncStatus.INCOMPLETE), now, sync_as=made.sync_as, missing=made.missing)
    if turn.bound is None:
        return settled(one, Outcome(SyncStatus.QUEUED, problem=NOT_CONNECTED), now, sync_as=made.sync_as)
    mark = _fingerprint(made, turn.rules, turn.bound)
    if mark == one.fingerprint and not one.forced:
        return settled(one, Outcome(SyncStatus.SYNCED), now, sync_as=made.sync_as, fingerprint=mark)
    return Prepared(one, made, mark)


def make_ready(parts: Parts, rules: Rules, one: Claimed) -> Ready | Incomplete | Problem:
    """A claimed contact after the deciding plugins spoke; a Problem when one of them is broken."""
    try:
        choices = parts.plugins.choices(one.contact)
    except PluginBroken as error:
        return Problem(
            "plugin_broken", str(error), "Mend or disable the plugin, then sync the contact again.", "developer"
        )
    return prepare(one.contact, choices, one.links, rules.policies)


def _fingerprint(ready: Ready, rules: Rules, bound: Bound) -> str:
    # Another connection is another CRM: what was synced there says nothing about here.
    made_from = rules.fingerprints.of(ready)
    return hashlib.sha256(f"{bound.row.id}:{made_from}".encode()).hexdigest()


def _bring(bound: Bound, turn: Turn, going: Sequence[Prepared]) -> Applied:
    ready = [*(one.ready for one in going), *_beside(bound, turn, going)]
    try:
        with asking(bound):
            found = bound.target.look_up(wanted(ready, turn.rules.mapping))
        planned = plan(ready, found, turn.rules.mapping, turn.rules.policies)
        turn.lease.check()  # a pause since the look up may have cost the lease: then what was found is old
        with asking(bound):
            return applied(planned, bound.target.apply(planned.steps))
    finally:
        bound.connection.flush()


def _beside(bound: Bound, turn: Turn, going: Sequence[Prepared]) -> list[Ready]:
    """Contacts that were synced before and share a CRM record with one that goes: else an older one that comes late would
    overwrite what they, the newer ones, said (I4). They are planned along, and nothing is written down of them.
    """
    shared = {(one.ready.contact.email, one.ready.sync_as) for one in going}
    keys = {one.claimed.key for one in going}
    with reading(turn.parts.engine) as db:
        found = queue.sharing(db, turn.org_id, bound.row.id, {email for email, _ in shared if email})
    made = [make_ready(turn.parts, turn.rules, one) for one in found if one.key not in keys]
    return [one for one in made if isinstance(one, Ready) and (one.contact.email, one.sync_as) in shared]


def _failure(error: TargetError) -> Failure:
    if isinstance(error, TargetRefused):
        return Failure(Next.STOP, error.problem)
    problem = error.problem if isinstance(error, TargetUnavailable) else None
    retry_after = error.retry_after if isinstance(error, TargetUnavailable) else None
    away = Problem("crm_unavailable", "The CRM did not answer.", "Nothing: it is tried again by itself.", "nobody")
    return Failure(Next.RETRY, problem or away, retry_after)


def _pause(turn: Turn, bound: Bound, failure: Failure) -> bool:
    """False: somebody connected the org anew meanwhile; what failed is no word about that connection."""
    failures = bound.row.failures + 1
    wait = max(turn.rules.backoff.wait(failures, _chance()), failure.retry_after or 0)
    stopped = failure.next is Next.STOP
    with turn.lease.writing() as db:
        paused = pause_connection(
            db,
            bound.row,
            failures=failures,
            until=None if stopped else turn.parts.now() + timedelta(seconds=wait),
            problem=failure.problem if stopped else None,
        )
    if paused:
        log.warning("connection paused", org=turn.rules.slug, problem=failure.problem.code, failures=failures)
    return paused


def _write(turn: Turn, entries: Iterable[Recorded]) -> None:
    connection_id = turn.bound.row.id if turn.bound else None
    waiting = iter(entries)
    while some := list(islice(waiting, RECORDED_AT_ONCE)):
        with turn.lease.writing() as db:
            record(db, turn.org_id, connection_id, sorted(some, key=lambda one: one.key), turn.parts.now())


def _tell(turn: Turn, going: Sequence[Prepared], done: Applied, entries: Sequence[Recorded]) -> None:
    for one, written in zip(going, entries, strict=True):
        steps = done.steps_of(done.plan.contacts[one.claimed.contact.id])
        turn.parts.plugins.run_finished(
            FinishedRun(
                org=turn.rules.slug,
                contact_id=one.claimed.contact.id,
                outcome=written.outcome.status,
                steps=steps,
                results=tuple(done.results[step.id] for step in steps if step.id in done.results),
                problem=written.outcome.problem,
            )
        )
