"""The body of a webhook, read: what the door checks and the sync absorbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from marshmallow import ValidationError

from contactsync.domain.errors import RefusedInput
from contactsync.intake.fields import REQUIRED
from contactsync.intake.schemas import DOORS, READ, TIMESTAMP
from contactsync.intake.shape import MOST_ROWS, Shape, UnknownKeys, flattened
from contactsync.intake.strict_json import BODY, MOST_ERRORS, read_json

_ENVELOPE = frozenset({"type", "timestamp", "data"})


@dataclass(frozen=True)
class Payload:
    """A webhook's body. `items` are nested as the documentation writes them: a key that was not sent, or was empty, is
    absent; what was cleared at the source is None; times are UTC text of fixed width. A lone object is one item.

    `unknown_keys`: path without list positions (`data.shoe`) → how often it was sent.
    """

    type: str
    timestamp: str
    items: tuple[Mapping[str, Any], ...]
    unknown_keys: Mapping[str, int] = field(default_factory=dict)


def decode(door: str, body: bytes) -> Payload:
    """The payload of a webhook that came to a door (`contacts`, `events`, `meetings`), or of an edit (`console`).

    Raises RefusedInput with up to MOST_ERRORS paths (`data.3.email`) and what is wrong with each; one bad item refuses
    the whole. Depends on nothing but its arguments: what the door took, the sync can read.
    """
    envelope = read_json(body)
    if type(envelope) is not dict:
        raise _refused({BODY: "Must be an object with type, timestamp and data."})
    errors: dict[str, str] = {}
    shape = _shape(door, envelope.get("type"), errors)
    timestamp = _timestamp(envelope, errors)
    rows = _rows(envelope.get("data"), errors)
    if shape is None or rows is None:
        raise _refused(errors)
    unknown = UnknownKeys()
    for name, value in envelope.items():
        if name not in _ENVELOPE:
            unknown.note("", name, value)
    if not errors:
        try:
            swift: Any = [shape.swift(row, unknown, "data") for row in rows]
            return Payload(envelope["type"], timestamp, tuple(swift), unknown)
        except ValidationError:
            pass  # what is wrong, and where, the thorough way says
    items = _thorough(shape, envelope["data"], errors)
    return Payload(envelope["type"], timestamp, items, unknown)


def known_type(door: str, body: bytes) -> str | None:
    """The type that a refused body names, when the door knows it."""
    try:
        envelope = read_json(body)
    except RefusedInput:
        return None
    named = envelope.get("type") if isinstance(envelope, dict) else None
    return named if isinstance(named, str) and named in READ[door] else None


def _thorough(shape: Shape, sent: dict[str, Any] | list[Any], errors: dict[str, str]) -> tuple[Mapping[str, Any], ...]:
    loaded: Any = ()
    try:
        loaded = shape.load_rows(sent) if isinstance(sent, list) else [shape.load(sent)]
    except ValidationError as error:
        errors |= dict(islice(flattened(error.messages, "data"), MOST_ERRORS))
    if errors:
        raise _refused(errors)
    return tuple(loaded)


def _shape(door: str, named: object, errors: dict[str, str]) -> Shape | None:
    shapes = READ[door]
    if isinstance(named, str) and named in shapes:
        return shapes[named]
    elsewhere = next((other for other in DOORS if isinstance(named, str) and named in DOORS[other]), None)
    if elsewhere is not None:
        errors["type"] = f"Wrong door: send this type to /webhooks/<org>/{elsewhere}."
    else:
        errors["type"] = f"{'Unknown type.' if named else REQUIRED} This door takes {', '.join(shapes)}."
    return None


def _timestamp(envelope: Mapping[str, Any], errors: dict[str, str]) -> str:
    try:
        return str(TIMESTAMP.deserialize(envelope.get("timestamp")))
    except ValidationError as error:
        errors["timestamp"] = " ".join(error.messages)
        return ""


def _rows(sent: object, errors: dict[str, str]) -> list[Any] | None:
    """What `data` holds, as a list; the shape says what is wrong with each."""
    if isinstance(sent, dict):
        return [sent]
    if not isinstance(sent, list):
        errors["data"] = f"Must be an object, or a list of 1 to {MOST_ROWS} objects."
    elif not sent:
        errors["data"] = "Is empty: send at least one object."
    elif len(sent) > MOST_ROWS:
        errors["data"] = f"Too many: at most {MOST_ROWS} in one webhook."
    else:
        return sent
    return None


def _refused(errors: Mapping[str, str]) -> RefusedInput:
    return RefusedInput(f"the webhook cannot be read: {len(errors)} things are wrong", errors)
