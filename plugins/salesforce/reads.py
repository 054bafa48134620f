"""From what a batch wants to know to SOQL, and from Salesforce's rows to what was found. Pure.

    Wanted → questions (one statement each, the most telling first) → rows → Found

One composite takes five queries: a batch of one contact, or of 2,000 with 400 companies, asks about its people, accounts,
owners, members and member statuses in one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from contactsync.api import (
    Found,
    FoundAccount,
    FoundMember,
    FoundOwner,
    FoundPerson,
    MemberStatus,
    Problem,
    RecordKind,
    RecordRef,
    Scalar,
    TargetRefused,
    Wanted,
    normalised_domain,
)

from .ids import full_id, is_id
from .soql import Statement, Term, columns, is_identifier, literals, statements
from .wire import MOST_HEAVY

Rows = Sequence[Mapping[str, Any]]

LONGEST_EMAIL = 80  # what Salesforce's field holds: a longer one is on no record
LONGEST_NAME = 255
CAMPAIGNS_TOGETHER = 500
_MEMBER_COLUMNS = "SELECT Id, CampaignId, LeadId, ContactId, Status, Email FROM CampaignMember"
PEOPLE = (RecordKind.LEAD, RecordKind.CONTACT)


class Topic(StrEnum):
    """What a question is about, by the object that answers."""

    LEAD = "Lead"
    CONTACT = "Contact"
    ACCOUNT = "Account"
    OWNER = "User"
    MEMBER = "CampaignMember"
    STATUS = "CampaignMemberStatus"


@dataclass(frozen=True)
class Question:
    """One statement. `may_be_hidden`: without a Marketing licence the object is not there; then nothing is found."""

    topic: Topic
    statement: Statement
    may_be_hidden: bool = False


def questions(wanted: Wanted, campaigns_with_statuses: Iterable[str] = ()) -> list[Question]:
    """All statements for a batch; statuses are left out for the campaigns (18 characters) whose statuses are known.

    Raises TargetRefused when the mapping names a field that cannot exist.
    """
    campaigns = {full_id(found) for found in wanted.campaigns if is_id(found)}
    unknown = campaigns - set(campaigns_with_statuses)
    made = [question for kind in PEOPLE for question in _people(wanted, kind)]
    rest = [*_owners(wanted), *_members(wanted, sorted(campaigns)), *_statuses(sorted(unknown))]
    return [*made, *_accounts(wanted, others=len(made) + len(rest)), *rest]


def member_questions(campaigns: Iterable[str], contact_ids: Iterable[str]) -> list[Question]:
    """Whether these contacts, known only now, are members of the campaigns."""
    terms = [Term("ContactId", (found,)) for found in sorted(set(contact_ids))]
    return _member_questions(sorted({full_id(found) for found in campaigns if is_id(found)}), terms)


def website_spellings(domain: str) -> tuple[str, ...]:
    """How people write a company's website, without a slash at the end."""
    hosts = (domain, f"www.{domain}")
    return (*hosts, *(f"{scheme}://{host}" for scheme in ("https", "http") for host in hosts))


# ── questions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _people(wanted: Wanted, kind: RecordKind) -> list[Question]:
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
    return [Question(Topic(kind), statement) for statement in statements(head, terms)]


def _accounts(wanted: Wanted, others: int) -> list[Question]:
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
    usual = statements(head, terms)
    every = statements(head, [*terms, *slashed])
    one_call_only = len(usual) + others <= MOST_HEAVY < len(every) + others
    return [Question(Topic.ACCOUNT, statement) for statement in (usual if one_call_only else every)]


def _owners(wanted: Wanted) -> list[Question]:
    head = "SELECT Id, Email, Name FROM User WHERE IsActive = true AND UserType = 'Standard' AND"
    found = statements(head, _terms("Email", wanted.owner_emails, LONGEST_EMAIL))
    return [Question(Topic.OWNER, statement) for statement in found]


def _members(wanted: Wanted, campaigns: Sequence[str]) -> list[Question]:
    terms = _terms("Email", wanted.member_emails, LONGEST_EMAIL)
    for kind in PEOPLE:
        terms += _id_terms(f"{kind}Id", wanted.ids.get(kind, ()))
    return _member_questions(campaigns, terms)


