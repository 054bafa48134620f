"""What the stand-in refuses, as errors that know their own wire form.

```
StandinError
├── RefusedError            one row or one call is refused; in a collection only its row fails
│   └── CallRefusedError    the whole call is refused, however many rows it carries
└── UnsupportedError        Salesforce can do this, the stand-in cannot: HTTP 501, so nobody takes it for a refusal
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StandinError(Exception):
    """Root of everything the stand-in raises on purpose."""


class RefusedError(StandinError):
    """A refusal in Salesforce's words.

    `fields` None leaves the key out of a single-record body, as most recorded bodies do; a row always has it.
    """

    def __init__(
        self, code: str, message: str, fields: Sequence[str] | None = None, *, status: int = 400, **extra: object
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status
        self.extra = extra

    def as_body(self) -> list[dict[str, Any]]:
        """The body of a single-record call: `[{"message", "errorCode", "fields"?}]`."""
        body: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return [{**body, **self.extra}]

    def as_row(self) -> dict[str, Any]:
        """The error of one row of a collection: `{"statusCode", "message", "fields"}`."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


class CallRefusedError(RefusedError):
    """The call as a whole is refused: no row of it is done."""


class UnsupportedError(StandinError):
    """Real Salesforce accepts this; the stand-in says plainly that it does not."""

    status = 501

    def as_body(self) -> list[dict[str, Any]]:
        """The body, with a code that Salesforce never sends."""
        return [{"message": f"The stand-in does not speak this: {self}", "errorCode": "STANDIN_UNSUPPORTED"}]


def not_found(message: str = "The requested resource does not exist") -> CallRefusedError:
    """404 as recorded for an unknown resource, object or id."""
    return CallRefusedError("NOT_FOUND", message, status=404)


def no_such_column(name: str, sobject: str) -> RefusedError:
    """The recorded body for a field that the object does not have."""
    return RefusedError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}")


def not_writable(names: Sequence[str]) -> RefusedError:
    """The recorded body for fields that exist but cannot be written."""
    return RefusedError(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field "
        "and verify that it is read/write for your profile or permission set.",
        list(names),
    )
