"""Sends the rows of a batch and tells, row by row, what came of them.

write(rows):
    few: one composite of single records; rows that were halted for no fault of theirs, and rows that could be
         fitted to the types of their fields, go once more
    many: for each level, collections, five to a call, until none is left:
              a row refused             that row has failed
              a collection refused      rows that use the field it names have failed, the others go again; rows that
                                        have not been fitted to the types of their fields go again fitted;
                                        any other fault of a row: in smaller parts, until the row stands alone
    a row whose need has failed fails with it, unsent
    an answer lost, or Salesforce away: these rows are RETRY, and nothing more is sent
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from contactsync.api import (
    Failure,
    Next,
    RecordKind,
    RecordRef,
    Step,
    StepResult,
    TargetError,
    TargetRefused,
    TargetUnavailable,
)

from .errors import Refusal, answer_lost, failure_of, fields_of, is_automation_limit, refusals_in, stopped_by
from .fitting import Fitter
from .rows import Row
from .wire import DROPPED_PAUSE, MOST_HEAVY, UNREADABLE, Answer, AnswerLost, CallRefused, Wire
from .writes import Collection, collection_request, collections, fits_one_composite, levels, single, stages

HALTED = "PROCESSING_HALTED"
_FIELD_FAULTS = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"})
_NO_ROWS_FAULT = ("INVALID_TYPE", "NOT_FOUND", "STORAGE_LIMIT_EXCEEDED", "INSUFFICIENT_ACCESS", "API_")
"""Beginnings of codes that refuse a collection for what the user may do: in smaller parts it would be refused as well."""


class Writer:
    """One `apply`. `campaign_unseen` says of a campaign's id whether it was looked up and not found."""

    def __init__(self, wire: Wire, fitter: Fitter, campaign_unseen: Callable[[str], bool]) -> None:
        self._wire = wire
        self._fitter = fitter
        self._campaign_unseen = campaign_unseen
        self._ids: dict[str, str] = {}
        self._failures: dict[str, Failure] = {}
        self._kinds: dict[str, RecordKind] = {}
        self._stopped: Failure | None = None
        self._sent = False

    def fail(self, step: Step, failure: Failure) -> None:
        """Note a step that cannot even be sent."""
        self._kinds[step.id] = step.kind
        self._failures[step.id] = failure

    def known(self, step: Step) -> None:
        """Note a step that is left as it is: others may name its record."""
        if step.ref:
            self._ids[step.id] = step.ref.id

    def write(self, rows: Sequence[Row]) -> None:
        """Send everything. Raises TargetUnavailable or TargetRefused when the first call already did nothing."""
        self._kinds |= {row.id: row.step.kind for row in rows}
        for stage in stages(self._fitted(rows)):
            self._write_stage(stage)

    def _write_stage(self, rows: Sequence[Row]) -> None:
        ready = self._sendable(rows)
        if ready and fits_one_composite(ready):
            try:
                return self._write_singles(ready)
            except CallRefused:
                # One of them spoils the whole composite: which one shows when the rest goes in parts.
                ready = [row for row in ready if row.id not in self._ids and row.id not in self._failures]
        for level in levels(ready):
            self._write_level(self._sendable(level))
        return None

    def result(self, step: Step) -> StepResult:
        """What came of one step; each that was handed over is either done or has failed."""
        failure = self._failures.get(step.id)
        if failure:
            return StepResult(step.id, failure=failure)
        return StepResult(step.id, ref=step.ref or RecordRef(step.kind, self._ids[step.id]))

    def _sendable(self, rows: Iterable[Row]) -> list[Row]:
        """The rows whose needs have not failed, in order; the others fail here."""
        ready = []
        for row in rows:
            culprit = next((need for need in row.needs if need in self._failures), None)
            if culprit is not None:
                self._failures[row.id] = stopped_by(self._kinds[culprit], self._failures[culprit])
            elif self._stopped is not None:
                self._failures[row.id] = self._stopped
            else:
                ready.append(row)
        return ready

    def _fitted(self, rows: Sequence[Row]) -> list[Row]:
        """The rows in the types of their fields, as far as these are known; what cannot be fitted fails."""
        return [kept for kept in map(self._kept, rows, map(self._fitter.fitted, rows)) if kept]

    def _kept(self, row: Row, fitted: Row | Failure) -> Row | None:
        if isinstance(fitted, Row):
            return fitted
        self._failures[row.id] = fitted
        return None

    # ── few ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_singles(self, rows: Sequence[Row]) -> None:
        again = self._once(rows)
        if again:
            for row in self._once(self._sendable(again)):
                self._failures[row.id] = failure_of([Refusal(HALTED)], row.step.kind)

    def _once(self, rows: Sequence[Row]) -> list[Row]:
        """One composite; the rows to send once more, in order.

        Those are rows that were halted although nothing they need has failed (Salesforce stopped for something that was
        not theirs), and rows that are fitted now.
        """
        if not rows:
            return []
        answers = self._guarded(rows, lambda: self._wire.write_together([single(row, self._ids) for row in rows]))
        again = []
        for row, answer in zip(rows, answers or (), strict=False):
            culprit = next((need for need in row.needs if need in self._failures), None)
            codes = {found.code for found in answer.refusals}
            fitted = self._fitter.fitted_anew(row) if UNREADABLE & codes else None
            if answer.ok:
                self._note_id(row, answer.body)
            elif fitted is not None:
                again += [kept] if (kept := self._kept(row, fitted)) else []
            elif HALTED not in codes:
                self._refuse(row, answer.refusals)
            elif culprit is None:
                again.append(row)
            else:
                self._failures[row.id] = stopped_by(self._kinds[culprit], self._failures[culprit])
        return again

    def _note_id(self, row: Row, body: Any) -> None:
        record_id = body.get("id") if isinstance(body, dict) else None
        if row.step.ref:
            self._ids[row.id] = row.step.ref.id
        elif isinstance(record_id, str) and record_id:
            self._ids[row.id] = record_id
        else:
            self._failures[row.id] = answer_lost(DROPPED_PAUSE)

    # ── many ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_level(self, rows: Sequence[Row]) -> None:
        waiting = deque(collections(rows))
        while waiting:
            together = [waiting.popleft()]
            while waiting and len(together) < MOST_HEAVY and not together[0].direct and not waiting[0].direct:
                together.append(waiting.popleft())
            together = [kept for kept in map(self._still_sendable, together) if kept]
            if not together:
                continue
            for collection, answer in self._send(together):
                waiting.extend(self._settle(collection, answer))

    def _still_sendable(self, collection: Collection) -> Collection | None:
        rows = self._sendable(collection.rows)
        return Collection(tuple(rows)) if rows else None

    def _send(self, together: Sequence[Collection]) -> list[tuple[Collection, Answer]]:
        """One call; the collections that were answered. Those of a call that came to nothing have failed."""
        requests = [collection_request(found, f"part_{n}", self._ids) for n, found in enumerate(together)]
        rows = [row for found in together for row in found.rows]
        try:
            if together[0].direct:
                answers = self._guarded(rows, lambda: [self._wire.write_alone(requests[0])])
            else:
                answers = self._guarded(rows, lambda: self._wire.write_together(requests))
        except CallRefused as refused:
            if len(together) > 1:
                return [answered for found in together for answered in self._send_apart(found)]
            answers = [refused.answer]
        return list(zip(together, answers, strict=True)) if answers else []

    def _send_apart(self, collection: Collection) -> list[tuple[Collection, Answer]]:
        """One of several collections that were refused together, without the others."""
        kept = self._still_sendable(collection)
        return self._send([kept]) if kept else []

    def _settle(self, collection: Collection, answer: Answer) -> list[Collection]:
        """Note what a collection's answer says; what must be sent once more is returned."""
        rows = collection.rows
        if answer.ok:
            told = answer.body if isinstance(answer.body, list) else []
            for row in rows[len(told) :]:
                self._failures[row.id] = answer_lost(DROPPED_PAUSE)
            alone = len(rows) == 1
            overloaded = [
                row for row, entry in zip(rows, told, strict=False) if not self._settle_row(row, entry, alone=alone)
            ]
            # The customer's automation had too many rows at once. One row that overloads it alone comes back later.
            return Collection(tuple(overloaded)).parts() if overloaded else []
        refusals = answer.refusals
        failure = failure_of(refusals, rows[0].step.kind)
        if any(found.code in UNREADABLE for found in refusals):
            fitted = [(row, self._fitter.fitted_anew(row)) for row in rows]
            if any(made is not None for _, made in fitted):
                kept = [self._kept(row, made or row) for row, made in fitted]
                return [Collection(tuple(row for row in kept if row))] if any(kept) else []
        theirs = not any(found.code.startswith(_NO_ROWS_FAULT) for found in refusals)
        if theirs and failure.next is not Next.RETRY and len(rows) > 1:
            return self._without_culprits(collection, refusals)
        if answer.status >= 500 and not any(found.code == "SERVER_UNAVAILABLE" for found in refusals):
            failure = answer_lost(DROPPED_PAUSE)
        for row in rows:
            self._failures[row.id] = failure if failure.next is Next.RETRY else failure_of(refusals, row.step.kind)
        return []

    def _without_culprits(self, collection: Collection, refusals: Sequence[Refusal]) -> list[Collection]:
        """A whole collection was refused for what some of its rows hold."""
        names = [name for found in refusals if found.code in _FIELD_FAULTS for name in fields_of(found)]
        using, others = collection.without(names)
        if not using:
            return collection.parts()
        for row in using:
            self._refuse(row, refusals)
        return [Collection(tuple(others))] if others else []

    def _settle_row(self, row: Row, entry: Any, *, alone: bool) -> bool:
        """Note what is told of a row; False: it is to go again with fewer others."""
        if isinstance(entry, dict) and entry.get("success") is True:
            self._note_id(row, entry)
        elif isinstance(entry, dict) and entry.get("errors"):
            refusals = refusals_in(entry["errors"])
            if not alone and is_automation_limit(refusals):
                return False
            self._refuse(row, refusals)
        else:
            self._failures[row.id] = answer_lost(DROPPED_PAUSE)
        return True

    # ── both ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, row: Row, refusals: Sequence[Refusal]) -> None:
        if row.removes and row.step.ref and any(found.code in _GONE for found in refusals):
            self._ids[row.id] = row.step.ref.id  # somebody was faster
            return
        campaign = row.fields.get("CampaignId")
        unseen = isinstance(campaign, str) and self._campaign_unseen(campaign)
        self._failures[row.id] = failure_of(refusals, row.step.kind, campaign_unseen=unseen)

    def _guarded(self, rows: Sequence[Row], send: Callable[[], list[Answer]]) -> list[Answer] | None:
        """Send; when the call as a whole came to nothing, its rows fail and nothing more is sent."""
        stopped: Failure
        try:
            answers = send()
        except AnswerLost as lost:
            stopped = answer_lost(lost.retry_after)
            self._stopped = _held_back(stopped)
        except TargetError as error:
            if not self._sent:
                raise
            stopped = self._stopped = _as_failure(error)
        else:
            self._sent = True
            return answers
        self._sent = True
        for row in rows:
            self._failures[row.id] = stopped
        return None


def _as_failure(error: TargetError) -> Failure:
    if isinstance(error, TargetRefused):
        return Failure(Next.STOP, error.problem)
    problem = error.problem if isinstance(error, TargetUnavailable) else None
    if problem is None:
        return failure_of([Refusal("SERVER_UNAVAILABLE")], None)
    return Failure(Next.RETRY, problem, error.retry_after if isinstance(error, TargetUnavailable) else None)


def _held_back(lost: Failure) -> Failure:
    """What happens to the rows that were not sent any more after an answer was lost."""
    waiting = failure_of([Refusal("SERVER_UNAVAILABLE")], None)
    return Failure(Next.RETRY, waiting.problem, lost.retry_after)
