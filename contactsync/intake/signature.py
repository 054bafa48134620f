"""Standard Webhooks signatures (v1: HMAC-SHA256) over the raw bytes, and nothing that could raise a raw error.

The content that is signed is `<webhook-id>.<webhook-timestamp>.<body>`; the secret is `whsec_` and base64.
Source: github.com/standard-webhooks/standard-webhooks, spec 1.0.0. Its Python library is not used: hostile headers make
it raise ValueError, UnicodeDecodeError and others, hence a 500, hence a sender that comes again and again.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from contactsync.domain.errors import RefusedInput, SignatureRefused

SECRET_PREFIX = "whsec_"  # noqa: S105 – the public prefix, no secret
VERSION = "v1"
FAMILIES = ("webhook", "svix")
"""The header families: `webhook-id`, … of the standard, `svix-id`, … of its first product. Never mixed."""

MOST_HEADER_CHARACTERS = 4096
MOST_SIGNATURES = 16
LEAST_KEY_BYTES = 16

_ID = re.compile(r"[!-\-/-~]{1,255}", re.ASCII)  # visible ASCII without the dot, which separates what is signed
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Headers(Protocol):
    """A request's headers: Flask's, or a dictionary with lower-case names."""

    def get(self, name: str, /) -> str | None:
        """The header's value, None when it was not sent."""
        ...


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of one webhook: `v1,<base64>`. Several, for several secrets, are joined by a space.

    `timestamp`: Unix seconds, as the `webhook-timestamp` header says them. Raises RefusedInput for a secret or an id
    that could never be verified.
    """
    if not _ID.fullmatch(webhook_id):
        raise RefusedInput("a webhook-id is 1 to 255 visible ASCII characters without a dot")
    key = _key(secret)
    if key is None:
        raise RefusedInput(
            f"a webhook secret is {SECRET_PREFIX} and the base64 of at least {LEAST_KEY_BYTES} random bytes"
        )
    return f"{VERSION},{_signed(key, webhook_id, str(timestamp), body).decode('ascii')}"


def verify(headers: Headers, body: bytes, secrets: Sequence[str], now: datetime, tolerance: int = 300) -> str:
    """The webhook's id, once one of the secrets is proven to have signed id, time and body, within `tolerance` seconds.

    Raises SignatureRefused for everything else, whatever the headers hold. Every secret is tried against every
    signature, each in constant time. Without secrets everything is refused.
    """
    webhook_id, timestamp, signatures = _sent(headers)
    if not _ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureRefused("malformed")
    candidates = _candidates(signatures)
    right = False
    for key in filter(None, map(_key, secrets)):
        expected = _signed(key, webhook_id, timestamp, body)
        for candidate in candidates:
            right |= hmac.compare_digest(expected, candidate)
    if not right:
        raise SignatureRefused("wrong")
    if abs(now.timestamp() - int(timestamp)) > tolerance:
        raise SignatureRefused("stale")
    return webhook_id


def _sent(headers: Headers) -> tuple[str, str, str]:
    """Id, timestamp and signatures of the first family that is whole."""
    for family in FAMILIES:
        webhook_id, timestamp, signatures = (
            headers.get(f"{family}-{name}") for name in ("id", "timestamp", "signature")
        )
        if webhook_id and timestamp and signatures:
            return webhook_id, timestamp, signatures
    raise SignatureRefused("missing")


def _candidates(header: str) -> tuple[bytes, ...]:
    """The v1 signatures of a header, as base64 still; other versions and unreadable parts are passed over."""
    if len(header) > MOST_HEADER_CHARACTERS:
        raise SignatureRefused("malformed")
    parts = header.split()
    if len(parts) > MOST_SIGNATURES:
        raise SignatureRefused("malformed")
    split = (part.partition(",") for part in parts)
    return tuple(text.encode("utf-8", "replace") for version, _, text in split if version == VERSION)


def _signed(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> bytes:
    content = b"%b.%b.%b" % (webhook_id.encode("ascii"), timestamp.encode("ascii"), body)
    return base64.b64encode(hmac.digest(key, content, "sha256"))


def _key(secret: str) -> bytes | None:
    """The key of a secret, with or without `whsec_` and padding.

    None for one that cannot be read, or is so short (empty, even) that anybody could sign with it.
    """
    text = secret.removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # binascii.Error is one, so is text that is not ASCII
        return None
    return key if len(key) >= LEAST_KEY_BYTES else None
