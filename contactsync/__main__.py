"""`python -m contactsync` is the command `contactsync`."""

from __future__ import annotations

from contactsync.cli import main

main()