def _member_questions(campaigns: Sequence[str], terms: Sequence[Term]) -> list[Question]:
    made = []
    for start in range(0, len(campaigns), CAMPAIGNS_TOGETHER):
        together = literals(campaigns[start : start + CAMPAIGNS_TOGETHER])
        head = f"{_MEMBER_COLUMNS} WHERE CampaignId IN {together} AND"
        made += [Question(Topic.MEMBER, found, may_be_hidden=True) for found in statements(head, terms)]
    return made


def _statuses(campaigns: Sequence[str]) -> list[Question]:
    head = "SELECT CampaignId, Label, IsDefault, HasResponded, SortOrder FROM CampaignMemberStatus WHERE"
    terms = [Term("CampaignId", (found,)) for found in campaigns]
    found = statements(head, terms, most_terms=CAMPAIGNS_TOGETHER)
    return [Question(Topic.STATUS, statement, may_be_hidden=True) for statement in found]


def _terms(name: str, values: Iterable[str], longest: int) -> list[Term]:
    return [Term(name, (value,)) for value in sorted(set(values)) if value.strip() and len(value) <= longest]


def _id_terms(name: str, ids: Iterable[str]) -> list[Term]:
    return [Term(name, (found,)) for found in sorted({full_id(found) for found in ids if is_id(found)})]


def _fields(wanted: Wanted, kind: RecordKind) -> list[str]:
    names = sorted(wanted.fields.get(kind, ()))
    for name in names:
        if not is_identifier(name):
            shown = name if name.isascii() and name.isprintable() else ascii(name)
            raise TargetRefused(
                Problem(
                    "invalid_field_name",
                    f"The mapping of {kind} names a field that cannot exist: {shown[:80]}.",
                    "Write the field's API name in the mapping, as in Title or Region__c.",
                    fields=(shown[:80],),
                )
            )
    return names


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Gathered:
    """Rows by topic as they come in, and what they mean for one Wanted."""

    wanted: Wanted
    rows: dict[Topic, list[Mapping[str, Any]]] = field(default_factory=dict)

    def add(self, topic: Topic, rows: Rows) -> None:
        """Keep the rows of one answer."""
        self.rows.setdefault(topic, []).extend(rows)

    def contacts_to_check(self) -> set[str]:
        """Contacts that converted leads became, and that no question about members has covered."""
        if not self.wanted.campaigns:
            return set()
        asked = {full_id(found) for found in self.wanted.ids.get(RecordKind.CONTACT, ())}
        found = set()
        for row in self.rows.get(Topic.LEAD, ()):
            contact, contact_id = row.get("ConvertedContact") or {}, row.get("ConvertedContactId")
            email = _lower(contact.get("Email"))
            if contact_id and contact_id not in asked and email not in self.wanted.member_emails:
                found.add(str(contact_id))
        return found

    def found(self, statuses: Mapping[str, tuple[MemberStatus, ...]]) -> Found:
        """Everything, keyed as it was asked for. `statuses`: by 18-character campaign id."""
        names = _AsAsked(self.wanted)
        return Found(
            people=tuple(_unique(self._people(names))),
            accounts=tuple(_unique(self._accounts(names))),
            owners=tuple(_unique(self._owners())),
            members=tuple(_unique(self._members(names))),
            member_statuses={
                asked: statuses[full_id(asked)]
                for asked in sorted(self.wanted.campaigns)
                if statuses.get(full_id(asked))
            },
        )

    def _people(self, names: _AsAsked) -> Iterable[FoundPerson]:
        lead, contact = RecordKind.LEAD, RecordKind.CONTACT
        for row in self.rows.get(Topic.LEAD, ()):
            became = row.get("ConvertedContactId")
            contact_ref = RecordRef(contact, names.first(str(became))) if became else None
            for found in self._person(row, lead, names):
                yield replace(found, converted=bool(row.get("IsConverted")), converted_to=contact_ref)
        for row in self._contact_rows():
            yield from self._person(row, contact, names)

    def _contact_rows(self) -> Iterable[Mapping[str, Any]]:
        yield from self.rows.get(Topic.CONTACT, ())
        for row in self.rows.get(Topic.LEAD, ()):
            if row.get("ConvertedContactId") and row.get("ConvertedContact"):
                yield {**row["ConvertedContact"], "Id": row["ConvertedContactId"]}

    def _person(self, row: Mapping[str, Any], kind: RecordKind, names: _AsAsked) -> Iterable[FoundPerson]:
        for record_id in names.every(row["Id"]):
            yield FoundPerson(
                RecordRef(kind, record_id),
                email=_lower(row.get("Email")),
                created_at=str(row.get("CreatedDate") or ""),
                fields=_values(row, self.wanted.fields.get(kind, ()), names),
            )

    def _accounts(self, names: _AsAsked) -> Iterable[FoundAccount]:
        wished = self.wanted.fields.get(RecordKind.ACCOUNT, ())
        for row in self.rows.get(Topic.ACCOUNT, ()):
            for record_id in names.every(row["Id"]):
                yield FoundAccount(
                    RecordRef(RecordKind.ACCOUNT, record_id),
                    name=str(row.get("Name") or ""),
                    domain=normalised_domain(row.get("Website")),
                    created_at=str(row.get("CreatedDate") or ""),
                    fields=_values(row, wished, names),
                )

    def _owners(self) -> Iterable[FoundOwner]:
        for row in self.rows.get(Topic.OWNER, ()):
            email = _lower(row.get("Email")) or ""
            yield FoundOwner(RecordRef(RecordKind.OWNER, row["Id"]), email, str(row.get("Name") or ""))

    def _members(self, names: _AsAsked) -> Iterable[FoundMember]:
        for row in self.rows.get(Topic.MEMBER, ()):
            kind = RecordKind.CONTACT if row.get("ContactId") else RecordKind.LEAD
            person_id = row.get("ContactId") or row.get("LeadId")
            if not person_id:
                continue
            for campaign_id in names.every(row["CampaignId"]):
                yield FoundMember(
                    RecordRef(RecordKind.MEMBER, row["Id"]),
                    campaign_id=campaign_id,
                    person=RecordRef(kind, names.first(str(person_id))),
                    status=row.get("Status"),
                    email=_lower(row.get("Email")),
                )


