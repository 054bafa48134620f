"""The console's pages: mapping."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("mapping")
