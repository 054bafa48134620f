"""Every answer of the webhook doors: one table, which the doors answer from and docs/webhooks.md shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Answer(NamedTuple):
    """A status and a JSON body. `retry_after`: seconds, for the header of that name."""

    status: int
    body: Mapping[str, object]
    retry_after: int | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of answer: when it is given, and what the sender should do."""

    status: int
    example: str
    when: str
    do: str


def accepted(delivery_id: str, status_url: str) -> Answer:
    """Kept durably."""
    return Answer(202, {"delivery_id": delivery_id, "status": "accepted", "status_url": status_url})


def duplicate(delivery_id: str, status_url: str) -> Answer:
    """This webhook-id was kept before."""
    return Answer(200, {"delivery_id": delivery_id, "status": "duplicate", "status_url": status_url})


def rejected(errors: Sequence[Mapping[str, str]]) -> Answer:
    """Signed, but it cannot be read; kept as rejected."""
    return Answer(422, {"errors": list(errors)})


def too_fast(seconds: int) -> Answer:
    """Over the org's limit."""
    message = "Too many webhooks: wait as long as Retry-After says."
    return Answer(429, _error("too_many_requests", message), seconds)


def unavailable(seconds: int) -> Answer:
    """It could not be kept."""
    message = "The webhook cannot be kept now: send it again, the same, after as long as Retry-After says."
    return Answer(503, _error("unavailable", message), seconds)


def full(seconds: int) -> Answer:
    """So much of the org waits to be brought in that no more is kept."""
    message = "Too many webhooks of this org wait already: send it again, the same, after as long as Retry-After says."
    return Answer(503, _error("inbox_full", message), seconds)


def too_large(most_bytes: int) -> Answer:
    """The body is over the limit."""
    return Answer(413, _error("too_large", f"The body is over {most_bytes} bytes: send fewer at once."))


def _error(code: str, message: str) -> Mapping[str, object]:
    return {"error": {"code": code, "message": message}}


UNAUTHORIZED = Answer(401, _error("unauthorized", "The signature was not accepted."))
"""One answer for an unknown org, a wrong, missing or stale signature: it never says which."""

NOT_JSON = Answer(
    415,
    _error("unsupported_media_type", "Send JSON in UTF-8 as application/json, without Content-Encoding."),
)

KINDS = (
    Kind(
        202,
        '{"delivery_id": "dlv_17", "status": "accepted", "status_url": "https://…/api/v1/deliveries/dlv_17"}',
        "Kept durably.",
        "Done. `status_url` shows what became of it, to holders of an API token of the org.",
    ),
    Kind(
        200,
        '{"delivery_id": "dlv_17", "status": "duplicate", "status_url": …}',
        "This `webhook-id` was kept before, from the same org. `delivery_id` is that of the first.",
        "Done.",
    ),
    Kind(
        401,
        '{"error": {"code": "unauthorized", "message": …}}',
        "The org is unknown, or the signature is missing, wrong, or more than 300 seconds off. It never says which.",
        "Look at secret, clock, and whether the raw bytes were signed. Retry with back-off: a secret may be in rotation.",
    ),
    Kind(
        413,
        '{"error": {"code": "too_large", "message": …}}',
        "The body is over 1 MiB (1,048,576 bytes).",
        "Do not retry the same. Send fewer contacts at once.",
    ),
    Kind(
        415,
        '{"error": {"code": "unsupported_media_type", "message": …}}',
        "Not `application/json` (or `…+json`) in UTF-8, or with a `Content-Encoding`.",
        "Do not retry the same.",
    ),
    Kind(
        422,
        '{"errors": [{"path": "data.3.email", "message": "Not an e-mail address: …"}]}',
        "Signed, but it cannot be read: every wrong field is named, up to 100. Nothing of it is used, not even the "
        "right items of a list. It is kept as `rejected`, for the org's operators to see.",
        "Do not retry the same: the answer stays. Send the corrected one under a new `webhook-id`.",
    ),
    Kind(
        429,
        '{"error": {"code": "too_many_requests", "message": …}}',
        "The org sends faster than the operator allows.",
        "Retry the same after `Retry-After` seconds.",
    ),
    Kind(
        503,
        '{"error": {"code": "unavailable", "message": …}}',
        "It could not be kept, or it cannot be said whether it was. With the code `inbox_full`: nothing was kept, too many "
        "webhooks of the org wait to be brought in.",
        "Retry the same, with its `webhook-id`, after `Retry-After` seconds, then with back-off.",
    ),
)
