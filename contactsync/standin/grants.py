"""The web server flow of `/services/oauth2/…`: a user's consent, codes, refresh tokens, and their end.

```
authorize   approve at once, and send the browser back with a code (or with the user's refusal)
code        once, within its time, by the same client and address, with the verifier of its challenge → a grant
refresh     the grant's refresh token → a new access token (with rotation: a new refresh token too)
revoke      by the holder or in Setup: the grant ends, and its access tokens with it
```

Shapes and error texts: facts/salesforce.md, "OAuth"; what rests on memory says so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from contactsync.standin.org import Org
from contactsync.standin.wire import Answer

CODE_LIFETIME = timedelta(minutes=15)  # [DOC]
OFFLINE = frozenset({"refresh_token", "offline_access"})
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url without padding


class OAuthError(Exception):
    """The OAuth error shape: an object, not the REST array."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description

    def as_answer(self) -> Answer:
        """As the token endpoint answers it."""
        return Answer(400, {"error": self.error, "error_description": self.description})

    def as_page(self) -> Answer:
        """As the browser sees it, where there is no address to send it back to: one line of text [SEEN]."""
        return Answer(400, f"error={self.error}&error_description={quote(self.description)}")


@dataclass(frozen=True)
class _Code:
    """One code on its way from the browser to the token endpoint."""

    client_id: str
    redirect_uri: str
    challenge: str | None
    scope: str
    issued: datetime


@dataclass
class Grant:
    """A user's consent to a client."""

    id: str
    client_id: str
    scope: str
    created: datetime
    refresh_token: str | None
    refreshes: int = 0
    revoked: bool = False
    spent: set[str] = field(default_factory=set)  # refresh tokens that rotation took out of use

    def as_json(self) -> dict[str, Any]:
        """What `/_standin/grants` shows: no token."""
        shown = {name: getattr(self, name) for name in ("id", "client_id", "scope", "refreshes", "revoked")}
        return {**shown, "created": self.created.isoformat(timespec="seconds"), "offline": bool(self.refresh_token)}


class Grants:
    """All codes and grants of one org. Call under the org's lock."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.grants: list[Grant] = []
        self._codes: dict[str, _Code] = {}

    def authorize(self, form: Mapping[str, str]) -> Answer:
        """Answer the browser: back to the client with a code and its state, or a page that says what is wrong.

        A wrong client or address gets a page, as nobody may be sent to an address that is not registered.
        """
        client_id, redirect_uri = form.get("client_id", ""), form.get("redirect_uri", "")
        options = self.org.options
        if not client_id or (options.client_id is not None and client_id != options.client_id):
            return OAuthError("invalid_client_id", "client identifier invalid").as_page()
        if not self._is_registered(redirect_uri):
            return OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration").as_page()  # [SEEN]
        if "code_challenge" not in form and options.require_pkce:
            return OAuthError("invalid_request", "missing required code challenge").as_page()  # a page too [SEEN]
        try:
            back = {"code": self._approve(client_id, redirect_uri, form)}
        except OAuthError as refusal:
            back = {"error": refusal.error, "error_description": refusal.description}
        if "state" in form:
            back["state"] = form["state"]
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return Answer(302, None, {"Location": f"{redirect_uri}{joint}{urlencode(back)}"})

    def exchange(self, form: Mapping[str, str]) -> Grant:
        """The new grant behind a code, for a client that was checked. Raises OAuthError; a code is good for one try."""
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.client_id != form.get("client_id"):
            raise OAuthError("invalid_grant", "invalid authorization code")  # [SEEN]
        if self.org.clock() - code.issued > CODE_LIFETIME:
            raise OAuthError("invalid_grant", "expired authorization code")  # [SEEN]
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")  # [SEEN]
        self._check_verifier(code.challenge, form.get("code_verifier"))
        token = _opaque("5Aep861") if not code.scope or OFFLINE & set(code.scope.split()) else None
        scope = code.scope or "refresh_token api"
        made = Grant(f"grant{len(self.grants) + 1}", code.client_id, scope, self.org.clock(), token)
        self.grants.append(made)
        return made

    def refresh(self, form: Mapping[str, str]) -> Grant:
        """The live grant behind a refresh token, rotated where the org does that. Raises OAuthError.

        A refresh token that rotation took out of use ends its grant when it comes again [MEM].
        """
        token = form.get("refresh_token", "")
        for known in self.grants:
            if token and token in known.spent:
                self.end(known)
        grant = self.of_refresh_token(token)
        if grant is None or grant.client_id != form.get("client_id"):
            raise OAuthError("invalid_grant", "expired access/refresh token")  # recorded text
        grant.refreshes += 1
        if self.org.options.rotate_refresh_tokens:
            grant.spent.add(token)
            grant.refresh_token = _opaque("5Aep861")
        return grant

    def of_refresh_token(self, token: str) -> Grant | None:
        """The live grant that this refresh token belongs to."""
        live = (grant for grant in self.grants if not grant.revoked and token)
        return next((grant for grant in live if grant.refresh_token == token), None)

    def end(self, grant: Grant) -> None:
        """Revoke a grant; its access tokens end with it, as whoever checks one looks here."""
        grant.revoked = True

    def end_all(self, ids: frozenset[str] | None = None) -> int:
        """What an administrator does in Setup: end these grants, or all; how many were live."""
        chosen = [grant for grant in self.grants if not grant.revoked and (ids is None or grant.id in ids)]
        for grant in chosen:
            self.end(grant)
        return len(chosen)

    def _is_registered(self, redirect_uri: str) -> bool:
        """Exactly one of the addresses the app registers; an app that registers none takes any absolute one."""
        known = self.org.options.redirect_uris
        parts = urlsplit(redirect_uri)
        return redirect_uri in known if known else parts.scheme in {"http", "https"} and bool(parts.netloc)

    def _approve(self, client_id: str, redirect_uri: str, form: Mapping[str, str]) -> str:
        """The code of a consent that is given at once; raises OAuthError, which the client gets in its address."""
        if form.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response type not supported")  # [MEM] wording
        challenge = form.get("code_challenge")
        if challenge is not None and (
            not _CHALLENGE.fullmatch(challenge) or form.get("code_challenge_method") != "S256"
        ):
            # A challenge without its method was seen not to work; the code is [DOC].
            raise OAuthError("invalid_request", "invalid code challenge")
        if self.org.options.deny_authorization:
            raise OAuthError("access_denied", "end-user denied authorization")  # [SEEN]
        code = f"{_opaque('aPrx')}=="  # codes end in signs that a URL must escape [SEEN]
        self._codes[code] = _Code(client_id, redirect_uri, challenge, form.get("scope", ""), self.org.clock())
        return code

    def _check_verifier(self, challenge: str | None, verifier: str | None) -> None:
        if challenge is None:
            return
        if not verifier:
            raise OAuthError("invalid_grant", "missing code verifier")  # code [DOC], wording [MEM]
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not hmac.compare_digest(digest, challenge):
            raise OAuthError("invalid_grant", "invalid code verifier")  # [SEEN]


def _opaque(prefix: str) -> str:
    return f"{prefix}{secrets.token_urlsafe(48)}"
