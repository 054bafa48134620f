"""The CRM's daily calls: how many are left to contactsync, and when it stands back for the org's other tools."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.crm import Mend, Problem

BUDGET_RESERVED = "budget_reserved"

BUDGET_PAUSE = 900
"""Seconds until a reserved budget is looked at again: the count is of the last 24 hours, and calls fall out of it all day."""


@dataclass(frozen=True)
class Budget:
    """The CRM's own count of the day: calls used by everybody, and the limit. None: it never said."""

    used: int | None = None
    limit: int | None = None


def calls_left(budget: Budget, reserve_percent: int) -> int | None:
    """How many calls contactsync may still make while the reserved share stays free; 0 at the least, None when unknown.

    The share is rounded up: 10 % of 15,001 calls are 1,501. A limit of 0 says that the CRM does not count.
    """
    if budget.used is None or budget.limit is None or budget.limit <= 0:
        return None
    percent = min(max(reserve_percent, 0), 100)
    reserved = -(-budget.limit * percent // 100)
    return max(0, budget.limit - reserved - budget.used)


def has_room(budget: Budget, reserve_percent: int, calls: int = 1) -> bool:
    """Whether so many calls may be made. An unknown budget is no reason to wait: the CRM will say."""
    left = calls_left(budget, reserve_percent)
    return left is None or left >= calls


def budget_problem(budget: Budget, reserve_percent: int) -> Problem:
    """Why the sync stands still, for people."""
    used, limit = budget.used or 0, budget.limit or 0
    return Problem(
        code=BUDGET_RESERVED,
        cause=f"{used} of the CRM's {limit} daily calls are used, and {reserve_percent} % of them are kept for other tools.",
        fix="Nothing: the sync goes on by itself as soon as calls are free again. To have it go on earlier, lower the "
        "policy reserve_percent, or have the CRM's daily limit raised.",
        who="nobody",
        mended_by=(Mend.POLICY, Mend.CRM),
    )
