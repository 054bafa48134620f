"""`/services/oauth2/…`: tokens for client credentials, JWT bearer and the web server flow, and who may call with them.

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
from contactsync.standin.grants import Grant, Grants, OAuthError
from contactsync.standin.org import Org
from contactsync.standin.wire import Answer

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")


@dataclass(frozen=True)
class _Session:
    """What an access token stands for; without a grant it came from a flow that has none."""

    issued: datetime
    grant: Grant | None = None


class Gate:
    """Issues opaque tokens and checks them."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.grants = Grants(org)
        self._tokens: dict[str, _Session] = {}

    def issue(self, grant: Grant | None = None) -> str:
        """A fresh token of the API user."""
        token = f"{self.org.id[:15]}!{secrets.token_urlsafe(64)}"
        self._tokens[token] = _Session(self.org.clock(), grant)
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
        if not self._is_live(self._tokens.get(token.strip())):
            raise CallRefusedError("INVALID_SESSION_ID", "Session expired or invalid", status=401)

    def _is_live(self, session: _Session | None) -> bool:
        if session is None or (session.grant is not None and session.grant.revoked):
            return False
        lifetime = self.org.options.token_lifetime_s
        return lifetime is None or self.org.clock() - session.issued <= timedelta(seconds=lifetime)

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes, base_url: str) -> Answer:
        """Answer a call below `/services/oauth2`."""
        path, _, query = target.partition("?")
        form = form_of(raw)
        if path == "/services/oauth2/authorize" and method in {"GET", "POST"}:
            return self.grants.authorize({**dict(parse_qsl(query, keep_blank_values=True)), **form})
        if path == "/services/oauth2/userinfo":
            try:
                self.check(headers)
            except CallRefusedError:
                return Answer(403, "Bad_OAuth_Token")  # one word of text, where the data API answers 401 [SEEN]
            return Answer(200, self._user_info(base_url))
        if path == "/services/oauth2/revoke" and method == "GET":
            return self._revoke(dict(parse_qsl(query)).get("token", ""))  # as a link [DOC]
        if method != "POST":
            return OAuthError("invalid_request", "must use HTTP POST").as_answer()
        if path == "/services/oauth2/revoke":
            return self._revoke(form.get("token", ""))
        if path != "/services/oauth2/token":
            return Answer(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])
        try:
            return self._token(headers, form, base_url)
        except OAuthError as refusal:
            return refusal.as_answer()

    def _token(self, headers: Mapping[str, str], form: Mapping[str, str], base_url: str) -> Answer:
        if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise OAuthError("invalid_request", "missing required parameter: grant_type")
        grant = form.get("grant_type")
        if not grant:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        if grant == "client_credentials":
            self._check_client(*_client_of(headers, form))
            return Answer(200, self._issued(base_url))
        if grant == JWT_BEARER:
            self._check_assertion(form.get("assertion", ""), base_url)
            made = self._issued(base_url)
            # No refresh_token, no signature and no issued_at in this flow's recorded answer.
            return Answer(
                200, {name: made[name] for name in ("access_token", "scope", "instance_url", "id", "token_type")}
            )
        if grant in {"authorization_code", "refresh_token"}:
            client_id, secret = _client_of(headers, form)
            self._check_client(client_id, secret)
            form = {**form, "client_id": client_id}
            return self._with_grant(grant, form, base_url)
        raise OAuthError("unsupported_grant_type", "grant type not supported")

    def _with_grant(self, kind: str, form: Mapping[str, str], base_url: str) -> Answer:
        """The answers of the web server flow; a refresh brings a refresh token only where the org rotates them [SEEN]."""
        grant = self.grants.exchange(form) if kind == "authorization_code" else self.grants.refresh(form)
        made = {**self._issued(base_url, grant), "scope": grant.scope}
        fresh = kind == "authorization_code" or self.org.options.rotate_refresh_tokens
        if fresh and grant.refresh_token is not None:
            made["refresh_token"] = grant.refresh_token
        return Answer(200, made)

    def _revoke(self, token: str) -> Answer:
        """An access token ends alone, a refresh token with its grant and all its access tokens [DOC]."""
        grant = self.grants.of_refresh_token(token)
        if grant is not None:
            self.grants.end(grant)
            return Answer(200)
        found = self._tokens.pop(token, None)
        return Answer(200) if found else OAuthError("unsupported_token_type", "invalid token").as_answer()

    def _check_client(self, client_id: str, secret: str) -> None:
        options = self.org.options
        if not client_id or (options.client_id is not None and client_id != options.client_id):
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not secret or (options.client_secret is not None and secret != options.client_secret):
            raise OAuthError("invalid_client", "invalid client credentials")

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
            raise OAuthError("invalid_grant", "token validity expired") from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise OAuthError("invalid_grant", "invalid assertion") from error
        wanted = self.org.options.client_id
        if wanted is not None and claims["iss"] != wanted:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if not {str(found).rstrip("/") for found in audiences} & {*LOGIN_HOSTS, base_url}:
            raise OAuthError("invalid_grant", "audience is invalid")
        users = self.org.store.find("User", "Username", str(claims["sub"]))
        if not users:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")  # recorded text
        if not users[0]["IsActive"]:
            raise OAuthError("inactive_user", "user is inactive")

    def _issued(self, base_url: str, grant: Grant | None = None) -> dict[str, Any]:
        return {
            "access_token": self.issue(grant),
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


def form_of(raw: bytes) -> dict[str, str]:
    """The fields of a form."""
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


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
