"""The console's pages: problems."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("problems")
