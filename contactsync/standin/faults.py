"""Planned misbehaviour: what a real network and a busy org do now and then, on demand.

A plan is JSON:

```
{"times": 1, "match": {"method": "POST", "path": "composite", "writes": true, "contains": "ada@", "nth": 2},
 "do": "status", "status": 503, "body": [...], "headers": {...}, "after": false}
{"times": 2, "do": "row", "where": {"object": "Lead", "field": "Email", "value": "ada@x.example"},
 "error": {"statusCode": "UNABLE_TO_LOCK_ROW", "message": "…", "fields": []}}
```

`do` is `status`, `html`, `drop_before` (nothing done, no answer), `drop_after` (done, no answer), `hold_before` and
`hold_after` (the answer, or the work too, waits for a release), `slow` (`ms` more), or `row` (single rows are refused).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contactsync.standin.errors import RefusedError
from contactsync.standin.store import Record, index_key

CALL_KINDS = ("status", "html", "drop_before", "drop_after", "hold_before", "hold_after", "slow")
KINDS = (*CALL_KINDS, "row")
_MATCH_KEYS = frozenset({"method", "path", "writes", "contains", "nth"})
_KEYS = frozenset({"times", "match", "do", "status", "body", "headers", "after", "ms", "where", "error"})
_DEFAULT_MESSAGES = {  # recorded texts
    "UNABLE_TO_LOCK_ROW": "unable to obtain exclusive access to this record or 1 records: {id}",
    "REQUEST_LIMIT_EXCEEDED": "TotalRequests Limit exceeded.",
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
    status: int = 503
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    ms: float = 0
    where: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    seen: int = 0

    def as_json(self) -> dict[str, Any]:
        """What `/_standin/faults` shows."""
        return {"do": self.do, "times": self.times, "match": self.match, "where": self.where, "seen": self.seen}

    def answer_body(self) -> object:
        """The body of a `status` fault: the one given, else the shape Salesforce has for the status [MEM for 503]."""
        if self.body is not None:
            return self.body
        code = {401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED"}.get(self.status, "SERVER_UNAVAILABLE")
        return [{"message": _DEFAULT_MESSAGES.get(code, "Server is unavailable."), "errorCode": code}]


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
        for fault in self.plans:
            if fault.do == "row" and fault.times > 0 and _row_matches(fault.where, sobject, record):
                fault.seen += 1
                fault.times -= 1
                code = str(fault.error.get("statusCode", "UNABLE_TO_LOCK_ROW"))
                message = fault.error.get("message") or _DEFAULT_MESSAGES.get(code, code.lower().replace("_", " "))
                text = str(message).replace("{id}", str(record["Id"]))
                return RefusedError(code, text, fault.error.get("fields", []))
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
