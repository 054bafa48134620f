"""Links to choose a password with, when rights change: whoever holds one must not come further by it than when it was made."""

from __future__ import annotations

import pytest

from contactsync.domain.roles import Role
from contactsync.store import invitations, orgs, users
from contactsync.store.engine import reading, writing
from contactsync.store.orgs import Org
from contactsync.sync import access
from tests.console.conftest import sign_in
from tests.web.conftest import Caller


@pytest.fixture
def branch(acme: Caller) -> Org:
    """Another org of the same installation."""
    with writing(acme.parts.engine) as db:
        return orgs.add_org(db, "branch", "Branch", acme.parts.now())


@pytest.fixture
def held(acme: Caller) -> tuple[users.User, str]:
    """A user of acme who signs in with a password, and a link for them that an admin of acme made and keeps."""
    ana = access.let_in(acme.parts, acme.org.id, "ana@example.com", Role.VIEWER).user
    with writing(acme.parts.engine) as db:
        users.set_password(db, ana.id, "a hash")
    return ana, kept_link(acme, ana)


def kept_link(acme: Caller, user: users.User) -> str:
    link = access.new_link(acme.parts, user.id, org_id=acme.org.id).link
    assert link is not None
    return link


def is_good(acme: Caller, link: str) -> bool:
    with reading(acme.parts.engine) as db:
        return invitations.invited(db, link, acme.parts.now()) is not None


def test_a_link_that_one_org_made_leads_into_no_other_that_its_user_comes_into_later(
    acme: Caller, branch: Org, held: tuple[users.User, str]
) -> None:
    ana, link = held
    access.let_in(acme.parts, branch.id, ana.email, Role.ADMIN)
    assert not is_good(acme, link)


def test_nor_does_it_when_the_other_org_gives_the_role_by_itself(
    acme: Caller, branch: Org, held: tuple[users.User, str]
) -> None:
    ana, link = held
    access.change_role(acme.parts, branch.id, ana.id, Role.EDITOR)
    assert not is_good(acme, link)


def test_a_link_that_an_org_made_makes_nobody_an_operator(acme: Caller, held: tuple[users.User, str]) -> None:
    ana, link = held
    access.set_operator(acme.parts, ana.id, operator=True)
    assert not is_good(acme, link)


@pytest.mark.parametrize("gone", ["demoted", "removed", "disabled"])
def test_who_is_an_admin_no_more_has_no_way_back_by_links_made_for_others(
    acme: Caller, held: tuple[users.User, str], gone: str
) -> None:
    _, link = held
    chief = sign_in(acme, Role.ADMIN, "chief@example.com")
    assert chief.get("/settings/users").status == 200
    access.let_in(acme.parts, acme.org.id, "next@example.com", Role.ADMIN)
    with reading(acme.parts.engine) as db:
        leaving = users.find_user(db, "chief@example.com")
    assert leaving is not None
    if gone == "disabled":
        access.disable(acme.parts, leaving.id)
    else:
        access.change_role(acme.parts, acme.org.id, leaving.id, Role.VIEWER if gone == "demoted" else None)
    assert not is_good(acme, link)


def test_a_link_stays_good_while_nobody_s_rights_grow(acme: Caller, held: tuple[users.User, str]) -> None:
    ana, link = held
    access.change_role(acme.parts, acme.org.id, ana.id, Role.EDITOR)
    assert is_good(acme, link)


def test_who_is_an_operator_no_more_has_no_way_back_by_links_made_for_others(
    acme: Caller, held: tuple[users.User, str]
) -> None:
    _, link = held
    for email in ("one@example.com", "two@example.com"):
        chief = access.add_user(acme.parts, email, operator=True).user
    access.set_operator(acme.parts, chief.id, operator=False)
    assert not is_good(acme, link)
