"""What an OpenID Connect provider must have said before anybody is let in by it. Decides purely.

OpenID Connect Core 1.0, section 3.1.3.7, and RFC 9207 for `iss` beside the code.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a key pair only: never "none", and never one whose key is a secret that both sides have."""

LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 255


class NotProven(Exception):
    """What came is no proof. `reason` is for the log: no claim's value stands in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the provider's answer proves nothing: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Identity:
    """Who signed in at the provider. `email`: None unless it says that it has verified the address."""

    subject: str  # "<issuer> <sub>"
    email: str | None


def identity_of(claims: Mapping[str, Any], issuer: str, client_id: str, nonce: str, now: datetime) -> Identity:
    """Who the ID token, whose signature is good, says it is. Raises NotProven."""
    if claims.get("iss") != issuer:
        raise NotProven("another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise NotProven("for another client")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        raise NotProven("asked for by another client")
    seconds = now.timestamp()
    if not _is_time(claims.get("exp")) or claims["exp"] + LEEWAY_SECONDS <= seconds:
        raise NotProven("too old")
    if not _is_time(claims.get("iat")) or claims["iat"] - LEEWAY_SECONDS > seconds:
        raise NotProven("from the future")
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode("utf-8", "replace"), nonce.encode()):
        raise NotProven("not for this sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise NotProven("nobody")
    return Identity(f"{issuer} {subject}", _verified_email(claims))


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """The address, if the provider stands for it. Microsoft Entra says so in `xms_edov`."""
    email = claims.get("email")
    verified = any(claims.get(name) in (True, "true", "1", 1) for name in ("email_verified", "xms_edov"))
    return email if verified and isinstance(email, str) and email.isprintable() else None


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 10**11
