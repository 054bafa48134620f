"""Users and roles, and the orgs of an operator: who may let whom in, and what nobody may take away."""

from __future__ import annotations

import pytest

from contactsync.domain.roles import Role
from contactsync.store import invitations, orgs, users
from contactsync.store.audit import entries
from contactsync.store.engine import reading, writing
from contactsync.store.views_paging import Slice
from contactsync.sync import access
from tests.console.conftest import Console, Shown, counted_queries, sign_in
from tests.web.conftest import Caller

USERS = "/settings/users"
BOB = {"email": "Bob@Example.com", "name": "Bob", "role": "editor"}


@pytest.fixture
def operator(console: Console) -> Console:
    """Who may everything."""
    with writing(console.acme.parts.engine) as db:
        chief = users.add_user(db, "chief@example.com", console.acme.parts.now(), "Olga Chief", operator=True)
    signed_in = sign_in(console.acme, Role.VIEWER, chief.email)
    with writing(console.acme.parts.engine) as db:
        users.set_role(db, chief.id, console.acme.org.id, None)
    return signed_in


def let_in(caller: Caller, email: str, role: Role = Role.EDITOR, name: str = "") -> users.User:
    return access.let_in(caller.parts, caller.org.id, email, role, name=name).user


def role_of(caller: Caller, user: users.User) -> Role | None:
    with reading(caller.parts.engine) as db:
        return users.kept_role(db, user.id, caller.org.id)


def link_on(shown: Shown) -> str:
    return shown.main.one("pre", id="link").text.rpartition("/")[2]


def rows(console: Console) -> dict[str, str]:
    """What the list says, by person."""
    return {row.all("td")[0].text: row.text for row in console.get(USERS).main.one("tbody").all("tr")}


def test_who_is_let_in_gets_a_link_that_is_shown_once(console: Console) -> None:
    shown = console.post(USERS, BOB)
    assert "http://localhost/welcome/" in shown.text
    assert "bob@example.com" in shown.text
    assert shown.answer.headers["Cache-Control"] == "no-store"
    link = link_on(shown)
    with reading(console.acme.parts.engine) as db:
        assert invitations.invited(db, link, console.acme.parts.now())
    listed = console.get(USERS)
    assert link not in listed.html
    assert "Has a link" in rows(console)["Bob bob@example.com"]
    assert role_of(console.acme, users_of(console)["bob@example.com"]) is Role.EDITOR


def users_of(console: Console) -> dict[str, users.User]:
    with reading(console.acme.parts.engine) as db:
        return {one.email: one for one in users.users(db)}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"email": "nonsense"}, "email"),
        ({"email": ""}, "email"),
        ({"name": "x" * 256}, "name"),
        ({"role": "king"}, "role"),
        ({"role": ""}, "role"),
    ],
)
def test_what_will_not_do_is_said_at_its_field_and_what_was_typed_stays(console: Console, fields, wrong) -> None:
    shown = console.post(USERS, {**BOB, **fields})
    assert shown.status == 422
    assert shown.main.one("p", id=f"e-{wrong}").text
    assert shown.main.one("input", name="email")["value"] == fields.get("email", BOB["email"])
    assert len(rows(console)) == 1


def test_nobody_is_let_in_twice(console: Console) -> None:
    console.post(USERS, BOB)
    assert "Is in this org already" in console.post(USERS, BOB).text


def test_a_role_is_changed_and_somebody_put_out(console: Console) -> None:
    bob = let_in(console.acme, "bob@example.com", name="Bob")
    done = console.post(f"{USERS}/{bob.id}/role", {"role": "admin"})
    assert "Bob is an admin now." in console.follow(done).text
    assert role_of(console.acme, bob) is Role.ADMIN
    assert "choose one of the roles" in console.follow(console.post(f"{USERS}/{bob.id}/role", {"role": "king"})).text
    done = console.post(f"{USERS}/{bob.id}/remove")
    assert "Bob can no longer enter Acme." in console.follow(done).text
    assert role_of(console.acme, bob) is None
    assert console.post(f"{USERS}/{bob.id}/remove").status == 404


