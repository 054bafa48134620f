"""A CRM that is a file of JSON lines: a whole CRM target, small enough to be read first.

`records.jsonl` in the connection's directory is only ever added to. A line makes a record, changes one made before, or
takes one away: then its fields are null. Users and the first campaigns are not ours to make: write their lines by hand.

    {"kind": "User", "id": "u1", "at": "2026-01-01T00:00:00Z", "fields": {"Name": "Olga", "Email": "olga@x.example"}}
    {"kind": "Campaign", "id": "c1", "at": "2026-01-01T00:00:00Z", "fields": {"Name": "Expo", "statuses": ["Sent"]}}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from contactsync import api
from contactsync.api import Found, RecordKind, RecordRef, Step, StepRef, StepResult, Wanted

PEOPLE = ("FirstName", "LastName", "Name", "Email", "Phone", "Title", "Company", "Website", "AccountId", "OwnerId")
CAMPAIGNS = ("StartDate", "EndDate", "IsActive")
ACTIVITIES = ("Subject", "StartDateTime", "EndDateTime", "IsAllDayEvent", "Location", "Description", "WhoId", "WhatId")
FIELDS = (*PEOPLE, *CAMPAIGNS, *ACTIVITIES)
GONE = api.Problem("record_gone", "The record is not there any more.", "Nothing: it is looked up again.", "nobody")
LOST = api.Problem("answer_lost", "The file could not be written to its end.", "Make room on the disk.", "operator")
WRONG = api.Problem("line_wrong", "A line has no kind, id, at and fields.", "Mend records.jsonl.", "operator")


Records = dict[RecordRef, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """What a batch wants to know, and everything that there is."""

    wanted: Wanted
    records: Records

    def people(self) -> Iterator[api.FoundPerson]:
        """By id, and by address in the kind that was asked."""
        for ref, fields in self._of(RecordKind.LEAD, RecordKind.CONTACT):
            if self._linked(ref) or _email(fields) in self.wanted.emails.get(ref.kind, ()):
                yield api.FoundPerson(ref, _email(fields) or None, fields["at"], self._present(ref))

    def accounts(self) -> Iterator[api.FoundAccount]:
        """By id, name and domain."""
        names = {name.casefold() for name in self.wanted.account_names}
        for ref, fields in self._of(RecordKind.ACCOUNT):
            domain = api.normalised_domain(fields.get("Website"))
            if self._linked(ref) or _name(fields).casefold() in names or domain in self.wanted.account_domains:
                yield api.FoundAccount(ref, _name(fields), domain, fields["at"], self._present(ref))

    def owners(self) -> Iterator[api.FoundOwner]:
        """By address."""
        for ref, fields in self._of(RecordKind.OWNER):
            if _email(fields) in self.wanted.owner_emails:
                yield api.FoundOwner(ref, _email(fields), _name(fields))

    def members(self) -> Iterator[api.FoundMember]:
        """Of the campaigns asked for, the people who were asked about."""
        people = {ref.id: (ref, _email(fields)) for ref, fields in self._of(RecordKind.LEAD, RecordKind.CONTACT)}
        for ref, fields in self._of(RecordKind.MEMBER):
            person, email = people.get(fields["person"], (None, ""))
            going = person and (self._linked(person) or email in self.wanted.member_emails)
            if person and going and fields["campaign"] in self.wanted.campaigns:
                yield api.FoundMember(ref, fields["campaign"], person, fields.get("status"), email)

    def statuses(self) -> Iterator[tuple[str, tuple[api.MemberStatus, ...]]]:
        """Those in a campaign's own line, and those that were added."""
        for ref, fields in self._of(RecordKind.CAMPAIGN):
            added = [each for _, each in self._of(RecordKind.MEMBER_STATUS) if each["campaign"] == ref.id]
            made = [api.MemberStatus(each["label"], responded=each["responded"]) for each in added]
            if ref.id in self.wanted.campaigns:
                yield ref.id, (*map(api.MemberStatus, fields.get("statuses", ["Sent"])), *made)

    def campaigns(self) -> Iterator[api.FoundCampaign]:
        """By id and name."""
        names = {name.casefold() for name in self.wanted.campaign_names}
        for ref, fields in self._of(RecordKind.CAMPAIGN):
            if self._linked(ref) or _name(fields).casefold() in names:
                yield api.FoundCampaign(ref, _name(fields), fields["at"], self._present(ref))

    def activities(self) -> Iterator[api.FoundActivity]:
        """By id and by when they begin, with the people who take part."""
        people = {ref.id: ref for ref, _ in self._of(RecordKind.LEAD, RecordKind.CONTACT)}
        attendees: dict[str, list[api.FoundAttendee]] = {}
        for ref, fields in self._of(RecordKind.ATTENDEE):
            if person := people.get(fields["person"]):
                found = api.FoundAttendee(ref, person, fields.get("status"))
                attendees.setdefault(fields["activity"], []).append(found)
        for ref, fields in self._of(RecordKind.ACTIVITY):
            start, subject, text = (fields.get(name) for name in ("StartDateTime", "Subject", "Description"))
            if self._linked(ref) or start in self.wanted.activity_starts:
                taking_part = tuple(attendees.get(ref.id, ()))
                yield api.FoundActivity(ref, start, subject, text, self._present(ref), taking_part)

    def _of(self, *kinds: RecordKind) -> list[tuple[RecordRef, dict[str, Any]]]:
        return [(ref, fields) for ref, fields in self.records.items() if ref.kind in kinds]

    def _linked(self, ref: RecordRef) -> bool:
        return ref.id in self.wanted.ids.get(ref.kind, ())

    def _present(self, ref: RecordRef) -> dict[str, api.Scalar]:
        return {name: self.records[ref].get(name) for name in self.wanted.fields.get(ref.kind, ())}


