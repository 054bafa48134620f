"""The console's pages: events."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("events")
