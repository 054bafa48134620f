"""One contact: how it stands and what to do next, its details, what a sync would do, what was done, and undoing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.captured import APPROVAL
from contactsync.domain.edits import RefusedEdit
from contactsync.domain.errors import CannotKeep
from contactsync.domain.moments import utc_moment
from contactsync.domain.records import REQUIRED
from contactsync.domain.roles import Role
from contactsync.store import pages_profile as rows
from contactsync.store.engine import reading
from contactsync.store.pages_profile import Profile, ProfileDelivery
from contactsync.store.pages_runs import past_runs
from contactsync.store.views_paging import Slice
from contactsync.sync import actions
from contactsync.sync.suggesting import company_of_address
from contactsync.web.auth import parts
from contactsync.web.console import profile_words as words
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import crm_links
from contactsync.web.console.doors import Pages
from contactsync.web.console.past_runs import (
    RUNS,
    OfRecord,
    Planned,
    before,
    preview_page,
    run_shown,
    undo_page,
    undone,
)
from contactsync.web.console.profile_form import Typed, plain, typed
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.console.standing import held_up, standing_of, then_goes
from contactsync.web.errors import missing

pages = Pages("profile")

CONTACT = "/contacts/<int(max=9223372036854775807):key>"
RUN = f"{CONTACT}/runs/<int(max=9223372036854775807):number>"


@pages.get(CONTACT)
def profile(key: int) -> Response:
    """The contact, whole."""
    return _profile_page(key)


@pages.post(f"{CONTACT}/sync")
def sync(key: int) -> AnyResponse:
    """Bring it to the CRM now."""
    shown = _contact(key)
    if shown.missing:
        lacking = [path for path in shown.missing if path != APPROVAL]
        first = f"add {words.listed(_names(lacking))}" if lacking else "approve it"
        return done(f"Nothing was sent: first {first}.", to=_here(key), tone="warn")
    if not actions.sync_now(parts(), seat().org.id, shown.source_id):
        return done(_DELETED, to=_here(key), tone="bad")
    if held := held_up():
        return done(f"It waits to go. {held}", to=_here(key), tone="warn")
    return done("On its way: Salesforce is brought up to date now. This page follows.", to=_here(key))


@pages.post(f"{CONTACT}/complete")
def complete(key: int) -> AnyResponse:
    """Add what is missing."""
    shown = _contact(key)
    kept = typed(form(), REQUIRED, _present(shown))
    return _keep(shown, kept, lambda errors, trouble: _profile_page(key, kept=kept, errors=errors, trouble=trouble))


@pages.get(f"{CONTACT}/edit", role=Role.EDITOR)
def edit(key: int) -> Response:
    """All its fields, to change."""
    return _edit_page(_contact(key))


@pages.post(f"{CONTACT}/edit")
def save(key: int) -> AnyResponse:
    """Keep what was changed."""
    shown = _contact(key)
    kept = typed(form(), _paths(shown), _present(shown))
    return _keep(shown, kept, lambda errors, trouble: _edit_page(shown, kept, errors, trouble))


@pages.post(f"{CONTACT}/sync-as")
def sync_as(key: int) -> AnyResponse:
    """Choose what it becomes in the CRM."""
    shown = _contact(key)
    kept = typed(form(), ["sync_as"], _present(shown))
    return _keep(shown, kept, lambda errors, trouble: _profile_page(key, errors=errors, trouble=trouble))


@pages.post(f"{CONTACT}/approve")
def approve(key: int) -> AnyResponse:
    """Let it go to the CRM."""
    shown = _contact(key)
    approved = actions.approve_contacts(parts(), seat().org.id, [shown.source_id])
    if not approved:
        return done("It was approved already, or is gone.", to=_here(key))
    lacking = [path for path in shown.missing if path != APPROVAL]
    if lacking:
        return done(f"Approved. It still needs: {words.listed(_names(lacking))}.", to=_here(key), tone="warn")
    then, tone = then_goes()
    return done(f"Approved. {then}", to=_here(key), tone=tone)


@pages.get(f"{CONTACT}/preview")
def preview(key: int) -> Response:
    """What a sync would do now, record by record."""
    shown = _contact(key)

    def planned() -> Planned | None:
        plan = actions.preview(parts(), seat().org.id, shown.source_id)
        if plan is None:
            return None
        of_it = plan.contacts[shown.source_id]
        return plan.steps, of_it.why, of_it.problem

    return preview_page(_of(shown), planned)


@pages.get(f"{RUN}/undo", role=Role.EDITOR)
def ask_undo(key: int, number: int) -> Response:
    """What undoing a run would do."""
    return undo_page(_of(_contact(key)), number, url("profile.undo", key=key, number=number))


@pages.post(f"{RUN}/undo")
def undo(key: int, number: int) -> AnyResponse:
    """Put a run back."""
    return undone(_of(_contact(key)), number)


# ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_DELETED = (
    "This contact was deleted at the event platform: it is not synced any more, and nothing of it can be changed."
)
_GONE = "This contact is gone: it was erased, or deleted at the event platform."


def _profile_page(
    key: int, *, kept: Typed | None = None, errors: Mapping[str, str] | None = None, trouble: str = ""
) -> Response:
    org_id, now = seat().org.id, parts().now()
    with reading(parts().engine) as db:
        shown = rows.profile(db, org_id, key)
        if shown is None:
            raise missing("contact")
        standing = standing_of(db)
        events, meetings = rows.profile_events(db, org_id, shown), rows.profile_meetings(db, org_id, shown)
        runs, older = past_runs(db, org_id, "contact", shown.source_id, Slice(RUNS, before()))
        waiting, deliveries = rows.edits_that_wait(db, org_id, shown), rows.profile_deliveries(db, org_id, shown)
    link = crm_links()
    return page(
        "profile.html", title=shown.name, nav="contacts", status=_status_of(errors, trouble), contact=shown,
        next=words.next_step(shown, standing, now), standing=standing, sections=_sections(shown),
        events=events, meetings=meetings, meeting_at={one.key: utc_moment(one.starts_at, one.timezone) for one in meetings},
        most_meetings=rows.MOST_MEETINGS, runs=[run_shown(one, link) for one in runs], older=older, waiting=waiting,
        deliveries=deliveries, by_hand=_by_hand(shown, deliveries), link=link,
        undo_at=lambda number: url("profile.ask_undo", key=key, number=number), trouble=trouble,
        mendable_here=words.mendable_here(shown.problem),
        company_taken=_company_taken(shown),
        lacking=[path for path in REQUIRED if path in shown.missing or (kept and path in (errors or {}))],
        **_for_fields(shown, kept, errors),
    )  # fmt: skip


def _edit_page(
    shown: Profile, kept: Typed | None = None, errors: Mapping[str, str] | None = None, trouble: str = ""
) -> Response:
    return page(
        "profile_edit.html", title=f"Edit {shown.name}", nav="contacts", status=_status_of(errors, trouble),
        contact=shown, trouble=trouble, custom=_custom(shown), deleted=_DELETED if shown.deleted else "",
        **_for_fields(shown, kept, errors),
    )  # fmt: skip


def _for_fields(shown: Profile, kept: Typed | None, errors: Mapping[str, str] | None) -> dict[str, Any]:
    """What _profile_fields.html works with."""
    typed_in = kept.values if kept else {}
    return {
        "present": _present(shown), "typed": typed_in, "errors": errors or {}, "words": words, "plain": plain, "names": _names,
    }  # fmt: skip


def _names(paths: Sequence[str]) -> list[str]:
    return [words.small(path) for path in paths]


def _by_hand(shown: Profile, deliveries: Sequence[ProfileDelivery]) -> Callable[[str], bool]:
    typed_here = {one.number for one in deliveries if one.by_hand}
    return lambda path: shown.origin.get(path) in typed_here


def _sections(shown: Profile) -> list[tuple[str, list[tuple[str, str]]]]:
    """The fields that have something to say, by heading."""
    kinds = (
        ("", words.PERSON),
        ("Address", words.ADDRESS),
        ("Social profiles", words.SOCIAL),
        ("Custom fields", _custom(shown)),
    )
    made = []
    for heading, paths in kinds:
        held = [(path, shown.text(path)) for path in paths if shown.text(path)]
        if held:
            made.append((heading, held))
    return made


# ── what they are made from ────────────────────────────────────────────────────────────────────────────────────────


def _contact(key: int) -> Profile:
    with reading(parts().engine) as db:
        shown = rows.profile(db, seat().org.id, key)
    if shown is None:
        raise missing("contact")
    return shown


def _of(shown: Profile) -> OfRecord:
    sync_at = url("profile.sync", key=shown.key)
    return OfRecord("contact", "contacts", shown.source_id, shown.name, _here(shown.key), sync_at)


def _present(shown: Profile) -> dict[str, Any]:
    return {**shown.fields, "company": shown.company.name if shown.company else None, "sync_as": shown.said_sync_as}


def _company_taken(shown: Profile) -> str:
    """The company that nobody named, but its e-mail address does; "" where none goes to Salesforce."""
    if shown.company or "company" in shown.missing or words.sync_as_shown(shown) != "Lead" or not shown.text("email"):
        return ""
    return company_of_address(parts(), shown.text("email")) or ""


def _custom(shown: Profile) -> tuple[str, ...]:
    return tuple(sorted(path for path in shown.fields if path.startswith("custom.")))


def _paths(shown: Profile) -> tuple[str, ...]:
    return (*words.PERSON, *words.ADDRESS, *words.SOCIAL, *_custom(shown), "company", "sync_as")


# ── doing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _keep(shown: Profile, kept: Typed, again: Callable[[Mapping[str, str], str], Response]) -> AnyResponse:
    """Keep what was changed, wait for it a moment, and say what came of it. `again` shows the form once more."""
    here = _here(shown.key)
    if kept.errors:
        return again(kept.errors, "")
    if not kept.changed:
        if not any(kept.values.values()):
            return again(dict.fromkeys(kept.values, "Fill this in."), "")
        return done("Nothing was changed.", to=here)
    org_id = seat().org.id
    try:
        edited = actions.edit_contacts(parts(), org_id, {shown.source_id: kept.changed})
    except RefusedEdit as error:
        return again({path: str(what) for path, what in error.fields.items()}, "")
    except (actions.NoRoom, CannotKeep):
        return again({}, "It cannot be saved just now: too much waits to be brought in. Nothing you typed is lost: "
                         "press Save again in a minute.")  # fmt: skip
    if edited.missing:
        return done(_DELETED if shown.deleted else _GONE, to=here, tone="bad")
    if not actions.wait_for_edit(parts(), org_id, edited):
        return done("Saved. It is brought in within moments, and this page shows it then.", to=here)
    with reading(parts().engine) as db:
        now, standing = rows.profile(db, org_id, shown.key), standing_of(db)
    if now is None:  # erased in between
        return done(_GONE, to=url("contacts.contact_list"), tone="bad")
    told, tone = words.saved(kept.changed, shown.missing, _present(now), standing)
    return done(told, to=here, tone=tone)


def _here(key: int) -> str:
    return url("profile.profile", key=key)


def _status_of(errors: Mapping[str, str] | None, trouble: str) -> int:
    return 503 if trouble else 422 if errors else 200
