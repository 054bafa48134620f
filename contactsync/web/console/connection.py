"""The console's pages: connection."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("connection")
