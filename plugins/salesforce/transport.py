"""The HTTP session under simple-salesforce: hosts of the connection alone, limits of time and size, no redirects, no cookies,
no surprises from the environment, JSON read strictly.

simple-salesforce sets no time-out and follows redirects as requests does; all that is settled here, where the bytes go out.
No other module of contactsync opens a connection to a CRM.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from .limits import MOST_ANSWER_BYTES, Allowance, AnswerTooLarge, AnswerUnreadable, pools_within, read_whole
from .settings import Access, is_loopback, origin
from .strict_json import read_json

__all__ = [
    "MOST_ANSWER_BYTES",
    "AnswerTooLarge",
    "AnswerUnreadable",
    "HostRefused",
    "Session",
    "is_certificate_refused",
    "never_sent",
]

_POOL = 4
_SHOWN = 1000
_LIMIT_INFO = re.compile(r"api-usage=\d{1,15}/\d{1,15}", re.ASCII)

Heard = Callable[[requests.Response | None], None]
"""Told after every call to the REST API; None: it was sent and never answered."""


class HostRefused(requests.exceptions.InvalidURL):
    """A call would have gone to a host that the connection's settings do not allow; nothing was sent."""


class Answered(requests.Response):
    """An answer that has come in whole."""

    @property
    def text(self) -> str:
        """The beginning: nobody reads more of what is no JSON, and to guess the encoding of much takes minutes."""
        return self.content[:_SHOWN].decode("utf-8", "replace")

    def json(self, **_options: Any) -> Any:
        """Its object or list. Raises AnswerUnreadable."""
        value = read_json(self.content)
        if not isinstance(value, dict | list):
            raise AnswerUnreadable("the answer is no object and no list")
        return value


class Adapter(HTTPAdapter):
    """Connections that keep to an allowance, through a proxy as well."""

    def __init__(self, allowance: Allowance) -> None:
        self._pools = pools_within(allowance)
        super().__init__(pool_connections=_POOL, pool_maxsize=_POOL)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As ever, with our pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """As ever, with our pools."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class PlainLoopback(Adapter):
    """Carries https URLs to a loopback address over plain http: simple-salesforce can write no others.

    By any name of this machine: the one in the settings need not be the one that the sign-in answers with.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send over plain http to this machine, as it is to any other."""
        url = request.url or ""
        if is_loopback(urlsplit(url).hostname or ""):
            request.url = "http" + url.removeprefix("https")
        return super().send(request, *args, **kwargs)


class Session(requests.Session):
    """One connection pool to one org. Not to be shared between threads."""

    def __init__(self, access: Access, heard: Heard) -> None:
        super().__init__()
        self.timeouts = (access.connect_timeout, access.read_timeout)
        self.heard = heard
        self._allowance = Allowance()
        self.headers["Accept-Encoding"] = "gzip"  # all that read_whole unpacks
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        # Not the environment's way: a .netrc entry would replace our Authorization header, and REQUESTS_CA_BUNDLE would
        # win over `verify`. What an operator sets on purpose, the proxy and the CA bundle, is taken from it here.
        self.trust_env = False
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        self.adapters.clear()
        self._local = urlsplit(access.instance_url).scheme == "http"  # settings take it for loopback addresses alone
        self.mount("https://", (PlainLoopback if self._local else Adapter)(self._allowance))
        if not self._local:
            self.proxies.update(get_environ_proxies(access.instance_url))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one call and read its answer whole, in twice the read time-out at the most.

        Raises HostRefused, AnswerUnreadable, requests' and urllib3's own errors.
        """
        self._check_host(request.url or "")
        counted = "/services/data/" in (request.url or "")
        kwargs |= {"timeout": self.timeouts, "allow_redirects": False, "stream": True}
        self._allowance.begin(sum(self.timeouts), 2 * self.timeouts[1])
        try:
            response = super().send(request, **kwargs)
            _read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if counted and not never_sent(error):
                self.heard(None)
            raise
        if counted:
            self.heard(response)
        return response

    def _check_host(self, url: str) -> None:
        """Whatever an answer or a kept token said: Salesforce's own hosts, or this machine where the settings name it."""
        try:
            parts = urlsplit(url)
            if parts.scheme != "https":
                return  # no adapter carries it
            if self._local and is_loopback(parts.hostname or ""):
                return
            if not self._local and origin(f"https://{parts.netloc}"):
                return
        except ValueError:
            pass
        raise HostRefused("the connection allows no calls to this host")


def never_sent(error: BaseException) -> bool:
    """Whether a call failed before a byte of it went out: then nothing can have been written."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.InvalidSchema):
        return True
    if isinstance(error, HostRefused):
        return True
    return is_certificate_refused(error) or isinstance(_reason(error), urllib3.exceptions.NewConnectionError)


def is_certificate_refused(error: BaseException) -> bool:
    """Whether the host's certificate was not believed. Other TLS errors also come when a connection breaks off later."""
    reason = _reason(error)
    return isinstance(reason, urllib3.exceptions.SSLError) and any(
        isinstance(inner, ssl.SSLCertVerificationError)
        for inner in (*reason.args, reason.__cause__, reason.__context__)
    )


def _reason(error: BaseException) -> object:
    """Why urllib3 gave up, where requests says so."""
    return (
        getattr(error.args[0], "reason", None) if isinstance(error, requests.ConnectionError) and error.args else None
    )


def _read(response: requests.Response) -> None:
    """Read the body, and leave it in the response as if it had just come in."""
    try:
        body = read_whole(response)
    except BaseException:
        response.close()
        raise
    response.raw = BytesIO(body)
    response.__class__ = Answered
    told = _LIMIT_INFO.match(response.headers.pop("Sforce-Limit-Info", ""))
    if told:  # simple-salesforce reads it too, and less carefully
        response.headers["Sforce-Limit-Info"] = told[0]
