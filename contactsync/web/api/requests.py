"""What requests bring: strict bodies, known parameters only, pages by cursor."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, NoReturn

import flask
import marshmallow as ma
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from contactsync.domain.errors import RefusedInput
from contactsync.intake.strict_json import read_json
from contactsync.store.views_paging import Page, Slice
from contactsync.web.auth import org

MOST = 200
_CURSOR_ID_BYTES = 8
_CURSOR_BYTES = 18  # 24 characters of base64 without a spare bit: every changed character is noticed
_NOT_A_CURSOR = "Leave it out for the first page, then send what `next` of the page before said, with the same filters."


class PageQuery(ma.Schema):
    """Which part of a list."""

    limit = ma.fields.Integer(
        strict=False,
        load_default=50,
        validate=ma.validate.Range(1, MOST, error=f"Send a number from 1 to {MOST}."),
        error_messages={"invalid": f"Send a number from 1 to {MOST}."},
        metadata={"description": f"How many at most, 1 to {MOST}; 50 when it is left out."},
    )
    cursor = ma.fields.String(metadata={"description": "`next` of the page before; without it: the first page."})


class StrictParser(FlaskParser):
    """Refuses unknown parameters, bodies that are not JSON, and text that a database cannot keep."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE, "json": ma.RAISE}  # noqa: RUF012

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        """The body's value; of an `optional` one that was not sent, nothing."""
        if getattr(schema, "optional", False) and not req.get_data():
            return missing
        return json_body(req)

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> Any:
        """The parameters; one that is sent twice would be read differently here and there."""
        for name, values in req.args.lists():
            if len(values) > 1:
                raise RefusedInput("a parameter was sent twice", {name: "Send it once."})
            if "\x00" in values[0]:
                raise RefusedInput("a parameter holds the character NUL", {name: "Leave out %00."})
        return super().load_querystring(req, schema)

    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,  # noqa: ARG002
        schema: ma.Schema,
        *,
        error_status_code: int | None,  # noqa: ARG002
        error_headers: Mapping[str, str] | None,  # noqa: ARG002
    ) -> NoReturn:
        """422, each field by its path."""
        located: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        (location, messages), *_ = located.items()
        fields = dict(_by_path(messages, ""))
        known = ", ".join(sorted(schema.load_fields))
        for path, message in fields.items():
            if message == "Unknown field.":
                fields[path] = f"Not known here: known are {known}."
        what = "a parameter is wrong" if location == "query" else "the body is wrong"
        # From None: the library's error carries all that was sent.
        raise RefusedInput(f"{what}; see fields", fields) from None


def json_body(req: flask.Request) -> Any:
    """The value of a JSON body. Raises UnsupportedMediaType, RequestEntityTooLarge, RefusedInput."""
    if req.mimetype != "application/json" or req.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    body = req.get_data(cache=False)
    return read_json(body) if body else missing


def _by_path(messages: Any, path: str) -> Any:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            shown = path if name == "_schema" else f"{path}.{name}" if path else str(name)
            yield from _by_path(inner, shown)
    else:
        yield path or "body", " ".join(str(message) for message in messages)


# ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def slice_of(query: Mapping[str, Any]) -> Slice:
    """The part of a list that was asked for. Raises RefusedInput for a cursor of another list or none of ours."""
    cursor = query.get("cursor")
    return Slice(query["limit"], None if cursor is None else read_cursor(cursor, _list_asked_for(query)))


def page_shown(page: Page, query: Mapping[str, Any]) -> dict[str, Any]:
    """A page as the API answers it."""
    following = None if page.next is None else write_cursor(page.next, _list_asked_for(query))
    return {"items": list(page.items), "next": following}


def _list_asked_for(query: Mapping[str, Any]) -> str:
    filters = sorted((name, str(value)) for name, value in query.items() if name not in ("limit", "cursor"))
    path = sorted((flask.request.view_args or {}).items())
    return repr((org().id, flask.request.endpoint, path, filters))


def write_cursor(last: int, asked_for: str) -> str:
    """The id of the last row, tied to its list by a digest. It guards against mix-ups: it is no secret, and what it could
    be forged into is another page of the org's own list.
    """
    number = last.to_bytes(_CURSOR_ID_BYTES)
    return base64.urlsafe_b64encode(number + _digest(number, asked_for)).decode()


def read_cursor(cursor: str, asked_for: str) -> int:
    """The id in a cursor of the list that was asked for. Raises RefusedInput."""
    try:
        read = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        read = b""
    number, digest = read[:_CURSOR_ID_BYTES], read[_CURSOR_ID_BYTES:]
    if len(read) != _CURSOR_BYTES or digest != _digest(number, asked_for):
        raise RefusedInput("the cursor does not belong to this list", {"cursor": _NOT_A_CURSOR})
    return int.from_bytes(number)


def _digest(number: bytes, asked_for: str) -> bytes:
    return hashlib.sha256(number + asked_for.encode()).digest()[: _CURSOR_BYTES - _CURSOR_ID_BYTES]
