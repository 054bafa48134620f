"""Sends the rows of a batch and tells, row by row, what came of them.

write(rows):
    few: one composite of single records; rows that were halted for no fault of theirs, rows whose record somebody else was
         writing, and rows that could be fitted to the types of their fields, go once more
    many: for each level, collections, five to a call, until none is left:
              a row refused             that row has failed
              a row locked              once more with the others, those of one parent together; one such call in all
              a row like another        once more by itself: only there Salesforce tells which record it resembles
              a collection refused      rows that use the field it names have failed, the others go again; rows that
                                        have not been fitted to the types of their fields go again fitted;
                                        any other fault of a row: in smaller parts, until the row stands alone
    a row whose need has failed fails with it, unsent
    an answer lost, or Salesforce away: these rows are RETRY, and nothing more is sent
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from contactsync.api import Failure, Next, TargetError, TargetRefused, TargetUnavailable

from .advice import CONCURRENT_LIMIT
from .duplicates import is_duplicate
from .errors import Refusal, answer_lost, failure_of, fields_of, is_automation_limit, is_locked, refusals_in
from .fitting import Fitter
from .outcomes import Outcomes
from .pace import Pace
from .rows import Row
from .wire import DROPPED_PAUSE, MOST_SUBREQUESTS, UNREADABLE, Answer, AnswerLost, CallRefused, Wire
from .writes import Collection, collection_request, collections, fits_one_composite, levels, single, stages

HALTED = "PROCESSING_HALTED"
_FIELD_FAULTS = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
_NO_ROWS_FAULT = ("INVALID_TYPE", "NOT_FOUND", "STORAGE_LIMIT_EXCEEDED", "INSUFFICIENT_ACCESS", "API_")
"""Beginnings of codes that refuse a collection for what the user may do: in smaller parts it would be refused as well."""


class Writer:
    """One `apply`. `clock`: seconds that only ever grow, to measure how long a call takes."""

    def __init__(self, wire: Wire, fitter: Fitter, outcomes: Outcomes, pace: Pace, clock: Callable[[], float]) -> None:
        self._wire = wire
        self._fitter = fitter
        self._outcomes = outcomes
        self._pace = pace
        self._clock = clock
        self._sent = False
        self._may_repeat_locked = True
        self._locked: list[tuple[Row, Sequence[Refusal]]] = []
        self._resembling: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Send everything. Raises TargetUnavailable or TargetRefused when the first call already did nothing."""
        self._outcomes.begin(rows)
        for stage in stages(self._fitted(rows)):
            self._write_stage(stage)

    def _write_stage(self, rows: Sequence[Row]) -> None:
        ready = self._outcomes.sendable(rows)
        if ready and len(ready) <= self._pace.speed.call and fits_one_composite(ready):
            try:
                return self._write_singles(ready)
            except CallRefused:
                # One of them spoils the whole composite: which one shows when the rest goes in parts.
                ready = [row for row in ready if not self._outcomes.settled(row)]
        for level in levels(ready):
            self._write_level(self._outcomes.sendable(level))
        return None

    def _fitted(self, rows: Sequence[Row]) -> list[Row]:
        """The rows in the types of their fields, as far as these are known; what cannot be fitted fails."""
        return [kept for kept in map(self._kept, rows, map(self._fitter.fitted, rows)) if kept]

    def _kept(self, row: Row, fitted: Row | Failure) -> Row | None:
        if isinstance(fitted, Row):
            return fitted
        self._outcomes.fail(row.step, fitted)
        return None

    # ── few ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_singles(self, rows: Sequence[Row]) -> None:
        again = self._once(rows)
        if again:
            for row in self._once(self._outcomes.sendable(again)):
                self._outcomes.refuse_for(row, [Refusal(HALTED)])

    def _once(self, rows: Sequence[Row]) -> list[Row]:
        """One composite; the rows to send once more, in order."""
        if not rows:
            return []
        answers = self._guarded(
            rows, lambda: self._wire.write_together([single(row, self._outcomes.ids) for row in rows])
        )
        may_repeat, again = self._may_repeat_locked, []
        for row, answer in zip(rows, answers or (), strict=False):
            codes = {found.code for found in answer.refusals}
            fitted = self._fitter.fitted_anew(row) if UNREADABLE & codes else None
            if answer.ok:
                self._outcomes.done(row, answer.body)
            elif fitted is not None:
                again += [kept] if (kept := self._kept(row, fitted)) else []
            elif may_repeat and is_locked(answer.refusals):
                self._may_repeat_locked = False
                again.append(row)
            elif HALTED not in codes:
                self._outcomes.refuse(row, answer)
            elif not self._outcomes.fail_with_need(row):
                again.append(row)
        return again

    # ── many ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_level(self, rows: Sequence[Row]) -> None:
        waiting = deque(collections(rows))
        while waiting:
            self._send_next(waiting)
        self._repeat_locked()
        self._resolve_resembling()

    def _send_next(self, waiting: deque[Collection]) -> None:
        """One call with as much of what waits as the pace allows; what must go once more waits again."""
        together = self._next_together(waiting)
        together = [kept for kept in map(self._still_sendable, together) if kept]
        for collection, answer in self._send(together) if together else ():
            waiting.extend(self._settle(collection, answer))

    def _next_together(self, waiting: deque[Collection]) -> list[Collection]:
        speed, together = self._pace.speed, list[Collection]()
        while waiting and len(together) < speed.collections:
            if together and (together[0].direct or waiting[0].direct):
                break
            first, *rest = waiting.popleft().pieces(speed.rows)
            waiting.extendleft(reversed(rest))
            together.append(first)
        return together

    def _still_sendable(self, collection: Collection) -> Collection | None:
        rows = self._outcomes.sendable(collection.rows)
        return Collection(tuple(rows)) if rows else None

    def _send(self, together: Sequence[Collection]) -> list[tuple[Collection, Answer]]:
        """One call; the collections that were answered. Those of a call that came to nothing have failed."""
        requests = [collection_request(found, f"part_{n}", self._outcomes.ids) for n, found in enumerate(together)]
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
            return self._settle_rows(rows, answer.body if isinstance(answer.body, list) else [])
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
            if failure.next is Next.RETRY:
                self._outcomes.fail(row.step, failure)
            else:
                self._outcomes.refuse(row, answer)
        return []

    def _without_culprits(self, collection: Collection, refusals: Sequence[Refusal]) -> list[Collection]:
        """A whole collection was refused for what some of its rows hold."""
        names = [name for found in refusals if found.code in _FIELD_FAULTS for name in fields_of(found)]
        using, others = collection.without(names)
        if not using:
            return collection.parts()
        for row in using:
            self._outcomes.refuse_for(row, refusals)
        return [Collection(tuple(others))] if others else []

    def _settle_rows(self, rows: Sequence[Row], told: Sequence[Any]) -> list[Collection]:
        """Note what is told of each row; the rows that overloaded the customer's automation go again, in smaller parts.

        One row that overloads it alone comes back later.
        """
        if len(rows) != len(told):
            # Only their order says whose they are.
            for row in rows:
                self._outcomes.lost(row)
            return []
        overloaded = []
        for row, entry in zip(rows, told, strict=True):
            refusals = refusals_in(entry["errors"]) if isinstance(entry, dict) and entry.get("errors") else ()
            if isinstance(entry, dict) and entry.get("success") is True:
                self._outcomes.done(row, entry)
            elif not refusals:
                self._outcomes.lost(row)
            elif len(rows) > 1 and is_automation_limit(refusals):
                overloaded.append(row)
            elif self._may_repeat_locked and is_locked(refusals):
                self._locked.append((row, refusals))
            elif row.creates and is_duplicate(refusals):
                self._resembling.append(row)
            else:
                self._outcomes.refuse_for(row, refusals)
        if not overloaded:
            return []
        self._pace.overloaded()
        return Collection(tuple(overloaded)).parts()

    def _repeat_locked(self) -> None:
        """Once in all, and if it is one call, at once: Salesforce has waited for the lock itself. Later otherwise."""
        locked, self._locked = self._locked, []
        rows = self._outcomes.sendable(row for row, _ in sorted(locked, key=lambda entry: entry[0].parent))
        waiting = deque(collections(rows))
        together = self._next_together(waiting)
        if waiting:
            for row, refusals in locked:
                self._outcomes.refuse_for(row, refusals)
        elif together:
            self._may_repeat_locked = False
            answered = self._send(together)
            waiting.extend(again for found, answer in answered for again in self._settle(found, answer))
            while waiting:
                self._send_next(waiting)

    def _resolve_resembling(self) -> None:
        """Rows that a duplicate rule refused in a collection, as single records: only these are told what they resemble."""
        resembling, self._resembling = self._resembling, []
        direct = [row for row in resembling if row.direct]
        usual = [row for row in resembling if not row.direct]
        groups = [[row] for row in direct]
        groups += [usual[start : start + MOST_SUBREQUESTS] for start in range(0, len(usual), MOST_SUBREQUESTS)]
        for group in groups:
            rows = self._outcomes.sendable(group)
            for row, answer in zip(rows, self._answers_apart(rows), strict=False):
                if answer.ok:
                    self._outcomes.done(row, answer.body)
                else:
                    self._outcomes.refuse(row, answer)

    def _answers_apart(self, rows: Sequence[Row]) -> Sequence[Answer]:
        if not rows:
            return ()
        requests = [single(row, self._outcomes.ids) for row in rows]
        try:
            if rows[0].direct:
                return self._guarded(rows, lambda: [self._wire.write_alone(requests[0])]) or ()
            return self._guarded(rows, lambda: self._wire.write_together(requests)) or ()
        except CallRefused as refused:
            return [refused.answer] * len(rows)

    # ── both ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _guarded(self, rows: Sequence[Row], send: Callable[[], list[Answer]]) -> list[Answer] | None:
        """Send; when the call as a whole came to nothing, its rows fail and nothing more is sent."""
        stopped: Failure
        begun = self._clock()
        try:
            answers = send()
        except AnswerLost as lost:
            if lost.timed_out:
                self._pace.timed_out()
            stopped = answer_lost(lost.retry_after)
            self._outcomes.stopped = _held_back(stopped)
        except TargetError as error:
            if isinstance(error, TargetUnavailable) and error.problem and error.problem.code == CONCURRENT_LIMIT.code:
                self._pace.crowded()
            if not self._sent:
                raise
            stopped = self._outcomes.stopped = _as_failure(error)
        else:
            self._sent = True
            self._pace.took(len(rows), self._clock() - begun)
            return answers
        self._sent = True
        for row in rows:
            self._outcomes.fail(row.step, stopped)
        return None


def _as_failure(error: TargetError) -> Failure:
    if isinstance(error, TargetRefused):
        return Failure(Next.STOP, error.problem)
    problem = error.problem if isinstance(error, TargetUnavailable) else None
    if problem is None:
        return replace(failure_of([Refusal("SERVER_UNAVAILABLE")], None), whole=True)
    retry_after = error.retry_after if isinstance(error, TargetUnavailable) else None
    return Failure(Next.RETRY, problem, retry_after, whole=True)


def _held_back(lost: Failure) -> Failure:
    """What happens to the rows that were not sent any more after an answer was lost."""
    waiting = failure_of([Refusal("SERVER_UNAVAILABLE")], None)
    return Failure(Next.RETRY, waiting.problem, lost.retry_after, whole=True)
