"""flask-smorest behind types: one decorator per operation says its path, what it takes and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any, TypeVar

import marshmallow as ma
from flask import Flask
from flask_smorest import Api as SmorestApi  # type: ignore[import-untyped]
from flask_smorest import Blueprint as SmorestBlueprint

from contactsync.web.api.requests import StrictParser
from contactsync.web.auth import require_token, require_writing

PREFIX = "/api/v1"

View = TypeVar("View", bound=Callable[..., Any])

PATH_IDS: Mapping[str, Mapping[str, Any]] = {
    "contact_id": {"description": "The event platform's own id of the contact, URL-encoded.", "example": "c-1042"},
    "event_id": {"description": "The event platform's own id of the event, URL-encoded.", "example": "ev-7"},
    "delivery_id": {"description": "The id that the webhook was answered with.", "example": "dlv_17"},
    "meeting_id": {"description": "The event platform's own id of the meeting, URL-encoded.", "example": "m-7"},
    "run_id": {"description": "The id of a run, as GET runs shows it.", "example": "run_17"},
    "resync_id": {"description": "The id of a resync, as POST resync answers it.", "example": "rsy_3"},
    "problem_id": {"description": "The id of a problem, as GET problems shows it.", "example": "3f0c9a1be2d47a55"},
    "kind": {"description": "Which records the rules fill.", "example": "lead"},
}


class ErrorDetail(ma.Schema):
    """What went wrong."""

    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs."})
    message = ma.fields.String(required=True, metadata={"description": "What to do about it, for people."})
    fields = ma.fields.Dict(  # type: ignore[assignment] # the wire's name
        keys=ma.fields.String(), metadata={"description": "What is wrong where: path → what to do about it."}
    )


class Error(ma.Schema):
    """Every error answer."""

    error = ma.fields.Nested(ErrorDetail, required=True)


class Api(SmorestApi):  # type: ignore[misc] # flask-smorest is untyped
    """The OpenAPI document; error answers are ours (`contactsync.web.errors`)."""

    ERROR_SCHEMA = Error

    def _register_error_handlers(self) -> None:
        """Nothing: the whole app answers errors in one place."""


class _Blueprint(SmorestBlueprint):  # type: ignore[misc] # flask-smorest is untyped
    ARGUMENTS_PARSER = StrictParser()


class Routes:
    """The operations of one resource. All of them need a token."""

    def __init__(self, name: str, description: str) -> None:
        self._blueprint = _Blueprint(name, __name__, url_prefix=PREFIX, description=description)
        self._blueprint.before_request(require_token)

    def register(self, api: Api) -> None:
        """Put the operations into an app and into its OpenAPI document."""
        api.register_blueprint(self._blueprint)

    def operation(
        self,
        method: str,
        rule: str,
        answers: type[ma.Schema],
        *,
        status: int = 200,
        query: type[ma.Schema] | None = None,
        body: type[ma.Schema] | None = None,
        example: object = None,
        refuses: Sequence[int] = (),
        changes: bool | None = None,
    ) -> Callable[[View], View]:
        """Make a function an operation.

        It is called with the loaded query or body, if there is one, and with the ids of the path by name; its docstring
        is the documentation. `example`: a body. `refuses`: the error statuses of its own, beside 401. `changes`: whether
        it is refused to tokens that may only read; left out, whatever is not a GET is.
        """
        writes = method != "GET" if changes is None else changes

        def decorate(view: View) -> View:
            wrapped: Any = self._blueprint.response(status, answers)(view)
            for refused in (401, *((403,) if writes else ()), *refuses):
                described = self._blueprint.alt_response(refused, schema=Error, description=_REFUSALS[refused])
                wrapped = described(wrapped)
            if query is not None:
                wrapped = self._blueprint.arguments(query, location="query")(wrapped)
            if body is not None:
                wrapped = self._blueprint.arguments(body, location="json", example=example)(wrapped)
            wrapped = self._blueprint.doc(operationId=view.__name__)(wrapped)
            if writes:
                wrapped = _asked_to_write(wrapped)
            self._blueprint.add_url_rule(
                rule, view.__name__, wrapped, methods=[method], parameters=_path_parameters(rule)
            )
            return view

        return decorate


def _asked_to_write(view: Callable[..., Any]) -> Callable[..., Any]:
    """The same, behind the question whether the token may change anything: before the body is looked at."""

    @wraps(view)
    def asked(*args: Any, **options: Any) -> Any:
        require_writing()
        return view(*args, **options)

    return asked


_REFUSALS: Mapping[int, str] = {
    401: "No valid token.",
    403: "The token may only read.",
    404: "Nothing of your org has this id.",
    409: "Not possible as things stand; the message says why.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "What was sent is wrong; `fields` says what and where.",
    502: "The CRM refuses; the message says why, and who can fix it.",
    503: "Not possible now; `Retry-After` says when to come back.",
}


def _path_parameters(rule: str) -> list[dict[str, Any]]:
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}, **deepcopy(dict(described))}
        for name, described in PATH_IDS.items()
        if f":{name}>" in rule or f"<{name}>" in rule
    ]


def make_api(app: Flask, title: str, version: str) -> Api:
    """The OpenAPI document of an app, still empty."""
    app.config.update(
        API_TITLE=title,
        API_VERSION=version,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
    )
    return Api(
        app,
        spec_kwargs={
            "servers": [{"url": "/"}],
            "security": [{"token": []}],
            "components": {
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "An API token, `cst_…`; `contactsync org token add <org>` makes one. "
                        "It says which org is meant.",
                    }
                }
            },
        },
    )
