"""The CRM's side, in words that no CRM owns: what a batch wants to know, what was found, what should change, what came of it.

The names of CRM *fields* ("Title") come from the mapping; the names of CRM *objects* and endpoints are the target's own
business. A `RecordKind` is the glossary's word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from contactsync.domain.records import Scalar


class RecordKind(StrEnum):
    """What a CRM record is."""

    LEAD = "Lead"
    CONTACT = "Contact"
    ACCOUNT = "Account"
    CAMPAIGN = "Campaign"
    MEMBER = "CampaignMember"
    MEMBER_STATUS = "CampaignMemberStatus"  # a status that members of one campaign may have
    ACTIVITY = "Activity"  # what a meeting becomes
    ATTENDEE = "Attendee"  # a person's place in an Activity
    OWNER = "User"

    @property
    def is_person(self) -> bool:
        """Whether a contact of the event platform becomes this."""
        return self in (RecordKind.LEAD, RecordKind.CONTACT)


@dataclass(frozen=True)
class RecordRef:
    """One CRM record."""

    kind: RecordKind
    id: str


@dataclass(frozen=True)
class StepRef:
    """The record that another step of the same batch makes; the target puts its id in place."""

    step_id: str


FieldValue = Scalar | RecordRef | StepRef
"""What a step may write. A reference field of a mapping holds an existing record's id as text; a member's `person` holds
`Step.record`, so that the target knows whether it is a Lead or a Contact."""


# ── look up ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Wanted:
    """What a batch must read from the CRM before anything is decided. Everything is for the whole batch.

    * `emails`: per person kind, lower-case addresses to match; `ids`: per kind (people and accounts), linked or picked ids.
    * `account_names`: exact names, compared case-insensitively; `account_domains`: host names without "www.".
    * `owner_emails`: addresses of active standard users; `campaigns`: ids whose members and statuses are needed, for the
      people of `member_emails` and `ids`. `member_labels`: of each status that somebody is to have, the labels that will do;
      empty when nothing is to be added for want of one (then `Found.can_add_statuses` is not asked for).
    * `campaign_names`: exact names of campaigns that may be there already; `activity_starts`: UTC moments
      ("2026-11-24T09:00:00Z") at which an Activity of ours may begin whose id was never heard. Activities found bring their
      attendees along.
    * `fields`: per kind, the CRM fields whose present values are needed.
    """

    emails: Mapping[RecordKind, frozenset[str]] = field(default_factory=dict)
    ids: Mapping[RecordKind, frozenset[str]] = field(default_factory=dict)
    account_names: frozenset[str] = frozenset()
    account_domains: frozenset[str] = frozenset()
    owner_emails: frozenset[str] = frozenset()
    campaigns: frozenset[str] = frozenset()
    member_emails: frozenset[str] = frozenset()
    member_labels: frozenset[tuple[str, ...]] = frozenset()
    campaign_names: frozenset[str] = frozenset()
    activity_starts: frozenset[str] = frozenset()
    fields: Mapping[RecordKind, frozenset[str]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask."""
        asks = (*self.emails.values(), *self.ids.values(), self.account_names, self.account_domains, self.owner_emails)
        return not any((*asks, self.campaigns, self.campaign_names, self.activity_starts))


@dataclass(frozen=True)
class FoundPerson:
    """A Lead or Contact as it stands. `converted_to`: the Contact that a converted Lead became (never write the Lead)."""

    ref: RecordRef
    email: str | None  # lower-case
    created_at: str  # ISO 8601, orders "oldest first"
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    converted: bool = False
    converted_to: RecordRef | None = None


@dataclass(frozen=True)
class FoundAccount:
    """An Account as it stands. `domain`: host name of its website without "www.", lower-case."""

    ref: RecordRef
    name: str
    domain: str | None
    created_at: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundOwner:
    """An active, standard user of the CRM."""

    ref: RecordRef
    email: str  # lower-case
    name: str


@dataclass(frozen=True)
class FoundMember:
    """A membership of a campaign as it stands. `campaign_id` is written as it was asked for."""

    ref: RecordRef
    campaign_id: str
    person: RecordRef
    status: str | None
    email: str | None = None  # lower-case


