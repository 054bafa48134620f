"""Suggestions for people who put contacts and companies right: what the deciding plugins and the CRM would say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contactsync.domain.captured import CAPTURED_SOURCES
from contactsync.domain.errors import PluginBroken
from contactsync.domain.found_index import FoundIndex
from contactsync.domain.records import Contact, SyncAs
from contactsync.domain.suggestions import Looked, SuggestedAccount, accounts_wanted, suggested
from contactsync.sync.parts import Parts
from contactsync.sync.targets import Bound, asking


def company_of_address(parts: Parts, email: str) -> str | None:
    """The company that the deciding plugins see in an e-mail address: "acme.com". None for free mail, for what is no address,
    and while a plugin is broken.
    """
    asked = {"email": email, "source": next(iter(sorted(CAPTURED_SOURCES))), "sync_as": SyncAs.LEAD.value}
    try:
        choice = parts.plugins.choices(Contact("", asked)).company
    except PluginBroken:  # it is told where it matters: a suggestion is no reason to show nobody a page
        return None
    name = choice.company.name if choice is not None else None
    return name if isinstance(name, str) and name.strip() else None


def suggested_accounts(bound: Bound, companies: Iterable[Looked]) -> Mapping[str, tuple[SuggestedAccount, ...]]:
    """For each company, by key, the Accounts that it may be, each with its reason. One question to the CRM for all of them.

    Raises TargetError.
    """
    companies = list(companies)
    wanted = accounts_wanted(companies)
    if wanted.empty:
        return {}
    try:
        with asking(bound):
            found = bound.target.look_up(wanted)
    finally:
        bound.connection.flush()
    index = FoundIndex.of(found)
    return {company.key: suggested(company, index) for company in companies}
