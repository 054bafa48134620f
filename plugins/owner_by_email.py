"""The owner of a record is the CRM user with the e-mail address of the contact's owner at the event platform (rule 8)."""

from __future__ import annotations

from contactsync.api import Contact, OwnerChoice, hookimpl


@hookimpl
def contactsync_owner(contact: Contact) -> OwnerChoice | None:
    """The contact's `owner_email`; None when it is blank: then another plugin may know, or the owner is left alone."""
    email = contact.text("owner_email")
    if email is None:
        return None
    return OwnerChoice(email.lower(), why="Owner: the CRM user with the e-mail address of the contact's owner.")
