"""The console's pages: inbox."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("inbox")
