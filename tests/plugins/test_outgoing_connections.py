"""Nobody opens a connection to another host but the one transport to Salesforce, and the few that are listed here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

NETWORK = frozenset(
    {
        "aiohttp",
        "asyncio",
        "authlib",
        "ftplib",
        "http",
        "httpx",
        "imaplib",
        "poplib",
        "pycurl",
        "requests",
        "smtplib",
        "socket",
        "ssl",
        "telnetlib",
        "urllib3",
        "websockets",
        "xmlrpc",
    }
)
"""Packages that can open a connection. Of urllib, urllib.request can; of simple_salesforce only what our session carries."""

WHOLE = {
    "plugins/salesforce/transport.py": "the transport",
    "plugins/salesforce/limits.py": "its limits",
    "contactsync/cli/send.py": "posts to the operator's own address",
    "contactsync/demo/running.py": "a development tool: this machine alone",
    "contactsync/standin/server.py": "a development tool: a server",
    "contactsync/web/arrivals.py": "what comes in",
    "contactsync/web/console/oidc_provider.py": "the provider that the operator named",
}

NAMES = {
    "plugins/salesforce/auth.py": {"requests.RequestException", "requests.Response", "urllib3.exceptions.HTTPError"},
    "plugins/salesforce/sign_in.py": {"requests.Response"},
    "plugins/salesforce/oauth.py": {
        "requests.Response",
        "authlib.integrations.requests_client.oauth2_session.OAuth2ClientAuth",
        "authlib.oauth2.client.OAuth2Client",
    },
    "plugins/salesforce/wire.py": {
        "requests.RequestException",
        "requests.Response",
        "requests.Timeout",
        "urllib3.exceptions.HTTPError",
        "urllib3.exceptions.TimeoutError",
    },
    "contactsync/demo/__init__.py": {"requests.RequestException"},
    "contactsync/sync/org.py": {"socket.gethostname"},
    "contactsync/sync/worker.py": {"socket.gethostname"},
    "contactsync/web/api/docs.py": {"http.HTTPStatus"},
}
"""What others may say of these packages: exceptions, types and this machine's name."""


def sources() -> Iterator[Path]:
    for folder in ("contactsync", "plugins"):
        yield from sorted((CHECKOUT / folder).rglob("*.py"))


def uses(tree: ast.AST) -> set[str]:
    """Every dotted name of a package of the network that a module says."""
    bound: dict[str, str] = {}
    said: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _of_network(alias.name):
                    bound[alias.asname or alias.name.partition(".")[0]] = (
                        alias.asname and alias.name
                    ) or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _of_network(node.module or ""):
            said |= {f"{node.module}.{alias.name}" for alias in node.names}
    parents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in parents:
            name = _dotted(node)
            first, _, rest = name.partition(".")
            if first in bound:
                said.add(f"{bound[first]}.{rest}" if rest else bound[first])
    return said


def _of_network(module: str) -> bool:
    return module.partition(".")[0] in NETWORK or module.startswith("urllib.request")


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_only_the_transport_and_those_listed_use_the_network() -> None:
    found = {str(path.relative_to(CHECKOUT)): uses(ast.parse(path.read_text("utf-8"))) for path in sources()}
    told = {path: sorted(said - NAMES.get(path, set())) for path, said in found.items() if path not in WHOLE}
    assert {path: said for path, said in told.items() if said} == {}


def test_the_lists_hold_nothing_that_is_not_there() -> None:
    found = {str(path.relative_to(CHECKOUT)): uses(ast.parse(path.read_text("utf-8"))) for path in sources()}
    assert {path for path in WHOLE if not found.get(path)} == set()
    assert {
        path: names - found.get(path, set()) for path, names in NAMES.items() if names - found.get(path, set())
    } == {}


def test_a_request_by_another_way_would_be_found() -> None:
    for planted, name in (
        ("import requests\nrequests.post('x')", "requests.post"),
        ("import urllib.request\nurllib.request.urlopen('x')", "urllib.request.urlopen"),
        ("from http.client import HTTPConnection", "http.client.HTTPConnection"),
        ("import socket as s\ns.create_connection(('x', 1))", "socket.create_connection"),
        ("def f():\n    import httpx\n    return httpx.get", "httpx.get"),
    ):
        assert name in uses(ast.parse(planted)), planted
