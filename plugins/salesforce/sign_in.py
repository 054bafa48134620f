"""Signing in with a browser: the web-server flow, from the address to open to what the connection is then made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import requests

from contactsync.api import Problem, TargetRefused

from .auth import redeem_code
from .oauth import authorization_url
from .settings import SIGN_IN_PAGES, WEB_SERVER, Access, is_local, origin, read_sign_in
from .sign_in_advice import NO_REFRESH_TOKEN, OTHER_ORG, advice_for
from .transport import Session


class SalesforceSignIn:
    """Sign in at login.salesforce.com, at test.salesforce.com (`login_url`) or at the org's My Domain (`instance_url`).

    With an `instance_url` in the settings, the sign-in must lead to that org and no other.
    """

    def authorize(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], redirect_uri: str, state: str, verifier: str
    ) -> str:
        """The address to open in a browser; no I/O. Raises RefusedInput naming each wrong setting."""
        return authorization_url(read_sign_in(settings, credentials), redirect_uri, state, verifier)

    def redeem(
        self, settings: Mapping[str, str], credentials: Mapping[str, str], redirect_uri: str, code: str, verifier: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The org's own address among the settings, and the refresh token among the credentials.

        Raises RefusedInput, TargetUnavailable, TargetRefused.
        """
        access = read_sign_in(settings, credentials)
        with Session(replace(access, instance_url=access.sign_in_url), _count_nothing) as session:
            token = redeem_code(access, session, redirect_uri, code, verifier)
        if not token.refresh_token:
            raise TargetRefused(NO_REFRESH_TOKEN.problem)
        if _is_other_org(access, token.instance_url):
            raise TargetRefused(OTHER_ORG.problem)
        kept = {"client_secret": access.client_secret, "refresh_token": token.refresh_token}
        return _settled(settings, token.instance_url), {name: value for name, value in kept.items() if value}

    def refused(self, error: str) -> Problem:
        """What it means that the browser came back with an error and no code."""
        return advice_for(error, "").problem


def _is_other_org(access: Access, instance_url: str) -> bool:
    """By any of its names this machine is one org."""
    return bool(access.instance_url) and access.instance_url != instance_url and not is_local(instance_url)


def _settled(settings: Mapping[str, str], instance_url: str) -> dict[str, str]:
    """From here on all goes by the org's own address: fewer hosts are shown the secret."""
    settled = {**settings, "instance_url": instance_url, "flow": WEB_SERVER}
    if settled.get("login_url") and origin(settled["login_url"]) in {*SIGN_IN_PAGES, instance_url}:
        del settled["login_url"]
    return settled


def _count_nothing(response: requests.Response | None) -> None:
    """The sign-in is none of the API's calls."""


SIGN_IN = SalesforceSignIn()
