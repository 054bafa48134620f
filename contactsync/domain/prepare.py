"""The first look at a contact: is everything there that a sync needs (rule 1)?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from contactsync.domain.batch import Choices, Incomplete, Links, Ready
from contactsync.domain.captured import APPROVAL, awaits_review
from contactsync.domain.crm import RecordRef
from contactsync.domain.policy import Policies
from contactsync.domain.records import REQUIRED, Company, Contact, SyncAs


def prepare(
    contact: Contact,
    choices: Choices,
    links: Links,
    policies: Policies,
    *,
    rematched: bool = False,
    attempted: Collection[str] = (),
    approved: bool = False,
    account_overtaken: bool = False,
) -> Ready | Incomplete:
    """The contact with its company, owner and Sync As in place, or what it lacks.

    What the contact says itself goes before what plugins chose, and that before the org's policy; `why` says where each
    thing came from that the contact did not say. `approved`: somebody let it go; else one that was captured in the Leads Inbox
    waits where the org wants it so, as one that misses its approval. A deleted contact is the caller's to leave out.
    """
    why: list[str] = []
    sync_as = _sync_as(contact, choices, policies, why)
    company = _company(contact, choices, why)
    there = {path: contact.text(path) is not None for path in ("first_name", "last_name", "email")}
    there["company"] = company is not None and _usable(company, sync_as)
    there["sync_as"] = sync_as is not None
    missing = tuple(name for name in REQUIRED if not there[name])
    if awaits_review(contact, policies, approved=approved):
        missing = (*missing, APPROVAL)
    if missing or sync_as is None:
        return Incomplete(contact, missing, sync_as)
    if choices.owner is not None:
        why.append(choices.owner.why)
    return Ready(
        contact=replace(contact, company=company),
        sync_as=sync_as,
        owner_email=choices.owner.email.strip().lower() or None if choices.owner else None,
        links=links,
        why=tuple(line for line in why if line),
        rematched=rematched,
        attempted=tuple(address for address in attempted if address != contact.email),
        account_overtaken=account_overtaken,
    )


def of_company(ready: Ready, company: Company, account: RecordRef | None) -> Ready:
    """The contact with a company in place of the one that a plugin named, and the Account that it is linked to."""
    there = ready.contact.company
    if not _usable(company, ready.sync_as):
        company = replace(company, name=there.name if there else None)
    return replace(ready, contact=replace(ready.contact, company=company), links=replace(ready.links, account=account))


def _sync_as(contact: Contact, choices: Choices, policies: Policies, why: list[str]) -> SyncAs | None:
    said = contact.text("sync_as")
    if said is not None:
        # A word we do not know is no permission to guess: the contact stays incomplete until it names one of ours.
        return next((known for known in SyncAs if known.value == said.lower()), None)
    if choices.sync_as is not None:
        why.append(choices.sync_as.why)
        return choices.sync_as.sync_as
    if policies.sync_as_default is not None:
        why.append(f"Sync As {policies.sync_as_default.value}: the contact carries none, this is the org's default.")
    return policies.sync_as_default


def _company(contact: Contact, choices: Choices, why: list[str]) -> Company | None:
    if contact.company is not None or choices.company is None:
        return contact.company
    why.append(choices.company.why)
    return choices.company.company


def _usable(company: Company, sync_as: SyncAs | None) -> bool:
    """A company counts once it has a name; for a Contact it is enough that a person picked its Account."""
    if company.name and company.name.strip():
        return True
    return bool(company.account_id) and sync_as is SyncAs.CONTACT
