"""Salesforce as a CRM target: the calls that each of its six methods makes.

    look_up   questions → composites of five → further pages → (rarely) one question more → Found
    apply     steps → rows → Writer → results in the order of the steps

Not to be shared between threads. What it remembers for a while: describes, and the member statuses of campaigns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from contactsync.api import (
    Action,
    Choice,
    Connection,
    CrmTarget,
    Failure,
    FieldCatalog,
    Found,
    MemberStatus,
    Mend,
    Next,
    Problem,
    RecordKind,
    RecordRef,
    Step,
    StepResult,
    TargetError,
    TargetHealth,
    TargetRefused,
    TargetType,
    TargetUnavailable,
    Wanted,
)

from .apply import Writer
from .catalog import OPTIONAL, catalog_of, choices_of, daily_calls, permission_problems, search_statement
from .errors import FIELD_CODES, Refusal, failure_of
from .fitting import Fitter
from .gathered import Gathered, statuses_by_campaign
from .ids import full_id, object_name
from .known_problems import KNOWN_PROBLEMS
from .outcomes import Outcomes
from .pace import Pace
from .reads import Question, Topic, member_questions, questions
from .row_shapes import is_record_of
from .rows import Row, campaign_of, row_of
from .settings import read_access, wrong_settings
from .shapes import is_description, is_object_list, is_row_about
from .sign_in import SIGN_IN
from .wire import MOST_HEAVY, Answer, Subrequest, Wire, unreadable

STATUS_SECONDS = 300.0
DESCRIBE_SECONDS = 600.0
TOO_MUCH = frozenset({"QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"})
_URL_SAFE = "'(),=*!"  # may stand in a query as they are; keeps a full statement's URL short


class SalesforceTarget:
    """One org's Salesforce. `now`: seconds since 1970; `clock`: seconds that only ever grow, to measure calls with."""

    def __init__(
        self, connection: Connection, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises Misconfigured; makes no connection."""
        self._access = read_access(connection.settings, connection.credentials)
        self._wire = Wire(self._access, connection, now)
        self._now = now
        self._clock = clock
        self._pace = Pace()
        self._statuses: dict[str, tuple[float, tuple[MemberStatus, ...]]] = {}  # by 18-character campaign id
        self._described: dict[RecordKind, tuple[float, FieldCatalog]] = {}
        self._createable: dict[RecordKind, tuple[float, bool]] = {}
        self._orders: dict[str, int] = {}  # the SortOrder of a campaign's next status
        self._unseen: set[str] = set()

    # ── look up ────────────────────────────────────────────────────────────────────────────────────────────────────

    def look_up(self, wanted: Wanted) -> Found:
        """Read what a batch needs. Raises TargetUnavailable, TargetRefused."""
        if wanted.empty:
            return Found()
        gathered = Gathered(wanted)
        self._ask(questions(wanted, self._fresh_statuses(), self._pace.terms), gathered)
        self._pace.asked()
        converted = gathered.contacts_to_check()
        if converted:
            self._ask(member_questions(wanted.campaigns, converted), gathered)
        self._keep_statuses(gathered.rows.get(Topic.STATUS, ()))
        statuses = self._fresh_statuses()
        self._unseen = {full_id(found) for found in wanted.campaigns} - set(statuses)
        return gathered.found(
            statuses,
            can_add_statuses=gathered.lacks_labels(statuses) and self._may_create(RecordKind.MEMBER_STATUS),
            can_add_attendees=not gathered.brings_several or self._may_create(RecordKind.ATTENDEE),
        )

    def _ask(self, asked: Sequence[Question], gathered: Gathered) -> None:
        together = [question for question in asked if not question.statement.direct]
        for start in range(0, len(together), MOST_HEAVY):
            batch = together[start : start + MOST_HEAVY]
            answers = self._wire.ask_together([_query(question, f"ask_{n}") for n, question in enumerate(batch)])
            for question, answer in zip(batch, answers, strict=True):
                gathered.add(question.topic, _checked(question.topic, self._rows(question, answer)))
        for question in asked:
            if question.statement.direct:
                gathered.add(question.topic, _checked(question.topic, self._wire.query(question.statement.text)))

    def _rows(self, question: Question, answer: Answer) -> list[dict[str, Any]]:
        if answer.ok:
            return self._wire.all_rows(answer.body)
        refusals = answer.refusals
        if question.may_be_hidden and any(found.code == "INVALID_TYPE" for found in refusals):
            return []  # contacts without a campaign still sync; the members themselves fail with their own words
        if any(found.code in TOO_MUCH for found in refusals):
            self._pace.asked_too_much()
        error = _look_up_failed(refusals, question.topic.kind)
        if isinstance(error, TargetRefused):
            self._forget_fields({question.topic.kind.value, error.problem.object})
        raise error

    def _fresh_statuses(self) -> dict[str, tuple[MemberStatus, ...]]:
        now = self._now()
        return {campaign: found for campaign, (until, found) in self._statuses.items() if until > now}

    def _keep_statuses(self, rows: Sequence[Mapping[str, Any]]) -> None:
        until = self._now() + STATUS_SECONDS
        for campaign, found in statuses_by_campaign(rows).items():
            self._statuses[campaign] = (until, found)
        for row in rows:
            following = int(row.get("SortOrder") or 0) + 1
            self._orders[row["CampaignId"]] = max(following, self._orders.get(row["CampaignId"], 0))

    def _may_create(self, kind: RecordKind) -> bool:
        """Whether new records of this kind can be made here, as its description says; remembered as long as that."""
        until, allowed = self._createable.get(kind, (0.0, False))
        if until > self._now():
            return allowed
        try:
            self._ask_description(kind)
        except TargetRefused:  # hidden
            self._createable[kind] = (self._now() + DESCRIBE_SECONDS, False)
        return self._createable[kind][1]

    # ── apply ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, steps: Sequence[Step]) -> Sequence[StepResult]:
        """Do the steps. Raises TargetUnavailable or TargetRefused when nothing was written."""
        fitter = Fitter(self._fresh_catalogs(), self.describe)
        outcomes = Outcomes(lambda campaign: full_id(campaign) in self._unseen)
        kinds: dict[str, RecordKind] = {}
        rows: list[Row] = []
        for step in steps:
            if step.action is Action.LEAVE or (step.action is Action.UPDATE and not step.fields):
                outcomes.known(step)
            else:
                row = row_of(step, kinds, self._orders)
                if isinstance(row, Failure):
                    outcomes.fail(step, row)
                else:
                    rows.append(row)
            kinds[step.id] = step.kind
            if step.kind is RecordKind.MEMBER_STATUS and campaign_of(step) in self._orders:
                self._orders[campaign_of(step)] += 1
        Writer(self._wire, fitter, outcomes, self._pace, self._clock).write(rows)
        results = [outcomes.result(step) for step in steps]
        self._learn(steps, results)
        return results

    def _learn(self, steps: Sequence[Step], results: Sequence[StepResult]) -> None:
        """Forget what the answers have shown to be stale."""
        for step, result in zip(steps, results, strict=True):
            if step.kind is RecordKind.MEMBER_STATUS:
                self._statuses.pop(campaign_of(step), None)
            if result.failure and Mend.PERMISSION in result.failure.problem.mended_by:
                self._createable.pop(step.kind, None)
            if result.failure and result.failure.problem.code in FIELD_CODES:
                self._forget_fields({step.kind.value})

    def _forget_fields(self, kinds: Collection[str]) -> None:
        """The next check of a mapping is to see the fields as they are now."""
        for kind in [kind for kind in self._described if kind.value in kinds]:
            del self._described[kind]

    # ── describe, search, check ────────────────────────────────────────────────────────────────────────────────────

    def describe(self, kind: RecordKind) -> FieldCatalog:
        """The fields of one kind, remembered for ten minutes. Raises TargetUnavailable, TargetRefused."""
        kept = self._fresh_catalogs().get(kind)
        if kept:
            return kept
        return self._ask_description(kind)

    def _ask_description(self, kind: RecordKind) -> FieldCatalog:
        hidden = failure_of([Refusal("INVALID_TYPE")], kind).problem
        described = self._wire.read(f"sobjects/{object_name(kind)}/describe", missing=hidden)
        if not is_description(described):
            raise unreadable()
        until = self._now() + DESCRIBE_SECONDS
        self._described[kind] = (until, catalog_of(kind, described))
        self._createable[kind] = (until, bool(described.get("createable")))
        return self._described[kind][1]

    def _fresh_catalogs(self) -> dict[RecordKind, FieldCatalog]:
        now = self._now()
        return {kind: catalog for kind, (until, catalog) in self._described.items() if until > now}

    def search(self, kind: RecordKind, text: str) -> Sequence[Choice]:
        """Up to 20 records whose name holds the text. Raises TargetUnavailable, TargetRefused."""
        statement = search_statement(kind, text)
        return choices_of(kind, _records(kind, self._wire.query(statement))) if statement else []

    def check(self) -> TargetHealth:
        """Sign-in, what the user may do with each object, and the day's calls. Raises nothing of the CRM's.

        What only meetings need is told and leaves the connection in order.
        """
        problems: list[Problem] = []
        optional: list[Problem] = []
        used = limit = None
        try:
            objects = self._wire.read("sobjects")
            if not is_object_list(objects):
                raise unreadable()
            for problem in permission_problems(objects):
                (optional if problem.object in OPTIONAL else problems).append(problem)
            used, limit = self._daily_calls()
        except TargetError as error:
            problems.append(_problem_of(error))
        if used is None:
            used, limit = self._wire.calls_used, self._wire.calls_limit
        return TargetHealth(not problems, (*problems, *optional), used, limit)

    def _daily_calls(self) -> tuple[int | None, int | None]:
        try:
            return daily_calls(self._wire.read("limits"))
        except TargetRefused:
            return None, None  # seeing the limits needs a permission of its own; every answer carries the count too

    def url(self, ref: RecordRef) -> str:
        """Where a person can open the record."""
        return f"{self._access.instance_url}/lightning/r/{object_name(ref.kind)}/{quote(ref.id, safe='')}/view"


def connect(connection: Connection) -> CrmTarget:
    """A target for one connection; no I/O. Raises Misconfigured."""
    return SalesforceTarget(connection)


SALESFORCE = TargetType(
    name="salesforce",
    label="Salesforce",
    connect=connect,
    check_settings=wrong_settings,
    problems=KNOWN_PROBLEMS,
    sign_in=SIGN_IN,
)


def _checked(topic: Topic, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, if they can be answers about this. Raises TargetUnavailable."""
    if not all(is_row_about(topic, row) for row in rows):
        raise unreadable()
    return rows


def _records(kind: RecordKind, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not all(is_record_of(kind, row.get("Id")) for row in rows):
        raise unreadable()
    return rows


def _query(question: Question, reference: str) -> Subrequest:
    # `@` stays encoded: an address must not begin a reference.
    return Subrequest(reference, "GET", f"{question.resource}?q={quote(question.statement.text, safe=_URL_SAFE)}")


def _look_up_failed(refusals: Sequence[Refusal], kind: RecordKind) -> TargetError:
    failure = failure_of(refusals, kind)
    if failure.next is Next.RETRY:
        return TargetUnavailable(failure.problem.cause, failure.problem, failure.retry_after)
    return TargetRefused(failure.problem)


def _problem_of(error: TargetError) -> Problem:
    problem = error.problem if isinstance(error, TargetUnavailable | TargetRefused) else None
    return problem or failure_of([Refusal("SERVER_UNAVAILABLE")], None).problem
