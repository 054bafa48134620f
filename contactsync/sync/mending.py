"""Somebody says that a cause is fixed: the CRM is looked at afresh, and exactly what the problem held goes again (rule 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contactsync.domain.budget import Budget, budget_problem, has_room
from contactsync.domain.crm import Mend, Problem
from contactsync.domain.errors import TargetRefused
from contactsync.store import connections, orgs, problems, queue
from contactsync.store.audit import Audited, note
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.store.problems import ProblemGroup
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Bound, asking


@dataclass(frozen=True)
class CheckedProblem:
    """What a look at a problem came to. `ok`: what it held was released, `released` records; else nothing was, and `problem`
    is what is wrong now. With `ok` a problem is another one that the look brought up.
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
    beside: Problem | None = None
    if group.subject == "connection" and bound is not None:
        found = _wrong(parts, bound)
        still = next((one for one in found if not _is_beside(one, group)), None)
        if still is not None:
            with writing(parts.engine) as db:
                _note(db, parts, org_id, key, {"ok": False, "released": 0, "still": still.code})
            return CheckedProblem(0, ok=False, problem=still)
        beside = next(iter(found), None)
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        if group.subject == "connection" and bound is not None:
            connections.resume(db, bound.row.id)
        released = problems.release(db, org_id, key, parts.now())
        _note(db, parts, org_id, key, {"ok": True, "released": released})
    parts.bell.ring(org_id)
    return CheckedProblem(released, ok=True, problem=beside)


def _note(db: Db, parts: Parts, org_id: int, key: str, said: Mapping[str, Any]) -> None:
    note(db, org_id, parts.actor, Audited.PROBLEM_CHECKED, parts.now(), about=key, details=said)


def _wrong(parts: Parts, bound: Bound) -> tuple[Problem, ...]:
    """What is wrong with the connection now; that the day's calls are used up, too."""
    with reading(parts.engine) as db:
        reserve = orgs.policies(db, bound.row.org_id).reserve_percent
    try:
        with asking(bound):
            health = bound.target.check()
    except TargetRefused as refused:
        return (refused.problem,)
    finally:
        bound.connection.flush()
    budget = Budget(health.calls_used, health.calls_limit)
    return (*health.problems, *(() if has_room(budget, reserve) else (budget_problem(budget, reserve),)))


def _is_beside(problem: Problem, group: ProblemGroup) -> bool:
    """A permission that is missing on some object stops who needs it, and not the connection, unless that is the problem."""
    return Mend.PERMISSION in problem.mended_by and problem.key != group.key
