"""The Leads Inbox: contacts that lack something, completed one after another, and approved where the org wants a review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.captured import APPROVAL
from contactsync.domain.edits import RefusedEdit
from contactsync.domain.errors import CannotKeep
from contactsync.domain.records import REQUIRED
from contactsync.domain.roles import Role
from contactsync.store import orgs
from contactsync.store.engine import reading
from contactsync.store.pages_contacts import ids_of
from contactsync.store.pages_inbox import (
    MOST_COUNTED,
    InboxEntry,
    companies_called,
    inbox_entry,
    inbox_page,
    left_in_inbox,
    next_in_inbox,
)
from contactsync.sync import actions
from contactsync.sync.suggesting import company_of_address
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.profile_form import Typed, plain, typed
from contactsync.web.console.profile_words import listed, small, spoken
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page, redirected
from contactsync.web.console.standing import then_goes
from contactsync.web.errors import missing

pages = Pages("inbox")

SHOWN = 50
MOST_APPROVED = 1000
MOST_COMPANIES = 6

WORDS: Mapping[str, str] = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail",
    "company": "Company",
    "sync_as": "Sync As",
    APPROVAL: "Approval",
}
"""What may be missing, as marketers read it."""

_NO_ROOM = (
    "It cannot be saved just now: too much waits to be brought in. Nothing you typed is lost: try again in a minute."
)

REVIEW = "review"
"""`?show=`: those that lack nothing but the approval."""


@dataclass(frozen=True)
class Suggested:
    """Which company it may be. `from_address`: by the e-mail domain; `known`: names of companies that begin so."""

    from_address: str | None = None
    known: tuple[str, ...] = ()


# ── the list ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/inbox")
def inbox() -> Response:
    """All that lack something, the longest waiting first."""
    org_id, review_alone, after = seat().org.id, request.args.get("show") == REVIEW, _after()
    with reading(parts().engine) as db:
        reviews = orgs.policies(db, org_id).review_inbox
        entries, following = inbox_page(db, org_id, after=after, limit=SHOWN, review_alone=review_alone)
        left = left_in_inbox(db, org_id)
        ready = left_in_inbox(db, org_id, review_alone=True) if reviews else 0
    show = REVIEW if review_alone else None
    more = url("inbox.inbox", show=show, after=following) if following else None
    from_address = {entry.key: _suggested(entry, known=False).from_address for entry in entries if _taken_over(entry)}
    return page(
        "inbox.html", title="Leads Inbox", nav="inbox", entries=entries, left=counted(left), ready=counted(ready),
        reviews=reviews or any(entry.for_review for entry in entries), review_alone=review_alone, more=more,
        words=WORDS, first=after == 0, from_address=from_address,
    )  # fmt: skip


@pages.post("/inbox/approve")
def approve() -> AnyResponse:
    """Let the ticked contacts go to the CRM, or one."""
    keys = [int(value) for value in request.form.getlist("key") if _is_key(value)]
    back = url("inbox.inbox", show=REVIEW if form().get("show") == REVIEW else None)
    if not keys:
        return done("Tick the contacts that you want to approve first.", to=back, tone="warn")
    if len(keys) > MOST_APPROVED:
        return done(f"Approve at most {MOST_APPROVED:,} at once.", to=back, tone="warn")
    org_id = seat().org.id
    with reading(parts().engine) as db:
        ids = ids_of(db, org_id, sorted(set(keys)))
    approved = actions.approve_contacts(parts(), org_id, ids)
    if not approved:
        return done("They were approved already, or are gone.", to=back, tone="warn")
    what = "1 contact" if approved == 1 else f"{approved:,} contacts"
    then, tone = then_goes("What is complete goes to Salesforce by itself.")
    return done(f"Approved {what}. {then}", to=back, tone=tone)


# ── one after another ──────────────────────────────────────────────────────────────────────────────────────────────


@pages.get("/inbox/next", role=Role.EDITOR)
def following() -> AnyResponse:
    """The first, or the one after `?after=`."""
    with reading(parts().engine) as db:
        key = next_in_inbox(db, seat().org.id, _after())
    return _to_next(key)


@pages.get("/inbox/through", role=Role.EDITOR)
def through() -> Response:
    """The end of the round."""
    with reading(parts().engine) as db:
        left = left_in_inbox(db, seat().org.id)
    return page("inbox_through.html", title="Leads Inbox", nav="inbox", left=counted(left))


@pages.get("/inbox/<int:key>", role=Role.EDITOR)
def one(key: int) -> Response:
    """One contact, with the cursor in what is missing first."""
    return _one_page(_entry(key))


@pages.post("/inbox/<int:key>")
def save(key: int) -> AnyResponse:
    """Keep what was typed, approve it where that was pressed, and go on to the next."""
    entry, sent, org_id = _entry(key), form(), seat().org.id
    if sent.get("use_company"):
        sent.setlist("company", [sent["use_company"]])
    kept = typed(sent, REQUIRED, _held(entry))
    approves = entry.for_review and sent.get("do") != "save"
    if kept.errors:
        return _one_page(entry, kept, kept.errors)
    if not kept.changed and entry.waits and not approves:
        return _one_page(entry, kept, _asked_for(entry))
    if kept.changed:
        try:
            edited = actions.edit_contacts(parts(), org_id, {entry.source_id: kept.changed})
        except RefusedEdit as error:
            return _one_page(entry, kept, {path: str(what) for path, what in error.fields.items()})
        except (actions.NoRoom, CannotKeep):
            return _one_page(entry, kept, trouble=_NO_ROOM)
        if edited.missing:
            return done(
                "That contact is gone: it was deleted at the event platform.", to=_next_address(key), tone="warn"
            )
    if approves:
        actions.approve_contacts(parts(), org_id, [entry.source_id])
    told, tone = _said(entry, kept, approved=approves)
    return done(told, to=_next_address(key), tone=tone)


def _held(entry: InboxEntry) -> dict[str, Any]:
    """What the contact has now, to tell changes from. A company that was taken from its address is had, and so is a Sync As
    that the policy gives; where a company is missing, the same is a suggestion, and taking it is a change.
    """
    present = _present(entry)
    if _taken_over(entry):
        present["company"] = _suggested(entry, known=False).from_address
    return present


def _taken_over(entry: InboxEntry) -> bool:
    """Whether its company is nobody's word, but taken from its e-mail address."""
    return "company" not in entry.missing and entry.company is None


