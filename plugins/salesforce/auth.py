"""Signing in: client credentials or JWT bearer, at the token endpoint of the org's own domain."""

from __future__ import annotations

from collections.abc import Mapping

import jwt
import requests
import urllib3

from contactsync.api import Misconfigured, Problem, TargetError, TargetRefused, TargetUnavailable, Token

from .advice import ADMIN, BUSY_PAUSE, NOBODY, OPERATOR
from .errors import failure_of, refusals_in
from .settings import CLIENT_CREDENTIALS, Access, is_loopback, origin
from .transport import Session, is_certificate_refused

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 180  # Salesforce takes no assertion that lives longer than three minutes

_APP = "the External Client App in Setup → External Client App Manager"
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "invalid_client_id": ("Salesforce does not know the client id.", f"Copy the Consumer Key of {_APP}."),
    "invalid_client": (
        "Salesforce does not take the client secret.",
        f"Copy the Consumer Secret of {_APP}, and check that the client credentials flow is enabled there.",
    ),
    "unsupported_grant_type": (
        "This address does not offer the sign-in flow.",
        "Use your My Domain as the instance URL, not login.salesforce.com.",
    ),
    "invalid_app_access": (
        "The integration user is not allowed to use the app.",
        f"Add the user's profile or permission set to the policies of {_APP}.",
    ),
    "inactive_user": ("The integration user is not active.", "Activate it in Setup → Users."),
    "inactive_org": ("The Salesforce org is not active.", "Ask Salesforce about the state of the org."),
    "invalid_grant": (
        "Salesforce does not let the integration user sign in.",
        f"Check in {_APP} that the flow is enabled and has its “Run As” user, or that the user is approved.",
    ),
}
_GRANT_REFUSALS: Mapping[str, tuple[str, str]] = {  # by what error_description holds
    "hasn't approved": (
        "The integration user has not been approved for the app.",
        f"Set “Admin approved users are pre-authorized” in {_APP}, and add the user's profile or permission set.",
    ),
    "no client credentials user": ("The app has no user to run as.", f"Set the “Run As” user in {_APP}."),
    "audience": (
        "Salesforce does not take the audience of our assertion.",
        "Set login_url to https://test.salesforce.com for a sandbox, or to https://login.salesforce.com.",
    ),
    "expired": (
        "Salesforce says that our assertion has expired.",
        "Check that this machine's clock is right.",
    ),
    "invalid assertion": (
        "Salesforce does not take our assertion.",
        f"Check that the certificate in {_APP} belongs to the private key given here.",
    ),
}


def fetch_token(access: Access, session: Session, now: float) -> Token:
    """A fresh token. `now`: seconds since 1970.

    Raises TargetUnavailable when it may work later, TargetRefused when somebody must act.
    """
    form = _form(access, now)
    failure = None
    try:
        response = session.post(access.token_url.replace("http://", "https://", 1), data=form)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        failure = unreachable(error)
    if failure:
        raise failure
    try:
        content = response.json()
    except ValueError:
        content = None
    if response.status_code == 200:
        return _token(access, content)
    raise _refused(response.status_code, content)


def unreachable(error: Exception) -> TargetError:
    """The network's own failure, in our words: its text holds whole URLs."""
    if is_certificate_refused(error):
        problem = Problem(
            "certificate_refused",
            "The certificate of the Salesforce address cannot be trusted.",
            "Check the instance URL, and the CA bundle of this machine (REQUESTS_CA_BUNDLE).",
            OPERATOR,
        )
        return TargetRefused(problem)
    problem = Problem(
        "salesforce_unreachable",
        "Salesforce could not be reached.",
        "It is tried again by itself; if it stays, check the network and the instance URL.",
        OPERATOR,
    )
    return TargetUnavailable(problem.cause, problem)


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


def _token(access: Access, content: object) -> Token:
    """The token in an answer; where it says the API is must be as trustworthy as where we asked."""
    value = content.get("access_token") if isinstance(content, dict) else None
    url = content.get("instance_url") if isinstance(content, dict) else None
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise _unreadable()
    try:
        instance_url = origin(url) if isinstance(url, str) else access.instance_url
    except ValueError:
        instance_url = ""
    ours_is_local, theirs_is_local = _is_local(access.instance_url), _is_local(instance_url)
    if not instance_url or ours_is_local != theirs_is_local:
        problem = Problem(
            "instance_url_refused",
            "Salesforce's sign-in named an address that is no Salesforce address.",
            "Check the instance URL: it must be your My Domain.",
            OPERATOR,
        )
        raise TargetRefused(problem)
    return Token(value, instance_url)


def _is_local(url: str) -> bool:
    return is_loopback(url.partition("://")[2].partition(":")[0])


def _refused(status: int, content: object) -> TargetError:
    refusals = refusals_in(content)
    if refusals:  # over its limit, the org answers here with the array of the REST API
        failure = failure_of(refusals, None)
        if status >= 500 or failure.retry_after is not None:
            return TargetUnavailable(failure.problem.cause, failure.problem, failure.retry_after)
        return TargetRefused(failure.problem)
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, str) and status < 500:
        return _oauth_refusal(error, str(content.get("error_description") or "") if isinstance(content, dict) else "")
    if status in {301, 302, 303, 307, 308, 404, 405, 410}:
        problem = Problem(
            "instance_url_wrong",
            "There is no Salesforce sign-in at the instance URL.",
            "Check the instance URL: it must be your My Domain, as in https://acme.my.salesforce.com.",
            OPERATOR,
        )
        return TargetRefused(problem)
    return _unreadable()


def _oauth_refusal(error: str, description: str) -> TargetError:
    lower = description.lower()
    if "rate exceeded" in lower or "try again" in lower or error in {"server_error", "temporarily_unavailable"}:
        problem = Problem(
            "sign_in_limit", "Salesforce takes no more sign-ins just now.", "It is tried again by itself.", NOBODY
        )
        return TargetUnavailable(problem.cause, problem, BUSY_PAUSE)
    words = _REFUSALS.get(error)
    if error == "invalid_grant":
        words = next((said for key, said in _GRANT_REFUSALS.items() if key in lower), words)
    cause, fix = words or ("Salesforce refused the sign-in.", f"Check {_APP}.")
    known = error if words else "sign_in_refused"
    return TargetRefused(Problem(known, cause, fix, ADMIN))


def _unreadable() -> TargetUnavailable:
    problem = Problem(
        "sign_in_unavailable", "Salesforce's sign-in is not available just now.", "It is tried again by itself.", NOBODY
    )
    return TargetUnavailable(problem.cause, problem, BUSY_PAUSE)
