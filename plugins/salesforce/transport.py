"""The HTTP session under simple-salesforce: time limits, size limits, no redirects, no surprises from the environment.

simple-salesforce sets no time-out and follows redirects as requests does; both are settled here, where the bytes go out.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from .settings import Access, is_loopback

MOST_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE = 256 * 1024
_POOL = 4

Heard = Callable[[requests.Response | None], None]
"""Told after every call to the REST API; None: it was sent and never answered."""


class AnswerTooLarge(requests.RequestException):
    """An answer went over MOST_ANSWER_BYTES and was left unread."""


class PlainLoopback(HTTPAdapter):
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
        # Not the environment's way: a .netrc entry would replace our Authorization header, and REQUESTS_CA_BUNDLE would
        # win over `verify`. What an operator sets on purpose, the proxy and the CA bundle, is taken from it here.
        self.trust_env = False
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        self.adapters.clear()
        local = urlsplit(access.instance_url).scheme == "http"  # settings take it for loopback addresses alone
        adapter = PlainLoopback if local else HTTPAdapter
        self.mount("https://", adapter(pool_connections=_POOL, pool_maxsize=_POOL))
        if not local:
            self.proxies.update(get_environ_proxies(access.instance_url))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one call and read its answer whole. Raises requests' and urllib3's own errors."""
        counted = "/services/data/" in (request.url or "")
        kwargs |= {"timeout": self.timeouts, "allow_redirects": False, "stream": True}
        try:
            response = super().send(request, **kwargs)
            _read(response, deadline=time.monotonic() + 2 * self.timeouts[1])
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if counted and not never_sent(error):
                self.heard(None)
            raise
        if counted:
            self.heard(response)
        return response


def never_sent(error: BaseException) -> bool:
    """Whether a call failed before a byte of it went out: then nothing can have been written."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.InvalidSchema):
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


def _read(response: requests.Response, *, deadline: float) -> None:
    """Read the body with both limits, and leave it in the response as if it had just come in."""
    pieces, size = [], 0
    for piece in response.raw.stream(_PIECE, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_ANSWER_BYTES:
            response.close()
            raise AnswerTooLarge("the answer is too large")
        if time.monotonic() > deadline:
            response.close()
            raise requests.ReadTimeout("the answer took too long to arrive")
    response.raw = BytesIO(b"".join(pieces))
