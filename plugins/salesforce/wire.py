"""Calls to the REST API, one at a time, through simple-salesforce; everything that can go wrong with a call as a whole.

    a call:  token from the keeper → may we still write? → send → answer
             401, session expired:  a fresh token through the keeper, and the same call once more
             read failed:           TargetUnavailable (later, by itself) or TargetRefused (somebody must act)
             write failed:          the same when Salesforce surely did nothing; else AnswerLost

simple-salesforce's and requests' exceptions print URLs, and URLs hold queries, and queries hold e-mail addresses. So they
are turned into values where they are caught, and no error of ours ever carries them as its cause or context.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from contactsync.api import Connection, Next, Problem, TargetError, TargetRefused, TargetUnavailable, Token

from .advice import BUSY_PAUSE, NO_API_THERE, UNREADABLE_ANSWER
from .auth import fetch_token, unreachable
from .errors import Refusal, failure_of, is_session_not_for_api, refusals_in
from .row_shapes import are_rows
from .settings import Access
from .transport import AnswerTooLarge, AnswerUnreadable, Session, never_sent

MOST_SUBREQUESTS = 25
MOST_HEAVY = 5  # queries and collections in one composite
TIMED_OUT_PAUSE = 60.0  # Salesforce may still be writing
DROPPED_PAUSE = 5.0
MOST_PAGES = 300
"""Of one question: no batch has so many answers, so somebody leads us on."""

_LIMIT_INFO = re.compile(r"api-usage=(\d{1,15})/(\d{1,15})", re.ASCII)
_NEXT_PAGE = re.compile(r"/services/data/v\d\d\.\d/(query/[A-Za-z0-9-]+)", re.ASCII)
UNREADABLE = frozenset({"JSON_PARSER_ERROR"})  # refuses everything that was read together for one value in it
_PLAIN_JSON = {"X-PrettyPrint": "0"}  # simple-salesforce asks for indented answers


class CallRefused(Exception):
    """A whole write was refused for something that it carries, and nothing of it was done."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"refused with {answer.status}")
        self.answer = answer


class AnswerLost(Exception):
    """A write went out and no answer that can be believed came back: it may have been done."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the answer to a write was lost")
        self.retry_after = retry_after

    @property
    def timed_out(self) -> bool:
        """Whether Salesforce took too long: less at once may be quicker."""
        return self.retry_after == TIMED_OUT_PAUSE


@dataclass(frozen=True)
class Subrequest:
    """One part of a composite. `path` stands behind `/services/data/vXX.X/`."""

    reference: str
    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came of one subrequest."""

    status: int
    body: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether Salesforce did it."""
        return 200 <= self.status < 300

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Salesforce's errors, when it did not."""
        return () if self.ok else refusals_in(self.body) or (Refusal("UNKNOWN_EXCEPTION"),)


@dataclass(frozen=True)
class _Failed:
    """A call without a good answer. `status` None: none came."""

    status: int | None = None
    content: object = field(default=None, repr=False)
    error: Exception | None = field(default=None, repr=False)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return refusals_in(self.content)

    @property
    def expired(self) -> bool:
        """Whether a fresh token may help."""
        return self.status == 401 and not any(is_session_not_for_api(found.message) for found in self.refusals)


