"""`/composite` and `/composite/batch`: several subrequests in one call.

```
check the whole request (at most 25, at most 5 queries and collections together, sound and distinct reference ids)
for each subrequest, references first:
    put earlier answers in the place of @{…}; a reference without a value halts this subrequest alone
    run it as a call of its own, with its own httpHeaders only
with allOrNone, one failure takes everything back and every other answer becomes PROCESSING_HALTED
```
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contactsync.standin.errors import CallRefusedError, RefusedError
from contactsync.standin.org import Org
from contactsync.standin.wire import Answer, Request, make_request

MAX_SUBREQUESTS = 25
MAX_HEAVY = 5  # queries and collections together [DOC]
METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT")
FORBIDDEN_HEADERS = frozenset({"accept", "authorization", "content-type"})  # [DOC]
Dispatch = Callable[[Request], Answer]

_REFERENCE_ID = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_REFERENCE = re.compile(r"@\{([^}]*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]", re.ASCII)
_SUBRESOURCE = re.compile(r"/services/data/v\d\d\.\d/(sobjects|query|queryAll|composite/sobjects)(?:[/?]|$)")
_HEAVY = re.compile(r"/services/data/v\d\d\.\d/(query|queryAll|composite/sobjects)(?:[/?]|$)")
_ROLLED_BACK = RefusedError(
    "PROCESSING_HALTED",
    "The transaction was rolled back since another operation in the same transaction failed.",
)


@dataclass(frozen=True)
class _Sub:
    """One subrequest as it was asked for."""

    reference: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: object

    @property
    def mentions(self) -> set[str]:
        """The reference ids it needs, judged by what stands before the first `.` or `[`."""
        return {re.split(r"[.\[]", found, maxsplit=1)[0] for found in _references(self.url, self.body)}


def composite(org: Org, request: Request, dispatch: Dispatch) -> Answer:
    """Answer POST /composite: HTTP 200 whatever the subrequests come to. Raises JSON_PARSER_ERROR.

    An unsound request is HTTP 200 too, with one answer that belongs to no subrequest: seen for 26 subrequests [SEEN], taken
    over for the other reasons [MEM].
    """
    request.allow("POST")
    body = request.object_body()
    try:
        subs = _read(body)
    except CallRefusedError as refusal:
        if refusal.code == "JSON_PARSER_ERROR":
            raise
        whole = {"body": refusal.as_body(), "httpHeaders": {}, "httpStatusCode": refusal.status, "referenceId": None}
        return Answer(200, {"compositeResponse": [whole]})
    all_or_none = bool(body.get("allOrNone", False))
    collate = bool(body.get("collateSubrequests", True))  # true from v49 on [DOC]
    start = org.store.mark()
    answers: dict[str, Answer] = {}
    failed: str | None = None
    for sub in _order(subs, shuffle=collate and org.options.shuffle_unrelated):
        answers[sub.reference] = made = _run(sub, answers, dispatch)
        if all_or_none and (made.failed or _has_failed_row(made.body)):
            # The outer allOrNone rules over an inner collection's own [DOC].
            failed = sub.reference
            org.store.rollback(start)
            break
    if failed is not None:
        halted = Answer(400, _ROLLED_BACK.as_body())
        answers = {sub.reference: answers[failed] if sub.reference == failed else halted for sub in subs}
    return Answer(200, {"compositeResponse": [_shown(sub, answers[sub.reference]) for sub in subs]})


def batch(request: Request, dispatch: Dispatch) -> Answer:
    """Answer POST /composite/batch: independent subrequests, one after the other, no references, nothing taken back."""
    request.allow("POST")
    given = request.object_body().get("batchRequests")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_SUBREQUESTS:
        raise CallRefusedError(
            "INVALID_BATCH_REQUEST", f"1 to {MAX_SUBREQUESTS} batchRequests are allowed"
        )  # [MEM] wording
    answers = []
    for entry in given:
        if not isinstance(entry, dict) or "method" not in entry or "url" not in entry:
            raise CallRefusedError("JSON_PARSER_ERROR", "A batch subrequest needs a method and a url")  # [MEM] wording
        url = str(entry["url"])
        # Here the URL starts at the version: "v66.0/sobjects/…" [DOC].
        full = url if url.startswith("/services/data/") else f"/services/data/{url.lstrip('/')}"
        answers.append(dispatch_safely(dispatch, str(entry["method"]), full, {}, entry.get("richInput")))
    results = [{"statusCode": made.status, "result": made.body} for made in answers]
    failed = any(made.failed for made in answers)
    return Answer(200, {"hasErrors": failed, "results": results})


def dispatch_safely(dispatch: Dispatch, method: str, url: str, headers: Mapping[str, str], body: object) -> Answer:
    """Run a subrequest; a URL that leads nowhere is that subrequest's own 404."""
    try:
        made = make_request(method, url, headers, body, inside=True)
    except CallRefusedError as refusal:
        return Answer(refusal.status, refusal.as_body())
    return dispatch(made)


def _read(body: Mapping[str, Any]) -> list[_Sub]:
    """The subrequests, or the refusal of the whole request."""
    given = body.get("compositeRequest")
    if not isinstance(given, list) or not given:
        raise CallRefusedError("JSON_PARSER_ERROR", "compositeRequest must hold at least one subrequest")
    if len(given) > MAX_SUBREQUESTS:
        message = f"The request can’t contain more than {MAX_SUBREQUESTS} operations."  # [SEEN]
        raise CallRefusedError("LIMIT_EXCEEDED", message)
    subs = [_read_one(entry) for entry in given]
    heavy = sum(1 for sub in subs if _HEAVY.match(sub.url))
    if heavy > MAX_HEAVY:
        message = f"The request can’t contain more than {MAX_HEAVY} query and collection operations."  # [MEM] wording
        raise CallRefusedError("LIMIT_EXCEEDED", message)
    seen = set()
    for sub in subs:
        if sub.reference in seen:
            raise CallRefusedError("INVALID_INPUT", f"Duplicate reference id: {sub.reference}")
        seen.add(sub.reference)
    return subs


