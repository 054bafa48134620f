"""What people do about problems: say that a cause is fixed, and exactly what it held goes again (rule 12); try one record
first; or have a problem folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contactsync.domain.budget import Budget, budget_problem, has_room
from contactsync.domain.crm import Mend, Problem
from contactsync.domain.errors import RefusedInput, TargetRefused
from contactsync.store import connections, dismissals, orgs, problems, queue, releases
from contactsync.store.audit import Audited, note
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.store.pages_problems import held_records
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
    # What holds records alone is tried by these: the CRM need not be asked, nor its connection be set up right.
    bound = parts.targets.of(org_id) if group.subject == "connection" else None
    beside: Problem | None = None
    if bound is not None:
        found = _wrong(parts, bound)
        still = next((one for one in found if not _is_beside(one, group)), None)
        if still is not None:
            with writing(parts.engine) as db:
                _note(db, parts, org_id, key, {"ok": False, "released": 0, "still": still.code})
            return CheckedProblem(0, ok=False, problem=still)
        beside = next(iter(found), None)
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        if bound is not None:
            connections.resume(db, bound.row.id)
        released = problems.release(db, org_id, key, parts.now())
        dismissals.bring_back(db, org_id, (key,))
        _note(db, parts, org_id, key, {"ok": True, "released": released})
    parts.bell.ring(org_id)
    return CheckedProblem(released, ok=True, problem=beside)


def try_one(parts: Parts, org_id: int, key: str) -> tuple[str, int] | None:
    """Have the newest record that a problem holds tried again, to see whether the cause is gone before all go. Answers its
    subject and its row's number; None: the problem holds none. What is remembered of the CRM is forgotten first.
    """
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        found, _ = held_records(db, org_id, key, before=None, limit=1)
        if not found:
            return None
        one = (found[0].subject, found[0].key)
        connection = connections.present(db, org_id)
        if connection is not None:
            connections.bump_revision(db, connection.id)
        releases.look_again(db, org_id, [one], parts.now())
        note(db, org_id, parts.actor, Audited.PROBLEM_TRIED, parts.now(), about=key, details={"records": 1})
    parts.bell.ring(org_id)
    return one


def dismiss_problem(parts: Parts, org_id: int, key: str) -> int | None:
    """Fold a problem away until it holds more records than now; answers how many these are. None: the org has none of this
    key. Raises RefusedInput for one that stops the whole connection: nothing goes to the CRM before it is gone.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        groups = {group.key: group for group in problems.groups(db, org_id)}
        if key not in groups:
            return None
        if groups[key].subject == "connection":
            words = "It keeps everything from the CRM: it cannot be dismissed, only put right."
            raise RefusedInput("a problem of the whole connection cannot be dismissed", {"problem": words})
        dismissals.forget_others(db, org_id, groups)
        dismissals.dismiss(db, org_id, key, groups[key].total, parts.actor, now)
        note(db, org_id, parts.actor, Audited.PROBLEM_DISMISSED, now, about=key, details={"records": groups[key].total})
    return groups[key].total


def bring_back_problem(parts: Parts, org_id: int, key: str) -> bool:
    """Show a problem that was folded away again; False: it was not."""
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        back = dismissals.bring_back(db, org_id, (key,))
        if back:
            note(db, org_id, parts.actor, Audited.PROBLEM_BROUGHT_BACK, parts.now(), about=key)
    return back


def note_problem_export(parts: Parts, org_id: int, key: str) -> int | None:
    """Write down that somebody takes a problem's records away as a file; answers how many. None: the org has none such."""
    with writing(parts.engine) as db:
        group = problems.group(db, org_id, key)
        if group is None:
            return None
        said = {"records": group.total}
        note(db, org_id, parts.actor, Audited.PROBLEM_EXPORTED, parts.now(), about=key, details=said)
    return group.total


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
