"""The steps for people: one per CRM record, whoever shares it (rules 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from contactsync.domain.account_steps import AccountSteps
from contactsync.domain.batch import Ready
from contactsync.domain.crm import Action, FieldValue, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldMapping, FieldRule
from contactsync.domain.matching import Group, Match
from contactsync.domain.owners import Owner, owner_of
from contactsync.domain.values import is_blank, same
from contactsync.domain.writes import changed_record, new_record, written


def person_steps(
    groups: Sequence[Group],
    matches: Mapping[str, Match],
    accounts: AccountSteps,
    index: FoundIndex,
    mapping: FieldMapping,
) -> dict[str, Step]:
    """One step per group, by contact id. Groups come in a settled order."""
    made: dict[str, Step] = {}
    rules_of = {kind: mapping.of(kind) for kind in {group.kind for group in groups}}
    for number, group in enumerate(groups, start=1):
        rules = rules_of[group.kind]
        sources = _Sources(group, accounts, _owner(rules, group, index))
        why = _why(group, matches, rules, sources)
        if group.person is None:
            fields = new_record(rules, sources.said).fields
            step = Step(f"p{number}", Action.CREATE, group.kind, fields=fields, why=why)
        else:
            writes = changed_record(rules, sources.said, group.person.fields, keep=_is_account)
            step = written(f"p{number}", group.person.ref, writes, why)
        for ready in group.members:
            made[ready.contact.id] = step
    return made


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


def _is_account(rule: FieldRule) -> bool:
    """A Contact is never moved from one Account to another: the rule only fills (rule 7)."""
    return rule.source == "account"


def _why(group: Group, matches: Mapping[str, Match], rules: Sequence[FieldRule], sources: _Sources) -> tuple[str, ...]:
    newest: Ready = group.members[0]
    why = [*matches[newest.contact.id].why, *sources.owner.why]
    if len(group.members) > 1:
        why.append(f"{len(group.members)} contacts share this record; where they differ, the newest says.")
    account = next(sources.account(), None)
    if group.person is not None and account is not None:
        held = [group.person.fields.get(rule.target) for rule in rules if _is_account(rule)]
        if any(not is_blank(value) and not same(value, account) for value in held):
            why.append("The Contact belongs to another Account and stays there; its company's Account is not set.")
    return tuple(why)
