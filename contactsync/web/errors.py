"""Every error answer: a page in the console, elsewhere JSON of one shape; plain words, nothing personal, nothing secret (I8).

`{"error": {"code": "not_found", "message": "…", "fields"?: {"path": "what to do about it"}}}`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, current_app, jsonify, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

from contactsync.domain.errors import (
    CannotKeep,
    ContactsyncError,
    Misconfigured,
    RefusedInput,
    TargetRefused,
    TargetUnavailable,
)
from contactsync.log import described, logger
from contactsync.store.engine import unavailable

log = logger(__name__)

RETRY_SECONDS = 5

WORDS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be read: send plain HTTP with JSON bodies."),
    404: ("not_found", "There is nothing at this address: /api/v1/docs lists what there is."),
    405: ("method_not_allowed", "This address does not take this method: the header Allow names those it takes."),
    408: ("too_slow", "The request did not arrive in time: send it again."),
    413: ("too_large", "The body is too large: send less at once."),
    414: ("too_long", "The address is too long: send fewer or shorter parameters."),
    415: ("unsupported_media_type", "Send JSON with the header Content-Type: application/json, not compressed."),
    500: ("internal_error", "Something went wrong here; it was logged. Try again, and tell your operator if it stays."),
}


@dataclass(eq=False)
class Refusal(ContactsyncError):
    """Ends a request with an error answer."""

    status: int
    code: str
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.code


def missing(what: str) -> Refusal:
    """404 for a thing of this org that is not there; another org's is not there either."""
    return Refusal(404, "not_found", f"Your org has no {what} with this id.")


def register(app: Flask) -> None:
    """Give the app its error answers."""
    app.register_error_handler(ContactsyncError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ParseException, _unreadable)
    app.register_error_handler(Exception, _unforeseen)


def answer(refusal: Refusal) -> Response:
    """The answer of a refusal: a page where people read it, else JSON."""
    page_of = current_app.extensions.get("contactsync.error_page")
    page: Response | None = page_of(refusal) if page_of is not None else None
    return _as_json(refusal) if page is None else page


def _as_json(refusal: Refusal) -> Response:
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.fields:
        error["fields"] = {path or "body": what for path, what in refusal.fields.items()}
    response = jsonify({"error": error})
    response.status_code = refusal.status
    response.headers.update(refusal.headers)
    return response


def _ours(error: ContactsyncError) -> Response:
    return answer(_refusal_of(error))


def _refusal_of(error: ContactsyncError) -> Refusal:
    match error:
        case Refusal():
            return error
        case RefusedInput():
            return Refusal(422, "invalid", _sentence(str(error)), error.fields)
        case TargetUnavailable():
            seconds = max(RETRY_SECONDS, round(error.retry_after or 0))
            return _later("crm_unavailable", "The CRM does not answer now: try again later.", seconds)
        case TargetRefused(problem=problem):
            words = f"The CRM refuses: {_sentence(problem.cause)} {_sentence(problem.fix)} (for: {problem.who})"
            return Refusal(502, "crm_refused", words)
        case CannotKeep():
            return _later("database_unavailable", "The database cannot do this now: try again.", error.retry_after)
        case Misconfigured():
            log.error("request met wrong configuration", endpoint=request.endpoint, **described(error))
            return Refusal(503, "misconfigured", "contactsync is not set up right; its operator finds why in the log.")
    return _unexpected(error)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect is raised as well
        response = error.get_response()
        return Response(response.data, status, response.headers)
    code, message = WORDS.get(status, (error.name.lower().replace(" ", "_").replace("'", ""), f"{error.name}."))
    kept = ("allow", "retry-after", "www-authenticate")
    headers = {name: value for name, value in error.get_headers(request.environ) if name.lower() in kept}
    return answer(Refusal(status, code, message, headers=headers))


def _unreadable(error: ParseException) -> Response:
    """A body whose chunks or trailers are none, which the server finds only while the app reads it."""
    log.warning("request cannot be read", endpoint=request.endpoint, reason=type(error).__name__)
    return answer(Refusal(400, *WORDS[400]))


def _unforeseen(error: Exception) -> Response:
    if unavailable(error):
        log.warning("database does not answer", endpoint=request.endpoint, **described(error))
        return answer(_later("database_unavailable", "The database does not answer now: try again.", RETRY_SECONDS))
    return answer(_unexpected(error))


def _unexpected(error: Exception) -> Refusal:
    log.error("request failed", endpoint=request.endpoint, **described(error))
    code, message = WORDS[500]
    return Refusal(500, code, message)


def _later(code: str, message: str, seconds: int) -> Refusal:
    return Refusal(503, code, message, headers={"Retry-After": str(seconds)})


def _sentence(text: str) -> str:
    """Our exceptions begin small and end without a full stop; an answer is read by people."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
