"""The steps for Accounts: those found, and those that a Contact of this batch needs (rule 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from contactsync.domain.accounts import AccountMatch
from contactsync.domain.batch import Catalogs, Ready, Written
from contactsync.domain.crm import FieldValue, FoundPerson, RecordKind, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldMapping, FieldRule, WriteMode
from contactsync.domain.matching import Group, newest_first
from contactsync.domain.owners import owner_of
from contactsync.domain.policy import DuplicateRules, MoveAccounts, Policies
from contactsync.domain.records import Company, SyncAs
from contactsync.domain.writes import NO_MARKS, changed_record, created, new_record, would_write, written


@dataclass
class AccountSteps:
    """The steps, which step is whose, and what to tell about it; both by contact id."""

    steps: list[Step] = field(default_factory=list)
    by_contact: dict[str, Step] = field(default_factory=dict)
    why: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What steps are decided by besides the batch: the index of what was found, mapping, policies, what we last wrote, and
    the CRM's fields.
    """

    index: FoundIndex
    mapping: FieldMapping
    policies: Policies
    written: Written
    catalogs: Catalogs

    @cached_property
    def rules(self) -> Mapping[RecordKind, tuple[FieldRule, ...]]:
        """The rules that are on, by kind: picked out once for the whole batch."""
        kinds = (RecordKind.LEAD, RecordKind.CONTACT, RecordKind.ACCOUNT)
        return {kind: self.mapping.of(kind) for kind in kinds}

    @cached_property
    def account_rules(self) -> tuple[FieldRule, ...]:
        """The rules that bring the Account to the Contact."""
        return tuple(rule for rule in self.rules[RecordKind.CONTACT] if rule.source == "account")

    @property
    def allow_duplicates(self) -> bool:
        """Whether a record is saved although a duplicate rule warns."""
        return self.policies.duplicate_rules is DuplicateRules.ALLOW

    def mode_of(self, rule: FieldRule, *, overtaken: bool = False) -> WriteMode:
        """The mode that counts: a Contact is moved from one Account to another as far as the org lets it (rule 7).
        `overtaken`: it was put where it is by a run that a person's choice overtook, and is moved from there all the same.
        """
        if rule.source != "account" or rule.mode in (WriteMode.ON_CREATE, WriteMode.OFF):
            return rule.mode
        match self.policies.move_accounts:
            case MoveAccounts.NEVER:
                ours = overtaken and rule.mode is not WriteMode.IF_EMPTY
                return WriteMode.IF_OURS if ours else WriteMode.IF_EMPTY
            case MoveAccounts.IF_OURS:
                return WriteMode.IF_OURS if rule.mode is WriteMode.ALWAYS else rule.mode
            case MoveAccounts.ALWAYS:
                return rule.mode


def account_steps(groups: Sequence[Group], companies: Mapping[Company, AccountMatch], terms: Terms) -> AccountSteps:
    """One step per Account. An Account is made only when some Contact will have it: nobody wants empty ones."""
    made = AccountSteps()
    creates = terms.policies.create_accounts
    needed = _needed(groups, companies, terms) if creates else frozenset()
    sharing: dict[str, list[Ready]] = {}
    for ready in sorted(_becoming_contacts(groups), key=lambda ready: ready.contact.id):
        match = _match_of(ready, companies)
        if match is None:
            continue
        if match.unlinked:
            made.why[ready.contact.id] = match.why
        elif match.account is not None or match.new in needed:
            sharing.setdefault(match.account.ref.id if match.account else match.new, []).append(ready)
        elif creates:
            made.why[ready.contact.id] = (*match.why, "The Contact has an Account: none was made for its company.")
        else:
            made.why[ready.contact.id] = (*match.why, "The org creates no Accounts: the Contact goes without one.")
    for number, together in enumerate(sharing.values(), start=1):
        newest = newest_first(together)
        match = companies[_company(newest[0])]
        step = _step(f"a{number}", match, newest, terms)
        made.steps.append(step)
        for ready in together:
            made.by_contact[ready.contact.id] = step
            made.why[ready.contact.id] = companies[_company(ready)].why
    return made


def _step(step_id: str, match: AccountMatch, newest: Sequence[Ready], terms: Terms) -> Step:
    rules = terms.rules[RecordKind.ACCOUNT]
    catalog = terms.catalogs.get(RecordKind.ACCOUNT)

    def said(rule: FieldRule) -> Iterable[FieldValue]:
        return _said(rule, newest, terms.index)

    if match.account is None:
        writes = new_record(rules, said, catalog)
        return created(step_id, RecordKind.ACCOUNT, writes, match.why, allow=terms.allow_duplicates)
    marks = terms.written.get(match.account.ref, NO_MARKS)
    writes = changed_record(rules, said, match.account.fields, marks=marks, catalog=catalog)
    return written(step_id, match.account.ref, writes, match.why, allow=terms.allow_duplicates)


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


def _needed(groups: Sequence[Group], companies: Mapping[Company, AccountMatch], terms: Terms) -> frozenset[str]:
    """Which new Accounts will be some Contact's: for each record the newest contact's company that is known."""
    needed = set()
    for group in groups:
        if group.kind is not RecordKind.CONTACT or not gets_account(group.person, terms, overtaken=overtaken(group)):
            continue
        matches = (_match_of(ready, companies) for ready in group.members)
        first = next((match for match in matches if match is not None), None)
        if first is not None and first.account is None and not first.unlinked:
            needed.add(first.new)
    return frozenset(needed)


def overtaken(group: Group) -> bool:
    """Whether a run that a person's choice overtook put the record of these contacts into the Account that it is in."""
    return any(ready.account_overtaken for ready in group.members)


def gets_account(person: FoundPerson | None, terms: Terms, *, overtaken: bool) -> bool:
    """Whether a Contact, or one that is made (None), may get its company's Account: some rule lets its field be written."""
    return any(_will_write(rule, person, terms, overtaken=overtaken) for rule in terms.account_rules)


def _will_write(rule: FieldRule, person: FoundPerson | None, terms: Terms, *, overtaken: bool) -> bool:
    if person is None:
        return True
    mark = terms.written.get(person.ref, NO_MARKS).get(rule.target)
    return would_write(terms.mode_of(rule, overtaken=overtaken), person.fields.get(rule.target), mark)


def _becoming_contacts(groups: Iterable[Group]) -> Iterator[Ready]:
    """Those that bring an Account: a contact that is an open Lead, whatever its Sync As, takes the company's name alone."""
    bringing = (group for group in groups if group.kind is RecordKind.CONTACT)
    return (ready for group in bringing for ready in group.members if ready.sync_as is SyncAs.CONTACT)


def _match_of(ready: Ready, companies: Mapping[Company, AccountMatch]) -> AccountMatch | None:
    company = ready.contact.company
    return companies.get(company) if company is not None and ready.sync_as is SyncAs.CONTACT else None


def _company(ready: Ready) -> Company:
    company = ready.contact.company
    assert company is not None  # prepare() lets nobody through without one
    return company
