"""What observers are told about a sync that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contactsync.domain.crm import Problem, Step, StepResult
from contactsync.domain.records import SyncStatus

Subject = Literal["contact", "event", "meeting"]
"""What a run brings to the CRM."""


@dataclass(frozen=True)
class FinishedRun:
    """One attempt to bring one record to the CRM, after its outcome was recorded.

    `org` is a slug, `subject` what the record is, `source_id` the event platform's own id of it; `contact_id` is the same id
    when it is a contact, else "". `results` has one result for each step that was tried, in the order of `steps`; a run that
    stopped before the CRM was written has none.
    """

    org: str
    contact_id: str
    outcome: SyncStatus
    steps: tuple[Step, ...] = ()
    results: tuple[StepResult, ...] = ()
    problem: Problem | None = None
    subject: Subject = "contact"
    source_id: str = ""
