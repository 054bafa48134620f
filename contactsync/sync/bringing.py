"""One batch on its way to the CRM: look up, plan, apply, of whichever kind its records are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from contactsync.domain.batch import Catalogs, Ready, ReadyMeeting, Written
from contactsync.domain.crm import Found, Mend, Problem, RecordRef, StepResult
from contactsync.domain.errors import TargetError, TargetRefused
from contactsync.domain.mapping import MAPPED_KINDS, FieldMapping
from contactsync.domain.mapping_check import drift as drift_of
from contactsync.domain.writes import marks_needed, rules_need_catalog
from contactsync.log import logger
from contactsync.store import written as written_marks
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading
from contactsync.store.queue import linked_people
from contactsync.store.queue_meetings import activities_of_others
from contactsync.sync.deciding import Decided, Decider, One, Seen, each_that_can
from contactsync.sync.drift import Drift
from contactsync.sync.entries import Applied, Rules, applied
from contactsync.sync.parts import Parts
from contactsync.sync.tallying import Tallies
from contactsync.sync.targets import Bound, asking
from contactsync.sync.turn import Turn, holding

WriteAhead = Callable[[Db, Decided], None]
"""What must be kept before the CRM is written, in the transaction that holds the lease."""

log = logger(__name__)


def nothing_ahead(_db: Db, _decided: Decided) -> None:
    """Nothing must be kept first."""


def bring(
    turn: Turn, bound: Bound, decider: Decider[One], batch: Sequence[One], ahead: WriteAhead = nothing_ahead
) -> Applied:
    """Bring records to the CRM; what came of each. Raises TargetError when nobody's could be done, LeaseLost, Overtaken.

    look up       once for all; a field that is gone stops those who need it, with one problem, and the others go on
    plan          a record at which planning breaks stops alone
    write ahead   under the lease: a pause since the look up may have cost it, then what was found is old; by what still
                  holds: nothing is sent to a CRM that the org left, nor by a mapping that was changed
    apply         once for all; the lease is asked for again before each call that writes: a worker that was suspended, and
                  lost it, sends no more
    """

    def once(used: Bound, drift: Drift) -> Applied:
        decided = _decided(turn.parts, turn.rules, used, decider, batch, drift, tallies=turn.tallies)
        with holding(turn, _companies(batch)) as db:
            ahead(db, decided)
        with turn.tallies.timing("apply"), asking(used), used.connection.guard.asking(turn.lease.check):
            results = used.target.apply(decided.steps)
        done = applied(decided.plans, decided.steps, results)
        turn.tallies.written(done.steps, done.results)
        return replace(done, results=_with_drift(turn.rules, used, done))

    return _despite_drift(turn.parts, turn.rules, bound, once)


def _companies(batch: Sequence[One]) -> frozenset[str] | None:
    """The keys of the companies by whose Accounts a batch is planned; None: any may be (meetings are told of them by links)."""
    if any(isinstance(one, ReadyMeeting) for one in batch):
        return None
    contacts = (one.contact for one in batch if isinstance(one, Ready))
    return frozenset(contact.company.key for contact in contacts if contact.company)


def decide(parts: Parts, rules: Rules, bound: Bound, decider: Decider[One], batch: Sequence[One]) -> Decided:
    """What a batch would change in the CRM now; reads it and writes nothing. Raises TargetError."""

    def once(used: Bound, drift: Drift) -> Decided:
        return _decided(parts, rules, used, decider, batch, drift, tallies=Tallies())

    return _despite_drift(parts, rules, bound, once)


Answer = TypeVar("Answer")


def _despite_drift(parts: Parts, rules: Rules, bound: Bound, once: Callable[[Bound, Drift], Answer]) -> Answer:
    """Try until the mapping, as far as it still fits, is all that is asked of the CRM."""
    drift = Drift(rules.mapping)
    while True:
        try:
            return once(bound, drift)
        except TargetRefused as refused:
            if drift.widened(refused.problem) is None:
                raise
            bound, problem = _told_as_one(parts, rules, bound, refused.problem)
            log.warning("mapping does not fit the CRM", org=rules.slug, problem=problem.code, kind=problem.object)
            drift = drift.widened(problem) or drift.widened(refused.problem) or drift
        finally:
            bound.connection.flush()


def _told_as_one(parts: Parts, rules: Rules, bound: Bound, problem: Problem) -> tuple[Bound, Problem]:
    """All that vanished from one kind as one problem, by the CRM's own description: a target that remembers an old one is
    made anew. As the CRM told it, when it describes nothing of the kind.
    """
    name = next(name for name, kind in MAPPED_KINDS.items() if kind.value == problem.object)
    told = _drift(rules, bound, name)
    if told is None or not set(problem.fields) <= set(told.fields):
        bound.connection.flush()
        bound = parts.targets.renewed(bound)
        told = _drift(rules, bound, name)
    return bound, told if told is not None and set(problem.fields) <= set(told.fields) else problem


def _with_drift(rules: Rules, bound: Bound, done: Applied) -> Mapping[str, StepResult]:
    """The results, where what rows failed by has vanished from the CRM told as one problem of the mapping."""
    told: dict[Problem, Problem] = {}
    for name, kind in MAPPED_KINDS.items():
        failed = {
            result.failure.problem
            for result in done.results.values()
            if result.failure is not None and result.failure.problem.object == kind.value
        }
        ours = [one for one in failed if one.fields and Mend.MAPPING in one.mended_by]
        drifted = _drift(rules, bound, name) if ours else None
        if drifted is not None:
            told |= {one: drifted for one in ours if set(one.fields) <= set(drifted.fields)}
    return {
        step_id: replace(result, failure=replace(result.failure, problem=told[result.failure.problem]))
        if result.failure is not None and result.failure.problem in told
        else result
        for step_id, result in done.results.items()
    }


def _drift(rules: Rules, bound: Bound, name: str) -> Problem | None:
    """What vanished from one kind, by its name in configuration; None: nothing, or the CRM does not describe it now."""
    try:
        with asking(bound):
            catalog = bound.target.describe(MAPPED_KINDS[name])
    except TargetError:
        return None
    return drift_of(name, rules.mapping.rules.get(name, ()), catalog)


def _decided(
    parts: Parts,
    rules: Rules,
    bound: Bound,
    decider: Decider[One],
    batch: Sequence[One],
    drift: Drift,
    *,
    tallies: Tallies,
) -> Decided:
    mapping = drift.mapping
    stopped: dict[str, Problem] = {
        decider.id_of(one): problem for one in batch if (problem := drift.holding(decider.kinds_of(one)))
    }
    going = [one for one in batch if decider.id_of(one) not in stopped]
    wanted, unasked = each_that_can(decider, going, lambda some: decider.ask(some, mapping, rules.policies))
    going = [one for one in going if decider.id_of(one) not in unasked]
    with tallies.timing("look_up"), asking(bound):
        found = Found() if wanted.empty else bound.target.look_up(wanted)
        if wanted.activity_starts:
            found = _without_others(parts, bound, found, [decider.id_of(one) for one in going])
        catalogs = _catalogs(bound, mapping, decider) if going else {}
    written, taken = _written(parts, bound, decider, rules, found), _taken(parts, bound, found, going)
    seen = Seen(found, mapping, rules.policies, written, catalogs, taken)
    with tallies.timing("plan"):
        decided, unplanned = each_that_can(decider, going, lambda some: decider.decide(some, seen))
    stopped |= unasked | unplanned | _drifted(decided, drift)
    return _without(decided, stopped, decider)


def _without_others(parts: Parts, bound: Bound, found: Found, meeting_ids: Sequence[str]) -> Found:
    """What was found without the Activities of other meetings, which begin at the same moment and may look alike."""
    with reading(parts.engine) as db:
        refs = [activity.ref for activity in found.activities]
        taken = activities_of_others(db, bound.row.id, refs, meeting_ids)
    return replace(found, activities=tuple(one for one in found.activities if one.ref not in taken))


def _taken(parts: Parts, bound: Bound, found: Found, going: Sequence[object]) -> frozenset[RecordRef]:
    """Of the people found while one may have been made unheard: those that contacts are linked to. Whatever their own addresses
    are: a converted Lead under such an address leads to a Contact that may have another.
    """
    if not found.people or not any(isinstance(one, Ready) and one.attempted for one in going):
        return frozenset()
    with reading(parts.engine) as db:
        return linked_people(db, bound.row.id, [person.ref for person in found.people])


def _catalogs(bound: Bound, mapping: FieldMapping, decider: Decider[One]) -> Catalogs:
    """The fields of the kinds that need them to be written right: nobody else pays for a call."""
    needed = rules_need_catalog(mapping) & decider.kinds
    return {kind: bound.target.describe(kind) for kind in sorted(needed)}


def _written(parts: Parts, bound: Bound, decider: Decider[One], rules: Rules, found: Found) -> Written:
    # Of people it must be known whom a duplicate rule named (writes.ADOPTED), whatever the rules' modes.
    people = any(kind.is_person for kind in decider.kinds)
    if not people and not marks_needed(rules.mapping, rules.policies, decider.kinds):
        return {}
    refs = [person.ref for person in found.people] + [account.ref for account in found.accounts]
    refs += [campaign.ref for campaign in found.campaigns] + [activity.ref for activity in found.activities]
    with reading(parts.engine) as db:
        return written_marks.marks_of(db, bound.row.id, refs)


def _drifted(decided: Decided, drift: Drift) -> dict[str, Problem]:
    if not drift.kinds:
        return {}
    steps = {step.id: step for step in decided.steps}
    return {
        record_id: problem
        for record_id, plan in decided.plans.items()
        if (problem := drift.stopping(steps[step_id] for step_id in plan.step_ids))
    }


def _without(decided: Decided, stopped: Mapping[str, Problem], decider: Decider[One]) -> Decided:
    """The decision without records that are stopped, and without the steps that only they needed."""
    if not stopped:
        return decided
    plans = {record_id: plan for record_id, plan in decided.plans.items() if record_id not in stopped}
    needed = {step_id for plan in plans.values() for step_id in plan.step_ids}
    stops = {record_id: decider.stopped(record_id, problem) for record_id, problem in stopped.items()}
    return Decided(tuple(step for step in decided.steps if step.id in needed), {**plans, **stops})
