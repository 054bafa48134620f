"""A batch on its way: contacts made ready, the plan for them, and what came of it for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contactsync.domain.choices import CompanyChoice, OwnerChoice, SyncAsChoice
from contactsync.domain.crm import FieldCatalog, Next, Problem, RecordKind, RecordRef, Step
from contactsync.domain.records import Attendee, Contact, Event, Meeting, SyncAs


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
    """A contact with everything that is required; its company is filled in, its owner named. `rematched`: the attempt before
    found that what was known of the CRM is stale: everything is asked for, also what a link should answer. `attempted`:
    e-mail addresses that it had before, under which a record may have been made for it whose id was never heard.
    `account_overtaken`: a person chose its company's Account otherwise while it was put into the one that it is in.
    """

    contact: Contact
    sync_as: SyncAs
    owner_email: str | None = None
    links: Links = Links()
    why: tuple[str, ...] = ()
    rematched: bool = False
    attempted: tuple[str, ...] = field(default=(), repr=False)
    account_overtaken: bool = False

    @property
    def kind(self) -> RecordKind:
        """The CRM object that Sync As names."""
        return RecordKind.LEAD if self.sync_as is SyncAs.LEAD else RecordKind.CONTACT


Written = Mapping[RecordRef, Mapping[str, str]]
"""What we last wrote: CRM record → its fields' values as `values.mark_of` makes them (never the values themselves)."""

Catalogs = Mapping[RecordKind, FieldCatalog]
"""The CRM's fields, of the kinds whose rules need them (`rules_need_catalog`)."""


@dataclass(frozen=True)
class ReadyEvent:
    """An event on its way to its campaign. `campaign`: what it is connected to, or what was made of it, if anything.
    `attempted`: names under which a campaign may have been made for it whose id was never heard. `asked_for`: a person wants
    a campaign of its own for it, whatever the org's policy says.
    """

    event: Event
    campaign: RecordRef | None = None
    made_by_us: bool = False
    attempted: tuple[str, ...] = ()
    asked_for: bool = False


@dataclass(frozen=True)
class MeetingPerson:
    """An attendee of a meeting and the CRM record that it is, if it has one yet. `name`: for the readable list.
    `account`: its company's Account, when it is linked. `unreviewed`: a captured contact that nobody approved yet.
    """

    attendee: Attendee
    ref: RecordRef | None = None
    name: str = field(default="", repr=False)
    account: RecordRef | None = None
    unreviewed: bool = False


@dataclass(frozen=True)
class ReadyMeeting:
    """A meeting on its way to its Activity. `link`: the Activity that it became; `event`: the one it belongs to;
    `attempted`: UTC moments at which an Activity may have been made for it whose id was never heard.
    """

    meeting: Meeting
    people: tuple[MeetingPerson, ...] = ()
    event: Event | None = None
    link: RecordRef | None = None
    attempted: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordPlan:
    """Which steps bring one event or meeting to the CRM: `main` is its own record, `others` belong to it."""

    id: str
    main: str | None = None
    others: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def step_ids(self) -> tuple[str, ...]:
        """Every step, the main one first."""
        return tuple(dict.fromkeys(step_id for step_id in (self.main, *self.others) if step_id))

    @property
    def person(self) -> str | None:
        """The main step, by the name that a contact's plan has for it."""
        return self.main


@dataclass(frozen=True)
class RecordsPlan:
    """What should change for a batch of events, or of meetings; `plans` by the event platform's id."""

    steps: tuple[Step, ...]
    plans: Mapping[str, RecordPlan]


@dataclass(frozen=True)
class Incomplete:
    """A contact that lacks something required (rule 1); `missing` in the order of REQUIRED, a review that it waits for last."""

    contact: Contact
    missing: tuple[str, ...]
    sync_as: SyncAs | None = None


@dataclass(frozen=True)
class ContactPlan:
    """Which steps bring one contact to the CRM: it is synced when all of them are done.

    Several contacts may share steps: two with one e-mail address share the person, many share an Account.
    `members`: campaign id → step id; `statuses`: the steps before them that make member statuses. `problem`: planning
    itself stopped (several matches, and the org wants to be asked); then no step is done for this contact. `next`: what
    happens then; REMATCH: it is asked for more, and planned once more.
    """

    contact_id: str
    person: str | None = None
    account: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    problem: Problem | None = None
    statuses: tuple[str, ...] = ()
    next: Next = Next.STOP

    @property
    def step_ids(self) -> tuple[str, ...]:
        """Every step of this contact, those that others refer to first."""
        ids = (self.account, self.person, *self.statuses, *self.members.values())
        return tuple(dict.fromkeys(step_id for step_id in ids if step_id))


@dataclass(frozen=True)
class Plan:
    """What should change. A step refers only to steps before it. `contacts`: by contact id, each that was ready."""

    steps: tuple[Step, ...]
    contacts: Mapping[str, ContactPlan]
