"""What a run changed is put back, where the CRM still holds what the run wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from contactsync.domain.crm import Action, Found, Step, StepResult
from contactsync.domain.shown import shown
from contactsync.domain.undo import plan_undo, undo_wanted
from contactsync.store import queue
from contactsync.store.audit import Audited, note
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.store.ledger import record_undo
from contactsync.store.runs import KeptRun, read_run
from contactsync.sync.entries import UNSAID
from contactsync.sync.parts import Parts
from contactsync.sync.previewing import NotReady, connected_rules
from contactsync.sync.targets import Bound, asking

RUN_ID = re.compile(r"(?:run_)?([1-9][0-9]{0,17})", re.ASCII)


def undo(parts: Parts, org_id: int, run_id: str | int, *, dry_run: bool = False) -> list[dict[str, Any]] | None:
    """Put a run back; answers what was done record by record, as `shown` shows steps. None: the org has no such run.

    updated    each field back to its value before the run, where the CRM still holds what the run wrote
    created    listed, never deleted

    That it was undone is a run of its own. The record does not sync again by this: its next change at the event platform
    goes out as ever. It may be done while a worker syncs: only what still holds is written, and nothing is created.
    With `dry_run` nothing is written. Raises NotReady when the org is not connected to the run's CRM any more; TargetError.
    """
    number = RUN_ID.fullmatch(str(run_id))
    with reading(parts.engine) as db:
        run = read_run(db, org_id, int(number[1])) if number else None
    if run is None:
        return None
    bound, _ = connected_rules(parts, org_id, parts.targets.of(org_id))
    if run.connection_id not in (None, bound.row.id):
        raise NotReady(
            "The run wrote to another CRM than the one the org is connected to now: it cannot be undone here."
        )
    started = parts.now()
    steps, results = _put_back(bound, run, _campaigns(parts, org_id, bound, run), dry_run=dry_run)
    listed = [shown(step, results) for step in steps]
    if not dry_run:
        why, now = [f"Run {run.id} was undone."], parts.now()
        with writing(parts.engine) as db:
            queue.lock_org(db, org_id)
            kept = listed if _is_as_it_was(db, org_id, run) else [_bare(step) for step in listed]
            made = record_undo(db, org_id, bound.row.id, run.id, kept, why, started, now)
            said: dict[str, Any] = {"run": f"run_{made}"} if made is not None else {}
            said["records"] = len(listed)
            note(db, org_id, parts.actor, Audited.RUN_UNDONE, now, about=f"run_{run.id}", details=said)
    return listed


def _is_as_it_was(db: Db, org_id: int, run: KeptRun) -> bool:
    """Whether nobody was erased out of the run since it was read: what it said then must not be written down anew."""
    return read_run(db, org_id, run.id) == run


def _bare(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step as it is shown, without what is said of anybody."""
    return {**step, "fields": {}, "left": {}, "why": [], "crm_id": None}


def _put_back(
    bound: Bound, run: KeptRun, campaigns: Sequence[str], *, dry_run: bool
) -> tuple[Sequence[Step], Mapping[str, StepResult]]:
    wanted = undo_wanted(run.steps, campaigns)
    try:
        with asking(bound):
            found = Found() if wanted.empty else bound.target.look_up(wanted)
        steps = plan_undo(run.steps, found)
        results: dict[str, StepResult] = {}
        if not dry_run and any(step.action is not Action.LEAVE for step in steps):
            with asking(bound):
                results = {result.step_id: result for result in bound.target.apply(steps)}
            results = {step.id: results.get(step.id) or StepResult(step.id, failure=UNSAID) for step in steps}
    finally:
        bound.connection.flush()
    return steps, results


def _campaigns(parts: Parts, org_id: int, bound: Bound, run: KeptRun) -> tuple[str, ...]:
    """Where the run's contact is a member: a membership is found by campaign and person."""
    if run.subject != "contact":
        return ()
    with reading(parts.engine) as db:
        one = queue.read_contact(db, org_id, bound.row.id, run.source_id)
    attendances = one.contact.attendances if one is not None else ()
    return tuple(dict.fromkeys(each.campaign_id for each in attendances if each.campaign_id))
