"""Sign in where the company signs in: OpenID Connect, code flow with PKCE.

    begin      state, nonce and verifier are drawn → sealed into a cookie of this browser → the provider's own page
    callback   the browser comes back: the state must be its own → the code is redeemed → the ID token must be for this
               sign-in → whoever it names is let in, if there is such a user

Nobody is made a user by it. Nothing is kept here: the cookie is good for ten minutes, and once, as the provider's code is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta

from flask import Response, current_app, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import SealBroken
from contactsync.log import logger
from contactsync.settings import Settings
from contactsync.sync import entering
from contactsync.sync.entering import NotLetIn
from contactsync.web.auth import parts
from contactsync.web.console.doors import Pages, cookie_name
from contactsync.web.console.oidc_claims import NotProven, identity_of
from contactsync.web.console.oidc_provider import Provider, ProviderAway
from contactsync.web.console.showing import redirected
from contactsync.web.console.sign_in import inside, sign_in_page, welcomed
from contactsync.web.errors import missing

pages = Pages("oidc")
log = logger(__name__)

PURPOSE = "console sign-in"
LIFETIME = timedelta(minutes=10)
_MOST_CODE = 4096
_AGAIN = "Begin again with the button below."


@pages.get("/sign-in/company", open=True)
def begin() -> Response | AnyResponse:
    """Send the browser to the provider."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    try:
        there = _provider().authorize_url(
            state=state, nonce=nonce, code_challenge=challenge, code_challenge_method="S256", redirect_uri=_callback()
        )
    except ProviderAway as error:
        return _away(error)
    now = parts().now()
    held = {"state": state, "nonce": nonce, "verifier": verifier, "next": inside(request.args.get("next", ""))}
    sealed = parts().vault.seal(0, PURPOSE, json.dumps({**held, "until": (now + LIFETIME).timestamp()}))
    response = redirected(there)
    response.set_cookie(
        _cookie(),
        sealed,
        max_age=int(LIFETIME.total_seconds()),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


@pages.get("/sign-in/company/callback", open=True)
def callback() -> Response | AnyResponse:
    """Where the provider sends the browser back to."""
    provider = _provider()
    if request.method == "HEAD":  # who looks ahead must not use the sign-in up
        return Response()
    try:
        held = _held()
        code = _code(provider, held)
        claims = provider.redeem(code, held["verifier"], _callback())
        oidc = provider.settings
        who = identity_of(claims, oidc.issuer, oidc.client_id, held["nonce"], parts().now())
        entered = entering.enter_by_identity(parts(), who.subject, who.email)
    except ProviderAway as error:
        return _away(error)
    except NotProven as error:
        log.warning("console sign-in refused", reason=error.reason)
        words = f"This sign-in could not be finished: it is too old, was used before, or was not begun here. {_AGAIN}"
        return _ended(sign_in_page(wrong=words, status=400))
    except NotLetIn as error:
        log.warning("console sign-in refused", reason="no such user")
        return _ended(sign_in_page(wrong=str(error), status=403))
    return _ended(welcomed(entered, held["next"]))


def callback_url(settings: Settings) -> str:
    """What the provider must be told to send browsers back to. The Host header is not believed."""
    return f"{settings.base_url or f'http://localhost:{settings.port}'}/sign-in/company/callback"


def _callback() -> str:
    return callback_url(parts().settings)


def _provider() -> Provider:
    """That of the settings, with its documents kept between requests."""
    settings = parts().settings.oidc
    if settings is None:
        raise missing("sign-in by a company account")
    kept: Provider | None = current_app.extensions.get("contactsync.oidc")
    if kept is None or kept.settings != settings:
        kept = current_app.extensions["contactsync.oidc"] = Provider(settings)
    return kept


def _held() -> Mapping[str, str]:
    """What this browser was given when it began. Raises NotProven."""
    try:
        held = json.loads(parts().vault.open(0, PURPOSE, request.cookies.get(_cookie(), "")))
    except SealBroken as error:
        raise NotProven("this browser began none") from error
    if held.pop("until") <= parts().now().timestamp():
        raise NotProven("begun too long ago")
    found: Mapping[str, str] = held
    return found


def _code(provider: Provider, held: Mapping[str, str]) -> str:
    """The code, if the answer is this sign-in's. Raises NotProven, NotLetIn when the person or the provider said no."""
    said = {name: request.args.getlist(name) for name in ("state", "code", "error", "iss")}
    if any(len(values) > 1 for values in said.values()):
        raise NotProven("said twice")
    one = {name: "".join(values) for name, values in said.items()}
    if not hmac.compare_digest(one["state"].encode("utf-8", "replace"), held["state"].encode()):
        raise NotProven("another state")
    if one["iss"] != provider.settings.issuer and (one["iss"] or provider.says_issuer()):
        raise NotProven("from another issuer")
    if one["error"]:
        raise NotLetIn(f"The sign-in was broken off there. {_AGAIN}")
    if not 0 < len(one["code"]) <= _MOST_CODE:
        raise NotProven("no code")
    return one["code"]


def _away(error: ProviderAway) -> Response:
    log.warning("console sign-in provider away", reason=error.reason)
    words = "Your company's sign-in does not answer now. Try again in a minute, or use a password."
    return sign_in_page(wrong=words, tone="warn", status=503)


def _ended(response: AnyResponse) -> AnyResponse:
    response.delete_cookie(_cookie(), secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def _cookie() -> str:
    return f"{cookie_name()}-company"
