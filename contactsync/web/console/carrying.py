"""The console's pages: carrying."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("carrying")