@dataclass(frozen=True)
class MemberStatus:
    """A status that members of one campaign may have."""

    label: str
    is_default: bool = False
    responded: bool = False


@dataclass(frozen=True)
class FoundCampaign:
    """A campaign as it stands."""

    ref: RecordRef
    name: str
    created_at: str
    fields: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundAttendee:
    """A person's place in an Activity, beside its `who`."""

    ref: RecordRef
    person: RecordRef
    status: str | None = None  # as the CRM calls it


@dataclass(frozen=True)
class FoundActivity:
    """An Activity as it stands. `starts_at`: UTC, "2026-11-24T09:00:00Z"; `description` holds our own line (meetings.py),
    by which it is known again when its id was never heard.
    """

    ref: RecordRef
    starts_at: str | None
    subject: str | None = None
    description: str | None = field(default=None, repr=False)
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    attendees: tuple[FoundAttendee, ...] = ()


@dataclass(frozen=True)
class Found:
    """What the CRM holds of what was wanted. Every converted Lead's Contact is among `people` too.

    `can_add_statuses`: member statuses can be made here; `can_add_attendees`: an Activity takes more people than its first.
    """

    people: tuple[FoundPerson, ...] = ()
    accounts: tuple[FoundAccount, ...] = ()
    owners: tuple[FoundOwner, ...] = ()
    members: tuple[FoundMember, ...] = ()
    member_statuses: Mapping[str, tuple[MemberStatus, ...]] = field(default_factory=dict)  # by campaign id as asked
    campaigns: tuple[FoundCampaign, ...] = ()
    activities: tuple[FoundActivity, ...] = ()
    can_add_statuses: bool = False
    can_add_attendees: bool = True


# ── decide ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    UPDATE = "update"
    LEAVE = "leave"
    REMOVE = "remove"  # memberships alone, and only where the org's policy says so: other records are never deleted


@dataclass(frozen=True)
class Step:
    """One record of the CRM: made, changed or left, and why.

    `id` is unique in the batch: letters, digits and underscore. `ref` is None for a create. `fields` holds the new values
    by CRM field name (only those that change); `before` the old values of the same fields. For members, which have no
    mapping, `fields` uses the words `campaign`, `person` and `status`; the target knows what they are called. So it is with
    member statuses (`campaign`, `label`, `responded`) and attendees (`activity`, `person`, `status`: accepted, declined or
    new). `why` is plain words without personal data, most important first; `field_why` the reason of a field by its CRM
    name, also of fields that were left as they are.

    `after`: steps that must be done before this one, without naming their records. `save_duplicates`: the org lets it be
    saved although a duplicate rule only warns.
    """

    id: str
    action: Action
    kind: RecordKind
    ref: RecordRef | None = None
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    before: Mapping[str, Scalar] = field(default_factory=dict)
    why: tuple[str, ...] = ()
    field_why: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    save_duplicates: bool = False

    def __post_init__(self) -> None:
        if (self.ref is None) != (self.action is Action.CREATE):
            raise ValueError(f"step {self.id}: a create has no record yet, every other step has one")

    @property
    def record(self) -> RecordRef | StepRef:
        """How a later step may name this step's record."""
        return self.ref or StepRef(self.id)


# ── apply ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Mend(StrEnum):
    """What has to change before a problem is gone. Changing it releases the records that the problem holds (rule 12)."""

    SOURCE = "source"  # the record, at the event platform
    MAPPING = "mapping"  # the rules of the problem's `object`
    POLICY = "policy"  # the org's policies
    OWNER = "owner"  # an owner, in the CRM
    PERMISSION = "permission"  # what the integration user may do
    CRM = "crm"  # the CRM's own rules, fields, picklists or automation
    CONNECTION = "connection"  # the sign-in
    PLUGIN = "plugin"


MOST_FOUND = 5
"""So many records a problem names, of however many there are to choose from."""


