"""Companies: which Account each is tied to, and two that are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.crm import Choice, RecordKind
from contactsync.domain.errors import Misconfigured, RefusedInput, TargetError, TargetRefused
from contactsync.domain.roles import Role
from contactsync.domain.suggestions import Looked, SuggestedAccount
from contactsync.store.engine import reading
from contactsync.store.pages_companies import (
    MOST_COUNTED,
    CompanyShown,
    Show,
    company_shown,
    company_whole,
)
from contactsync.store.pages_companies import (
    company_list as read_companies,
)
from contactsync.sync import actions
from contactsync.sync.companies import CompanyChanged
from contactsync.sync.suggesting import company_of_address, suggested_accounts
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import crm_links
from contactsync.web.console.crm_search import search_crm
from contactsync.web.console.doors import Pages
from contactsync.web.console.problem_words import in_short
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.console.standing import held_up
from contactsync.web.errors import missing

pages = Pages("companies")

SHOWN = 50
CANDIDATES = 20
LONGEST_SEARCH = 200
COMPANY = "/companies/<int(max=9223372036854775807):key>"

_AWAY = "Salesforce does not answer now, so it cannot suggest anything. Nothing is lost: try again in a minute."

_NOT_CONNECTED = "Your org is not connected to Salesforce yet: an admin connects it under Settings."


@dataclass(frozen=True)
class Suggestions:
    """Accounts by a company's key, or why there are none."""

    by_key: Mapping[str, Sequence[SuggestedAccount]] = field(default_factory=dict)
    trouble: str = ""
    asked: bool = False


# ── the list ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/companies", searches=True)
def company_list() -> Response:
    """All by name; those that are not linked with the Accounts that they may be."""
    show, words = _show(), form().get("q", "")[:LONGEST_SEARCH] if request.method == "POST" else ""
    with reading(parts().engine) as db:
        found = read_companies(db, seat().org.id, show, words, after=_after(), limit=SHOWN)
        some = bool(found.rows or read_companies(db, seat().org.id, Show.ALL, "", limit=1).rows)
    suggests = request.args.get("suggest") == "1" and seat().may(Role.EDITOR)
    suggestions = _suggestions([row for row in found.rows if not row.linked]) if suggests else Suggestions()
    return page(
        "companies.html", title="Companies", nav="companies", found=found, show=show, query=words,
        suggestions=suggestions, link=crm_links(), counted=_counted, first=_after() is None, some=some,
        more=_list(show, after=found.following) if found.following and not words else None,
        suggest=_list(show, after=_after(), suggest="1"),
    )  # fmt: skip


# ── one company ────────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get(COMPANY)
def company(key: int) -> Response:
    """One with its Account, its contacts, and those that were merged into it."""
    with reading(parts().engine) as db:
        whole = company_whole(db, seat().org.id, key)
    if whole is None:
        raise missing("company")
    shown = whole.company
    return page(
        "company.html", title=shown.called, nav="companies", whole=whole, company=shown, link=crm_links(),
        counted=_counted,
    )  # fmt: skip


@pages.get(f"{COMPANY}/accounts", role=Role.EDITOR, searches=True)
def accounts(key: int) -> Response:
    """Accounts to choose from: suggested ones, and those whose name holds some words."""
    shown = _company(key)
    if request.method == "POST":
        return _accounts_page(shown, words=form().get("q", "")[:LONGEST_SEARCH])
    return _accounts_page(shown)


def _accounts_page(shown: CompanyShown, *, words: str = "", error: str = "") -> Response:
    searched = search_crm(RecordKind.ACCOUNT, words) if words else None
    suggestions = _suggestions([shown]) if searched is None else Suggestions()
    found: Sequence[Choice] = searched.choices if searched is not None else ()
    return page(
        "company_accounts.html", title=f"Link {shown.called}", nav="companies", status=422 if error else 200,
        company=shown, query=words, searched=searched is not None and searched.asked, found=found, error=error,
        trouble=searched.trouble if searched is not None else suggestions.trouble,
        suggested=suggestions.by_key.get(shown.named_by, ()), link=crm_links(),
    )  # fmt: skip


@pages.post(f"{COMPANY}/link")
def link(key: int) -> AnyResponse:
    """Say which Account it is."""
    shown, sent = _company(key), form()
    to = _list(Show.OPEN) if sent.get("back") == "list" else _here(key)
    try:
        changed = actions.link_company(parts(), seat().org.id, shown.named_by, sent.get("account_id", ""))
    except actions.NotReady:
        return done(_NOT_CONNECTED, to=to, tone="bad")
    except RefusedInput as refused:
        return _accounts_page(shown, error=" ".join(str(what) for what in refused.fields.values()) or str(refused))
    except TargetError as error:
        return done(_trouble(error), to=to, tone="bad")
    return _told(changed, f"{shown.called} is linked.", to)


@pages.post(f"{COMPANY}/unlink")
def unlink(key: int) -> AnyResponse:
    """Say that it has no Account."""
    shown = _company(key)
    try:
        changed = actions.unlink_company(parts(), seat().org.id, shown.named_by)
    except actions.NotReady:
        return done(_NOT_CONNECTED, to=_here(key), tone="bad")
    return _told(changed, f"{shown.called} is unlinked, and stays so until somebody links it.", _here(key))


