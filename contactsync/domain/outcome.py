"""What one contact's steps came to: its status, when it comes back, what to unlink. Clock and chance are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contactsync.domain.batch import ContactPlan
from contactsync.domain.crm import Failure, Next, Problem, RecordRef, StepResult
from contactsync.domain.records import SyncStatus


@dataclass(frozen=True)
class Backoff:
    """Waits between attempts, in seconds: doubling from `first` to at most `most`."""

    first: float
    most: float

    def wait(self, attempts: int, chance: float) -> float:
        """How long after the given number of failed attempts; `chance` in [0, 1) spreads it over half to whole."""
        whole: float = min(self.most, self.first * 2.0 ** min(attempts - 1, 30))
        return whole * (0.5 + chance / 2)


@dataclass(frozen=True)
class Outcome:
    """What is recorded of one contact. `due_at` None: nothing to do before something changes. `unlink`: links are stale."""

    status: SyncStatus
    due_at: datetime | None = None
    attempts: int = 0
    problem: Problem | None = None
    next: Next | None = None
    unlink: bool = False
    person: RecordRef | None = None


def outcome(
    plan: ContactPlan,
    results: Mapping[str, StepResult],
    *,
    attempts: int,
    rematched: bool,
    backoff: Backoff,
    now: datetime,
    chance: float,
) -> Outcome:
    """What came of one contact's steps.

    `attempts`: failed ones before this; `rematched`: the last one already failed because links were stale. What comes
    back by itself goes before what needs a person: the rest of the contact is not to wait for them.
    """
    if plan.problem is not None:
        return Outcome(SyncStatus.NEEDS_ATTENTION, problem=plan.problem, next=Next.STOP)
    done = [results[step_id] for step_id in plan.step_ids]
    person = results[plan.person].ref if plan.person else None
    failures = [result.failure for result in done if result.failure is not None]
    if not failures:
        return Outcome(SyncStatus.SYNCED, person=person)
    failure = min(failures, key=lambda failed: (Next.RETRY, Next.REMATCH, Next.STOP).index(failed.next))
    return after_failure(
        failure, attempts=attempts, rematched=rematched, backoff=backoff, now=now, chance=chance, person=person
    )


def after_failure(
    failure: Failure,
    *,
    attempts: int,
    rematched: bool,
    backoff: Backoff,
    now: datetime,
    chance: float,
    person: RecordRef | None = None,
) -> Outcome:
    """What happens to a contact after a failure of its own or of the whole call."""
    problem = failure.problem
    if failure.next is Next.RETRY:
        wait = max(backoff.wait(attempts + 1, chance), failure.retry_after or 0)
        due_at = now + timedelta(seconds=wait)
        return Outcome(SyncStatus.RETRYING, due_at, attempts + 1, problem, Next.RETRY, person=person)
    if failure.next is Next.REMATCH and not rematched:
        return Outcome(SyncStatus.RETRYING, now, attempts + 1, problem, Next.REMATCH, unlink=True)
    return Outcome(SyncStatus.NEEDS_ATTENTION, problem=problem, next=Next.STOP, person=person)
