"""The two requests of the OAuth web-server flow with PKCE, by Authlib over our own session. What comes back is read elsewhere.

Authlib writes the requests and attaches the client's secret; answers stay raw, for its own errors quote them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import requests

from .settings import Access
from .transport import Session

SCOPE = "api refresh_token"
PROMPT = "login consent"
"""Whoever is signed in to Salesforce in this browser is seldom the integration user: it asks, and names our app."""


@cache
def _client_class() -> type[Any]:
    """Authlib's client with our manners. It is loaded when somebody signs in so: memory that other workers spare."""
    from authlib.integrations.requests_client.oauth2_session import (  # type: ignore[import-untyped]  # noqa: PLC0415
        OAuth2ClientAuth,
    )
    from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]  # noqa: PLC0415

    class Client(OAuth2Client):  # type: ignore[misc] # Authlib is untyped
        client_auth_class = OAuth2ClientAuth

        def parse_response_token(self, resp: requests.Response) -> requests.Response:
            """The answer as it is."""
            return resp

        def __del__(self) -> None:
            """Authlib takes its session away here; it is ours."""

    return Client


def authorization_url(access: Access, redirect_uri: str, state: str, verifier: str) -> str:
    """Where the browser goes: Salesforce's own page, which comes back to `redirect_uri` with a code or an error."""
    client = _client(access, None)
    url, _state = client.create_authorization_url(
        f"{access.sign_in_url}/services/oauth2/authorize",
        state=state,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
        scope=SCOPE,
        prompt=PROMPT,
    )
    return str(url)


def ask_for_token(access: Access, session: Session, grant_type: str, **form: str) -> requests.Response:
    """Ask the token endpoint for a code's or a refresh token's worth. Raises requests' and urllib3's own errors."""
    # What a browser brings may hold lone surrogates, which no form can carry.
    sendable = {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}
    answer = _client(access, session).fetch_token(access.posted_token_url, grant_type=grant_type, **sendable)
    return cast("requests.Response", answer)


def _client(access: Access, session: Session | None) -> Any:
    return _client_class()(
        session,
        client_id=access.client_id,
        client_secret=access.client_secret or None,
        token_endpoint_auth_method="client_secret_post" if access.client_secret else "none",
        code_challenge_method="S256",
    )