@dataclass(frozen=True)
class Problem:
    """Why something did not work, for people. No personal data (it is logged, grouped and counted).

    `code`: stable, lower-case with underscores (`required_field_missing`); `who`: who can fix it; `object`: the kind of
    record concerned (RecordKind's value), "" for none; `mended_by`: what would make it go; `found`: ids of records of that
    kind in the CRM among which somebody has to choose, the first few. They tell one contact's problem, so they are no part
    of what makes two problems one.
    """

    code: str
    cause: str
    fix: str
    who: str = "Salesforce admin"
    fields: tuple[str, ...] = ()
    object: str = ""
    mended_by: tuple[Mend, ...] = ()
    found: tuple[str, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """What groups records with one cause: the same code, object and fields; 16 hex digits."""
        made_of = "\n".join((self.code, self.object, *sorted(self.fields)))
        return hashlib.sha256(made_of.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class KnownProblem:
    """A line of a target's catalogue: a problem as the docs list it. `{fields}` and `{object}` may stand in the words."""

    code: str
    cause: str
    fix: str
    who: str
    seen_as: str = ""  # the CRM's own code
    comes_back: bool = False  # tried again by itself
    mended_by: tuple[Mend, ...] = ()


class Next(StrEnum):
    """What happens to a row that failed."""

    RETRY = "retry"  # by itself, with back-off: locks, time-outs, limits
    REMATCH = "rematch"  # what was known of the CRM is stale: unlink, look up again, try once more
    STOP = "stop"  # never by itself


@dataclass(frozen=True)
class Failure:
    """A row that failed: what happens next, and the words for people. `retry_after`: seconds at the least.

    `candidates`: with REMATCH, the records of the same kind that the CRM takes this one for, best first: the contact is
    tied to the first, and goes once more. `whole`: it failed with everything else that was under way or waited, for no
    reason of its own: with RETRY it counts as none of the attempts after which a record is given to a person.
    """

    next: Next
    problem: Problem
    retry_after: float | None = None
    candidates: tuple[RecordRef, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class StepResult:
    """What came of one step. Exactly one of `ref` and `failure` is set; LEAVE steps answer their own ref."""

    step_id: str
    ref: RecordRef | None = None
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether the CRM said so."""
        return self.failure is None


# ── describe, search, check ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class CrmField:
    """A field of the CRM, as far as a mapping must know it. `type` is one of
    text, textarea, email, phone, url, picklist, multipicklist, boolean, number, date, datetime, reference, id, other.
    """

    name: str
    label: str
    type: str
    length: int | None = None
    createable: bool = True
    updateable: bool = True
    required: bool = False
    values: tuple[str, ...] = ()  # active picklist values
    restricted: bool = False


@dataclass(frozen=True)
class FieldCatalog:
    """The fields of one kind of record, by name as the CRM writes it."""

    kind: RecordKind
    fields: Mapping[str, CrmField]


@dataclass(frozen=True)
class Choice:
    """A line in a picker."""

    id: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class TargetHealth:
    """Whether the CRM can be used. `calls_used`/`calls_limit`: the CRM's own count for the day, None when unknown."""

    ok: bool
    problems: tuple[Problem, ...] = ()
    calls_used: int | None = None
    calls_limit: int | None = None


@runtime_checkable
class CrmTarget(Protocol):
    """A CRM, batch first. Methods raise TargetUnavailable or TargetRefused when nothing could be done."""

    def look_up(self, wanted: Wanted) -> Found:
        """Read what a batch needs, in as few calls as the CRM allows."""
        ...

    def apply(self, steps: Sequence[Step]) -> Sequence[StepResult]:
        """Do the steps, in as few calls as the CRM allows; results in the same order, row by row.

        A step may refer to an earlier step's record by StepRef; when that one failed, it fails too, with the same next.
        LEAVE steps cost nothing. A write whose answer was lost is Next.RETRY with the code `answer_lost` for each of its rows:
        the next attempt looks up first (I3). `Connection.may_write` is asked right before each call that writes.
        """
        ...

    def describe(self, kind: RecordKind) -> FieldCatalog:
        """The fields of one kind; may be cached for minutes."""
        ...

    def search(self, kind: RecordKind, text: str) -> Sequence[Choice]:
        """Up to 20 records whose name holds the text, for pickers."""
        ...

    def check(self) -> TargetHealth:
        """Whether sign-in and permissions are right, and the day's budget of calls."""
        ...

    def url(self, ref: RecordRef) -> str:
        """Where a person can open the record."""
        ...
