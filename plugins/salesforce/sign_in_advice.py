"""The words for every way in which a sign-in at Salesforce is known to fail: the cause, the fix, and who can do it.

Salesforce's own `error_description` never leaves this file: it decides which words are used, nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contactsync.api import KnownProblem, Mend, Problem

from .advice import ADMIN, NOBODY, OPERATOR

_APP = "the External Client App in Setup → External Client App Manager"
_FREE = "It is tried again by itself."


@dataclass(frozen=True)
class SignInAdvice:
    """What a refused sign-in means. `seen_as`: Salesforce's `error`; `saying`: what its description holds, in lower case."""

    code: str
    cause: str
    fix: str
    who: str = ADMIN
    seen_as: str = ""
    saying: str = ""
    comes_back: bool = False

    @property
    def problem(self) -> Problem:
        """The problem as it is shown and kept."""
        return Problem(self.code, self.cause, self.fix, self.who, mended_by=self._mended_by)

    @property
    def known(self) -> KnownProblem:
        """The line of the catalogue."""
        return KnownProblem(
            self.code, self.cause, self.fix, self.who, self._sign, comes_back=self.comes_back, mended_by=self._mended_by
        )

    @property
    def _mended_by(self) -> tuple[Mend, ...]:
        return () if self.comes_back else (Mend.CONNECTION,)

    @property
    def _sign(self) -> str:
        return f"{self.seen_as}: {self.saying}" if self.saying else self.seen_as


EXPIRED = SignInAdvice(
    "sign_in_expired",
    "Salesforce no longer takes the sign-in: it was revoked, has expired, or its user may no longer sign in.",
    "Sign in again (`contactsync connect <org> --web`). All that waits goes by itself then. If it comes back, look at the "
    f"refresh token policy of {_APP}.",
    seen_as="invalid_grant",
)
CODE_REFUSED = SignInAdvice(
    "sign_in_code_refused",
    "Salesforce does not take the code that the browser brought back: it is older than 15 minutes, or was used before.",
    "Begin the sign-in again.",
    seen_as="invalid_grant",
)
NO_REFRESH_TOKEN = SignInAdvice(
    "refresh_token_missing",
    "Salesforce signed the user in, but gave no refresh token, so that the sign-in would end within hours.",
    f"Add the scope “Perform requests at any time (refresh_token, offline_access)” to {_APP}, then sign in again.",
)
OTHER_ORG = SignInAdvice(
    "other_salesforce",
    "The browser signed in to another Salesforce than the one that this org is to be connected to.",
    "Sign out of Salesforce in this browser, and begin the sign-in again with a user of the right Salesforce.",
    who=OPERATOR,
)
DENIED = SignInAdvice(
    "sign_in_denied",
    "The access was not allowed in Salesforce.",
    "Begin the sign-in again and choose Allow; when Salesforce offers no such choice, let an admin approve the app.",
    seen_as="access_denied",
)
ADDRESS_REFUSED = SignInAdvice(
    "instance_url_refused",
    "Salesforce's sign-in named an address that is no Salesforce address.",
    "Check the instance URL: it must be your My Domain.",
    who=OPERATOR,
)
ADDRESS_WRONG = SignInAdvice(
    "instance_url_wrong",
    "There is no Salesforce sign-in at the instance URL.",
    "Check the instance URL: it must be your My Domain, as in https://acme.my.salesforce.com.",
    who=OPERATOR,
)
CERTIFICATE_REFUSED = SignInAdvice(
    "certificate_refused",
    "The certificate of the Salesforce address cannot be trusted.",
    "Check the instance URL, and the CA bundle of this machine (REQUESTS_CA_BUNDLE).",
    who=OPERATOR,
)
UNREACHABLE = SignInAdvice(
    "salesforce_unreachable",
    "Salesforce could not be reached.",
    "It is tried again by itself; if it stays, check the network and the instance URL.",
    who=OPERATOR,
    comes_back=True,
)
UNAVAILABLE = SignInAdvice(
    "sign_in_unavailable", "Salesforce's sign-in is not available just now.", _FREE, NOBODY, comes_back=True
)
LIMIT = SignInAdvice(
    "sign_in_limit",
    "Salesforce takes no more sign-ins just now.",
    _FREE,
    NOBODY,
    seen_as="invalid_grant",
    saying="rate exceeded",
    comes_back=True,
)
REFUSED = SignInAdvice("sign_in_refused", "Salesforce refused the sign-in.", f"Check {_APP}.")

