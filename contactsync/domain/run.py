"""What observers are told about a sync that ended."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.crm import Problem, Step, StepResult
from contactsync.domain.records import SyncStatus


@dataclass(frozen=True)
class FinishedRun:
    """One attempt to bring one contact to the CRM, after its outcome was recorded.

    `org` is a slug, `contact_id` the event platform's own id. `results` has one result for each step that was tried, in
    the order of `steps`; a run that stopped before the CRM was written has none.
    """

    org: str
    contact_id: str
    outcome: SyncStatus
    steps: tuple[Step, ...] = ()
    results: tuple[StepResult, ...] = ()
    problem: Problem | None = None
