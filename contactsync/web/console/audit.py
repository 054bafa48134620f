"""The console's pages: audit."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("audit")
