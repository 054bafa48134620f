"""What has come of the steps of one `apply` so far: which are done, which failed, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from contactsync.api import Failure, RecordKind, RecordRef, Step, StepResult

from .duplicates import duplicate_failure, is_duplicate, resemblance_in
from .errors import Refusal, answer_lost, failure_of, refusals_in, stopped_by
from .ids import full_id
from .row_shapes import is_record_of
from .rows import Row
from .wire import DROPPED_PAUSE, Answer

_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"})


class Outcomes:
    """Ids and failures by step. `campaign_unseen` says of a campaign's id whether it was looked up and not found."""

    def __init__(self, campaign_unseen: Callable[[str], bool]) -> None:
        self.ids: dict[str, str] = {}
        self.stopped: Failure | None = None
        self._campaign_unseen = campaign_unseen
        self._failures: dict[str, Failure] = {}
        self._kinds: dict[str, RecordKind] = {}
        self._made: dict[str, Row] = {}

    def begin(self, rows: Iterable[Row]) -> None:
        """Note what is going to be written."""
        self._kinds |= {row.id: row.step.kind for row in rows}

    def known(self, step: Step) -> None:
        """Note a step that is left as it is: others may name its record."""
        if step.ref:
            self.ids[step.id] = step.ref.id

    def fail(self, step: Step, failure: Failure) -> None:
        """Note a step that failed."""
        self._kinds[step.id] = step.kind
        self._failures[step.id] = failure

    def settled(self, row: Row) -> bool:
        """Whether it is known what came of a row."""
        return row.id in self.ids or row.id in self._failures

    def result(self, step: Step) -> StepResult:
        """What came of one step; each that was handed over is either done or has failed."""
        failure = self._failures.get(step.id)
        if failure:
            return StepResult(step.id, failure=failure)
        return StepResult(step.id, ref=step.ref or RecordRef(step.kind, self.ids[step.id]))

    def sendable(self, rows: Iterable[Row]) -> list[Row]:
        """The rows whose needs have not failed, in order; the others fail here."""
        ready = []
        for row in rows:
            if self.fail_with_need(row):
                continue
            if self.stopped is not None:
                self.fail(row.step, self.stopped)
            else:
                ready.append(row)
        return ready

    def fail_with_need(self, row: Row) -> bool:
        """Fail a row that needs one that failed; whether it did."""
        culprit = next((need for need in row.needs if need in self._failures), None)
        if culprit is not None:
            self.fail(row.step, stopped_by(self._kinds[culprit], self._failures[culprit]))
        return culprit is not None

    def done(self, row: Row, body: Any) -> None:
        """Note the id in the answer to a row. A new record without one of its own kind is a lost answer, and so is one that
        speaks of another record.
        """
        told = body if isinstance(body, dict) else {}
        record_id = told.get("id")
        if refusals_in(body) or told.get("success", True) is not True:
            self.lost(row)
        elif row.step.ref:
            if record_id is None or (isinstance(record_id, str) and full_id(record_id) == full_id(row.step.ref.id)):
                self.ids[row.id] = row.step.ref.id
            else:
                self.lost(row)
        elif isinstance(record_id, str) and is_record_of(row.step.kind, record_id):
            self._keep(row, record_id)
        else:
            self.lost(row)

    def _keep(self, row: Row, record_id: str) -> None:
        """Two new records have two ids: whose the one is that both were told, a look up says."""
        other = self._made.setdefault(record_id, row)
        if other is row:
            self.ids[row.id] = record_id
            return
        self.ids.pop(other.id, None)
        self.lost(other)
        self.lost(row)

    def lost(self, row: Row) -> None:
        """Note a row of which nothing was told."""
        self.fail(row.step, answer_lost(DROPPED_PAUSE))

    def refuse(self, row: Row, answer: Answer) -> None:
        """Note a refusal of this row, as a single record's answer has it."""
        self.refuse_for(row, answer.refusals, answer.body)

    def refuse_for(self, row: Row, refusals: Sequence[Refusal], body: object = None) -> None:
        """Note why a row was refused."""
        if row.removes and row.step.ref and any(found.code in _GONE for found in refusals):
            self.ids[row.id] = row.step.ref.id  # somebody was faster
            return
        if is_duplicate(refusals):
            failure = duplicate_failure(row.step.kind, resemblance_in(body), creates=row.creates)
        else:
            failure = self._judged(row, refusals)
        self.fail(row.step, failure)

    def _judged(self, row: Row, refusals: Sequence[Refusal]) -> Failure:
        campaign = row.fields.get("CampaignId")
        unseen = isinstance(campaign, str) and self._campaign_unseen(campaign)
        if row.creates:
            # There is no record yet that could be missing: the object itself is hidden.
            refusals = [
                replace(found, code="INVALID_TYPE") if found.code == "NOT_FOUND" else found for found in refusals
            ]
        failure = failure_of(refusals, row.step.kind, campaign_unseen=unseen)
        if row.step.ref and failure.problem.code == "inactive_owner_or_user":
            return replace(failure, candidates=(row.step.ref,))  # the owner is stale; what we know of the record is not
        return failure
