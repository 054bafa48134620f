"""The console's pages: first_run."""

from __future__ import annotations

from contactsync.web.console.doors import Pages

pages = Pages("first_run")
