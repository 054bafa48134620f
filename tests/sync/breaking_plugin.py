"""A plugin whose decision for one contact is no value that anybody can work with."""

from __future__ import annotations

from typing import Any, cast

from contactsync.api import Contact, OwnerChoice, hookimpl


@hookimpl
def contactsync_owner(contact: Contact) -> OwnerChoice | None:
    """An owner whose address is a number."""
    return OwnerChoice(cast("Any", 7), "careless") if contact.text("custom.careless") else None
