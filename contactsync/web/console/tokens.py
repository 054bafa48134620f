"""The console's pages: tokens."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("tokens")
