"""The steps for people: one per CRM record, whoever shares it (rules 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from contactsync.domain.account_steps import AccountSteps, Terms, overtaken
from contactsync.domain.batch import Ready
from contactsync.domain.crm import FieldValue, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldRule, WriteMode
from contactsync.domain.matching import Group, Match
from contactsync.domain.owners import Owner, owner_of
from contactsync.domain.records import Scalar
from contactsync.domain.values import is_blank, same
from contactsync.domain.writes import (
    ADOPTED,
    KEPT_FILLED,
    NO_MARKS,
    Writes,
    changed_record,
    created,
    new_record,
    written,
)

KEPT_ADDRESS = (
    "A duplicate rule took the contact for this record, which has another e-mail address: it keeps it. If they are one "
    "person, change it in the CRM."
)
KEPT_IN_ACCOUNT = "The policy move_accounts keeps the Contact in the Account that it is in."


def person_steps(
    groups: Sequence[Group], matches: Mapping[str, Match], accounts: AccountSteps, terms: Terms
) -> dict[str, Step]:
    """One step per group, by contact id. Groups come in a settled order."""
    made: dict[str, Step] = {}
    for number, group in enumerate(groups, start=1):
        step = _step(f"p{number}", group, matches, accounts, terms)
        for ready in group.members:
            made[ready.contact.id] = step
    return made


def _step(step_id: str, group: Group, matches: Mapping[str, Match], accounts: AccountSteps, terms: Terms) -> Step:
    rules = terms.rules[group.kind]
    sources = _Sources(group, accounts, _owner(rules, group, terms.index))
    catalog = terms.catalogs.get(group.kind)
    if group.person is None:
        writes = new_record(rules, sources.said, catalog)
        why = _why(group, matches, sources)
        return created(step_id, group.kind, writes, why, allow=terms.allow_duplicates)
    marks = terms.written.get(group.person.ref, NO_MARKS)
    misplaced = overtaken(group)

    def mode_of(rule: FieldRule) -> WriteMode:
        keeps = ADOPTED in marks and rule.source == "email" and rule.mode in (WriteMode.ALWAYS, WriteMode.IF_OURS)
        return WriteMode.IF_EMPTY if keeps else terms.mode_of(rule, overtaken=misplaced)

    writes = changed_record(rules, sources.said, group.person.fields, marks=marks, catalog=catalog, mode_of=mode_of)
    _address_why(rules, writes, adopted=ADOPTED in marks)
    why = (*_why(group, matches, sources), *_account_why(group.person.fields, sources, writes, terms))
    return written(step_id, group.person.ref, writes, why, allow=terms.allow_duplicates)


@dataclass(frozen=True)
class _Sources:
    """What the contacts of a group say, newest first."""

    group: Group
    accounts: AccountSteps
    owner: Owner

    def said(self, rule: FieldRule) -> Iterator[FieldValue]:
        match rule.source:
            case "id":
                yield self.group.members[0].contact.id
            case "company":
                for ready in self.group.members:
                    if ready.contact.company is not None and ready.contact.company.name:
                        yield ready.contact.company.name
            case "account":
                yield from self.account()
            case "owner":
                if self.owner.id is not None:
                    yield self.owner.id
            case path:
                for ready in self.group.members:
                    if path in ready.contact.fields:
                        yield ready.contact.fields[path]

    def account(self) -> Iterator[FieldValue]:
        for ready in self.group.members:
            step = self.accounts.by_contact.get(ready.contact.id)
            if step is not None:
                yield step.ref.id if step.ref is not None else step.record


def _owner(rules: Sequence[FieldRule], group: Group, index: FoundIndex) -> Owner:
    return owner_of(group.members, index) if any(rule.source == "owner" for rule in rules) else Owner()


def _why(group: Group, matches: Mapping[str, Match], sources: _Sources) -> tuple[str, ...]:
    newest: Ready = group.members[0]
    why = (*matches[newest.contact.id].why, *sources.owner.why)
    if len(group.members) > 1:
        why = (*why, f"{len(group.members)} contacts share this record; where they differ, the newest says.")
    return why


def _address_why(rules: Sequence[FieldRule], writes: Writes, *, adopted: bool) -> None:
    """Of a record that a duplicate rule named, and that has another e-mail address than the contact: why it stays."""
    for rule in rules:
        if adopted and rule.source == "email" and writes.why.get(rule.target) == KEPT_FILLED:
            writes.why[rule.target] = KEPT_ADDRESS


def _account_why(held: Mapping[str, Scalar], sources: _Sources, writes: Writes, terms: Terms) -> tuple[str, ...]:
    """What became of a Contact that belongs to another Account than its company's; a field that the policy held back says
    so in `writes.why`.
    """
    account, misplaced = next(sources.account(), None), overtaken(sources.group)
    elsewhere = [
        rule
        for rule in terms.account_rules
        if not is_blank(held.get(rule.target)) and not same(held.get(rule.target), account)
    ]
    if account is None or not elsewhere:
        return ()
    for rule in elsewhere:
        if (
            rule.target in writes.why
            and rule.target not in writes.fields
            and terms.mode_of(rule, overtaken=misplaced) is not rule.mode
        ):
            writes.why[rule.target] = KEPT_IN_ACCOUNT
    moving = [rule for rule in elsewhere if rule.target in writes.fields]
    if len(moving) < len(elsewhere):
        return ("The Contact belongs to another Account and stays there; its company's Account is not set.",)
    ours = all(terms.mode_of(rule, overtaken=misplaced) is WriteMode.IF_OURS for rule in moving)
    how = "contactsync had put it into the other one" if ours else "the org wants that"
    return (f"The Contact moves from another Account to its company's: {how}.",)
