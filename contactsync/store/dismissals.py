"""Problems that somebody has seen and does not want to be told of: folded away until they hold more records than then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection as Db

from contactsync.store.counts import Counted
from contactsync.store.tables_console import dismissed_problem


@dataclass(frozen=True)
class Dismissal:
    """When somebody dismissed a problem, and how many records it held then. `actor`: as the audit log names them."""

    records: int
    at: datetime
    actor: str

    def holds(self, records: int) -> bool:
        """Whether it still stands, now that the problem holds so many."""
        return records <= self.records


def dismissals(db: Db, org_id: int) -> dict[str, Dismissal]:
    """What the org has dismissed, by the problem's key; some may not stand any more (`Dismissal.holds`)."""
    c = dismissed_problem.c
    rows = db.execute(sa.select(c.problem_key, c.records, c.at, c.actor).where(c.org_id == org_id))
    return {row.problem_key: Dismissal(row.records, row.at, row.actor) for row in rows}


def dismiss(db: Db, org_id: int, key: str, records: int, actor: str, now: datetime) -> None:
    """Fold a problem away that holds so many records now. Under lock_org: two at once would collide."""
    bring_back(db, org_id, (key,))
    values = {"org_id": org_id, "problem_key": key, "records": records, "at": now, "actor": actor[:255]}
    db.execute(sa.insert(dismissed_problem).values(values))


def bring_back(db: Db, org_id: int, keys: Iterable[str]) -> bool:
    """Show these again; False: none of them was dismissed."""
    c = dismissed_problem.c
    gone = db.execute(sa.delete(dismissed_problem).where(c.org_id == org_id, c.problem_key.in_(list(keys))))
    return bool(gone.rowcount)


def forget_others(db: Db, org_id: int, keys: Collection[str]) -> None:
    """Forget what was dismissed and is gone since, all but these: should it come again, it is news."""
    c = dismissed_problem.c
    db.execute(sa.delete(dismissed_problem).where(c.org_id == org_id, c.problem_key.not_in(list(keys))))


def told(counts: Iterable[Counted], dismissed: Mapping[str, Dismissal]) -> list[Counted]:
    """What is to be told of an org's counts: without the records of problems that are folded away."""
    all_counts = list(counts)
    totals: dict[str, int] = {}
    for one in all_counts:
        totals[one.problem_key] = totals.get(one.problem_key, 0) + one.records
    folded = {key for key, dismissal in dismissed.items() if dismissal.holds(totals.get(key, 0))}
    return [one for one in all_counts if one.problem_key not in folded]
