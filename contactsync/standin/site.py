"""The whole stand-in behind one function: an HTTP call in, an HTTP answer out, no sockets.

```
/_standin/…          the administration and look door, no token
/services/oauth2/…   tokens
/services/data       the versions, no token
/services/data/vXX   token → daily limit → JSON → planned faults → the resource → latency → answer
```
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_plus

from contactsync.standin.api import Api
from contactsync.standin.auth import Gate, form_of
from contactsync.standin.calls import Call, CallLog, subrequests_of
from contactsync.standin.errors import CallRefusedError, RefusedError
from contactsync.standin.faults import CallFacts, Fault, Faults
from contactsync.standin.org import Org
from contactsync.standin.wire import VERSIONS, Answer, make_request

MAX_URI = 16_384  # bytes [DOC]: beyond it 414, or 431 together with the headers
_HTML = "<html><head><title>Error</title></head><body><h1>We are down for maintenance.</h1></body></html>"
_GARBAGE = '{"compositeResponse":[{"body":{"totalSize":1,"done":tr'
_NO_VERSION_HEADER = ("/services/data", "/services/data/")


@dataclass(frozen=True)
class HttpCall:
    """A call off the socket; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass
class HttpAnswer:
    """What goes back: bytes and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # end the connection in the middle of the body


class Site:
    """One stand-in. `handle` may be called from many threads; None means: close without an answer."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.api = Api(org)
        self.gate = Gate(org)
        self.log = CallLog()
        self.faults = Faults()
        self.base_url = "http://127.0.0.1"
        self.admin: Callable[[HttpCall], HttpAnswer] | None = None
        self.held: list[int] = []
        self._dropped: set[int] = set()
        self.held_changed = threading.Condition(org.lock)
        self._stopping = False
        org.row_fault = self.faults.row

    def handle(self, call: HttpCall) -> HttpAnswer | None:
        """Answer one call."""
        if call.path.startswith("/_standin") and self.admin is not None:
            return self.admin(call)
        if len(call.target) > MAX_URI:
            return HttpAnswer(414, b"<h1>URI Too Long</h1>", {"Content-Type": "text/html"})  # [MEM]: the body
        if len(call.target) + sum(len(name) + len(value) for name, value in call.headers.items()) > MAX_URI:
            return HttpAnswer(431, b"<h1>Request Header Fields Too Large</h1>", {"Content-Type": "text/html"})
        began = time.perf_counter()
        with self.org.lock:
            answer, entry, fault = self._locked(call)
        options = self.org.options
        more = fault.ms if fault is not None and fault.do != "hang" else 0
        wait = options.latency_ms + entry.rows * options.latency_ms_per_row + more
        if wait:
            time.sleep(max(0.0, wait / 1000 - (time.perf_counter() - began)))
        entry.duration_ms = round((time.perf_counter() - began) * 1000, 2)
        if fault is not None and fault.holds == "after" and not self._hold(entry, fault):
            answer = None
        entry.status = answer.status if answer else None
        return answer

    def release(self, *, drop: bool = False) -> int:
        """Let every held call go, with its answer or without; how many there were."""
        with self.held_changed:
            count = len(self.held)
            self._dropped.update(self.held if drop else ())
            self.held.clear()
            self.held_changed.notify_all()
            return count

    def stop(self) -> None:
        """End every wait."""
        with self.held_changed:
            self._stopping = True
            self.held_changed.notify_all()

    def reset(self) -> None:
        """Records, calls, faults and counters as at the start; options and tokens stay."""
        with self.org.lock:
            self.org.reset()
            self.log.reset()
            self.faults.plans.clear()
            self.api = Api(self.org)

    def _locked(self, call: HttpCall) -> tuple[HttpAnswer | None, Call, Fault | None]:
        """Everything that reads or changes the model."""
        token = call.path.startswith("/services/oauth2")
        body, unreadable = (None, None) if token else _read_json(call)
        headers = {name: value for name, value in call.headers.items() if name.startswith("sforce-")}
        kind = "token" if token else "api"
        entry = self.log.begin(
            self.org.clock().isoformat(timespec="milliseconds"),
            kind,
            call.method,
            call.path if token else unquote_plus(call.target),  # codes and tokens stay out of the log
            headers=headers,
            body=body,
        )
        if token:
            self.log.note_grant(entry, form_of(call.raw).get("grant_type"))
        fault = self.faults.take(
            CallFacts(call.method, unquote_plus(call.target), _writes(call, body), call.raw, token)
        )
        entry.fault = fault.do if fault else None
        if fault is not None and fault.holds == "before" and not self._hold(entry, fault):
            return None, entry, fault
        if fault is not None and fault.do == "expired_token":
            self.gate.revoke_all()
        if fault is not None and not fault.after:
            if fault.do == "drop_before":
                return None, entry, fault
            if fault.answers:
                return _planned(fault), entry, fault
        rows = self.org.rows
        self.faults.of_call = fault if fault is not None and fault.do == "rows" else None
        try:
            answer = self._token(call) if token else self._rest(call, body, unreadable)
        finally:
            self.faults.of_call = None
            self.org.store.commit()
        entry.rows = self.org.rows - rows
        self.log.rows += entry.rows
        entry.subrequests = subrequests_of(body, answer.body)
        if fault is not None and fault.do == "drop_after":
            return None, entry, fault
        if fault is not None and fault.answers:
            return _planned(fault), entry, fault
        wire = self._wire(call, answer, token=token)
        return replace(wire, cut=fault is not None and fault.do == "cut"), entry, fault

    def _token(self, call: HttpCall) -> Answer:
        try:
            if call.path == "/services/oauth2/token":
                self._keep_daily_limit()  # over it, the token endpoint answers in the REST shape [SEEN]
            return self.gate.answer(call.method, call.target, call.headers, call.raw, self.base_url)
        except RefusedError as refusal:
            return Answer(refusal.status, refusal.as_body())

    def _rest(self, call: HttpCall, body: object, unreadable: RefusedError | None) -> Answer:
        if call.path in _NO_VERSION_HEADER:
            return Answer(200, [_version(number) for number in VERSIONS])
        try:
            if not call.path.startswith("/services/data/"):
                raise CallRefusedError("NOT_FOUND", "The requested resource does not exist", status=404)
            self.gate.check(call.headers)
            self._keep_daily_limit()
            self.api.calls_used += 1
            request = make_request(call.method, call.target, call.headers, body)
            if unreadable is not None:
                raise unreadable
        except RefusedError as refusal:
            return Answer(refusal.status, refusal.as_body())
        return self.api.answer(request)

    def _keep_daily_limit(self) -> None:
        if self.api.calls_used >= self.org.options.daily_limit:
            raise CallRefusedError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)

    def _wire(self, call: HttpCall, answer: Answer, *, token: bool) -> HttpAnswer:
        headers = dict(answer.headers)
        if not token and call.path not in _NO_VERSION_HEADER:
            headers["Sforce-Limit-Info"] = f"api-usage={self.api.calls_used}/{self.org.options.daily_limit}"
        if answer.body is None:
            return HttpAnswer(answer.status, b"", headers)
        if isinstance(answer.body, str):  # a page
            return HttpAnswer(
                answer.status, answer.body.encode(), {"Content-Type": "text/html;charset=UTF-8", **headers}
            )
        return json_answer(answer.status, answer.body, headers)

    def _hold(self, entry: Call, fault: Fault) -> bool:
        """Wait for a release (the lock is free meanwhile); is there to be an answer? After a `hang` never."""
        with self.held_changed:
            self.held.append(entry.n)
            self.held_changed.notify_all()
            most = fault.ms / 1000 if fault.do == "hang" and fault.ms else None
            self.held_changed.wait_for(lambda: entry.n not in self.held or self._stopping, most)
            if entry.n in self.held:
                self.held.remove(entry.n)
            return fault.do != "hang" and not self._stopping and entry.n not in self._dropped


