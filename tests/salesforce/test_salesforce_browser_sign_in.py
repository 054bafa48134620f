"""The web-server flow: the address to open, the code that comes back, refresh tokens that rotate, lapse and are revoked."""

from __future__ import annotations

import base64
import hashlib
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from contactsync_plugins.salesforce.auth import token_of
from contactsync_plugins.salesforce.settings import read_sign_in, wrong_settings
from contactsync_plugins.salesforce.sign_in import SIGN_IN, _is_other_org
from contactsync_plugins.salesforce.sign_in_advice import SIGN_IN_PROBLEMS

from contactsync.api import (
    Mend,
    RecordKind,
    RefusedInput,
    TargetRefused,
    TargetUnavailable,
    Token,
    Wanted,
)
from tests.salesforce.conftest import MemoryKeeper, Org

BACK = "https://contactsync.example.com/connect/salesforce/callback"
VERIFIER = "v" * 43
ASKED = Wanted(emails={RecordKind.LEAD: frozenset({"ada@x.example"})})
TOKENS = {"path": "oauth2/token"}
SECRET = {"client_secret": "secret"}


class RotatingKeeper(MemoryKeeper):
    """Keeps as the real one does: a token without a refresh token keeps the one before."""

    def token(self, fetch: Callable[[], Token], stale: str | None = None) -> Token:
        before = self.kept
        made = super().token(fetch, stale)
        if before and not made.refresh_token:
            self.kept = made = Token(made.value, made.instance_url, before.refresh_token)
        return made


def signed_in(org: Org, **settings: str) -> tuple[dict[str, str], dict[str, str]]:
    """What a connection is made of after a person has signed in and allowed it."""
    given = {"client_id": "id", "login_url": org.standin.url, **settings}
    code = allow(SIGN_IN.authorize(given, SECRET, BACK, "state-1", VERIFIER))
    made, credentials = SIGN_IN.redeem(given, SECRET, BACK, code, VERIFIER)
    return dict(made), dict(credentials)


def allow(url: str) -> str:
    """Do as the person's browser does; the code that it is sent back with."""
    answer = requests.get(url, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(f"{BACK}?")
    said = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert said["state"] == ["state-1"]
    return said["code"][0]


def token_calls(org: Org) -> int:
    return int(org.admin("calls")["token_count"])


def problem_of(do: Callable[[], Any]) -> str:
    with pytest.raises(TargetRefused) as caught:
        do()
    return caught.value.problem.code


# ── the address ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "login.salesforce.com"),
        ({"login_url": "https://test.salesforce.com"}, "test.salesforce.com"),
        ({"instance_url": "https://Acme--dev.sandbox.my.salesforce.com/"}, "acme--dev.sandbox.my.salesforce.com"),
        ({"instance_url": "https://acme.my.salesforce.com"}, "acme.my.salesforce.com"),
    ],
)
def test_a_person_signs_in_at_the_page_for_all_at_that_of_sandboxes_or_at_my_domain(
    settings: dict[str, str], host: str
) -> None:
    url = SIGN_IN.authorize({"client_id": "3MV&G", **settings}, {}, BACK, "st&te", VERIFIER)
    assert urlsplit(url)[:3] == ("https", host, "/services/oauth2/authorize")
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": ["3MV&G"],
        "redirect_uri": [BACK],
        "scope": ["api refresh_token"],
        "prompt": ["login consent"],
        "state": ["st&te"],
        "code_challenge": [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
    }


def test_the_address_holds_neither_the_verifier_nor_the_secret() -> None:
    url = SIGN_IN.authorize({"client_id": "id"}, {"client_secret": "hush-hush"}, BACK, "state", VERIFIER)
    assert VERIFIER not in url
    assert "hush" not in url


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "client_id"),
        ({"client_id": " "}, "client_id"),
        ({"client_id": "id", "login_url": "https://login.salesforce.com.evil.com"}, "login_url"),
        ({"client_id": "id", "instance_url": "https://login.salesforce.com"}, "instance_url"),
        ({"client_id": "id", "instance_url": "http://acme.my.salesforce.com"}, "instance_url"),
        ({"client_id": "id", "api_version": "latest"}, "api_version"),
        ({"client_id": "id", "client_secret": "hush-hush"}, "client_secret"),
        ({"client_id": "id", "refresh_token": "hush-hush"}, "refresh_token"),
    ],
)
def test_wrong_settings_are_named_before_anybody_is_sent_anywhere(settings: dict[str, str], name: str) -> None:
    with pytest.raises(RefusedInput) as caught:
        SIGN_IN.authorize(settings, {}, BACK, "state", VERIFIER)
    assert list(caught.value.fields) == [name]
    assert "hush" not in str(caught.value.fields)


