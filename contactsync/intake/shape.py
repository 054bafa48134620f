"""Objects of a payload, made of fields: marshmallow schemas that can also be read swiftly.

Marshmallow's own `load` costs some 90 µs for a contact, more than all else that reading a webhook costs. So a `Shape`
can be read in two ways: `swift` runs the same fields' `read` in one plain loop and gives up at the first thing wrong;
then `load`, which collects every error with its path, has the last word. Both must agree on everything that `swift`
takes; a test holds them to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from marshmallow import EXCLUDE, Schema, ValidationError, missing, post_load

from contactsync.domain.errors import RefusedInput
from contactsync.intake.fields import REQUIRED, OnNull, Value
from contactsync.intake.strict_json import MOST_ERRORS, path_of

MOST_UNKNOWN = 100
MOST_DEPTH = 32
MOST_ROWS = 500

NOT_AN_OBJECT = "Must be an object."


class UnknownKeys(dict[str, int]):
    """How often each unknown key was sent, by its path without list positions; at most MOST_UNKNOWN paths."""

    def note(self, parent: str, name: str, value: object) -> None:
        """Count one. What it holds is not looked at, but for its depth: it stays in the kept body."""
        path = path_of(parent, name)
        self.weigh(path, value)
        if path in self or len(self) < MOST_UNKNOWN:
            self[path] = self.get(path, 0) + 1

    @staticmethod
    def weigh(path: str, value: object) -> None:
        """Refuse what is nested so deeply that a reader with less room on its stack than ours could not read it: what the
        door takes, the worker must be able to read.
        """
        if isinstance(value, dict | list) and _deeper_than(value, MOST_DEPTH):
            raise RefusedInput("the body is nested too deeply", {path: "Nested too deeply."})


class Shape(Schema):
    """An object of a payload. Unknown keys are passed over."""

    class Meta:
        """Marshmallow's settings."""

        unknown = EXCLUDE

    passed_over: frozenset[str] = frozenset()  # keys that are known, mean nothing here, and are not counted as unknown
    error_messages = {"type": NOT_AN_OBJECT}  # noqa: RUF012 – marshmallow's own way to set it

    def __init__(self) -> None:
        super().__init__()
        values = {name: field for name, field in self.fields.items() if isinstance(field, Value)}
        self.parts = {name: field for name, field in values.items() if isinstance(field, Part)}
        self.readers = {name: field.read for name, field in values.items() if name not in self.parts}
        self.needed = frozenset(name for name, field in values.items() if field.required)

    def finish(self, kept: dict[str, object]) -> object:
        """What is said across fields; answers what is kept, or raises ValidationError."""
        return kept

    @post_load
    def _finish(self, kept: dict[str, Any], **_: object) -> object:
        return self.finish(kept)

    def load_rows(self, sent: Sequence[object]) -> list[Any]:
        """Each of them loaded. Not marshmallow's `many`, which leaves `finish` out for all when one has an error."""
        kept: list[Any] = []
        errors: dict[int, Any] = {}
        for index, row in enumerate(sent):
            try:
                kept.append(self.load(cast("Mapping[str, Any]", row)))
            except ValidationError as error:
                errors[index] = error.messages
                if len(errors) >= MOST_ERRORS:
                    break
        if errors:
            raise ValidationError(cast("dict[str, Any]", errors))
        return kept

    def swift(self, sent: object, unknown: UnknownKeys, at: str) -> object:
        """What `load` would answer, unknown keys counted; where it would raise, a ValidationError without a path."""
        if type(sent) is not dict:
            raise ValidationError(NOT_AN_OBJECT)
        kept: dict[str, Any] = {}
        readers, parts = self.readers, self.parts
        for name, value in sent.items():
            reader = readers.get(name)
            if reader is not None:
                cleaned = reader(value)
            elif name in parts:
                cleaned = parts[name].swift(value, unknown, f"{at}.{name}")
            else:
                if name in self.passed_over:
                    unknown.weigh(f"{at}.{name}", value)
                else:
                    unknown.note(at, name, value)
                continue
            if cleaned is not missing:
                kept[name] = cleaned
        if not self.needed <= kept.keys():
            raise ValidationError(REQUIRED)
        return self.finish(kept)


class Part(Value):
    """An object inside an object."""

    shown = "object"

    def __init__(
        self, meaning: str, shape: type[Shape], *, required: bool = False, on_null: OnNull = OnNull.CLEARS
    ) -> None:
        super().__init__(meaning, required=required, on_null=on_null)
        self.shape = shape()

    def read(self, value: object) -> object:
        """The object as its shape keeps it."""
        return self.null() if value is None else self.shape.load(cast("Mapping[str, Any]", value))

    def swift(self, value: object, unknown: UnknownKeys, at: str) -> object:
        """The same, swiftly."""
        return self.null() if value is None else self.shape.swift(value, unknown, at)


class Rows(Part):
    """A list of objects, at most `most`."""

    shown = "list of objects"

    def __init__(self, meaning: str, shape: type[Shape], *, required: bool = False, most: int = MOST_ROWS) -> None:
        super().__init__(meaning, shape, required=required)
        self.most = most

    def read(self, value: object) -> object:
        """Each object as its shape keeps it, in order."""
        return self.null() if value is None else self.shape.load_rows(self._counted(value))

    def swift(self, value: object, unknown: UnknownKeys, at: str) -> object:
        """The same, swiftly."""
        if value is None:
            return self.null()
        return [self.shape.swift(row, unknown, at) for row in self._counted(value)]

    def _counted(self, value: object) -> list[Any]:
        if type(value) is not list:
            raise ValidationError("Must be a list.")
        if self.required and not value:
            raise ValidationError("Is empty: name at least one.")
        if len(value) > self.most:
            raise ValidationError(f"Too many: at most {self.most}.")
        return value


def flattened(messages: object, at: str) -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as (path, message), in the order of the payload."""
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            yield from flattened(below, at if name == "_schema" else path_of(at, name))
    else:
        yield at, " ".join(cast("list[str]", messages))


def _deeper_than(value: dict[str, Any] | list[Any], most: int) -> bool:
    """Whether lists and objects stand in each other more than `most` deep. A loop, not a recursion."""
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            part
            for held in level
            for part in (held.values() if isinstance(held, dict) else held)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True