def json_answer(status: int, body: object, headers: dict[str, str] | None = None) -> HttpAnswer:
    """An answer in JSON."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    return HttpAnswer(status, raw, {"Content-Type": "application/json;charset=UTF-8", **(headers or {})})


def _version(number: str) -> dict[str, Any]:
    return {"label": f"Release {number}", "url": f"/services/data/v{number}", "version": number}


def _planned(fault: Fault) -> HttpAnswer:
    if fault.do == "html":  # 502 and 503 can be HTML [MEM]
        text = fault.body if isinstance(fault.body, str) else _HTML
        return HttpAnswer(fault.status, text.encode(), {"Content-Type": "text/html;charset=UTF-8", **fault.headers})
    if fault.do == "garbage":
        text = fault.body if isinstance(fault.body, str) else _GARBAGE
        headers = {"Content-Type": "application/json;charset=UTF-8", **fault.headers}
        return HttpAnswer(fault.status, text.encode(), headers)
    return json_answer(fault.status, fault.answer_body(), fault.headers)


def _read_json(call: HttpCall) -> tuple[object, RefusedError | None]:
    """The body, or the refusal to give once the caller is let in."""
    if not call.raw:
        return None, None
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("application/json"):
        message = f"Content-Type header specified in HTTP request is not supported: {kind}"
        return None, CallRefusedError("UNSUPPORTED_MEDIA_TYPE", message, status=415)
    try:
        return json.loads(call.raw), None
    except (UnicodeDecodeError, RecursionError) as error:
        return None, CallRefusedError(
            "JSON_PARSER_ERROR", f"The body cannot be read: {type(error).__name__}"
        )  # [MEM] wording
    except json.JSONDecodeError as error:
        message = f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
        return None, CallRefusedError("JSON_PARSER_ERROR", message)


def _writes(call: HttpCall, body: object) -> bool:
    """Does this call change records?"""
    if call.method in {"GET", "HEAD"} or call.path.startswith("/services/oauth2"):
        return False
    pieces = call.path.strip("/").split("/")[3:]
    if pieces == ["composite"] and isinstance(body, dict):
        subs = body.get("compositeRequest") or []
        return any(isinstance(sub, dict) and sub.get("method") != "GET" for sub in subs)
    return not (call.method == "POST" and pieces[:2] == ["composite", "sobjects"] and len(pieces) == 3)
