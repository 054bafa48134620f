"""The console's pages: deliveries."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("deliveries")
