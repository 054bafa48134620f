"""A CRM small enough to be read: answers exactly what was wanted, and does steps one after the other, strictly."""

from __future__ import annotations

from dataclasses import dataclass, field

from contactsync.domain.crm import (
    Action,
    Found,
    FoundAccount,
    FoundMember,
    FoundOwner,
    FoundPerson,
    MemberStatus,
    RecordKind,
    RecordRef,
    StepRef,
)
from contactsync.domain.names import normalised_domain
from contactsync.domain.values import mark_of


@dataclass
class Row:
    """One record."""

    ref: RecordRef
    created_at: str
    fields: dict = field(default_factory=dict)
    converted_to: RecordRef | None = None


class CrmModel:
    """Records by kind. `look_up` shows no field and no record that was not asked for."""

    def __init__(self, statuses=(("Sent", True), ("Responded", False)), owners=()):
        self.rows: dict[RecordRef, Row] = {}
        self.statuses = tuple(MemberStatus(label, default) for label, default in statuses)
        self.added: dict[str, list[MemberStatus]] = {}
        self.owners = tuple(owners)
        self.written = 0
        self.marks: dict[RecordRef, dict[str, str]] = {}  # what was written by apply(), as the sync keeps it

    def add(self, kind, converted_to=None, **fields) -> RecordRef:
        number = len(self.rows) + 1
        made = RecordRef(kind, f"{kind.value[:2]}{number:05d}")
        self.rows[made] = Row(made, f"2020-{number:05d}", self._kept(fields), converted_to)
        return made

    def __repr__(self):
        return f"CrmModel({list(self.rows.values())})"

    def of(self, kind):
        return [row for row in self.rows.values() if row.ref.kind is kind]

    # ── look up ──

    def look_up(self, wanted) -> Found:
        people = {
            row.ref: row
            for kind in (RecordKind.LEAD, RecordKind.CONTACT)
            for row in self.of(kind)
            if row.fields.get("Email") in wanted.emails.get(kind, ()) or row.ref.id in wanted.ids.get(kind, ())
        }
        for row in list(people.values()):
            if row.converted_to is not None and row.converted_to in self.rows:
                people[row.converted_to] = self.rows[row.converted_to]
        return Found(
            people=tuple(self._person(row, wanted) for row in people.values()),
            accounts=tuple(
                self._account(row, wanted) for row in self.of(RecordKind.ACCOUNT) if self._asked(row, wanted)
            ),
            owners=tuple(user for user in self.owners if user.email in wanted.owner_emails),
            members=tuple(
                self._member(row)
                for row in self.of(RecordKind.MEMBER)
                if row.fields["campaign"] in wanted.campaigns
                and (row.fields["person"] in people or self._email_of(row) in wanted.member_emails)
            ),
            member_statuses={campaign: self._statuses_of(campaign) for campaign in wanted.campaigns},
            can_add_statuses=bool(wanted.member_labels),
        )

    def _statuses_of(self, campaign):
        return (*self.statuses, *self.added.get(campaign, ()))

    def _asked(self, row, wanted):
        names = {name.casefold() for name in wanted.account_names}
        return (
            row.ref.id in wanted.ids.get(RecordKind.ACCOUNT, ())
            or row.fields["Name"].casefold() in names
            or normalised_domain(row.fields.get("Website")) in wanted.account_domains
        )

    def _shown(self, row, wanted):
        return {name: row.fields.get(name) for name in wanted.fields.get(row.ref.kind, ())}

    def _person(self, row, wanted):
        return FoundPerson(
            row.ref,
            row.fields.get("Email"),
            row.created_at,
            self._shown(row, wanted),
            row.converted_to is not None,
            row.converted_to,
        )

    def _account(self, row, wanted):
        domain = normalised_domain(row.fields.get("Website"))
        return FoundAccount(row.ref, row.fields["Name"], domain, row.created_at, self._shown(row, wanted))

    def _member(self, row):
        return FoundMember(
            row.ref, row.fields["campaign"], row.fields["person"], row.fields["status"], self._email_of(row)
        )

    def _email_of(self, row):
        return self.rows[row.fields["person"]].fields.get("Email")

    # ── apply ──

    def apply(self, steps) -> dict[str, RecordRef]:
        """Do the steps; answers the record of each."""
        done: dict[str, RecordRef] = {}
        for step in steps:
            fields = {name: self._resolved(value, done) for name, value in step.fields.items()}
            assert step.id not in done, f"{step.id} twice"
            assert set(step.after) <= set(done), f"{step.id} comes before what it waits for"
            if step.action is Action.REMOVE:
                assert step.kind is RecordKind.MEMBER, "only memberships are ever removed"
                assert not fields
                del self.rows[step.ref]
                self.written += 1
                done[step.id] = step.ref
            elif step.action is Action.CREATE:
                done[step.id] = self._create(step.kind, fields)
            else:
                assert (step.action is Action.UPDATE) == bool(fields), step
                self._update(self.rows[step.ref], fields, step.before)
                done[step.id] = step.ref
            if step.kind.is_person or step.kind is RecordKind.ACCOUNT:
                self.marks.setdefault(done[step.id], {}).update(
                    {name: mark_of(value) for name, value in fields.items()}
                )
        return done

    def _resolved(self, value, done):
        return done[value.step_id] if isinstance(value, StepRef) else value

    def _create(self, kind, fields):
        self.written += 1
        if kind is RecordKind.MEMBER_STATUS:
            known = {status.label.casefold() for status in self._statuses_of(fields["campaign"])}
            assert fields["label"].casefold() not in known, "the campaign has this status"
            made = MemberStatus(fields["label"], responded=fields["responded"])
            self.added.setdefault(fields["campaign"], []).append(made)
            return RecordRef(kind, f"status{self.written}")
        if kind is RecordKind.MEMBER:
            pair = (fields["campaign"], fields["person"])
            assert all((row.fields["campaign"], row.fields["person"]) != pair for row in self.of(kind)), (
                "already a member"
            )
            default = next(status.label for status in self.statuses if status.is_default)
            fields.setdefault("status", default)
            self._check_status(fields["campaign"], fields["status"])
            assert fields["person"] in self.rows
        elif kind is RecordKind.ACCOUNT:
            assert fields["Name"]
        else:
            assert fields["LastName"] and fields["Email"]
            assert kind is RecordKind.CONTACT or fields["Company"]
        return self.add(kind, **fields)

    def _update(self, row, fields, before):
        assert row.converted_to is None, "a converted Lead is never written"
        assert set(before) == set(fields)
        for name, value in before.items():
            held = row.fields["status"] if row.ref.kind is RecordKind.MEMBER else row.fields.get(name)
            assert value == held, f"{name} was {held}, not {value}"
        if row.ref.kind is RecordKind.MEMBER and fields:
            self._check_status(row.fields["campaign"], fields["status"])
        row.fields.update(self._kept(fields))
        self.written += bool(fields)

    def _check_status(self, campaign, label):
        assert label in {status.label for status in self._statuses_of(campaign)}, f"no status {label}"

    @staticmethod
    def _kept(fields):
        kept = {
            name: value.id if name == "AccountId" and isinstance(value, RecordRef) else value
            for name, value in fields.items()
        }
        if isinstance(kept.get("Email"), str):
            kept["Email"] = kept["Email"].lower()
        return kept


def user(number, email) -> FoundOwner:
    return FoundOwner(RecordRef(RecordKind.OWNER, f"Us{number}"), email, "Sam Sales")