def _read_one(entry: object) -> _Sub:
    if not isinstance(entry, dict):
        raise CallRefusedError("JSON_PARSER_ERROR", "A subrequest must be an object")
    for name in ("method", "url", "referenceId"):
        if not isinstance(entry.get(name), str) or not entry[name]:
            raise CallRefusedError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", [name])
    unknown = set(entry) - {"method", "url", "referenceId", "body", "httpHeaders"}
    if unknown:
        message = f'Unrecognized field "{min(unknown)}" at [line:1, column:1]'
        raise CallRefusedError("JSON_PARSER_ERROR", message)
    if not _REFERENCE_ID.fullmatch(entry["referenceId"]):
        # From v52 an illegal sign fails the whole request [DOC]; every version spoken here is later.
        message = f"Provided referenceId ('{entry['referenceId']}') must start with a letter or a number, "
        raise CallRefusedError("INVALID_INPUT", message + "and can contain only letters, numbers and underscores.")
    if entry["method"] not in METHODS:  # case-sensitive [DOC]
        raise CallRefusedError("INVALID_INPUT", f"UnsupportedError method: {entry['method']}")
    headers = entry.get("httpHeaders") or {}
    if not isinstance(headers, dict):
        raise CallRefusedError("JSON_PARSER_ERROR", "httpHeaders must be an object")
    lower = {str(name).lower(): str(value) for name, value in headers.items()}
    return _Sub(entry["referenceId"], entry["method"], entry["url"], lower, entry.get("body"))


def _order(subs: list[_Sub], *, shuffle: bool) -> list[_Sub]:
    """The order of execution.

    Collated subrequests that no reference ties together come in no promised order [DOC]: reads then go ahead of writes,
    so a client that leans on the order it wrote notices. Subrequests with httpHeaders are not collated: they keep their
    place.
    """
    if not shuffle:
        return subs
    free = [sub for sub in subs if sub.method == "GET" and not sub.headers and not sub.mentions]
    ahead = {sub.reference for sub in free}
    return free + [sub for sub in subs if sub.reference not in ahead]


def _run(sub: _Sub, answers: Mapping[str, Answer], dispatch: Dispatch) -> Answer:
    forbidden = sorted(FORBIDDEN_HEADERS & set(sub.headers))
    if forbidden:
        message = f"The header {forbidden[0]} is not allowed in a subrequest"  # [MEM] wording, the 400 is [DOC]
        return Answer(400, CallRefusedError("INVALID_INPUT", message).as_body())
    try:
        url = str(_fill(sub.url, answers))
        body = _fill(sub.body, answers)
    except RefusedError as refusal:
        return Answer(400, refusal.as_body())
    if not _SUBRESOURCE.match(url):
        # Only rows, queries and collections work inside a composite [DOC]; which body anything else gets is [MEM].
        message = "The requested resource does not exist"
        return Answer(404, CallRefusedError("NOT_FOUND", message, status=404).as_body())
    return dispatch_safely(dispatch, sub.method, url, sub.headers, body)


def _references(*values: object) -> list[str]:
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            if "@{" in value:
                found += _REFERENCE.findall(value)
        elif isinstance(value, dict):
            found += _references(*value.values())
        elif isinstance(value, list):
            found += _references(*value)
    return found


def _fill(value: object, answers: Mapping[str, Answer]) -> object:
    """The value with every `@{…}` replaced: also in a person's own text, which nothing tells from a reference."""
    if isinstance(value, str):
        if "@{" not in value:
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _resolve(whole[1], answers)
        return _REFERENCE.sub(lambda match: str(_resolve(match[1], answers)), value)
    if isinstance(value, dict):
        return {name: _fill(inner, answers) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, answers) for inner in value]
    return value


def _resolve(path: str, answers: Mapping[str, Answer]) -> object:
    """The value behind one reference; raises PROCESSING_HALTED."""
    name = re.split(r"[.\[]", path, maxsplit=1)[0]
    steps = path[len(name) :]
    # A reference that starts with an index into a collection's answer was found documented nowhere: not spoken (facts).
    sound = re.fullmatch(r"(?:\.[A-Za-z0-9_]+|\[\d+\])*", steps, re.ASCII) and steps.startswith(".")
    answered = answers.get(name)
    value = answered.body if answered is not None and not answered.failed and sound else None
    # A null works where the reference is to the answer of one record's read (from v52); a missing key halts [DOC].
    record_read = isinstance(value, dict) and "attributes" in value
    for step in _STEP.finditer(steps) if value is not None else ():
        key = step[1]
        if key is not None and isinstance(value, dict) and key in value:
            value = value[key]
        elif key is None and isinstance(value, list) and int(step[2]) < len(value):
            value = value[int(step[2])]
        else:
            record_read, value = False, None
            break
    if isinstance(value, dict | list) or (value is None and not record_read):
        message = (  # [DOC]
            f"Invalid reference specified. No value for {path} found in {name}. Provided referenceId ('{path}') must "
            "start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."
        )
        raise RefusedError("PROCESSING_HALTED", message)
    return value


def _has_failed_row(body: object) -> bool:
    return isinstance(body, list) and any(isinstance(row, dict) and row.get("success") is False for row in body)


def _shown(sub: _Sub, answer: Answer) -> dict[str, Any]:
    headers = {} if answer.failed else answer.headers
    return {"body": answer.body, "httpHeaders": headers, "httpStatusCode": answer.status, "referenceId": sub.reference}
