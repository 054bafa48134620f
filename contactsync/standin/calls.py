"""The log of every call a stand-in got, for tests, benches and the look page."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

KEPT = 20_000
BODIES_KEPT = 500  # older entries lose their bodies, so that a long burst stays small


@dataclass
class Call:
    """One call: `kind` is `api` or `token`; a composite is one call with its subrequests inside."""

    n: int
    at: str
    kind: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None
    subrequests: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    status: int | None = None  # None: no answer was given
    duration_ms: float = 0.0
    fault: str | None = None
    grant_type: str | None = None  # of a call for a token

    def as_json(self, *, bodies: bool = False) -> dict[str, Any]:
        """The entry in `/_standin/calls`; bodies of bursts are big, so only on demand."""
        return {name: value for name, value in vars(self).items() if bodies or name != "body"}


class CallLog:
    """Counts and keeps calls. Call under the org's lock."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all calls and begin to count anew."""
        self.calls: deque[Call] = deque(maxlen=KEPT)
        self.counts = {"api": 0, "token": 0}
        self.grant_types: Counter[str] = Counter()
        self.rows = 0
        self._number = 0

    def begin(self, at: str, kind: str, method: str, path: str, *, headers: dict[str, str], body: object) -> Call:
        """Note a call that has arrived."""
        self._number += 1
        self.counts[kind] += 1
        call = Call(self._number, at, kind, method, path, headers, body)
        self.calls.append(call)
        if len(self.calls) > BODIES_KEPT:
            self.calls[-BODIES_KEPT - 1].body = None
        return call

    def note_grant(self, call: Call, grant_type: str | None) -> None:
        """Count a call for a token by what it offers: `{"refresh_token": 2}`."""
        call.grant_type = grant_type
        if grant_type is not None:
            self.grant_types[grant_type] += 1

    def as_json(self, *, since: int = 0, bodies: bool = False) -> dict[str, Any]:
        """What `/_standin/calls` shows: the counts of all calls, and the calls after number `since`."""
        return {
            "count": self.counts["api"],
            "token_count": self.counts["token"],
            "grant_types": dict(self.grant_types),
            "rows": self.rows,
            "calls": [call.as_json(bodies=bodies) for call in self.calls if call.n > since],
        }


def subrequests_of(body: object, answered: object) -> list[dict[str, Any]]:
    """Method, URL and status of every subrequest of a composite, or nothing."""
    if not isinstance(body, dict) or not isinstance(body.get("compositeRequest"), list):
        return []
    made = answered.get("compositeResponse", []) if isinstance(answered, dict) else []
    statuses = {entry["referenceId"]: entry["httpStatusCode"] for entry in made}
    return [
        {
            "method": sub.get("method"),
            "url": sub.get("url"),
            "referenceId": sub.get("referenceId"),
            "status": statuses.get(sub.get("referenceId")),
        }
        for sub in body["compositeRequest"]
        if isinstance(sub, dict)
    ]