def test_the_last_admin_stays_and_is_told_what_to_do(console: Console) -> None:
    mine = f"{USERS}/{console.user.id}"
    for path, fields in ((f"{mine}/role", {"role": "viewer"}), (f"{mine}/remove", {}), (f"{mine}/disable", {})):
        said = console.follow(console.post(path, fields)).text
        assert "last admin" in said or "This is you" in said
    assert role_of(console.acme, console.user) is Role.ADMIN
    let_in(console.acme, "bob@example.com", Role.ADMIN)
    assert console.post(f"{mine}/remove").goes_to == "/start"
    assert console.get("").status == 303  # who is in no org any more is signed out


def test_a_user_is_disabled_and_enabled(console: Console) -> None:
    bob = sign_in(console.acme, Role.EDITOR, "bob@example.com")
    console.post(f"{USERS}/{bob.user.id}/disable")
    assert bob.get("").goes_to.startswith("/sign-in")
    assert "Disabled" in next(words for person, words in rows(console).items() if "bob" in person)
    assert "enable them" in console.follow(console.post(f"{USERS}/{bob.user.id}/link")).text
    assert "can sign in again" in console.follow(console.post(f"{USERS}/{bob.user.id}/enable")).text
    assert link_on(console.post(f"{USERS}/{bob.user.id}/link"))


def test_a_role_that_has_changed_gives_open_pages_a_new_session(console: Console, clock) -> None:
    bob = sign_in(console.acme, Role.EDITOR, "bob@example.com")
    before = bob.client.get_cookie("contactsync")
    console.post(f"{USERS}/{bob.user.id}/role", {"role": "viewer"})
    assert bob.get("").status == 200
    after = bob.client.get_cookie("contactsync")
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_who_may_not_change_it_sees_the_list_without_anything_to_press(console: Console) -> None:
    shown = console.as_role(Role.EDITOR).get(USERS)
    assert "Admin Person" in shown.text
    assert "Only admins change this" in shown.text
    assert not shown.main.all("form")


# ── whose a user is ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_admin_makes_no_link_for_who_belongs_to_another_org_too(console: Console, other: Caller) -> None:
    """It would let whoever has it be that user there."""
    bob = let_in(console.acme, "bob@example.com", name="Bob")
    access.let_in(other.parts, other.org.id, bob.email, Role.VIEWER)
    for deed in ("link", "disable", "enable"):
        assert "Ask an operator" in console.follow(console.post(f"{USERS}/{bob.id}/{deed}")).text.replace("ask", "Ask")
    row = next(words for person, words in rows(console).items() if "Bob" in person)
    assert "Make a link" not in row
    assert "Remove" in row
    assert not users_of(console)[bob.email].disabled


def test_an_admin_makes_no_link_for_an_operator_nor_lets_one_in(console: Console, operator: Console) -> None:
    assert "may do everything here already" in console.post(USERS, {**BOB, "email": "chief@example.com"}).text
    with writing(console.acme.parts.engine) as db:
        users.set_role(db, operator.user.id, console.acme.org.id, Role.VIEWER)
    assert "operator" in console.follow(console.post(f"{USERS}/{operator.user.id}/link")).text


def test_who_has_a_user_in_another_org_is_let_in_by_an_operator_alone(
    console: Console, other: Caller, operator: Console
) -> None:
    """Whoever let them in there had their link first: nobody here can know whether it reached the person."""
    bob = let_in(other, "bob@example.com", name="Bob")
    assert "ask an operator" in console.post(USERS, BOB).text
    assert role_of(console.acme, bob) is None
    shown = operator.post(USERS, BOB)
    assert shown.status == 200
    assert role_of(console.acme, bob) is Role.EDITOR


def test_who_is_in_no_org_any_more_begins_anew_for_an_admin(console: Console, other: Caller) -> None:
    """Whoever made that user may still hold its password."""
    bob = sign_in(other, Role.VIEWER, "bob@example.com")
    with writing(other.parts.engine) as db:
        users.set_password(db, bob.user.id, "a hash")
        users.keep_subject(db, bob.user.id, "https://id.example 1")
        users.set_role(db, bob.user.id, other.org.id, None)
    assert link_on(console.post(USERS, BOB))
    with reading(other.parts.engine) as db:
        assert not users.is_ready(db, bob.user.id)
    assert bob.get("/orgs", whole=True).goes_to.startswith("/sign-in")


