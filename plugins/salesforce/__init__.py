"""Salesforce: contacts become Leads or Contacts, companies Accounts, attendances Campaign Members."""

from __future__ import annotations

from collections.abc import Iterable

from contactsync.api import TargetType, hookimpl

from .target import SALESFORCE


@hookimpl
def contactsync_targets() -> Iterable[TargetType]:
    """Provide the target `salesforce`."""
    return [SALESFORCE]
