"""Talking to an OpenID Connect provider: its documents, its keys, a code for an ID token. Decides nothing.

Only https (or this machine), no redirects, bounded in time and size. Its documents are asked for when first needed, and
kept for an hour; its keys anew, at most once a minute, when a token is signed with one that is not among them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from jwt.types import Options

from contactsync.settings import Oidc, is_safe_url
from contactsync.web.console.oidc_claims import ALGORITHMS, NotProven

KEPT_SECONDS = 3600
KEYS_AGAIN_SECONDS = 60
_TIMEOUT = (3.05, 10)
_MOST_BYTES = 512 * 1024
_MOST_TOKEN = 64 * 1024
_SIGNATURE_ALONE: Options = {
    # what the claims say is checked by oidc_claims.py, and the times by our own clock
    "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False, "verify_iss": False,
    "verify_sub": False, "verify_jti": False,
}  # fmt: skip
_WELL_KNOWN = "/.well-known/openid-configuration"


class ProviderAway(Exception):
    """The provider cannot be asked, or is not one. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the sign-in provider cannot be used: {reason}")
        self.reason = reason


@dataclass
class Provider:
    """The provider of the settings, with what it said of itself."""

    settings: Oidc
    _said: Mapping[str, Any] = field(default_factory=dict)
    _said_at: float = float("-inf")
    _keys: Mapping[str | None, jwt.PyJWK] = field(default_factory=dict)
    _keys_at: float = float("-inf")

    def authorize_url(self, **asked: str) -> str:
        """The address to send the browser to. Raises ProviderAway."""
        endpoint = self._endpoint("authorization_endpoint")
        asked |= {"response_type": "code", "client_id": self.settings.client_id, "scope": "openid email profile"}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def says_issuer(self) -> bool:
        """Whether every answer of it names the issuer (RFC 9207): one that does not is somebody else's then."""
        return self._document().get("authorization_response_iss_parameter_supported") is True

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        """The claims of the ID token that the code is good for; its signature is checked, what it claims is not.

        Raises ProviderAway, NotProven.
        """
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        ways = self._document().get("token_endpoint_auth_methods_supported")
        auth = None
        if not isinstance(ways, list) or not ways or "client_secret_basic" in ways:
            auth = (_form(self.settings.client_id), _form(self.settings.client_secret))
        else:
            asked |= {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret}
        status, said = _ask("POST", self._endpoint("token_endpoint"), data=asked, auth=auth)
        if status >= 500:
            raise ProviderAway(f"its token endpoint answered {status}")
        token = said.get("id_token")
        if status != 200 or not isinstance(token, str) or len(token) > _MOST_TOKEN:
            raise NotProven(f"no ID token for the code ({status})")
        return self._claims(token)

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            head = jwt.get_unverified_header(token)
            key = self._key(head.get("kid"))
            if head.get("alg") not in ALGORITHMS:
                raise NotProven("signed in a way that is not taken")
            claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=list(ALGORITHMS), options=_SIGNATURE_ALONE)
        except jwt.PyJWTError as error:
            raise NotProven(f"its signature is not good ({type(error).__name__})") from error
        return claims

    def _key(self, kid: object) -> jwt.PyJWK:
        """The key of this id; the only one, when the token names none."""
        if self._found(kid) is None and time.monotonic() - self._keys_at >= KEYS_AGAIN_SECONDS:
            self._fetch_keys()
        found = self._found(kid)
        if found is None:
            raise NotProven("signed with a key that is not the provider's")
        return found

    def _found(self, kid: object) -> jwt.PyJWK | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _fetch_keys(self) -> None:
        status, said = _ask("GET", self._endpoint("jwks_uri"))
        kept: dict[str | None, jwt.PyJWK] = {}
        shown = said.get("keys")
        for one in shown if isinstance(shown, list) else ():
            usable = isinstance(one, dict) and one.get("kty") in {"RSA", "EC", "OKP"} and one.get("use", "sig") == "sig"
            if usable and isinstance(one.get("kid"), (str, type(None))):
                # one that cannot be used signs nothing that we take
                with suppress(jwt.PyJWTError, ValueError, TypeError, KeyError):
                    kept[one.get("kid")] = jwt.PyJWK(one)
        if status != 200 or not kept:
            raise ProviderAway(f"it shows no keys ({status})")
        self._keys, self._keys_at = kept, time.monotonic()

    def _endpoint(self, name: str) -> str:
        address = self._document().get(name)
        if not isinstance(address, str) or not is_safe_url(address):
            raise ProviderAway(f"its {name} is no https address")
        return address

    def _document(self) -> Mapping[str, Any]:
        if time.monotonic() - self._said_at >= KEPT_SECONDS:
            issuer = self.settings.issuer
            status, said = _ask("GET", issuer.rstrip("/") + _WELL_KNOWN)
            if status != 200:
                raise ProviderAway(f"its {_WELL_KNOWN} answered {status}")
            if said.get("issuer") != issuer:
                raise ProviderAway("it calls itself otherwise than CONTACTSYNC_OIDC_ISSUER says")
            self._said, self._said_at = said, time.monotonic()
        return self._said


def _ask(method: str, url: str, **more: Any) -> tuple[int, Mapping[str, Any]]:
    """Status and JSON object of an answer; {} for what is none. Raises ProviderAway."""
    how: dict[str, Any] = {"allow_redirects": False, "stream": True, "headers": {"Accept": "application/json"}, **more}
    text = b""
    try:
        with requests.request(method, url, timeout=_TIMEOUT, **how) as answer:
            status = answer.status_code
            for part in answer.iter_content(16_384):
                text += part
                if len(text) > _MOST_BYTES:
                    break
    except requests.RequestException as error:
        raise ProviderAway(f"it does not answer ({type(error).__name__})") from error
    if len(text) > _MOST_BYTES:
        raise ProviderAway("its answer is too large")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    return status, said if isinstance(said, dict) else {}


def _form(text: str) -> str:
    """As RFC 6749, section 2.3.1, wants id and secret in an Authorization header."""
    return urlencode({"": text})[1:]
