"""What Salesforce's rows say about what a batch wanted to know. Pure.

rows by topic → people, accounts, owners, members and their statuses, campaigns, activities with their attendees
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from contactsync.api import (
    Found,
    FoundAccount,
    FoundActivity,
    FoundAttendee,
    FoundCampaign,
    FoundMember,
    FoundOwner,
    FoundPerson,
    MemberStatus,
    RecordKind,
    RecordRef,
    Scalar,
    Wanted,
    normalised_domain,
)

from .ids import full_id, kind_of
from .reads import PEOPLE, Topic

Rows = Sequence[Mapping[str, Any]]

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:?00)", re.ASCII)


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

    def found(
        self,
        statuses: Mapping[str, tuple[MemberStatus, ...]],
        *,
        can_add_statuses: bool = False,
        can_add_attendees: bool = True,
    ) -> Found:
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
            campaigns=tuple(_unique(self._campaigns(names))),
            activities=tuple(_unique(self._activities(names))),
            can_add_statuses=can_add_statuses,
            can_add_attendees=can_add_attendees,
        )

    def lacks_labels(self, statuses: Mapping[str, tuple[MemberStatus, ...]]) -> bool:
        """Whether a campaign that is there has none of the labels that would do for a status that somebody is to have."""
        known = (statuses.get(full_id(asked)) for asked in self.wanted.campaigns)
        had = [{status.label.casefold() for status in found} for found in known if found]
        doing = [{label.casefold() for label in labels} for labels in self.wanted.member_labels]
        return any(not labels & campaign for labels in doing for campaign in had)

    @property
    def brings_several(self) -> bool:
        """Whether it is about meetings that people take part in beside the first."""
        meetings = RecordKind.ACTIVITY in self.wanted.fields or self.wanted.ids.get(RecordKind.ACTIVITY)
        people = sum(len(self.wanted.ids.get(kind, ())) for kind in PEOPLE)
        return bool(meetings or self.wanted.activity_starts) and people > 1

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

    def _campaigns(self, names: _AsAsked) -> Iterable[FoundCampaign]:
        wished = self.wanted.fields.get(RecordKind.CAMPAIGN, ())
        for row in self.rows.get(Topic.CAMPAIGN, ()):
            for record_id in names.every(row["Id"]):
                yield FoundCampaign(
                    RecordRef(RecordKind.CAMPAIGN, record_id),
                    name=str(row.get("Name") or ""),
                    created_at=str(row.get("CreatedDate") or ""),
                    fields=_values(row, wished, names),
                )

    def _activities(self, names: _AsAsked) -> Iterable[FoundActivity]:
        attendees: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.rows.get(Topic.ATTENDEE, ()):
            attendees.setdefault(str(row["EventId"]), []).append(row)
        wished = self.wanted.fields.get(RecordKind.ACTIVITY, ())
        for row in self.rows.get(Topic.ACTIVITY, ()):
            taking_part = tuple(_attendees(row, attendees.get(row["Id"], ()), names))
            for record_id in names.every(row["Id"]):
                yield FoundActivity(
                    RecordRef(RecordKind.ACTIVITY, record_id),
                    starts_at=_moment(row.get("StartDateTime")),
                    subject=row.get("Subject"),
                    description=row.get("Description"),
                    fields=_values(row, wished, names),
                    attendees=taking_part,
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


def _attendees(activity: Mapping[str, Any], rows: Rows, names: _AsAsked) -> Iterable[FoundAttendee]:
    """The leads and contacts beside the activity's own. Users, rooms and, with Shared Activities, the activity's `who` and
    `what` have rows too.
    """
    seen = {activity.get("WhoId")}
    for row in rows:
        person_id = str(row.get("RelationId") or "")
        kind = kind_of(person_id)
        if kind is None or not kind.is_person or person_id in seen:
            continue
        seen.add(person_id)
        ref = RecordRef(RecordKind.ATTENDEE, row["Id"])
        yield FoundAttendee(ref, RecordRef(kind, names.first(person_id)), row.get("Status"))


def _moment(value: object) -> str | None:
    """Salesforce's moment as the sync writes it: "2026-11-24T09:00:00Z"."""
    told = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    return f"{told[1]}Z" if told else None


def _lower(value: object) -> str | None:
    return value.strip().lower() or None if isinstance(value, str) else None


_Record = TypeVar("_Record", FoundPerson, FoundAccount, FoundOwner, FoundMember, FoundCampaign, FoundActivity)


def _unique(records: Iterable[_Record]) -> list[_Record]:
    """Each once: a record may answer several questions."""
    seen: dict[object, _Record] = {}
    for record in records:
        key = (record.ref, record.campaign_id) if isinstance(record, FoundMember) else record.ref
        seen.setdefault(key, record)
    return list(seen.values())
