"""What the deciding plugins answer: each a choice and why. None means: no opinion, ask the next."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.records import Company, SyncAs


@dataclass(frozen=True)
class OwnerChoice:
    """The record should belong to the active, standard CRM user with this e-mail address (lower-case)."""

    email: str
    why: str


@dataclass(frozen=True)
class SyncAsChoice:
    """What the contact becomes, when it does not say so itself."""

    sync_as: SyncAs
    why: str


@dataclass(frozen=True)
class CompanyChoice:
    """The company of a contact that has none of its own."""

    company: Company
    why: str
