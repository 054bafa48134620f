"""From what a batch wants to know to SOQL. Pure; `gathered.py` reads the rows.

    Wanted → questions (one statement each, the most telling first) → rows → Found

One composite takes five queries: a batch of one contact, or of 2,000 with 400 companies, asks about its people, accounts,
owners, members and member statuses in one call; a batch of meetings about leads, contacts, hosts, activities and attendees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from contactsync.api import RecordKind, TargetRefused, Wanted

from .ids import full_id, is_id
from .own_advice import INVALID_FIELD_NAME
from .soql import MOST_TERMS, Statement, Term, columns, is_identifier, literals, statements
from .wire import MOST_HEAVY

LONGEST_EMAIL = 80  # what Salesforce's field holds: a longer one is on no record
LONGEST_NAME = 255
LONGEST_CAMPAIGN = 80
CAMPAIGNS_TOGETHER = 500
_MEMBER_COLUMNS = "SELECT Id, CampaignId, LeadId, ContactId, Status, Email FROM CampaignMember"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
PEOPLE = (RecordKind.LEAD, RecordKind.CONTACT)


Pack = Callable[[str, Sequence[Term]], list[Statement]]


class Topic(StrEnum):
    """What a question is about: the kind of record that answers."""

    LEAD = "Lead"
    CONTACT = "Contact"
    ACCOUNT = "Account"
    OWNER = "User"
    MEMBER = "CampaignMember"
    STATUS = "CampaignMemberStatus"
    CAMPAIGN = "Campaign"
    ACTIVITY = "Activity"
    ATTENDEE = "Attendee"

    @property
    def kind(self) -> RecordKind:
        """The kind of record that answers."""
        return RecordKind(self.value)


@dataclass(frozen=True)
class Question:
    """One statement. `may_be_hidden`: the object may not be there for us (campaigns and their members without a Marketing
    licence, activities and their people); then nothing is found, and contacts still sync. `archived_too`: Salesforce
    archives activities after a year, and archived ones are the same records still.
    """

    topic: Topic
    statement: Statement
    may_be_hidden: bool = False
    archived_too: bool = False

    @property
    def resource(self) -> str:
        """Where it is asked: `queryAll` has archived and deleted records too."""
        return "queryAll" if self.archived_too else "query"


def questions(
    wanted: Wanted, campaigns_with_statuses: Iterable[str] = (), most_terms: int = MOST_TERMS
) -> list[Question]:
    """All statements for a batch; statuses are left out for the campaigns (18 characters) whose statuses are known.

    `most_terms`: things to look for in one statement.

    Raises TargetRefused when the mapping names a field that cannot exist.
    """
    campaigns = {full_id(found) for found in wanted.campaigns if is_id(found)}
    unknown = campaigns - set(campaigns_with_statuses)
    pack = partial(statements, most_terms=most_terms)
    made = [question for kind in PEOPLE for question in _people(wanted, kind, pack)]
    rest = [*_owners(wanted, pack), *_members(wanted, sorted(campaigns), pack), *_statuses(sorted(unknown))]
    rest += [*_campaigns(wanted, pack), *_activities(wanted, pack)]
    return [*made, *_accounts(wanted, pack, others=len(made) + len(rest)), *rest]


def member_questions(campaigns: Iterable[str], contact_ids: Iterable[str]) -> list[Question]:
    """Whether these contacts, known only now, are members of the campaigns."""
    terms = [Term("ContactId", (found,)) for found in sorted(set(contact_ids))]
    return _member_questions(sorted({full_id(found) for found in campaigns if is_id(found)}), terms, statements)


def website_spellings(domain: str) -> tuple[str, ...]:
    """How people write a company's website, without a slash at the end."""
    hosts = (domain, f"www.{domain}")
    return (*hosts, *(f"{scheme}://{host}" for scheme in ("https", "http") for host in hosts))


# ── questions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _people(wanted: Wanted, kind: RecordKind, pack: Pack) -> list[Question]:
    terms = _terms("Email", wanted.emails.get(kind, ()), LONGEST_EMAIL)
    terms += _id_terms("Id", wanted.ids.get(kind, ()))
    if not terms:
        return []
    wished = _fields(wanted, kind)
    if kind is RecordKind.LEAD:
        # A converted lead brings the contact it became along, in the same rows.
        contact = [
            f"ConvertedContact.{name}" for name in ("Email", "CreatedDate", *_fields(wanted, RecordKind.CONTACT))
        ]
        selected = columns(("Id", "Email", "CreatedDate", "IsConverted", "ConvertedContactId"), wished, contact)
    else:
        selected = columns(("Id", "Email", "CreatedDate"), wished)
    head = f"SELECT {selected} FROM {kind} WHERE"  # noqa: S608 - names are checked, values quoted
    return [Question(Topic(kind), statement) for statement in pack(head, terms)]