# ── the code ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_becomes_a_connection_that_syncs(org: Org) -> None:
    org.admin("options", {"require_pkce": True})
    settings, credentials = signed_in(org)
    assert settings == {"client_id": "id", "instance_url": org.standin.url, "flow": "web_server"}
    assert set(credentials) == {"client_secret", "refresh_token"}
    keeper = RotatingKeeper()
    org.seed("Lead", LastName="L", Company="C", Email="ada@x.example")
    assert len(org.connect(settings, credentials, keeper).look_up(ASKED).people) == 1


def test_a_code_is_worth_nothing_without_the_verifier_of_its_sign_in(org: Org) -> None:
    given = {"client_id": "id", "login_url": org.standin.url}
    code = allow(SIGN_IN.authorize(given, SECRET, BACK, "state-1", VERIFIER))
    assert problem_of(lambda: SIGN_IN.redeem(given, SECRET, BACK, code, "w" * 43)) == "sign_in_code_refused"


def test_a_code_is_worth_nothing_the_second_time(org: Org) -> None:
    given = {"client_id": "id", "login_url": org.standin.url}
    code = allow(SIGN_IN.authorize(given, SECRET, BACK, "state-1", VERIFIER))
    SIGN_IN.redeem(given, SECRET, BACK, code, VERIFIER)
    assert problem_of(lambda: SIGN_IN.redeem(given, SECRET, BACK, code, VERIFIER)) == "sign_in_code_refused"


@pytest.mark.parametrize("code", ["a&grant_type=password", "%ZZ", "a b", "ü", "\r\nX: y", "=" * 4000, "\ud800"])
def test_a_code_of_any_text_stays_one_value_of_the_form(org: Org, code: str) -> None:
    given = {"client_id": "id", "login_url": org.standin.url}
    assert problem_of(lambda: SIGN_IN.redeem(given, SECRET, BACK, code, VERIFIER)) == "sign_in_code_refused"


def test_a_sign_in_without_a_refresh_token_is_refused_with_what_the_app_lacks(org: Org) -> None:
    body = {"access_token": "00D!x", "instance_url": org.standin.url}
    org.fault(do="status", status=200, body=body, match=TOKENS)
    given = {"client_id": "id", "login_url": org.standin.url}
    with pytest.raises(TargetRefused) as caught:
        SIGN_IN.redeem(given, SECRET, BACK, "code", VERIFIER)
    assert caught.value.problem.code == "refresh_token_missing"
    assert "refresh_token, offline_access" in caught.value.problem.fix


def test_a_sign_in_that_fails_in_passing_says_so(org: Org) -> None:
    org.fault(do="html", status=503, match=TOKENS)
    with pytest.raises(TargetUnavailable):
        SIGN_IN.redeem({"client_id": "id", "login_url": org.standin.url}, SECRET, BACK, "code", VERIFIER)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "sign_in_denied"),
        ("redirect_uri_mismatch", "callback_url_wrong"),
        ("OAUTH_APP_ACCESS_DENIED", "app_blocked"),
        ("invalid_scope", "scope_refused"),
        ("", "sign_in_refused"),
        ("<script>", "sign_in_refused"),
    ],
)
def test_an_error_that_the_browser_brings_is_put_into_words_of_ours(error: str, code: str) -> None:
    problem = SIGN_IN.refused(error)
    assert problem.code == code
    assert problem.fix
    assert "<" not in problem.cause + problem.fix.replace("<org>", "")


# ── where the answer says that the API is ──────────────────────────────────────────────────────────────────────────

