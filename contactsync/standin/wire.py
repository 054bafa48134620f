"""One REST request and its answer, without sockets: what the resources take and give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from contactsync.standin.errors import CallRefusedError, not_found

OLDEST, NEWEST = 59, 67  # the API versions spoken: simple-salesforce's default up to Summer '26
VERSIONS = tuple(f"{number}.0" for number in range(OLDEST, NEWEST + 1))
_PATH = re.compile(r"/services/data/v(\d\d\.0)(?:/(.*))?")


@dataclass(frozen=True)
class Request:
    """A call or a subrequest below `/services/data/vXX.X/`; header names in lower case, the body as parsed JSON."""

    method: str
    url: str
    version: str  # "v66.0"
    path: tuple[str, ...]  # the decoded pieces after the version
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    inside: bool = False  # a subrequest of a composite or batch

    def object_body(self) -> dict[str, Any]:
        """The body, which must be a JSON object; raises JSON_PARSER_ERROR."""
        if not isinstance(self.body, dict):
            raise CallRefusedError(
                "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
            )
        return self.body

    def allow(self, *methods: str) -> None:
        """Refuse every other method with 405."""
        if self.method not in methods:
            message = f"HTTP Method '{self.method}' not allowed. Allowed are {','.join(methods)}"
            raise CallRefusedError("METHOD_NOT_ALLOWED", message, status=405)

    @property
    def auto_assign(self) -> bool:
        """Sforce-Auto-Assign: absent means TRUE [DOC]."""
        return self.headers.get("sforce-auto-assign", "TRUE").strip().upper() != "FALSE"

    @property
    def duplicate_header(self) -> dict[str, str]:
        """Sforce-Duplicate-Rule-Header: `allowSave=true; includeRecordDetails=true` [DOC], in lower case."""
        pieces = re.split(r"[;,]", self.headers.get("sforce-duplicate-rule-header", ""))
        pairs = (piece.partition("=") for piece in pieces)
        return {name.strip().lower(): value.strip().lower() for name, _, value in pairs}


@dataclass
class Answer:
    """Status, JSON body (None: no body at all) and headers."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Did the call fail as a whole?"""
        return self.status >= 300


def make_request(
    method: str, url: str, headers: Mapping[str, str], body: object = None, *, inside: bool = False
) -> Request:
    """The request behind a URL; trailing slashes do not matter. Raises 404 NOT_FOUND outside the versions spoken."""
    path, _, query = url.partition("?")
    match = _PATH.fullmatch(path)
    if match is None or match[1] not in VERSIONS:
        raise not_found()
    pieces = tuple(unquote(piece) for piece in (match[2] or "").rstrip("/").split("/") if piece)
    params = dict(parse_qsl(query, keep_blank_values=True))
    return Request(method, url, f"v{match[1]}", pieces, params, headers, body, inside)


def is_true(text: str | None) -> bool:
    """A query parameter that is switched on."""
    return (text or "").lower() == "true"