def _asked_for(entry: InboxEntry) -> dict[str, str]:
    """Nothing was typed: what to type, under each field that needs it."""
    asked = {path: f"Add the {small(path)}, or skip this contact." for path in entry.lacks if path in WORDS}
    return asked | ({"sync_as": "Choose one, or skip this contact."} if "sync_as" in asked else {})


def _said(entry: InboxEntry, kept: Typed, *, approved: bool) -> tuple[str, str]:
    still = [small(path) for path in entry.lacks if not kept.changed.get(path)]
    done_what = ("Saved and approved." if kept.changed else "Approved.") if approved else "Saved."
    if still:
        return f"{done_what} It still needs: {listed(still)}.", "good"
    if entry.for_review and not approved:
        return f"{done_what} It waits for an approval.", "good"
    then, tone = then_goes("It goes to Salesforce by itself.")
    return f"{done_what} {then}", tone


def _one_page(
    entry: InboxEntry, kept: Typed | None = None, errors: Mapping[str, str] | None = None, *, trouble: str = ""
) -> Response:
    with reading(parts().engine) as db:
        left = left_in_inbox(db, seat().org.id, after=entry.key - 1)
        following = next_in_inbox(db, seat().org.id, entry.key)
    present, suggestions = _present(entry), _suggested(entry)
    if entry.company is None:
        present["company"] = suggestions.from_address
    shown = {path: plain(value) for path, value in present.items()} | dict(kept.values if kept else {})
    lacking = [*(errors or {}), *entry.lacks]
    return page(
        "inbox_one.html", title="Complete a contact", nav="inbox",
        status=503 if trouble else 422 if errors else 200, entry=entry, shown=shown, was=_held(entry), plain=plain,
        errors=errors or {}, trouble=trouble, suggestions=suggestions, left=counted(left), following=following,
        first=next((path for path in REQUIRED if path in lacking), "" if entry.for_review else REQUIRED[0]),
        words=WORDS, told=_told(entry),
    )  # fmt: skip


def _suggested(entry: InboxEntry, *, known: bool = True) -> Suggested:
    if not entry.email:
        return Suggested()
    domain = company_of_address(parts(), entry.email)
    if domain is None or not known:
        return Suggested(domain)
    label = domain.partition(".")[0]
    with reading(parts().engine) as db:
        names = companies_called(db, seat().org.id, label, MOST_COMPANIES)
    return Suggested(domain, tuple(name for name in names if name != entry.company))


def _present(entry: InboxEntry) -> dict[str, Any]:
    said = {path: entry.fields.get(path) for path in ("first_name", "last_name", "email")}
    sync_as = str(entry.fields.get("sync_as") or "").strip().lower()
    return {**said, "company": entry.company, "sync_as": sync_as or ("" if "sync_as" in entry.lacks else entry.sync_as)}


_TOLD: Mapping[str, str] = {
    "title": "Job title",
    "phone": "Main phone",
    "mobile_phone": "Mobile phone",
    "website": "Website",
    "source": "Met through",
    "owner_email": "Owner",
    "note": "Note",
}


def _told(entry: InboxEntry) -> list[tuple[str, str]]:
    """What else is known of it."""
    held = {path: plain(entry.fields.get(path)) for path in _TOLD}
    return [(_TOLD[path], spoken(value) if path == "source" else value) for path, value in held.items() if value]


def _entry(key: int) -> InboxEntry:
    with reading(parts().engine) as db:
        entry = inbox_entry(db, seat().org.id, key)
    if entry is None:
        raise missing("contact")
    return entry


def _next_address(key: int) -> str:
    with reading(parts().engine) as db:
        following = next_in_inbox(db, seat().org.id, key)
    return url("inbox.one", key=following) if following is not None else url("inbox.through")


def _to_next(key: int | None) -> AnyResponse:
    return redirected(url("inbox.one", key=key) if key is not None else url("inbox.through"))


def counted(number: int) -> str:
    """A number that was counted no further than MOST_COUNTED."""
    return f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"


def _after() -> int:
    said = request.args.get("after", "")
    return int(said) if _is_key(said) else 0


def _is_key(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 19
