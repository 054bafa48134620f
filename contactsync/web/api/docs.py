"""`/api/v1/docs`: the OpenAPI document as one page for people. No script, nothing from elsewhere, works offline."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, render_template
from markupsafe import Markup, escape

from contactsync.web.api.routes import PREFIX, Api

METHODS = ("get", "post", "put", "delete")


@dataclass(frozen=True)
class Shape:
    """A type in words, with the schema it names, if any: "list of" + Contact."""

    words: str
    named: str = ""


@dataclass(frozen=True)
class Row:
    """One parameter or property."""

    name: str
    shape: Shape
    description: str
    required: bool = False
    place: str = ""


@dataclass(frozen=True)
class Outcome:
    """One answer of an operation."""

    status: str
    description: str
    shape: Shape | None


@dataclass(frozen=True)
class Operation:
    """One operation, ready to be shown."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Row, ...]
    body: Shape | None
    example: str
    answers: tuple[Outcome, ...]
    curl: str


def pages(api: Api) -> Blueprint:
    """The page, made from the document as it is when it is asked for first."""
    blueprint = Blueprint("docs", __name__, url_prefix=PREFIX, template_folder=".")
    blueprint.add_app_template_filter(marked, "marked")
    blueprint.add_app_template_filter(short_ids, "short_ids")
    style = files(__package__ or "").joinpath("docs.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    @blueprint.get("/docs")
    def docs() -> Response:
        document = api.spec.to_dict()
        page = render_template(
            "docs.html",
            style=Markup(style),  # noqa: S704 - our own file, shipped with the package
            info=document["info"],
            prefix=PREFIX,
            tags=document.get("tags", []),
            operations={tag["name"]: tuple(operations(document, tag["name"])) for tag in document.get("tags", [])},
            schemas={name: tuple(_properties(schema)) for name, schema in _schemas(document).items()},
            about={name: schema.get("description", "") for name, schema in _schemas(document).items()},
        )
        response = Response(page, mimetype="text/html")
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-cache"
        return response

    return blueprint


def marked(text: str) -> Markup:
    """A description with what stands between backticks as code; everything in it is escaped."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def short_ids(path: str) -> str:
    """A path for a narrow column: /contacts/{id} for /contacts/{contact_id}."""
    return re.sub(r"\{\w+_id\}", "{id}", path)


def operations(document: Mapping[str, Any], tag: str) -> Iterator[Operation]:
    """The operations of one tag, in the order of the document."""
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None or tag not in operation.get("tags", ()):
                continue
            parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            yield Operation(
                name=operation["operationId"],
                method=method.upper(),
                path=path,
                summary=operation.get("summary", ""),
                description=operation.get("description", ""),
                parameters=tuple(_parameter(parameter) for parameter in parameters),
                body=shape(content["schema"]) if content else None,
                example=json.dumps(content["example"], indent=2) if "example" in content else "",
                answers=tuple(_answers(document, operation)),
                curl=_curl(method, path, parameters, content.get("example")),
            )


def shape(schema: Mapping[str, Any]) -> Shape:
    """A schema in words."""
    if "$ref" in schema:
        return Shape("", schema["$ref"].rpartition("/")[2])
    for several in ("anyOf", "allOf", "oneOf"):
        if several in schema:
            parts = [shape(part) for part in schema[several] if part.get("type") != "null"]
            nullable = len(parts) < len(schema[several])
            named = next((part.named for part in parts if part.named), "")
            words = " or ".join(part.words for part in parts if part.words)
            return Shape(f"{words} or null" if nullable and words else words + ("null or" if nullable else ""), named)
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else list(types)
    if "array" in types:
        inner = shape(schema.get("items", {}))
        return Shape(f"list of {inner.words}".strip(), inner.named)
    if "enum" in schema:
        return Shape(" | ".join("null" if value is None else str(value) for value in schema["enum"]))
    if "object" in types and isinstance(schema.get("additionalProperties"), Mapping):
        inner = shape(schema["additionalProperties"])
        return Shape(f"object: name → {inner.words}".strip(), inner.named)
    words = " or ".join(types)
    return Shape(f"{words} ({schema['format']})" if "format" in schema else words)


def _schemas(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return dict(document.get("components", {}).get("schemas", {}))


def _properties(schema: Mapping[str, Any]) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, described in schema.get("properties", {}).items():
        yield Row(name, shape(described), described.get("description", ""), name in required)


def _parameter(parameter: Mapping[str, Any]) -> Row:
    schema = parameter.get("schema", {})
    said = parameter.get("description", "") or schema.get("description", "")
    return Row(parameter["name"], shape(schema), said, parameter.get("required", False), parameter["in"])


def _answers(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Outcome]:
    for status, answer in sorted(operation["responses"].items()):
        if status == "default":
            continue
        described = answer
        if "$ref" in answer:
            described = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        schema = described.get("content", {}).get("application/json", {}).get("schema")
        said = described.get("description") or HTTPStatus(int(status)).phrase
        yield Outcome(status, said, shape(schema) if schema else None)


def _curl(method: str, path: str, parameters: list[Mapping[str, Any]], example: object) -> str:
    asked = []
    for parameter in parameters:
        value = parameter.get("example") or parameter.get("schema", {}).get("example")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif parameter.get("required"):
            asked.append(f"{parameter['name']}={value}")
    address = f"$CONTACTSYNC{path}{'?' + '&'.join(asked) if asked else ''}"
    lines = [f'curl -H "Authorization: Bearer $TOKEN" "{address}"']
    if method != "get":
        lines.append(f"-X {method.upper()}")
    if example is not None:
        lines.append(f"-H 'Content-Type: application/json' -d '{json.dumps(example)}'")
    return " \\\n  ".join(lines)
