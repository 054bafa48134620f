"""What a user may change about themselves."""

from __future__ import annotations

from flask import Response

from contactsync.web.console.doors import Pages
from contactsync.web.console.showing import page

pages = Pages("account")


@pages.get("/account", whole=True)
def account() -> Response:
    """Who is signed in."""
    return page("account.html", title="Your account", nav="account")
