"""The console's pages: all contacts, and what is done with several of them at once."""

from __future__ import annotations

from functools import partial

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.edits import RefusedEdit
from contactsync.domain.errors import CannotKeep, RefusedInput
from contactsync.domain.records import SyncAs, SyncStatus
from contactsync.domain.roles import Role
from contactsync.store.engine import reading
from contactsync.store.pages_contacts import how_many_lack
from contactsync.store.resyncs import ResyncFilter
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.contact_table import MOST_KEY, Table, contact_table, table_words
from contactsync.web.console.doors import Pages
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.console.standing import held_up
from contactsync.web.errors import missing

pages = Pages("contacts")

_MOST_DIGITS = 19


@pages.get("/contacts", searches=True)
def contact_list() -> Response:
    """Everyone, newest first, by name or by last sync; of some status, event, company or problem; by words."""
    table = contact_table(partial(url, "contacts.contact_list"))
    if table is None:
        raise missing("event or company")
    return page("contacts.html", title="Contacts", nav="contacts", table=table, of_all=_all_of(table), **table_words())


def _all_of(table: Table) -> dict[str, str] | None:
    """The fields that name all contacts of a list to `sync_all`; None: there are none, or no filter says just them."""
    choice = table.choice
    unsaid = choice.sync_as is not None or choice.company is not None or choice.event is not None or choice.text
    if unsaid or not table.rows or choice.status in (SyncStatus.EXCLUDED, SyncStatus.INCOMPLETE):
        return None
    return {name: value for name, value in table.said().items() if name in ("status", "problem")}


@pages.post("/contacts/several", role=Role.EDITOR)
def several() -> AnyResponse:
    """Do something with the contacts that are ticked."""
    said, back = form(), _back()
    keys = [_number(value) for value in said.getlist("key")]
    if not keys:
        return done("Tick the contacts first, then choose what to do with them.", to=back, tone="warn")
    match said.get("do"):
        case "sync":
            return _sync(keys, back)
        case "lead":
            return _become(keys, SyncAs.LEAD, back)
        case "contact":
            return _become(keys, SyncAs.CONTACT, back)
    raise RefusedInput("nothing was chosen", {"do": "choose what to do with the contacts"})


@pages.post("/contacts/sync-all", role=Role.EDITOR)
def sync_all() -> AnyResponse:
    """Bring all contacts of a filter to the CRM again, bit by bit."""
    said = form()
    status, problem = said.get("status"), said.get("problem")
    try:
        which = ResyncFilter(
            status=SyncStatus(status) if status else None, problem=problem or None, all=not status and not problem
        )
    except ValueError:
        raise RefusedInput("this list cannot be filtered so", {"status": "open the list from the menu"}) from None
    actions.start_resync(parts(), seat().org.id, which, forced=True)
    if held := held_up():
        return done(f"They wait to go. {held}", to=_back(), tone="warn")
    return done("On their way to Salesforce, bit by bit: what arrives meanwhile is not kept waiting.", to=_back())


def _sync(keys: list[int], back: str) -> AnyResponse:
    with reading(parts().engine) as db:
        lacking = how_many_lack(db, seat().org.id, set(keys))
    many = actions.sync_many(parts(), seat().org.id, keys)
    left = len(set(keys)) - many
    also = [f"{_were_deleted(left)}."] if left else []
    if lacking:
        one = lacking == 1
        also.append(
            f"{lacking:,} of them {'lacks' if one else 'lack'} something, and {'stays' if one else 'stay'} here until"
            f" {'it is' if one else 'they are'} completed in the Leads Inbox."
        )
    if many <= lacking:
        return done(" ".join(["Nothing was sent.", *also]), to=back, tone="warn")
    held = held_up()
    words = f"{_contacts(many - lacking)} on {_their(many - lacking)} way to Salesforce."
    if held:
        words = f"{many - lacking:,} contact{' waits' if many - lacking == 1 else 's wait'} to go. {held}"
    return done(" ".join([words, *also]), to=back, tone="warn" if also or held else "good")


def _become(keys: list[int], sync_as: SyncAs, back: str) -> AnyResponse:
    try:
        edited = actions.set_sync_as(parts(), seat().org.id, keys, sync_as)
    except (actions.NoRoom, CannotKeep):
        words = "It cannot be changed just now: too much waits to be brought in. Try again in a minute."
        return done(words, to=back, tone="bad")
    except RefusedEdit as error:
        return done(f"Not changed: {' '.join(map(str, error.fields.values()))}", to=back, tone="bad")
    if not edited.contacts:
        return done(f"Nothing to do: {_were_deleted(len(set(keys)))}.", to=back, tone="warn")
    actions.wait_for_edit(parts(), seat().org.id, edited)
    become = {SyncAs.LEAD: ("a Lead", "Leads"), SyncAs.CONTACT: ("a Contact", "Contacts")}[sync_as][edited.contacts > 1]
    return done(f"{_contacts(edited.contacts)} to become {become} in Salesforce.", to=back)


def _contacts(many: int) -> str:
    return f"{many:,} contact{' is' if many == 1 else 's are'}"


def _their(many: int) -> str:
    return "its" if many == 1 else "their"


def _were_deleted(many: int) -> str:
    one = many == 1
    return (
        f"{many:,} of them {'was' if one else 'were'} deleted at the event platform, or {'is' if one else 'are'} gone"
    )


def _number(said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) <= _MOST_DIGITS) or int(said) > MOST_KEY:
        raise RefusedInput("that names no contact", {"key": "open the list again and tick the contacts"})
    return int(said)


def _back() -> str:
    """The page that the form was on, if it says so: one of this org and no other place."""
    said = request.form.get("back", "")
    here = url("contacts.contact_list")
    mine = here.removesuffix("contacts")
    return said if said.startswith(mine) and said.isprintable() and "\\" not in said else here
