"""A CRM that is a file of JSON lines: a whole CRM target, small enough to be read first.

`records.jsonl` in the connection's directory is only ever added to. A line makes a record, or changes one made before.
Users and campaigns are not ours to make: their lines are written by hand.

    {"kind": "User", "id": "u1", "at": "2026-01-01T00:00:00Z", "fields": {"Name": "Olga", "Email": "olga@x.example"}}
    {"kind": "Campaign", "id": "c1", "at": "2026-01-01T00:00:00Z", "fields": {"Name": "Expo", "statuses": ["Sent"]}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from contactsync import api
from contactsync.api import Found, RecordKind, RecordRef, Step, StepRef, StepResult, Wanted

FIELDS = ("FirstName", "LastName", "Name", "Email", "Phone", "Title", "Company", "Website", "AccountId", "OwnerId")
GONE = api.Problem("record_gone", "The record is not there any more.", "Nothing: it is looked up again.", "nobody")
LOST = api.Problem("answer_lost", "The file could not be written to its end.", "Make room on the disk.", "operator")
WRONG = api.Problem("line_wrong", "A line has no kind, id, at and fields.", "Mend records.jsonl.", "operator")


class JsonLines:
    """A CrmTarget. Making one opens nothing."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "records.jsonl"

    def look_up(self, wanted: Wanted) -> Found:
        """Everything that a batch asks for, in one reading of the file."""
        names = {name.casefold() for name in wanted.account_names}
        people, accounts, owners, members, statuses = [], [], [], [], {}
        going: dict[str, tuple[RecordRef, str]] = {}  # whose memberships are asked for
        for ref, fields in self._read().items():  # people stand before their memberships
            name, email = fields.get("Name", ""), str(fields.get("Email") or "").lower()
            linked, asked = ref.id in wanted.ids.get(ref.kind, ()), wanted.fields.get(ref.kind, ())
            present = {field: fields.get(field) for field in asked}
            if ref.kind.is_person and (linked or email in wanted.emails.get(ref.kind, ())):
                people.append(api.FoundPerson(ref, email or None, fields["at"], present))
            if ref.kind.is_person and (linked or email in wanted.member_emails):
                going[ref.id] = (ref, email)
            if ref.kind is RecordKind.ACCOUNT:
                domain = api.normalised_domain(fields.get("Website"))
                if linked or name.casefold() in names or domain in wanted.account_domains:
                    accounts.append(api.FoundAccount(ref, name, domain, fields["at"], present))
            if ref.kind is RecordKind.OWNER and email in wanted.owner_emails:
                owners.append(api.FoundOwner(ref, email, name))
            if ref.kind is RecordKind.CAMPAIGN and ref.id in wanted.campaigns:
                statuses[ref.id] = tuple(api.MemberStatus(label) for label in fields["statuses"])
            if ref.kind is RecordKind.MEMBER and fields["campaign"] in wanted.campaigns and fields["person"] in going:
                person, email = going[fields["person"]]
                members.append(api.FoundMember(ref, fields["campaign"], person, fields["status"], email))
        return Found(tuple(people), tuple(accounts), tuple(owners), tuple(members), statuses)

    def apply(self, steps: Sequence[Step]) -> Sequence[StepResult]:
        """All steps in one write; a step that names a record of an earlier one fares as that one."""
        there, now, lines = self._read(), datetime.now(UTC).isoformat(), ""
        results: dict[str, StepResult] = {}
        for step in steps:
            earlier = [results[value.step_id].failure for value in step.fields.values() if isinstance(value, StepRef)]
            gone = step.ref is not None and step.ref not in there
            failure = api.Failure(api.Next.REMATCH, GONE) if gone else next(filter(None, earlier), None)
            ref = step.ref or RecordRef(step.kind, f"{step.kind.lower()}-{uuid4().hex}")
            results[step.id] = StepResult(step.id, None if failure else ref, failure)
            if failure is None and step.action is not api.Action.LEAVE:
                fields = {name: _written(value, results) for name, value in step.fields.items()}
                lines += json.dumps({"kind": ref.kind, "id": ref.id, "at": now, "fields": fields}) + "\n"
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

    def _read(self) -> dict[RecordRef, dict[str, Any]]:
        records: dict[RecordRef, dict[str, Any]] = {}
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
                record = records.setdefault(RecordRef(RecordKind(said["kind"]), said["id"]), {"at": said["at"]})
                record.update(said["fields"])
            except (LookupError, TypeError, ValueError) as error:  # written by hand
                raise api.TargetRefused(WRONG) from error
        return records


def _written(value: api.FieldValue, results: Mapping[str, StepResult]) -> object:
    """A value as it is written: of a record, its id."""
    ref = results[value.step_id].ref if isinstance(value, StepRef) else value
    return ref.id if isinstance(ref, RecordRef) else ref


def connect(connection: api.Connection) -> JsonLines:
    """A target for one org's connection."""
    return JsonLines(Path(connection.settings["directory"]))


def check_settings(settings: Mapping[str, str], credentials: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG001
    """What is wrong with a connection's settings, before it is kept."""
    directory = Path(settings.get("directory", ""))
    wrong = "name a directory that is there, from the root on"
    return {} if directory.is_absolute() and directory.is_dir() else {"directory": wrong}


@api.hookimpl
def contactsync_targets() -> list[api.TargetType]:
    """One kind of CRM."""
    return [api.TargetType("jsonl", "JSON lines", connect, check_settings)]