def _accounts(wanted: Wanted, pack: Pack, others: int) -> list[Question]:
    """By id, name and website; a batch that fits into one call without websites that end in a slash is kept to one call.

    400 companies with the six usual spellings fill one statement; the six with a slash would fill another.
    """
    selected = columns(("Id", "Name", "Website", "CreatedDate"), _fields(wanted, RecordKind.ACCOUNT))
    head = f"SELECT {selected} FROM Account WHERE"  # noqa: S608 - names are checked, values quoted
    domains = sorted(found for found in wanted.account_domains if found and len(found) < LONGEST_NAME)
    terms = _id_terms("Id", wanted.ids.get(RecordKind.ACCOUNT, ()))
    terms += _terms("Name", wanted.account_names, LONGEST_NAME)
    terms += [Term("Website", website_spellings(domain)) for domain in domains]
    slashed = [Term("Website", tuple(f"{text}/" for text in website_spellings(domain))) for domain in domains]
    usual = pack(head, terms)
    every = pack(head, [*terms, *slashed])
    one_call_only = len(usual) + others <= MOST_HEAVY < len(every) + others
    return [Question(Topic.ACCOUNT, statement) for statement in (usual if one_call_only else every)]


def _owners(wanted: Wanted, pack: Pack) -> list[Question]:
    head = "SELECT Id, Email, Name FROM User WHERE IsActive = true AND UserType = 'Standard' AND"
    found = pack(head, _terms("Email", wanted.owner_emails, LONGEST_EMAIL))
    return [Question(Topic.OWNER, statement) for statement in found]


def _members(wanted: Wanted, campaigns: Sequence[str], pack: Pack) -> list[Question]:
    terms = _terms("Email", wanted.member_emails, LONGEST_EMAIL)
    for kind in PEOPLE:
        terms += _id_terms(f"{kind}Id", wanted.ids.get(kind, ()))
    return _member_questions(campaigns, terms, pack)


def _member_questions(campaigns: Sequence[str], terms: Sequence[Term], pack: Pack) -> list[Question]:
    made = []
    for start in range(0, len(campaigns), CAMPAIGNS_TOGETHER):
        together = literals(campaigns[start : start + CAMPAIGNS_TOGETHER])
        head = f"{_MEMBER_COLUMNS} WHERE CampaignId IN {together} AND"
        made += [Question(Topic.MEMBER, found, may_be_hidden=True) for found in pack(head, terms)]
    return made


def _statuses(campaigns: Sequence[str]) -> list[Question]:
    head = "SELECT CampaignId, Label, IsDefault, HasResponded, SortOrder FROM CampaignMemberStatus WHERE"
    terms = [Term("CampaignId", (found,)) for found in campaigns]
    found = statements(head, terms, most_terms=CAMPAIGNS_TOGETHER)
    return [Question(Topic.STATUS, statement, may_be_hidden=True) for statement in found]


def _campaigns(wanted: Wanted, pack: Pack) -> list[Question]:
    terms = _id_terms("Id", wanted.ids.get(RecordKind.CAMPAIGN, ()))
    terms += _terms("Name", wanted.campaign_names, LONGEST_CAMPAIGN)
    selected = columns(("Id", "Name", "CreatedDate"), _fields(wanted, RecordKind.CAMPAIGN))
    head = f"SELECT {selected} FROM Campaign WHERE"  # noqa: S608 - names are checked, values quoted
    return [Question(Topic.CAMPAIGN, statement, may_be_hidden=True) for statement in pack(head, terms)]


def _activities(wanted: Wanted, pack: Pack) -> list[Question]:
    """Activities by id and by the moment they begin, and who takes part in them, without waiting for their ids.

    Each user who is invited has a copy of the activity, its child, with the same words in it.
    """
    ids = _id_terms("Id", wanted.ids.get(RecordKind.ACTIVITY, ()))
    starts = sorted(found for found in wanted.activity_starts if _MOMENT.fullmatch(found))
    terms = [*ids, *(Term("StartDateTime", (start,), quoted=False) for start in starts)]
    selected = columns(("Id", "Subject", "StartDateTime", "Description", "WhoId"), _fields(wanted, RecordKind.ACTIVITY))
    head = f"SELECT {selected} FROM Event WHERE IsDeleted = false AND IsChild = false AND"  # noqa: S608 - as above
    made = [
        Question(Topic.ACTIVITY, statement, may_be_hidden=True, archived_too=True) for statement in pack(head, terms)
    ]
    terms = [Term("EventId", term.values) for term in ids]
    terms += [Term("Event.StartDateTime", (start,), quoted=False) for start in starts]
    head = "SELECT Id, EventId, RelationId, Status FROM EventRelation WHERE IsDeleted = false AND"
    found = pack(head, terms)
    return made + [Question(Topic.ATTENDEE, each, may_be_hidden=True, archived_too=True) for each in found]


def _terms(name: str, values: Iterable[str], longest: int) -> list[Term]:
    return [Term(name, (value,)) for value in sorted(set(values)) if value.strip() and len(value) <= longest]


def _id_terms(name: str, ids: Iterable[str]) -> list[Term]:
    return [Term(name, (found,)) for found in sorted({full_id(found) for found in ids if is_id(found)})]


def _fields(wanted: Wanted, kind: RecordKind) -> list[str]:
    names = sorted(wanted.fields.get(kind, ()))
    for name in names:
        if not is_identifier(name):
            shown = name if name.isascii() and name.isprintable() else ascii(name)
            raise TargetRefused(INVALID_FIELD_NAME.problem(kind, fields=(shown[:80],)))
    return names
