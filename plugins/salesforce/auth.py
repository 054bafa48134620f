"""Getting tokens: client credentials, JWT bearer or a refresh token, at the token endpoint of the org's own domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import jwt
import requests
import urllib3

from contactsync.api import Misconfigured, TargetError, TargetRefused, TargetUnavailable, Token, TokenKeeper

from .advice import BUSY_PAUSE
from .errors import failure_of, refusals_in
from .oauth import ask_for_token
from .settings import CLIENT_CREDENTIALS, SIGN_IN_PAGES, WEB_SERVER, Access, is_local, origin
from .sign_in_advice import (
    ADDRESS_REFUSED,
    ADDRESS_WRONG,
    CERTIFICATE_REFUSED,
    CODE_REFUSED,
    EXPIRED,
    UNAVAILABLE,
    UNREACHABLE,
    SignInAdvice,
    advice_for,
)
from .transport import Session, is_certificate_refused

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_TOKEN = 16_384
JWT_SECONDS = 180  # Salesforce takes no assertion that lives longer than three minutes
TIMEOUTS = (5.0, 15.0)
"""Connect and read, at the most, of a sign-in: other workers wait for it, for no longer than the keeper's lease."""


def fetch_token(access: Access, session: Session, now: float, keeper: TokenKeeper) -> Token:
    """A fresh token. `now`: seconds since 1970. `keeper`: knows the newest refresh token.

    Raises TargetUnavailable when it may work later, TargetRefused when somebody must act.
    """
    if access.flow == WEB_SERVER:
        last = keeper.last()
        refresh_token = (last.refresh_token if last else "") or access.refresh_token
        answer = _asked(
            session,
            lambda: ask_for_token(access, session, "refresh_token", refresh_token=refresh_token),
            invalid_grant=EXPIRED,
        )
    else:
        form = _form(access, now)
        answer = _asked(session, lambda: session.post(access.posted_token_url, data=form))
    return token_of(access, answer)


def redeem_code(access: Access, session: Session, redirect_uri: str, code: str, verifier: str) -> Token:
    """The first token of a web-server sign-in. Raises as `fetch_token` does."""
    form = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    ask = partial(ask_for_token, access, session, "authorization_code", **form)
    return token_of(access, _asked(session, ask, invalid_grant=CODE_REFUSED))


def unreachable(error: Exception) -> TargetError:
    """The network's own failure, in our words: its text holds whole URLs."""
    return _failed(CERTIFICATE_REFUSED if is_certificate_refused(error) else UNREACHABLE)


def _asked(
    session: Session, ask: Callable[[], requests.Response], invalid_grant: SignInAdvice | None = None
) -> dict[str, object]:
    """The good answer of the token endpoint."""
    failure = None
    try:
        with _in_time(session):
            response = ask()
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        failure = unreachable(error)
    if failure:
        raise failure  # out here: the library's error carries the whole request, and must not be its context
    try:
        content = response.json()
    except ValueError:
        content = None
    if response.status_code != 200:
        raise _refused(response.status_code, content, invalid_grant)
    return content if isinstance(content, dict) else {}


@contextmanager
def _in_time(session: Session) -> Iterator[None]:
    usual = session.timeouts
    session.timeouts = (min(usual[0], TIMEOUTS[0]), min(usual[1], TIMEOUTS[1]))
    try:
        yield
    finally:
        session.timeouts = usual


def _form(access: Access, now: float) -> dict[str, str]:
    if access.flow == CLIENT_CREDENTIALS:
        return {
            "grant_type": CLIENT_CREDENTIALS,
            "client_id": access.client_id,
            "client_secret": access.client_secret,
        }
    return {"grant_type": JWT_GRANT, "assertion": assertion_of(access, now)}


def assertion_of(access: Access, now: float) -> str:
    """A signed assertion, good for three minutes. Raises Misconfigured when the key cannot be read."""
    claims = {"iss": access.client_id, "sub": access.username, "aud": access.audience, "exp": int(now) + JWT_SECONDS}
    try:
        return jwt.encode(claims, access.private_key, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Misconfigured("the private key of the Salesforce connection cannot be read") from None


def token_of(access: Access, content: Mapping[str, object]) -> Token:
    """The token in an answer; where it says the API is must be as trustworthy as where we asked."""
    value, url, refresh_token = (content.get(name) for name in ("access_token", "instance_url", "refresh_token"))
    if not _is_credential(value):
        raise _failed(UNAVAILABLE)
    try:
        instance_url = origin(url) if isinstance(url, str) else access.instance_url
    except ValueError:
        instance_url = ""
    places = {is_local(place) for place in (access.login_url, access.instance_url, instance_url) if place}
    if not instance_url or len(places) > 1 or instance_url in SIGN_IN_PAGES:
        raise _failed(ADDRESS_REFUSED)
    return Token(str(value), instance_url, str(refresh_token) if _is_credential(refresh_token) else "")


def _is_credential(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()


def _refused(status: int, content: object, invalid_grant: SignInAdvice | None) -> TargetError:
    refusals = refusals_in(content)
    if refusals:  # over its limit, the org answers here with the array of the REST API
        failure = failure_of(refusals, None)
        if status >= 500 or failure.retry_after is not None:
            return TargetUnavailable(failure.problem.cause, failure.problem, failure.retry_after)
        return TargetRefused(failure.problem)
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(content, dict) and isinstance(error, str) and status < 500:
        return _failed(advice_for(error, str(content.get("error_description") or ""), invalid_grant))
    return _failed(ADDRESS_WRONG if status in {301, 302, 303, 307, 308, 404, 405, 410} else UNAVAILABLE)


def _failed(advice: SignInAdvice) -> TargetError:
    if not advice.comes_back:
        return TargetRefused(advice.problem)
    pause = None if advice is UNREACHABLE else BUSY_PAUSE
    return TargetUnavailable(advice.cause, advice.problem, pause)
