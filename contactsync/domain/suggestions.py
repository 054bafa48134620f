"""Which Accounts a company may be, for a person to choose from: each with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contactsync.domain.crm import FoundAccount, Wanted
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.names import name_variants, normalised_domain, normalised_name

MOST_SUGGESTED = 3


@dataclass(frozen=True)
class Looked:
    """A company as Accounts are looked for. `from_addresses`: the domain from which its contacts write, if it says nothing."""

    key: str
    name: str | None = None
    domain: str | None = None
    from_addresses: str | None = None

    @property
    def domains(self) -> tuple[tuple[str, str], ...]:
        """Domains that speak for an Account, the strongest first, each with why. A captured company is called by its domain."""
        named = normalised_domain(self.name)
        known = (
            (self.domain, "It has the same website."),
            (named, "Its website is what the company is called."),
            (self.from_addresses, "Contacts of the company write from its website’s domain."),
        )
        said: dict[str, str] = {}
        for domain, why in known:
            if domain:
                said.setdefault(domain.lower(), why)
        return tuple(said.items())


@dataclass(frozen=True)
class SuggestedAccount:
    """An Account that a company may be."""

    id: str
    name: str
    why: str


def accounts_wanted(companies: Iterable[Looked]) -> Wanted:
    """What the CRM is asked for about all of them, at once."""
    companies = list(companies)
    return Wanted(
        account_names=frozenset(spelling for one in companies for spelling in name_variants(one.name or "")),
        account_domains=frozenset(domain for one in companies for domain, _ in one.domains),
    )


def suggested(company: Looked, index: FoundIndex) -> tuple[SuggestedAccount, ...]:
    """The Accounts that have the company's domain, then those that have its name; the oldest first, MOST_SUGGESTED at most."""
    found: dict[str, SuggestedAccount] = {}
    for domain, why in company.domains:
        for account in index.accounts_by_domain.get(domain, ()):
            found.setdefault(account.ref.id, _suggestion(account, why))
    for account in index.accounts_by_name.get(normalised_name(company.name), ()) if company.name else ():
        found.setdefault(account.ref.id, _suggestion(account, "It has the same name."))
    return tuple(found.values())[:MOST_SUGGESTED]


def _suggestion(account: FoundAccount, why: str) -> SuggestedAccount:
    return SuggestedAccount(account.ref.id, account.name, why)