class Wire:
    """One org's REST API. Makes no connection until the first call; not to be shared between threads."""

    def __init__(self, access: Access, connection: Connection, now: Callable[[], float]) -> None:
        self._access = access
        self._tokens = connection.tokens
        self._count_call = connection.count_call
        self._may_write = connection.may_write
        self._now = now
        self._session = Session(access, self._heard)
        self._client: tuple[str, Salesforce] | None = None
        self.calls_used: int | None = None
        self.calls_limit: int | None = None

    def read(self, path: str, missing: Problem | None = None) -> Any:
        """GET below the version. `missing`: what a 404 means here. Raises TargetUnavailable, TargetRefused."""
        return self._call("GET", path, missing=missing)

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows of a short statement, as a call of its own."""
        return self.all_rows(self._call("GET", "query", params={"q": soql}))

    def all_rows(self, page: object) -> list[dict[str, Any]]:
        """The rows of a query's first page and of all further ones, each page a call. Raises as `read` does."""
        rows: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            if not isinstance(page, dict) or not are_rows(page.get("records")):
                break
            rows += page["records"]
            if page.get("done") is True:
                return rows
            following = _NEXT_PAGE.fullmatch(str(page.get("nextRecordsUrl")))
            if following is None or not page["records"]:
                break
            page = self._call("GET", following[1])
        raise unreadable()

    def ask_together(self, subrequests: Sequence[Subrequest]) -> list[Answer]:
        """Reads in one composite, answered in order."""
        return self._composite(subrequests, writes=False)

    def write_together(self, subrequests: Sequence[Subrequest]) -> list[Answer]:
        """Writes in one composite, done in order, each by itself. Raises AnswerLost and CallRefused besides."""
        return self._composite(subrequests, writes=True)

    def write_alone(self, subrequest: Subrequest) -> Answer:
        """One write as a call of its own: for text that a composite would take for a reference. Raises AnswerLost."""
        try:
            body = self._call(
                subrequest.method, subrequest.path, body=subrequest.body, headers=subrequest.headers, writes=True
            )
        except CallRefused as refusal:
            return refusal.answer
        return Answer(200, body)

    def _composite(self, subrequests: Sequence[Subrequest], *, writes: bool) -> list[Answer]:
        base = f"/services/data/v{self._access.api_version}/"
        parts = []
        for sub in subrequests:
            part: dict[str, Any] = {"method": sub.method, "url": base + sub.path, "referenceId": sub.reference}
            if sub.body is not None:
                part["body"] = sub.body
            if sub.headers:
                part["httpHeaders"] = dict(sub.headers)
            parts.append(part)
        # In the order written: the parts of a write refer to each other.
        body = {"allOrNone": False, "collateSubrequests": False, "compositeRequest": parts}
        try:
            content = self._call("POST", "composite", body=body, writes=writes)
        except CallRefused as refusal:
            if any(found.code in UNREADABLE for found in refusal.answer.refusals):
                raise
            failed = _Failed(refusal.answer.status, refusal.answer.body)
            raise _stopped(failed) from None
        answers = _composite_answers(content, subrequests)
        whole = _answer_for_all(content)
        if whole is not None:
            raise _stopped(_Failed(whole.status, whole.body))
        if answers is None:
            raise AnswerLost(DROPPED_PAUSE) if writes else unreadable()
        return answers

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        writes: bool = False,
        missing: Problem | None = None,
    ) -> Any:
        request: dict[str, Any] = {"headers": {**_PLAIN_JSON, **(headers or {})}}
        if body is not None:
            # A lone surrogate is no Unicode text and would fail the whole call; it becomes a question mark.
            request["data"] = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        token = self._tokens.token(self._fetch)
        outcome = self._send(token, method, path, dict(params or {}) or None, request, writes=writes)
        if isinstance(outcome, _Failed) and outcome.expired:
            token = self._tokens.token(self._fetch, stale=token.value)
            outcome = self._send(token, method, path, dict(params or {}) or None, request, writes=writes)
        if not isinstance(outcome, _Failed):
            return outcome[0]
        if missing and outcome.status == 404:
            raise TargetRefused(missing)
        raise _write_failure(outcome) if writes else _stopped(outcome)

    def _send(
        self,
        token: Token,
        method: str,
        path: str,
        params: dict[str, str] | None,
        request: dict[str, Any],
        *,
        writes: bool,
    ) -> tuple[Any] | _Failed:
        client = self._client_for(token)
        if writes:
            self._may_write()
        # restful changes the mappings it is given: each call has its own.
        fresh = {**request, "headers": dict(request["headers"])}
        try:
            return (client.restful(path, params=params, method=method, **fresh),)
        except SalesforceError as error:
            return _Failed(error.status, error.content)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # A 200 whose body is no JSON arrives here too: AnswerUnreadable is a RequestException.
            return _Failed(error=error)

    def _client_for(self, token: Token) -> Salesforce:
        if self._client is None or self._client[0] != token.value:
            made = Salesforce(
                session_id=token.value,
                instance_url=token.instance_url or self._access.instance_url,
                version=self._access.api_version,
                session=self._session,
                object_pairs_hook=None,
            )
            self._client = (token.value, made)
        return self._client[1]

    def _fetch(self) -> Token:
        return fetch_token(self._access, self._session, self._now(), self._tokens)

    def _heard(self, response: requests.Response | None) -> None:
        told = _LIMIT_INFO.search(response.headers.get("Sforce-Limit-Info", "")) if response is not None else None
        if told:
            self.calls_used, self.calls_limit = int(told[1]), int(told[2])
        self._count_call(int(told[1]) if told else None, int(told[2]) if told else None)


