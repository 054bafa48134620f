"""The console's pages: companies."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("companies")
