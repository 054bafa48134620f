"""What was found, put in order once, so that no decision has to walk through it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from contactsync.domain.crm import (
    Found,
    FoundAccount,
    FoundMember,
    FoundOwner,
    FoundPerson,
    MemberStatus,
    RecordKind,
    RecordRef,
)
from contactsync.domain.names import normalised_name

Key = TypeVar("Key")
Item = TypeVar("Item")

SHORT_ID = 15
"""A person may pick a record by the short form of its id: the first so many characters, as CRM addresses show it."""


@dataclass(frozen=True)
class FoundIndex:
    """Found, by what decisions ask for. Lists are ordered oldest first."""

    people: Mapping[RecordRef, FoundPerson]
    people_by_email: Mapping[tuple[RecordKind, str], tuple[FoundPerson, ...]]
    accounts: Mapping[str, FoundAccount]
    accounts_by_domain: Mapping[str, tuple[FoundAccount, ...]]
    accounts_by_name: Mapping[str, tuple[FoundAccount, ...]]
    owners: Mapping[str, tuple[FoundOwner, ...]]
    members: Mapping[tuple[str, RecordRef], FoundMember]
    statuses: Mapping[str, tuple[MemberStatus, ...]]
    can_add_statuses: bool = False

    @classmethod
    def of(cls, found: Found) -> FoundIndex:
        """Index what was found."""
        people = {person.ref: person for person in found.people}
        oldest_people = sorted(people.values(), key=lambda person: (person.created_at, person.ref.id))
        accounts = sorted(
            {account.ref: account for account in found.accounts}.values(),
            key=lambda account: (account.created_at, account.ref.id),
        )
        owners = sorted(found.owners, key=lambda owner: owner.ref.id)
        return cls(
            people=people,
            people_by_email=_grouped(((p.ref.kind, p.email.lower()), p) for p in oldest_people if p.email),
            accounts=_with_short_ids(accounts),
            accounts_by_domain=_grouped((account.domain.lower(), account) for account in accounts if account.domain),
            accounts_by_name=_grouped((normalised_name(account.name), account) for account in accounts if account.name),
            owners=_grouped((owner.email.lower(), owner) for owner in owners),
            members=_members(found.members, people),
            statuses=found.member_statuses,
            can_add_statuses=found.can_add_statuses,
        )

    def living(self, person: FoundPerson) -> FoundPerson | None:
        """The record to write: the Contact that a converted Lead became, else the record itself. None: it is gone."""
        if not person.converted:
            return person
        return self.people.get(person.converted_to) if person.converted_to else None


def _members(
    found: Iterable[FoundMember], people: Mapping[RecordRef, FoundPerson]
) -> dict[tuple[str, RecordRef], FoundMember]:
    """Memberships by campaign and person; a converted Lead's belongs to its Contact, unless that has one of its own.

    Never by e-mail address: several records may have one, and each is a member for itself.
    """
    direct: dict[tuple[str, RecordRef], FoundMember] = {}
    inherited: dict[tuple[str, RecordRef], FoundMember] = {}
    for member in sorted(found, key=lambda member: member.ref.id):
        direct.setdefault((member.campaign_id, member.person), member)
        person = people.get(member.person)
        if person is not None and person.converted_to is not None:
            inherited.setdefault((member.campaign_id, person.converted_to), member)
    return {**inherited, **direct}


def _with_short_ids(accounts: Iterable[FoundAccount]) -> dict[str, FoundAccount]:
    by_id: dict[str, FoundAccount] = {}
    for account in accounts:
        by_id.setdefault(account.ref.id[:SHORT_ID], account)
        by_id[account.ref.id] = account
    return by_id


def _grouped(pairs: Iterable[tuple[Key, Item]]) -> dict[Key, tuple[Item, ...]]:
    groups: dict[Key, list[Item]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in groups.items()}
