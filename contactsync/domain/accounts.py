"""Which Account a company is (rule 7): the picked one, the linked one, by domain, by name, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contactsync.domain.batch import Ready
from contactsync.domain.crm import MOST_FOUND, FoundAccount, Mend, Problem, RecordKind, RecordRef
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.names import normalised_name
from contactsync.domain.policy import SeveralMatches
from contactsync.domain.records import Company

SEVERAL_ACCOUNTS = "several_accounts"
"""The code of the question which of several Accounts a company is."""


@dataclass(frozen=True)
class AccountMatch:
    """What a company is in the CRM: an Account, or none yet; then companies with one `new` make one Account together.

    `unasked`: its link leads nowhere, and nothing else was asked for: the problem goes with the next look. `unlinked`: a
    person said that it has none: none is looked for, and none is made.
    """

    account: FoundAccount | None = None
    new: str = ""
    why: tuple[str, ...] = ()
    problem: Problem | None = None
    unasked: bool = False
    unlinked: bool = False


@dataclass
class _Known:
    """What this batch already learned: the Accounts of its companies, by each thing that makes two companies one."""

    accounts: dict[tuple[str, str], FoundAccount] = field(default_factory=dict)

    def learn(self, company: Company, account: FoundAccount) -> None:
        for sign in _signs(company):
            held = self.accounts.get(sign)
            if held is None or _age(account) < _age(held):
                self.accounts[sign] = account

    def recall(self, company: Company) -> FoundAccount | None:
        return next((self.accounts[sign] for sign in _signs(company) if sign in self.accounts), None)


_LINK_GONE = Problem(
    code="linked_account_gone",
    cause="The Account that the company was linked to is no longer in the CRM (deleted or merged).",
    fix="Nothing: the company is matched again by domain and name with the next attempt, which follows at once.",
    who="nobody",
    object=RecordKind.ACCOUNT.value,
)


_UNLINKED = AccountMatch(
    why=("Somebody unlinked the company from its Account: it has none until somebody links it again.",), unlinked=True
)


def companies_asked_for(batch: Iterable[Ready]) -> frozenset[Company]:
    """The companies of a batch that are looked for by domain and name: a link or a picked Account answers for the others,
    unless the link is known to be stale. A link is asked for by its id alone: a batch of companies that are known asks less.
    """
    return frozenset(
        company
        for ready in batch
        if (company := ready.contact.company) is not None
        and not company.account_id
        and not company.unlinked
        and (ready.links.account is None or ready.rematched)
    )


def match_accounts(
    batch: Iterable[Ready], index: FoundIndex, several: SeveralMatches = SeveralMatches.FIRST
) -> dict[Company, AccountMatch]:
    """What each company of the batch is. `batch`: contacts that become Contacts, in a settled order; `several`: which of
    several Accounts is taken.

    unlinked   none, by a person's word: until somebody links it, nothing is looked for or made
    picked     the Account that a person picked; not there: a problem, never another Account in silence
    linked     the Account of an earlier sync, when it is still there; gone: a problem until more is asked for
    by domain  then by normalised name; of several the oldest, the most recent, or a question, as the org chose
    in batch   the Account of a company of this batch with the same key, domain or name
    none       a new one, one for all companies that share key, domain or name
    """
    batch = list(batch)
    asked = companies_asked_for(batch)
    matches: dict[Company, AccountMatch] = {}
    for ready in batch:
        company = ready.contact.company
        if company is not None and company not in matches:
            matches[company] = _matched(company, ready.links.account, index, several, asked=company in asked)
    known = _Known()
    for company, match in matches.items():
        if match.account is not None:
            known.learn(company, match.account)
    strangers: list[Company] = []
    for company, match in matches.items():
        if match.account is not None or match.problem is not None or match.unlinked:
            continue
        account = known.recall(company)
        if account is None:
            strangers.append(company)
        else:
            why = (*match.why, "Another contact's company, the same by domain or name, has this Account.")
            matches[company] = AccountMatch(account, why=why)
    for company, key in _together(strangers).items():
        matches[company] = AccountMatch(new=key, why=matches[company].why)
    return matches


def _matched(
    company: Company, link: RecordRef | None, index: FoundIndex, several: SeveralMatches, *, asked: bool
) -> AccountMatch:
    if company.unlinked:
        return _UNLINKED
    if company.account_id:
        return _picked(company.account_id, index)
    why: tuple[str, ...] = ()
    if link is not None:
        account = index.accounts.get(link.id)
        if account is not None:
            return AccountMatch(account, why=("The company is linked to this Account by an earlier sync.",))
        why = ("The Account that the company was linked to is no longer in the CRM (deleted or merged).",)
        if not asked:
            return AccountMatch(why=why, problem=_LINK_GONE, unasked=True)
    by_domain = index.accounts_by_domain.get(company.domain.lower(), ()) if company.domain else ()
    if by_domain:
        return _chosen(by_domain, "the company's domain", why, several)
    by_name = index.accounts_by_name.get(normalised_name(company.name), ()) if company.name else ()
    if by_name:
        return _chosen(by_name, "the company's name", why, several)
    return AccountMatch(why=(*why, "No Account has the company's domain or name."))


def _picked(account_id: str, index: FoundIndex) -> AccountMatch:
    account = index.accounts.get(account_id)
    if account is not None:
        return AccountMatch(account, why=("This Account was picked for the company.",))
    return AccountMatch(
        problem=Problem(
            code="picked_account_not_found",
            cause=f"The Account {account_id} that was picked for the company is not in the CRM, or cannot be seen there.",
            fix="Pick another Account for the company, or none to have it matched by domain and name.",
            who="event team",
            object=RecordKind.ACCOUNT.value,
            mended_by=(Mend.SOURCE, Mend.PERMISSION),
        )
    )


def _chosen(accounts: Sequence[FoundAccount], what: str, why: tuple[str, ...], several: SeveralMatches) -> AccountMatch:
    """One of the Accounts, which stand oldest first."""
    if len(accounts) == 1:
        return AccountMatch(accounts[0], why=(*why, f"Matched by {what}: one Account has it."))
    having = f"{len(accounts)} Accounts have {what}"
    match several:
        case SeveralMatches.FIRST:
            return AccountMatch(accounts[0], why=(*why, f"{having}: the oldest was taken."))
        case SeveralMatches.MOST_RECENT:
            newest = max(account.created_at for account in accounts)
            account = next(account for account in accounts if account.created_at == newest)
            return AccountMatch(account, why=(*why, f"{having}: the most recent was taken."))
        case SeveralMatches.STOP:
            problem = Problem(
                code=SEVERAL_ACCOUNTS,
                cause=f"{having}, and the org wants to be asked which one it is.",
                fix="Pick the Account for the company, merge them in the CRM, or set the policy several_matches to first or "
                "most_recent.",
                who="event team",
                object=RecordKind.ACCOUNT.value,
                mended_by=(Mend.SOURCE, Mend.CRM, Mend.POLICY),
                found=tuple(account.ref.id for account in accounts[:MOST_FOUND]),
            )
            return AccountMatch(why=why, problem=problem)


def _signs(company: Company) -> tuple[tuple[str, str], ...]:
    """What makes two companies one, the strongest first."""
    signs = [("key", company.key)]
    if company.domain:
        signs.append(("domain", company.domain.lower()))
    if company.name and (name := normalised_name(company.name)):
        signs.append(("name", name))
    return tuple(signs)


def _together(companies: Sequence[Company]) -> Mapping[Company, str]:
    """Companies that are one by any chain of signs, under the key of their first (union-find over signs)."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(sign: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(sign, sign) != sign:
            parent[sign] = parent[parent[sign]]
            sign = parent[sign]
        return sign

    for company in companies:
        first, *others = _signs(company)
        for other in others:
            parent[root(other)] = root(first)
    return {company: ":".join(root(_signs(company)[0])) for company in companies}


def _age(account: FoundAccount) -> tuple[str, str]:
    return account.created_at, account.ref.id
