"""The addresses of pages and of the files they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from flask import current_app, g, url_for

PREFIX = "console_"
"""Blueprints of the console are called so: what fails in them is answered by a page."""


def url(endpoint: str, /, **named: Any) -> str:
    """The address of a page: `url("profile.profile", key=3)`. The org's slug is that of the seat unless it is said (`org=`).
    What is None or empty is left out.
    """
    slug = named.pop("org", None)
    name = f"{PREFIX}{endpoint}"
    if current_app.url_map.is_endpoint_expecting(name, "org_slug"):
        named["org_slug"] = slug or g.seat.org.slug
    return url_for(name, **{key: value for key, value in named.items() if value not in (None, "")})


def asset(name: str) -> str:
    """The address of a file that we ship: it changes with what is in the file, so that browsers may keep it for ever."""
    digests: Mapping[str, str] = current_app.extensions["contactsync.console"]["assets"]
    return url_for(f"{PREFIX}assets.asset_file", name=name, v=digests[name])


def taken_apart(address: str) -> SplitResult:
    """An address that a browser sent in a header, in its parts; what is no address has none."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")
