"""Somebody says that a cause is fixed: the CRM is looked at afresh, and exactly what the problem held goes again (rule 12)."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.crm import Problem
from contactsync.domain.errors import TargetRefused
from contactsync.store import connections, problems, queue
from contactsync.store.engine import writing
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Bound, asking


@dataclass(frozen=True)
class CheckedProblem:
    """What a look at a problem came to. `ok`: what it held was released, `released` records. Else `problem` is what is wrong
    now.
    """

    released: int
    ok: bool
    problem: Problem | None = None


def check_problem(parts: Parts, org_id: int, key: str) -> CheckedProblem | None:
    """Look at a problem again. None: the org has none of this key.

    One that stops the whole connection is checked with the CRM, and its records go only when that is well again. One that
    holds records releases exactly these: their next sync says whether the cause is gone. In both cases all that is
    remembered of the CRM is forgotten first. Raises TargetUnavailable when the CRM cannot be asked.
    """
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        group = problems.group(db, org_id, key)
        connection = connections.present(db, org_id)
        if group is not None and connection is not None:
            connections.bump_revision(db, connection.id)
    if group is None:
        return None
    bound = parts.targets.of(org_id)
    if group.subject == "connection" and bound is not None:
        wrong = _still_wrong(bound)
        if wrong is not None:
            return CheckedProblem(0, ok=False, problem=wrong)
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        if group.subject == "connection" and bound is not None:
            connections.resume(db, bound.row.id)
        released = problems.release(db, org_id, key, parts.now())
    parts.bell.ring(org_id)
    return CheckedProblem(released, ok=True)


def _still_wrong(bound: Bound) -> Problem | None:
    try:
        with asking(bound):
            health = bound.target.check()
    except TargetRefused as refused:
        return refused.problem
    finally:
        bound.connection.flush()
    return None if health.ok else next(iter(health.problems), None)
