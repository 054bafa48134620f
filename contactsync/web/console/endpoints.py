"""The console's pages: endpoints."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("endpoints")
