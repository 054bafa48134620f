"""`/services/oauth2/…`: tokens for client credentials and JWT bearer, and who may call with them.

Shapes: facts/salesforce.md, "OAuth". Which description goes with which wrong field is [MEM] unless marked.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

import jwt

from contactsync.standin.errors import CallRefusedError
from contactsync.standin.org import Org
from contactsync.standin.wire import Answer

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")


@dataclass(frozen=True)
class _OAuthError(Exception):
    """The OAuth error shape: an object, not the REST array."""

    error: str
    description: str

    def as_answer(self) -> Answer:
        return Answer(400, {"error": self.error, "error_description": self.description})


class Gate:
    """Issues opaque tokens and checks them."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._tokens: dict[str, datetime] = {}

    def issue(self) -> str:
        """A fresh token of the API user."""
        token = f"{self.org.id[:15]}!{secrets.token_urlsafe(64)}"
        self._tokens[token] = self.org.clock()
        return token

    def revoke_all(self) -> int:
        """End every token; how many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    def check(self, headers: Mapping[str, str]) -> None:
        """Let a call in, or raise the recorded 401."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind and kind not in {"Bearer", "OAuth"}:
            raise CallRefusedError("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", status=401)  # [MEM]
        issued = self._tokens.get(token.strip())
        lifetime = self.org.options.token_lifetime_s
        if issued is None or (lifetime is not None and self.org.clock() - issued > timedelta(seconds=lifetime)):
            raise CallRefusedError("INVALID_SESSION_ID", "Session expired or invalid", status=401)

    def answer(self, method: str, path: str, headers: Mapping[str, str], raw: bytes, base_url: str) -> Answer:
        """Answer a call below `/services/oauth2`."""
        form = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
        if path == "/services/oauth2/userinfo":
            self.check(headers)
            return Answer(200, self._user_info(base_url))
        if method != "POST":
            return _OAuthError("invalid_request", "must use HTTP POST").as_answer()
        if path == "/services/oauth2/revoke":
            found = self._tokens.pop(form.get("token", ""), None)
            return Answer(200) if found else _OAuthError("unsupported_token_type", "invalid token").as_answer()
        if path != "/services/oauth2/token":
            return Answer(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])
        try:
            return self._token(headers, form, base_url)
        except _OAuthError as refusal:
            return refusal.as_answer()

    def _token(self, headers: Mapping[str, str], form: Mapping[str, str], base_url: str) -> Answer:
        if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise _OAuthError("invalid_request", "missing required parameter: grant_type")
        grant = form.get("grant_type")
        if not grant:
            raise _OAuthError("unsupported_grant_type", "grant type not supported")
        if grant == "client_credentials":
            self._check_client(*_client_of(headers, form))
            return Answer(200, self._issued(base_url))
        if grant == JWT_BEARER:
            self._check_assertion(form.get("assertion", ""), base_url)
            made = self._issued(base_url)
            # No signature and no issued_at in this flow's recorded answer.
            return Answer(
                200, {name: made[name] for name in ("access_token", "scope", "instance_url", "id", "token_type")}
            )
        raise _OAuthError("unsupported_grant_type", "grant type not supported")

    def _check_client(self, client_id: str, secret: str) -> None:
        options = self.org.options
        if not client_id or (options.client_id is not None and client_id != options.client_id):
            raise _OAuthError("invalid_client_id", "client identifier invalid")
        if not secret or (options.client_secret is not None and secret != options.client_secret):
            raise _OAuthError("invalid_client", "invalid client credentials")

    def _check_assertion(self, assertion: str, base_url: str) -> None:
        key = self.org.options.jwt_public_key
        required = {"require": ["iss", "sub", "aud", "exp"], "verify_aud": False}
        try:
            if key is None:
                # Without a registered certificate the signature cannot be checked; everything else is.
                unchecked = {**required, "verify_signature": False, "verify_exp": True}
                claims: dict[str, Any] = jwt.decode(assertion, algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
            else:
                claims = jwt.decode(assertion, key, algorithms=["RS256"], options=required)  # type: ignore[arg-type]
        except jwt.ExpiredSignatureError as error:
            raise _OAuthError("invalid_grant", "token validity expired") from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise _OAuthError("invalid_grant", "invalid assertion") from error
        wanted = self.org.options.client_id
        if wanted is not None and claims["iss"] != wanted:
            raise _OAuthError("invalid_client_id", "client identifier invalid")
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if not {str(found).rstrip("/") for found in audiences} & {*LOGIN_HOSTS, base_url}:
            raise _OAuthError("invalid_grant", "audience is invalid")
        users = self.org.store.find("User", "Username", str(claims["sub"]))
        if not users:
            raise _OAuthError("invalid_grant", "user hasn't approved this consumer")  # recorded text
        if not users[0]["IsActive"]:
            raise _OAuthError("inactive_user", "user is inactive")

    def _issued(self, base_url: str) -> dict[str, Any]:
        return {
            "access_token": self.issue(),
            "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
            "scope": "api",
            "instance_url": base_url,
            "id": f"{base_url}/id/{self.org.id}/{self.org.user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(self.org.clock().timestamp() * 1000)),
        }

    def _user_info(self, base_url: str) -> dict[str, Any]:
        user = self.org.store.get("User", self.org.user_id) or {}
        return {
            "sub": f"{base_url}/id/{self.org.id}/{self.org.user_id}",
            "user_id": self.org.user_id,
            "organization_id": self.org.id,
            "preferred_username": user.get("Username"),
            "name": user.get("Name"),
            "email": user.get("Email"),
            "active": user.get("IsActive"),
            "urls": {"rest": f"{base_url}/services/data/v{{version}}/"},
        }


def _client_of(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret from HTTP Basic, or from the form."""
    kind, _, encoded = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(client_id), unquote(secret)
