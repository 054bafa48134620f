"""The company of one contact: picked from the CRM's Accounts, or said anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.crm import Choice, RecordKind
from contactsync.domain.edits import RefusedEdit
from contactsync.domain.errors import CannotKeep, RefusedInput, TargetRefused, TargetUnavailable
from contactsync.domain.names import company_key, normalised_domain, normalised_name
from contactsync.domain.roles import Role
from contactsync.store.engine import reading
from contactsync.store.pages_profile import Profile, ProfileCompany, company_of_key
from contactsync.store.pages_profile import profile as read_profile
from contactsync.sync import actions
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.crm_links import crm_links
from contactsync.web.console.doors import Pages
from contactsync.web.console.problem_words import in_short, plain
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.console.standing import then_goes
from contactsync.web.errors import missing

pages = Pages("company_choice")

COMPANY = "/contacts/<int(max=9223372036854775807):key>/company"

LONGEST_SEARCH = 255


@pages.get(COMPANY, role=Role.EDITOR, searches=True)
def choose(key: int) -> Response:
    """Look for an Account, or name another company. Its search is a POST."""
    shown = _contact(key)
    if request.method == "GET":
        return _page(shown, words=shown.company.name or "" if shown.company else "")
    return _page(shown, words=form().get("q", "")[:LONGEST_SEARCH], searched=True)


@pages.post(f"{COMPANY}/account")
def pick(key: int) -> AnyResponse:
    """Take an Account that was found.

    The Account of the contact's own company is said of the company, for all its contacts. Another one makes the contact one
    of another company.
    """
    shown = _contact(key)
    sent = form()
    account_id, name = sent.get("account_id", ""), sent.get("name", "")
    if not account_id or not name:
        return _page(shown, errors={"q": "Pick one of the Accounts that were found."})
    own = shown.company
    if own is not None and shown.company_key and own.name and normalised_name(own.name) == normalised_name(name):
        try:
            linked = actions.link_company(parts(), seat().org.id, shown.company_key, account_id)
        except (RefusedInput, TargetRefused, TargetUnavailable) as error:
            return _page(shown, words=name, trouble=_trouble(error))
        if linked is not None:
            return done(f"{own.name} is tied to this Account, for all its contacts.", to=_profile(key))
    with reading(parts().engine) as db:
        there = company_of_key(db, seat().org.id, company_key({"name": name}) or "")
    # What people write into an Account's website need not be one: then the Account is picked without.
    website = normalised_domain(sent.get("domain")) or ""
    return _keep(shown, company_said(account_id, name, website, there), {})


@pages.post(f"{COMPANY}/new")
def create(key: int) -> AnyResponse:
    """Name another company: its Account is found or made by the sync."""
    shown = _contact(key)
    sent = form()
    if not sent.get("name"):
        return _page(shown, errors={"name": "Write the company's name."}, typed=sent)
    said = {"name": sent["name"], **({"domain": sent["domain"]} if sent.get("domain") else {})}
    return _keep(shown, said, sent)


def company_said(account_id: str, name: str, domain: str, there: ProfileCompany | None) -> dict[str, str]:
    """The company that an Account is, as a delivery says it. `there`: the company that is known by this name.

    Two Accounts may have one name. Known by name alone they would be one company, and what is picked for one contact would
    move all others: the second one is known by its Account.
    """
    said = {"name": name, "account_id": account_id, **({"domain": domain} if domain else {})}
    if there is not None and there.account_id not in (None, account_id):
        return {"id": f"account:{account_id}", **said}
    return said


def _keep(shown: Profile, said: Mapping[str, str], sent: Mapping[str, str]) -> AnyResponse:
    try:
        edited = actions.edit_contacts(parts(), seat().org.id, {shown.source_id: {"company": dict(said)}})
    except RefusedEdit as error:
        named = {path.removeprefix("company.").replace("company", "name"): what for path, what in error.fields.items()}
        wrong = {path: str(what) for path, what in named.items()}
        return _page(shown, words=said["name"], errors=wrong, typed=sent)
    except (actions.NoRoom, CannotKeep):
        trouble = "It cannot be saved just now: too much waits to be brought in. Try again in a minute."
        return _page(shown, words=said["name"], typed=sent, trouble=trouble)
    if edited.missing:
        gone = "This contact is gone: it was erased, or deleted at the event platform."
        return done(gone, to=_profile(shown.key), tone="bad")
    waited = actions.wait_for_edit(parts(), seat().org.id, edited)
    then, tone = "It is brought in within moments.", "good"
    if waited:
        then, tone = then_goes()
    return done(f"The company is {said['name']} now. {then}", to=_profile(shown.key), tone=tone)


def _page(
    shown: Profile,
    *,
    words: str = "",
    searched: bool = False,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    trouble: str = "",
) -> Response:
    found: Sequence[Choice] | None = None
    connected = parts().targets.of(seat().org.id) is not None
    if searched and words and connected:
        try:
            found = _search(words)
        except (TargetRefused, TargetUnavailable) as error:
            trouble = _trouble(error)
    status = 422 if errors else 503 if trouble and not searched else 200
    return page(
        "company_choice.html", title=f"Company of {shown.name}", nav="contacts", status=status, contact=shown, q=words,
        searched=searched, found=found, connected=connected, errors=errors or {}, typed=typed or {}, trouble=trouble,
        link=crm_links(), domain=_domain(shown),
    )  # fmt: skip


def _search(words: str) -> Sequence[Choice]:
    bound = parts().targets.of(seat().org.id)
    if bound is None:
        return ()
    try:
        return bound.target.search(RecordKind.ACCOUNT, words)
    finally:
        bound.connection.flush()  # the calls it counted


def _trouble(error: Exception) -> str:
    if isinstance(error, TargetRefused):
        return in_short(error.problem)
    if isinstance(error, RefusedInput):
        return plain(" ".join([str(error), *map(str, error.fields.values())]))
    return "Salesforce does not answer now. Nothing is lost: try again in a minute."


def _domain(shown: Profile) -> str:
    """What stands behind the @ of the contact's address: often the company's website."""
    return (shown.email or "").rpartition("@")[2]


def _contact(key: int) -> Profile:
    with reading(parts().engine) as db:
        shown = read_profile(db, seat().org.id, key)
    if shown is None:
        raise missing("contact")
    return shown


def _profile(key: int) -> str:
    return url("profile.profile", key=key)
