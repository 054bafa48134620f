"""A connection's settings, read strictly: where Salesforce is, and how we sign in.

The address decides who is shown the client secret and every contact, so it is parsed, never searched: https, a host of
Salesforce's own domains, nothing else in it. Plain http is for loopback addresses alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from contactsync.api import Misconfigured, RefusedInput

API_VERSION = "66.0"  # Spring '26; every org of today speaks it
CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "jwt_bearer"
WEB_SERVER = "web_server"
FLOWS = (CLIENT_CREDENTIALS, JWT_BEARER, WEB_SERVER)
PRODUCTION_LOGIN = "https://login.salesforce.com"
SANDBOX_LOGIN = "https://test.salesforce.com"
SIGN_IN_PAGES = frozenset({PRODUCTION_LOGIN, SANDBOX_LOGIN})
"""Everybody's: people sign in there, the API of an org is elsewhere."""

_DOMAINS = (".salesforce.com", ".force.com", ".salesforce.mil")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_VERSION = re.compile(r"\d\d\.0", re.ASCII)
_EXAMPLE = "https://acme.my.salesforce.com"
_SECRETS = ("client_secret", "private_key", "refresh_token")
_LONGEST_TIMEOUT = 600.0  # Salesforce itself ends a call after ten minutes


@dataclass(frozen=True)
class Access:
    """Where and how to sign in. `instance_url` and `login_url` are origins without a slash at the end; times are seconds."""

    instance_url: str
    flow: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    login_url: str = ""
    audience: str = PRODUCTION_LOGIN
    api_version: str = API_VERSION
    connect_timeout: float = 5.0
    read_timeout: float = 120.0

    @property
    def sign_in_url(self) -> str:
        """Where tokens come from: My Domain, unless a login address is set."""
        return self.login_url or self.instance_url

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.sign_in_url}/services/oauth2/token"

    @property
    def posted_token_url(self) -> str:
        """The same as our session takes it: https, which it carries over plain http to this machine alone."""
        return self.token_url.replace("http://", "https://", 1)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine itself. `[::1]` is not offered: simple-salesforce cannot write it into a URL."""
    if host == "localhost":
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def is_local(url: str) -> bool:
    """Whether an origin, as `origin` answers it, is this machine itself."""
    return is_loopback(url.partition("://")[2].partition(":")[0])


def origin(url: str) -> str:
    """The address as scheme and host, in lower case. Raises ValueError saying what to write instead."""
    if any(char.isspace() or not char.isprintable() or char == "\\" for char in url):
        raise ValueError(f"no spaces or backslashes belong in it; write it as {_EXAMPLE}")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise ValueError(f"it is not a web address; write it as {_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise ValueError("leave out the user name and password")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError(f"leave out everything after the host; write it as {_EXAMPLE}")
    if not _HOST.fullmatch(host):
        raise ValueError(f"it names no host; write it as {_EXAMPLE}")
    if parts.scheme == "http":
        if not is_loopback(host):
            raise ValueError("plain http is for this machine itself (127.0.0.1) only; write https://")
        return f"http://{host}" if port in {None, 80} else f"http://{host}:{port}"
    if parts.scheme != "https":
        raise ValueError("it must begin with https://")
    if port not in {None, 443}:
        raise ValueError("leave out the port")
    _check_salesforce_host(host)
    return f"https://{host}"


def _check_salesforce_host(host: str) -> None:
    if host.endswith(".lightning.force.com"):
        name = host.removesuffix(".lightning.force.com")
        raise ValueError(f"that is the address of the screens; the API's is https://{name}.my.salesforce.com")
    if not host.endswith(_DOMAINS):
        raise ValueError(f"{host} is no Salesforce host; write your My Domain, as in {_EXAMPLE}")


def wrong_settings(settings: Mapping[str, str], credentials: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a connection's settings, by setting name; empty when it can be used."""
    wrong = _wrong_addresses(settings) | _misplaced(settings)
    flow = _flow(settings, credentials)
    if not settings.get("client_id", "").strip():
        wrong["client_id"] = "missing; copy the Consumer Key of your External Client App"
    if flow == CLIENT_CREDENTIALS and not credentials.get("client_secret", "").strip():
        wrong["client_secret"] = "missing; copy the Consumer Secret of your External Client App"  # noqa: S105
    if flow == JWT_BEARER:
        if not settings.get("username", "").strip():
            wrong["username"] = "missing; write the user name of the integration user"
        wrong.update(_wrong_key(credentials.get("private_key", "")))
    if flow == WEB_SERVER and not credentials.get("refresh_token", "").strip():
        wrong["refresh_token"] = "missing; sign in with a browser (contactsync connect <org> --web)"  # noqa: S105
    if flow not in FLOWS:
        wrong["flow"] = f"unknown; write {CLIENT_CREDENTIALS} or {JWT_BEARER}, or sign in with a browser"
    wrong.update(_wrong_numbers(settings))
    return wrong