def _write_failure(failed: _Failed) -> Exception:
    """Whether a write was surely not done."""
    if failed.error is not None:
        if never_sent(failed.error):
            return unreachable(failed.error)
        timed_out = isinstance(failed.error, requests.Timeout | urllib3.exceptions.TimeoutError | AnswerTooLarge)
        return AnswerLost(TIMED_OUT_PAUSE if timed_out else DROPPED_PAUSE)
    status = failed.status or 0
    codes = {refusal.code for refusal in failed.refusals}
    if "REQUEST_RUNNING_TOO_LONG" in codes:
        return AnswerLost(TIMED_OUT_PAUSE)  # what came before in a composite stays done
    if status >= 500 and "SERVER_UNAVAILABLE" not in codes:
        return AnswerLost(DROPPED_PAUSE)
    if status == 400 and codes:
        return CallRefused(Answer(status, failed.content))
    return _stopped(failed)


def _stopped(failed: _Failed) -> TargetError:
    """The error for a call that did nothing."""
    if isinstance(failed.error, AnswerUnreadable):
        return unreadable()
    if failed.error is not None:
        return unreachable(failed.error)
    if failed.refusals:
        failure = failure_of(failed.refusals, None)
        if failure.next is Next.RETRY or (failed.status or 0) >= 500:
            return TargetUnavailable(failure.problem.cause, failure.problem, failure.retry_after)
        if failed.status == 404:
            return TargetRefused(NO_API_THERE.problem())
        return TargetRefused(failure.problem)
    status = failed.status or 0
    if status >= 500 or status == 420:  # 420: the edge finds no way to the org, as while it is moved
        return unreadable()
    if status == 401:
        return TargetRefused(failure_of([Refusal("INVALID_SESSION_ID")], None).problem)
    return TargetRefused(NO_API_THERE.problem())


def unreadable() -> TargetUnavailable:
    """The error for an answer that came and cannot be believed."""
    problem = UNREADABLE_ANSWER.problem()
    return TargetUnavailable(problem.cause, problem, BUSY_PAUSE)


def _answer_for_all(content: object) -> Answer | None:
    """A composite that is refused as a whole may answer 200 with one refusal that belongs to no subrequest (seen)."""
    given = content.get("compositeResponse") if isinstance(content, dict) else None
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        return None
    status = given[0].get("httpStatusCode")
    if given[0].get("referenceId") is not None or not isinstance(status, int) or status < 400:
        return None
    return Answer(status, given[0].get("body"))


def _composite_answers(content: object, subrequests: Sequence[Subrequest]) -> list[Answer] | None:
    """The answers in the order of the subrequests; None when they are others than were asked for."""
    given = content.get("compositeResponse") if isinstance(content, dict) else None
    if not isinstance(given, list):
        return None
    by_reference: dict[str, Answer] = {}
    for entry in given:
        reference = entry.get("referenceId") if isinstance(entry, dict) else None
        if not isinstance(reference, str) or not isinstance(entry.get("httpStatusCode"), int):
            return None
        by_reference[reference] = Answer(entry["httpStatusCode"], entry.get("body"))
    if len(given) != len(subrequests) or {sub.reference for sub in subrequests} != set(by_reference):
        return None
    return [by_reference[sub.reference] for sub in subrequests]