class _AsAsked:
    """Ids come back with 18 characters; whoever asked with 15 is answered with 15, also inside other records."""

    def __init__(self, wanted: Wanted) -> None:
        self._forms: dict[str, list[str]] = {}
        for asked in sorted({*wanted.campaigns, *(found for ids in wanted.ids.values() for found in ids)}):
            self._forms.setdefault(full_id(asked), []).append(asked)

    def every(self, record_id: str) -> Sequence[str]:
        """Every form that was asked for, or the id as it came."""
        return self._forms.get(record_id) or (record_id,)

    def first(self, record_id: str) -> str:
        """One form, the same wherever the record is mentioned."""
        return self.every(record_id)[0]


def statuses_by_campaign(rows: Rows) -> dict[str, tuple[MemberStatus, ...]]:
    """The statuses that each campaign (18 characters) has, in its own order."""
    sorted_rows = sorted(rows, key=lambda row: (row["CampaignId"], row.get("SortOrder") or 0, str(row.get("Label"))))
    made: dict[str, list[MemberStatus]] = {}
    for row in sorted_rows:
        status = MemberStatus(str(row["Label"]), bool(row.get("IsDefault")), bool(row.get("HasResponded")))
        made.setdefault(row["CampaignId"], []).append(status)
    return {campaign: tuple(statuses) for campaign, statuses in made.items()}


def _values(row: Mapping[str, Any], wished: Iterable[str], names: _AsAsked) -> dict[str, Scalar]:
    """The fields under the names the mapping has for them; Salesforce writes them as it likes."""
    by_lower = {name.lower(): value for name, value in row.items()}
    values: dict[str, Scalar] = {}
    for name in wished:
        value = by_lower.get(name.lower())
        if isinstance(value, str):
            values[name] = names.first(value)
        elif value is None or isinstance(value, int | float):
            values[name] = value
    return values


def _lower(value: object) -> str | None:
    return value.strip().lower() or None if isinstance(value, str) else None


_Record = TypeVar("_Record", FoundPerson, FoundAccount, FoundOwner, FoundMember)


def _unique(records: Iterable[_Record]) -> list[_Record]:
    """Each once: a record may answer several questions."""
    seen: dict[object, _Record] = {}
    for record in records:
        key = (record.ref, record.campaign_id) if isinstance(record, FoundMember) else record.ref
        seen.setdefault(key, record)
    return list(seen.values())
