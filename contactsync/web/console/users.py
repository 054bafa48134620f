"""The console's pages: users."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("users")
