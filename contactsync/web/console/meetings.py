"""The console's pages: meetings."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("meetings")