def test_who_was_let_in_elsewhere_and_is_known_goes_on_as_before(
    console: Console, other: Caller, operator: Console
) -> None:
    bob = let_in(other, "bob@example.com")
    with writing(other.parts.engine) as db:
        users.set_password(db, bob.id, "a hash")
    assert "has a password already" in operator.post(USERS, BOB).text


def test_another_orgs_user_is_not_there(console: Console, other: Caller) -> None:
    bob = let_in(other, "bob@example.com")
    for deed in ("role", "remove", "link", "disable", "enable"):
        assert console.post(f"{USERS}/{bob.id}/{deed}", {"role": "admin"}).status == 404
    assert role_of(other, bob) is Role.EDITOR


def test_what_was_done_is_written_down_by_number_and_not_by_name(console: Console) -> None:
    console.post(USERS, BOB)
    bob = users_of(console)["bob@example.com"]
    console.post(f"{USERS}/{bob.id}/role", {"role": "viewer"})
    console.post(f"{USERS}/{bob.id}/disable")
    with reading(console.acme.parts.engine) as db:
        told = entries(db, console.acme.org.id, Slice(10)).items
    assert [one["action"] for one in told] == ["user.disabled", "user.role_changed", "user.added"]
    assert {one["actor"] for one in told} == {f"user:{console.user.id}"}
    assert {one["about"] for one in told} == {f"user:{bob.id}"}
    assert "bob" not in str(told).lower()


def test_the_list_asks_as_much_for_many_as_for_few(console: Console) -> None:
    asked = []
    for number in (3, 30):
        with writing(console.acme.parts.engine) as db:
            for each in range(number):
                made = users.add_user(db, f"u{number}-{each}@example.com", console.acme.parts.now())
                users.set_role(db, made.id, console.acme.org.id, Role.VIEWER)
        with counted_queries(console) as seen:
            console.get(USERS)
        asked.append(len(seen))
    assert asked[0] == asked[1] <= 12


# ── orgs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operator_makes_an_org_and_goes_on_with_its_first_steps(operator: Console) -> None:
    shown = operator.post("/orgs", {"name": "Globex Trade Fairs", "slug": "globex"}, whole=True)
    assert shown.goes_to == "/o/globex/first-run"
    assert "Globex Trade Fairs is there." in operator.follow(shown).text
    assert "Globex Trade Fairs" in operator.get("/orgs", whole=True).text
    with reading(operator.acme.parts.engine) as db:
        assert orgs.find_org(db, "globex") is not None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": "", "slug": "globex"}, "name"),
        ({"name": "Globex", "slug": "Globex Inc"}, "slug"),
        ({"name": "Globex", "slug": "acme"}, "slug"),
    ],
)
def test_an_org_that_cannot_be_made_is_said_at_its_field(operator: Console, fields, wrong) -> None:
    shown = operator.post("/orgs", fields, whole=True)
    assert shown.status == 422
    assert shown.main.one("p", id=f"e-{wrong}").text
    assert shown.main.one("input", name="slug")["value"] == fields["slug"]


def test_an_org_without_anything_is_marked_at_both_fields(operator: Console) -> None:
    shown = operator.post("/orgs", {"name": "", "slug": ""}, whole=True)
    assert [shown.main.one("p", id=f"e-{name}").text for name in ("name", "slug")] == [
        "Write a name of 1 to 255 characters",
        "Use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
    ]


def test_who_is_no_operator_sees_no_form_to_make_one_and_who_is_in_none_is_told_whom_to_ask(console: Console) -> None:
    assert not console.get("/orgs", whole=True).main.all("input", name="slug")
    editor = console.as_role(Role.EDITOR)
    with writing(console.acme.parts.engine) as db:
        users.set_role(db, editor.user.id, console.acme.org.id, None)
    shown = editor.get("/orgs", whole=True)
    assert "Ask an admin of yours" in shown.text
    assert editor.get("/start", whole=True).goes_to == "/orgs"
    assert editor.get("/account", whole=True).status == 200


def test_an_operator_may_everything_in_every_org_without_belonging_to_it(operator: Console, other: Caller) -> None:
    assert operator.get("/o/other/settings/users", whole=True).status == 200
    assert "Olga Chief" in operator.get(USERS).main.text
    assert operator.post(USERS, BOB).status == 200
