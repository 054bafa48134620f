"""Signing in with a company account (OpenID Connect), against a provider that answers over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from flask.testing import FlaskClient

from contactsync.domain.roles import Role
from contactsync.settings import Settings
from contactsync.store import users
from contactsync.store.engine import reading, writing
from contactsync.sync import access
from contactsync.web.console.oidc import callback_url
from tests.console.conftest import Shown
from tests.fixtures.oidc import OidcProvider
from tests.web.conftest import Caller, Clock
from tests.web.conftest import settings as plain_settings  # noqa: F401 - the fixture below builds on it

ANA = "ana@example.com"
CALLBACK = "/sign-in/company/callback"


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    made = OidcProvider()
    yield made
    made.close()


@pytest.fixture
def provider(running: OidcProvider, clock: Clock) -> OidcProvider:
    running.forget(lambda: clock().timestamp())
    return running


@pytest.fixture
def settings(plain_settings: Settings, provider: OidcProvider) -> Settings:  # noqa: F811
    return replace(plain_settings, oidc=provider.settings, base_url="https://sync.example.com")


@pytest.fixture
def ana(acme: Caller) -> users.User:
    return access.let_in(acme.parts, acme.org.id, ANA, Role.EDITOR, name="Ana").user


@pytest.fixture
def browser(acme: Caller) -> FlaskClient:
    """In an installation that has not asked the provider for anything yet."""
    acme.app.extensions.pop("contactsync.oidc", None)
    return acme.app.test_client()


def begin(browser: FlaskClient, path: str = "/sign-in/company") -> str:
    """Where the browser is sent."""
    return Shown(browser.get(path)).goes_to


def back(browser: FlaskClient, url: str) -> Shown:
    """The browser follows where the provider sends it."""
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("sync.example.com", CALLBACK)
    return Shown(browser.get(f"{CALLBACK}?{parts.query}"))


def sign_in(browser: FlaskClient, provider: OidcProvider, path: str = "/sign-in/company", **said: str) -> Shown:
    return back(browser, provider.authorize(begin(browser, path), **said))


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/o/acme/account").status_code == 200


def test_who_signs_in_there_is_in_here_and_where_they_wanted_to_go(browser, provider, ana) -> None:
    there = Shown(browser.get("/sign-in?next=/o/acme/events")).main.all("a", class_="btn-primary")[0]["href"]
    assert sign_in(browser, provider, there).goes_to == "/o/acme/events"
    assert is_in(browser)
    assert browser.get_cookie("contactsync-company") is None


def test_a_form_that_waits_for_its_user_is_found_again_by_it(browser, provider, ana) -> None:
    there = Shown(browser.get("/sign-in?next=/unsent/x")).main.all("a", class_="btn-primary")[0]["href"]
    assert sign_in(browser, provider, there).goes_to == "/unsent/x"


def test_without_a_provider_there_is_no_button_and_no_such_page(acme, browser, ana) -> None:
    parts = acme.app.extensions["contactsync"]
    acme.app.extensions["contactsync"] = replace(parts, settings=replace(parts.settings, oidc=None))
    try:
        assert "company account" not in Shown(browser.get("/sign-in")).text
        assert [browser.get(path).status_code for path in ("/sign-in/company", CALLBACK)] == [404, 404]
    finally:
        acme.app.extensions["contactsync"] = parts


def test_the_provider_is_asked_as_little_as_can_be(browser, provider, ana) -> None:
    for _ in range(3):
        sign_in(browser, provider)
        browser.delete_cookie("contactsync")
    assert provider.asked == ["openid-configuration", "token", "keys", "token", "token"]


def test_a_key_that_is_new_there_is_fetched(browser, provider, ana) -> None:
    provider.rotate_keys()
    assert sign_in(browser, provider).status == 303


def test_who_is_no_user_is_not_made_one(acme, browser, provider) -> None:
    shown = sign_in(browser, provider)
    assert (shown.status, "Nobody has let you in" in shown.text) == (403, True)
    with reading(acme.parts.engine) as db:
        assert not users.any_user(db)


def test_an_address_counts_once_verified_and_the_identity_from_then_on(acme, browser, provider, ana) -> None:
    provider.claims = {"email_verified": False}
    assert "has not verified" in sign_in(browser, provider).text
    provider.claims = {"email_verified": None}
    assert sign_in(browser, provider).status == 403
    provider.claims = {"email_verified": None, "xms_edov": "1"}
    assert sign_in(browser, provider).status == 303
    provider.signs_in["email"] = "married@example.com"
    provider.claims = {"email_verified": False}
    assert sign_in(acme.app.test_client(), provider).status == 303


def test_another_identity_with_the_same_address_is_not_the_same_person(acme, browser, provider, ana) -> None:
    sign_in(browser, provider)
    provider.signs_in["sub"] = "somebody who got the address later"
    shown = sign_in(acme.app.test_client(), provider)
    assert (shown.status, "another identity" in shown.text) == (403, True)


def test_who_is_disabled_here_stays_out(acme, browser, provider, ana) -> None:
    access.disable(acme.parts, ana.id)
    assert sign_in(browser, provider).status == 403
    access.enable(acme.parts, ana.id)
    assert sign_in(browser, provider).status == 303
    access.disable(acme.parts, ana.id)
    assert sign_in(browser, provider).status == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": ["contactsync test/client", "another client"]},
        {"azp": "another client"},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": 9_999_999_999},
        {"iat": None},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "nul\0"},
        {"sub": ["x"]},
    ],
    ids=repr,
)
def test_a_token_that_claims_something_else_lets_nobody_in(browser, provider, ana, claims) -> None:
    provider.claims = claims
    shown = sign_in(browser, provider)
    assert (shown.status, "Begin again" in shown.text) == (400, True)
    assert not is_in(browser)


@pytest.mark.parametrize("way", ["none", "another key", "shared key", "client secret", "unknown key", "garbage", "cut"])
def test_a_token_that_is_not_signed_by_the_provider_lets_nobody_in(browser, provider, ana, way) -> None:
    stranger = OidcProvider()
    try:
        signs = {
            "none": lambda claims: jwt.encode(claims, None, "none", {"kid": provider.kid}),
            "another key": lambda claims: jwt.encode(claims, stranger.key, "ES256", {"kid": provider.kid}),
            "shared key": lambda claims: jwt.encode(claims, b"secret" * 8, "HS256", {"kid": "shared"}),
            "client secret": lambda claims: jwt.encode(
                claims, b"a secret: with + and %" * 2, "HS256", {"kid": provider.kid}
            ),
            "unknown key": lambda claims: jwt.encode(claims, stranger.key, "ES256", {"kid": "of nobody"}),
            "garbage": lambda _: "not a token",
            "cut": lambda claims: provider.signed(claims)[:-4],
        }
        provider.sign = signs[way]
        assert sign_in(browser, provider).status == 400
    finally:
        stranger.close()
    assert not is_in(browser)


def test_a_sign_in_is_finished_in_the_browser_that_began_it_and_once(acme, browser, provider, ana) -> None:
    url = provider.authorize(begin(browser))
    other = acme.app.test_client()
    assert back(other, url).status == 400  # somebody else's address, sent to a victim
    begin(other)
    assert back(other, url).status == 400  # though it has begun one of its own
    assert back(browser, url).status == 303
    browser.delete_cookie("contactsync")
    assert back(browser, url).status == 400


def test_a_sign_in_that_took_too_long_begins_again(browser, provider, ana, clock: Clock) -> None:
    url = provider.authorize(begin(browser))
    clock.pass_by(minutes=10)
    assert back(browser, url).status == 400


def test_an_answer_in_the_name_of_another_issuer_is_refused(browser, provider, ana) -> None:
    assert sign_in(browser, provider, iss=provider.issuer).status == 303
    browser.delete_cookie("contactsync")
    assert sign_in(browser, provider, iss="https://other.example").status == 400
    provider.document = {"authorization_response_iss_parameter_supported": True}
    # what it says of itself is kept for an hour: asked anew by a provider that nobody has asked yet
    browser.application.extensions.pop("contactsync.oidc")
    assert sign_in(browser, provider).status == 400


def test_who_breaks_off_there_is_told_so_and_may_begin_again(browser, provider, ana) -> None:
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    shown = Shown(browser.get(CALLBACK, query_string={"error": "access_denied", "state": state}))
    assert (shown.status, "broken off" in shown.text) == (403, True)
    assert shown.main.all("a", class_="btn-primary")


@pytest.mark.parametrize("query", ["", "code=x", "state=x", "state=x&state=y&code=z", "state=%FF&code=x", "error=x"])
def test_an_address_that_nobody_began_lets_nobody_in(browser, provider, ana, query) -> None:
    assert Shown(browser.get(f"{CALLBACK}?{query}")).status == 400
    begin(browser)
    assert Shown(browser.get(f"{CALLBACK}?{query}")).status == 400
    browser.set_cookie("contactsync-company", "garbage")
    assert Shown(browser.get(f"{CALLBACK}?{query}")).status == 400


def test_a_look_ahead_uses_nothing_up(browser, provider, ana) -> None:
    url = provider.authorize(begin(browser))
    assert browser.head(f"{CALLBACK}?{urlsplit(url).query}").status_code == 200
    assert back(browser, url).status == 303


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("openid-configuration", (500, b"")),
        ("openid-configuration", (302, b"")),
        ("openid-configuration", (200, b"<html>")),
        ("openid-configuration", (200, b"[" * 100_000)),
        ("openid-configuration", (200, b" " * 600_000)),
        ("openid-configuration", (200, b'{"issuer": "https://other.example"}')),
    ],
    ids=repr,
)
def test_a_provider_that_cannot_be_asked_is_said_and_a_password_still_does(
    browser, provider, ana, name, answer
) -> None:
    provider.answers = {name: answer}
    shown = Shown(browser.get("/sign-in/company"))
    assert (shown.status, "does not answer now" in shown.text) == (503, True)
    assert shown.main.one("input", name="password")
    provider.answers = {}
    assert sign_in(browser, provider).status == 303


@pytest.mark.parametrize(
    ("name", "answer", "status"),
    [
        ("token", (500, b""), 503),
        ("token", (302, b"{}"), 400),
        ("token", (200, b"{}"), 400),
        ("token", (200, b'{"id_token": 7}'), 400),
        ("keys", (404, b"{}"), 503),
        ("keys", (200, b'{"keys": [7, {}, {"kty": "RSA"}]}'), 503),
        ("keys", (200, b'{"keys": 7}'), 503),
        ("keys", (200, b'{"keys": [{"kty": "RSA", "n": 7, "e": []}, {"kty": "EC", "kid": []}]}'), 503),
    ],
    ids=repr,
)
def test_a_provider_that_fails_half_way_lets_nobody_in(browser, provider, ana, name, answer, status) -> None:
    provider.answers = {name: answer}
    assert sign_in(browser, provider).status == status
    assert not is_in(browser)


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", ["http://evil.example/x", 7])
def test_no_secret_is_sent_to_an_address_without_https(browser, provider, ana, endpoint, address) -> None:
    provider.document = {endpoint: address}
    if endpoint == "authorization_endpoint":
        assert Shown(browser.get("/sign-in/company")).status == 503
    else:
        assert sign_in(browser, provider).status == 503


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(browser, provider, ana) -> None:
    provider.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert sign_in(browser, provider).status == 303


def test_it_leads_back_to_the_address_of_the_settings_whatever_host_the_request_names(browser, provider) -> None:
    there = Shown(browser.get("/sign-in/company", headers={"Host": "evil.example"})).goes_to
    assert parse_qs(urlsplit(there).query)["redirect_uri"] == ["https://sync.example.com/sign-in/company/callback"]
    plain = Settings("sqlite:///x", None, ("a key for the tests only",), Path("var"), port=8123)
    assert callback_url(plain) == "http://localhost:8123/sign-in/company/callback"


def test_no_person_and_no_secret_stands_in_the_log(browser, provider, ana, capsys) -> None:
    sign_in(browser, provider)
    provider.claims = {"nonce": "another"}
    sign_in(browser, provider)
    provider.claims, provider.signs_in = {}, {"sub": "9", "email": "stranger@example.com"}
    sign_in(browser, provider)
    said = "".join(capsys.readouterr())
    assert "console sign-in" in said
    assert not [word for word in (ANA, "stranger", "248289761001", "a secret") if word in said]


def test_a_disabled_user_does_not_get_tied_to_an_identity(acme, browser, provider, ana) -> None:
    access.disable(acme.parts, ana.id)
    sign_in(browser, provider)
    with writing(acme.parts.engine) as db:
        assert users.user_of_subject(db, f"{provider.issuer} 248289761001") is None
