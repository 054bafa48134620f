"""Planned misbehaviour: what a real network and a busy org do now and then, on demand.

A plan is JSON:

```
{"times": 1, "match": {"method": "POST", "path": "composite", "writes": true, "contains": "ada@", "nth": 2},
 "do": "status", "status": 503, "body": [...], "headers": {...}, "after": false}
{"times": 2, "do": "row", "where": {"object": "Lead", "field": "Email", "value": "ada@x.example"},
 "error": {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "…", "fields": []}}
```

| `do` | the n-th call that matches (`match.nth`, and `times` calls from it on) … |
| --- | --- |
| `status` | answers `status` (503) with `body` and `headers`; `after` the work was done, or instead of it |
| `html` | the same as a page of HTML: a proxy's 502 or 503 |
| `daily_limit`, `concurrent_limit` | answers 403 REQUEST_LIMIT_EXCEEDED in the words of that limit |
| `lock_call` | answers UNABLE_TO_LOCK_ROW with `status` 400, or 500 when it says so: seen as both |
| `garbage` | answers 200 with JSON that ends in the middle |
| `cut` | is done, and the connection ends in the middle of the answer |
| `drop_before`, `drop_after` | gets no answer, nothing done or all done |
| `hold_before`, `hold_after` | the work or its answer waits for `/_standin/release` |
| `hang` | gets no answer: the connection ends after `ms`, or at a release; nothing done, or all done with `after` |
| `slow` | takes `ms` longer |
| `expired_token` | finds its token, and all others, ended: 401 until somebody signs in again |
| `rows` | has every row that it writes refused with `error` (UNABLE_TO_LOCK_ROW), where the row meets `where` |
| `row` | is no matter: the next `times` rows that meet `where`, in any call, are refused with `error` |

`match.path` is a part of the path; without one a plan means the API, not the token endpoint (`"path": "oauth2/token"`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contactsync.standin.errors import RefusedError
from contactsync.standin.store import Record, index_key

ANSWERED = {  # what answers in Salesforce's place, and with which status
    "status": 503,
    "html": 503,
    "daily_limit": 403,
    "concurrent_limit": 403,
    "lock_call": 400,
    "garbage": 200,
}
HELD = ("hold_before", "hold_after", "hang")
CALL_KINDS = (*ANSWERED, *HELD, "cut", "drop_before", "drop_after", "slow", "expired_token", "rows")
KINDS = (*CALL_KINDS, "row")
DAILY, CONCURRENT = "TotalRequests Limit exceeded.", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
_MATCH_KEYS = frozenset({"method", "path", "writes", "contains", "nth"})
_KEYS = frozenset({"times", "match", "do", "status", "body", "headers", "after", "ms", "where", "error"})
_DEFAULT_MESSAGES = {  # recorded texts
    "UNABLE_TO_LOCK_ROW": "unable to obtain exclusive access to this record or 1 records: {id}",
    "REQUEST_LIMIT_EXCEEDED": DAILY,
    "UNKNOWN_EXCEPTION": "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (-1)",
    "INVALID_SESSION_ID": "Session expired or invalid",
}


@dataclass(frozen=True)
class CallFacts:
    """What a plan can look at."""

    method: str
    path: str
    writes: bool
    raw: bytes
    token: bool = False


@dataclass
class Fault:
    """One plan and how often it still fires."""

    do: str
    times: int = 1
    match: dict[str, Any] = field(default_factory=dict)
    status: int = 0  # 0: what the kind has
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    ms: float = 0
    where: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    seen: int = 0

    def __post_init__(self) -> None:
        self.status = self.status or ANSWERED.get(self.do, 0)

    @property
    def answers(self) -> bool:
        """Does it answer in Salesforce's place?"""
        return self.do in ANSWERED

    @property
    def holds(self) -> str | None:
        """Where it holds the call: before the work, after it, or not at all."""
        if self.do not in HELD:
            return None
        return "after" if self.after or self.do == "hold_after" else "before"

    def as_json(self) -> dict[str, Any]:
        """What `/_standin/faults` shows."""
        return {"do": self.do, "times": self.times, "match": self.match, "where": self.where, "seen": self.seen}

    def answer_body(self) -> object:
        """The body that answers: the one given, else the shape Salesforce has for it [MEM for 503, SEEN for 500]."""
        if self.body is not None:
            return self.body
        if self.do == "concurrent_limit":
            return [{"message": CONCURRENT, "errorCode": "REQUEST_LIMIT_EXCEEDED"}]  # [SEEN]
        codes = {401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED", 500: "UNKNOWN_EXCEPTION"}
        code = "UNABLE_TO_LOCK_ROW" if self.do == "lock_call" else codes.get(self.status, "SERVER_UNAVAILABLE")
        message = _DEFAULT_MESSAGES.get(code, "Server is unavailable.").removesuffix(": {id}")
        return [{"message": message, "errorCode": code}]

    def refusal(self, record: Record) -> RefusedError:
        """What a row is refused with; `error.status` is the HTTP status of a single call."""
        code = str(self.error.get("statusCode", "UNABLE_TO_LOCK_ROW"))
        message = self.error.get("message") or _DEFAULT_MESSAGES.get(code, code.lower().replace("_", " "))
        text = str(message).replace("{id}", str(record["Id"]))
        return RefusedError(code, text, self.error.get("fields", []), status=int(self.error.get("status", 400)))


def read_fault(given: object) -> Fault:
    """The plan behind the JSON; raises ValueError saying what is wrong with it."""
    if not isinstance(given, dict):
        message = "a fault is an object"
        raise ValueError(message)
    if given.get("do") not in KINDS:
        message = f"do must be one of {', '.join(KINDS)}"
        raise ValueError(message)
    match = given.get("match") or {}
    unknown = sorted((set(given) - _KEYS) | (set(match) - _MATCH_KEYS))
    if unknown:
        message = f"a fault has no {', '.join(unknown)}"
        raise ValueError(message)
    return Fault(**given)


class Faults:
    """The plans of one stand-in. Call under the org's lock."""

    def __init__(self) -> None:
        self.plans: list[Fault] = []
        self.of_call: Fault | None = None  # the `rows` plan of the call under way

    def take(self, call: CallFacts) -> Fault | None:
        """The plan that fires for this call, counted down; the first that matches."""
        for fault in self.plans:
            if fault.do not in CALL_KINDS or fault.times <= 0 or not _matches(fault.match, call):
                continue
            fault.seen += 1
            if fault.seen >= int(fault.match.get("nth", 1)):
                fault.times -= 1
                return fault
        return None

    def row(self, sobject: str, record: Record) -> RefusedError | None:
        """The refusal planned for this row, counted down."""
        if self.of_call is not None and _row_matches(self.of_call.where, sobject, record):
            return self.of_call.refusal(record)
        for fault in self.plans:
            if fault.do == "row" and fault.times > 0 and _row_matches(fault.where, sobject, record):
                fault.seen += 1
                fault.times -= 1
                return fault.refusal(record)
        return None


def _matches(match: Mapping[str, Any], call: CallFacts) -> bool:
    if "path" not in match and call.token:
        return False  # a plan without a path means the API, not the token endpoint
    return (
        match.get("method", call.method) == call.method
        and match.get("path", "") in call.path
        and match.get("writes", call.writes) == call.writes
        and str(match.get("contains", "")).encode() in call.raw
    )


def _row_matches(where: Mapping[str, Any], sobject: str, record: Record) -> bool:
    if where.get("object", sobject) != sobject:
        return False
    name = where.get("field")
    return name is None or index_key(record.get(name)) == index_key(where.get("value"))