_BY_DESCRIPTION = (  # invalid_grant says why only in its description
    SignInAdvice(
        "sign_in_ip_restricted",
        "Salesforce takes sign-ins of this user from other IP addresses only.",
        f"Choose “Relax IP restrictions” in the policies of {_APP}, or add contactsync's addresses to the login IP ranges "
        "of the user's profile.",
        seen_as="invalid_grant",
        saying="ip restricted",
    ),
    SignInAdvice(
        "invalid_grant",
        "The integration user has not been approved for the app.",
        f"Set “Admin approved users are pre-authorized” in {_APP}, and add the user's profile or permission set.",
        seen_as="invalid_grant",
        saying="hasn't approved",
    ),
    SignInAdvice(
        "invalid_grant",
        "The app has no user to run as.",
        f"Set the “Run As” user in {_APP}.",
        seen_as="invalid_grant",
        saying="no client credentials user",
    ),
    SignInAdvice(
        "invalid_grant",
        "Salesforce does not take the audience of our assertion.",
        "Set login_url to https://test.salesforce.com for a sandbox, or to https://login.salesforce.com.",
        seen_as="invalid_grant",
        saying="audience",
    ),
    SignInAdvice(
        "invalid_grant",
        "Salesforce says that our assertion has expired.",
        "Check that this machine's clock is right.",
        seen_as="invalid_grant",
        saying="expired",
    ),
    SignInAdvice(
        "invalid_grant",
        "Salesforce does not take our assertion.",
        f"Check that the certificate in {_APP} belongs to the private key given here.",
        seen_as="invalid_grant",
        saying="invalid assertion",
    ),
)
_BY_ERROR: Mapping[str, SignInAdvice] = {
    advice.seen_as: advice
    for advice in (
        SignInAdvice(
            "invalid_client_id",
            "Salesforce does not know the client id.",
            f"Copy the Consumer Key of {_APP}. A new app is known everywhere after about ten minutes.",
            seen_as="invalid_client_id",
        ),
        SignInAdvice(
            "invalid_client",
            "Salesforce does not take the client secret.",
            f"Copy the Consumer Secret of {_APP}, and check that the flow that is used is enabled there.",
            seen_as="invalid_client",
        ),
        SignInAdvice(
            "unsupported_grant_type",
            "This address does not offer the sign-in flow.",
            "Use your My Domain as the instance URL, not login.salesforce.com.",
            seen_as="unsupported_grant_type",
        ),
        SignInAdvice(
            "invalid_app_access",
            "The integration user is not allowed to use the app.",
            f"Add the user's profile or permission set to the policies of {_APP}.",
            seen_as="invalid_app_access",
        ),
        SignInAdvice(
            "app_blocked",  # OAUTH_APP_ACCESS_DENIED and its like, in the browser
            "Your Salesforce does not let its users use this app.",
            "Let an admin install or unblock it in Setup → Connected Apps OAuth Usage.",
            seen_as="oauth_app_access_denied",
        ),
        SignInAdvice(
            "callback_url_wrong",
            "Salesforce does not know the address that the browser is to come back to.",
            f"Add CONTACTSYNC_BASE_URL with /connect/salesforce/callback behind it to the callback URLs of {_APP}.",
            seen_as="redirect_uri_mismatch",
        ),
        SignInAdvice(
            "scope_refused",
            "The app may not ask for the scopes that contactsync needs.",
            f"Add the scopes “Manage user data via APIs (api)” and “Perform requests at any time (refresh_token, "
            f"offline_access)” to {_APP}.",
            seen_as="invalid_scope",
        ),
        SignInAdvice(
            "inactive_user",
            "The integration user is not active.",
            "Activate it in Setup → Users.",
            seen_as="inactive_user",
        ),
        SignInAdvice(
            "inactive_org",
            "The Salesforce org is not active.",
            "Ask Salesforce about the state of the org.",
            seen_as="inactive_org",
        ),
        SignInAdvice(
            "invalid_grant",
            "Salesforce does not let the integration user sign in.",
            f"Check in {_APP} that the flow is enabled and has its “Run As” user, or that the user is approved.",
            seen_as="invalid_grant",
        ),
        DENIED,
    )
}

SIGN_IN_PROBLEMS: tuple[KnownProblem, ...] = tuple(
    advice.known
    for advice in (
        EXPIRED,
        CODE_REFUSED,
        NO_REFRESH_TOKEN,
        OTHER_ORG,
        *_BY_ERROR.values(),
        *_BY_DESCRIPTION,
        REFUSED,
        ADDRESS_REFUSED,
        ADDRESS_WRONG,
        CERTIFICATE_REFUSED,
        UNREACHABLE,
        UNAVAILABLE,
        LIMIT,
    )
)
"""For the target's catalogue."""


def advice_for(error: str, description: str, invalid_grant: SignInAdvice | None = None) -> SignInAdvice:
    """The words for an OAuth error. `invalid_grant`: what it means where a grant was given that can lapse."""
    lower = description.lower()
    if "rate exceeded" in lower or "try again" in lower or error in {"server_error", "temporarily_unavailable"}:
        return LIMIT
    if error == "invalid_grant":
        found = next((advice for advice in _BY_DESCRIPTION if advice.saying in lower), None)
        if invalid_grant is not None:
            return found if found is not None and found.code != "invalid_grant" else invalid_grant
        if found is not None:
            return found
    return _BY_ERROR.get(error.lower(), REFUSED)