def _misplaced(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings are kept and shown as they are."""
    return {name: "is secret: it belongs among the credentials" for name in _SECRETS if settings.get(name)}


def _wrong_numbers(settings: Mapping[str, str]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not _VERSION.fullmatch(settings.get("api_version", API_VERSION)):
        wrong["api_version"] = f"not a version; write it as {API_VERSION}"
    for name in ("connect_timeout", "read_timeout"):
        if name in settings and _seconds(settings[name]) is None:
            wrong[name] = f"write seconds, above 0 and at most {_LONGEST_TIMEOUT:.0f}"
    return wrong


def read_access(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Access:
    """The settings as a value. Raises Misconfigured naming each wrong one."""
    wrong = wrong_settings(settings, credentials)
    if wrong:
        said = "; ".join(f"{name}: {what}" for name, what in sorted(wrong.items()))
        raise Misconfigured(f"the Salesforce connection cannot be used: {said}")
    return _access(settings, credentials)


def read_sign_in(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Access:
    """The settings of a sign-in that begins in a browser. `instance_url` may be left out: the sign-in will say it.

    Raises RefusedInput naming each wrong one.
    """
    wrong = _wrong_addresses(settings, instance_url_needed=False) | _wrong_numbers(settings) | _misplaced(settings)
    if not settings.get("client_id", "").strip():
        wrong["client_id"] = "missing; copy the Consumer Key of your External Client App"
    if wrong:
        raise RefusedInput("the sign-in's settings are wrong", wrong)
    login = settings.get("login_url") or settings.get("instance_url") or PRODUCTION_LOGIN
    return _access({**settings, "login_url": login, "flow": WEB_SERVER}, credentials)


def _access(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Access:
    instance_url = origin(settings["instance_url"]) if settings.get("instance_url") else ""
    login_url = origin(settings["login_url"]) if settings.get("login_url") else ""
    usual = SANDBOX_LOGIN if ".sandbox." in instance_url else PRODUCTION_LOGIN
    return Access(
        instance_url=instance_url,
        flow=_flow(settings, credentials),
        client_id=settings["client_id"].strip(),
        client_secret=credentials.get("client_secret", "").strip(),
        private_key=credentials.get("private_key", ""),
        refresh_token=credentials.get("refresh_token", "").strip(),
        username=settings.get("username", "").strip(),
        login_url=login_url,
        audience=settings.get("audience") or login_url or usual,
        api_version=settings.get("api_version", API_VERSION),
        connect_timeout=_seconds(settings.get("connect_timeout", "")) or Access.connect_timeout,
        read_timeout=_seconds(settings.get("read_timeout", "")) or Access.read_timeout,
    )


def _flow(settings: Mapping[str, str], credentials: Mapping[str, str]) -> str:
    if settings.get("flow"):
        return settings["flow"]
    if credentials.get("refresh_token"):
        return WEB_SERVER
    return JWT_BEARER if credentials.get("private_key") else CLIENT_CREDENTIALS


def _wrong_addresses(settings: Mapping[str, str], *, instance_url_needed: bool = True) -> dict[str, str]:
    wrong: dict[str, str] = {}
    places: set[bool] = set()
    for name in ("instance_url", "login_url"):
        url = settings.get(name, "")
        if not url:
            if name == "instance_url" and instance_url_needed:
                wrong[name] = f"missing; write your My Domain, as in {_EXAMPLE}"
            continue
        try:
            found = origin(url)
        except ValueError as error:
            wrong[name] = str(error)
            continue
        places.add(is_local(found))
        if name == "instance_url" and found in SIGN_IN_PAGES:
            wrong[name] = f"that is the sign-in page for everybody; write your My Domain, as in {_EXAMPLE}"
    if len(places) > 1:
        wrong["login_url"] = "it and the instance_url must both be Salesforce's, or both this machine itself"
    return wrong


def _wrong_key(pem: str) -> dict[str, str]:
    if not pem.strip():
        return {"private_key": "missing; give the private key (PEM) whose certificate the External Client App holds"}
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return {"private_key": "unreadable; it must be an RSA private key in PEM form without a pass phrase"}
    if not isinstance(key, RSAPrivateKey):
        return {"private_key": "Salesforce takes RSA keys only"}
    return {}


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds <= _LONGEST_TIMEOUT else None
