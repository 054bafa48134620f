"""Coming in: by password, by a link, and out again. What a browser is told, and what it is not."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from contactsync import passwords
from contactsync.domain.roles import Role
from contactsync.passwords import needs_rehash
from contactsync.store import sessions, sign_ins, users
from contactsync.store.engine import reading, writing
from contactsync.sync import access, entering
from contactsync.web.console.sign_in import inside
from tests.console.conftest import Console, Shown
from tests.web.conftest import Caller, Clock, statements

ANA = "ana@example.com"
PASSWORD = "seven horses on a hill"
COOKIE = "contactsync"


@pytest.fixture
def link(acme: Caller) -> str:
    """Of a user who has not come in yet."""
    made = access.let_in(acme.parts, acme.org.id, ANA, Role.EDITOR, name="Ana")
    assert made.link is not None
    return made.link


@pytest.fixture
def ana(acme: Caller, link: str) -> users.User:
    """With a password whose hash costs next to nothing, as the library made them long ago."""
    return with_password(acme, ANA)


def with_password(acme: Caller, email: str) -> users.User:
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with writing(acme.parts.engine) as db:
        user = users.find_user(db, email)
        assert user is not None
        users.set_password(db, user.id, hashed)
    return user


@pytest.fixture
def browser(acme: Caller) -> FlaskClient:
    return acme.app.test_client()


def send(browser: FlaskClient, path: str, fields: dict[str, str], **more) -> Shown:
    """Open the page, fill its form in and send it, as a browser does."""
    shown = Shown(browser.get(path))
    form = next(each for each in shown.page.all("form") if each.attributes.get("action", "/") in path)
    hidden = {one["name"]: one["value"] for one in form.all("input", type="hidden")}
    return Shown(browser.post(path.partition("?")[0], data=hidden | fields, **more))


def sign_in(browser: FlaskClient, email: str = ANA, password: str = PASSWORD, path: str = "/sign-in", **more) -> Shown:
    return send(browser, path, {"email": email, "password": password}, **more)


def test_the_right_password_leads_to_where_one_wanted_to_go(browser, ana) -> None:
    assert (
        sign_in(browser, path="/sign-in?next=/o/acme/contacts?status%3Dsynced").goes_to
        == "/o/acme/contacts?status=synced"
    )
    assert Shown(browser.get("/o/acme")).status == 200
    assert Shown(browser.get("/sign-in")).goes_to == "/start"


@pytest.mark.parametrize(
    "follow",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/o/\\evil",
        "javascript:alert(1)",
        "/sign-out",
        "/o/\n",
    ],
)
def test_nobody_is_led_out_of_the_console_after_signing_in(browser, follow) -> None:
    assert inside(follow) == ""
    assert Shown(browser.get("/sign-in", query_string={"next": follow})).main.one("input", name="next")["value"] == ""


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_over_https_from_other_hosts(acme, ana) -> None:
    plain, secure = acme.app.test_client(), acme.app.test_client()
    said = [each for each in sign_in(plain).answer.headers.getlist("Set-Cookie") if each.startswith(f"{COOKIE}=")]
    assert all(word in said[0] for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"))
    shown = Shown(secure.get("/sign-in", base_url="https://localhost"))
    fields = {"csrf": shown.main.one("input", name="csrf")["value"], "email": ANA, "password": PASSWORD}
    answer = secure.post("/sign-in", data=fields, base_url="https://localhost")
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("__Host-contactsync=")]
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_a_wrong_password_an_unknown_address_and_a_disabled_user_get_the_same_answer(acme, browser, ana) -> None:
    bob = access.let_in(acme.parts, acme.org.id, "bob@example.com", Role.VIEWER).user
    with_password(acme, bob.email)
    access.disable(acme.parts, bob.id)
    tries = [
        (ANA, "wrong"),
        ("nobody@example.com", PASSWORD),
        ("bob@example.com", PASSWORD),
        ("\0", "\0"),
        ("x" * 9000, "y"),
    ]
    answers = [sign_in(browser, *each) for each in tries]
    assert {each.status for each in answers} == {422}
    assert len({each.main.one("div", role="alert").text for each in answers}) == 1
    assert answers[0].main.one("input", name="email")["value"] == ANA
    assert all(each.main.one("input", name="password")["value"] == "" for each in answers)


def test_nobody_can_tell_by_the_work_that_is_done_whether_there_is_such_a_user(acme, ana) -> None:
    """As many questions to the database, and a hash that costs what a real one does."""
    asked = []
    for email in (ANA, "nobody@example.com"):
        with statements(acme.parts.engine) as seen, pytest.raises(entering.NotLetIn):
            entering.enter(acme.parts, email, "wrong", "192.0.2.1")
        asked.append(len(seen))
    assert asked[0] - 1 <= asked[1] <= asked[0]
    assert not needs_rehash(passwords._NOBODYS)


def test_a_weak_hash_is_made_anew_with_the_next_sign_in(acme, browser, ana) -> None:
    sign_in(browser)
    with reading(acme.parts.engine) as db:
        assert not needs_rehash(users.password_hash_of(db, ana.id) or "")


def test_after_too_many_tries_one_is_told_when_to_come_again_even_with_the_right_password(
    browser, ana, clock: Clock
) -> None:
    for _ in range(sign_ins.MOST_HERE):
        assert sign_in(browser, password="wrong").status == 422
    told = sign_in(browser)
    assert (told.status, told.answer.headers["Retry-After"]) == (429, "900")
    assert "Try again in 15 minutes" in told.text
    clock.pass_by(minutes=14, seconds=30)
    assert "Try again in 1 minute," in sign_in(browser).text
    clock.pass_by(seconds=31)
    assert sign_in(browser).status == 303


def test_tries_are_counted_for_addresses_that_nobody_has_just_the_same(acme, browser) -> None:
    with writing(acme.parts.engine) as db:
        for _ in range(sign_ins.MOST_HERE - 1):
            sign_ins.count_try(db, sign_ins.counts_of("nobody@example.com", "127.0.0.1"), acme.parts.now())
    assert [sign_in(browser, "nobody@example.com").status for _ in range(2)] == [422, 429]


def test_signing_in_begins_a_session_of_its_own_whatever_the_browser_brought(acme, browser, ana) -> None:
    sign_in(browser)
    before = browser.get_cookie(COOKIE).value
    shown = Shown(browser.get("/o/acme"))
    fields = {"csrf": shown.page.one("meta", name="csrf")["content"], "email": ANA, "password": PASSWORD}
    assert Shown(browser.post("/sign-in", data=fields)).status == 303
    assert browser.get_cookie(COOKIE).value != before
    with reading(acme.parts.engine) as db:
        assert sessions.find(db, before, acme.parts.now()) is None
    planted = acme.app.test_client()
    planted.set_cookie(COOKIE, "a token that somebody else chose for this browser")
    sign_in(planted)
    assert planted.get_cookie(COOKIE).value != "a token that somebody else chose for this browser"


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_nobody_is_signed_in_by_a_form_of_another_site(browser, ana, headers) -> None:
    assert sign_in(browser, headers=headers).status == 400
    assert browser.get_cookie(COOKIE) is None


def test_a_form_without_the_token_that_its_browser_holds_signs_nobody_in(acme, browser, ana) -> None:
    fields = {"email": ANA, "password": PASSWORD}
    assert Shown(browser.post("/sign-in", data=fields)).status == 400
    theirs = Shown(acme.app.test_client().get("/sign-in")).main.one("input", name="csrf")["value"]
    browser.get("/sign-in")
    assert Shown(browser.post("/sign-in", data=fields | {"csrf": theirs})).status == 400
    assert Shown(browser.post("/sign-in", data=fields | {"csrf": ""})).status == 400


def test_a_token_is_changed_every_hour_and_the_one_before_ends(acme, ana, clock: Clock) -> None:
    browser = elsewhere(acme, ana)
    first = browser.get_cookie(COOKIE).value
    clock.pass_by(minutes=59)
    browser.get("/o/acme")
    assert browser.get_cookie(COOKIE).value == first
    clock.pass_by(minutes=2)
    browser.get("/o/acme")
    assert browser.get_cookie(COOKIE).value != first
    clock.pass_by(seconds=5)
    assert browser.get("/o/acme").status_code == 200
    old = acme.app.test_client()
    old.set_cookie(COOKIE, first)
    assert old.get("/o/acme").status_code == 200  # a page that was open beside
    clock.pass_by(seconds=56)
    assert old.get("/o/acme").status_code == 303
    assert browser.get("/o/acme").status_code == 200


def test_a_session_that_nobody_uses_ends(acme, ana, clock: Clock) -> None:
    browser = elsewhere(acme, ana)
    clock.pass_by(hours=12)
    assert Shown(browser.get("/o/acme")).goes_to.startswith("/sign-in")


def test_who_is_disabled_is_out_at_once(acme, ana) -> None:
    browser = elsewhere(acme, ana)
    access.disable(acme.parts, ana.id)
    assert Shown(browser.get("/o/acme")).goes_to.startswith("/sign-in")


# ── by a link ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_leads_to_a_password_and_straight_in(browser, link) -> None:
    shown = Shown(browser.get(f"/welcome/{link}"))
    assert (shown.status, ANA in shown.text) == (200, True)
    # "no-referrer" would make browsers send the form with "Origin: null", which the gate takes for another site's
    assert shown.answer.headers["Referrer-Policy"] == "same-origin"
    assert send(browser, f"/welcome/{link}", {"password": PASSWORD, "again": PASSWORD}).goes_to == "/start"
    assert Shown(browser.get("/start")).goes_to == "/o/acme"


def test_looking_at_a_link_uses_nothing_up_and_using_it_does(acme, browser, link) -> None:
    for _ in range(3):
        assert browser.get(f"/welcome/{link}").status_code == 200
        assert browser.head(f"/welcome/{link}").status_code == 200
    send(browser, f"/welcome/{link}", {"password": PASSWORD, "again": PASSWORD})
    over = Shown(acme.app.test_client().get(f"/welcome/{link}"))
    assert (over.status, over.main.one("h1").text) == (410, "This link is no longer good")
    assert ANA not in over.html


def test_a_link_runs_out_after_a_week(browser, link, clock: Clock) -> None:
    csrf = Shown(browser.get(f"/welcome/{link}")).main.one("input", name="csrf")["value"]
    clock.pass_by(days=7)
    fields = {"csrf": csrf, "password": PASSWORD, "again": PASSWORD}
    assert Shown(browser.post(f"/welcome/{link}", data=fields)).status == 410
    assert browser.get_cookie(COOKIE) is None


@pytest.mark.parametrize(
    ("password", "again", "field", "says"),
    [
        ("short", "short", "password", "at least 12 characters"),
        ("x" * 257, "x" * 257, "password", "at most 256"),
        ("ababababababab", "ababababababab", "password", "too easy"),
        (ANA, ANA, "password", "too easy"),
        (PASSWORD, PASSWORD + "!", "again", "not the same"),
        ("", "", "password", "at least 12 characters"),
    ],
)
def test_a_password_that_will_not_do_is_said_at_its_field_and_the_link_stays_good(
    browser, link, password, again, field, says
) -> None:
    shown = send(browser, f"/welcome/{link}", {"password": password, "again": again})
    assert shown.status == 422
    assert says in shown.main.one("p", id=f"e-{field}").text
    assert not password or password not in shown.html.replace(ANA, "" if password == ANA else ANA)
    assert browser.get(f"/welcome/{link}").status_code == 200


def test_a_new_link_ends_every_session_and_every_other_way_in_once_it_is_used(acme, browser, ana) -> None:
    sign_in(browser)
    with writing(acme.parts.engine) as db:
        users.keep_subject(db, ana.id, "https://id.example 1")
    again = access.new_link(acme.parts, ana.id).link or ""
    assert browser.get("/o/acme").status_code == 200  # making one locks nobody out
    entering.choose_password(acme.parts, again, "eight horses in a field", "eight horses in a field")
    assert Shown(browser.get("/o/acme")).goes_to.startswith("/sign-in")
    assert sign_in(browser).status == 422
    with reading(acme.parts.engine) as db:
        assert users.user_of_subject(db, "https://id.example 1") is None


def test_before_there_is_any_user_the_page_says_how_to_begin(browser, ana, acme) -> None:
    assert "user add" not in Shown(browser.get("/sign-in")).text
    with writing(acme.parts.engine) as db:
        db.exec_driver_sql("DELETE FROM console_user")
    assert "contactsync user add" in Shown(browser.get("/sign-in")).text


# ── the account ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mine(acme: Caller, ana: users.User, browser: FlaskClient) -> Console:
    with writing(acme.parts.engine) as db:
        token = sessions.begin(db, ana.id, acme.parts.now())
        found = sessions.find(db, token, acme.parts.now())
    assert found is not None
    browser.set_cookie(COOKIE, token)
    return Console(acme, browser, found.csrf, ana)


def elsewhere(acme: Caller, ana: users.User) -> FlaskClient:
    """Another browser in which she is signed in."""
    with writing(acme.parts.engine) as db:
        token = sessions.begin(db, ana.id, acme.parts.now())
    client = acme.app.test_client()
    client.set_cookie(COOKIE, token)
    return client


def test_name_and_zone_are_kept_and_shown(mine: Console) -> None:
    done = mine.post("/account", {"org": "acme", "name": " Ana Maria ", "zone": "Asia/Tokyo"}, whole=True)
    assert done.goes_to == "/o/acme/account"
    shown = mine.follow(done)
    assert "Your account is saved." in shown.text
    assert "Ana Maria" in shown.page.one("aside").text
    assert shown.main.one("input", name="zone")["value"] == "Asia/Tokyo"
    assert mine.post("/account", {"name": "Ana", "zone": ""}, whole=True).goes_to == "/account"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": "Ana", "zone": "Mars/Olympus"}, "zone"),
        ({"name": "x" * 256, "zone": ""}, "name"),
        ({"zone": "../../x"}, "zone"),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field_and_stays_as_it_was_typed(mine: Console, fields, wrong) -> None:
    shown = mine.post("/account", {"org": "acme", **fields}, whole=True)
    assert shown.status == 422
    assert shown.main.one("p", id=f"e-{wrong}").text
    assert shown.main.one("input", name=wrong)["value"] == fields[wrong]
    assert shown.page.one("aside")


def test_another_password_signs_all_other_browsers_out_and_this_one_anew(acme, mine: Console) -> None:
    beside = elsewhere(acme, mine.user)
    before = mine.client.get_cookie(COOKIE).value
    new = "eight horses in a field"
    fields = {"org": "acme", "present": PASSWORD, "password": new, "again": new}
    done = mine.post("/account/password", fields, whole=True)
    assert mine.client.get_cookie(COOKIE).value != before
    assert "Your password is changed" in mine.follow(done).text
    assert Shown(beside.get("/o/acme")).goes_to.startswith("/sign-in")
    assert sign_in(beside).status == 422
    assert sign_in(beside, password=new).status == 303


def test_a_password_is_changed_by_who_knows_the_present_one_and_may_not_be_guessed_here_either(mine: Console) -> None:
    fields = {"present": "wrong", "password": "eight horses in a field", "again": "eight horses in a field"}
    for _ in range(sign_ins.MOST_HERE):
        shown = mine.post("/account/password", fields, whole=True)
        assert (shown.status, "not your present password" in shown.text) == (422, True)
    assert mine.post("/account/password", fields | {"present": PASSWORD}, whole=True).status == 429
    assert mine.get("").status == 200


def test_who_signs_in_by_company_account_alone_may_choose_a_password_beside_it(acme, mine: Console) -> None:
    with writing(acme.parts.engine) as db:
        users.set_password(db, mine.user.id, None)
    shown = mine.get("/account")
    assert "have no password here" in shown.text
    assert not shown.main.all("input", name="present")
    fields = {"password": PASSWORD, "again": PASSWORD}
    assert mine.post("/account/password", fields, whole=True).status == 303


def test_all_other_browsers_can_be_signed_out(acme, mine: Console) -> None:
    others = [elsewhere(acme, mine.user) for _ in range(2)]
    assert "2 other browsers" in mine.get("/account").text
    done = mine.post("/account/sign-out-elsewhere", {"org": "acme"}, whole=True)
    assert "2 other browsers" in mine.follow(done).text
    assert all(Shown(each.get("/o/acme")).status == 303 for each in others)
    assert "nowhere else" in mine.get("/account").text


def test_an_org_that_is_not_mine_frames_no_page_of_mine(mine: Console, other) -> None:
    shown = mine.post("/account", {"org": "other", "name": "Ana", "zone": "nonsense"}, whole=True)
    assert shown.status == 422
    assert "Other" not in shown.html


def test_times_are_shown_in_the_zone_that_was_chosen(mine: Console) -> None:
    mine.post("/account", {"name": "Ana", "zone": "Asia/Tokyo"}, whole=True)
    title = mine.get("/account").main.all("time")[0]["title"]
    assert title.endswith("JST")
