"""The console's pages: profile."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("profile")
