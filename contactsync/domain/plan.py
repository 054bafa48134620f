"""The decider: what should change in the CRM for a batch of contacts, and why. Pure, and the same for every order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from contactsync.domain.account_steps import Terms, account_steps, gets_account
from contactsync.domain.accounts import SEVERAL_ACCOUNTS, AccountMatch, match_accounts
from contactsync.domain.batch import Catalogs, ContactPlan, Plan, Ready, Written
from contactsync.domain.crm import Found, Next, Problem, RecordKind, RecordRef, Step
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.mapping import FieldMapping
from contactsync.domain.matching import Match, grouped, match_people
from contactsync.domain.member_steps import member_steps
from contactsync.domain.person_steps import person_steps
from contactsync.domain.policy import Policies
from contactsync.domain.records import Company, SyncAs
from contactsync.domain.wanted import brings_account
from contactsync.domain.writes import ADOPTED

NOTHING_WRITTEN: Written = {}
NO_CATALOGS: Catalogs = {}


def plan(
    batch: Sequence[Ready],
    found: Found,
    mapping: FieldMapping,
    policies: Policies,
    *,
    written: Written = NOTHING_WRITTEN,
    catalogs: Catalogs = NO_CATALOGS,
    taken: Collection[RecordRef] = (),
) -> Plan:
    """The steps that bring a batch to the CRM, and which contact needs which.

        match people      by link, by e-mail; or a question that stops this contact and no other
        match companies   picked, linked, by domain, by name; a picked Account that is gone stops the contact
        group             contacts that are one CRM record share its step
        steps             Accounts, people, member statuses, members: a step refers only to steps before it

    `found` is what `wanted(batch, …)` asked for; `written`: what we last wrote to the records found, when
    `marks_needed`; `catalogs`: the fields of the kinds of `rules_need_catalog`; `taken`: see `match_people`. Step ids:
    a1 …, p1 …, s1 …, m1 …, in the order of contact ids.
    """
    terms = Terms(FoundIndex.of(found), mapping, policies, written, catalogs)
    ordered = sorted(batch, key=lambda ready: ready.contact.id)
    matches = match_people(
        ordered, terms.index, mapping, policies, {ref for ref, marks in written.items() if ADOPTED in marks}, taken
    )
    companies = match_accounts(_need_accounts(ordered, matches, mapping), terms.index, policies.several_matches)
    problems = {
        ready.contact.id: problem
        for ready in ordered
        if (problem := _problem(ready, matches[ready.contact.id], companies, terms)) is not None
    }
    going = [ready for ready in ordered if ready.contact.id not in problems]
    groups = grouped(going, matches)
    accounts = account_steps(groups, companies, terms)
    people = person_steps(groups, matches, accounts, terms)
    members, memberships = member_steps(going, people, terms.index, policies)
    contacts = {}
    for ready in ordered:
        contact_id = ready.contact.id
        if contact_id in problems:
            why = (*ready.why, *matches[contact_id].why)
            problem = problems[contact_id]
            contacts[contact_id] = ContactPlan(
                contact_id, why=why, problem=problem, next=_next(ready, companies, problem)
            )
        else:
            contacts[contact_id] = _contact_plan(
                ready,
                people[contact_id],
                accounts.by_contact.get(contact_id),
                memberships.get(contact_id, {}),
                (*matches[contact_id].why, *accounts.why.get(contact_id, ())),
            )
    return Plan((*accounts.steps, *_each_once(people.values()), *members), contacts)


def _need_accounts(batch: Sequence[Ready], matches: Mapping[str, Match], mapping: FieldMapping) -> list[Ready]:
    return (
        [ready for ready in batch if _needs_account(ready, matches[ready.contact.id])]
        if brings_account(mapping)
        else []
    )


def _needs_account(ready: Ready, match: Match) -> bool:
    """A contact that is used as an open Lead (prefer_existing) brings no Account, whatever its Sync As."""
    return ready.sync_as is SyncAs.CONTACT and (match.person is None or match.person.ref.kind is RecordKind.CONTACT)


def _problem(ready: Ready, match: Match, companies: Mapping[Company, AccountMatch], terms: Terms) -> Problem | None:
    if match.problem is not None:
        return match.problem
    company = ready.contact.company
    if company is None or not _needs_account(ready, match) or company not in companies:
        return None
    found = companies[company]
    idle = found.unasked or (found.problem is not None and found.problem.code == SEVERAL_ACCOUNTS)
    if idle and not gets_account(match.person, terms, overtaken=ready.account_overtaken):
        return None  # nobody asks which Account it is when the Contact would not get it
    return found.problem


def _next(ready: Ready, companies: Mapping[Company, AccountMatch], problem: Problem) -> Next:
    found = companies.get(ready.contact.company) if ready.contact.company is not None else None
    return Next.REMATCH if found is not None and found.unasked and found.problem is problem else Next.STOP


def _contact_plan(
    ready: Ready, person: Step, account: Step | None, members: Mapping[str, Step], why: Sequence[str]
) -> ContactPlan:
    lines = (*why, *person.why, *(line for member in members.values() for line in member.why), *ready.why)
    return ContactPlan(
        contact_id=ready.contact.id,
        person=person.id,
        account=account.id if account is not None else None,
        members={campaign_id: step.id for campaign_id, step in members.items()},
        statuses=tuple(dict.fromkeys(step_id for step in members.values() for step_id in step.after)),
        why=tuple(dict.fromkeys(lines)),
    )


def _each_once(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple({step.id: step for step in steps}.values())