class JsonLines:
    """A CrmTarget. Making one opens nothing."""

    def __init__(self, directory: Path, may_write: Callable[[], None] = lambda: None) -> None:
        self._file = directory / "records.jsonl"
        self._may_write = may_write

    def look_up(self, wanted: Wanted) -> Found:
        """Everything that a batch asks for, in one reading of the file."""
        asked = Asked(wanted, self._read())
        return Found(
            people=tuple(asked.people()),
            accounts=tuple(asked.accounts()),
            owners=tuple(asked.owners()),
            members=tuple(asked.members()),
            member_statuses=dict(asked.statuses()),
            campaigns=tuple(asked.campaigns()),
            activities=tuple(asked.activities()),
            can_add_statuses=bool(wanted.member_labels),
        )

    def apply(self, steps: Sequence[Step]) -> Sequence[StepResult]:
        """All steps in one write; a step that needs an earlier one fares as that one."""
        there, now, lines = self._read(), datetime.now(UTC).isoformat(), ""
        results: dict[str, StepResult] = {}
        for step in steps:
            named = [value.step_id for value in step.fields.values() if isinstance(value, StepRef)]
            earlier = [results[needed].failure for needed in (*named, *step.after)]
            gone = step.ref is not None and step.ref not in there and step.action is not api.Action.REMOVE
            failure = api.Failure(api.Next.REMATCH, GONE) if gone else next(filter(None, earlier), None)
            ref = step.ref or RecordRef(step.kind, f"{step.kind.lower()}-{uuid4().hex}")
            results[step.id] = StepResult(step.id, None if failure else ref, failure)
            if failure is None and step.action is not api.Action.LEAVE:
                removed = step.action is api.Action.REMOVE
                fields = None if removed else {name: _written(value, results) for name, value in step.fields.items()}
                lines += json.dumps({"kind": ref.kind, "id": ref.id, "at": now, "fields": fields}) + "\n"
        self._may_write()  # raises when another worker has the org by now
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"\n{lines}" if lines else "")  # apart from a line that a crash cut short
        except OSError:
            return [StepResult(step.id, failure=api.Failure(api.Next.RETRY, LOST)) for step in steps]
        return list(results.values())

    def describe(self, kind: RecordKind) -> api.FieldCatalog:
        """The fields that a mapping may name."""
        return api.FieldCatalog(kind, {name: api.CrmField(name, name, "text") for name in FIELDS})

    def search(self, kind: RecordKind, text: str) -> Sequence[api.Choice]:
        """By a part of the name."""
        names = {ref: fields.get("Name", "") for ref, fields in self._read().items() if ref.kind is kind}
        return [api.Choice(ref.id, name) for ref, name in names.items() if text.casefold() in name.casefold()][:20]

    def check(self) -> api.TargetHealth:
        """There is nothing to sign in to."""
        return api.TargetHealth(ok=True)

    def url(self, ref: RecordRef) -> str:
        """The file, and the record in it."""
        return f"{self._file.as_uri()}#{ref.id}"

    def _read(self) -> Records:
        records: Records = {}
        try:
            text = self._file.read_text("utf-8") if self._file.exists() else ""
        except OSError as error:
            raise api.TargetUnavailable("records.jsonl cannot be read") from error
        for line in text.split("\n"):
            try:
                said = json.loads(line)
            except ValueError:  # empty, or cut short by a crash: nobody was told that it was written
                continue
            try:
                record = records.setdefault(ref := RecordRef(RecordKind(said["kind"]), said["id"]), {"at": said["at"]})
                record.update(said["fields"] or {})
                if said["fields"] is None:
                    del records[ref]
            except (LookupError, TypeError, ValueError) as error:  # written by hand
                raise api.TargetRefused(WRONG) from error
        return records


def _name(fields: Mapping[str, Any]) -> str:
    return str(fields.get("Name") or "")


def _email(fields: Mapping[str, Any]) -> str:
    return str(fields.get("Email") or "").lower()


def _written(value: api.FieldValue, results: Mapping[str, StepResult]) -> object:
    """A value as it is written: of a record, its id."""
    ref = results[value.step_id].ref if isinstance(value, StepRef) else value
    return ref.id if isinstance(ref, RecordRef) else ref


def connect(connection: api.Connection) -> JsonLines:
    """A target for one org's connection."""
    return JsonLines(Path(connection.settings["directory"]), connection.may_write)


def check_settings(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG001
    """What is wrong with a connection's settings, before it is kept."""
    directory = Path(settings.get("directory", ""))
    wrong = "name a directory that is there, from the root on"
    return {} if directory.is_absolute() and directory.is_dir() else {"directory": wrong}


@api.hookimpl
def contactsync_targets() -> list[api.TargetType]:
    """One kind of CRM."""
    return [api.TargetType("jsonl", "JSON lines", connect, check_settings)]
