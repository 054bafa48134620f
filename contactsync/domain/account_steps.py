"""The steps for Accounts: those found, and those that a Contact of this batch needs (rule 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.domain.accounts import AccountMatch
from contactsync.domain.batch import Ready
from contactsync.domain.crm import Action, FieldValue, RecordKind, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldMapping, FieldRule, WriteMode
from contactsync.domain.matching import Group, newest_first
from contactsync.domain.owners import owner_of
from contactsync.domain.policy import Policies
from contactsync.domain.records import Company, SyncAs
from contactsync.domain.values import is_blank
from contactsync.domain.writes import changed_record, new_record, written


@dataclass
class AccountSteps:
    """The steps, which step is whose, and what to tell about it; both by contact id."""

    steps: list[Step] = field(default_factory=list)
    by_contact: dict[str, Step] = field(default_factory=dict)
    why: dict[str, tuple[str, ...]] = field(default_factory=dict)


def account_steps(
    groups: Sequence[Group],
    companies: Mapping[Company, AccountMatch],
    index: FoundIndex,
    mapping: FieldMapping,
    policies: Policies,
) -> AccountSteps:
    """One step per Account. An Account is made only when some Contact will have it: nobody wants empty ones."""
    made = AccountSteps()
    needed = _needed(groups, companies, mapping) if policies.create_accounts else frozenset()
    sharing: dict[str, list[Ready]] = {}
    for ready in sorted(_becoming_contacts(groups), key=lambda ready: ready.contact.id):
        match = _match_of(ready, companies)
        if match is None:
            continue
        if match.account is not None or match.new in needed:
            sharing.setdefault(match.account.ref.id if match.account else match.new, []).append(ready)
        elif policies.create_accounts:
            made.why[ready.contact.id] = (*match.why, "The Contact has an Account: none was made for its company.")
        else:
            made.why[ready.contact.id] = (*match.why, "The org creates no Accounts: the Contact goes without one.")
    rules = mapping.of(RecordKind.ACCOUNT)
    for number, together in enumerate(sharing.values(), start=1):
        newest = newest_first(together)
        match = companies[_company(newest[0])]
        step = _step(f"a{number}", match, newest, index, rules)
        made.steps.append(step)
        for ready in together:
            made.by_contact[ready.contact.id] = step
            made.why[ready.contact.id] = companies[_company(ready)].why
    return made


def _step(
    step_id: str, match: AccountMatch, newest: Sequence[Ready], index: FoundIndex, rules: Sequence[FieldRule]
) -> Step:
    def said(rule: FieldRule) -> Iterable[FieldValue]:
        return _said(rule, newest, index)

    if match.account is None:
        return Step(step_id, Action.CREATE, RecordKind.ACCOUNT, fields=new_record(rules, said).fields, why=match.why)
    return written(step_id, match.account.ref, changed_record(rules, said, match.account.fields), match.why)


def _said(rule: FieldRule, newest: Sequence[Ready], index: FoundIndex) -> Iterator[FieldValue]:
    if rule.source == "owner":
        owner = owner_of(newest, index)
        if owner.id is not None:
            yield owner.id
        return
    for ready in newest:
        company = _company(ready)
        value = company.domain if rule.source == "domain" else company.name if rule.source == "name" else None
        if value:
            yield value


def _needed(
    groups: Sequence[Group], companies: Mapping[Company, AccountMatch], mapping: FieldMapping
) -> frozenset[str]:
    """Which new Accounts will be some Contact's: for each record the newest contact's company that is known."""
    rules = [rule for rule in mapping.of(RecordKind.CONTACT) if rule.source == "account"]
    needed = set()
    for group in groups:
        if not any(_will_write(rule, group) for rule in rules):
            continue
        matches = (_match_of(ready, companies) for ready in group.members)
        first = next((match for match in matches if match is not None), None)
        if first is not None and first.account is None:
            needed.add(first.new)
    return frozenset(needed)


def _will_write(rule: FieldRule, group: Group) -> bool:
    if group.person is None:
        return True
    return rule.mode is not WriteMode.ON_CREATE and is_blank(group.person.fields.get(rule.target))


def _becoming_contacts(groups: Iterable[Group]) -> Iterator[Ready]:
    return (ready for group in groups for ready in group.members if ready.sync_as is SyncAs.CONTACT)


def _match_of(ready: Ready, companies: Mapping[Company, AccountMatch]) -> AccountMatch | None:
    company = ready.contact.company
    return companies.get(company) if company is not None and ready.sync_as is SyncAs.CONTACT else None


def _company(ready: Ready) -> Company:
    company = ready.contact.company
    assert company is not None  # prepare() lets nobody through without one
    return company
