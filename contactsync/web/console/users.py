"""Settings › Users and roles: who may sign in to an org and what they may do there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Response
from werkzeug.wrappers import Response as AnyResponse

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.store import users
from contactsync.store.engine import reading
from contactsync.store.users import Member
from contactsync.sync import access
from contactsync.sync.access import LetIn
from contactsync.web.auth import parts
from contactsync.web.console.addresses import url
from contactsync.web.console.doors import Pages
from contactsync.web.console.endpoints import base_url
from contactsync.web.console.seat import seat
from contactsync.web.console.showing import done, form, page
from contactsync.web.errors import missing

pages = Pages("users")

ROLE_WORDS: Mapping[Role, tuple[str, str]] = {
    Role.VIEWER: ("Viewer", "sees everything, changes nothing"),
    Role.EDITOR: ("Editor", "completes and syncs contacts, connects campaigns and companies, deals with problems"),
    Role.ADMIN: ("Admin", "also changes the settings: connection, field mapping, policies, secrets, users"),
}
"""For people: what each role is called, and what one may with it."""

_KEY = "<int(max=2147483647):key>"


@pages.get("/settings/users")
def user_list() -> Response:
    """Everybody who may enter the org."""
    return _list({}, {})


@pages.post("/settings/users", role=Role.ADMIN)
def invite() -> Response:
    """Let somebody in; the link to choose a password with is shown this once."""
    said = form()
    try:
        role = Role(said.get("role", ""))
    except ValueError:
        return _list({"role": "choose one of the roles"}, said)
    here = seat()
    try:
        made = access.let_in(parts(), here.org.id, said.get("email", ""), role, name=said.get("name", ""), by=here.user)
    except RefusedInput as error:
        return _list({**error.fields} or {"email": str(error)}, said)
    return _link(made, ROLE_WORDS[role][0])


@pages.post(f"/settings/users/{_KEY}/role", role=Role.ADMIN)
def change_role(key: int) -> AnyResponse:
    """Another role."""
    member = _member(key)
    try:
        role = Role(form().get("role", ""))
    except ValueError:
        return _done("Nothing was changed: choose one of the roles.", "warn")
    name = member.user.shown
    return _doing(
        lambda: access.change_role(parts(), seat().org.id, key, role),
        f"{name} is {'a' if role is Role.VIEWER else 'an'} {ROLE_WORDS[role][0].lower()} now.",
    )


@pages.post(f"/settings/users/{_KEY}/remove", role=Role.ADMIN)
def remove(key: int) -> AnyResponse:
    """Out of the org."""
    member, here = _member(key), seat()
    try:
        access.change_role(parts(), here.org.id, key, None)
    except RefusedInput as error:
        return _done(_sentence(error), "bad")
    words = f"{member.user.shown} can no longer enter {here.org.name}."
    if key == here.user.id and not here.user.operator:
        return done(words, to=url("orgs.start"))
    return _done(words)


@pages.post(f"/settings/users/{_KEY}/link", role=Role.ADMIN)
def new_link(key: int) -> Response | AnyResponse:
    """Another link to choose a password with."""
    member, here = _member(key), seat()
    try:
        made = access.new_link(parts(), key, org_id=here.org.id, by=here.user)
    except RefusedInput as error:
        return _done(_sentence(error), "bad")
    return _link(made, ROLE_WORDS[member.role][0], again=True)


@pages.post(f"/settings/users/{_KEY}/disable", role=Role.ADMIN)
def disable(key: int) -> AnyResponse:
    """Cannot sign in any more, anywhere."""
    member, here = _member(key), seat()
    return _doing(
        lambda: access.disable(parts(), key, org_id=here.org.id, by=here.user),
        f"{member.user.shown} is signed out everywhere, and cannot sign in until you enable them again.",
    )


@pages.post(f"/settings/users/{_KEY}/enable", role=Role.ADMIN)
def enable(key: int) -> AnyResponse:
    """Can sign in again."""
    member, here = _member(key), seat()
    return _doing(
        lambda: access.enable(parts(), key, org_id=here.org.id, by=here.user),
        f"{member.user.shown} can sign in again.",
    )


def _list(errors: Mapping[str, object], said: Mapping[str, str]) -> Response:
    here = seat()
    with reading(parts().engine) as db:
        everybody = users.members(db, here.org.id)
        operators = users.operators(db)
    steered = access.steered_in(parts(), here.org.id, here.user) if here.may(Role.ADMIN) else frozenset()
    return page(
        "users.html", title="Users and roles", nav="users", status=422 if errors else 200, members=everybody,
        operators=operators, steered=steered, errors=errors, typed={"role": Role.VIEWER.value, **said},
        options=[(role.value, words[0]) for role, words in ROLE_WORDS.items()],
        roles=[(role.value, *words) for role, words in ROLE_WORDS.items()],
    )  # fmt: skip


def _link(made: LetIn, role: str, *, again: bool = False) -> Response:
    link = None if made.link is None else access.link_url(base_url(), made.link)
    return page(
        "user_link.html", title="Users and roles", nav="users", who=made.user, link=link, until=made.until, role=role,
        again=again,
    )  # fmt: skip


def _member(key: int) -> Member:
    """Only the org's own: others are not there."""
    with reading(parts().engine) as db:
        found = next((one for one in users.members(db, seat().org.id) if one.user.id == key), None)
    if found is None:
        raise missing("user")
    return found


def _doing(act: Callable[[], object], words: str) -> AnyResponse:
    try:
        act()
    except RefusedInput as error:
        return _done(_sentence(error), "bad")
    return _done(words)


def _done(words: str, tone: str = "good") -> AnyResponse:
    return done(words, to=url("users.user_list"), tone=tone)


def _sentence(error: RefusedInput) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
