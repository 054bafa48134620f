"""The command line: `contactsync --help`."""

from __future__ import annotations

from contactsync.cli.commands import main

__all__ = ["main"]