@pages.post(f"{COMPANY}/match")
def match(key: int) -> AnyResponse:
    """Have it matched again."""
    shown = _company(key)
    try:
        changed = actions.match_company(parts(), seat().org.id, shown.named_by)
    except actions.NotReady:
        return done(_NOT_CONNECTED, to=_here(key), tone="bad")
    return _told(changed, f"{shown.called} is matched again, by its website and name, with its next sync.", _here(key))


# ── two that are one ───────────────────────────────────────────────────────────────────────────────────────────────


@pages.get(f"{COMPANY}/merge", role=Role.EDITOR, searches=True)
def merging(key: int) -> Response:
    """Companies to merge with: those that are called alike, or as searched for."""
    shown = _company(key)
    if request.method == "POST":
        words = form().get("q", "")[:LONGEST_SEARCH]
        return _merging_page(shown, words, _others(shown, words))
    words = (shown.name or "").partition(" ")[0]
    alike = _others(shown, words)
    return _merging_page(shown, words, alike) if alike else _merging_page(shown, "", _others(shown, ""))


def _others(shown: CompanyShown, words: str) -> list[CompanyShown]:
    with reading(parts().engine) as db:
        found = read_companies(db, seat().org.id, Show.ALL, words, limit=CANDIDATES + 1)
    return [row for row in found.rows if row.key != shown.key][:CANDIDATES]


def _merging_page(shown: CompanyShown, words: str, others: Sequence[CompanyShown]) -> Response:
    return page(
        "company_merge.html", title=f"Merge {shown.called}", nav="companies", company=shown, others=others, query=words,
        link=crm_links(), counted=_counted,
    )  # fmt: skip


@pages.post(f"{COMPANY}/merge-into")
def merge(key: int) -> AnyResponse:
    """Have this company be another one from now on."""
    shown, said = _company(key), form().get("into", "")
    with reading(parts().engine) as db:
        into = company_shown(db, seat().org.id, int(said)) if _is_key(said) else None
    if into is None:
        return done(
            "That company is not there any more: choose another one.", to=url("companies.merging", key=key), tone="bad"
        )
    try:
        changed = actions.merge_companies(parts(), seat().org.id, shown.named_by, into.named_by)
    except RefusedInput as refused:
        return done(" ".join(str(what) for what in refused.fields.values()), to=_here(key), tone="bad")
    return _told(changed, f"{shown.called} is {into.called} now.", _here(changed.number))


@pages.post(f"{COMPANY}/part")
def part(key: int) -> AnyResponse:
    """Take a merge back."""
    shown = _company(key)
    changed = actions.part_company(parts(), seat().org.id, shown.named_by)
    return _told(changed, f"{shown.called} is a company of its own again.", _here(key))


# ── what they are made from ────────────────────────────────────────────────────────────────────────────────────────


def _told(changed: CompanyChanged | None, words: str, to: str) -> AnyResponse:
    if changed is None:
        return done("That was done already, or the company is gone.", to=to, tone="warn")
    if not changed.contacts:
        return done(words, to=to)
    if held := held_up():
        return done(f"{words} {held}", to=to, tone="warn")
    what = "1 contact is" if changed.contacts == 1 else f"{changed.contacts:,} contacts are"
    return done(f"{words} {what} brought up to date in Salesforce now.", to=to)


def _suggestions(companies: Sequence[CompanyShown]) -> Suggestions:
    """One question to the CRM for all of them."""
    if not companies:
        return Suggestions(asked=True)
    try:
        bound = parts().targets.of(seat().org.id)
    except Misconfigured:
        return Suggestions(trouble="contactsync is not set up right: its operator finds why in the log.")
    if bound is None:
        return Suggestions(trouble=_NOT_CONNECTED)
    looked = [
        Looked(one.named_by, one.name, one.domain, company_of_address(parts(), one.writes_from or ""))
        for one in companies
    ]
    try:
        return Suggestions(suggested_accounts(bound, looked), asked=True)
    except TargetError as error:
        return Suggestions(trouble=_trouble(error))


def _trouble(error: TargetError) -> str:
    if isinstance(error, TargetRefused):
        return in_short(error.problem)
    return _AWAY


def _company(key: int) -> CompanyShown:
    with reading(parts().engine) as db:
        shown = company_shown(db, seat().org.id, key)
    if shown is None:
        raise missing("company")
    return shown


def _here(key: int) -> str:
    return url("companies.company", key=key)


def _counted(number: int) -> str:
    return f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"


def _show() -> Show:
    said = request.args.get("show", "")
    return Show(said) if said in list(Show) else Show.ALL


def _list(show: Show, **more: object) -> str:
    return url("companies.company_list", show=None if show is Show.ALL else show.value, **more)


def _after() -> int | None:
    said = request.args.get("after", "")
    return int(said) if _is_key(said) else None


def _is_key(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 19