EVIL = [
    "https://evil/x.salesforce.com",
    "https://salesforce.com.evil.com",
    "https://evil.com#.salesforce.com",
    "https://evil.com?.salesforce.com",
    "https://evil.com/.salesforce.com",
    "https://evil.com\\.salesforce.com",
    "https://acme.my.salesforce.com@evil.com",
    "https://user@acme.my.salesforce.com",
    "https://user:pass@acme.my.salesforce.com",
    "https://acme.my.salesforce.com:8443",
    "https://acme.my.salesforce.com:evil",
    "https://evilsalesforce.com",
    "https://salesforce.com",
    "https://.salesforce.com",
    "https://acme..salesforce.com",
    "https://аcme.my.salesforce.com",  # a Cyrillic а
    "https://acme.my.sаlesforce.com",
    "https://acme.my.salesforce。com",  # an ideographic full stop, which IDNA takes for one
    "https://acme.my.salesforce.com.",
    "https://xn--acme.evil.com/.salesforce.com",
    "https://acme.my.salesforce.com%2eevil.com",
    "https://acme.my.salesforce.com\t.evil.com",
    "https://acme.my.salesforce.com\n",
    "https://acme.my.salesforce.com\x00.evil.com",
    "//acme.my.salesforce.com",
    "http://acme.my.salesforce.com",
    "ftp://acme.my.salesforce.com",
    "javascript:alert(1)//acme.my.salesforce.com",
    "https://127.0.0.1",
    "https://[::1]",
    "https://2130706433",
    "http://127.0.0.1.evil.com",
    "http://localhost.evil.com",
    "https://login.salesforce.com",
    "https://test.salesforce.com",
    "",
]


@pytest.mark.parametrize("url", EVIL)
def test_an_instance_url_that_is_not_salesforces_own_is_shown_nothing(org: Org, url: str) -> None:
    body = {"access_token": "00D!x", "refresh_token": "5Aep", "instance_url": url}
    org.fault(do="status", status=200, body=body, match=TOKENS)
    given = {"client_id": "id", "login_url": org.standin.url}
    assert problem_of(lambda: SIGN_IN.redeem(given, SECRET, BACK, "code", VERIFIER)) == "instance_url_refused"


def test_a_sign_in_at_another_org_than_the_one_that_was_said_is_refused(org: Org) -> None:
    body = {"access_token": "00D!x", "refresh_token": "5Aep", "instance_url": "https://other.my.salesforce.com"}
    for mine, other in (
        ("https://acme.my.salesforce.com", True),
        ("https://OTHER.my.salesforce.com/", False),
        ("", False),
    ):
        access = read_sign_in({"client_id": "id", "instance_url": mine}, SECRET)
        assert _is_other_org(access, token_of(access, body).instance_url) is other


@pytest.mark.parametrize(
    ("instance_url", "login_url"),
    [
        ("http://127.0.0.1:9", "https://login.salesforce.com"),
        ("https://acme.my.salesforce.com", "http://127.0.0.1:9"),
    ],
)
def test_this_machine_and_salesforce_are_never_mixed_in_one_connection(instance_url: str, login_url: str) -> None:
    given = {"instance_url": instance_url, "login_url": login_url, "client_id": "id"}
    assert list(wrong_settings(given, SECRET)) == ["login_url"]
    with pytest.raises(RefusedInput):
        SIGN_IN.authorize(given, SECRET, BACK, "state", VERIFIER)


# ── refresh tokens ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_expired_session_is_refreshed_and_the_call_repeated(org: Org) -> None:
    settings, credentials = signed_in(org)
    target = org.connect(settings, credentials, RotatingKeeper())
    target.look_up(ASKED)
    org.admin("revoke", {})
    before = token_calls(org)
    target.look_up(ASKED)
    assert token_calls(org) == before + 1


def test_a_refresh_token_is_used_again_and_again_while_salesforce_gives_no_other(org: Org) -> None:
    settings, credentials = signed_in(org)
    keeper = RotatingKeeper()
    target = org.connect(settings, credentials, keeper)
    for _ in range(3):
        org.admin("revoke", {})
        target.look_up(ASKED)
    assert keeper.kept is not None
    assert keeper.kept.refresh_token == ""


def test_with_rotation_each_refresh_goes_by_the_token_that_the_last_one_brought(org: Org) -> None:
    org.admin("options", {"rotate_refresh_tokens": True})
    settings, credentials = signed_in(org)
    keeper = RotatingKeeper()
    seen = [credentials["refresh_token"]]
    for _ in range(3):
        org.connect(settings, credentials, keeper).look_up(ASKED)
        org.admin("revoke", {})
        assert keeper.kept is not None
        seen.append(keeper.kept.refresh_token)
    assert len(set(seen)) == 4


