"""The console's pages: contacts."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("contacts")
