"""A batch on its way: contacts made ready, the plan for them, and what came of it for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contactsync.domain.choices import CompanyChoice, OwnerChoice, SyncAsChoice
from contactsync.domain.crm import Problem, RecordKind, RecordRef, Step
from contactsync.domain.records import Contact, SyncAs


@dataclass(frozen=True)
class Choices:
    """What the deciding plugins said about one contact."""

    owner: OwnerChoice | None = None
    sync_as: SyncAsChoice | None = None
    company: CompanyChoice | None = None


@dataclass(frozen=True)
class Links:
    """What earlier runs of this connection tied a contact to."""

    people: Mapping[RecordKind, RecordRef] = field(default_factory=dict)  # the contact's Lead, its Contact
    account: RecordRef | None = None  # its company's Account


@dataclass(frozen=True)
class Ready:
    """A contact with everything that is required; its company is filled in, its owner named."""

    contact: Contact
    sync_as: SyncAs
    owner_email: str | None = None
    links: Links = Links()
    why: tuple[str, ...] = ()

    @property
    def kind(self) -> RecordKind:
        """The CRM object that Sync As names."""
        return RecordKind.LEAD if self.sync_as is SyncAs.LEAD else RecordKind.CONTACT


@dataclass(frozen=True)
class Incomplete:
    """A contact that lacks something required (rule 1); `missing` in the order of REQUIRED."""

    contact: Contact
    missing: tuple[str, ...]
    sync_as: SyncAs | None = None


@dataclass(frozen=True)
class ContactPlan:
    """Which steps bring one contact to the CRM: it is synced when all of them are done.

    Several contacts may share steps: two with one e-mail address share the person, many share an Account.
    `members`: campaign id → step id. `problem`: planning itself stopped (several matches, and the org wants to be
    asked); then no step is done for this contact.
    """

    contact_id: str
    person: str | None = None
    account: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def step_ids(self) -> tuple[str, ...]:
        """Every step of this contact, those that others refer to first."""
        ids = (self.account, self.person, *self.members.values())
        return tuple(dict.fromkeys(step_id for step_id in ids if step_id))


@dataclass(frozen=True)
class Plan:
    """What should change. A step refers only to steps before it. `contacts`: by contact id, each that was ready."""

    steps: tuple[Step, ...]
    contacts: Mapping[str, ContactPlan]
