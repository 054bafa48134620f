"""Companies put right by a person: which Account one is, that it has none, that two of them are one."""

from __future__ import annotations

from dataclasses import dataclass

from contactsync.domain.crm import FoundAccount, RecordKind, Wanted
from contactsync.domain.errors import RefusedInput
from contactsync.domain.found_index import FoundIndex
from contactsync.store import companies, queue
from contactsync.store.audit import Audited, note
from contactsync.store.companies import CompanyRow
from contactsync.store.engine import Connection as Db
from contactsync.store.engine import reading, writing
from contactsync.sync.parts import Parts
from contactsync.sync.previewing import NotConnected
from contactsync.sync.targets import Bound, asking

MOST_ACCOUNT_ID = 64

NO_SUCH_COMPANY = "There is no such company. Choose one of the list of companies."


@dataclass(frozen=True)
class CompanyChanged:
    """What became of a company: its key and number, and how many contacts go to the CRM again."""

    key: str
    number: int
    contacts: int


def link_company(parts: Parts, org_id: int, key: str, account_id: str) -> CompanyChanged | None:
    """Say which Account a company is; None: no such company. A merged one's is that of the company that it is now.

    It holds over whatever the event platform says of the company's Account and what matching would find, until somebody
    says otherwise, or the org is connected to another CRM. An existing Contact is moved from another Account only as the
    policy move_accounts lets it. Raises RefusedInput for an Account that is not there, NotReady when the org is not
    connected; TargetError.
    """
    typed = account_id.strip()
    if not typed or len(typed) > MOST_ACCOUNT_ID or typed.split() != [typed]:
        raise RefusedInput(
            "The company cannot be linked so.",
            {"account_id": f"Pick an Account, or write its id: 1 to {MOST_ACCOUNT_ID} characters without spaces."},
        )
    bound = _connected(parts, org_id)
    with reading(parts.engine) as db:
        if companies.company_by_key(db, org_id, bound.row.id, key) is None:
            return None
    account = _account(bound, typed)
    return _choose(parts, bound, key, account.ref.id, Audited.COMPANY_LINKED)


def unlink_company(parts: Parts, org_id: int, key: str) -> CompanyChanged | None:
    """Say that a company has no Account; None: no such company.

    It stays so: no sync matches or makes one for it, until somebody links it, or has it matched again. What is in the CRM
    stays as it is; contacts that are created from now on get no Account. Raises NotReady when the org is not connected.
    """
    return _choose(parts, _connected(parts, org_id), key, "", Audited.COMPANY_UNLINKED)


def match_company(parts: Parts, org_id: int, key: str) -> CompanyChanged | None:
    """Forget what a person said of a company's Account: it is matched again, by domain and name; None: no such company.

    Raises NotReady when the org is not connected.
    """
    return _choose(parts, _connected(parts, org_id), key, None, Audited.COMPANY_MATCHED)


def merge_companies(parts: Parts, org_id: int, key: str, into: str) -> CompanyChanged:
    """Have one company be another one from now on: its contacts are that one's, also those that come later, and what names
    it names that one. Where `into` was merged itself, it is what that became.

    What the kept company does not say itself (name, domain, Account) it takes over. Nothing in the CRM is merged or deleted.
    Raises RefusedInput for companies that are not there, or are one already.
    """
    bound = parts.targets.of(org_id)
    connection_id = bound.row.id if bound else None
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        gone = companies.company_by_key(db, org_id, connection_id, key)
        kept = _present(db, org_id, connection_id, into)
        gone, kept = _may_merge(gone, kept)
        contacts = companies.merge(db, org_id, connection_id, gone, kept, now)
        said = {"into": f"company {kept.id}", "contacts": contacts}
        note(db, org_id, parts.actor, Audited.COMPANIES_MERGED, now, about=f"company {gone.id}", details=said)
    parts.bell.ring(org_id)
    return CompanyChanged(kept.key, kept.id, contacts)


def part_company(parts: Parts, org_id: int, key: str) -> CompanyChanged | None:
    """Take a merge back: the company is one of its own again, with whoever is said to be of it; None: none such was merged.

    The Account that the other one took over stays with that one; this one has again what it had.
    """
    now = parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        gone = companies.company_by_key(db, org_id, None, key)
        if gone is None or gone.merged_into is None:
            return None
        contacts = companies.take_apart(db, org_id, gone, now)
        said = {"contacts": contacts}
        note(db, org_id, parts.actor, Audited.COMPANY_PARTED, now, about=f"company {gone.id}", details=said)
    parts.bell.ring(org_id)
    return CompanyChanged(gone.key, gone.id, contacts)


def _may_merge(gone: CompanyRow | None, kept: CompanyRow | None) -> tuple[CompanyRow, CompanyRow]:
    wrong = {name: NO_SUCH_COMPANY for name, one in (("company", gone), ("into", kept)) if one is None}
    if gone is None or kept is None:
        raise RefusedInput("The companies cannot be merged.", wrong)
    if kept.key in (gone.key, gone.merged_into):
        raise RefusedInput(
            "The companies cannot be merged.", {"into": "These are one company already: choose another."}
        )
    if gone.merged_into is not None:
        words = "This company was merged into another one before. Take that back first, or merge the other one."
        raise RefusedInput("The companies cannot be merged.", {"company": words})
    return gone, kept


def _present(db: Db, org_id: int, connection_id: int | None, key: str) -> CompanyRow | None:
    """The company that is meant by a key now."""
    row = companies.company_by_key(db, org_id, connection_id, key)
    if row is None or row.merged_into is None:
        return row
    return companies.company_by_key(db, org_id, connection_id, row.merged_into)


def _choose(parts: Parts, bound: Bound, key: str, account_id: str | None, action: Audited) -> CompanyChanged | None:
    org_id, now = bound.row.org_id, parts.now()
    with writing(parts.engine) as db:
        queue.lock_org(db, org_id)
        company = _present(db, org_id, bound.row.id, key)
        if company is None:
            return None
        before = companies.account_link(db, bound.row.id, company.key)
        contacts = companies.choose_account(db, org_id, bound.row.id, company.key, account_id, now)
        said = {"account_id": {"old": before, "new": account_id or None}, "contacts": contacts}
        note(db, org_id, parts.actor, action, now, about=f"company {company.id}", details=said)
    parts.bell.ring(org_id)
    return CompanyChanged(company.key, company.id, contacts)


def _connected(parts: Parts, org_id: int) -> Bound:
    bound = parts.targets.of(org_id)
    if bound is None:
        raise NotConnected
    return bound


def _account(bound: Bound, account_id: str) -> FoundAccount:
    """The Account of an id, in the short form or in full, as the CRM has it now."""
    try:
        with asking(bound):
            found = bound.target.look_up(Wanted(ids={RecordKind.ACCOUNT: frozenset({account_id})}))
    finally:
        bound.connection.flush()
    account = FoundIndex.of(found).accounts.get(account_id)
    if account is None:
        words = "There is no such Account in the CRM, or contactsync cannot see it there. Pick another one."
        raise RefusedInput("The company cannot be linked so.", {"account_id": words})
    return account