@pytest.mark.parametrize("rotating", [False, True])
def test_a_revoked_grant_is_one_problem_that_a_new_sign_in_mends(org: Org, rotating: bool) -> None:
    org.admin("options", {"rotate_refresh_tokens": rotating})
    settings, credentials = signed_in(org)
    target = org.connect(settings, credentials, RotatingKeeper())
    target.look_up(ASKED)
    org.admin("revoke_grants", {})
    with pytest.raises(TargetRefused) as caught:
        target.look_up(ASKED)
    problem = caught.value.problem
    assert problem.code == "sign_in_expired"
    assert problem.mended_by == (Mend.CONNECTION,)
    assert "contactsync connect" in problem.fix


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("invalid_grant", "expired access/refresh token", "sign_in_expired"),
        ("invalid_grant", "expired authorization code", "sign_in_expired"),
        ("invalid_grant", "", "sign_in_expired"),
        ("invalid_grant", "user hasn't approved this consumer", "sign_in_expired"),
        ("invalid_grant", "IP restricted", "sign_in_ip_restricted"),
        ("inactive_user", "user is inactive", "inactive_user"),
        ("inactive_org", "organization inactive", "inactive_org"),
        ("invalid_client", "invalid client credentials", "invalid_client"),
        ("invalid_client_id", "client identifier invalid", "invalid_client_id"),
    ],
)
def test_a_refused_refresh_says_what_to_do(org: Org, error: str, description: str, code: str) -> None:
    settings, credentials = signed_in(org)
    org.fault(do="status", status=400, body={"error": error, "error_description": description}, match=TOKENS)
    assert problem_of(lambda: org.connect(settings, credentials, RotatingKeeper()).look_up(ASKED)) == code


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (
            {
                "do": "status",
                "status": 403,
                "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
            },
            "daily_limit",
        ),
        (
            {
                "do": "status",
                "status": 400,
                "body": {"error": "invalid_grant", "error_description": "login rate exceeded"},
            },
            "sign_in_limit",
        ),
        ({"do": "html", "status": 503}, "sign_in_unavailable"),
        ({"do": "drop_before"}, "salesforce_unreachable"),
    ],
    ids=["403-array", "rate", "503", "dropped"],
)
def test_a_refresh_that_fails_in_passing_keeps_the_grant_and_works_the_next_time(
    org: Org, fault: dict[str, Any], code: str
) -> None:
    settings, credentials = signed_in(org)
    target = org.connect(settings, credentials, RotatingKeeper())
    org.fault(**fault, match=TOKENS)
    with pytest.raises(TargetUnavailable) as caught:
        target.look_up(ASKED)
    assert caught.value.problem is not None
    assert caught.value.problem.code == code
    assert target.look_up(ASKED).people == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "drop_before"},
        {"do": "html", "status": 503},
        {"do": "html", "status": 200},
        {"do": "status", "status": 400, "body": {"error": "invalid_grant", "error_description": "hush-hush"}},
        {"do": "status", "status": 200, "body": {"access_token": "hush-hush", "instance_url": "https://evil"}},
    ],
    ids=["dropped", "503", "no json", "refused", "evil"],
)
def test_no_failed_sign_in_carries_a_secret_in_its_exception_or_its_causes(org: Org, fault: dict[str, Any]) -> None:
    org.fault(**fault, match=TOKENS)
    given = {"client_id": "id", "login_url": org.standin.url}
    with pytest.raises((TargetRefused, TargetUnavailable)) as caught:
        SIGN_IN.redeem(given, {"client_secret": "hush-hush-1"}, BACK, "hush-hush-2", "hush-hush-3" * 5)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hush-hush" not in "".join(traceback.format_exception_only(error))
        assert "hush-hush" not in repr(getattr(error, "problem", ""))
        assert not isinstance(error, requests.RequestException)
        error = error.__cause__ or error.__context__


def test_a_token_and_its_refresh_token_are_never_shown() -> None:
    assert repr(Token("hush", "https://acme.my.salesforce.com", "hush")) == (
        "Token(instance_url='https://acme.my.salesforce.com')"
    )


def test_a_connection_by_browser_needs_its_refresh_token(org: Org) -> None:
    given = {"instance_url": org.standin.url, "client_id": "id", "flow": "web_server"}
    assert "contactsync connect" in wrong_settings(given, {})["refresh_token"]
    assert wrong_settings(given, {"refresh_token": "5Aep"}) == {}


def test_every_sign_in_problem_says_who_fixes_it_and_whether_it_comes_back() -> None:
    assert {known.code for known in SIGN_IN_PROBLEMS} >= {"sign_in_expired", "sign_in_ip_restricted", "invalid_client"}
    for known in SIGN_IN_PROBLEMS:
        assert known.cause.endswith((".", "!"))
        assert known.fix.endswith(".")
        assert known.comes_back is not bool(known.mended_by)
