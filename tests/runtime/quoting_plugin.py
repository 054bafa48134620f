"""A plugin that fails and says of whom: what it raises quotes every value of the contact."""

from __future__ import annotations

from contactsync.api import Contact, FinishedRun, OwnerChoice, hookimpl


@hookimpl
def contactsync_owner(contact: Contact) -> OwnerChoice | None:
    """An error that quotes the contact, for those who are made for it."""
    if contact.id.startswith("c-plugin"):
        raise ValueError(f"cannot choose an owner for {contact.text('email')}: {contact!r}")
    return None


@hookimpl
def contactsync_run_finished(run: FinishedRun) -> None:
    """An error that quotes what was written."""
    raise LookupError(f"nobody knows {run!r}")
