"""The console's pages: oidc."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("oidc")
