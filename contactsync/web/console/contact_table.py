"""A table of contacts, filtered, sorted, searched, page by page: on the page of all contacts, and on an event's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from flask import request

from contactsync.domain.errors import RefusedInput
from contactsync.domain.records import SyncAs, SyncStatus
from contactsync.store.engine import reading
from contactsync.store.pages_contacts import (
    Asked,
    ContactChoice,
    ContactPage,
    ContactRow,
    Sort,
    contact_page,
    counts_by_status,
    place_from,
)
from contactsync.sync.suggesting import company_of_address
from contactsync.web.auth import parts
from contactsync.web.console.crm_links import Link, crm_links
from contactsync.web.console.profile_words import listed, small, told
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import STATUS_WORDS, form

LONGEST_SEARCH = 200
MOST_KEY = 2**63 - 1

SORTS = (
    (Sort.NEWEST, "Newest first"),
    (Sort.NAME, "By last name"),
    (Sort.SYNCED, "Last synced first"),
)
SYNCED_AS = ((SyncAs.LEAD, "Leads"), (SyncAs.CONTACT, "Contacts"))
STATUSES = (
    SyncStatus.SYNCED,
    SyncStatus.QUEUED,
    SyncStatus.RETRYING,
    SyncStatus.INCOMPLETE,
    SyncStatus.NEEDS_ATTENTION,
    SyncStatus.EXCLUDED,
)

_PROBLEM = re.compile(r"[\w-]{1,16}", re.ASCII)
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True)
class Table:
    """What _contacts_table.html shows. `at`: the address of its page with filters, None left out. `fixed`: the names of the
    filters that the page itself has set. `counts`: how many there are by status, where that is known.
    """

    at: Callable[..., str]
    asked: Asked
    found: ContactPage
    link: Link
    counts: Mapping[SyncStatus, int] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()

    @property
    def rows(self) -> tuple[ContactRow, ...]:
        """The contacts of this page."""
        return self.found.rows

    @property
    def choice(self) -> ContactChoice:
        """Which contacts."""
        return self.asked.choice

    @property
    def query(self) -> str:
        """What was searched for."""
        return self.choice.text

    @property
    def narrowed(self) -> bool:
        """Whether somebody chose among all that the page would show."""
        return any(self.said().get(name) for name in ("status", "sync_as", "event", "company", "problem", "q"))

    def said(self, **changed: object) -> dict[str, str]:
        """The fields of a form, or the parts of an address, that choose these contacts in this order, with some changed."""
        choice = self.choice
        now: dict[str, object] = {
            "status": choice.status,
            "sync_as": choice.sync_as,
            "event": choice.event,
            "company": choice.company,
            "problem": choice.problem,
            "sort": None if self.asked.sort is Sort.NEWEST else self.asked.sort,
            "q": choice.text,
        }
        merged = {name: value for name, value in (now | changed).items() if name not in self.fixed}
        return {name: str(value) for name, value in merged.items() if value not in (None, "")}

    def url(self, **changed: object) -> str:
        """The address of the same list with some filters changed; never with what was searched for."""
        return self.at(**{name: value for name, value in self.said(**changed).items() if name != "q"})

    @property
    def following(self) -> str | None:
        """Where the next page starts."""
        return str(self.found.following) if self.found.following is not None else None

    @property
    def pills(self) -> list[tuple[SyncStatus | None, str, int | None]]:
        """The statuses to choose from, with how many there are; those that nobody has are left out where that is known."""
        every = sum(self.counts.values()) if self.counts else None
        shown = [
            (status, STATUS_WORDS[status][0], self.counts.get(status))
            for status in STATUSES
            if not self.counts or self.counts[status] or status is self.choice.status
        ]
        return [(None, "All", every), *shown]

    @property
    def total(self) -> int | None:
        """How many contacts are chosen that may go to Salesforce, where that is known."""
        if not self.counts or replace(self.choice, status=None) != ContactChoice():
            return None
        if self.choice.status is not None:
            return self.counts[self.choice.status]
        return sum(self.counts.values()) - self.counts[SyncStatus.EXCLUDED]


def contact_table(at: Callable[..., str], *, event: int | None = None, company: int | None = None) -> Table | None:
    """The table as the request asks for it; None: there is no such event or company. Raises RefusedInput for filters that
    nobody can have chosen. `event`, `company`: of the page itself.
    """
    said: Mapping[str, str] = form() if request.method == "POST" else request.args
    fixed = {"event": event, "company": company}
    choice = ContactChoice(
        status=_one_of(SyncStatus, said.get("status")),
        sync_as=_one_of(SyncAs, said.get("sync_as")),
        event=event if event is not None else _key(said.get("event")),
        company=company if company is not None else _key(said.get("company")),
        problem=_problem(said.get("problem")),
        text=said.get("q", "").strip()[:LONGEST_SEARCH] if request.method == "POST" else "",
    )
    after = place_from(said["after"]) if said.get("after") else None
    asked = Asked(choice, _one_of(Sort, said.get("sort")) or Sort.NEWEST, after)
    with reading(parts().engine) as db:
        found = contact_page(db, seat().org.id, asked)
        plain = replace(choice, status=None).all
        counts = counts_by_status(db, seat().org.id) if plain else {}
    if found is None:
        return None
    chosen_by_page = frozenset(name for name, value in fixed.items() if value is not None)
    return Table(at, asked, found, crm_links(), counts, chosen_by_page)


def table_words() -> dict[str, Any]:
    """What _contacts_table.html needs beside its `table`: `page(…, table=table, **table_words())`."""
    return {
        "sorts": SORTS,
        "synced_as": SYNCED_AS,
        "missing_words": missing_words,
        "told": told,
        "company_of": company_of,
    }


def missing_words(row: ContactRow) -> str:
    """What an incomplete contact lacks, in words."""
    return listed([small(path) for path in row.missing])


def company_of(row: ContactRow) -> str:
    """The company that nobody named, but its e-mail address does; "" where none goes to Salesforce."""
    if row.sync_as != SyncAs.LEAD or "company" in row.missing or row.company_key is not None or row.deleted:
        return ""
    return (company_of_address(parts(), row.email) if row.email else None) or ""


def _one_of(kind: type[_Choice], said: str | None) -> _Choice | None:
    if not said:
        return None
    try:
        return kind(said)
    except ValueError:
        raise RefusedInput("this list cannot be filtered so", {"address": "open the list from the menu"}) from None


def _key(said: str | None) -> int | None:
    if not said:
        return None
    if not (said.isascii() and said.isdigit()) or int(said[:20]) > MOST_KEY or len(said) > 20:
        raise RefusedInput("this list cannot be filtered so", {"address": "open the list from the menu"})
    return int(said)


def _problem(said: str | None) -> str | None:
    if not said:
        return None
    if _PROBLEM.fullmatch(said) is None:
        raise RefusedInput("this list cannot be filtered so", {"address": "open the list from the menu"})
    return said
