"""The console's pages: plugins."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("plugins")
