"""The console's pages: policies."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("policies")
